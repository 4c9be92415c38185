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
  bucket          = { name = "lake", arn = "arn:aws:s3:::lake" }
  database_prefix = "shop"
  datasets = {
    orders = {
      source      = { type = "drop", table = null, rows = null, seed = 42 }
      format      = "auto"
      delimiter   = null
      encoding    = "utf-8"
      null_values = [""]
      columns = [
        { name = "id", type = "bigint", required = true, clean = [], format = null },
        { name = "customer", type = "string", required = true, clean = ["trim"], format = null },
        { name = "status", type = "string", required = false, clean = [], format = null },
      ]
      key          = ["id"]
      order_by     = []
      filter       = null
      derive       = []
      partition_by = []
      engine       = "spark"
      group        = "shop"
      triggers     = ["event", "schedule"]
      approval     = { max_refused_percent = 5, max_row_change_percent = null, timeout_hours = 24 }
      checks = {
        not_null        = ["customer"]
        unique          = [["id"], ["customer", "status"]]
        accepted_values = { status = ["new", "it's"] }
        row_count       = { min = 5, max = null }
        sql             = { no_ghosts = "SELECT id FROM orders -- all of them" }
      }
    }
    returns = {
      source       = { type = "drop", table = null, rows = null, seed = 42 }
      format       = "auto"
      delimiter    = null
      encoding     = "utf-8"
      null_values  = [""]
      columns      = [{ name = "note", type = "string", required = false, clean = [], format = null }]
      key          = []
      order_by     = []
      filter       = null
      derive       = []
      partition_by = []
      engine       = "duckdb"
      group        = "returns"
      triggers     = []
      approval     = null
      checks       = { not_null = [], unique = [], accepted_values = {}, row_count = { min = null, max = null }, sql = {} }
    }
  }
  models = {
    sales_summary = {
      stage        = "mart"
      engine       = "duckdb"
      partition_by = ["sale_month"]
      checks = {
        not_null        = ["revenue"]
        unique          = [["sale_month"]]
        accepted_values = { kind = ["it's"] }
        row_count       = { min = 2, max = 9 }
        sql             = { no_ghosts = "SELECT revenue FROM sales_summary -- all of them" }
      }
    }
    customer_metrics = {
      stage        = "mart"
      engine       = "spark"
      partition_by = []
      checks       = { not_null = [], unique = [], accepted_values = {}, row_count = { min = null, max = null }, sql = {} }
    }
    dim_product = {
      stage        = "dimension"
      engine       = "duckdb"
      partition_by = []
      checks       = { not_null = [], unique = [], accepted_values = {}, row_count = { min = null, max = null }, sql = {} }
    }
  }
  models_directory     = "examples/retail/models"
  scan_limit_mebibytes = 10
  stages               = ["dimension", "fact", "mart"]
}

run "with_the_variables_above" {
  command = plan

  module {
    source = "./modules/catalog"
  }

  # Crawls one target a table.
  assert {
    condition     = [for target in aws_glue_crawler.this["raw"].s3_target : target.path] == ["s3://lake/raw/orders/", "s3://lake/raw/returns/"]
    error_message = "The raw crawler's targets are ${join(", ", [for target in aws_glue_crawler.this["raw"].s3_target : target.path])}."
  }

  assert {
    condition     = [for target in aws_glue_crawler.this["analytics"].s3_target : target.path] == ["s3://lake/analytics/customer_metrics/", "s3://lake/analytics/dim_product/", "s3://lake/analytics/sales_summary/"]
    error_message = "The targets of the analytics crawler are ${join(", ", [for target in aws_glue_crawler.this["analytics"].s3_target : target.path])}."
  }

  assert {
    condition     = alltrue([for layer, crawler in aws_glue_crawler.this : crawler.database_name == "shop_${layer}" && crawler.name == "lake-${layer}"])
    error_message = "Each crawler writes to the database of its layer."
  }

  assert {
    condition     = alltrue([for crawler in values(aws_glue_crawler.this) : jsondecode(crawler.configuration).CrawlerOutput.Partitions.AddOrUpdateBehavior == "InheritFromTable" && jsondecode(crawler.configuration).Grouping.TableLevelConfiguration == 3])
    error_message = "Partitions take the table's columns, and bucket/layer/dataset is one table."
  }

  assert {
    condition     = alltrue([for crawler in values(aws_glue_crawler.this) : jsondecode(crawler.configuration).CreatePartitionIndex == false])
    error_message = "Indexes of partitions are made unless that is switched off; the role has no right to."
  }

  assert {
    condition     = jsondecode(aws_glue_crawler.this["raw"].configuration).CrawlerOutput.Tables.AddOrUpdateBehavior == "MergeNewColumns" && alltrue([for layer in ["processed", "analytics"] : !can(jsondecode(aws_glue_crawler.this[layer].configuration).CrawlerOutput.Tables)])
    error_message = "raw keeps the columns of older files; the other layers take the types that their files have now."
  }

  assert {
    condition     = alltrue([for crawler in values(aws_glue_crawler.this) : crawler.schema_change_policy[0].delete_behavior == "LOG"])
    error_message = "A crawl must never delete a table."
  }

  # Stores contracts whole.
  assert {
    condition     = aws_s3_object.contract["returns"].content == jsonencode(merge({ name = "returns" }, { for field, value in var.datasets["returns"] : field => value if !contains(["group", "triggers"], field) }))
    error_message = "The contract must be the dataset with its name, nulls included, without group and triggers, which the plan has: ${aws_s3_object.contract["returns"].content}"
  }

  assert {
    condition     = jsondecode(aws_s3_object.contract["orders"].content).approval == { max_refused_percent = 5, max_row_change_percent = null, timeout_hours = 24 } && jsondecode(aws_s3_object.contract["returns"].content).approval == null
    error_message = "The jobs read of approval in the contract: ${aws_s3_object.contract["orders"].content}"
  }

  assert {
    condition = aws_s3_object.plan.key == "config/pipeline.json" && jsondecode(aws_s3_object.plan.content) == {
      datasets = [
        { name = "orders", min_rows = 5, engine = "spark", group = "shop", triggers = ["event", "schedule"] },
        { name = "returns", min_rows = 0, engine = "duckdb", group = "returns", triggers = [] },
      ]
      stages = [{ name = "dimension", engine = "duckdb" }, { name = "mart", engine = "spark" }]
    }
    error_message = "The plan is ${aws_s3_object.plan.content}."
  }

  assert {
    condition     = output.stage_names == ["dimension", "mart"]
    error_message = "Only stages that have models run, in their order; found ${join(", ", output.stage_names)}."
  }

  # Stores models and their sql.
  assert {
    condition = aws_s3_object.models.key == "config/models.json" && jsondecode(aws_s3_object.models.content) == {
      stages = ["dimension", "fact", "mart"]
      models = {
        customer_metrics = { stage = "mart", engine = "spark", partition_by = [], min_rows = 0 }
        dim_product      = { stage = "dimension", engine = "duckdb", partition_by = [], min_rows = 0 }
        sales_summary    = { stage = "mart", engine = "duckdb", partition_by = ["sale_month"], min_rows = 2 }
      }
    }
    error_message = "The models are ${aws_s3_object.models.content}."
  }

  assert {
    condition     = { for name, object in aws_s3_object.sql : object.key => object.source_hash } == { for name in keys(var.models) : "config/models/${name}.sql" => filesha256("examples/retail/models/${name}.sql") }
    error_message = "The SQL of each model must be in the bucket, and follow its file."
  }

  # Limits what a query scans.
  assert {
    condition = (
      aws_athena_workgroup.this.configuration[0].bytes_scanned_cutoff_per_query == 10485760 &&
      aws_athena_workgroup.this.configuration[0].enforce_workgroup_configuration &&
      aws_athena_workgroup.this.configuration[0].result_configuration[0].output_location == "s3://lake/athena-results/" &&
      aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_S3"
    )
    error_message = "The workgroup must enforce its limit, its place for results and their encryption."
  }

  # Checks what the contract says.
  assert {
    condition     = length(regexall("\\?", aws_athena_prepared_statement.check["orders"].query_statement)) == 2 && length(regexall("WHERE n <> \\?", aws_athena_prepared_statement.check["orders"].query_statement)) == 2
    error_message = "The two parameters, raw rows and processed rows, may stand in WHERE only."
  }

  assert {
    condition = alltrue([for check in ["raw_rows", "processed_rows", "row_count", "not_null(id)", "not_null(customer)", "accepted_values(status)", "unique(id)", "unique(customer, status)", "sql(no_ghosts)"] :
      length(regexall("'${replace(replace(check, "(", "\\("), ")", "\\)")}'", aws_athena_prepared_statement.check["orders"].query_statement)) == 1
    ])
    error_message = "Each check must stand there once: ${aws_athena_prepared_statement.check["orders"].query_statement}"
  }

  assert {
    condition     = strcontains(aws_athena_prepared_statement.check["orders"].query_statement, "NOT IN ('new', 'it''s')")
    error_message = "Quotes in accepted values must be doubled."
  }

  assert {
    condition     = length(regexall("SELECT", aws_athena_prepared_statement.check["returns"].query_statement)) == 4
    error_message = "Without key, required columns and checks, only the rows are counted: ${aws_athena_prepared_statement.check["returns"].query_statement}"
  }

  assert {
    condition     = length(regexall("\\?", aws_athena_prepared_statement.check["sales_summary"].query_statement)) == 1 && strcontains(aws_athena_prepared_statement.check["sales_summary"].query_statement, "FROM (SELECT count(*) AS n FROM \"shop_analytics\".\"sales_summary\")\nWHERE n <> ?")
    error_message = "A model has one parameter, the rows that its job reported: ${aws_athena_prepared_statement.check["sales_summary"].query_statement}"
  }

  assert {
    condition = alltrue([for check in ["analytics_rows", "row_count", "not_null(revenue)", "accepted_values(kind)", "unique(sale_month)", "sql(no_ghosts)"] :
      length(regexall("'${replace(replace(check, "(", "\\("), ")", "\\)")}'", aws_athena_prepared_statement.check["sales_summary"].query_statement)) == 1
    ])
    error_message = "Each check must stand there once: ${aws_athena_prepared_statement.check["sales_summary"].query_statement}"
  }
}

run "needs_no_models" {
  command = plan

  module {
    source = "./modules/catalog"
  }

  variables {
    models = {}
  }

  assert {
    condition     = keys(aws_glue_crawler.this) == ["processed", "raw"] && output.crawler_names == { raw = "lake-raw", processed = "lake-processed", analytics = null }
    error_message = "Without models there is nothing to crawl in analytics: ${jsonencode(output.crawler_names)}"
  }

  assert {
    condition     = output.database_names == { raw = "shop_raw", processed = "shop_processed", analytics = "shop_analytics" }
    error_message = "The databases are ${jsonencode(output.database_names)}."
  }

  assert {
    condition     = jsondecode(aws_s3_object.plan.content).stages == [] && length(aws_s3_object.sql) == 0 && jsondecode(aws_s3_object.models.content).models == {}
    error_message = "There must be no stage to run: ${aws_s3_object.plan.content}"
  }
}
