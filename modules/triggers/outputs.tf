output "arrival_rule_name" {
  description = "Name of the rule that starts the routing of files that arrive; null without arrivals."
  value       = one(aws_cloudwatch_event_rule.arrival[*].name)
  depends_on  = [aws_cloudwatch_event_target.arrival, aws_s3_bucket_notification.this]
}

output "dead_letter_queue" {
  description = "The queue of events that could not be handled, arn and url; null without arrivals."
  value       = one([for queue in aws_sqs_queue.dead_letters : { arn = queue.arn, url = queue.url }])
}

output "schedule_rule_name" {
  description = "Name of the rule that starts the pipeline by the clock; null without a schedule."
  value       = one(aws_cloudwatch_event_rule.schedule[*].name)
  depends_on  = [aws_cloudwatch_event_target.pipeline]
}
