variable "bucket_name" {
  description = "Name of the bucket."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.bucket_name) <= 63
    error_message = "The bucket would be called '${var.bucket_name}', which is ${length(var.bucket_name)} characters long; S3 takes 63. Shorten the variable name by ${length(var.bucket_name) - 63}, or set bucket_name."
  }
}

variable "context" {
  description = "Where the module is deployed: name (prefix of all names), account_id, partition, region, arn_format, a format string that takes the service and the rest of an ARN, and tags of all resources that take any (default none)."
  type = object({
    name       = string
    account_id = string
    partition  = string
    region     = string
    arn_format = string
    tags       = optional(map(string), {})
  })
  nullable = false
}

variable "force_destroy" {
  description = "Whether destroying the bucket deletes what it holds."
  type        = bool
  default     = false
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the objects, and Glue's logs. Null: S3's own keys (SSE-S3)."
  type        = string
  default     = null
}

variable "lifecycle_rules" {
  description = "Days after which objects go: athena_results_days, incomplete_upload_days, noncurrent_version_days, quarantine_days (null keeps it) and runs_days. Null: no rules at all."
  type = object({
    athena_results_days     = optional(number, 30)
    incomplete_upload_days  = optional(number, 7)
    noncurrent_version_days = optional(number, 30)
    quarantine_days         = optional(number)
    runs_days               = optional(number, 365)
  })
  default = {}
}
