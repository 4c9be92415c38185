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
  arrival_window_seconds = 60
  arrivals               = true
  bucket                 = { name = "lake-bucket", arn = "arn:aws:s3:::lake-bucket" }
  crawler_names          = { raw = "lake-raw", processed = "lake-processed" }
  database_names         = { raw = "shop_raw", processed = "shop_processed", analytics = "shop_analytics" }
  dead_letter_queue      = { arn = "arn:aws:sqs:us-east-1:123456789012:lake-dead-letters", url = "https://sqs.us-east-1.amazonaws.com/123456789012/lake-dead-letters" }
  definition_directory   = "asl"
  job_names              = { ingest = "lake-ingest", transform = "lake-transform", model = "lake-model" }
  job_timeout_minutes    = 60
  log_group_arns = {
    for machine in ["arrival", "batch", "check", "crawl", "dataset", "model", "notify", "pipeline"] : machine => "arn:aws:logs:us-east-1:123456789012:log-group:/aws/vendedlogs/states/lake-${machine}"
  }
  success_mails  = true
  topic_arn      = "arn:aws:sns:us-east-1:123456789012:lake-notifications"
  workgroup_name = "lake"
}

run "with_the_variables_above" {
  command = plan

  module {
    source = "./modules/workflow"
  }

  # Routes files in an express machine.
  assert {
    condition     = aws_sfn_state_machine.arrival[0].name == "lake-arrival" && aws_sfn_state_machine.arrival[0].type == "EXPRESS"
    error_message = "Files are routed by an Express machine, found ${aws_sfn_state_machine.arrival[0].type} ${aws_sfn_state_machine.arrival[0].name}."
  }

  assert {
    condition     = aws_sfn_state_machine.arrival[0].logging_configuration[0].level == "ALL" && aws_sfn_state_machine.arrival[0].logging_configuration[0].log_destination == "arn:aws:logs:us-east-1:123456789012:log-group:/aws/vendedlogs/states/lake-arrival:*"
    error_message = "Its log is the only record of an Express execution."
  }

  assert {
    condition = alltrue([for text in ["arn:aws:states:us-east-1:123456789012:stateMachine:lake-pipeline", "https://sqs.us-east-1.amazonaws.com/123456789012/lake-dead-letters", "lake-bucket", "$length := 60 * 1000"] :
      strcontains(aws_sfn_state_machine.arrival[0].definition, text)
    ])
    error_message = "It must name the pipeline, the queue, the bucket and the window: ${aws_sfn_state_machine.arrival[0].definition}"
  }

  # Lets the routing do its work alone.
  assert {
    condition = { for row in local.statements.arrival : join(" ", row.actions) => join(" ", row.resources) if row.sid != "DeliverLogs" } == {
      "s3:GetObject"             = "arn:aws:s3:::lake-bucket/config/pipeline.json"
      "s3:PutObject"             = "arn:aws:s3:::lake-bucket/runs/arrivals/*"
      "states:StartExecution"    = "arn:aws:states:us-east-1:123456789012:stateMachine:lake-pipeline"
      "sqs:SendMessage"          = "arn:aws:sqs:us-east-1:123456789012:lake-dead-letters"
      "cloudwatch:PutMetricData" = "*"
    }
    error_message = "The role may do ${jsonencode(local.statements.arrival)}."
  }

  # Lets notify publish and no more.
  assert {
    condition = { for row in local.statements.notify : join(" ", row.actions) => join(" ", row.resources) if row.sid != "DeliverLogs" } == {
      "sns:Publish"              = "arn:aws:sns:us-east-1:123456789012:lake-notifications"
      "cloudwatch:PutMetricData" = "*"
    }
    error_message = "The role may do ${jsonencode(local.statements.notify)}."
  }

  assert {
    condition     = alltrue([for machine in ["arrival", "batch", "notify"] : one([for row in local.statements[machine] : row.condition if contains(row.actions, "cloudwatch:PutMetricData")]) == { StringEquals = { "cloudwatch:namespace" = ["Medallion"] } }])
    error_message = "AWS names no resource for metrics, so they are bound to their namespace."
  }

  # Lets the pipeline wait for its turn.
  assert {
    condition     = [for row in local.statements.pipeline : row.resources if contains(row.actions, "states:ListExecutions")] == [["arn:aws:states:us-east-1:123456789012:stateMachine:lake-pipeline"]]
    error_message = "It must find the runs before it, of itself alone."
  }

  assert {
    condition     = [for machine in ["dataset", "pipeline"] : [for row in local.statements[machine] : row.condition if contains(row.actions, "s3:ListBucket")]] == [[{ StringLikeIfExists = { "s3:prefix" = ["incoming/*", "runs/*"] } }], [{ StringLikeIfExists = { "s3:prefix" = ["config/*"] } }]]
    error_message = "It must be seen which datasets have files, and nothing else is listed."
  }

  assert {
    condition     = contains(flatten([for row in local.statements.pipeline : row.resources if contains(row.actions, "states:StartExecution")]), "arn:aws:states:us-east-1:123456789012:stateMachine:lake-notify") && contains(flatten([for row in local.statements.pipeline : row.resources if contains(row.actions, "states:StopExecution")]), "arn:aws:states:us-east-1:123456789012:execution:lake-notify:*")
    error_message = "It must start notify and follow it."
  }

  assert {
    condition     = can(regex("\\b30\\b", jsondecode(aws_sfn_state_machine.pipeline.definition).States.WaitForTurn.Seconds)) && strcontains(aws_sfn_state_machine.pipeline.definition, "stateMachine:lake-notify")
    error_message = "It must look for its turn every 30 seconds, and end with notify."
  }

  # Mails success when wanted.
  assert {
    condition     = strcontains(aws_sfn_state_machine.part["notify"].definition, "\"{% true %}\"") && !strcontains(aws_sfn_state_machine.part["notify"].definition, "\"{% false %}\"")
    error_message = "Runs that succeed must be told by mail."
  }
}

run "routes_nothing_without_arrivals" {
  command = plan

  module {
    source = "./modules/workflow"
  }

  variables {
    arrivals          = false
    dead_letter_queue = null
  }

  assert {
    condition     = length(aws_sfn_state_machine.arrival) == 0 && output.arrival_arn == null && keys(module.role) == ["batch", "check", "crawl", "dataset", "model", "notify", "pipeline"]
    error_message = "Without arrivals there must be no machine and no role for them: ${join(", ", keys(module.role))}"
  }
}

run "looks_for_its_turn_as_often_as_windows_end" {
  command = plan

  module {
    source = "./modules/workflow"
  }

  variables {
    arrival_window_seconds = 5
  }

  assert {
    condition     = can(regex("\\b5\\b", jsondecode(aws_sfn_state_machine.pipeline.definition).States.WaitForTurn.Seconds)) && strcontains(aws_sfn_state_machine.arrival[0].definition, "$length := 5 * 1000")
    error_message = "A window of 5 seconds makes runs every 5 seconds."
  }
}

run "mails_no_success_when_not_wanted" {
  command = plan

  module {
    source = "./modules/workflow"
  }

  variables {
    success_mails = false
  }

  assert {
    condition     = strcontains(aws_sfn_state_machine.part["notify"].definition, "\"{% false %}\"")
    error_message = "Runs that succeed must not be told by mail."
  }
}
