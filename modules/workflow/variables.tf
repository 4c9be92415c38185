variable "arrival_window_seconds" {
  description = "Length of the windows of time in which files that arrive share a run."
  type        = number
  nullable    = false
}

variable "arrivals" {
  description = "Whether files that arrive start runs; if not, there is no state machine that routes them."
  type        = bool
  default     = false
  nullable    = false
}

variable "bucket" {
  description = "The bucket of the lake: name and arn."
  type = object({
    name = string
    arn  = string
  })
  nullable = false
}

variable "catalog_kms_key_arn" {
  description = "ARN of the key of the account's Data Catalog. Null: it is not encrypted, or with a key of AWS."
  type        = string
  default     = null
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
  description = "Names of the crawlers by layer: raw, processed, and analytics if there are models."
  type = object({
    analytics = optional(string)
    processed = string
    raw       = string
  })
  nullable = false
}

variable "database_names" {
  description = "Names of the databases by layer: raw, processed, analytics."
  type = object({
    analytics = string
    processed = string
    raw       = string
  })
  nullable = false
}

variable "dead_letter_queue" {
  description = "The queue of events that could not be handled, arn and url. Null: files that arrive start no run."
  type = object({
    arn = string
    url = string
  })
  default = null
}

variable "definition_directory" {
  description = "Folder of the state machines' definitions, <machine>.asl.json."
  type        = string
  nullable    = false
}

variable "duckdb_log_group" {
  description = "Log group of the jobs whose engine is DuckDB, as mails name it."
  type        = string
  default     = "/aws-glue/python-jobs/error"
  nullable    = false
}

variable "job_names" {
  description = "Names of the Glue jobs: ingest, transform, model, and transform-spark and model-spark if they exist."
  type        = map(string)
  nullable    = false
}

variable "job_timeout_minutes" {
  description = "Minutes after which Glue ends a job run."
  type        = number
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of the key of the bucket, the topic and the queue. Null: none of their own."
  type        = string
  default     = null
}

variable "lake_formation" {
  description = "Whether Lake Formation governs the catalog or the bucket."
  type        = bool
  default     = false
  nullable    = false
}

variable "log_group_arns" {
  description = "ARNs of the log groups by state machine: batch, check, crawl, dataset, model, notify, pipeline, and arrival if there is one."
  type        = map(string)
  nullable    = false
}

variable "success_mails" {
  description = "Whether runs that succeed are told by mail."
  type        = bool
  nullable    = false
}

variable "topic_arn" {
  description = "ARN of the SNS topic that is told how a run ended, and what waits for approval."
  type        = string
  nullable    = false
}

variable "workgroup_name" {
  description = "Name of the Athena workgroup in which the checks run."
  type        = string
  nullable    = false
}
