output "arrival_arn" {
  description = "ARN of the state machine that routes files that arrive; null without arrivals."
  value       = one(aws_sfn_state_machine.arrival[*].arn)
}

output "crawl_arn" {
  description = "ARN of the state machine that runs one crawler to its end."
  value       = aws_sfn_state_machine.part["crawl"].arn
}

output "pipeline_arn" {
  description = "ARN of the state machine that runs the whole pipeline."
  value       = aws_sfn_state_machine.pipeline.arn
}
