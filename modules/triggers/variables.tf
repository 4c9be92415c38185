variable "arrival_arn" {
  description = "ARN of the state machine that routes files that arrive. Null: there is none."
  type        = string
  default     = null
}

variable "arrivals" {
  description = "Whether files that arrive start runs; if not, nothing of it is made."
  type        = bool
  default     = false
  nullable    = false
}

variable "bucket" {
  description = "The bucket of the lake, once it is private: name and arn."
  type = object({
    name = string
    arn  = string
  })
  nullable = false
}

variable "context" {
  description = "Where the module is deployed: name (prefix of all names), account_id, partition, region, arn_format, a format string that takes the service and the rest of an ARN, and tags of all resources that take any (default none)."
  type = object({
    name       = string
    account_id = string
    partition  = string
    region     = string
    arn_format = string
    tags       = optional(map(string), {})
  })
  nullable = false
}

variable "kms_key_arn" {
  description = "ARN of the key of the queue, whose policy has to let EventBridge use it. Null: a key of SQS."
  type        = string
  default     = null
}

variable "pipeline_arn" {
  description = "ARN of the state machine that the schedule starts."
  type        = string
  nullable    = false
}

variable "schedule_expression" {
  description = "When the pipeline runs: an EventBridge cron(...) or rate(...) expression, in UTC. Null: never by the clock."
  type        = string
  default     = null
}
