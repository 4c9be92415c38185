variable "arrival_window_seconds" {
  description = "How long files that arrive are gathered before a run takes them: a run begins when its window of this length ends, and all files of a group of datasets that arrive within one window share it. Whole seconds from 5 to 3600. Default: 60."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.arrival_window_seconds >= 5 && var.arrival_window_seconds <= 3600 && floor(var.arrival_window_seconds) == var.arrival_window_seconds
    error_message = "arrival_window_seconds is ${var.arrival_window_seconds}; allowed are whole seconds from 5 to 3600 (an hour). Correct it."
  }
}

variable "athena_scan_limit_mebibytes" {
  description = "Largest amount of data, in MiB (1,048,576 bytes), that one query in the workgroup may scan before Athena ends it; at least 10. Default: 10240."
  type        = number
  default     = 10240
  nullable    = false

  validation {
    condition     = var.athena_scan_limit_mebibytes >= 10 && floor(var.athena_scan_limit_mebibytes) == var.athena_scan_limit_mebibytes
    error_message = "athena_scan_limit_mebibytes is ${var.athena_scan_limit_mebibytes}; Athena takes whole numbers from 10. Raise it to 10 at least."
  }
}

variable "bucket_name" {
  description = "Name of the bucket, which cannot be changed later. Default: null, which makes it <name>-<account id>-<region>."
  type        = string
  default     = null

  validation {
    condition     = var.bucket_name == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", coalesce(var.bucket_name, "-")))
    error_message = "bucket_name is '${coalesce(var.bucket_name, "null")}'; allowed are 3 to 63 lower-case letters, digits and hyphens, with no hyphen at either end. Choose another name, or leave it null."
  }
}

variable "catalog_kms_key_arn" {
  description = "ARN of the KMS key that the account's Glue Data Catalog is encrypted with, which crawlers and checks may then use; whoever else queries needs it too. Default: null, for a catalog that is not encrypted, or with a key of AWS."
  type        = string
  default     = null

  validation {
    condition     = var.catalog_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", coalesce(var.catalog_kms_key_arn, "-")))
    error_message = "catalog_kms_key_arn is '${coalesce(var.catalog_kms_key_arn, "null")}'; it must be the ARN of a key (arn:aws:kms:<region>:<account>:key/<id>): policies cannot name an alias. Look it up with: aws kms describe-key."
  }
}

variable "database_prefix" {
  description = "Prefix of the Glue databases, which are named <prefix>_raw, <prefix>_processed and <prefix>_analytics: lower-case letters, digits and _. Default: workshop."
  type        = string
  default     = "workshop"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,99}$", var.database_prefix))
    error_message = "database_prefix is '${var.database_prefix}'; allowed are a lower-case letter and then up to 99 lower-case letters, digits and _. Choose another prefix."
  }
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

  validation {
    condition     = alltrue([for field in ["ingest_dpu", "model_dpu", "transform_dpu"] : contains(local.dpu_choices, var.jobs[field])])
    error_message = join(" ", [for field in ["ingest_dpu", "model_dpu", "transform_dpu"] : "jobs.${field} is ${var.jobs[field]}; a Python shell job has ${join(" or ", local.dpu_choices)} DPU. Choose one of the two." if !contains(local.dpu_choices, var.jobs[field])])
  }

  validation {
    condition     = contains(local.runtimes, var.jobs.runtime)
    error_message = "jobs.runtime is '${var.jobs.runtime}'; allowed are ${join(", ", local.runtimes)}. Choose one of them."
  }

  validation {
    condition     = contains(local.spark_worker_types, var.jobs.spark_worker_type)
    error_message = "jobs.spark_worker_type is '${var.jobs.spark_worker_type}'; allowed are ${join(", ", local.spark_worker_types)}. Choose one of them."
  }

  validation {
    condition     = var.jobs.spark_max_workers >= 2 && floor(var.jobs.spark_max_workers) == var.jobs.spark_max_workers
    error_message = "jobs.spark_max_workers is ${var.jobs.spark_max_workers}; allowed are whole numbers from 2, a driver and an executor. Correct it."
  }

  validation {
    # 5 GiB is what S3 copies at one stroke, and so what can be put in a reader's sight at one.
    condition     = var.jobs.max_object_mebibytes >= 16 && var.jobs.max_object_mebibytes <= 5120 && floor(var.jobs.max_object_mebibytes) == var.jobs.max_object_mebibytes
    error_message = "jobs.max_object_mebibytes is ${var.jobs.max_object_mebibytes}; allowed are whole numbers from 16 to 5120 (5 GiB). Correct it."
  }

  validation {
    condition     = var.jobs.max_concurrent_runs >= 1 && var.jobs.max_concurrent_runs <= 1000 && floor(var.jobs.max_concurrent_runs) == var.jobs.max_concurrent_runs
    error_message = "jobs.max_concurrent_runs is ${var.jobs.max_concurrent_runs}; allowed are whole numbers from 1 to 1000. Correct it."
  }

  validation {
    condition     = var.jobs.timeout_minutes >= 1 && var.jobs.timeout_minutes <= 1440 && floor(var.jobs.timeout_minutes) == var.jobs.timeout_minutes
    error_message = "jobs.timeout_minutes is ${var.jobs.timeout_minutes}; allowed are whole minutes from 1 to 1440 (a day). Correct it."
  }
}

variable "kms_key_arn" {
  description = "ARN of a KMS key that encrypts the bucket, the results of queries, the topic, the queue and all logs. It has to be there before, with a policy that lets AWS's services use it (docs/encryption.md). Default: null, which leaves it to keys of AWS."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", coalesce(var.kms_key_arn, "-")))
    error_message = "kms_key_arn is '${coalesce(var.kms_key_arn, "null")}'; it must be the ARN of a key (arn:aws:kms:<region>:<account>:key/<id>): policies cannot name an alias. Look it up with: aws kms describe-key."
  }
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

  validation {
    condition     = var.lifecycle_rules == null || alltrue([for days in try(values(var.lifecycle_rules), []) : days == null || try(days >= 1 && floor(days) == days, false)])
    error_message = join(" ", [for field, days in(var.lifecycle_rules == null ? {} : var.lifecycle_rules) : "lifecycle_rules.${field} is ${coalesce(days, 0)}; allowed are whole days from 1. Correct it." if days != null && !try(days >= 1 && floor(days) == days, false)])
  }
}

variable "log_retention_days" {
  description = "Days that the logs of the state machines are kept, one of the numbers that CloudWatch knows (1, 3, 5, 7, 14, 30, 60, 90, …, 3653). Default: 30."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains(local.log_retention_choices, var.log_retention_days)
    error_message = "log_retention_days is ${var.log_retention_days}; CloudWatch knows only ${join(", ", local.log_retention_choices)}. Choose one of them."
  }
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

  validation {
    # CloudWatch looks back over seven days at most.
    condition     = try(var.monitoring.freshness_hours >= 1 && var.monitoring.freshness_hours <= 168 && floor(var.monitoring.freshness_hours) == var.monitoring.freshness_hours, true)
    error_message = "monitoring.freshness_hours is ${coalesce(var.monitoring.freshness_hours, 0)}; allowed are whole hours from 1 to 168 (a week), or null for no such alarm. Correct it."
  }
}

variable "name" {
  description = "Name of this deployment, with which the names of its resources begin: lower-case letters, digits and hyphens. Default: medallion."
  type        = string
  default     = "medallion"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]*[a-z0-9])?$", var.name))
    error_message = "name is '${var.name}'; allowed are lower-case letters, digits and hyphens, a letter first and no hyphen last. Choose another name."
  }

  validation {
    condition     = length("${var.name}-transform-spark-job") <= 64
    error_message = "name is '${var.name}', ${length(var.name)} characters long; the role ${var.name}-transform-spark-job must not exceed 64. Use ${64 - length("-transform-spark-job")} characters at most."
  }
}

variable "notification_emails" {
  description = "Mail addresses that are told how each run ended, what waits for approval and what alarms ring; each has to confirm a mail from AWS first. Default: none."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.notification_emails : can(regex(local.email_pattern, address))])
    error_message = "notification_emails holds '${join("', '", [for address in var.notification_emails : address if !can(regex(local.email_pattern, address))])}', which is no mail address. Write it as name@example.com."
  }

  validation {
    condition     = length(distinct(var.notification_emails)) == length(var.notification_emails)
    error_message = "notification_emails holds an address twice: ${join(", ", var.notification_emails)}. Name each once."
  }
}

variable "schedule_expression" {
  description = "When the pipeline runs over the datasets that have the trigger schedule: an EventBridge cron(minute hour day-of-month month day-of-week year) or rate(value unit) expression, in UTC. Default: cron(0 3 * * ? *), every day at 3:00. Null: never by the clock."
  type        = string
  default     = "cron(0 3 * * ? *)"

  validation {
    condition     = var.schedule_expression == null || can(regex("^(cron|rate)\\(.*\\)$", coalesce(var.schedule_expression, "-")))
    error_message = "schedule_expression is '${coalesce(var.schedule_expression, "null")}'; allowed are cron(…) and rate(…), such as cron(0 3 * * ? *) or rate(12 hours), or null. Rewrite it."
  }

  validation {
    condition     = !startswith(coalesce(var.schedule_expression, "-"), "cron(") || length(compact(split(" ", trimsuffix(trimprefix(coalesce(var.schedule_expression, "-"), "cron("), ")")))) == 6
    error_message = "schedule_expression is '${coalesce(var.schedule_expression, "null")}' with ${length(compact(split(" ", trimsuffix(trimprefix(coalesce(var.schedule_expression, "-"), "cron("), ")"))))} fields; EventBridge wants six: minute, hour, day of month, month, day of week, year (Unix has five). Every day at 3:00 is cron(0 3 * * ? *)."
  }

  validation {
    condition     = length(compact(split(" ", trimsuffix(trimprefix(coalesce(var.schedule_expression, "-"), "cron("), ")")))) != 6 || alltrue([for i, field in local.cron_fields : can(regex(field.pattern, try(compact(split(" ", trimsuffix(trimprefix(coalesce(var.schedule_expression, "-"), "cron("), ")")))[i], "")))])
    error_message = "schedule_expression is '${coalesce(var.schedule_expression, "null")}': ${join("; ", [for i, field in local.cron_fields : "${field.name} is '${try(compact(split(" ", trimsuffix(trimprefix(coalesce(var.schedule_expression, "-"), "cron("), ")")))[i], "")}', allowed are ${field.allowed}" if !can(regex(field.pattern, try(compact(split(" ", trimsuffix(trimprefix(coalesce(var.schedule_expression, "-"), "cron("), ")")))[i], "")))])}. Correct it."
  }

  validation {
    condition     = length(compact(split(" ", trimsuffix(trimprefix(coalesce(var.schedule_expression, "-"), "cron("), ")")))) != 6 || length([for i in [2, 4] : i if try(compact(split(" ", trimsuffix(trimprefix(coalesce(var.schedule_expression, "-"), "cron("), ")")))[i], "") == "?"]) == 1
    error_message = "schedule_expression is '${coalesce(var.schedule_expression, "null")}'; exactly one of day of month (third field) and day of week (fifth field) must be ?. Put ? where any day will do: cron(0 3 * * ? *)."
  }

  validation {
    condition     = !startswith(coalesce(var.schedule_expression, "-"), "rate(") || can(regex(local.rate_pattern, var.schedule_expression))
    error_message = "schedule_expression is '${coalesce(var.schedule_expression, "null")}'; a rate is rate(1 minute), rate(1 hour), rate(1 day), or a whole number above 1 with minutes, hours or days. Rewrite it."
  }

  validation {
    condition     = var.schedule_expression == null || length(var.datasets) == 0 || anytrue([for dataset in var.datasets : try(contains(dataset.triggers, "schedule"), true)])
    error_message = "schedule_expression is '${coalesce(var.schedule_expression, "null")}', but no dataset has the trigger schedule, so that its runs would have nothing to do. Set it to null, or add schedule to the triggers of a dataset (of ${join(", ", keys(var.datasets))})."
  }
}

variable "tags" {
  description = "Tags of all resources but the objects in the bucket, besides project (the name) and managed-by. Default: none."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:") && length(key) >= 1 && length(key) <= 128])
    error_message = "tags holds the key '${join("', '", [for key in keys(var.tags) : key if startswith(lower(key), "aws:") || length(key) < 1 || length(key) > 128])}'; a key has 1 to 128 characters and does not begin with aws:. Rename it."
  }

  validation {
    condition     = alltrue([for value in values(var.tags) : length(value) <= 256])
    error_message = "tags holds a value of more than 256 characters under '${join("', '", [for key, value in var.tags : key if length(value) > 256])}'. Shorten it."
  }
}
