locals {
  descriptions = {
    ingest    = "Turns the files of one dataset into Parquet in raw/."
    transform = "Turns raw/ of one dataset into its typed and cleaned table in processed/."
  }

  # What each job does to which keys of the bucket. GetObject comes with every PutObject of data, because
  # what has not changed is not written again. A file is moved in the very version that was read.
  _objects = {
    ingest = {
      ReadCode          = { keys = ["code/*"], actions = ["s3:GetObject"] }
      ReadConfiguration = { keys = ["config/datasets/*"], actions = ["s3:GetObject"] }
      TakeFiles = {
        keys    = ["incoming/*"]
        actions = ["s3:GetObject", "s3:GetObjectVersion", "s3:DeleteObject"]
      }
      StoreFiles = {
        keys    = ["archive/*", "quarantine/*", "raw/*"]
        actions = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]
      }
      WriteReports = { keys = ["runs/*/ingest/*"], actions = ["s3:PutObject"] }
    }
    transform = {
      ReadCode          = { keys = ["code/*"], actions = ["s3:GetObject"] }
      ReadConfiguration = { keys = ["config/datasets/*"], actions = ["s3:GetObject"] }
      ReadRaw           = { keys = ["raw/*"], actions = ["s3:GetObject"] }
      StoreTables = {
        keys    = ["processed/*", "quarantine/*/rows/transform.parquet"]
        actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
      }
      WriteReports = { keys = ["runs/*/transform/*"], actions = ["s3:PutObject"] }
    }
  }

  # Prefixes that each job lists. A request for one object carries no prefix, and it is this permission
  # that makes S3 say "not found" of a missing object, rather than "forbidden": hence IfExists.
  _listed = {
    ingest    = ["incoming/*", "raw/*"]
    transform = ["processed/*", "raw/*"]
  }

  statements = { for job in keys(var.jobs) : job => concat(
    [for sid, row in local._objects[job] : {
      sid       = sid
      actions   = row.actions
      resources = [for key in row.keys : "${var.bucket.arn}/${key}"]
      condition = null
    }],
    [
      {
        sid       = "ListFiles"
        actions   = ["s3:ListBucket"]
        resources = [var.bucket.arn]
        condition = { StringLikeIfExists = { "s3:prefix" = local._listed[job] } }
      },
      {
        sid       = "WriteLogs"
        actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
        resources = [format(var.context.arn_format, "logs", "log-group:/aws-glue/python-jobs/*")]
        condition = null
      },
    ],
  ) }
}

module "role" {
  source   = "../role"
  for_each = var.jobs

  name        = "${local.names[each.key]}-job"
  description = "Glue job ${local.names[each.key]}: ${local.descriptions[each.key]}"
  service     = "glue.amazonaws.com"
  statements  = local.statements[each.key]
  kms_key_arn = var.kms_key_arn
}
