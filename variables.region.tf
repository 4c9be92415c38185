variable "region" {
  description = "AWS region of all resources. Default: us-east-1."
  type        = string
  default     = "us-east-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is '${var.region}'; write the code of a region, such as us-east-1 or eu-central-1."
  }
}
