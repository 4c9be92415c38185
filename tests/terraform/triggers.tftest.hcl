mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan
}

variables {
  context = {
    name       = "lake"
    account_id = "123456789012"
    partition  = "aws"
    region     = "us-east-1"
    arn_format = "arn:aws:%s:us-east-1:123456789012:%s"
  }
  bucket       = { name = "lake-bucket", arn = "arn:aws:s3:::lake-bucket" }
  arrival_arn  = "arn:aws:states:us-east-1:123456789012:stateMachine:lake-arrival"
  pipeline_arn = "arn:aws:states:us-east-1:123456789012:stateMachine:lake-pipeline"
}

override_resource {
  override_during = plan
  target          = aws_sqs_queue.dead_letters
  values = {
    arn = "arn:aws:sqs:us-east-1:123456789012:lake-dead-letters"
    url = "https://sqs.us-east-1.amazonaws.com/123456789012/lake-dead-letters"
  }
}

run "makes_a_schedule_that_starts_one_machine" {
  command = plan

  module {
    source = "./modules/triggers"
  }

  variables {
    schedule_expression = "rate(1 day)"
  }

  assert {
    condition     = aws_cloudwatch_event_rule.schedule[0].name == "lake-schedule" && aws_cloudwatch_event_rule.schedule[0].schedule_expression == "rate(1 day)" && output.schedule_rule_name == "lake-schedule"
    error_message = "The rule is not the one that was asked for."
  }

  assert {
    condition     = aws_cloudwatch_event_target.pipeline[0].arn == var.pipeline_arn && jsondecode(aws_cloudwatch_event_target.pipeline[0].input) == { trigger = "schedule" }
    error_message = "The schedule must start the pipeline over the datasets that want it: ${aws_cloudwatch_event_target.pipeline[0].input}"
  }
}

run "makes_nothing_that_nobody_wants" {
  command = plan

  module {
    source = "./modules/triggers"
  }

  assert {
    condition     = length(aws_cloudwatch_event_rule.schedule) == 0 && length(aws_cloudwatch_event_target.pipeline) == 0 && length(module.schedule_role) == 0
    error_message = "Without a schedule there must be no rule, target or role."
  }

  assert {
    condition = (
      length(aws_cloudwatch_event_rule.arrival) == 0 && length(aws_cloudwatch_event_target.arrival) == 0 && length(module.arrival_role) == 0 &&
      length(aws_sqs_queue.dead_letters) == 0 && length(aws_s3_bucket_notification.this) == 0
    )
    error_message = "Without arrivals there must be no rule, target, role, queue or notification."
  }

  assert {
    condition     = output.arrival_rule_name == null && output.dead_letter_queue == null && output.schedule_rule_name == null
    error_message = "What is not there has no name."
  }
}

run "with_these_variables" {
  command = plan

  module {
    source = "./modules/triggers"
  }

  variables {
    arrivals = true
  }

  # Starts the routing of files that arrive.
  assert {
    condition     = aws_s3_bucket_notification.this[0].bucket == "lake-bucket" && aws_s3_bucket_notification.this[0].eventbridge
    error_message = "The bucket must tell EventBridge of its objects."
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.arrival[0].event_pattern) == {
      source      = ["aws.s3"]
      detail-type = ["Object Created"]
      detail = {
        bucket = { name = ["lake-bucket"] }
        object = { key = [{ prefix = "incoming/" }] }
      }
    }
    error_message = "Only what is created in incoming/ of this bucket may match: ${aws_cloudwatch_event_rule.arrival[0].event_pattern}"
  }

  assert {
    condition = (
      output.arrival_rule_name == "lake-arrival" && aws_cloudwatch_event_target.arrival[0].rule == "lake-arrival" &&
      aws_cloudwatch_event_target.arrival[0].arn == var.arrival_arn && aws_cloudwatch_event_target.arrival[0].role_arn == module.arrival_role[0].arn &&
      aws_cloudwatch_event_target.arrival[0].input == null
    )
    error_message = "The rule must give the whole event to the state machine, by its role."
  }

  assert {
    condition     = module.arrival_role[0].name == "lake-arrival-rule"
    error_message = "The role's name must not be the state machine's, whose role is lake-arrival: ${module.arrival_role[0].name}"
  }

  # Keeps events that cannot be delivered.
  assert {
    condition     = aws_cloudwatch_event_target.arrival[0].retry_policy[0].maximum_event_age_in_seconds == 86400 && aws_cloudwatch_event_target.arrival[0].retry_policy[0].maximum_retry_attempts == 185
    error_message = "A delivery must be tried for a day."
  }

  assert {
    condition     = aws_cloudwatch_event_target.arrival[0].dead_letter_config[0].arn == "arn:aws:sqs:us-east-1:123456789012:lake-dead-letters"
    error_message = "After that, the event must be kept in the queue."
  }

  assert {
    condition     = aws_sqs_queue.dead_letters[0].name == "lake-dead-letters" && aws_sqs_queue.dead_letters[0].message_retention_seconds == 1209600 && aws_sqs_queue.dead_letters[0].sqs_managed_sse_enabled
    error_message = "The queue must keep its messages for 14 days, encrypted."
  }

  assert {
    condition = jsondecode(aws_sqs_queue.dead_letters[0].policy).Statement == [
      {
        Sid       = "AllowRule"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = "arn:aws:sqs:us-east-1:123456789012:lake-dead-letters"
        Condition = { ArnEquals = { "aws:SourceArn" = "arn:aws:events:us-east-1:123456789012:rule/lake-arrival" } }
      },
      {
        Sid       = "DenyPlainHttp"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = "arn:aws:sqs:us-east-1:123456789012:lake-dead-letters"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
    # Without what only an apply tells of the rule: the queue takes half a minute, beside all else.
    error_message = "This rule may send, and nobody without TLS: ${aws_sqs_queue.dead_letters[0].policy}"
  }

  assert {
    condition     = output.dead_letter_queue == { arn = "arn:aws:sqs:us-east-1:123456789012:lake-dead-letters", url = "https://sqs.us-east-1.amazonaws.com/123456789012/lake-dead-letters" }
    error_message = "The queue is told as ${jsonencode(output.dead_letter_queue)}."
  }
}
