# What AWS says of jobs, crawlers and runs. Alarms count how often the first two rules match, and the log keeps what matched.
locals {
  failures = {
    job-failed = {
      description = "Job runs that did not succeed."
      pattern = {
        source      = ["aws.glue"]
        detail-type = ["Glue Job State Change"]
        detail      = { jobName = var.job_names, state = ["FAILED", "TIMEOUT", "ERROR", "STOPPED"] }
      }
    }
    crawl-failed = {
      description = "Crawls that failed."
      pattern = {
        source      = ["aws.glue"]
        detail-type = ["Glue Crawler State Change"]
        detail      = { crawlerName = var.crawler_names, state = ["Failed"] }
      }
    }
  }
}

resource "aws_cloudwatch_event_rule" "failure" {
  for_each = local.failures

  name          = "${var.context.name}-${each.key}"
  description   = each.value.description
  event_pattern = jsonencode(each.value.pattern)

  tags = var.context.tags
}

resource "aws_cloudwatch_event_target" "failure" {
  for_each = local.failures

  rule      = aws_cloudwatch_event_rule.failure[each.key].name
  target_id = "log"
  arn       = aws_cloudwatch_log_group.events.arn

  depends_on = [aws_cloudwatch_log_resource_policy.events]
}

resource "aws_cloudwatch_log_group" "events" {
  # EventBridge writes to groups of this prefix.
  name              = "/aws/events/${var.context.name}"
  retention_in_days = var.log_retention_days
  tags              = var.context.tags
  kms_key_id        = var.kms_key_arn
}

resource "aws_cloudwatch_log_resource_policy" "events" {
  count = var.log_resource_policy ? 1 : 0

  policy_name = "${var.context.name}-events"
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AllowRules"
      Effect    = "Allow"
      Principal = { Service = ["delivery.logs.amazonaws.com", "events.amazonaws.com"] }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = "${aws_cloudwatch_log_group.events.arn}:*"
    }]
  })
}

moved {
  from = aws_cloudwatch_log_resource_policy.events
  to   = aws_cloudwatch_log_resource_policy.events[0]
}

# A run that fails on its own tells so itself; one that is cut off cannot.
resource "aws_cloudwatch_event_rule" "run_cut_off" {
  name        = "${var.context.name}-run-cut-off"
  description = "Runs of the pipeline that ended before they could tell how they went."

  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail = {
      stateMachineArn = [local.pipeline_arn]
      "$or" = [
        { status = ["ABORTED", "TIMED_OUT"] },
        { status = ["FAILED"], error = [{ anything-but = ["PipelineFailed"] }] },
      ]
    }
  })

  tags = var.context.tags
}

resource "aws_cloudwatch_event_target" "run_cut_off" {
  rule      = aws_cloudwatch_event_rule.run_cut_off.name
  target_id = "notifications"
  arn       = aws_sns_topic.notifications.arn

  input_transformer {
    input_paths = {
      execution = "$.detail.executionArn"
      run       = "$.detail.name"
      status    = "$.detail.status"
      time      = "$.time"
    }
    # Each line has to be quoted. Values are put in as they are, so none may hold quotes or line ends, as error and
    # cause of a run may.
    input_template = join("\n", [for line in [
      "[${var.context.name}] CUT OFF: run <run>",
      "Pipeline run <run> ended <status> at <time>, before it could tell how it went.",
      "Where to look: ${var.context.console_url}/states/home?region=${var.context.region}#/v2/executions/details/<execution>",
      "What to do: see there at which state it ended and why, mend that, and start the pipeline again (make run TARGET=aws). A run may be repeated: it adds no row twice.",
    ] : "\"${line}\""])
  }

  depends_on = [aws_sns_topic_policy.notifications]
}
