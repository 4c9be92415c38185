locals {
  layers = {
    raw       = "Rows as they came, one partition a day of arrival."
    processed = "Typed, cleaned and deduplicated rows."
    analytics = "What the models make of the other layers: dimensions, facts, marts."
  }
  databases = { for layer in keys(local.layers) : layer => "${var.database_prefix}_${layer}" }

  _tables_by_layer = {
    raw       = sort(keys(var.datasets))
    processed = sort(keys(var.datasets))
    analytics = sort(keys(var.models))
  }
  # A crawler needs a target: without models there is none for analytics.
  crawled = { for layer, tables in local._tables_by_layer : layer => tables if length(tables) > 0 }

  _merge = {
    # Files of different times may have different columns, and none of them may be lost.
    raw = { Tables = { AddOrUpdateBehavior = "MergeNewColumns" } }
    # The files of a run are the whole table: a column that got another type in contract or SQL must get it here.
    processed = {}
    analytics = {}
  }
}

# What the provider has read of an object's encryption, it sends again with the next change of the object, and the
# bucket refuses what is not its own: with another key, objects are made anew.
resource "terraform_data" "key" {
  input = var.kms_key_arn
}

resource "aws_glue_catalog_database" "this" {
  for_each = local.layers

  name        = local.databases[each.key]
  description = each.value
  tags        = var.context.tags
}

resource "aws_glue_crawler" "this" {
  for_each = local.crawled

  name          = "${var.context.name}-${each.key}"
  description   = "Keeps the tables of ${local.databases[each.key]} in step with ${each.key}/."
  database_name = aws_glue_catalog_database.this[each.key].name
  role          = module.crawler_role.arn
  # Encrypts the logs.
  security_configuration = var.security_configuration

  configuration = jsonencode({
    Version = 1
    # Indexes would take further rights, freeze the partition keys, and be of use from many thousand partitions.
    CreatePartitionIndex = false
    CrawlerOutput = merge(
      { Partitions = { AddOrUpdateBehavior = "InheritFromTable" } },
      local._merge[each.key],
    )
    # One table a dataset or model, however its partitions differ: bucket, layer, name is the third level.
    Grouping = {
      TableGroupingPolicy     = "CombineCompatibleSchemas"
      TableLevelConfiguration = 3
    }
  })

  # One target each: siblings that look alike would become one table.
  dynamic "s3_target" {
    for_each = each.value

    content {
      path = "s3://${var.bucket.name}/${each.key}/${s3_target.value}/"
    }
  }

  recrawl_policy {
    recrawl_behavior = "CRAWL_EVERYTHING"
  }

  schema_change_policy {
    # A partition without files reads as no rows; deleting would also take the table of an empty dataset.
    delete_behavior = "LOG"
    update_behavior = "UPDATE_IN_DATABASE"
  }

  lifecycle {
    # An update can set a security configuration, and not take it away.
    replace_triggered_by = [terraform_data.key]
  }

  tags = var.context.tags
}

module "crawler_role" {
  source = "../role"

  name        = "${var.context.name}-crawler"
  description = "Crawlers of ${var.context.name}: read the tables' files, write the tables."
  service     = "glue.amazonaws.com"
  tags        = var.context.tags

  kms_key_arns = [var.kms_key_arn, var.catalog_kms_key_arn]

  statements = concat(local.crawler_statements, local._crawler_with_key, local._crawler_with_lake_formation)
}

locals {
  _crawler_with_key = [for key_arn in compact([var.kms_key_arn]) : {
    sid       = "ReadSecurityConfiguration"
    actions   = ["glue:GetSecurityConfiguration"]
    resources = ["*"]
    condition = null
  }]
  _crawler_with_lake_formation = [for governed in [var.lake_formation] : {
    sid       = "UseLakeFormation"
    actions   = ["lakeformation:GetDataAccess"]
    resources = ["*"]
    condition = null
  } if governed]

  crawler_statements = [
    {
      sid       = "ReadTables"
      actions   = ["s3:GetObject"]
      resources = [for layer in keys(local.crawled) : "${var.bucket.arn}/${layer}/*"]
      condition = null
    },
    {
      sid       = "ListTables"
      actions   = ["s3:ListBucket"]
      resources = [var.bucket.arn]
      condition = { StringLikeIfExists = { "s3:prefix" = [for layer in keys(local.crawled) : "${layer}/*"] } }
    },
    {
      sid       = "LocateBucket"
      actions   = ["s3:GetBucketLocation"]
      resources = [var.bucket.arn]
      condition = null
    },
    {
      sid = "WriteCatalog"
      actions = [
        "glue:BatchCreatePartition", "glue:BatchGetPartition", "glue:BatchUpdatePartition", "glue:CreatePartition",
        "glue:CreateTable", "glue:GetDatabase", "glue:GetPartition", "glue:GetPartitions", "glue:GetTable",
        "glue:GetTables", "glue:UpdatePartition", "glue:UpdateTable",
      ]
      resources = concat(
        [format(var.context.arn_format, "glue", "catalog")],
        [for layer in keys(local.crawled) : format(var.context.arn_format, "glue", "database/${local.databases[layer]}")],
        [for layer in keys(local.crawled) : format(var.context.arn_format, "glue", "table/${local.databases[layer]}/*")],
      )
      condition = null
    },
    {
      sid       = "WriteLogs"
      actions   = concat(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], var.kms_key_arn == null ? [] : ["logs:AssociateKmsKey"])
      resources = [format(var.context.arn_format, "logs", var.kms_key_arn == null ? "log-group:/aws-glue/crawlers*" : "log-group:/aws-glue/*")]
      condition = null
    },
  ]
}

resource "aws_athena_workgroup" "this" {
  name          = var.context.name
  description   = "Queries on the tables of ${var.context.name}."
  force_destroy = var.force_destroy

  configuration {
    bytes_scanned_cutoff_per_query     = var.scan_limit_mebibytes * 1024 * 1024
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true

    result_configuration {
      output_location = "s3://${var.bucket.name}/athena-results/"

      encryption_configuration {
        encryption_option = var.kms_key_arn == null ? "SSE_S3" : "SSE_KMS"
        kms_key_arn       = var.kms_key_arn
      }
    }
  }

  tags = var.context.tags
}
