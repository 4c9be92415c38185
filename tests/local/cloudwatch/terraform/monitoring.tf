# What the monitoring of a pipeline consists of: every resource type that it uses, in small.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

provider "aws" {
  default_tags {
    tags = { Project = "probe" }
  }
}

data "aws_caller_identity" "this" {}
data "aws_region" "this" {}

resource "aws_sns_topic" "this" { name = "probe-notifications" }

data "aws_iam_policy_document" "topic" {
  statement {
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.this.arn]
    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "events.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }
}

resource "aws_sns_topic_policy" "this" {
  arn    = aws_sns_topic.this.arn
  policy = data.aws_iam_policy_document.topic.json
}

resource "aws_sqs_queue" "dead" {
  name                      = "probe-dead-letters"
  message_retention_seconds = 1209600
  policy                    = data.aws_iam_policy_document.queue.json
  sqs_managed_sse_enabled   = true
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = ["arn:aws:sqs:us-east-1:${data.aws_caller_identity.this.account_id}:probe-main"]
  })
}

resource "aws_sqs_queue" "main" {
  name                       = "probe-main"
  visibility_timeout_seconds = 60
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 3
  })
}

data "aws_iam_policy_document" "queue" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = ["arn:aws:sqs:us-east-1:${data.aws_caller_identity.this.account_id}:probe-dead-letters"]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.jobs.arn]
    }
  }
}

resource "aws_cloudwatch_log_group" "events" {
  name              = "/aws/events/probe"
  retention_in_days = 30
}

data "aws_iam_policy_document" "logs" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.events.arn}:*"]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com", "delivery.logs.amazonaws.com"]
    }
  }
}

resource "aws_cloudwatch_log_resource_policy" "events" {
  policy_name     = "probe-events"
  policy_document = data.aws_iam_policy_document.logs.json
}

resource "aws_cloudwatch_event_rule" "jobs" {
  name        = "probe-job-failed"
  description = "Failed jobs."
  event_pattern = jsonencode({
    source      = ["aws.glue"]
    detail-type = ["Glue Job State Change"]
    detail      = { state = ["FAILED", "TIMEOUT"] }
  })
}

resource "aws_cloudwatch_event_target" "jobs" {
  rule = aws_cloudwatch_event_rule.jobs.name
  arn  = aws_cloudwatch_log_group.events.arn
}

resource "aws_cloudwatch_event_rule" "cut_off" {
  name = "probe-cut-off"
  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail      = { status = ["ABORTED"] }
  })
}

resource "aws_cloudwatch_event_target" "cut_off" {
  rule = aws_cloudwatch_event_rule.cut_off.name
  arn  = aws_sns_topic.this.arn
  input_transformer {
    input_paths    = { run = "$.detail.name", status = "$.detail.status" }
    input_template = "\"Run <run> ended <status>.\""
  }
  dead_letter_config { arn = aws_sqs_queue.dead.arn }
  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 5
  }
}

resource "aws_cloudwatch_metric_alarm" "dead" {
  alarm_name          = "probe-dead-letters"
  alarm_description   = "Messages wait. Runbook: look at them."
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 1
  metric_name         = "ApproximateNumberOfMessagesVisible"
  namespace           = "AWS/SQS"
  dimensions          = { QueueName = aws_sqs_queue.dead.name }
  period              = 300
  statistic           = "Maximum"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}

resource "aws_cloudwatch_metric_alarm" "fresh" {
  alarm_name          = "probe-freshness"
  comparison_operator = "LessThanThreshold"
  evaluation_periods  = 26
  datapoints_to_alarm = 26
  metric_name         = "RunsSucceeded"
  namespace           = "Medallion"
  dimensions          = { Pipeline = "probe" }
  period              = 3600
  statistic           = "Sum"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.this.arn]
}

resource "aws_cloudwatch_metric_alarm" "failed" {
  alarm_name          = "probe-run-failed"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 1
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  metric_query {
    id          = "bad"
    expression  = "FILL(failed, 0) + FILL(timed_out, 0)"
    label       = "Runs that did not succeed"
    return_data = true
  }
  dynamic "metric_query" {
    for_each = { failed = "ExecutionsFailed", timed_out = "ExecutionsTimedOut" }
    content {
      id = metric_query.key
      metric {
        namespace   = "AWS/States"
        metric_name = metric_query.value
        period      = 300
        stat        = "Sum"
        dimensions  = { StateMachineArn = "arn:aws:states:us-east-1:123456789012:stateMachine:probe" }
      }
    }
  }
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = "probe"
  dashboard_body = jsonencode({
    widgets = [{
      type = "metric", x = 0, y = 0, width = 12, height = 6
      properties = {
        metrics = [["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", aws_sqs_queue.dead.name]]
        region  = data.aws_region.this.name
        title   = "Dead letters"
      }
    }]
  })
}
