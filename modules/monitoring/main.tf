locals {
  pipeline_arn = format(var.context.arn_format, "states", "stateMachine:${var.context.name}-pipeline")
}

resource "aws_sns_topic" "notifications" {
  name         = "${var.context.name}-notifications"
  display_name = "Medallion ${var.context.name}"
  tags         = var.context.tags
  # Mails that ask for approval carry what answers them.
  kms_master_key_id = var.kms_key_arn
}

# A policy of one's own replaces the default one, so the account's access stands here again.
resource "aws_sns_topic_policy" "notifications" {
  arn = aws_sns_topic.notifications.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AllowAccount"
        Effect    = "Allow"
        Principal = { AWS = "arn:${var.context.partition}:iam::${var.context.account_id}:root" }
        Action = [
          "sns:AddPermission", "sns:DeleteTopic", "sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic",
          "sns:Publish", "sns:RemovePermission", "sns:SetTopicAttributes", "sns:Subscribe",
        ]
        Resource = aws_sns_topic.notifications.arn
      },
      {
        Sid       = "AllowAlarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.notifications.arn
        Condition = { StringEquals = { "aws:SourceAccount" = var.context.account_id } }
      },
      {
        # EventBridge sends no context for a condition when it publishes to SNS: with one, nothing would arrive.
        Sid       = "AllowRules"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.notifications.arn
      },
      {
        Sid       = "DenyPlainHttp"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.notifications.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each = toset(var.notification_emails)

  topic_arn = aws_sns_topic.notifications.arn
  protocol  = "email"
  endpoint  = each.value
}

# With this prefix, AWS keeps its own log resource policy short enough however many machines there are.
resource "aws_cloudwatch_log_group" "machine" {
  for_each = toset(var.machines)

  name              = "/aws/vendedlogs/states/${var.context.name}-${each.value}"
  retention_in_days = var.log_retention_days
  tags              = var.context.tags
  kms_key_id        = var.kms_key_arn
}
