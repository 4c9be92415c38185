output "log_group_arns" {
  description = "ARNs of the log groups by state machine."
  value       = { for machine, group in aws_cloudwatch_log_group.machine : machine => group.arn }
}

output "topic_arn" {
  description = "ARN of the SNS topic of run results, once its policy is in force."
  value       = aws_sns_topic.notifications.arn
  depends_on  = [aws_sns_topic_policy.notifications]
}
