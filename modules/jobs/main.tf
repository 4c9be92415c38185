locals {
  names    = { for job in keys(var.jobs) : job => "${var.context.name}-${job}" }
  on_spark = { for job, settings in var.jobs : job => settings.spark != null }

  # What a Python shell job and a Spark job want of Glue.
  _python_shell_arguments = {
    # Nothing but awscli and botocore beforehand, so that the requirements meet no older packages.
    # Glue wants this one without dashes.
    "library-set" = "none"
  }
  _spark_arguments = {
    # The number of workers is then the most that Glue takes, and it pays for those in use.
    "--enable-auto-scaling" = "true"
  }
}

resource "aws_glue_job" "this" {
  for_each = var.jobs

  name              = local.names[each.key]
  description       = local.descriptions[each.key]
  role_arn          = module.role[each.key].arn
  max_capacity      = each.value.dpu
  worker_type       = try(each.value.spark.worker_type, null)
  number_of_workers = try(each.value.spark.max_workers, null)
  # Spark 3.5.6 and Python 3.11. Without a version, Glue takes its newest, whose Spark answers otherwise.
  glue_version = local.on_spark[each.key] ? "5.1" : null
  timeout      = var.timeout_minutes
  # The state machine retries what is worth it; Glue would also repeat what can only fail again.
  max_retries = 0

  command {
    name            = local.on_spark[each.key] ? "glueetl" : "pythonshell"
    python_version  = local.on_spark[each.key] ? "3" : "3.9"
    script_location = "s3://${var.bucket.name}/${aws_s3_object.code[local.scripts[each.key]].key}"
  }

  default_arguments = merge({
    # On Spark, these versions replace those that Glue brings along.
    "--additional-python-modules" = join(",", local.requirements)
    "--bucket"                    = var.bucket.name
    "--extra-py-files"            = join(",", [for file in sort(local.modules) : "s3://${var.bucket.name}/${aws_s3_object.code[file].key}"])
    # Whether the script sees the list that Glue installs is not documented, and it checks what it imports.
    "--pinned-packages" = join(",", local.requirements)
  }, local.on_spark[each.key] ? local._spark_arguments : local._python_shell_arguments, each.value.arguments)

  execution_property {
    max_concurrent_runs = var.max_concurrent_runs
  }

  tags = var.context.tags
}
