# What is refused at plan, one run a rule and a field, and what is taken. Models, their SQL and their stages.
# They run on the variables alone, without the provider: see tests/rendering.py.

run "takes_the_retail_models_with_the_samples" {
  command = plan

  assert {
    condition     = join(" ", keys(local.models)) == "customer_metrics dim_customer dim_product fact_sales product_performance sales_summary"
    error_message = "The default models are ${join(", ", keys(local.models))}."
  }

  assert {
    condition     = local.models["fact_sales"].stage == "fact" && local.models["fact_sales"].engine == "duckdb" && local.models["fact_sales"].checks.row_count.min == 1
    error_message = "fact_sales is ${jsonencode(local.models["fact_sales"])}."
  }
}

run "takes_no_models_without_the_samples" {
  command = plan

  variables {
    datasets = { customers = { columns = [{ name = "id", type = "bigint" }] }, products = { columns = [{ name = "id", type = "bigint" }] }, sales = { columns = [{ name = "id", type = "bigint" }] } }
  }

  assert {
    condition     = length(local.models) == 0
    error_message = "Datasets that bear the samples' names are no samples; found ${join(", ", keys(local.models))}."
  }
}

run "takes_no_models_with_other_stages" {
  command = plan

  variables {
    stages = ["gold"]
  }

  assert {
    condition     = length(local.models) == 0
    error_message = "The retail models have no place in these stages; found ${join(", ", keys(local.models))}."
  }
}

run "takes_no_models_when_told_so" {
  command = plan

  variables {
    models = {}
    stages = []
  }

  assert {
    condition     = length(local.models) == 0
    error_message = "models = {} means none; found ${join(", ", keys(local.models))}."
  }
}

run "takes_models_with_every_field" {
  command = plan

  variables {
    stages = ["gold"]
    models = {
      customer_metrics    = { stage = "gold" }
      dim_customer        = { stage = "gold" }
      dim_product         = { stage = "gold" }
      product_performance = { stage = "gold" }
      sales_summary       = { stage = "gold" }
      fact_sales = {
        stage        = "gold"
        engine       = "spark"
        partition_by = ["sale_month", "channel"]
        checks = {
          not_null        = ["sale_id"]
          unique          = [["sale_id"], ["sold_at", "customer_id"]]
          accepted_values = { channel = ["web"] }
          row_count       = { min = 0, max = 0 }
          sql             = { nothing_wrong = "WITH x AS (SELECT 1) SELECT * FROM x WHERE false" }
        }
      }
    }
    models_directory = "examples/retail/models"
  }

  assert {
    condition     = length(local.models) == 6 && local.models["dim_customer"].engine == "duckdb" && local.models["fact_sales"].engine == "spark"
    error_message = "The models are ${jsonencode(local.models)}."
  }
}

run "warns_of_sql_that_no_model_uses" {
  command = plan

  variables {
    models = { dim_product = { stage = "dimension" } }
  }

  expect_failures = [check.models_directory_holds_no_other_sql]
}

run "takes_as_many_tables_as_athena_holds_statements" {
  command = plan

  variables {
    datasets = { for i in range(900) : "d${i}" => { columns = [{ name = "id", type = "bigint" }] } }
    models   = {}
  }

  assert {
    condition     = length(var.datasets) == 900
    error_message = "900 tables must be taken."
  }
}

run "refuses_more_tables_than_athena_holds_statements" {
  command = plan

  variables {
    datasets = { for i in range(901) : "d${i}" => { columns = [{ name = "id", type = "bigint" }] } }
    models   = {}
  }

  expect_failures = [var.models]
}

run "refuses_model_name_with_a_capital" {
  command = plan

  variables {
    models = { "Sales" = { stage = "mart" } }
  }

  expect_failures = [var.models]
}

run "refuses_model_name_that_is_empty" {
  command = plan

  variables {
    models = { "" = { stage = "mart" } }
  }

  expect_failures = [var.models]
}

run "refuses_stage_that_is_not_there" {
  command = plan

  variables {
    models = { sales_summary = { stage = "gold" } }
  }

  expect_failures = [var.models]
}

run "refuses_unknown_engine_of_a_model" {
  command = plan

  variables {
    models = { sales_summary = { stage = "mart", engine = "athena" } }
  }

  expect_failures = [var.models]
}

run "refuses_model_partition_by_with_a_blank" {
  command = plan

  variables {
    models = { sales_summary = { stage = "mart", partition_by = ["sale month"] } }
  }

  expect_failures = [var.models]
}

run "refuses_model_partition_by_twice" {
  command = plan

  variables {
    models = { sales_summary = { stage = "mart", partition_by = ["sale_month", "sale_month"] } }
  }

  expect_failures = [var.models]
}

run "refuses_model_not_null_with_a_capital" {
  command = plan

  variables {
    models = { sales_summary = { stage = "mart", checks = { not_null = ["Revenue"] } } }
  }

  expect_failures = [var.models]
}

run "refuses_model_not_null_twice" {
  command = plan

  variables {
    models = { sales_summary = { stage = "mart", checks = { not_null = ["revenue", "revenue"] } } }
  }

  expect_failures = [var.models]
}

run "refuses_model_unique_with_a_quote" {
  command = plan

  variables {
    models = { sales_summary = { stage = "mart", checks = { unique = [["it's"]] } } }
  }

  expect_failures = [var.models]
}

run "refuses_model_unique_twice" {
  command = plan

  variables {
    models = { sales_summary = { stage = "mart", checks = { unique = [["id", "id"]] } } }
  }

  expect_failures = [var.models]
}

run "refuses_model_unique_of_no_columns" {
  command = plan

  variables {
    models = { sales_summary = { stage = "mart", checks = { unique = [[]] } } }
  }

  expect_failures = [var.models]
}

run "refuses_model_accepted_values_of_no_column" {
  command = plan

  variables {
    models = { sales_summary = { stage = "mart", checks = { accepted_values = { "" = ["a"] } } } }
  }

  expect_failures = [var.models]
}

run "refuses_model_accepted_values_of_none" {
  command = plan

  variables {
    models = { sales_summary = { stage = "mart", checks = { accepted_values = { kind = [] } } } }
  }

  expect_failures = [var.models]
}

run "refuses_model_row_count_below_zero" {
  command = plan

  variables {
    models = { sales_summary = { stage = "mart", checks = { row_count = { min = -1 } } } }
  }

  expect_failures = [var.models]
}

run "refuses_model_row_count_in_halves" {
  command = plan

  variables {
    models = { sales_summary = { stage = "mart", checks = { row_count = { max = 1.5 } } } }
  }

  expect_failures = [var.models]
}

run "refuses_model_row_count_upside_down" {
  command = plan

  variables {
    models = { sales_summary = { stage = "mart", checks = { row_count = { min = 2, max = 1 } } } }
  }

  expect_failures = [var.models]
}

run "refuses_model_sql_check_that_deletes" {
  command = plan

  variables {
    models = { sales_summary = { stage = "mart", checks = { sql = { bad = "DELETE FROM sales_summary" } } } }
  }

  expect_failures = [var.models]
}

run "refuses_model_sql_check_with_a_semicolon" {
  command = plan

  variables {
    models = { sales_summary = { stage = "mart", checks = { sql = { bad = "SELECT 1;" } } } }
  }

  expect_failures = [var.models]
}

run "refuses_model_sql_check_name_with_a_quote" {
  command = plan

  variables {
    models = { sales_summary = { stage = "mart", checks = { sql = { "it's" = "SELECT 1" } } } }
  }

  expect_failures = [var.models]
}

run "refuses_model_named_as_a_dataset" {
  command = plan

  variables {
    datasets = { sales_summary = { columns = [{ name = "id", type = "bigint" }] } }
    models   = { sales_summary = { stage = "mart" } }
  }

  expect_failures = [var.models]
}

run "refuses_model_without_sql" {
  command = plan

  variables {
    models = { sales_forecast = { stage = "mart" } }
  }

  expect_failures = [var.models_directory]
}

run "refuses_models_directory_without_the_sql" {
  command = plan

  variables {
    models_directory = "examples/retail/queries"
  }

  expect_failures = [var.models_directory]
}

run "refuses_stage_with_a_hyphen" {
  command = plan

  variables {
    stages = ["dimension", "fact", "data-mart"]
  }

  expect_failures = [var.stages]
}

run "refuses_stage_that_is_empty" {
  command = plan

  variables {
    stages = ["dimension", ""]
  }

  expect_failures = [var.stages]
}

run "refuses_stage_twice" {
  command = plan

  variables {
    stages = ["dimension", "fact", "dimension"]
  }

  expect_failures = [var.stages]
}

run "refuses_more_stages_than_a_request_holds" {
  command = plan

  variables {
    models = {}
    stages = [for number in range(51) : "stage_${number}"]
  }

  expect_failures = [var.stages]
}

run "takes_as_many_stages_as_a_request_holds" {
  command = plan

  variables {
    models = {}
    stages = [for number in range(50) : "stage_${number}"]
  }

  assert {
    condition     = length(var.stages) == 50
    error_message = "50 stages are allowed."
  }
}
