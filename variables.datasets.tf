# Written by `make fmt` from modules/medallion/variables.datasets.tf: edit that one.

variable "datasets" {
  description = <<-EOT
    The datasets of the lake by name, which becomes the name of their tables. Fields of each:
    - source: type, drop (files that come to incoming/<dataset>/; default), sample (retail data made up by the ingest job) or http (fetched by each run, besides what comes to incoming/<dataset>/). For sample: table (customers, products or sales), rows (how many; default null: the table's own number) and seed (default 42). For http: url (https, with {date} or {date-1:%Y/%m/%d} for a day), method (GET, default, or POST), headers and query (maps of texts), body (of POST), secret (name of a secret in Secrets Manager, which is sent), checksum (sha256:… or md5:…), records (JMESPath of the list of rows in JSON), paginate (type link, offset or cursor; at, parameter, start, step, max_pages), redirect_hosts (other hosts that redirects may lead to), allow_http (false), max_bytes (default 5 GiB) and timeout_seconds (for the server's next bytes, default 60).
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

      allow_http = optional(bool)
      body       = optional(string)
      checksum   = optional(string)
      headers    = optional(map(string))
      max_bytes  = optional(number)
      method     = optional(string)
      paginate = optional(object({
        type      = string
        at        = optional(string)
        parameter = optional(string)
        start     = optional(number)
        step      = optional(number)
        max_pages = optional(number)
      }))
      query           = optional(map(string))
      records         = optional(string)
      redirect_hosts  = optional(list(string))
      secret          = optional(string)
      timeout_seconds = optional(number)
      url             = optional(string)
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
}
