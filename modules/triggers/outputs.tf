output "schedule_rule_name" {
  description = "Name of the rule that starts the pipeline by the clock; null without a schedule."
  value       = one(aws_cloudwatch_event_rule.schedule[*].name)
  depends_on  = [aws_cloudwatch_event_target.pipeline]
}
