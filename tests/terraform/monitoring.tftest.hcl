mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan
}

variables {
  context = {
    name        = "lake"
    account_id  = "123456789012"
    partition   = "aws"
    region      = "us-east-1"
    console_url = "https://us-east-1.console.aws.amazon.com"
    arn_format  = "arn:aws:%s:us-east-1:123456789012:%s"
  }
  crawler_names       = ["lake-processed", "lake-raw"]
  job_names           = ["lake-ingest", "lake-transform"]
  log_retention_days  = 14
  machines            = ["crawl", "pipeline"]
  notification_emails = ["anna@example.com"]
  workgroup_name      = "lake"
}

override_resource {
  override_during = plan
  target          = aws_sns_topic.notifications
  values = {
    arn = "arn:aws:sns:us-east-1:123456789012:lake-notifications"
  }
}

override_resource {
  override_during = plan
  target          = aws_cloudwatch_log_group.events
  values = {
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/events/lake"
  }
}

run "with_the_variables_above" {
  command = plan

  module {
    source = "./modules/monitoring"
  }

  # Notifies by mail and keeps logs for a time.
  assert {
    condition     = { for machine, group in aws_cloudwatch_log_group.machine : group.name => group.retention_in_days } == { "/aws/vendedlogs/states/lake-crawl" = 14, "/aws/vendedlogs/states/lake-pipeline" = 14 }
    error_message = "Each machine has a log group of its own, with the retention given."
  }

  assert {
    condition     = aws_sns_topic_subscription.email["anna@example.com"].protocol == "email"
    error_message = "Every address must be subscribed."
  }

  # Lets alarms and rules publish.
  assert {
    condition = { for statement in jsondecode(aws_sns_topic_policy.notifications.policy).Statement : statement.Sid => jsonencode({
      effect    = statement.Effect
      principal = statement.Principal
      resource  = statement.Resource
      condition = try(statement.Condition, null)
      }) } == {
      AllowAccount  = jsonencode({ effect = "Allow", principal = { AWS = "arn:aws:iam::123456789012:root" }, resource = output.topic_arn, condition = null })
      AllowAlarms   = jsonencode({ effect = "Allow", principal = { Service = "cloudwatch.amazonaws.com" }, resource = output.topic_arn, condition = { StringEquals = { "aws:SourceAccount" = "123456789012" } } })
      AllowRules    = jsonencode({ effect = "Allow", principal = { Service = "events.amazonaws.com" }, resource = output.topic_arn, condition = null })
      DenyPlainHttp = jsonencode({ effect = "Deny", principal = "*", resource = output.topic_arn, condition = { Bool = { "aws:SecureTransport" = "false" } } })
    }
    error_message = "The account, its alarms and rules may publish (AWS takes no condition for the latter), and nobody by plain HTTP: ${aws_sns_topic_policy.notifications.policy}"
  }

  assert {
    condition     = [for statement in jsondecode(aws_sns_topic_policy.notifications.policy).Statement : statement.Action if contains(["AllowAlarms", "AllowRules"], statement.Sid)] == ["sns:Publish", "sns:Publish"]
    error_message = "Services may publish, and do nothing else."
  }

  # Logs jobs and crawls that fail.
  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.failure["job-failed"].event_pattern) == {
      source      = ["aws.glue"]
      detail-type = ["Glue Job State Change"]
      detail      = { jobName = ["lake-ingest", "lake-transform"], state = ["FAILED", "TIMEOUT", "ERROR", "STOPPED"] }
    }
    error_message = "The rule must match each end of our jobs but success: ${aws_cloudwatch_event_rule.failure["job-failed"].event_pattern}"
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.failure["crawl-failed"].event_pattern) == {
      source      = ["aws.glue"]
      detail-type = ["Glue Crawler State Change"]
      detail      = { crawlerName = ["lake-processed", "lake-raw"], state = ["Failed"] }
    }
    error_message = "The rule must match failures of our crawlers: ${aws_cloudwatch_event_rule.failure["crawl-failed"].event_pattern}"
  }

  assert {
    condition     = { for key, target in aws_cloudwatch_event_target.failure : target.rule => target.arn } == { for key in ["crawl-failed", "job-failed"] : "lake-${key}" => "arn:aws:logs:us-east-1:123456789012:log-group:/aws/events/lake" }
    error_message = "Both rules must write to the log."
  }

  assert {
    condition     = aws_cloudwatch_log_group.events.name == "/aws/events/lake" && aws_cloudwatch_log_group.events.retention_in_days == 14
    error_message = "The log must be named as EventBridge wants it, and be kept for the time given."
  }

  assert {
    condition = jsondecode(aws_cloudwatch_log_resource_policy.events[0].policy_document).Statement == [{
      Sid       = "AllowRules"
      Effect    = "Allow"
      Principal = { Service = ["delivery.logs.amazonaws.com", "events.amazonaws.com"] }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/events/lake:*"
    }]
    error_message = "EventBridge may write to this log: ${aws_cloudwatch_log_resource_policy.events[0].policy_document}"
  }

  # Tells of runs that were cut off.
  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.run_cut_off.event_pattern) == {
      source      = ["aws.states"]
      detail-type = ["Step Functions Execution Status Change"]
      detail = {
        stateMachineArn = ["arn:aws:states:us-east-1:123456789012:stateMachine:lake-pipeline"]
        "$or" = [
          { status = ["ABORTED", "TIMED_OUT"] },
          { status = ["FAILED"], error = [{ anything-but = ["PipelineFailed"] }] },
        ]
      }
    }
    error_message = "A run that told of its failure must not be told again: ${aws_cloudwatch_event_rule.run_cut_off.event_pattern}"
  }

  assert {
    condition     = aws_cloudwatch_event_target.run_cut_off.rule == "lake-run-cut-off" && aws_cloudwatch_event_target.run_cut_off.arn == output.topic_arn && aws_cloudwatch_event_target.run_cut_off.role_arn == null
    error_message = "It must be told to the topic; a topic takes no role."
  }

  assert {
    condition     = aws_cloudwatch_event_target.run_cut_off.input_transformer[0].input_paths == tomap({ execution = "$.detail.executionArn", run = "$.detail.name", status = "$.detail.status", time = "$.time" })
    error_message = "The text is made of ${jsonencode(aws_cloudwatch_event_target.run_cut_off.input_transformer[0].input_paths)}."
  }

  assert {
    condition     = alltrue([for line in split("\n", aws_cloudwatch_event_target.run_cut_off.input_transformer[0].input_template) : can(regex("^\"[^\"]+\"$", line))])
    error_message = "EventBridge takes quoted lines alone: ${aws_cloudwatch_event_target.run_cut_off.input_transformer[0].input_template}"
  }

  assert {
    condition     = toset(flatten(regexall("<([^>]+)>", aws_cloudwatch_event_target.run_cut_off.input_transformer[0].input_template))) == toset(["execution", "run", "status", "time"])
    error_message = "Each value must be told, and no other: ${aws_cloudwatch_event_target.run_cut_off.input_transformer[0].input_template}"
  }

  assert {
    condition     = strcontains(aws_cloudwatch_event_target.run_cut_off.input_transformer[0].input_template, "https://us-east-1.console.aws.amazon.com/states/home?region=us-east-1#/v2/executions/details/<execution>")
    error_message = "The text must lead to the execution."
  }

  # Rings for runs without success.
  assert {
    condition     = one([for query in aws_cloudwatch_metric_alarm.run_failed.metric_query : query.expression if query.return_data == true]) == "aborted + failed + timed_out"
    error_message = "The alarm must be on the sum of all ends but success."
  }

  assert {
    condition = { for query in aws_cloudwatch_metric_alarm.run_failed.metric_query : query.id => jsonencode(query.metric[0]) if length(query.metric) > 0 } == {
      for id, metric in { aborted = "ExecutionsAborted", failed = "ExecutionsFailed", timed_out = "ExecutionsTimedOut" } :
      id => jsonencode({ dimensions = { StateMachineArn = "arn:aws:states:us-east-1:123456789012:stateMachine:lake-pipeline" }, metric_name = metric, namespace = "AWS/States", period = 300, stat = "Sum", unit = null })
    }
    error_message = "The metrics are ${jsonencode(aws_cloudwatch_metric_alarm.run_failed.metric_query)}."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.run_failed.comparison_operator == "GreaterThanThreshold" && aws_cloudwatch_metric_alarm.run_failed.threshold == 0 && aws_cloudwatch_metric_alarm.run_failed.evaluation_periods == 1 && aws_cloudwatch_metric_alarm.run_failed.treat_missing_data == "notBreaching"
    error_message = "One run is enough, and no run is no failure."
  }

  # Watches no files when none start runs.
  assert {
    condition     = output.alarm_names == tolist(["lake-crawl-failed", "lake-job-failed", "lake-run-failed"])
    error_message = "Without arrivals and freshness_hours, the alarms are ${join(", ", output.alarm_names)}."
  }

  assert {
    condition     = !strcontains(aws_cloudwatch_dashboard.this[0].dashboard_body, "lake-arrival") && !strcontains(aws_cloudwatch_dashboard.this[0].dashboard_body, "lake-dead-letters")
    error_message = "The dashboard must not show what is not there."
  }
}

run "has_alarms_that_say_what_to_do" {
  command = plan

  module {
    source = "./modules/monitoring"
  }

  variables {
    arrivals        = true
    freshness_hours = 26
  }

  assert {
    condition     = output.alarm_names == tolist(["lake-crawl-failed", "lake-dead-letters", "lake-freshness", "lake-job-failed", "lake-run-failed", "lake-unrouted-files"]) && output.alarm_names == sort(concat(values(aws_cloudwatch_metric_alarm.this)[*].alarm_name, [aws_cloudwatch_metric_alarm.run_failed.alarm_name]))
    error_message = "The alarms are ${join(", ", output.alarm_names)}."
  }

  assert {
    condition = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => "${alarm.statistic} of ${alarm.namespace} ${alarm.metric_name} ${jsonencode(alarm.dimensions)} in ${alarm.evaluation_periods} x ${alarm.period} s" } == {
      crawl-failed   = "Sum of AWS/Events TriggeredRules {\"RuleName\":\"lake-crawl-failed\"} in 1 x 300 s"
      dead-letters   = "Maximum of AWS/SQS ApproximateNumberOfMessagesVisible {\"QueueName\":\"lake-dead-letters\"} in 1 x 300 s"
      freshness      = "Sum of Medallion RunsSucceeded {\"Pipeline\":\"lake\"} in 26 x 3600 s"
      job-failed     = "Sum of AWS/Events TriggeredRules {\"RuleName\":\"lake-job-failed\"} in 1 x 300 s"
      unrouted-files = "Sum of Medallion UnroutedFiles {\"Pipeline\":\"lake\"} in 1 x 300 s"
    }
    error_message = "The alarms are on ${join("; ", [for key, alarm in aws_cloudwatch_metric_alarm.this : "${key}: ${alarm.statistic} of ${alarm.namespace} ${alarm.metric_name} ${jsonencode(alarm.dimensions)} in ${alarm.evaluation_periods} x ${alarm.period} s"])}."
  }

  assert {
    condition     = alltrue([for key, alarm in aws_cloudwatch_metric_alarm.this : key == "freshness" || "${alarm.comparison_operator} ${alarm.threshold} ${alarm.treat_missing_data}" == "GreaterThanThreshold 0 notBreaching"])
    error_message = "One failure is enough, and no data means that nothing failed."
  }

  assert {
    condition     = "${aws_cloudwatch_metric_alarm.this["freshness"].comparison_operator} ${aws_cloudwatch_metric_alarm.this["freshness"].threshold} ${aws_cloudwatch_metric_alarm.this["freshness"].treat_missing_data} ${aws_cloudwatch_metric_alarm.this["freshness"].datapoints_to_alarm}" == "LessThanThreshold 1 breaching 26"
    error_message = "Each of the hours has to be without a run that succeeded, and an hour without a run is one."
  }

  assert {
    condition     = alltrue([for alarm in concat(values(aws_cloudwatch_metric_alarm.this), [aws_cloudwatch_metric_alarm.run_failed]) : alarm.alarm_actions == toset(["arn:aws:sns:us-east-1:123456789012:lake-notifications"])])
    error_message = "Each alarm must be told to the topic."
  }

  assert {
    condition     = alltrue([for alarm in concat(values(aws_cloudwatch_metric_alarm.this), [aws_cloudwatch_metric_alarm.run_failed]) : can(regex("^[A-Z].+\\. Runbook: .+\\.$", alarm.alarm_description)) && length(alarm.alarm_description) <= 1024])
    error_message = "Each description must end with a runbook, within CloudWatch's 1,024 characters."
  }
}

run "shows_our_metrics_on_a_dashboard" {
  command = plan

  module {
    source = "./modules/monitoring"
  }

  variables {
    arrivals = true
  }

  assert {
    condition     = output.dashboard_name == "lake" && length(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets) == 12
    error_message = "The dashboard is ${aws_cloudwatch_dashboard.this[0].dashboard_body}."
  }

  assert {
    condition = alltrue([for metric in [
      "ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted", "ExecutionTime",
      "RunsSucceeded", "RunsFailed", "UnroutedFiles", "FilesAccepted", "FilesRefused", "RowsIngested", "RowsProcessed", "RowsRefused",
      "IngestSeconds", "TransformSeconds", "ProcessedBytes", "TriggeredRules", "FailedInvocations", "ApproximateNumberOfMessagesVisible",
    ] : strcontains(aws_cloudwatch_dashboard.this[0].dashboard_body, metric)])
    error_message = "The dashboard lacks a metric: ${aws_cloudwatch_dashboard.this[0].dashboard_body}"
  }

  assert {
    condition = contains(flatten([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : [for metric in widget.properties.metrics : try(metric[0].expression, "")] if widget.type == "metric"]),
    "SEARCH('{Medallion,Dataset,Pipeline} Pipeline=\"lake\" MetricName=\"RowsIngested\"', 'Sum')")
    error_message = "Datasets are found by a search, so that new ones are shown: ${aws_cloudwatch_dashboard.this[0].dashboard_body}"
  }

  assert {
    # Each widget covers a rectangle of a grid that is 24 wide, and none covers another.
    condition = length(distinct(flatten([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : [
      for x in range(widget.x, widget.x + widget.width) : [for y in range(widget.y, widget.y + widget.height) : "${x} ${y}" if x < 24]
    ]]))) == sum([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.width * widget.height])
    error_message = "Widgets cover each other, or stand out of the grid."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[0].properties.alarms == [for name in output.alarm_names : "arn:aws:cloudwatch:us-east-1:123456789012:alarm:${name}"]
    error_message = "The first thing to see is the state of the alarms."
  }
}

run "has_no_dashboard_when_none_is_wanted" {
  command = plan

  module {
    source = "./modules/monitoring"
  }

  variables {
    dashboard = false
  }

  assert {
    condition     = output.dashboard_name == null && length(aws_cloudwatch_dashboard.this) == 0
    error_message = "There must be no dashboard."
  }
}

run "has_no_log_resource_policy_when_the_account_has_one" {
  command = plan

  module {
    source = "./modules/monitoring"
  }

  variables {
    log_resource_policy = false
  }

  assert {
    condition     = length(aws_cloudwatch_log_resource_policy.events) == 0 && length(aws_cloudwatch_event_target.failure) == 2
    error_message = "Failures must be logged still, without a policy of the deployment's own."
  }
}
