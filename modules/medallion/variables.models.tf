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

  validation {
    condition     = alltrue([for name, model in coalesce(var.models, {}) : can(regex(local.name_pattern, name))])
    error_message = join("\n", [for name, model in coalesce(var.models, {}) : "Model '${name}': the name is not usable for a table; allowed are ${local.name_rule}. Rename the model and its file." if !can(regex(local.name_pattern, name))])
  }

  validation {
    condition     = alltrue([for name, model in coalesce(var.models, {}) : !contains(keys(var.datasets), name)])
    error_message = join("\n", [for name, model in coalesce(var.models, {}) : "Model '${name}': a dataset has this name, and both have checks and reports of their own. Rename the model and its file, or the dataset." if contains(keys(var.datasets), name)])
  }

  validation {
    condition     = alltrue([for name, model in coalesce(var.models, {}) : contains(var.stages, model.stage)])
    error_message = join("\n", [for name, model in coalesce(var.models, {}) : "Model '${name}', field 'stage': found '${model.stage}'; the stages are ${join(", ", var.stages)}. Use one of them, or add it to the variable stages." if !contains(var.stages, model.stage)])
  }

  validation {
    condition     = alltrue([for name, model in coalesce(var.models, {}) : contains(local.engines, model.engine)])
    error_message = join("\n", [for name, model in coalesce(var.models, {}) : "Model '${name}', field 'engine': found '${model.engine}'; allowed are ${join(", ", local.engines)}. Use one of them." if !contains(local.engines, model.engine)])
  }

  validation {
    condition     = alltrue(flatten([for name, model in coalesce(var.models, {}) : [for field, columns in { partition_by = model.partition_by, "checks.not_null" = model.checks.not_null, "checks.unique" = flatten(model.checks.unique), "checks.accepted_values" = keys(model.checks.accepted_values) } : [for c in columns : can(regex(local.name_pattern, c))]]]))
    error_message = join("\n", flatten([for name, model in coalesce(var.models, {}) : [for field, columns in { partition_by = model.partition_by, "checks.not_null" = model.checks.not_null, "checks.unique" = flatten(model.checks.unique), "checks.accepted_values" = keys(model.checks.accepted_values) } : [for c in columns : "Model '${name}', field '${field}': the column name '${c}' is not allowed; allowed are ${local.name_rule}. Correct it, and give the column such a name in the SQL." if !can(regex(local.name_pattern, c))]]]))
  }

  validation {
    condition     = alltrue(flatten([for name, model in coalesce(var.models, {}) : [for columns in concat([model.partition_by, model.checks.not_null], model.checks.unique) : length(distinct(columns)) == length(columns)]]))
    error_message = join("\n", flatten([for name, model in coalesce(var.models, {}) : [for item in concat([{ field = "partition_by", columns = model.partition_by }, { field = "checks.not_null", columns = model.checks.not_null }], [for columns in model.checks.unique : { field = "checks.unique", columns = columns }]) : "Model '${name}', field '${item.field}': a column stands there twice: ${join(", ", item.columns)}. Name each once." if length(distinct(item.columns)) != length(item.columns)]]))
  }

  validation {
    condition     = alltrue(flatten([for name, model in coalesce(var.models, {}) : [for columns in model.checks.unique : length(columns) > 0]]))
    error_message = join("\n", flatten([for name, model in coalesce(var.models, {}) : [for columns in model.checks.unique : "Model '${name}', field 'checks.unique': found an empty list. Name the columns that are unique together, or leave it out." if length(columns) == 0]]))
  }

  validation {
    condition     = alltrue(flatten([for name, model in coalesce(var.models, {}) : [for c, values in model.checks.accepted_values : length(values) > 0]]))
    error_message = join("\n", flatten([for name, model in coalesce(var.models, {}) : [for c, values in model.checks.accepted_values : "Model '${name}', field 'checks.accepted_values': the list of column '${c}' is empty. Name the values that are accepted, or leave the check out." if length(values) == 0]]))
  }

  validation {
    condition     = alltrue(flatten([for name, model in coalesce(var.models, {}) : [for field, value in model.checks.row_count : value == null || try(value >= 0 && floor(value) == value, false)]]))
    error_message = join("\n", flatten([for name, model in coalesce(var.models, {}) : [for field, value in model.checks.row_count : "Model '${name}', field 'checks.row_count.${field}': found ${coalesce(value, 0)}; allowed are whole numbers from 0. Correct it." if !(value == null || try(value >= 0 && floor(value) == value, false))]]))
  }

  validation {
    condition     = alltrue([for name, model in coalesce(var.models, {}) : try(model.checks.row_count.min <= model.checks.row_count.max, true)])
    error_message = join("\n", [for name, model in coalesce(var.models, {}) : "Model '${name}', field 'checks.row_count': min is ${coalesce(model.checks.row_count.min, 0)} and max is ${coalesce(model.checks.row_count.max, 0)}, so that no number of rows is right. Make min the smaller one." if !try(model.checks.row_count.min <= model.checks.row_count.max, true)])
  }

  validation {
    condition     = alltrue(flatten([for name, model in coalesce(var.models, {}) : [for check, sql in model.checks.sql : can(regex("^(?i)(select|with)\\s", trimspace(sql))) && !endswith(trimspace(sql), ";")]]))
    error_message = join("\n", flatten([for name, model in coalesce(var.models, {}) : [for check, sql in model.checks.sql : "Model '${name}', field 'checks.sql.${check}': found '${substr(trimspace(sql), 0, 60)}'; it must be one query that begins with SELECT or WITH, without a semicolon at its end. Write it so that it returns the rows that are wrong." if !(can(regex("^(?i)(select|with)\\s", trimspace(sql))) && !endswith(trimspace(sql), ";"))]]))
  }

  validation {
    condition     = alltrue(flatten([for name, model in coalesce(var.models, {}) : [for check in keys(model.checks.sql) : can(regex(local.name_pattern, check))]]))
    error_message = join("\n", flatten([for name, model in coalesce(var.models, {}) : [for check in keys(model.checks.sql) : "Model '${name}', field 'checks.sql': the name '${check}' is not allowed; allowed are ${local.name_rule}. Rename the check." if !can(regex(local.name_pattern, check))]]))
  }

  validation {
    condition     = length(coalesce(var.models, {})) + length(var.datasets) <= local.tables_limit
    error_message = "There are ${length(coalesce(var.models, {}))} models and ${length(var.datasets)} datasets, and each has a prepared statement in Athena, whose workgroups hold 1,000. Allowed are ${local.tables_limit} together: put some into a deployment of their own, with another name."
  }
}

variable "models_directory" {
  description = "Folder of the SQL of the models, <model>.sql each, relative to the folder in which Terraform runs; a module that calls this one begins it with its path.module. Default: null, which is examples/retail/models of this repository."
  type        = string
  default     = null

  validation {
    condition     = alltrue([for name in keys(local.models) : fileexists("${coalesce(var.models_directory, local.retail_directory)}/${name}.sql") || !can(regex(local.name_pattern, name))])
    error_message = join("\n", [for name in keys(local.models) : "Model '${name}': there is no file '${coalesce(var.models_directory, local.retail_directory)}/${name}.sql' (which is ${abspath(coalesce(var.models_directory, local.retail_directory))}/${name}.sql); the SQL of a model is <models_directory>/<model>.sql. Write it, or set models_directory to the folder that holds it." if !(fileexists("${coalesce(var.models_directory, local.retail_directory)}/${name}.sql") || !can(regex(local.name_pattern, name)))])
  }
}

variable "stages" {
  description = "The stages of the models, in the order in which they run: a model may read tables of its own stage and of earlier ones. At most 50. Default: dimension, fact, mart."
  type        = list(string)
  default     = ["dimension", "fact", "mart"]
  nullable    = false

  validation {
    condition     = alltrue([for stage in var.stages : can(regex(local.name_pattern, stage))])
    error_message = join("\n", [for stage in var.stages : "stages holds '${stage}'; allowed are ${local.name_rule}. Rename the stage." if !can(regex(local.name_pattern, stage))])
  }

  validation {
    condition     = length(distinct(var.stages)) == length(var.stages)
    error_message = "stages holds a name twice: ${join(", ", var.stages)}. Name each stage once."
  }

  validation {
    # A request of stages is one execution, which tells of each.
    condition     = length(var.stages) <= 50
    error_message = "stages holds ${length(var.stages)} names; at most 50 are allowed. Put models that do not read each other into one stage."
  }
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
        amount_is_positive   = "SELECT sale_id FROM fact_sales WHERE amount <= 0"
        known_customers_are  = "SELECT f.sale_id FROM fact_sales AS f LEFT JOIN dim_customer AS c ON c.customer_id = f.customer_id WHERE f.has_known_customer <> (c.customer_id IS NOT NULL)"
        profit_needs_product = "SELECT sale_id FROM fact_sales WHERE profit IS NOT NULL AND NOT has_known_product"
      }
    }
    customer_metrics = {
      stage           = "mart"
      key             = ["customer_id"]
      accepted_values = { segment = ["none", "small", "middle", "large"] }
      sql             = { no_customer_is_lost = "SELECT m.n FROM (SELECT count(*) AS n FROM customer_metrics) AS m CROSS JOIN (SELECT count(*) AS n FROM dim_customer) AS c WHERE m.n <> c.n" }
    }
    product_performance = {
      stage = "mart"
      key   = ["product_id"]
      sql   = { no_product_is_lost = "SELECT m.n FROM (SELECT count(*) AS n FROM product_performance) AS m CROSS JOIN (SELECT count(*) AS n FROM dim_product) AS p WHERE m.n <> p.n" }
    }
    sales_summary = {
      stage = "mart"
      key   = ["sale_month"]
      sql = {
        no_revenue_is_lost = "SELECT s.n FROM (SELECT max(revenue_to_date) AS n FROM sales_summary) AS s CROSS JOIN (SELECT sum(amount) AS n FROM fact_sales) AS f WHERE s.n <> f.n"
        no_sale_is_lost    = "SELECT s.n FROM (SELECT sum(sales) AS n FROM sales_summary) AS s CROSS JOIN (SELECT count(*) AS n FROM fact_sales) AS f WHERE s.n <> f.n"
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
}

check "models_directory_holds_no_other_sql" {
  assert {
    condition     = length(local.models) == 0 || length(setsubtract(fileset(local.models_directory, "*.sql"), [for name in keys(local.models) : "${name}.sql"])) == 0
    error_message = "models_directory (${local.models_directory}) holds SQL that no model uses: ${join(", ", setsubtract(fileset(local.models_directory, "*.sql"), [for name in keys(local.models) : "${name}.sql"]))}. Describe each in the variable models, or remove the file."
  }
}
