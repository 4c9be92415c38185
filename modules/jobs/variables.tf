variable "bucket" {
  description = "The bucket of the lake: name and arn."
  type = object({
    name = string
    arn  = string
  })
  nullable = false
}

variable "code_directory" {
  description = "Folder of the job scripts (<job>.py), the package medallion that they share, bootstrap.py and requirements.txt."
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

variable "fetches" {
  description = "Whether a dataset is fetched over HTTP: the ingest job then remembers what it fetched."
  type        = bool
  default     = false
  nullable    = false
}

variable "jobs" {
  description = "The jobs: ingest, transform and model, whose work DuckDB does, and their twins transform-spark and model-spark, whose work Spark does. Fields: dpu (0.0625 or 1) of a job in a Python shell, or spark (worker_type and workers, at least 2) of a job on Glue Spark, which twins are; and arguments (default none), such as --memory-mb."
  type = map(object({
    arguments = optional(map(string), {})
    dpu       = optional(number)
    spark = optional(object({
      worker_type = string
      workers     = number
    }))
  }))
  nullable = false

  validation {
    condition     = alltrue([for settings in values(var.jobs) : (settings.dpu == null) != (settings.spark == null)])
    error_message = "A job has dpu or spark; ${join(", ", [for job, settings in var.jobs : "${job} has ${settings.dpu == null ? "neither" : "both"}" if(settings.dpu == null) == (settings.spark == null)])}. Give each the one or the other."
  }

  validation {
    condition     = alltrue([for job, settings in var.jobs : settings.spark != null if endswith(job, "-spark")])
    error_message = "${join(", ", [for job, settings in var.jobs : job if endswith(job, "-spark") && settings.spark == null])} has no spark, and Spark does the work of a job whose name ends in -spark. Give it spark."
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

variable "secret_names" {
  description = "Names of the secrets in Secrets Manager that the ingest job sends to the servers of its datasets."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "security_configuration" {
  description = "Name of Glue's security configuration. Null: none."
  type        = string
  default     = null
}

variable "timeout_minutes" {
  description = "Minutes after which Glue ends a run."
  type        = number
  nullable    = false
}
