locals {
  _machines    = concat(["batch", "check", "crawl", "dataset", "model", "notify", "pipeline"], var.arrivals ? ["arrival"] : [])
  names        = { for machine in local._machines : machine => "${var.context.name}-${machine}" }
  machine_arns = { for machine, name in local.names : machine => format(var.context.arn_format, "states", "stateMachine:${name}") }

  # Glue ends a job run at its own time-out and says so; the state waits a little longer, to hear it.
  job_timeout_seconds = var.job_timeout_minutes * 60 + 600

  # Machines that others start as a part of their own work.
  parts = { for machine, values in local._parts : machine => merge(values, { name = var.context.name, partition = var.context.partition }) }
  _parts = {
    batch = {
      bucket      = var.bucket.name
      dataset_arn = local.machine_arns.dataset
    }
    check = {
      bucket    = var.bucket.name
      workgroup = var.workgroup_name
    }
    crawl = {}
    dataset = {
      bucket              = var.bucket.name
      console             = var.context.console_url
      duckdb_log_group    = var.duckdb_log_group
      ingest_job          = var.job_names.ingest
      job_timeout_seconds = local.job_timeout_seconds
      region              = var.context.region
      topic_arn           = var.topic_arn
      transform_job       = var.job_names.transform
      transform_spark_job = local.spark_names.transform
    }
    model = {
      bucket              = var.bucket.name
      duckdb_log_group    = var.duckdb_log_group
      job_timeout_seconds = local.job_timeout_seconds
      model_job           = var.job_names.model
      model_spark_job     = local.spark_names.model
    }
    notify = {
      bucket        = var.bucket.name
      console       = var.context.console_url
      region        = var.context.region
      success_mails = var.success_mails
      topic_arn     = var.topic_arn
    }
  }

  # A job that nothing needs does not exist, and no configuration sends anything to it.
  spark_names = { for job in ["model", "transform"] : job => lookup(var.job_names, "${job}-spark", "none") }

  # The log is the record of each step of each run when the history is gone, after 90 days. A crawl is mostly
  # waiting, so only its failures are logged. Payloads hold keys, names and counts, never data; the
  # log of a dataset that asks for approval also holds the token that answers.
  log_levels = {
    # Of an Express execution there is no history: its log is all that is known of it.
    arrival  = "ALL"
    batch    = "ALL"
    check    = "ALL"
    crawl    = "ERROR"
    dataset  = "ALL"
    model    = "ALL"
    notify   = "ALL"
    pipeline = "ALL"
  }
}

resource "aws_sfn_state_machine" "part" {
  for_each = local.parts

  name       = local.names[each.key]
  role_arn   = module.role[each.key].arn
  definition = templatefile("${var.definition_directory}/${each.key}.asl.json", each.value)

  logging_configuration {
    include_execution_data = true
    level                  = local.log_levels[each.key]
    log_destination        = "${var.log_group_arns[each.key]}:*"
  }

  tags = var.context.tags
}

moved {
  from = aws_sfn_state_machine.crawl
  to   = aws_sfn_state_machine.part["crawl"]
}

resource "aws_sfn_state_machine" "pipeline" {
  name     = local.names.pipeline
  role_arn = module.role["pipeline"].arn
  definition = templatefile("${var.definition_directory}/pipeline.asl.json", {
    analytics_crawler  = coalesce(var.crawler_names.analytics, "none")
    analytics_database = var.database_names.analytics
    batch_arn          = local.machine_arns.batch
    bucket             = var.bucket.name
    check_arn          = local.machine_arns.check
    crawl_arn          = local.machine_arns.crawl
    model_arn          = local.machine_arns.model
    name               = var.context.name
    notify_arn         = local.machine_arns.notify
    partition          = var.context.partition
    processed_crawler  = var.crawler_names.processed
    processed_database = var.database_names.processed
    raw_crawler        = var.crawler_names.raw
    # How often a run looks whether its turn has come: no more seldom than runs of a group may follow each other.
    turn_seconds = min(30, var.arrival_window_seconds)
  })

  logging_configuration {
    include_execution_data = true
    level                  = local.log_levels.pipeline
    log_destination        = "${var.log_group_arns.pipeline}:*"
  }

  tags = var.context.tags

  # Its definition names the machines by ARNs that are known beforehand.
  depends_on = [aws_sfn_state_machine.part]
}

resource "aws_sfn_state_machine" "arrival" {
  count = var.arrivals ? 1 : 0

  name     = local.names.arrival
  role_arn = module.role["arrival"].arn
  # A second of work for a file, and files may be many: Express executions cost next to nothing.
  type = "EXPRESS"
  definition = templatefile("${var.definition_directory}/arrival.asl.json", {
    bucket                = var.bucket.name
    dead_letter_queue_url = var.dead_letter_queue.url
    name                  = var.context.name
    partition             = var.context.partition
    pipeline_arn          = local.machine_arns.pipeline
    window_seconds        = var.arrival_window_seconds
  })

  logging_configuration {
    include_execution_data = true
    level                  = local.log_levels.arrival
    log_destination        = "${var.log_group_arns.arrival}:*"
  }

  tags = var.context.tags

  depends_on = [aws_sfn_state_machine.pipeline]
}
