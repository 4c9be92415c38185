output "alarm_names" {
  description = "Names of the alarms, sorted."
  value       = local.alarm_names
  depends_on  = [aws_cloudwatch_metric_alarm.run_failed, aws_cloudwatch_metric_alarm.this]
}

output "dashboard_name" {
  description = "Name of the dashboard; null without one."
  value       = one(aws_cloudwatch_dashboard.this[*].dashboard_name)
}

output "log_group_arns" {
  description = "ARNs of the log groups by state machine."
  value       = { for machine, group in aws_cloudwatch_log_group.machine : machine => group.arn }
}

output "topic_arn" {
  description = "ARN of the SNS topic of run results, approvals and alarms, once its policy is in force."
  value       = aws_sns_topic.notifications.arn
  depends_on  = [aws_sns_topic_policy.notifications]
}
