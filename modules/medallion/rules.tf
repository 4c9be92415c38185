# What is wrong with the settings, by variable; see rules.datasets.tf. A mistake in one of them ends the plan: a
# validation of the variable could not share its list between condition and message, as the list depends on the variable.
locals {
  _numbers = {
    arrival_window_seconds      = { "" = var.arrival_window_seconds }
    athena_scan_limit_mebibytes = { "" = var.athena_scan_limit_mebibytes }
    jobs                        = { for field in keys(local.number_limits.jobs) : ".${field}" => var.jobs[field] }
    lifecycle_rules             = { for field, days in coalesce(var.lifecycle_rules, {}) : ".${field}" => days }
    monitoring                  = { ".freshness_hours" = var.monitoring.freshness_hours }
  }
  _wrong_numbers = { for name, fields in local._numbers : name => flatten([for field, found in fields :
    [for limit in [try(local.number_limits[name][trimprefix(field, ".")], local.number_limits[name])] :
      "${name}${field} is ${found}; allowed are whole ${limit.unit} from ${limit.least}${limit.note}. Correct it."
    if !try(found >= limit.least && found <= coalesce(limit.most, found) && floor(found) == found, found == null)]
  ]) }

  _texts = {
    bucket_name         = var.bucket_name
    catalog_kms_key_arn = var.catalog_kms_key_arn
    database_prefix     = var.database_prefix
    kms_key_arn         = var.kms_key_arn
    name                = var.name
  }
  _wrong_texts = { for name, text in local._texts : name => [for found in text == null ? [] : [text] :
    "${name} is '${found}'; ${local.text_rules[name].allowed}. ${local.text_rules[name].remedy}"
  if !can(regex(local.text_rules[name].pattern, found))] }

  _longest_suffix = "-transform-spark-job"
  _wrong_name = [for found in [var.name] : join(" ", [
    "name is '${found}', ${length(found)} characters long; the role ${found}${local._longest_suffix} must not exceed 64. Use",
    "${64 - length(local._longest_suffix)} characters at most.",
  ]) if length("${found}${local._longest_suffix}") > 64]

  _wrong_jobs = concat(
    [for field in ["ingest_dpu", "model_dpu", "transform_dpu"] :
      "jobs.${field} is ${var.jobs[field]}; a Python shell job has ${join(" or ", local.dpu_choices)} DPU. Choose one of the two."
    if !contains(local.dpu_choices, var.jobs[field])],
    [for field, allowed in { runtime = local.runtimes, spark_worker_type = local.spark_worker_types } :
      "jobs.${field} is '${var.jobs[field]}'; allowed are ${join(", ", allowed)}. Choose one of them."
    if !contains(allowed, var.jobs[field])],
  )

  _schedules = var.schedule_expression == null ? [] : [var.schedule_expression]
  _crons = [for schedule in local._schedules : compact(split(" ", trimsuffix(trimprefix(schedule, "cron("), ")")))
  if startswith(schedule, "cron(")]
  _whole_crons = [for fields in local._crons : fields if length(fields) == length(local.cron_fields)]
  _wrong_schedules = concat(
    [for found in local._schedules :
      "allowed are cron(…) and rate(…), such as cron(0 3 * * ? *) or rate(12 hours), or null. Rewrite it."
    if !can(regex("^(cron|rate)\\(.*\\)$", found))],
    [for found in local._schedules : join(" ", [
      "a rate is rate(1 minute), rate(1 hour), rate(1 day), or a whole number above 1 with minutes, hours or days. Rewrite",
      "it.",
    ]) if startswith(found, "rate(") && !can(regex(local.rate_pattern, found))],
    [for found in local._crons : join(" ", [
      "it has ${length(found)} fields, and EventBridge wants six: minute, hour, day of month, month, day of week, year (Unix has",
      "five). Every day at 3:00 is cron(0 3 * * ? *).",
    ]) if length(found) != length(local.cron_fields)],
    flatten([for fields in local._whole_crons : [for i, found in fields :
      "${local.cron_fields[i].name} is '${found}', allowed are ${local.cron_fields[i].allowed}. Correct it."
    if !can(regex(local.cron_fields[i].pattern, found))]]),
    [for found in local._whole_crons : join(" ", [
      "exactly one of day of month (third field) and day of week (fifth field) must be ?. Put ? where any day will do:",
      "cron(0 3 * * ? *).",
    ]) if(found[2] == "?") == (found[4] == "?")],
    [for found in local._schedules : join(" ", [
      "no dataset has the trigger schedule, so that its runs would have nothing to do. Set it to null, or add schedule to the",
      "triggers of a dataset (of ${join(", ", keys(var.datasets))}).",
    ]) if length(var.datasets) > 0 && !anytrue([for d in var.datasets : d.triggers == null ? true : contains(d.triggers, "schedule")])],
  )

  _wrong_emails = concat(
    [for found in var.notification_emails :
      "notification_emails holds '${found}', which is no mail address. Write it as name@example.com."
    if !can(regex(local.email_pattern, found))],
    [for found in [var.notification_emails] : "notification_emails holds an address twice: ${join(", ", found)}. Name each once."
    if length(distinct(found)) != length(found)],
  )

  _wrong_tags = concat(
    [for found in keys(var.tags) :
      "tags holds the key '${found}'; a key has 1 to 128 characters and does not begin with aws:. Rename it."
    if startswith(lower(found), "aws:") || length(found) < 1 || length(found) > 128],
    [for key, found in var.tags : "tags holds a value of more than 256 characters under '${key}'. Shorten it."
    if length(found) > 256],
  )

  _wrong_log_retention = [for found in [var.log_retention_days] :
    "log_retention_days is ${found}; CloudWatch knows only ${join(", ", local.log_retention_choices)}. Choose one of them."
  if !contains(local.log_retention_choices, found)]

  # A value that is not known yet keeps no other variable from being judged.
  mistakes = {
    arrival_window_seconds      = local._wrong_numbers.arrival_window_seconds
    athena_scan_limit_mebibytes = local._wrong_numbers.athena_scan_limit_mebibytes
    bucket_name                 = local._wrong_texts.bucket_name
    catalog_kms_key_arn         = local._wrong_texts.catalog_kms_key_arn
    checks                      = local.wrong_checks
    database_prefix             = local._wrong_texts.database_prefix
    datasets                    = local.wrong_datasets
    jobs                        = concat(local._wrong_jobs, local._wrong_numbers.jobs)
    kms_key_arn                 = local._wrong_texts.kms_key_arn
    lifecycle_rules             = local._wrong_numbers.lifecycle_rules
    log_retention_days          = local._wrong_log_retention
    models                      = local.wrong_models
    monitoring                  = local._wrong_numbers.monitoring
    name                        = concat(local._wrong_texts.name, local._wrong_name)
    notification_emails         = local._wrong_emails
    schedule_expression         = [for told in local._wrong_schedules : "schedule_expression is '${var.schedule_expression}': ${told}"]
    stages                      = local.wrong_stages
    tags                        = local._wrong_tags
  }
}

# Whatever is wrong with the variables ends the plan here.
module "rules" {
  source   = "./rules"
  for_each = local.mistakes

  mistakes = each.value
}
