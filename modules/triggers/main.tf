resource "aws_cloudwatch_event_rule" "schedule" {
  count = var.schedule_expression == null ? 0 : 1

  name                = "${var.context.name}-schedule"
  description         = "Starts ${var.context.name}-pipeline over the datasets that have the trigger schedule, by the clock (UTC)."
  schedule_expression = var.schedule_expression
  tags                = var.context.tags
}

resource "aws_cloudwatch_event_target" "pipeline" {
  count = length(aws_cloudwatch_event_rule.schedule)

  rule      = aws_cloudwatch_event_rule.schedule[0].name
  target_id = "pipeline"
  arn       = var.pipeline_arn
  role_arn  = module.schedule_role[0].arn
  input     = jsonencode({ trigger = "schedule" })
}

module "schedule_role" {
  source = "../role"
  count  = length(aws_cloudwatch_event_rule.schedule)

  name        = "${var.context.name}-schedule"
  description = "Event rule ${var.context.name}-schedule: start the pipeline."
  service     = "events.amazonaws.com"
  tags        = var.context.tags

  statements = [{
    sid       = "StartPipeline"
    actions   = ["states:StartExecution"]
    resources = [var.pipeline_arn]
  }]
}
