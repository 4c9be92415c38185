variable "arrivals" {
  description = "Whether files that arrive start runs; if not, nothing watches them."
  type        = bool
  default     = false
  nullable    = false
}

variable "context" {
  description = "Where the module is deployed: name (prefix of all names), account_id, partition, region, console_url (of AWS's console), arn_format, a format string that takes the service and the rest of an ARN, and tags of all resources that take any (default none)."
  type = object({
    name        = string
    account_id  = string
    partition   = string
    region      = string
    console_url = string
    arn_format  = string
    tags        = optional(map(string), {})
  })
  nullable = false
}

variable "crawler_names" {
  description = "Names of the crawlers whose failures are told."
  type        = list(string)
  nullable    = false
}

variable "dashboard" {
  description = "Whether there is a dashboard."
  type        = bool
  default     = true
  nullable    = false
}

variable "freshness_hours" {
  description = "Hours without a run that succeeded, after which an alarm rings. Null: no such alarm."
  type        = number
  default     = null
}

variable "job_names" {
  description = "Names of the Glue jobs whose failures are told."
  type        = list(string)
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of the key of the topic and the log groups, whose policy has to let CloudWatch Logs, EventBridge and CloudWatch use it. Null: none of their own."
  type        = string
  default     = null
}

variable "log_resource_policy" {
  description = "Whether there is a log resource policy that lets EventBridge write to the log group of failures; if not, the account has to have one."
  type        = bool
  default     = true
  nullable    = false
}

variable "log_retention_days" {
  description = "Days that the logs of the state machines and of failures are kept."
  type        = number
  nullable    = false
}

variable "machines" {
  description = "State machines, without the name's prefix, that need a log group."
  type        = list(string)
  nullable    = false
}

variable "notification_emails" {
  description = "Addresses that are told by mail how runs ended and what alarms ring, once they confirm."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "workgroup_name" {
  description = "Name of the Athena workgroup whose queries the dashboard shows."
  type        = string
  nullable    = false
}
