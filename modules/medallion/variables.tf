variable "arrival_window_seconds" {
  description = "How long files that arrive are gathered before a run takes them: a run begins when its window of this length ends, and all files of a group of datasets that arrive within one window share it. Whole seconds from 5 to 3600. Default: 60."
  type        = number
  default     = 60
  nullable    = false
}

variable "athena_scan_limit_mebibytes" {
  description = "Largest amount of data, in MiB (1,048,576 bytes), that one query in the workgroup may scan before Athena ends it; at least 10. Default: 10240."
  type        = number
  default     = 10240
  nullable    = false
}

variable "bucket_name" {
  description = "Name of the bucket, which cannot be changed later. Default: null, which makes it <name>-<account id>-<region>."
  type        = string
  default     = null
}

variable "catalog_kms_key_arn" {
  description = "ARN of the KMS key that the account's Glue Data Catalog is encrypted with, which crawlers and checks may then use; whoever else queries needs it too. Default: null, for a catalog that is not encrypted, or with a key of AWS."
  type        = string
  default     = null
}

variable "database_prefix" {
  description = "Prefix of the Glue databases, which are named <prefix>_raw, <prefix>_processed and <prefix>_analytics: lower-case letters, digits and _. Default: workshop."
  type        = string
  default     = "workshop"
  nullable    = false
}

variable "force_destroy" {
  description = "Whether terraform destroy also deletes the data in the bucket and the queries in the workgroup. Default: false, which makes destroy fail while the bucket holds anything."
  type        = bool
  default     = false
  nullable    = false
}

variable "jobs" {
  description = "Settings of the Glue jobs. Fields: runtime, which runs the jobs that DuckDB does the work of (python_shell, a Python shell, or spark, two G.1X workers of Glue 5.1 with Python 3.11; default python_shell), ingest_dpu, transform_dpu and model_dpu of these jobs in a Python shell (0.0625, about 1 GB of memory, or 1, about 16 GB; default 0.0625; without effect on spark), spark_worker_type (G.1X, 16 GB of memory, G.2X, G.4X or G.8X; default G.1X) and spark_max_workers (up to which a Spark job scales, from 2; default 10) for the datasets and models whose engine is spark, max_object_mebibytes (size in MiB beyond which a partition is written as several objects, 16 to 5120; default 512), max_concurrent_runs of each job (1 to 1000; default 20, as many datasets as the pipeline runs at once) and timeout_minutes of each run (1 to 1440; default 60). Default: {}."
  type = object({
    ingest_dpu           = optional(number, 0.0625)
    max_concurrent_runs  = optional(number, 20)
    max_object_mebibytes = optional(number, 512)
    model_dpu            = optional(number, 0.0625)
    runtime              = optional(string, "python_shell")
    spark_max_workers    = optional(number, 10)
    spark_worker_type    = optional(string, "G.1X")
    timeout_minutes      = optional(number, 60)
    transform_dpu        = optional(number, 0.0625)
  })
  default  = {}
  nullable = false
}

variable "kms_key_arn" {
  description = "ARN of a KMS key that encrypts the bucket, the results of queries, the topic, the queue and all logs. It has to be there before, with a policy that lets AWS's services use it (docs/encryption.md). Default: null, which leaves it to keys of AWS."
  type        = string
  default     = null
}

variable "lake_formation" {
  description = "Whether Lake Formation governs the databases or the bucket: crawlers and checks may then ask it for access to data. What its administrator has to grant them stands in docs/encryption.md. Default: false."
  type        = bool
  default     = false
  nullable    = false
}

variable "lifecycle_rules" {
  description = "Days after which objects of the bucket go; data in raw, processed and archive never does. Fields: athena_results_days (default 30), incomplete_upload_days (default 7), noncurrent_version_days (default 30), quarantine_days (default null, which keeps it) and runs_days (default 365). Default: {}. Null leaves all rules out."
  type = object({
    athena_results_days     = optional(number, 30)
    incomplete_upload_days  = optional(number, 7)
    noncurrent_version_days = optional(number, 30)
    quarantine_days         = optional(number)
    runs_days               = optional(number, 365)
  })
  default = {}
}

variable "log_retention_days" {
  description = "Days that the logs of the state machines are kept, one of the numbers that CloudWatch knows (1, 3, 5, 7, 14, 30, 60, 90, …, 3653). Default: 30."
  type        = number
  default     = 30
  nullable    = false
}

variable "monitoring" {
  description = "What is watched and told. Fields: freshness_hours (an alarm when no run has succeeded for that long, whole hours from 1 to 168; default null: no such alarm), success_mails (whether runs that succeed are told by mail too; default true), dashboard (whether there is a CloudWatch dashboard; default true) and log_resource_policy (whether there is a log resource policy that lets EventBridge write to /aws/events/<name>; default true. CloudWatch holds ten of them an account and region: with many deployments, set it to false, once the account has a policy of its own that lets delivery.logs.amazonaws.com and events.amazonaws.com write to /aws/events/*). Default: {}."
  type = object({
    dashboard           = optional(bool, true)
    freshness_hours     = optional(number)
    log_resource_policy = optional(bool, true)
    success_mails       = optional(bool, true)
  })
  default  = {}
  nullable = false
}

variable "name" {
  description = "Name of this deployment, with which the names of its resources begin: lower-case letters, digits and hyphens. Default: medallion."
  type        = string
  default     = "medallion"
  nullable    = false
}

variable "notification_emails" {
  description = "Mail addresses that are told how each run ended, what waits for approval and what alarms ring; each has to confirm a mail from AWS first. Default: none."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "schedule_expression" {
  description = "When the pipeline runs over the datasets that have the trigger schedule: an EventBridge cron(minute hour day-of-month month day-of-week year) or rate(value unit) expression, in UTC. Default: cron(0 3 * * ? *), every day at 3:00. Null: never by the clock."
  type        = string
  default     = "cron(0 3 * * ? *)"
}

variable "tags" {
  description = "Tags of all resources but the objects in the bucket, besides project (the name) and managed-by. Default: none."
  type        = map(string)
  default     = {}
  nullable    = false
}
