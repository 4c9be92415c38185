locals {
  _runs_hint = "make status TARGET=aws"

  # Alarms on one metric each. Those on arrivals are there only if files that arrive start runs.
  _alarms = {
    crawl-failed = {
      description = "A crawl failed, so that a table may not know its newest columns or partitions. Runbook: look up crawler and reason in log group ${aws_cloudwatch_log_group.events.name}, then its log in /aws-glue/crawlers; mend the cause (often a permission, or files of another type under the table), and start the pipeline again (make run TARGET=aws FROM=transform)."
      namespace   = "AWS/Events"
      metric_name = "TriggeredRules"
      dimensions  = { RuleName = aws_cloudwatch_event_rule.failure["crawl-failed"].name }
    }
    dead-letters = var.arrivals ? {
      description = "Events of files that arrived could not be handled; their files wait in incoming/. Runbook: read the messages of queue ${local.queue_name} (aws sqs receive-message): the failure is in the body, or in the attributes ERROR_CODE and ERROR_MESSAGE; mend the cause, start the pipeline (make run TARGET=aws), which takes the files, and then purge the queue."
      namespace   = "AWS/SQS"
      metric_name = "ApproximateNumberOfMessagesVisible"
      statistic   = "Maximum"
      dimensions  = { QueueName = local.queue_name }
    } : null
    freshness = var.freshness_hours == null ? null : {
      description = "No run of the pipeline has succeeded for ${coalesce(var.freshness_hours, 0)} hours, so that the tables may be old. Runbook: ${local._runs_hint} shows the last runs. If there are none, look whether the schedule is on and files arrive; if they fail, mend what they name and start the pipeline again (make run TARGET=aws)."
      namespace   = "Medallion"
      metric_name = "RunsSucceeded"
      dimensions  = { Pipeline = var.context.name }
      below       = 1
      hours       = var.freshness_hours
    }
    job-failed = {
      description = "A run of a Glue job did not succeed. Runbook: look up job and run id in log group ${aws_cloudwatch_log_group.events.name} (or ${local._runs_hint}), read its log (make logs TARGET=aws), mend the cause, and start the pipeline again (make run TARGET=aws)."
      namespace   = "AWS/Events"
      metric_name = "TriggeredRules"
      dimensions  = { RuleName = aws_cloudwatch_event_rule.failure["job-failed"].name }
    }
    unrouted-files = var.arrivals ? {
      description = "Files arrived in incoming/ that belong to no dataset, and lie there still. Runbook: read runs/arrivals/<date>/ in the bucket, an object for each with its reason; move the files to incoming/<dataset>/ of a dataset that is configured, or configure it and start the pipeline (make run TARGET=aws)."
      namespace   = "Medallion"
      metric_name = "UnroutedFiles"
      dimensions  = { Pipeline = var.context.name }
    } : null
  }
  alarms      = { for alarm, settings in local._alarms : alarm => settings if settings != null }
  alarm_names = sort([for alarm in concat(keys(local.alarms), ["run-failed"]) : "${var.context.name}-${alarm}"])

  queue_name = "${var.context.name}-dead-letters"
  # From the topic's ARN, which the state holds. Account and region are unknown in a plan while what a caller's
  # depends_on names changes, and the provider cannot change an alarm whose metric is unknown.
  _watched_arn = replace(aws_sns_topic.notifications.arn, "/^(arn:[^:]+):sns:([^:]+:[^:]+):.*$/", "$1:states:$2:stateMachine:${var.context.name}-pipeline")
  # How a run ends without success: the alarm is on the sum.
  unsuccessful = { aborted = "ExecutionsAborted", failed = "ExecutionsFailed", timed_out = "ExecutionsTimedOut" }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.context.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric_name
  dimensions          = each.value.dimensions
  statistic           = try(each.value.statistic, "Sum")
  comparison_operator = can(each.value.below) ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = try(each.value.below, 0)
  # Of several hours, all have to be without a run that succeeded.
  period              = can(each.value.hours) ? 3600 : 300
  evaluation_periods  = try(each.value.hours, 1)
  datapoints_to_alarm = try(each.value.hours, 1)
  treat_missing_data  = can(each.value.below) ? "breaching" : "notBreaching"
  alarm_actions       = [aws_sns_topic.notifications.arn]

  tags = var.context.tags

  depends_on = [aws_sns_topic_policy.notifications]
}

resource "aws_cloudwatch_metric_alarm" "run_failed" {
  alarm_name          = "${var.context.name}-run-failed"
  alarm_description   = "A run of the pipeline failed, timed out or was stopped. Runbook: its mail, or ${local._runs_hint}, says what failed, where, and where the log is; mend that, and start the pipeline again (make run TARGET=aws). A run may be repeated: it adds no row twice."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  datapoints_to_alarm = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.notifications.arn]

  metric_query {
    id          = "unsuccessful"
    label       = "Runs without success"
    expression  = join(" + ", keys(local.unsuccessful))
    return_data = true
  }

  dynamic "metric_query" {
    for_each = local.unsuccessful

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/States"
        metric_name = metric_query.value
        dimensions  = { StateMachineArn = local._watched_arn }
        period      = 300
        stat        = "Sum"
      }
    }
  }

  tags = var.context.tags

  depends_on = [aws_sns_topic_policy.notifications]
}
