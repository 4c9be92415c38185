mock_provider "aws" {
  source = "./tests/terraform/mocks"
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
      checks       = { not_null = [], unique = [], accepted_values = {}, row_count = { min = null, max = null }, sql = {} }
    }
  }
  scan_limit_mebibytes = 10
}

run "crawls_one_target_a_dataset" {
  command = plan

  module {
    source = "./modules/catalog"
  }

  assert {
    condition     = [for target in aws_glue_crawler.this["raw"].s3_target : target.path] == ["s3://lake/raw/orders/", "s3://lake/raw/returns/"]
    error_message = "The raw crawler's targets are ${join(", ", [for target in aws_glue_crawler.this["raw"].s3_target : target.path])}."
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
    condition     = jsondecode(aws_glue_crawler.this["raw"].configuration).CrawlerOutput.Tables.AddOrUpdateBehavior == "MergeNewColumns" && !can(jsondecode(aws_glue_crawler.this["processed"].configuration).CrawlerOutput.Tables)
    error_message = "raw keeps the columns of older files; processed takes the types that its files have now."
  }

  assert {
    condition     = alltrue([for crawler in values(aws_glue_crawler.this) : crawler.schema_change_policy[0].delete_behavior == "LOG"])
    error_message = "A crawl must never delete a table."
  }
}

run "stores_contracts_whole" {
  command = plan

  module {
    source = "./modules/catalog"
  }

  assert {
    condition     = aws_s3_object.contract["returns"].content == jsonencode(merge({ name = "returns" }, var.datasets["returns"]))
    error_message = "The contract must be the dataset with its name, nulls included: ${aws_s3_object.contract["returns"].content}"
  }

  assert {
    condition     = aws_s3_object.plan.key == "config/pipeline.json" && aws_s3_object.plan.content == "{\"datasets\":[{\"min_rows\":5,\"name\":\"orders\"},{\"min_rows\":0,\"name\":\"returns\"}]}"
    error_message = "The plan is ${aws_s3_object.plan.content}."
  }
}

run "limits_what_a_query_scans" {
  command = plan

  module {
    source = "./modules/catalog"
  }

  assert {
    condition = (
      aws_athena_workgroup.this.configuration[0].bytes_scanned_cutoff_per_query == 10485760 &&
      aws_athena_workgroup.this.configuration[0].enforce_workgroup_configuration &&
      aws_athena_workgroup.this.configuration[0].result_configuration[0].output_location == "s3://lake/athena-results/" &&
      aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_S3"
    )
    error_message = "The workgroup must enforce its limit, its place for results and their encryption."
  }
}

run "checks_what_the_contract_says" {
  command = plan

  module {
    source = "./modules/catalog"
  }

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
}
