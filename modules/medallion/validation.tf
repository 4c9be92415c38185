# What the rules of the variables are made of.
locals {
  # Settings
  email_pattern = "^[A-Za-z0-9._%+-]+@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$"
  log_retention_choices = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
  ]
  rate_pattern = "^rate\\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\\)$"

  _weekday = "([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)"
  _cron_values = [
    { name = "minute", allowed = "0-59 and , - * /", value = "[0-5]?[0-9]", other = "" },
    { name = "hour", allowed = "0-23 and , - * /", value = "([01]?[0-9]|2[0-3])", other = "" },
    {
      name    = "day of month"
      allowed = "1-31 and , - * ? / L W"
      value   = "(0?[1-9]|[12][0-9]|3[01])"
      other   = "|\\?|LW?|(0?[1-9]|[12][0-9]|3[01])W"
    },
    {
      name    = "month"
      allowed = "1-12 or JAN-DEC and , - * /"
      value   = "(0?[1-9]|1[0-2]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)"
      other   = ""
    },
    {
      name    = "day of week"
      allowed = "1-7 or SUN-SAT and , - * ? / L #"
      value   = local._weekday
      other   = "|\\?|${local._weekday}?L|${local._weekday}#[1-5]"
    },
    { name = "year", allowed = "1970-2199 and , - * /", value = "(19[7-9][0-9]|2[01][0-9][0-9])", other = "" },
  ]
  _cron_terms = [for field in local._cron_values : "(\\*|${field.value}(-${field.value})?)(/[1-9][0-9]*)?"]
  # The six fields in their order: name, allowed (in words) and pattern.
  cron_fields = [for i, field in local._cron_values : merge(field, {
    pattern = "^(${local._cron_terms[i]}(,${local._cron_terms[i]})*${field.other})$"
  })]

  # Whole numbers by variable and field: from least to what the note says; most is null where there is no bound.
  number_limits = {
    arrival_window_seconds      = { unit = "seconds", least = 5, most = 3600, note = " to 3600 (an hour)" }
    athena_scan_limit_mebibytes = { unit = "mebibytes", least = 10, most = null, note = ", the least that Athena takes" }
    jobs = {
      max_concurrent_runs = { unit = "numbers", least = 1, most = 1000, note = " to 1000" }
      # 5 GiB is what S3 copies at one stroke, and so what can be put in a reader's sight at one.
      max_object_mebibytes = { unit = "numbers", least = 16, most = 5120, note = " to 5120 (5 GiB)" }
      spark_max_workers    = { unit = "numbers", least = 2, most = null, note = ", a driver and an executor" }
      timeout_minutes      = { unit = "minutes", least = 1, most = 1440, note = " to 1440 (a day)" }
    }
    lifecycle_rules = { unit = "days", least = 1, most = null, note = "" }
    # CloudWatch looks back over seven days at most.
    monitoring = { unit = "hours", least = 1, most = 168, note = " to 168 (a week), or null for no such alarm" }
  }

  _key_arn = {
    pattern = "^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$"
    allowed = "it must be the ARN of a key (arn:aws:kms:<region>:<account>:key/<id>): policies cannot name an alias"
    remedy  = "Look it up with: aws kms describe-key."
  }
  text_rules = {
    bucket_name = {
      pattern = "^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$"
      allowed = "allowed are 3 to 63 lower-case letters, digits and hyphens, with no hyphen at either end"
      remedy  = "Choose another name, or leave it null."
    }
    catalog_kms_key_arn = local._key_arn
    database_prefix = {
      pattern = local.name_pattern
      allowed = "allowed are ${local.name_rule}"
      remedy  = "Choose another prefix."
    }
    kms_key_arn = local._key_arn
    name = {
      pattern = "^[a-z]([a-z0-9-]*[a-z0-9])?$"
      allowed = "allowed are lower-case letters, digits and hyphens, a letter first and no hyphen last"
      remedy  = "Choose another name."
    }
  }

  # Of a Python shell job; and of a Spark job, worker types that all regions have and that suit stages of SQL.
  dpu_choices        = [0.0625, 1]
  runtimes           = ["python_shell", "spark"]
  spark_worker_types = ["G.1X", "G.2X", "G.4X", "G.8X"]
  # A request of stages is one execution, which tells of each.
  stages_limit = 50
  # Athena holds 1,000 prepared statements a workgroup; some are left to its users.
  tables_limit = 900

  # Datasets and models. The jobs hold to the same when they read a contract: jobs/medallion/contract/contract.py.
  cleaners     = ["trim", "lower", "upper", "title"]
  engines      = ["duckdb", "spark"]
  formats      = ["auto", "csv", "tsv", "json", "ndjson", "parquet"]
  name_pattern = "^[a-z][a-z0-9_]{0,99}$"
  name_rule    = "a lower-case letter and then up to 99 lower-case letters, digits and _"
  # A run is named <group>-<time>, and Step Functions takes 80 characters.
  group_pattern = "^[a-z][a-z0-9_]{0,49}$"
  group_rule    = "a lower-case letter and then up to 49 lower-case letters, digits and _"
  sources       = ["drop", "sample", "http"]
  triggers      = ["event", "schedule"]

  # Of a source of type http.
  checksum_pattern = "^(sha256:[0-9a-f]{64}|md5:[0-9a-f]{32})$"
  # A day in it is written {date}, {date-1} or {date:%Y/%m/%d}; user and fragment have no place in it.
  url_pattern    = "^https?://[^/?#@{}\\s]+(/|\\?|$)([^#{}\\s]|\\{date([+-][0-9]{1,4})?(:([^{}%]|%[YymdHMSj])*)?\\})*$"
  plain_url      = "^http://"
  loopback_url   = "^http://(localhost|127\\.0\\.0\\.1|\\[::1\\])([:/?]|$)"
  host_pattern   = "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
  secret_pattern = "^[A-Za-z0-9/_+=.@-]{1,512}$"
  http_methods   = ["GET", "POST"]
  page_types     = ["link", "offset", "cursor"]
  # What the plan shows is no place for these.
  secret_names = [
    "authorization", "cookie", "proxy-authorization", "x-api-key", "x-auth-token",
    "access_token", "api_key", "apikey", "client_secret", "password", "sig", "token",
  ]
  # ASCII without letters, digits, the quote and line ends.
  delimiter_pattern = "^[\\x01-\\x09\\x0b\\x0c\\x0e-!#-/:-@\\[-\\x60{-~]$"
  reserved_names    = ["_source_file", "_source_row", "ingest_date", "file_index", "file_row_number"]
  sample_tables     = ["customers", "products", "sales"]
  simple_types      = ["string", "boolean", "int", "bigint", "double", "date", "timestamp"]
  partition_types   = ["string", "boolean", "int", "bigint", "date"]
  decimal_pattern   = "^decimal\\(([0-9]{1,2}),([0-9]{1,2})\\)$"
  # Directives of dates and times that Python, DuckDB and Spark all read.
  date_directives = "YymdHIpMSfjbBaAz%"
  # Python's names of the encodings that a file of data may well be in.
  encoding_pattern = join("", [
    "^(ascii|utf-8|utf-8-sig|utf-16|utf-16-le|utf-16-be|utf-32|latin-1|iso-8859-([1-9]|1[0-6])|(cp|windows-)125[0-8]",
    "|cp(437|850|852|858|866|932)|mac-roman|koi8-[ru]|shift_jis|euc-(jp|kr)|gb(2312|k|18030)|big5)$",
  ])
}
