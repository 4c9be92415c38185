variable "models" {
  description = <<-EOT
    The models by name, which becomes the name of their tables in the analytics layer. The SQL of each is <models_directory>/<model>.sql. Fields of each:
    - stage: one of stages.
    - engine: what runs the SQL, duckdb (in a Python shell job, for what one machine can hold; default) or spark (on Glue for Spark).
    - partition_by: columns by which the table is partitioned, which the SQL has to make strings; default none.
    - checks: not_null (columns), unique (lists of columns), accepted_values (values by column, for columns that are no decimals, doubles or timestamps), row_count (min, max) and sql (by name: Athena SQL over the analytics tables that returns what is wrong). Default none.
    Default: null, the models of examples/retail while the samples customers, products and sales are among the datasets (source type sample) and the stages are the default ones, and none otherwise.
  EOT
  type = map(object({
    stage        = string
    engine       = optional(string, "duckdb")
    partition_by = optional(list(string), [])
    checks = optional(object({
      not_null        = optional(list(string), [])
      unique          = optional(list(list(string)), [])
      accepted_values = optional(map(list(string)), {})
      row_count = optional(object({
        min = optional(number)
        max = optional(number)
      }), {})
      sql = optional(map(string), {})
    }), {})
  }))
  default = null
}

variable "models_directory" {
  description = "Folder of the SQL of the models, <model>.sql each, relative to the folder in which Terraform runs; a module that calls this one begins it with its path.module. Default: null, which is examples/retail/models of this repository."
  type        = string
  default     = null
}

variable "stages" {
  description = "The stages of the models, in the order in which they run: a model may read tables of its own stage and of earlier ones. At most 50. Default: dimension, fact, mart."
  type        = list(string)
  default     = ["dimension", "fact", "mart"]
  nullable    = false
}

locals {
  _retail = {
    dim_customer = { stage = "dimension", key = ["customer_id"] }
    dim_product = {
      stage           = "dimension"
      key             = ["product_id"]
      accepted_values = { price_band = ["low", "middle", "high"] }
    }
    fact_sales = {
      stage           = "fact"
      key             = ["sale_id"]
      partition_by    = ["sale_month"]
      not_null        = ["customer_id", "product_id", "amount", "has_known_customer", "has_known_product", "sale_month"]
      accepted_values = { channel = ["store", "web", "app", "unknown"] }
      sql = {
        amount_is_positive = "SELECT sale_id FROM fact_sales WHERE amount <= 0"
        known_customers_are = join(" ", [
          "SELECT f.sale_id FROM fact_sales AS f LEFT JOIN dim_customer AS c ON c.customer_id = f.customer_id WHERE f.has_known_customer",
          "<> (c.customer_id IS NOT NULL)",
        ])
        profit_needs_product = "SELECT sale_id FROM fact_sales WHERE profit IS NOT NULL AND NOT has_known_product"
      }
    }
    customer_metrics = {
      stage           = "mart"
      key             = ["customer_id"]
      accepted_values = { segment = ["none", "small", "middle", "large"] }
      sql = { no_customer_is_lost = join(" ", [
        "SELECT m.n FROM (SELECT count(*) AS n FROM customer_metrics) AS m CROSS JOIN (SELECT count(*) AS n FROM dim_customer) AS c",
        "WHERE m.n <> c.n",
      ]) }
    }
    product_performance = {
      stage = "mart"
      key   = ["product_id"]
      sql = { no_product_is_lost = join(" ", [
        "SELECT m.n FROM (SELECT count(*) AS n FROM product_performance) AS m CROSS JOIN (SELECT count(*) AS n FROM dim_product) AS p",
        "WHERE m.n <> p.n",
      ]) }
    }
    sales_summary = {
      stage = "mart"
      key   = ["sale_month"]
      sql = {
        no_revenue_is_lost = join(" ", [
          "SELECT s.n FROM (SELECT max(revenue_to_date) AS n FROM sales_summary) AS s CROSS JOIN (SELECT sum(amount) AS n FROM",
          "fact_sales) AS f WHERE s.n <> f.n",
        ])
        no_sale_is_lost = join(" ", [
          "SELECT s.n FROM (SELECT sum(sales) AS n FROM sales_summary) AS s CROSS JOIN (SELECT count(*) AS n FROM fact_sales) AS f WHERE",
          "s.n <> f.n",
        ])
      }
    }
  }
  _has_retail = alltrue(concat(
    [for name in local.sample_tables : try(var.datasets[name].source.type == "sample", false)],
    [for model in local._retail : contains(var.stages, model.stage)],
    [for name in keys(local._retail) : !contains(keys(var.datasets), name)],
  ))
  _retail_models = { for name, model in local._retail : name => {
    stage        = model.stage
    engine       = "duckdb"
    partition_by = try(model.partition_by, [])
    checks = {
      not_null        = concat(model.key, try(model.not_null, []))
      unique          = [model.key]
      accepted_values = try(model.accepted_values, {})
      row_count       = { min = 1, max = null }
      sql             = try(model.sql, {})
    }
  } if local._has_retail }

  # Folder of the repository that holds this module. Its path in short, so that no object has another source than when
  # the root was the module: SQL that was edited in the bucket would be overwritten.
  repository = path.module == "." ? "../.." : dirname(dirname(path.module))

  models           = var.models == null ? local._retail_models : var.models
  retail_directory = "${local.repository}/examples/retail/models"
  models_directory = coalesce(var.models_directory, local.retail_directory)

  _model_files = toset([for name in keys(local.models) : "${name}.sql"])
  _other_sql   = length(local.models) == 0 ? [] : tolist(setsubtract(fileset(local.models_directory, "*.sql"), local._model_files))
}

check "models_directory_holds_no_other_sql" {
  assert {
    condition = length(local._other_sql) == 0
    error_message = join(" ", [
      "models_directory (${local.models_directory}) holds SQL that no model uses: ${join(", ", local._other_sql)}.",
      "Describe each in the variable models, or remove the file.",
    ])
  }
}
