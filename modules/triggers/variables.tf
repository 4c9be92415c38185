variable "context" {
  description = "Where the module is deployed: name (prefix of all names), account_id, partition, region, and arn_format, a format string that takes the service and the rest of an ARN."
  type = object({
    name       = string
    account_id = string
    partition  = string
    region     = string
    arn_format = string
  })
  nullable = false
}

variable "pipeline_arn" {
  description = "ARN of the state machine that the schedule starts."
  type        = string
  nullable    = false
}

variable "schedule_expression" {
  description = "When the pipeline runs: an EventBridge cron(...) or rate(...) expression, in UTC. Null: only by hand."
  type        = string
  default     = null
}
