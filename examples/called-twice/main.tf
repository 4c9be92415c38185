terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = { cost-centre = "4711" }
  }
}

locals {
  # Name of the deployment, and what makes it another one.
  lakes = {
    garage = {
      visits = { columns = [{ name = "plate", type = "string", required = true }, { name = "day", type = "date" }], triggers = ["schedule"] }
    }
    shop = {
      orders = { columns = [{ name = "order_id", type = "bigint", required = true }, { name = "amount", type = "decimal(10,2)" }], triggers = ["schedule"] }
    }
  }
}

data "aws_caller_identity" "current" {}

# One for the account, instead of one for each deployment: CloudWatch holds ten.
resource "aws_cloudwatch_log_resource_policy" "events" {
  policy_name = "events"
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AllowRules"
      Effect    = "Allow"
      Principal = { Service = ["delivery.logs.amazonaws.com", "events.amazonaws.com"] }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = "arn:aws:logs:us-east-1:${data.aws_caller_identity.current.account_id}:log-group:/aws/events/*:*"
    }]
  })
}

module "lake" {
  # From elsewhere: git::https://<host>/<repository>.git//modules/medallion?ref=<commit>
  source   = "../../modules/medallion"
  for_each = local.lakes

  name            = each.key
  database_prefix = each.key
  datasets        = each.value
  force_destroy   = true
  lifecycle_rules = null
  monitoring      = { log_resource_policy = false }

  depends_on = [aws_cloudwatch_log_resource_policy.events]
}

output "bucket_names" {
  description = "Names of the buckets, by deployment."
  value       = { for name, lake in module.lake : name => lake.bucket_name }
}
