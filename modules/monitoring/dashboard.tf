locals {
  _crawl_arn = format(var.context.arn_format, "states", "stateMachine:${var.context.name}-crawl")
  _rules     = concat(values(aws_cloudwatch_event_rule.failure)[*].name, var.arrivals ? ["${var.context.name}-arrival"] : [])

  # What a search finds needs not be named: a new dataset is there with its first run.
  _by_dataset = { for metric in ["FilesAccepted", "FilesRefused", "IngestSeconds", "RowsIngested", "RowsProcessed", "RowsRefused", "TransformSeconds"] : metric =>
    "SEARCH('{Medallion,Dataset,Pipeline} Pipeline=\"${var.context.name}\" MetricName=\"${metric}\"', '${endswith(metric, "Seconds") ? "Maximum" : "Sum"}')"
  }
  _scanned = "SEARCH('{AWS/Athena,QueryState,QueryType,WorkGroup} WorkGroup=\"${var.workgroup_name}\" MetricName=\"ProcessedBytes\"', 'Sum')"

  # Graphs in the order in which they stand, three a row: title, unit, statistic and metrics.
  _graphs = concat(
    [
      { title = "Runs", unit = "runs", stat = "Sum", metrics = [
        for metric in ["ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"] :
        ["AWS/States", metric, "StateMachineArn", local.pipeline_arn, { label = trimprefix(metric, "Executions") }]
      ] },
      { title = "Results of runs", unit = "runs", stat = "Sum", metrics = [
        for metric in ["RunsSucceeded", "RunsFailed"] : ["Medallion", metric, "Pipeline", var.context.name, { label = metric }]
      ] },
      { title = "Duration of runs and crawls", unit = "milliseconds", stat = "Maximum", metrics = [
        for label, arn in { Crawls = local._crawl_arn, Runs = local.pipeline_arn } : ["AWS/States", "ExecutionTime", "StateMachineArn", arn, { label = label }]
      ] },
      { title = "Rows ingested", unit = "rows", stat = "Sum", metrics = [[{ expression = local._by_dataset.RowsIngested, id = "rows", label = "" }]] },
      { title = "Rows processed", unit = "rows", stat = "Sum", metrics = [[{ expression = local._by_dataset.RowsProcessed, id = "rows", label = "" }]] },
      { title = "Rows refused", unit = "rows", stat = "Sum", metrics = [[{ expression = local._by_dataset.RowsRefused, id = "rows", label = "" }]] },
      { title = "Files", unit = "files", stat = "Sum", metrics = [
        for metric in ["FilesAccepted", "FilesRefused"] : [{ expression = local._by_dataset[metric], id = lower(metric), label = trimprefix(metric, "Files") }]
      ] },
      { title = "Duration of jobs", unit = "seconds", stat = "Maximum", metrics = [
        for metric in ["IngestSeconds", "TransformSeconds"] : [{ expression = local._by_dataset[metric], id = lower(metric), label = trimsuffix(metric, "Seconds") }]
      ] },
      { title = "Scanned by Athena", unit = "bytes", stat = "Sum", metrics = [[{ expression = local._scanned, id = "scanned", label = "" }]] },
      { title = "Events by rule", unit = "events", stat = "Sum", metrics = [
        for rule in local._rules : ["AWS/Events", "TriggeredRules", "RuleName", rule, { label = rule }]
      ] },
    ],
    [for arrivals in [var.arrivals] :
      { title = "Arrivals that went wrong", unit = "files", stat = "Maximum", metrics = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", local.queue_name, { label = "Dead letters" }],
        ["AWS/Events", "FailedInvocations", "RuleName", "${var.context.name}-arrival", { label = "Not delivered", stat = "Sum" }],
        ["Medallion", "UnroutedFiles", "Pipeline", var.context.name, { label = "Of no dataset", stat = "Sum" }],
      ] }
      if arrivals
    ],
  )

  _alarm_widget = {
    type       = "alarm"
    x          = 0
    y          = 0
    width      = 24
    height     = 3
    properties = { title = "Alarms", alarms = [for name in local.alarm_names : format(var.context.arn_format, "cloudwatch", "alarm:${name}")] }
  }
  _graph_widgets = [for i, graph in local._graphs : {
    type   = "metric"
    x      = i % 3 * 8
    y      = 3 + floor(i / 3) * 6
    width  = 8
    height = 6
    properties = {
      title   = graph.title
      region  = var.context.region
      view    = "timeSeries"
      period  = 300
      stat    = graph.stat
      metrics = graph.metrics
      yAxis   = { left = { label = graph.unit, min = 0, showUnits = false } }
    }
  }]
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard ? 1 : 0

  dashboard_name = var.context.name
  dashboard_body = jsonencode({ widgets = concat([local._alarm_widget], local._graph_widgets) })
}
