variable "bucket" {
  description = "The bucket of the lake: name and arn."
  type = object({
    name = string
    arn  = string
  })
  nullable = false
}

variable "code_directory" {
  description = "Folder of the job scripts (<job>.py), the modules that they share, and requirements.txt."
  type        = string
  nullable    = false
}

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

variable "jobs" {
  description = "The jobs, ingest and transform, with what differs between them: dpu (0.0625 or 1) and arguments (default none), such as --memory-mb."
  type = map(object({
    dpu       = number
    arguments = optional(map(string), {})
  }))
  nullable = false
}

variable "kms_key_arn" {
  description = "ARN of the key of the bucket. Null: the bucket has no key of its own."
  type        = string
  default     = null
}

variable "max_concurrent_runs" {
  description = "Runs of each job that Glue allows at the same time."
  type        = number
  nullable    = false
}

variable "timeout_minutes" {
  description = "Minutes after which Glue ends a run."
  type        = number
  nullable    = false
}
