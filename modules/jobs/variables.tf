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

variable "jobs" {
  description = "The jobs: ingest, transform and model in a Python shell, and transform-spark and model-spark on Spark. Fields: dpu (0.0625 or 1) of a Python shell job, spark (worker_type and max_workers) of a Spark job, and arguments (default none), such as --memory-mb."
  type = map(object({
    arguments = optional(map(string), {})
    dpu       = optional(number)
    spark = optional(object({
      max_workers = number
      worker_type = string
    }))
  }))
  nullable = false

  validation {
    condition     = alltrue([for job, settings in var.jobs : (settings.dpu == null) != (settings.spark == null) && endswith(job, "-spark") == (settings.spark != null)])
    error_message = "A job has dpu, or spark if its name ends in -spark; found otherwise: ${join(", ", [for job, settings in var.jobs : job if !((settings.dpu == null) != (settings.spark == null) && endswith(job, "-spark") == (settings.spark != null))])}. Give each the one or the other."
  }
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
