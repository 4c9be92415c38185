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

variable "log_retention_days" {
  description = "Days that the logs of the state machines are kept."
  type        = number
  nullable    = false
}

variable "machines" {
  description = "State machines, without the name's prefix, that need a log group."
  type        = list(string)
  nullable    = false
}

variable "notification_emails" {
  description = "Addresses that get the results of the runs by mail, once they confirm."
  type        = list(string)
  default     = []
  nullable    = false
}
