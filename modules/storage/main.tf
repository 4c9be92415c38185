resource "aws_s3_bucket" "this" {
  bucket        = var.bucket_name
  force_destroy = var.force_destroy
  tags          = var.context.tags

  lifecycle {
    # A caller's depends_on puts account and region off to the apply whenever what it names changes, and with them
    # this name: the plan would replace the bucket, with all data in it.
    ignore_changes = [bucket]

    postcondition {
      condition     = self.bucket == var.bucket_name
      error_message = "The bucket of this deployment is '${self.bucket}' and would have to be '${var.bucket_name}' now; a bucket cannot be renamed. Set bucket_name to '${self.bucket}', or make a deployment of its own beside this one and move the data."
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    # A bucket key saves most of the calls to KMS, and their price; S3's own keys have none.
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      kms_master_key_id = var.kms_key_arn
      sse_algorithm     = local.algorithm
    }
  }
}

# How Glue encrypts what is not put into the bucket by our code: the logs of jobs and crawlers, and what Spark writes.
resource "aws_glue_security_configuration" "this" {
  count = var.kms_key_arn == null ? 0 : 1

  name = var.context.name

  encryption_configuration {
    cloudwatch_encryption {
      cloudwatch_encryption_mode = "SSE-KMS"
      kms_key_arn                = var.kms_key_arn
    }

    # No job keeps any.
    job_bookmarks_encryption {
      job_bookmarks_encryption_mode = "DISABLED"
    }

    s3_encryption {
      s3_encryption_mode = "SSE-KMS"
      kms_key_arn        = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "DenyPlainHttp"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      [for sid, condition in local.other_encryption : {
        Sid       = sid
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:PutObject"
        Resource  = ["${local.bucket_arn}/*"]
        Condition = condition
      }],
    )
  })

  # Both change the bucket's access settings, and S3 refuses such changes at the same time.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

locals {
  bucket_arn = "arn:${var.context.partition}:s3:::${var.bucket_name}"
  algorithm  = var.kms_key_arn == null ? "AES256" : "aws:kms"

  # PUTs that name an encryption which is not the bucket's: what they put, the roles could not read, or the key would not
  # govern. Those that name none get the bucket's, and pass: hence Null.
  _other_encryption = {
    DenyOtherAlgorithm = {
      Null            = { "s3:x-amz-server-side-encryption" = "false" }
      StringNotEquals = { "s3:x-amz-server-side-encryption" = local.algorithm }
    }
    DenyKeyOfSender = {
      Null = { "s3:x-amz-server-side-encryption-customer-algorithm" = "false" }
    }
  }
  _other_keys = {
    DenyOtherKey = {
      Null            = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = "false" }
      StringNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = coalesce(var.kms_key_arn, "none") }
    }
    # aws:kms without a key is the key that AWS keeps for S3.
    DenyKeyOfAws = {
      Null         = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = "true" }
      StringEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" }
    }
  }
  other_encryption = merge(local._other_encryption, { for sid, condition in local._other_keys : sid => condition if var.kms_key_arn != null })

  # Prefix, and days after which its objects expire.
  _expiry = var.lifecycle_rules == null ? {} : {
    athena-results = var.lifecycle_rules.athena_results_days
    quarantine     = var.lifecycle_rules.quarantine_days
    runs           = var.lifecycle_rules.runs_days
  }
  expiry = { for prefix, days in local._expiry : prefix => days if days != null }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  count  = var.lifecycle_rules == null ? 0 : 1
  bucket = aws_s3_bucket.this.id

  dynamic "rule" {
    for_each = local.expiry

    content {
      id     = "expire-${rule.key}"
      status = "Enabled"

      filter {
        prefix = "${rule.key}/"
      }

      expiration {
        days = rule.value
      }
    }
  }

  rule {
    id     = "abort-incomplete-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = var.lifecycle_rules.incomplete_upload_days
    }
  }

  rule {
    id     = "expire-noncurrent-versions"
    status = "Enabled"

    filter {}

    # Every file that leaves incoming/ leaves a delete marker, which goes with its last version.
    expiration {
      expired_object_delete_marker = true
    }

    noncurrent_version_expiration {
      noncurrent_days = var.lifecycle_rules.noncurrent_version_days
    }
  }

  # S3 takes rules for noncurrent versions only from a bucket that has versions.
  depends_on = [aws_s3_bucket_versioning.this]
}
