locals {
  _log_delivery = {
    sid = "DeliverLogs"
    actions = [
      "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
    ]
    # AWS lets no resource be named for these, nor for the metrics below: no other statement is on everything.
    resources = ["*"]
    condition = null
  }
  _publish_metrics = {
    sid       = "PublishMetrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]
    condition = { StringEquals = { "cloudwatch:namespace" = ["Medallion"] } }
  }

  _databases = values(var.database_names)
  _tables    = ["analytics/*", "processed/*", "raw/*"]

  # The glue actions of startJobRun.sync, and of the jobs that each machine runs.
  _job_actions = ["glue:BatchStopJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:StartJobRun"]
  _jobs = {
    dataset = [for job, name in var.job_names : name if !startswith(job, "model")]
    model   = [for job, name in var.job_names : name if startswith(job, "model")]
  }

  # Who starts executions of other machines, and waits for their end.
  _started = {
    batch    = ["dataset"]
    pipeline = [for part in keys(local.parts) : part if part != "dataset"]
  }
  _run_machines = { for machine, parts in local._started : machine => [
    {
      sid       = "StartParts"
      actions   = ["states:StartExecution"]
      resources = [for part in parts : local.machine_arns[part]]
      condition = null
    },
    {
      sid       = "FollowParts"
      actions   = ["states:DescribeExecution", "states:StopExecution"]
      resources = [for part in parts : format(var.context.arn_format, "states", "execution:${local.names[part]}:*")]
      condition = null
    },
    {
      sid     = "HearOfParts"
      actions = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
      # Step Functions keeps this rule itself, for executions that wait for others.
      resources = [format(var.context.arn_format, "events", "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule")]
      condition = null
    },
  ] }

  statements = {
    arrival = [
      {
        sid       = "ReadPlan"
        actions   = ["s3:GetObject"]
        resources = ["${var.bucket.arn}/config/pipeline.json"]
        condition = null
      },
      {
        sid       = "RecordArrivals"
        actions   = ["s3:PutObject"]
        resources = ["${var.bucket.arn}/runs/arrivals/*"]
        condition = null
      },
      {
        sid       = "StartPipeline"
        actions   = ["states:StartExecution"]
        resources = [local.machine_arns.pipeline]
        condition = null
      },
      {
        sid       = "KeepEvents"
        actions   = ["sqs:SendMessage"]
        resources = var.dead_letter_queue[*].arn
        condition = null
      },
      local._publish_metrics,
      local._log_delivery,
    ]

    batch = concat(local._run_machines.batch, [
      {
        sid       = "WriteBatches"
        actions   = ["s3:PutObject"]
        resources = ["${var.bucket.arn}/runs/*/batches/*"]
        condition = null
      },
      local._publish_metrics,
      local._log_delivery,
    ])

    check = [
      {
        sid       = "ReadLists"
        actions   = ["s3:GetObject"]
        resources = ["${var.bucket.arn}/runs/*/batches/*", "${var.bucket.arn}/runs/*/stages/*"]
        condition = null
      },
      {
        sid = "RunChecks"
        actions = [
          "athena:GetPreparedStatement", "athena:GetQueryExecution", "athena:GetQueryResults",
          "athena:StartQueryExecution", "athena:StopQueryExecution",
        ]
        resources = [format(var.context.arn_format, "athena", "workgroup/${var.workgroup_name}")]
        condition = null
      },
      {
        sid       = "FindCatalog"
        actions   = ["athena:GetDataCatalog"]
        resources = [format(var.context.arn_format, "athena", "datacatalog/AwsDataCatalog")]
        condition = null
      },
      {
        sid = "ReadCatalog"
        actions = [
          "glue:BatchGetPartition", "glue:GetDatabase", "glue:GetPartition", "glue:GetPartitions", "glue:GetTable",
          "glue:GetTables",
        ]
        resources = concat(
          [format(var.context.arn_format, "glue", "catalog")],
          [for database in local._databases : format(var.context.arn_format, "glue", "database/${database}")],
          [for database in local._databases : format(var.context.arn_format, "glue", "table/${database}/*")],
        )
        condition = null
      },
      {
        # Athena asks for this database whatever the query is on, and makes it where there is none.
        sid       = "FindDefaultDatabase"
        actions   = ["glue:CreateDatabase", "glue:GetDatabase", "glue:GetDatabases"]
        resources = [for resource in ["catalog", "database/default"] : format(var.context.arn_format, "glue", resource)]
        condition = null
      },
      {
        sid       = "ReadTables"
        actions   = ["s3:GetObject"]
        resources = [for prefix in local._tables : "${var.bucket.arn}/${prefix}"]
        condition = null
      },
      {
        # Athena reads and writes as the caller of the query.
        sid       = "StoreAnswers"
        actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
        resources = ["${var.bucket.arn}/athena-results/*"]
        condition = null
      },
      {
        # A request for one object carries no prefix; this lets S3 say that a list is missing.
        sid       = "ListTables"
        actions   = ["s3:ListBucket"]
        resources = [var.bucket.arn]
        condition = { StringLikeIfExists = { "s3:prefix" = concat(["athena-results/*"], local._tables) } }
      },
      {
        sid       = "LocateBucket"
        actions   = ["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"]
        resources = [var.bucket.arn]
        condition = null
      },
      local._log_delivery,
    ]

    crawl = [
      {
        sid       = "RunCrawlers"
        actions   = ["glue:GetCrawler", "glue:StartCrawler"]
        resources = [for crawler in values(var.crawler_names) : format(var.context.arn_format, "glue", "crawler/${crawler}") if crawler != null]
        condition = null
      },
      local._log_delivery,
    ]

    dataset = [
      {
        sid       = "ReadReports"
        actions   = ["s3:GetObject"]
        resources = [for kind in ["errors", "ingest", "transform"] : "${var.bucket.arn}/runs/*/${kind}/*"]
        condition = null
      },
      {
        # A request for one object carries no prefix; this lets S3 say that a report is missing.
        sid       = "ListFilesAndReports"
        actions   = ["s3:ListBucket"]
        resources = [var.bucket.arn]
        condition = { StringLikeIfExists = { "s3:prefix" = ["incoming/*", "runs/*"] } }
      },
      {
        sid       = "RunJobs"
        actions   = local._job_actions
        resources = [for job in local._jobs.dataset : format(var.context.arn_format, "glue", "job/${job}")]
        condition = null
      },
      {
        sid       = "AskForApproval"
        actions   = ["sns:Publish"]
        resources = [var.topic_arn]
        condition = null
      },
      local._log_delivery,
    ]

    model = [
      {
        sid       = "ReadSummaries"
        actions   = ["s3:GetObject"]
        resources = ["${var.bucket.arn}/runs/*/errors/*", "${var.bucket.arn}/runs/*/stages/*"]
        condition = null
      },
      {
        # A request for one object carries no prefix; this lets S3 say that a summary is missing.
        sid       = "ListSummaries"
        actions   = ["s3:ListBucket"]
        resources = [var.bucket.arn]
        condition = { StringLikeIfExists = { "s3:prefix" = ["runs/*"] } }
      },
      {
        sid       = "RunJobs"
        actions   = local._job_actions
        resources = [for job in local._jobs.model : format(var.context.arn_format, "glue", "job/${job}")]
        condition = null
      },
      local._log_delivery,
    ]

    notify = [
      {
        sid       = "Notify"
        actions   = ["sns:Publish"]
        resources = [var.topic_arn]
        condition = null
      },
      local._publish_metrics,
      local._log_delivery,
    ]

    pipeline = concat(local._run_machines.pipeline, [
      {
        sid       = "FindEarlierRuns"
        actions   = ["states:ListExecutions"]
        resources = [local.machine_arns.pipeline]
        condition = null
      },
      {
        sid       = "ReadPlan"
        actions   = ["s3:GetObject"]
        resources = ["${var.bucket.arn}/config/pipeline.json"]
        condition = null
      },
      {
        sid       = "WriteResult"
        actions   = ["s3:PutObject"]
        resources = ["${var.bucket.arn}/runs/*/result.json"]
        condition = null
      },
      {
        # A request for one object carries no prefix; this lets S3 say that the plan is missing.
        sid       = "ListConfiguration"
        actions   = ["s3:ListBucket"]
        resources = [var.bucket.arn]
        condition = { StringLikeIfExists = { "s3:prefix" = ["config/*"] } }
      },
      local._log_delivery,
    ])
  }
}

module "role" {
  source   = "../role"
  for_each = local.names

  name        = each.value
  description = "State machine ${each.value}."
  service     = "states.amazonaws.com"
  tags        = var.context.tags
  statements = concat(local.statements[each.key], [for governed in [var.lake_formation] : {
    sid       = "UseLakeFormation"
    actions   = ["lakeformation:GetDataAccess"]
    resources = ["*"]
    condition = null
  } if governed && each.key == "check"])
  # A crawl has nothing to do with what is encrypted; the checks alone read the catalog.
  kms_key_arns = each.key == "crawl" ? [] : each.key == "check" ? [var.kms_key_arn, var.catalog_kms_key_arn] : [var.kms_key_arn]
}
