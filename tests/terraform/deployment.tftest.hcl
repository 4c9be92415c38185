# The whole module, and the root that calls it, applied to a provider that only pretends.
mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

override_resource {
  target = module.workflow.aws_sfn_state_machine.part["crawl"]
  values = {
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:medallion-crawl"
  }
}

override_resource {
  target = module.workflow.aws_sfn_state_machine.part["notify"]
  values = {
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:medallion-notify"
  }
}

override_resource {
  target = module.workflow.aws_sfn_state_machine.arrival
  values = {
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:medallion-arrival"
  }
}

override_resource {
  target = module.triggers.aws_cloudwatch_event_rule.arrival
  values = {
    arn = "arn:aws:events:us-east-1:123456789012:rule/medallion-arrival"
  }
}

override_resource {
  target = module.workflow.aws_sfn_state_machine.pipeline
  values = {
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:medallion-pipeline"
  }
}

run "deploys_the_retail_sample_by_default" {
  module {
    source = "./modules/medallion"
  }

  assert {
    condition     = output.dataset_names == tolist(["customers", "products", "sales"])
    error_message = "Without variables, the retail sample must be deployed; found ${join(", ", output.dataset_names)}."
  }

  assert {
    condition     = output.model_names == tolist(["customer_metrics", "dim_customer", "dim_product", "fact_sales", "product_performance", "sales_summary"]) && output.stage_names == ["dimension", "fact", "mart"]
    error_message = "The models of the retail sample come with it; found ${join(", ", output.model_names)} in ${join(", ", output.stage_names)}."
  }

  assert {
    condition     = output.bucket_name == "medallion-123456789012-us-east-1"
    error_message = "The bucket is named ${output.bucket_name}."
  }

  assert {
    condition = (
      output.crawler_names == { raw = "medallion-raw", processed = "medallion-processed", analytics = "medallion-analytics" } &&
      output.database_names == { raw = "workshop_raw", processed = "workshop_processed", analytics = "workshop_analytics" } &&
      output.job_names == { ingest = "medallion-ingest", transform = "medallion-transform", model = "medallion-model" }
    )
    error_message = "The names of crawlers, databases and jobs are part of the contract with ops/ and the tests."
  }

  assert {
    condition     = output.workgroup_name == "medallion" && output.schedule_rule_name == "medallion-schedule" && output.region == "us-east-1"
    error_message = "Workgroup, rule or region are not what they are by default."
  }

  assert {
    condition     = length(output.incoming_prefixes) == 0
    error_message = "Nothing is dropped for a sample; found ${jsonencode(output.incoming_prefixes)}."
  }

  assert {
    condition     = length(output.event_dataset_names) == 0 && output.dead_letter_queue_url == null && output.groups == { customers = "customers", products = "products", sales = "sales" }
    error_message = "No file arrives for a sample, so nothing waits for one."
  }

  assert {
    condition     = output.alarm_names == tolist(["medallion-crawl-failed", "medallion-job-failed", "medallion-run-failed"]) && output.dashboard_name == "medallion" && output.arrival_window_seconds == 60
    error_message = "The alarms are ${join(", ", output.alarm_names)}."
  }
}

run "starts_runs_by_files_that_arrive" {
  module {
    source = "./modules/medallion"
  }

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }]
        group    = "shop"
        approval = { max_refused_percent = 5 }
      }
      returns = {
        columns  = [{ name = "id", type = "bigint" }]
        group    = "shop"
        triggers = ["event"]
      }
      stock = {
        columns  = [{ name = "id", type = "bigint" }]
        triggers = []
      }
    }
    monitoring = { freshness_hours = 26 }
    tags       = { owner = "anna" }
  }

  assert {
    condition     = output.event_dataset_names == tolist(["orders", "returns"]) && output.groups == { orders = "shop", returns = "shop", stock = "stock" }
    error_message = "Files that arrive start runs of ${join(", ", output.event_dataset_names)}, in groups ${jsonencode(output.groups)}."
  }

  assert {
    condition     = output.dead_letter_queue_url == "https://sqs.us-east-1.amazonaws.com/123456789012/medallion-dead-letters"
    error_message = "The queue is ${coalesce(output.dead_letter_queue_url, "not there")}."
  }

  assert {
    condition     = output.alarm_names == tolist(["medallion-crawl-failed", "medallion-dead-letters", "medallion-freshness", "medallion-job-failed", "medallion-run-failed", "medallion-unrouted-files"])
    error_message = "The alarms are ${join(", ", output.alarm_names)}."
  }

  assert {
    condition     = { for name, dataset in local.datasets : name => join(" ", dataset.triggers) } == { orders = "event schedule", returns = "event", stock = "" }
    error_message = "What is left out of triggers is filled in: ${jsonencode({ for name, dataset in local.datasets : name => dataset.triggers })}"
  }

  assert {
    condition     = local.datasets.orders.approval.timeout_hours == 24 && local.datasets.returns.approval == null
    error_message = "An approval has a day, and is not there unless it is asked for."
  }
}

run "deploys_to_another_partition" {
  # A deployment of its own: a bucket cannot be renamed.
  state_key = "another_partition"

  module {
    source = "./modules/medallion"
  }

  variables {
    datasets = { alerts = { columns = [{ name = "alert_id", type = "bigint" }] } }
    models   = {}
  }

  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-us-gov", dns_suffix = "amazonaws.com" }
  }

  override_data {
    target = data.aws_region.current
    values = { id = "us-gov-west-1" }
  }

  assert {
    condition     = local.context.console_url == "https://console.amazonaws-us-gov.com"
    error_message = "Mails lead to ${local.context.console_url}."
  }
}

run "names_everything_after_its_name" {
  # A deployment of its own: a bucket cannot be renamed.
  state_key = "shop"

  module {
    source = "./modules/medallion"
  }

  # The region is that of the caller's provider.
  override_data {
    target = data.aws_region.current
    values = {
      id = "eu-central-1"
    }
  }

  variables {
    name            = "shop"
    bucket_name     = "shop-lake"
    database_prefix = "shop"
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }]
      }
    }
    monitoring          = { dashboard = false, success_mails = false }
    schedule_expression = null
  }

  assert {
    condition     = output.bucket_name == "shop-lake" && output.region == "eu-central-1" && output.workgroup_name == "shop"
    error_message = "bucket_name and name, and the region of the provider, must be taken."
  }

  assert {
    condition     = output.database_names == { raw = "shop_raw", processed = "shop_processed", analytics = "shop_analytics" }
    error_message = "The databases are ${jsonencode(output.database_names)}."
  }

  assert {
    condition     = output.incoming_prefixes == { orders = "s3://shop-lake/incoming/orders/" }
    error_message = "Files are to be dropped at ${jsonencode(output.incoming_prefixes)}."
  }

  assert {
    condition     = output.schedule_rule_name == null
    error_message = "Without a schedule there must be no rule."
  }

  assert {
    condition     = output.dashboard_name == null && alltrue([for name in output.alarm_names : startswith(name, "shop-")])
    error_message = "The dashboard is not wanted, and the alarms are ${join(", ", output.alarm_names)}."
  }

  assert {
    condition     = length(output.model_names) == 0 && length(output.stage_names) == 0 && output.crawler_names.analytics == null
    error_message = "Without the samples there must be none of their models; found ${join(", ", output.model_names)}."
  }
}

run "runs_the_jobs_of_duckdb_where_it_is_told_to" {
  module {
    source = "./modules/medallion"
  }

  variables {
    jobs = { runtime = "spark", ingest_dpu = 1, spark_worker_type = "G.2X", spark_max_workers = 5 }
  }

  assert {
    condition     = output.job_names == { ingest = "medallion-ingest", transform = "medallion-transform", model = "medallion-model" }
    error_message = "The jobs are ${jsonencode(output.job_names)}."
  }

  assert {
    condition     = alltrue([for job in values(local.duckdb_jobs) : job.dpu == null && job.spark.worker_type == "G.1X" && job.spark.workers == 2])
    error_message = "DuckDB needs one machine, whatever Spark has: ${jsonencode(local.duckdb_jobs)}."
  }

  assert {
    condition     = alltrue([for job in ["model", "transform"] : local.duckdb_jobs[job].arguments == tomap({ "--memory-mb" = "2000", "--max-object-mebibytes" = "512" })]) && length(local.duckdb_jobs.ingest.arguments) == 0
    error_message = "Beside the heap of a driver, DuckDB has 2 GB: ${jsonencode(local.duckdb_jobs)}."
  }
}

# What is asked of these is asked in tests/terraform/test_encryption.py, of every resource.
run "encrypts_all_with_the_key" {
  module {
    source = "./modules/medallion"
  }

  variables {
    catalog_kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/catalog"
    kms_key_arn         = "arn:aws:kms:us-east-1:123456789012:key/lake"
    lake_formation      = true
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }]
        engine   = "spark"
        triggers = ["event"]
      }
    }
    schedule_expression = null
  }

  assert {
    condition     = output.dead_letter_queue_url != null
    error_message = "A queue has to be there, to be encrypted."
  }
}

run "makes_spark_jobs_for_whom_asks" {
  module {
    source = "./modules/medallion"
  }

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }]
        engine  = "spark"
      }
    }
    models = {
      sales_summary = { stage = "mart", engine = "spark" }
      fact_sales    = { stage = "fact" }
    }
    models_directory = "examples/retail/models"
    jobs             = { spark_worker_type = "G.2X", max_object_mebibytes = 64 }
  }

  expect_failures = [check.models_directory_holds_no_other_sql]

  assert {
    condition     = output.job_names == { ingest = "medallion-ingest", transform = "medallion-transform", model = "medallion-model", transform-spark = "medallion-transform-spark", model-spark = "medallion-model-spark" }
    error_message = "The jobs are ${jsonencode(output.job_names)}."
  }

  assert {
    condition     = local.spark_jobs["model-spark"].arguments == { "--memory-mb" = "4000", "--max-object-mebibytes" = "64" } && local.spark_jobs["transform-spark"].arguments == { "--max-object-mebibytes" = "64" }
    error_message = "The arguments of the Spark jobs are ${jsonencode(local.spark_jobs)}."
  }
}

run "makes_one_spark_job_for_models_alone" {
  command = plan

  module {
    source = "./modules/medallion"
  }

  variables {
    models = { sales_summary = { stage = "mart", engine = "spark" } }
  }

  expect_failures = [check.models_directory_holds_no_other_sql]

  assert {
    condition     = join(" ", keys(output.job_names)) == "ingest model model-spark transform"
    error_message = "The jobs are ${join(", ", keys(output.job_names))}."
  }
}
