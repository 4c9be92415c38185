mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan
}

variables {
  name        = "lake-some-role"
  description = "A role."
  service     = "glue.amazonaws.com"
  statements = [
    { sid = "Read", actions = ["s3:GetObject"], resources = ["arn:aws:s3:::lake/raw/*"] },
    { sid = "List", actions = ["s3:ListBucket"], resources = ["arn:aws:s3:::lake"], condition = { StringLikeIfExists = { "s3:prefix" = ["raw/*"] } } },
  ]
}

run "writes_its_table_as_a_policy" {
  command = plan

  module {
    source = "./modules/role"
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement == [
      { Sid = "Read", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::lake/raw/*"] },
      { Sid = "List", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::lake"], Condition = { StringLikeIfExists = { "s3:prefix" = ["raw/*"] } } },
    ]
    error_message = "The policy is ${aws_iam_role_policy.this.policy}."
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Principal == { Service = "glue.amazonaws.com" }
    error_message = "Only the service may take the role; the policy is ${aws_iam_role.this.assume_role_policy}."
  }
}

run "may_use_the_keys_and_no_others" {
  command = plan

  module {
    source = "./modules/role"
  }

  variables {
    kms_key_arns = ["arn:aws:kms:us-east-1:123456789012:key/k", null, "arn:aws:kms:us-east-1:123456789012:key/c", "arn:aws:kms:us-east-1:123456789012:key/k"]
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.this.policy).Statement[2] == { Sid = "UseKeys", Effect = "Allow", Action = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"], Resource = ["arn:aws:kms:us-east-1:123456789012:key/k", "arn:aws:kms:us-east-1:123456789012:key/c"] }
    error_message = "With keys, the role may decrypt with them and make data keys."
  }
}

run "refuses_actions_with_wildcards" {
  command = plan

  module {
    source = "./modules/role"
  }

  variables {
    statements = [{ sid = "All", actions = ["s3:*"], resources = ["arn:aws:s3:::lake/*"] }]
  }

  expect_failures = [var.statements]
}
