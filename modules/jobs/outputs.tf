output "names" {
  description = "Names of the Glue jobs by what they do: ingest, transform, model, and transform-spark and model-spark if they exist."
  value       = { for job, resource in aws_glue_job.this : job => resource.name }
}
