output "crawler_names" {
  description = "Names of the crawlers by layer: raw, processed, and analytics, which is null without models."
  value       = { for layer in keys(local.layers) : layer => try(aws_glue_crawler.this[layer].name, null) }
}

output "database_names" {
  description = "Names of the databases by layer: raw, processed, analytics."
  value       = { for layer, database in aws_glue_catalog_database.this : layer => database.name }
}

output "dataset_names" {
  description = "Names of the datasets, sorted, once their contracts and checks are in place."
  value       = sort(keys(var.datasets))
  depends_on  = [aws_athena_prepared_statement.check, aws_s3_object.plan]
}

output "model_names" {
  description = "Names of the models, sorted, once their SQL and checks are in place."
  value       = sort(keys(var.models))
  depends_on  = [aws_athena_prepared_statement.check, aws_s3_object.plan]
}

output "stage_names" {
  description = "Names of the stages that have models, in the order in which they run."
  value       = local.plan.stages[*].name
}

output "workgroup_name" {
  description = "Name of the Athena workgroup."
  value       = aws_athena_workgroup.this.name
}
