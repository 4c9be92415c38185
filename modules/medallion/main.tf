data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  # The name of the region by an attribute that the versions 5 and 6 of the provider both have, undeprecated.
  region = data.aws_region.current.id

  # Consoles of the partitions whose regions have no host of their own there.
  _consoles = { aws-cn = "https://console.amazonaws.cn", aws-us-gov = "https://console.amazonaws-us-gov.com" }

  # What every module needs to know of its surroundings.
  context = {
    # By way of the rules, so that nothing is planned while a variable is wrong. With depends_on, the account would be
    # unknown whenever something changes that a variable is made of.
    name        = length(module.rules) > 0 ? var.name : null
    account_id  = local.account_id
    partition   = local.partition
    region      = local.region
    console_url = lookup(local._consoles, local.partition, "https://${local.region}.console.aws.amazon.com")
    arn_format  = "arn:${local.partition}:%s:${local.region}:${local.account_id}:%s"
    tags        = merge({ project = var.name, managed-by = "terraform" }, var.tags)
  }

  # Datasets, with what they leave to defaults filled in.
  datasets = { for name, dataset in var.datasets : name => merge(dataset, {
    group    = coalesce(dataset.group, name)
    triggers = sort(dataset.triggers == null ? (dataset.source.type == "drop" ? ["event", "schedule"] : ["schedule"]) : dataset.triggers)
  }) }
  # Sources that are fetched, by dataset.
  http_sources        = { for name, dataset in local.datasets : name => dataset.source if dataset.source.type == "http" }
  event_dataset_names = sort([for name, dataset in local.datasets : name if contains(dataset.triggers, "event")])
  # What handles files that arrive is there only if a dataset wants it.
  arrivals = length(local.event_dataset_names) > 0

  bucket_name = coalesce(var.bucket_name, "${local.context.name}-${local.account_id}-${local.region}")

  _object_size = { "--max-object-mebibytes" = tostring(var.jobs.max_object_mebibytes) }
  # For DuckDB, of 16 GB a DPU: Python and Arrow need the rest. What the job sees of the machine may be more.
  _shell_memory = { for job in ["model", "transform"] : job => { "--memory-mb" = tostring(floor(var.jobs["${job}_dpu"] * 6400)) } }
  # The same in the driver of a Spark job, by worker type: its heap takes most of the worker.
  _driver_memory = { for type in local.spark_worker_types : type => { "--memory-mb" = tostring(tonumber(regex("[0-9]+", type)) * 2000) } }

  _on_spark = var.jobs.runtime == "spark"
  _memory   = { for job, memory in local._shell_memory : job => local._on_spark ? local._driver_memory["G.1X"] : memory }
  # The jobs whose work DuckDB does. Of a job that is no stream, Glue Spark takes nothing less than two of these workers.
  duckdb_jobs = { for job in ["ingest", "model", "transform"] : job => {
    arguments = job == "ingest" ? {} : merge(local._memory[job], local._object_size)
    dpu       = local._on_spark ? null : var.jobs["${job}_dpu"]
    spark     = local._on_spark ? { worker_type = "G.1X", workers = 2 } : null
  } }

  _spark_engines = {
    model-spark     = [for model in local.models : model.engine]
    transform-spark = [for dataset in var.datasets : dataset.engine]
  }
  # Jobs that nothing asks for are not there.
  spark_jobs = { for job, engines in local._spark_engines : job => {
    arguments = merge(job == "model-spark" ? lookup(local._driver_memory, var.jobs.spark_worker_type, {}) : {}, local._object_size)
    spark     = { worker_type = var.jobs.spark_worker_type, workers = var.jobs.spark_max_workers }
  } if contains(engines, "spark") }
}

module "storage" {
  source = "../storage"

  context         = local.context
  bucket_name     = local.bucket_name
  force_destroy   = var.force_destroy
  kms_key_arn     = var.kms_key_arn
  lifecycle_rules = var.lifecycle_rules
}

module "jobs" {
  source = "../jobs"

  context             = local.context
  bucket              = module.storage.bucket
  code_directory      = "${local.repository}/jobs"
  jobs                = merge(local.duckdb_jobs, local.spark_jobs)
  max_concurrent_runs = var.jobs.max_concurrent_runs
  timeout_minutes     = var.jobs.timeout_minutes
  kms_key_arn         = var.kms_key_arn
  fetches             = length(local.http_sources) > 0
  secret_names        = distinct(compact(values(local.http_sources)[*].secret))

  security_configuration = module.storage.security_configuration
}

module "catalog" {
  source = "../catalog"

  context              = local.context
  bucket               = module.storage.bucket
  catalog_kms_key_arn  = var.catalog_kms_key_arn
  database_prefix      = var.database_prefix
  datasets             = local.datasets
  force_destroy        = var.force_destroy
  kms_key_arn          = var.kms_key_arn
  lake_formation       = var.lake_formation
  models               = local.models
  models_directory     = local.models_directory
  scan_limit_mebibytes = var.athena_scan_limit_mebibytes
  stages               = var.stages

  security_configuration = module.storage.security_configuration
}

module "monitoring" {
  source = "../monitoring"

  context             = local.context
  arrivals            = local.arrivals
  crawler_names       = compact(values(module.catalog.crawler_names))
  dashboard           = var.monitoring.dashboard
  freshness_hours     = var.monitoring.freshness_hours
  job_names           = values(module.jobs.names)
  kms_key_arn         = var.kms_key_arn
  log_resource_policy = var.monitoring.log_resource_policy
  log_retention_days  = var.log_retention_days
  machines            = concat(["batch", "check", "crawl", "dataset", "model", "notify", "pipeline"], local.arrivals ? ["arrival"] : [])
  notification_emails = var.notification_emails
  workgroup_name      = module.catalog.workgroup_name
}

module "workflow" {
  source = "../workflow"

  context                = local.context
  arrival_window_seconds = var.arrival_window_seconds
  arrivals               = local.arrivals
  bucket                 = module.storage.bucket
  catalog_kms_key_arn    = var.catalog_kms_key_arn
  crawler_names          = module.catalog.crawler_names
  database_names         = module.catalog.database_names
  dead_letter_queue      = module.triggers.dead_letter_queue
  definition_directory   = "${local.repository}/asl"
  # On Glue 5.1, what a script writes to stderr is here: the error group has the log of Spark.
  duckdb_log_group    = local._on_spark ? "/aws-glue/jobs/output" : "/aws-glue/python-jobs/error"
  job_names           = module.jobs.names
  job_timeout_minutes = var.jobs.timeout_minutes
  kms_key_arn         = var.kms_key_arn
  lake_formation      = var.lake_formation
  log_group_arns      = module.monitoring.log_group_arns
  success_mails       = var.monitoring.success_mails
  topic_arn           = module.monitoring.topic_arn
  workgroup_name      = module.catalog.workgroup_name
}

module "triggers" {
  source = "../triggers"

  context             = local.context
  arrival_arn         = module.workflow.arrival_arn
  arrivals            = local.arrivals
  bucket              = module.storage.bucket
  kms_key_arn         = var.kms_key_arn
  pipeline_arn        = module.workflow.pipeline_arn
  schedule_expression = var.schedule_expression
}
