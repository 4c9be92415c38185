variable "datasets" {
  description = <<-EOT
    The datasets of the lake by name, which becomes the name of their tables. Fields of each:
    - source: type, drop (files that come to incoming/<dataset>/; default) or sample (retail data made up by the ingest job). For sample: table (customers, products or sales), rows (how many; default null: the table's own number) and seed (default 42).
    - format: auto (csv, tsv, json and ndjson, told apart by content; default), csv, tsv, json, ndjson or parquet.
    - delimiter: of CSV, one ASCII character; default null: found from the header among , ; tab |.
    - encoding: of text files, default utf-8.
    - null_values: texts that mean null, default [""].
    - columns: of the files. Each has name, type (string, boolean, int, bigint, double, date, timestamp, decimal(p,s)), required (default false), clean (functions for strings: trim, lower, upper, title; default none) and format (of dates and timestamps, such as %d/%m/%Y; default null: ISO).
    - key: columns that identify a row; of duplicates, one is kept. Default none: no deduplication.
    - order_by: which duplicate is kept, the first in this order, for example ["updated_at desc"]; after that the newest file.
    - filter: Spark SQL condition that rows must meet; default null.
    - derive: more columns, each with name, type and expression (Spark SQL over the columns and earlier derived ones).
    - partition_by: columns by which the table is partitioned, default none.
    - engine: what transforms it, duckdb (in a Python shell job, for what one machine can hold; default) or spark (on Glue for Spark).
    - group: datasets that are loaded together, as those that models join: a file of one starts a run of those of its group that have files. A name of at most 50 characters; default null: the dataset's own name.
    - triggers: what starts runs of it, a set of event (a file arrives in incoming/<dataset>/, for source type drop alone) and schedule (schedule_expression). Default null: both for source type drop, schedule for others; [] means only by hand.
    - approval: holds the table back, as it was, until somebody approves of the new one, when a threshold is passed: max_refused_percent (of the rows, 0 to 100), max_row_change_percent (against the table as it is, from 0), one of them at least; timeout_hours (1 to 72, default 24) until the run gives up. Default null: no approval.
    - checks: not_null (columns), unique (lists of columns), accepted_values (values by column), row_count (min, max) and sql (by name: Athena SQL over the processed tables that returns what is wrong). Default none; keys and required columns are always checked.
    Default: the retail sample (customers, products, sales).
  EOT
  type = map(object({
    source = optional(object({
      type  = optional(string, "drop")
      table = optional(string)
      rows  = optional(number)
      seed  = optional(number, 42)
    }), {})
    format      = optional(string, "auto")
    delimiter   = optional(string)
    encoding    = optional(string, "utf-8")
    null_values = optional(list(string), [""])
    columns = list(object({
      name     = string
      type     = string
      required = optional(bool, false)
      clean    = optional(list(string), [])
      format   = optional(string)
    }))
    key      = optional(list(string), [])
    order_by = optional(list(string), [])
    filter   = optional(string)
    derive = optional(list(object({
      name       = string
      type       = string
      expression = string
    })), [])
    partition_by = optional(list(string), [])
    engine       = optional(string, "duckdb")
    group        = optional(string)
    triggers     = optional(set(string))
    approval = optional(object({
      max_refused_percent    = optional(number)
      max_row_change_percent = optional(number)
      timeout_hours          = optional(number, 24)
    }))
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
  default = {
    customers = {
      source      = { type = "sample", table = "customers", rows = 1000 }
      null_values = ["", "n/a"]
      columns = [
        { name = "customer_id", type = "bigint", required = true },
        { name = "first_name", type = "string", clean = ["trim", "title"] },
        { name = "last_name", type = "string", clean = ["trim", "title"] },
        { name = "email", type = "string", clean = ["trim", "lower"] },
        { name = "country", type = "string", required = true, clean = ["trim", "upper"] },
        { name = "status", type = "string", required = true, clean = ["trim", "lower"] },
        { name = "signup_date", type = "date" },
        { name = "updated_at", type = "timestamp", required = true },
      ]
      key      = ["customer_id"]
      order_by = ["updated_at desc"]
      filter   = "status = 'active'"
      derive = [
        { name = "full_name", type = "string", expression = "concat(first_name, ' ', last_name)" },
        { name = "email_is_valid", type = "boolean", expression = "coalesce(email RLIKE '^[^@ ]+@[^@ ]+[.][a-z]+$', false)" },
        { name = "signup_year", type = "int", expression = "year(signup_date)" },
      ]
      checks = {
        accepted_values = { status = ["active"] }
        row_count       = { min = 1 }
      }
    }
    products = {
      source = { type = "sample", table = "products", rows = 200 }
      columns = [
        { name = "product_id", type = "bigint", required = true },
        { name = "name", type = "string", required = true, clean = ["trim"] },
        { name = "category", type = "string", required = true, clean = ["trim", "title"] },
        { name = "price", type = "decimal(10,2)", required = true },
        { name = "cost", type = "decimal(10,2)" },
        { name = "updated_at", type = "timestamp", required = true },
      ]
      key      = ["product_id"]
      order_by = ["updated_at desc"]
      filter   = "price > 0"
      derive = [
        { name = "margin", type = "decimal(10,2)", expression = "price - cost" },
        { name = "price_band", type = "string", expression = "CASE WHEN price < 25 THEN 'low' WHEN price < 100 THEN 'middle' ELSE 'high' END" },
      ]
      checks = {
        accepted_values = {
          category   = ["Books", "Clothing", "Electronics", "Garden", "Home", "Toys"]
          price_band = ["low", "middle", "high"]
        }
        row_count = { min = 1 }
      }
    }
    sales = {
      source = { type = "sample", table = "sales", rows = 5000 }
      columns = [
        { name = "sale_id", type = "bigint", required = true },
        { name = "customer_id", type = "bigint", required = true },
        { name = "product_id", type = "bigint", required = true },
        { name = "quantity", type = "int", required = true },
        { name = "unit_price", type = "decimal(10,2)", required = true },
        { name = "channel", type = "string", clean = ["trim", "lower"] },
        { name = "sold_at", type = "timestamp", required = true },
        { name = "updated_at", type = "timestamp", required = true },
      ]
      key      = ["sale_id"]
      order_by = ["updated_at desc"]
      filter   = "quantity > 0"
      derive = [
        { name = "amount", type = "decimal(12,2)", expression = "quantity * unit_price" },
        { name = "sale_date", type = "date", expression = "CAST(sold_at AS DATE)" },
        { name = "sale_month", type = "string", expression = "date_format(sold_at, 'yyyy-MM')" },
      ]
      partition_by = ["sale_month"]
      checks = {
        not_null        = ["sale_month"]
        accepted_values = { channel = ["store", "web", "app"] }
        row_count       = { min = 1 }
        sql             = { amount_is_positive = "SELECT sale_id FROM sales WHERE amount <= 0" }
      }
    }
  }
  nullable = false

  validation {
    condition     = length(var.datasets) > 0
    error_message = "datasets is empty: there would be nothing to run. Describe one at least, or leave the variable out for the retail sample."
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : can(regex(local.name_pattern, name))])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}': the name is not usable for a table; allowed are ${local.name_rule}. Rename the dataset." if !can(regex(local.name_pattern, name))])
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : contains(local.sources, dataset.source.type)])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'source.type': found '${dataset.source.type}'; allowed are drop (files that come to incoming/) and sample (data made up by the ingest job). Use one of them." if !contains(local.sources, dataset.source.type)])
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : dataset.source.type != "sample" || contains(local.sample_tables, coalesce(dataset.source.table, "null"))])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'source.table': found '${coalesce(dataset.source.table, "null")}'; the sample source makes ${join(", ", local.sample_tables)}. Choose one of them." if !(dataset.source.type != "sample" || contains(local.sample_tables, coalesce(dataset.source.table, "null")))])
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : dataset.source.type == "sample" || (dataset.source.table == null && dataset.source.rows == null)])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'source': table and rows are for source type sample, and its type is '${dataset.source.type}'. Leave them out, or change the type." if !(dataset.source.type == "sample" || (dataset.source.table == null && dataset.source.rows == null))])
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : dataset.source.type != "sample" || (contains(["auto", "csv"], dataset.format) && coalesce(dataset.delimiter, ",") == "," && dataset.encoding == "utf-8")])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'format': found '${dataset.format}', delimiter '${coalesce(dataset.delimiter, ",")}', encoding '${dataset.encoding}', but the sample source makes CSV with commas in utf-8. Leave the three out." if !(dataset.source.type != "sample" || (contains(["auto", "csv"], dataset.format) && coalesce(dataset.delimiter, ",") == "," && dataset.encoding == "utf-8"))])
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for number in [{ field = "source.rows", value = dataset.source.rows, least = 1 }, { field = "source.seed", value = dataset.source.seed, least = 0 }, { field = "checks.row_count.min", value = dataset.checks.row_count.min, least = 0 }, { field = "checks.row_count.max", value = dataset.checks.row_count.max, least = 0 }] : number.value == null || try(number.value >= number.least && floor(number.value) == number.value, false)]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for number in [{ field = "source.rows", value = dataset.source.rows, least = 1 }, { field = "source.seed", value = dataset.source.seed, least = 0 }, { field = "checks.row_count.min", value = dataset.checks.row_count.min, least = 0 }, { field = "checks.row_count.max", value = dataset.checks.row_count.max, least = 0 }] : "Dataset '${name}', field '${number.field}': found ${coalesce(number.value, 0)}; allowed are whole numbers from ${number.least}. Correct it." if !(number.value == null || try(number.value >= number.least && floor(number.value) == number.value, false))]]))
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : contains(local.formats, dataset.format)])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'format': found '${dataset.format}'; allowed are ${join(", ", local.formats)}. Use one of them; auto tells all but parquet apart." if !contains(local.formats, dataset.format)])
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : dataset.delimiter == null || can(regex(local.delimiter_pattern, dataset.delimiter))])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'delimiter': found '${dataset.delimiter == null ? "" : dataset.delimiter}'; allowed is one ASCII character that is no letter, digit, quote or line end. Write one, or leave it null to have it found among , ; tab |." if !(dataset.delimiter == null || can(regex(local.delimiter_pattern, dataset.delimiter)))])
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : can(regex(local.encoding_pattern, dataset.encoding))])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'encoding': unknown encoding '${dataset.encoding}'; allowed are names that Python knows, in lower case, such as utf-8, utf-16, latin-1 or windows-1252. Use one of them." if !can(regex(local.encoding_pattern, dataset.encoding))])
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : contains(local.engines, dataset.engine)])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'engine': found '${dataset.engine}'; allowed are ${join(", ", local.engines)}. Use one of them." if !contains(local.engines, dataset.engine)])
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : dataset.group == null || can(regex(local.group_pattern, dataset.group))])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'group': found '${dataset.group == null ? "null" : dataset.group}'; allowed are ${local.group_rule}: runs are named after it. Rename the group." if !(dataset.group == null || can(regex(local.group_pattern, dataset.group)))])
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : dataset.group != null || !can(regex(local.name_pattern, name)) || can(regex(local.group_pattern, name)) || !(dataset.triggers == null ? dataset.source.type == "drop" : contains(dataset.triggers, "event"))])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'group': it is not set, so that it is the dataset's name, whose ${length(name)} characters are too many to name runs by; allowed are 50. Set group to a shorter name." if !(dataset.group != null || !can(regex(local.name_pattern, name)) || can(regex(local.group_pattern, name)) || !(dataset.triggers == null ? dataset.source.type == "drop" : contains(dataset.triggers, "event")))])
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : try(coalesce(var.datasets[dataset.group].group, dataset.group), dataset.group) == dataset.group])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'group': found '${dataset.group == null ? "null" : dataset.group}', the name of a dataset that is in another group ('${try(var.datasets[dataset.group].group, "null")}'). Put both into one group, or name this one otherwise." if !(try(coalesce(var.datasets[dataset.group].group, dataset.group), dataset.group) == dataset.group)])
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : length(try(setsubtract(dataset.triggers, local.triggers), [])) == 0])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'triggers': found '${join("', '", try(setsubtract(dataset.triggers, local.triggers), []))}'; allowed are ${join(" and ", local.triggers)}. Use these, or [] for runs by hand alone." if !(length(try(setsubtract(dataset.triggers, local.triggers), [])) == 0)])
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : !try(contains(dataset.triggers, "event"), false) || dataset.source.type == "drop" || !contains(local.sources, dataset.source.type)])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'triggers': found event, but its source is ${dataset.source.type}, of which no file arrives in incoming/. Take event out, or change source.type to drop." if !(!try(contains(dataset.triggers, "event"), false) || dataset.source.type == "drop" || !contains(local.sources, dataset.source.type))])
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : try(dataset.approval.max_refused_percent != null || dataset.approval.max_row_change_percent != null, true)])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'approval': it has no threshold, so that nothing would ever need approval. Set max_refused_percent or max_row_change_percent, or leave approval out." if !(try(dataset.approval.max_refused_percent != null || dataset.approval.max_row_change_percent != null, true))])
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : try(dataset.approval.max_refused_percent >= 0 && dataset.approval.max_refused_percent <= 100, true)])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'approval.max_refused_percent': found ${try(dataset.approval.max_refused_percent, 0)}; allowed are numbers from 0 to 100. Correct it." if !(try(dataset.approval.max_refused_percent >= 0 && dataset.approval.max_refused_percent <= 100, true))])
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : try(dataset.approval.max_row_change_percent >= 0, true)])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'approval.max_row_change_percent': found ${try(dataset.approval.max_row_change_percent, 0)}; allowed are numbers from 0 (100 is twice as many rows, or none). Correct it." if !(try(dataset.approval.max_row_change_percent >= 0, true))])
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : try(dataset.approval.timeout_hours >= 1 && dataset.approval.timeout_hours <= 72 && floor(dataset.approval.timeout_hours) == dataset.approval.timeout_hours, true)])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'approval.timeout_hours': found ${try(dataset.approval.timeout_hours, 0)}; allowed are whole hours from 1 to 72. Correct it." if !(try(dataset.approval.timeout_hours >= 1 && dataset.approval.timeout_hours <= 72 && floor(dataset.approval.timeout_hours) == dataset.approval.timeout_hours, true))])
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : length(dataset.columns) > 0])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'columns': there are none. Name the columns of its files, at least one." if !(length(dataset.columns) > 0)])
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for c in concat(dataset.columns[*].name, dataset.derive[*].name) : contains(local.reserved_names, c) || can(regex(local.name_pattern, c))]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for c in concat(dataset.columns[*].name, dataset.derive[*].name) : "Dataset '${name}', field '${contains(dataset.columns[*].name, c) ? "columns" : "derive"}': the column name '${c}' is not allowed; allowed are ${local.name_rule}. Rename the column: names in the files are compared in lower case, with _ for anything else." if !(contains(local.reserved_names, c) || can(regex(local.name_pattern, c)))]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for c in concat(dataset.columns[*].name, dataset.derive[*].name) : !contains(local.reserved_names, c)]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for c in concat(dataset.columns[*].name, dataset.derive[*].name) : "Dataset '${name}', field '${contains(dataset.columns[*].name, c) ? "columns" : "derive"}': the column name '${c}' is reserved, as are ${join(", ", local.reserved_names)}: the lake or its engine uses them itself. Choose another name." if contains(local.reserved_names, c)]]))
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : length(distinct(concat(dataset.columns[*].name, dataset.derive[*].name))) == length(concat(dataset.columns[*].name, dataset.derive[*].name))])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'columns': a column name is used twice, in columns or derive: ${join(", ", concat(dataset.columns[*].name, dataset.derive[*].name))}. Rename one; a derived column cannot take the place of a column." if !(length(distinct(concat(dataset.columns[*].name, dataset.derive[*].name))) == length(concat(dataset.columns[*].name, dataset.derive[*].name)))])
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for c, type in zipmap(concat(dataset.columns[*].name, dataset.derive[*].name), concat(dataset.columns[*].type, dataset.derive[*].type)) : contains(local.simple_types, type) || can(regex(local.decimal_pattern, type))]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for c, type in zipmap(concat(dataset.columns[*].name, dataset.derive[*].name), concat(dataset.columns[*].type, dataset.derive[*].type)) : "Dataset '${name}', field '${contains(dataset.columns[*].name, c) ? "columns" : "derive"}': column '${c}' has the unknown type '${type}'; allowed are ${join(", ", local.simple_types)}, decimal(p,s). Use one of them." if !(contains(local.simple_types, type) || can(regex(local.decimal_pattern, type)))]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for c, type in zipmap(concat(dataset.columns[*].name, dataset.derive[*].name), concat(dataset.columns[*].type, dataset.derive[*].type)) : !can(regex(local.decimal_pattern, type)) || try(tonumber(regex(local.decimal_pattern, type)[0]) >= 1 && tonumber(regex(local.decimal_pattern, type)[0]) <= 38 && tonumber(regex(local.decimal_pattern, type)[1]) <= tonumber(regex(local.decimal_pattern, type)[0]), false)]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for c, type in zipmap(concat(dataset.columns[*].name, dataset.derive[*].name), concat(dataset.columns[*].type, dataset.derive[*].type)) : "Dataset '${name}', field '${contains(dataset.columns[*].name, c) ? "columns" : "derive"}': column '${c}' has type '${type}'; decimal(p,s) needs a precision p from 1 to 38 and a scale s of at most p. Correct them." if !(!can(regex(local.decimal_pattern, type)) || try(tonumber(regex(local.decimal_pattern, type)[0]) >= 1 && tonumber(regex(local.decimal_pattern, type)[0]) <= 38 && tonumber(regex(local.decimal_pattern, type)[1]) <= tonumber(regex(local.decimal_pattern, type)[0]), false))]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for c in dataset.columns : length(setsubtract(c.clean, local.cleaners)) == 0]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for c in dataset.columns : "Dataset '${name}', field 'columns': column '${c.name}' has the unknown clean function '${join("', '", setsubtract(c.clean, local.cleaners))}'; allowed are ${join(", ", local.cleaners)}. Use these, or derive a column." if !(length(setsubtract(c.clean, local.cleaners)) == 0)]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for c in dataset.columns : c.type == "string" || length(c.clean) == 0]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for c in dataset.columns : "Dataset '${name}', field 'columns': column '${c.name}' is of type ${c.type}, and clean (${join(", ", c.clean)}) is for strings. Leave it out: blanks around other values are trimmed anyway." if !(c.type == "string" || length(c.clean) == 0)]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for c in dataset.columns : c.format == null || contains(["date", "timestamp"], c.type)]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for c in dataset.columns : "Dataset '${name}', field 'columns': column '${c.name}' is of type ${c.type}, and format ('${coalesce(c.format, "null")}') says how dates and timestamps are written. Leave it out, or change the type." if !(c.format == null || contains(["date", "timestamp"], c.type))]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for c in dataset.columns : c.format == null || can(regex("^([^%]*%[${local.date_directives}])+[^%]*$", c.format))]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for c in dataset.columns : "Dataset '${name}', field 'columns': column '${c.name}' has format '${coalesce(c.format, "null")}'; allowed are one or more of ${join(" ", [for letter in split("", local.date_directives) : "%${letter}"])} with other text between them. Write, for example, %d/%m/%Y." if !(c.format == null || can(regex("^([^%]*%[${local.date_directives}])+[^%]*$", c.format)))]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for c in dataset.key : contains(dataset.columns[*].name, c)]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for c in dataset.key : "Dataset '${name}', field 'key': unknown column '${c}'; the columns are ${join(", ", dataset.columns[*].name)}. Correct the name (derived columns are made after this step)." if !contains(dataset.columns[*].name, c)]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for term in dataset.order_by : can(regex("^[^ ]+( (asc|desc))?$", term))]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for term in dataset.order_by : "Dataset '${name}', field 'order_by': found '${term}'; allowed is a column, or a column with asc or desc (nulls are always last). Write, for example, updated_at desc." if !can(regex("^[^ ]+( (asc|desc))?$", term))]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for c in [for term in dataset.order_by : split(" ", term)[0]] : contains(dataset.columns[*].name, c)]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for c in [for term in dataset.order_by : split(" ", term)[0]] : "Dataset '${name}', field 'order_by': unknown column '${c}'; the columns are ${join(", ", dataset.columns[*].name)}. Correct the name (derived columns are made after this step)." if !contains(dataset.columns[*].name, c)]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for c in dataset.partition_by : contains(concat(dataset.columns[*].name, dataset.derive[*].name), c)]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for c in dataset.partition_by : "Dataset '${name}', field 'partition_by': unknown column '${c}'; the columns are ${join(", ", concat(dataset.columns[*].name, dataset.derive[*].name))}. Correct the name." if !contains(concat(dataset.columns[*].name, dataset.derive[*].name), c)]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for c in dataset.partition_by : contains(local.partition_types, try(zipmap(concat(dataset.columns[*].name, dataset.derive[*].name), concat(dataset.columns[*].type, dataset.derive[*].type))[c], "string"))]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for c in dataset.partition_by : "Dataset '${name}', field 'partition_by': column '${c}' is of type ${try(zipmap(concat(dataset.columns[*].name, dataset.derive[*].name), concat(dataset.columns[*].type, dataset.derive[*].type))[c], "string")}; a partition column is one of ${join(", ", local.partition_types)}. Derive one, for example a date or a month." if !contains(local.partition_types, try(zipmap(concat(dataset.columns[*].name, dataset.derive[*].name), concat(dataset.columns[*].type, dataset.derive[*].type))[c], "string"))]]))
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : length(dataset.columns) == 0 || length(setsubtract(concat(dataset.columns[*].name, dataset.derive[*].name), dataset.partition_by)) > 0])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'partition_by': it names all columns (${join(", ", dataset.partition_by)}), but partition columns are not in the files, and one at least must be. Take one out." if !(length(dataset.columns) == 0 || length(setsubtract(concat(dataset.columns[*].name, dataset.derive[*].name), dataset.partition_by)) > 0)])
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for c in dataset.checks.not_null : contains(concat(dataset.columns[*].name, dataset.derive[*].name), c)]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for c in dataset.checks.not_null : "Dataset '${name}', field 'checks.not_null': unknown column '${c}'; the columns are ${join(", ", concat(dataset.columns[*].name, dataset.derive[*].name))}. Correct the name." if !contains(concat(dataset.columns[*].name, dataset.derive[*].name), c)]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for c in flatten(dataset.checks.unique) : contains(concat(dataset.columns[*].name, dataset.derive[*].name), c)]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for c in flatten(dataset.checks.unique) : "Dataset '${name}', field 'checks.unique': unknown column '${c}'; the columns are ${join(", ", concat(dataset.columns[*].name, dataset.derive[*].name))}. Correct the name." if !contains(concat(dataset.columns[*].name, dataset.derive[*].name), c)]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for columns in dataset.checks.unique : length(columns) > 0]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for columns in dataset.checks.unique : "Dataset '${name}', field 'checks.unique': found an empty list. Name the columns that are unique together, or leave it out." if !(length(columns) > 0)]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for c in keys(dataset.checks.accepted_values) : contains(concat(dataset.columns[*].name, dataset.derive[*].name), c)]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for c in keys(dataset.checks.accepted_values) : "Dataset '${name}', field 'checks.accepted_values': unknown column '${c}'; the columns are ${join(", ", concat(dataset.columns[*].name, dataset.derive[*].name))}. Correct the name." if !contains(concat(dataset.columns[*].name, dataset.derive[*].name), c)]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for c, values in dataset.checks.accepted_values : length(values) > 0]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for c, values in dataset.checks.accepted_values : "Dataset '${name}', field 'checks.accepted_values': the list of column '${c}' is empty. Name the values that are accepted, or leave the check out." if !(length(values) > 0)]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for c in keys(dataset.checks.accepted_values) : contains(local.partition_types, try(zipmap(concat(dataset.columns[*].name, dataset.derive[*].name), concat(dataset.columns[*].type, dataset.derive[*].type))[c], "string"))]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for c in keys(dataset.checks.accepted_values) : "Dataset '${name}', field 'checks.accepted_values': column '${c}' is of type ${try(zipmap(concat(dataset.columns[*].name, dataset.derive[*].name), concat(dataset.columns[*].type, dataset.derive[*].type))[c], "string")}, whose values can be written in many ways; allowed are ${join(", ", local.partition_types)}. Write this check as checks.sql." if !contains(local.partition_types, try(zipmap(concat(dataset.columns[*].name, dataset.derive[*].name), concat(dataset.columns[*].type, dataset.derive[*].type))[c], "string"))]]))
  }

  validation {
    condition     = alltrue([for name, dataset in var.datasets : try(dataset.checks.row_count.min <= dataset.checks.row_count.max, true)])
    error_message = join("\n", [for name, dataset in var.datasets : "Dataset '${name}', field 'checks.row_count': min is ${coalesce(dataset.checks.row_count.min, 0)} and max is ${coalesce(dataset.checks.row_count.max, 0)}, so that no number of rows is right. Make min the smaller one." if !(try(dataset.checks.row_count.min <= dataset.checks.row_count.max, true))])
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for check, sql in dataset.checks.sql : can(regex("^(?i)(select|with)\\s", trimspace(sql))) && !endswith(trimspace(sql), ";")]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for check, sql in dataset.checks.sql : "Dataset '${name}', field 'checks.sql.${check}': found '${substr(trimspace(sql), 0, 60)}'; it must be one query that begins with SELECT or WITH, without a semicolon at its end. Write it so that it returns the rows that are wrong." if !(can(regex("^(?i)(select|with)\\s", trimspace(sql))) && !endswith(trimspace(sql), ";"))]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for check in keys(dataset.checks.sql) : can(regex(local.name_pattern, check))]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for check in keys(dataset.checks.sql) : "Dataset '${name}', field 'checks.sql': the name '${check}' is not allowed; allowed are ${local.name_rule}. Rename the check." if !can(regex(local.name_pattern, check))]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for expression in concat([{ field = "filter", text = dataset.filter == null ? "true" : dataset.filter }], [for c in dataset.derive : { field = "derive.${c.name}", text = c.expression }]) : trimspace(expression.text) != ""]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for expression in concat([{ field = "filter", text = dataset.filter == null ? "true" : dataset.filter }], [for c in dataset.derive : { field = "derive.${c.name}", text = c.expression }]) : "Dataset '${name}', field '${expression.field}': the expression is blank. Write one in Spark SQL, or leave the field out." if !(trimspace(expression.text) != "")]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for field, values in { key = dataset.key, order_by = [for term in dataset.order_by : split(" ", term)[0]], partition_by = dataset.partition_by, null_values = dataset.null_values, "checks.not_null" = dataset.checks.not_null } : length(distinct(values)) == length(values)]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for field, values in { key = dataset.key, order_by = [for term in dataset.order_by : split(" ", term)[0]], partition_by = dataset.partition_by, null_values = dataset.null_values, "checks.not_null" = dataset.checks.not_null } : "Dataset '${name}', field '${field}': a value stands there twice: '${join("', '", values)}'. Name each once." if !(length(distinct(values)) == length(values))]]))
  }

  validation {
    condition     = alltrue(flatten([for name, dataset in var.datasets : [for c in dataset.columns : length(distinct(c.clean)) == length(c.clean)]]))
    error_message = join("\n", flatten([for name, dataset in var.datasets : [for c in dataset.columns : "Dataset '${name}', field 'columns': column '${c.name}' has a clean function twice: ${join(", ", c.clean)}. Name each once." if !(length(distinct(c.clean)) == length(c.clean))]]))
  }
}
