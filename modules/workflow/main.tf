locals {
  names        = { for machine in ["crawl", "pipeline"] : machine => "${var.context.name}-${machine}" }
  machine_arns = { for machine, name in local.names : machine => format(var.context.arn_format, "states", "stateMachine:${name}") }

  definitions = {
    crawl = templatefile("${var.definition_directory}/crawl.asl.json", {
      name = var.context.name
    })
    pipeline = templatefile("${var.definition_directory}/pipeline.asl.json", {
      bucket             = var.bucket.name
      crawl_arn          = local.machine_arns.crawl
      ingest_job         = var.job_names.ingest
      name               = var.context.name
      processed_crawler  = var.crawler_names.processed
      processed_database = var.database_names.processed
      raw_crawler        = var.crawler_names.raw
      region             = var.context.region
      topic_arn          = var.topic_arn
      transform_job      = var.job_names.transform
      workgroup          = var.workgroup_name
      # Glue ends a job run at its own time-out and says so; the state waits a little longer, to hear it.
      job_timeout_seconds = var.job_timeout_minutes * 60 + 600
    })
  }

  # The pipeline's log is the record of each step of each run when the history is gone, after 90 days. A crawl is
  # mostly waiting, so only its failures are logged. Payloads hold keys, names and counts, never data.
  log_levels = {
    crawl    = "ERROR"
    pipeline = "ALL"
  }
}

resource "aws_sfn_state_machine" "crawl" {
  name       = local.names.crawl
  role_arn   = module.role["crawl"].arn
  definition = local.definitions.crawl

  logging_configuration {
    include_execution_data = true
    level                  = local.log_levels.crawl
    log_destination        = "${var.log_group_arns.crawl}:*"
  }
}

resource "aws_sfn_state_machine" "pipeline" {
  name       = local.names.pipeline
  role_arn   = module.role["pipeline"].arn
  definition = local.definitions.pipeline

  logging_configuration {
    include_execution_data = true
    level                  = local.log_levels.pipeline
    log_destination        = "${var.log_group_arns.pipeline}:*"
  }

  # Its definition names the machine by an ARN that is known beforehand.
  depends_on = [aws_sfn_state_machine.crawl]
}
