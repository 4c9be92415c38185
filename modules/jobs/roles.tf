locals {
  _descriptions = {
    ingest    = "Turns the files of one dataset into Parquet in raw/."
    model     = "Makes the tables of one stage in analytics/, by the SQL of its models."
    transform = "Turns raw/ of one dataset into its typed and cleaned table in processed/."
  }
  descriptions = { for job, script in local._scripts : job => join("", [local._descriptions[script], local.twins[job] ? " On Spark." : ""]) }

  # What each script does to which keys of the bucket. GetObject comes with every PutObject of data, because
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
      KeepNotes = { keys = ["state/seen/*"], actions = ["s3:GetObject", "s3:PutObject"] }
      # Runs from before there were notes left a file under two dates at times: one goes. Its version stays, as the bucket's rules say.
      SettleRaw = { keys = ["raw/*"], actions = ["s3:DeleteObject"] }
      # What an attempt of the same run has left that died half way is taken over by the next one.
      KeepReports = { keys = ["runs/*/files/*", "runs/*/ingest/*"], actions = ["s3:GetObject", "s3:PutObject"] }
    }
    model = {
      ReadCode          = { keys = ["code/*"], actions = ["s3:GetObject"] }
      ReadConfiguration = { keys = ["config/datasets/*", "config/models.json", "config/models/*", "config/pipeline.json"], actions = ["s3:GetObject"] }
      ReadTables        = { keys = ["processed/*", "raw/*"], actions = ["s3:GetObject"] }
      StoreTables = {
        keys    = ["analytics/*"]
        actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
      }
      WriteReports = { keys = ["runs/*/model/*"], actions = ["s3:PutObject"] }
      # Of what each table was made last: what has not changed is not made again.
      KeepBuilds = { keys = ["state/built/analytics/*"], actions = ["s3:GetObject", "s3:PutObject"] }
      # How the models of earlier stages went decides what becomes of those that depend on them.
      KeepSummaries = { keys = ["runs/*/stages/*"], actions = ["s3:GetObject", "s3:PutObject"] }
    }
    transform = {
      ReadCode          = { keys = ["code/*"], actions = ["s3:GetObject"] }
      ReadConfiguration = { keys = ["config/datasets/*"], actions = ["s3:GetObject"] }
      ReadRaw           = { keys = ["raw/*"], actions = ["s3:GetObject"] }
      # The rows that ingest refused count for the approval of the table.
      ReadIngestReports = { keys = ["runs/*/ingest/*"], actions = ["s3:GetObject"] }
      StoreTables = {
        keys    = ["processed/*", "quarantine/*/rows/transform.parquet"]
        actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
      }
      WriteReports = { keys = ["runs/*/transform/*"], actions = ["s3:PutObject"] }
      KeepBuilds   = { keys = ["state/built/processed/*"], actions = ["s3:GetObject", "s3:PutObject"] }
    }
  }

  # What a dataset that is fetched takes besides: what the last run fetched, and whether that run did all there was to do.
  _fetch_objects = { for script in ["ingest"] : script => {
    KeepState   = { keys = ["state/settled/*", "state/sources/*"], actions = ["s3:GetObject", "s3:PutObject"] }
    ReadResults = { keys = ["runs/*/result.json"], actions = ["s3:GetObject"] }
  } if var.fetches }
  # Secrets Manager ends the ARN of a secret with a hyphen and six characters of its choice.
  _secret_statements = { for script in ["ingest"] : script => [{
    sid       = "ReadSecrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [for name in var.secret_names : format(var.context.arn_format, "secretsmanager", "secret:${name}-??????")]
    condition = null
  }] if length(var.secret_names) > 0 }

  # What ended the job, for the state machines and for people. A stale one of an earlier attempt is looked for, and deleted.
  _error_objects = {
    KeepErrors = { keys = ["runs/*/errors/*"], actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"] }
  }

  # Prefixes that each script lists. A request for one object carries no prefix, and it is this permission
  # that makes S3 say "not found" of a missing object, rather than "forbidden": hence IfExists.
  _listed = {
    ingest    = concat(["code/*", "incoming/*", "raw/*"], var.fetches ? ["config/*"] : [])
    model     = ["analytics/*", "code/*", "processed/*", "raw/*"]
    transform = ["code/*", "processed/*", "raw/*"]
  }

  statements = { for job, script in local._scripts : job => concat(
    [for sid, row in merge(local._objects[script], lookup(local._fetch_objects, script, {}), local._error_objects) : {
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
        condition = { StringLikeIfExists = { "s3:prefix" = local._listed[script] } }
      },
      {
        sid     = "WriteLogs"
        actions = concat(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], var.kms_key_arn == null ? [] : ["logs:AssociateKmsKey"])
        # With a security configuration, Glue puts its name and the role's into the groups' names, and not in one way.
        resources = [format(var.context.arn_format, "logs", "log-group:/aws-glue/${var.kms_key_arn != null ? "" : local.on_spark[job] ? "jobs/" : "python-jobs/"}*")]
        condition = null
      },
    ],
    lookup(local._secret_statements, script, []),
    # AWS lets no resource be named for this one.
    [for key_arn in compact([var.kms_key_arn]) : {
      sid       = "ReadSecurityConfiguration"
      actions   = ["glue:GetSecurityConfiguration"]
      resources = ["*"]
      condition = null
    }],
  ) }
}

module "role" {
  source   = "../role"
  for_each = var.jobs

  name        = "${local.names[each.key]}-job"
  description = "Glue job ${local.names[each.key]}: ${local.descriptions[each.key]}"
  service     = "glue.amazonaws.com"
  tags        = var.context.tags
  statements  = local.statements[each.key]

  kms_key_arns = [var.kms_key_arn]
}
