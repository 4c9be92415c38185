locals {
  # The jobs and the state machines read these at run time: a new dataset changes no code. When a dataset runs, and with
  # which others, is no concern of a job.
  contracts = { for name, dataset in var.datasets : name => merge(
    { name = name },
    { for field, value in dataset : field => value if !contains(["group", "triggers"], field) },
  ) }
  plan = {
    datasets = [for name in sort(keys(var.datasets)) : {
      name     = name
      min_rows = coalesce(var.datasets[name].checks.row_count.min, 0)
      engine   = var.datasets[name].engine
      group    = var.datasets[name].group
      triggers = var.datasets[name].triggers
    }]
    # A stage is one job run: on Spark when one of its models is, and that job runs the others in its driver.
    stages = [for stage in var.stages : {
      name   = stage
      engine = contains([for model in var.models : model.engine if model.stage == stage], "spark") ? "spark" : "duckdb"
    } if contains([for model in var.models : model.stage], stage)]
  }
}

resource "aws_s3_object" "contract" {
  for_each = local.contracts

  bucket       = var.bucket.name
  key          = "config/datasets/${each.key}.json"
  content      = jsonencode(each.value)
  source_hash  = sha256(jsonencode(each.value))
  content_type = "application/json"

  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    replace_triggered_by = [terraform_data.key]
  }
}

resource "aws_s3_object" "plan" {
  bucket       = var.bucket.name
  key          = "config/pipeline.json"
  content      = jsonencode(local.plan)
  source_hash  = sha256(jsonencode(local.plan))
  content_type = "application/json"

  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    replace_triggered_by = [terraform_data.key]
  }

  # The plan must not name a dataset whose contract is not there yet, or a stage without its models.
  depends_on = [aws_s3_object.contract, aws_s3_object.models]
}
