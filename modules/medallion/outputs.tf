output "alarm_names" {
  description = "Names of the CloudWatch alarms, sorted; each has its runbook in its description."
  value       = module.monitoring.alarm_names
}

output "arrival_window_seconds" {
  description = "Length, in seconds, of the windows in which files that arrive share a run."
  value       = var.arrival_window_seconds
}

output "bucket_name" {
  description = "Name of the bucket that holds the lake."
  value       = module.storage.bucket.name
}

output "crawl_arn" {
  description = "ARN of the state machine that runs one crawler to its end."
  value       = module.workflow.crawl_arn
}

output "crawler_names" {
  description = "Names of the Glue crawlers, by layer (raw, processed, and analytics, which is null without models)."
  value       = module.catalog.crawler_names
}

output "dashboard_name" {
  description = "Name of the CloudWatch dashboard; null without one."
  value       = module.monitoring.dashboard_name
}

output "database_names" {
  description = "Names of the Glue databases, by layer (raw, processed, analytics), as queries name them."
  value       = module.catalog.database_names
}

output "dataset_names" {
  description = "Names of the datasets, sorted; each is a table of the raw and the processed database once it has rows."
  value       = module.catalog.dataset_names
}

output "dead_letter_queue_url" {
  description = "URL of the SQS queue of arrivals that could not be handled; null if no dataset has the trigger event."
  value       = try(module.triggers.dead_letter_queue.url, null)
}

output "event_dataset_names" {
  description = "Names of the datasets of which a file that arrives starts a run, sorted."
  value       = local.event_dataset_names
  # Without the rule, files would arrive unnoticed.
  depends_on = [module.triggers]
}

output "groups" {
  description = "Groups of the datasets, by dataset; a file of one starts a run of those of its group that have files."
  value       = { for name, dataset in local.datasets : name => dataset.group }
}

output "incoming_prefixes" {
  description = "Where to drop files, as S3 URIs that end with a slash, by dataset; only datasets whose source is drop."
  value       = { for name, dataset in var.datasets : name => "s3://${module.storage.bucket.name}/incoming/${name}/" if dataset.source.type == "drop" }
}

output "job_names" {
  description = "Names of the Glue jobs, by what they do (ingest, transform, model, and transform-spark and model-spark if a dataset or model asks for Spark)."
  value       = module.jobs.names
}

output "model_names" {
  description = "Names of the models, sorted; each is a table of the analytics database once it has rows."
  value       = module.catalog.model_names
}

output "notification_topic_arn" {
  description = "ARN of the SNS topic that is told how each run ended, what waits for approval and what alarms ring."
  value       = module.monitoring.topic_arn
}

output "pipeline_arn" {
  description = "ARN of the state machine that runs the pipeline; start it with {} for all datasets."
  value       = module.workflow.pipeline_arn
  # It reads contracts, models and their SQL when it runs.
  depends_on = [module.catalog, module.jobs]
}

output "region" {
  description = "Region of all resources."
  value       = local.region
}

output "schedule_rule_name" {
  description = "Name of the EventBridge rule that starts the pipeline by the clock; null without a schedule."
  value       = module.triggers.schedule_rule_name
}

output "stage_names" {
  description = "Names of the stages that have models, in the order in which they run."
  value       = module.catalog.stage_names
}

output "workgroup_name" {
  description = "Name of the Athena workgroup to query in; its results lie in the bucket."
  value       = module.catalog.workgroup_name
}
