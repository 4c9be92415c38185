mock_provider "aws" {
  source = "./tests/terraform/mocks"
}

variables {
  context = {
    name       = "lake"
    account_id = "123456789012"
    partition  = "aws"
    region     = "us-east-1"
    arn_format = "arn:aws:%s:us-east-1:123456789012:%s"
  }
}

run "makes_a_schedule_that_starts_one_machine" {
  module {
    source = "./modules/triggers"
  }

  variables {
    pipeline_arn        = "arn:aws:states:us-east-1:123456789012:stateMachine:lake-pipeline"
    schedule_expression = "rate(1 day)"
  }

  assert {
    condition     = aws_cloudwatch_event_rule.schedule[0].name == "lake-schedule" && aws_cloudwatch_event_rule.schedule[0].schedule_expression == "rate(1 day)"
    error_message = "The rule is not the one that was asked for."
  }

  assert {
    condition     = aws_cloudwatch_event_target.pipeline[0].arn == var.pipeline_arn && aws_cloudwatch_event_target.pipeline[0].input == "{}"
    error_message = "The schedule must start the pipeline over everything."
  }
}

run "makes_nothing_without_a_schedule" {
  module {
    source = "./modules/triggers"
  }

  variables {
    pipeline_arn = "arn:aws:states:us-east-1:123456789012:stateMachine:lake-pipeline"
  }

  assert {
    condition     = length(aws_cloudwatch_event_rule.schedule) == 0 && length(aws_cloudwatch_event_target.pipeline) == 0 && length(module.schedule_role) == 0
    error_message = "Without a schedule there must be no rule, target or role."
  }
}

run "notifies_by_mail_and_keeps_logs_for_a_time" {
  module {
    source = "./modules/monitoring"
  }

  variables {
    log_retention_days  = 14
    machines            = ["crawl", "pipeline"]
    notification_emails = ["anna@example.com"]
  }

  assert {
    condition     = { for machine, group in aws_cloudwatch_log_group.machine : group.name => group.retention_in_days } == { "/aws/vendedlogs/states/lake-crawl" = 14, "/aws/vendedlogs/states/lake-pipeline" = 14 }
    error_message = "Each machine has a log group of its own, with the retention given."
  }

  assert {
    condition     = aws_sns_topic_subscription.email["anna@example.com"].protocol == "email"
    error_message = "Every address must be subscribed."
  }

  assert {
    condition     = { for statement in jsondecode(aws_sns_topic_policy.notifications.policy).Statement : statement.Sid => statement.Effect } == { AllowAccount = "Allow", DenyPlainHttp = "Deny" }
    error_message = "The topic's policy must let the account in, and plain HTTP out: ${aws_sns_topic_policy.notifications.policy}"
  }
}
