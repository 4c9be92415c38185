resource "aws_s3_bucket_notification" "this" {
  count = var.arrivals ? 1 : 0

  bucket      = var.bucket.name
  eventbridge = true
}

resource "aws_cloudwatch_event_rule" "arrival" {
  count = var.arrivals ? 1 : 0

  name        = "${var.context.name}-arrival"
  description = "Starts ${var.context.name}-arrival for each file that arrives in incoming/."

  # The landing prefix alone: what the jobs write must never start a run.
  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [var.bucket.name] }
      object = { key = [{ prefix = "incoming/" }] }
    }
  })

  tags = var.context.tags
}

resource "aws_cloudwatch_event_target" "arrival" {
  count = length(aws_cloudwatch_event_rule.arrival)

  rule      = aws_cloudwatch_event_rule.arrival[0].name
  target_id = "arrival"
  arn       = var.arrival_arn
  role_arn  = module.arrival_role[0].arn

  # As long and as often as EventBridge can: a late start is as good, since the file waits in incoming/.
  retry_policy {
    maximum_event_age_in_seconds = 24 * 60 * 60
    maximum_retry_attempts       = 185
  }

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters[0].arn
  }
}

module "arrival_role" {
  source = "../role"
  count  = length(aws_cloudwatch_event_rule.arrival)

  # The state machine's own role is called <name>-arrival.
  name        = "${var.context.name}-arrival-rule"
  description = "Event rule ${var.context.name}-arrival: start the state machine that routes a file."
  service     = "events.amazonaws.com"
  tags        = var.context.tags

  statements = [{
    sid       = "StartArrival"
    actions   = ["states:StartExecution"]
    resources = [var.arrival_arn]
  }]
}

locals {
  _queue_name = "${var.context.name}-dead-letters"
  _queue_arn  = format(var.context.arn_format, "sqs", local._queue_name)
  # By its name: the provider waits half a minute for a queue, which so begins at once, beside all else.
  _rule_arn = format(var.context.arn_format, "events", "rule/${var.context.name}-arrival")
}

# Events that could not be delivered, and those that the state machine could not handle.
resource "aws_sqs_queue" "dead_letters" {
  count = var.arrivals ? 1 : 0

  name                      = local._queue_name
  message_retention_seconds = 14 * 24 * 60 * 60
  sqs_managed_sse_enabled   = var.kms_key_arn == null ? true : null
  kms_master_key_id         = var.kms_key_arn

  # Not a resource of its own: the provider waits half a minute for each of the two.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AllowRule"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local._queue_arn
        Condition = { ArnEquals = { "aws:SourceArn" = local._rule_arn } }
      },
      {
        Sid       = "DenyPlainHttp"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local._queue_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })

  tags = var.context.tags
}
