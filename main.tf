provider "aws" {
  region = var.region

  default_tags {
    tags = merge({ project = var.name, managed-by = "terraform" }, var.tags)
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  # What every module needs to know of its surroundings.
  context = {
    name       = var.name
    account_id = local.account_id
    partition  = local.partition
    region     = var.region
    arn_format = "arn:${local.partition}:%s:${var.region}:${local.account_id}:%s"
  }
  bucket_name = coalesce(var.bucket_name, "${var.name}-${local.account_id}-${var.region}")
}

module "storage" {
  source = "./modules/storage"

  context         = local.context
  bucket_name     = local.bucket_name
  force_destroy   = var.force_destroy
  kms_key_arn     = var.kms_key_arn
  lifecycle_rules = var.lifecycle_rules
}

module "jobs" {
  source = "./modules/jobs"

  context        = local.context
  bucket         = module.storage.bucket
  code_directory = "${path.module}/jobs"
  jobs = {
    ingest = { dpu = var.jobs.ingest_dpu }
    transform = {
      dpu = var.jobs.transform_dpu
      # For DuckDB, of 16 GB a DPU: Python and Arrow need the rest. What the job sees of the machine may be more.
      arguments = { "--memory-mb" = tostring(floor(var.jobs.transform_dpu * 6400)) }
    }
  }
  max_concurrent_runs = var.jobs.max_concurrent_runs
  timeout_minutes     = var.jobs.timeout_minutes
  kms_key_arn         = var.kms_key_arn
}

module "catalog" {
  source = "./modules/catalog"

  context              = local.context
  bucket               = module.storage.bucket
  database_prefix      = var.database_prefix
  datasets             = var.datasets
  force_destroy        = var.force_destroy
  kms_key_arn          = var.kms_key_arn
  scan_limit_mebibytes = var.athena_scan_limit_mebibytes
}

module "monitoring" {
  source = "./modules/monitoring"

  context             = local.context
  log_retention_days  = var.log_retention_days
  machines            = ["crawl", "pipeline"]
  notification_emails = var.notification_emails
}

module "workflow" {
  source = "./modules/workflow"

  context              = local.context
  bucket               = module.storage.bucket
  crawler_names        = module.catalog.crawler_names
  database_names       = module.catalog.database_names
  definition_directory = "${path.module}/asl"
  job_names            = module.jobs.names
  job_timeout_minutes  = var.jobs.timeout_minutes
  kms_key_arn          = var.kms_key_arn
  log_group_arns       = module.monitoring.log_group_arns
  topic_arn            = module.monitoring.topic_arn
  workgroup_name       = module.catalog.workgroup_name
}

module "triggers" {
  source = "./modules/triggers"

  context             = local.context
  pipeline_arn        = module.workflow.pipeline_arn
  schedule_expression = var.schedule_expression
}
