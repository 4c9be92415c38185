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

output "database_names" {
  description = "Names of the Glue databases, by layer (raw, processed, analytics), as queries name them."
  value       = module.catalog.database_names
}

output "dataset_names" {
  description = "Names of the datasets, sorted; each is a table of the raw and the processed database once it has rows."
  value       = module.catalog.dataset_names
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
  description = "ARN of the SNS topic that is told how each run ended."
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
  value       = var.region
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
