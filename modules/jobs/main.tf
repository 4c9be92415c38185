locals {
  names = { for job in keys(var.jobs) : job => "${var.context.name}-${job}" }
}

resource "aws_glue_job" "this" {
  for_each = var.jobs

  name         = local.names[each.key]
  description  = local.descriptions[each.key]
  role_arn     = module.role[each.key].arn
  max_capacity = each.value.dpu
  timeout      = var.timeout_minutes
  # The state machine retries what is worth it; Glue would also repeat what can only fail again.
  max_retries = 0

  command {
    name            = "pythonshell"
    python_version  = "3.9"
    script_location = "s3://${var.bucket.name}/${aws_s3_object.code[local.scripts[each.key]].key}"
  }

  default_arguments = merge({
    "--additional-python-modules" = join(",", local.requirements)
    "--bucket"                    = var.bucket.name
    "--extra-py-files"            = join(",", [for file in sort(local.modules) : "s3://${var.bucket.name}/${aws_s3_object.code[file].key}"])
    # Nothing but awscli and botocore beforehand, so that the requirements meet no older packages.
    # Glue wants this one without dashes.
    "library-set" = "none"
  }, each.value.arguments)

  execution_property {
    max_concurrent_runs = var.max_concurrent_runs
  }
}
