# Written by `make fmt` from modules/medallion/outputs.tf: edit that one.

output "alarm_names" {
  description = "Names of the CloudWatch alarms, sorted; each has its runbook in its description."
  value       = module.medallion.alarm_names
}

output "arrival_window_seconds" {
  description = "Length, in seconds, of the windows in which files that arrive share a run."
  value       = module.medallion.arrival_window_seconds
}

output "bucket_name" {
  description = "Name of the bucket that holds the lake."
  value       = module.medallion.bucket_name
}

output "crawl_arn" {
  description = "ARN of the state machine that runs one crawler to its end."
  value       = module.medallion.crawl_arn
}

output "crawler_names" {
  description = "Names of the Glue crawlers, by layer (raw, processed, and analytics, which is null without models)."
  value       = module.medallion.crawler_names
}

output "dashboard_name" {
  description = "Name of the CloudWatch dashboard; null without one."
  value       = module.medallion.dashboard_name
}

output "database_names" {
  description = "Names of the Glue databases, by layer (raw, processed, analytics), as queries name them."
  value       = module.medallion.database_names
}

output "dataset_names" {
  description = "Names of the datasets, sorted; each is a table of the raw and the processed database once it has rows."
  value       = module.medallion.dataset_names
}

output "dead_letter_queue_url" {
  description = "URL of the SQS queue of arrivals that could not be handled; null if no dataset has the trigger event."
  value       = module.medallion.dead_letter_queue_url
}

output "event_dataset_names" {
  description = "Names of the datasets of which a file that arrives starts a run, sorted."
  value       = module.medallion.event_dataset_names
}

output "groups" {
  description = "Groups of the datasets, by dataset; a file of one starts a run of those of its group that have files."
  value       = module.medallion.groups
}

output "incoming_prefixes" {
  description = "Where to drop files, as S3 URIs that end with a slash, by dataset; only datasets whose source is drop."
  value       = module.medallion.incoming_prefixes
}

output "job_names" {
  description = "Names of the Glue jobs, by what they do (ingest, transform, model, and transform-spark and model-spark if a dataset or model asks for Spark)."
  value       = module.medallion.job_names
}

output "model_names" {
  description = "Names of the models, sorted; each is a table of the analytics database once it has rows."
  value       = module.medallion.model_names
}

output "notification_topic_arn" {
  description = "ARN of the SNS topic that is told how each run ended, what waits for approval and what alarms ring."
  value       = module.medallion.notification_topic_arn
}

output "pipeline_arn" {
  description = "ARN of the state machine that runs the pipeline; start it with {} for all datasets."
  value       = module.medallion.pipeline_arn
}

output "region" {
  description = "Region of all resources."
  value       = module.medallion.region
}

output "schedule_rule_name" {
  description = "Name of the EventBridge rule that starts the pipeline by the clock; null without a schedule."
  value       = module.medallion.schedule_rule_name
}

output "stage_names" {
  description = "Names of the stages that have models, in the order in which they run."
  value       = module.medallion.stage_names
}

output "workgroup_name" {
  description = "Name of the Athena workgroup to query in; its results lie in the bucket."
  value       = module.medallion.workgroup_name
}
