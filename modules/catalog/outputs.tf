output "crawler_names" {
  description = "Names of the crawlers by layer: raw, processed."
  value       = { for layer, crawler in aws_glue_crawler.this : layer => crawler.name }
}

output "database_names" {
  description = "Names of the databases by layer: raw, processed."
  value       = { for layer, database in aws_glue_catalog_database.this : layer => database.name }
}

output "dataset_names" {
  description = "Names of the datasets, sorted, once their contracts and checks are in place."
  value       = sort(keys(var.datasets))
  depends_on  = [aws_athena_prepared_statement.check, aws_s3_object.plan]
}

output "workgroup_name" {
  description = "Name of the Athena workgroup."
  value       = aws_athena_workgroup.this.name
}
