locals {
  names = { for job in keys(var.jobs) : job => "${var.context.name}-${job}" }

  # The runtime of a job is Glue's Python shell or Glue Spark, and on either it may be DuckDB that does the work.
  # Twins are the jobs whose work Spark does.
  on_spark = { for job, settings in var.jobs : job => settings.spark != null }
  twins    = { for job in keys(var.jobs) : job => endswith(job, "-spark") }

  # What a Python shell job and a Spark job want of Glue.
  _python_shell_arguments = {
    # Nothing but awscli and botocore beforehand, so that the requirements meet no older packages.
    # Glue wants this one without dashes.
    "library-set" = "none"
  }
  _spark_arguments = {
    # It is on by default, and writes what it makes of Spark's events to log streams of its own.
    "--enable-job-insights" = "false"
  }
  _twin_arguments = {
    # The number of workers is then the most that Glue takes, and what is in use is paid for.
    "--enable-auto-scaling" = "true"
  }
  runtime_arguments = { for job in keys(var.jobs) : job => merge(
    local.on_spark[job] ? local._spark_arguments : local._python_shell_arguments,
    local.twins[job] ? local._twin_arguments : {},
  ) }
}

# An update keeps what the provider does not hear of anew, worker type and Glue version among them, and Glue refuses these of
# a Python shell job: a job that changes its runtime is made anew.
resource "terraform_data" "runtime" {
  for_each = var.jobs

  input = local.on_spark[each.key] ? "spark" : "python_shell"
}

resource "aws_glue_job" "this" {
  for_each = var.jobs

  name              = local.names[each.key]
  description       = local.descriptions[each.key]
  role_arn          = module.role[each.key].arn
  max_capacity      = each.value.dpu
  worker_type       = try(each.value.spark.worker_type, null)
  number_of_workers = try(each.value.spark.workers, null)
  # Spark 3.5.6 and Python 3.11. Without a version, Glue takes its newest, whose Spark answers otherwise.
  glue_version = local.on_spark[each.key] ? "5.1" : null
  timeout      = var.timeout_minutes
  # Encrypts the logs, and what Spark writes.
  security_configuration = var.security_configuration
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
    # Glue takes single modules and no packages. This one fetches the package, from where --code says.
    "--code"           = "s3://${var.bucket.name}/${local.folder}/"
    "--extra-py-files" = "s3://${var.bucket.name}/${aws_s3_object.code["bootstrap.py"].key}"
    # Whether the script sees the list that Glue installs is not documented, and it checks what it imports.
    "--pinned-packages" = join(",", local.requirements)
  }, local.runtime_arguments[each.key], each.value.arguments)

  execution_property {
    max_concurrent_runs = var.max_concurrent_runs
  }

  tags = var.context.tags

  lifecycle {
    replace_triggered_by = [terraform_data.runtime[each.key]]
  }
}
