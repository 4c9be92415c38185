output "names" {
  description = "Names of the Glue jobs by what they do: ingest, transform."
  value       = { for job, resource in aws_glue_job.this : job => resource.name }
}
