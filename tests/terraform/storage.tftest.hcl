mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan
}

variables {
  context = {
    name       = "lake"
    account_id = "123456789012"
    partition  = "aws"
    region     = "us-east-1"
    arn_format = "arn:aws:%s:us-east-1:123456789012:%s"
  }
  bucket_name = "lake"
}

run "takes_a_name_of_63_characters" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    bucket_name = "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn-123456789012-us-east-1"
  }
}

run "refuses_a_name_of_64_characters" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    bucket_name = "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn-123456789012-us-east-1"
  }

  expect_failures = [var.bucket_name]
}

run "with_the_variables_above" {
  command = plan

  module {
    source = "./modules/storage"
  }

  # Is private encrypted and versioned.
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "All public access must be blocked."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "ACLs must be off."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "The bucket must keep versions."
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "Without a key, S3's own keys must encrypt."
  }

  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "A bucket with data must not be destroyed unless that is asked for."
  }

  # Denies plain http to all.
  assert {
    condition = jsondecode(aws_s3_bucket_policy.this.policy).Statement[0] == {
      Sid       = "DenyPlainHttp"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::lake", "arn:aws:s3:::lake/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }
    error_message = "The policy is ${aws_s3_bucket_policy.this.policy}."
  }

  # Denies puts that name another encryption.
  assert {
    condition = { for statement in slice(jsondecode(aws_s3_bucket_policy.this.policy).Statement, 1, 3) : statement.Sid => statement.Condition } == {
      DenyKeyOfSender    = { Null = { "s3:x-amz-server-side-encryption-customer-algorithm" = "false" } }
      DenyOtherAlgorithm = { Null = { "s3:x-amz-server-side-encryption" = "false" }, StringNotEquals = { "s3:x-amz-server-side-encryption" = "AES256" } }
    }
    error_message = "The policy is ${aws_s3_bucket_policy.this.policy}."
  }

  assert {
    condition     = length(jsondecode(aws_s3_bucket_policy.this.policy).Statement) == 3 && length(aws_glue_security_configuration.this) == 0
    error_message = "Without a key there is none to name, and nothing for Glue to encrypt with."
  }
}

run "encrypts_with_the_key_and_a_bucket_key" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/k"
  }

  assert {
    condition = (
      one(aws_s3_bucket_server_side_encryption_configuration.this.rule).bucket_key_enabled &&
      one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms" &&
      one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0].kms_master_key_id == "arn:aws:kms:us-east-1:123456789012:key/k"
    )
    error_message = "The bucket must be encrypted with the key that was given, through a bucket key."
  }
}

run "expires_results_and_runs_but_no_data" {
  module {
    source = "./modules/storage"
  }

  assert {
    condition     = { for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : rule.id => rule.expiration[0].days if startswith(rule.id, "expire-") && rule.id != "expire-noncurrent-versions" } == { expire-athena-results = 30, expire-runs = 365 }
    error_message = "By default, only Athena's results and the records of runs expire."
  }

  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : try(rule.filter[0].prefix, null) != null || rule.id == "abort-incomplete-uploads" || rule.id == "expire-noncurrent-versions"])
    error_message = "A rule that expires current objects must have a prefix."
  }
}

run "expires_quarantine_when_asked" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    lifecycle_rules = { quarantine_days = 90 }
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : rule.id] == ["expire-athena-results", "expire-quarantine", "expire-runs", "abort-incomplete-uploads", "expire-noncurrent-versions"]
    error_message = "The rules are ${join(", ", [for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : rule.id])}."
  }
}

run "has_no_lifecycle_rules_when_they_are_null" {
  command = plan

  module {
    source = "./modules/storage"
  }

  variables {
    lifecycle_rules = null
  }

  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.this) == 0
    error_message = "lifecycle_rules = null must leave the resource out."
  }
}
