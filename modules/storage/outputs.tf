output "bucket" {
  description = "The bucket, once it is private, encrypted and versioned: name and arn."
  value = {
    name = aws_s3_bucket.this.bucket
    arn  = local.bucket_arn
  }
  depends_on = [
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_policy.this,
    aws_s3_bucket_public_access_block.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}

output "security_configuration" {
  description = "Name of Glue's security configuration; null without a key."
  value       = one(aws_glue_security_configuration.this[*].name)
}
