# Settings that are refused at plan, and the boundary next to each that is taken.
# They run on the variables alone, without the provider: see tests/rendering.py.

run "takes_settings_at_their_limits" {
  command = plan

  variables {
    athena_scan_limit_mebibytes = 10
    database_prefix             = "w"
    jobs                        = { ingest_dpu = 1, transform_dpu = 0.0625, model_dpu = 1, max_concurrent_runs = 1000, max_object_mebibytes = 5120, runtime = "spark", spark_max_workers = 2, spark_worker_type = "G.8X", timeout_minutes = 1440 }
    kms_key_arn                 = "arn:aws:kms:us-east-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"
    lifecycle_rules             = { runs_days = 1 }
    log_retention_days          = 3653
    name                        = "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
    notification_emails         = ["anna.smith+lake@mail.example.co.uk"]
    schedule_expression         = "cron(0/15 8-17 ? JAN-MAR,12 MON-FRI 2026-2030)"
    tags                        = { owner = "anna" }
  }
}

run "takes_the_smallest_objects" {
  command = plan

  variables {
    jobs = { max_object_mebibytes = 16 }
  }
}

run "refuses_athena_scan_limit_below_what_athena_takes" {
  command = plan

  variables {
    athena_scan_limit_mebibytes = 9
  }

  expect_failures = [var.athena_scan_limit_mebibytes]
}

run "refuses_athena_scan_limit_in_fractions" {
  command = plan

  variables {
    athena_scan_limit_mebibytes = 10.5
  }

  expect_failures = [var.athena_scan_limit_mebibytes]
}

run "refuses_bucket_name_with_capitals" {
  command = plan

  variables {
    bucket_name = "My-Lake"
  }

  expect_failures = [var.bucket_name]
}

run "refuses_bucket_name_that_is_empty" {
  command = plan

  variables {
    bucket_name = ""
  }

  expect_failures = [var.bucket_name]
}

run "refuses_bucket_name_of_64_characters" {
  command = plan

  variables {
    bucket_name = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
  }

  expect_failures = [var.bucket_name]
}

run "refuses_bucket_name_that_ends_in_a_hyphen" {
  command = plan

  variables {
    bucket_name = "lake-"
  }

  expect_failures = [var.bucket_name]
}

run "refuses_database_prefix_with_a_hyphen" {
  command = plan

  variables {
    database_prefix = "work-shop"
  }

  expect_failures = [var.database_prefix]
}

run "refuses_jobs_with_two_dpu" {
  command = plan

  variables {
    jobs = { transform_dpu = 2 }
  }

  expect_failures = [var.jobs]
}

run "refuses_jobs_without_time" {
  command = plan

  variables {
    jobs = { timeout_minutes = 0 }
  }

  expect_failures = [var.jobs]
}

run "refuses_jobs_of_more_than_a_day" {
  command = plan

  variables {
    jobs = { timeout_minutes = 1441 }
  }

  expect_failures = [var.jobs]
}

run "refuses_jobs_with_half_a_minute" {
  command = plan

  variables {
    jobs = { timeout_minutes = 1.5 }
  }

  expect_failures = [var.jobs]
}

run "refuses_jobs_without_concurrent_runs" {
  command = plan

  variables {
    jobs = { max_concurrent_runs = 0 }
  }

  expect_failures = [var.jobs]
}

run "refuses_jobs_with_a_quarter_of_a_dpu_for_models" {
  command = plan

  variables {
    jobs = { model_dpu = 0.25 }
  }

  expect_failures = [var.jobs]
}

run "refuses_jobs_on_an_unknown_worker" {
  command = plan

  variables {
    jobs = { spark_worker_type = "G.025X" }
  }

  expect_failures = [var.jobs]
}

run "takes_the_other_runtime_by_its_name" {
  command = plan

  variables {
    jobs = { runtime = "python_shell" }
  }
}

run "refuses_jobs_on_a_runtime_that_is_not_there" {
  command = plan

  variables {
    jobs = { runtime = "Spark" }
  }

  expect_failures = [var.jobs]
}

run "refuses_jobs_with_one_spark_worker" {
  command = plan

  variables {
    jobs = { spark_max_workers = 1 }
  }

  expect_failures = [var.jobs]
}

run "refuses_jobs_with_half_a_spark_worker" {
  command = plan

  variables {
    jobs = { spark_max_workers = 2.5 }
  }

  expect_failures = [var.jobs]
}

run "refuses_jobs_with_objects_of_15_mebibytes" {
  command = plan

  variables {
    jobs = { max_object_mebibytes = 15 }
  }

  expect_failures = [var.jobs]
}

run "refuses_jobs_with_objects_beyond_5_gibibytes" {
  command = plan

  variables {
    jobs = { max_object_mebibytes = 5121 }
  }

  expect_failures = [var.jobs]
}

run "refuses_jobs_with_objects_in_fractions" {
  command = plan

  variables {
    jobs = { max_object_mebibytes = 64.5 }
  }

  expect_failures = [var.jobs]
}

run "refuses_alias_of_the_catalogs_key" {
  command = plan

  variables {
    catalog_kms_key_arn = "arn:aws:kms:us-east-1:123456789012:alias/catalog"
  }

  expect_failures = [var.catalog_kms_key_arn]
}

run "refuses_kms_alias" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:alias/lake"
  }

  expect_failures = [var.kms_key_arn]
}

run "refuses_kms_key_id" {
  command = plan

  variables {
    kms_key_arn = "1234abcd-12ab-34cd-56ef-1234567890ab"
  }

  expect_failures = [var.kms_key_arn]
}

run "refuses_lifecycle_rules_of_no_days" {
  command = plan

  variables {
    lifecycle_rules = { runs_days = 0 }
  }

  expect_failures = [var.lifecycle_rules]
}

run "refuses_lifecycle_rules_of_half_days" {
  command = plan

  variables {
    lifecycle_rules = { noncurrent_version_days = 0.5 }
  }

  expect_failures = [var.lifecycle_rules]
}

run "refuses_log_retention_that_cloudwatch_does_not_know" {
  command = plan

  variables {
    log_retention_days = 31
  }

  expect_failures = [var.log_retention_days]
}

run "refuses_name_with_an_underscore" {
  command = plan

  variables {
    name = "my_lake"
  }

  expect_failures = [var.name]
}

run "refuses_name_that_begins_with_a_digit" {
  command = plan

  variables {
    name = "1lake"
  }

  expect_failures = [var.name]
}

run "refuses_name_too_long_for_its_roles" {
  command = plan

  variables {
    name = "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
  }

  expect_failures = [var.name]
}

run "refuses_notification_email_without_domain" {
  command = plan

  variables {
    notification_emails = ["anna@localhost"]
  }

  expect_failures = [var.notification_emails]
}

run "refuses_notification_email_with_a_blank" {
  command = plan

  variables {
    notification_emails = ["anna smith@example.com"]
  }

  expect_failures = [var.notification_emails]
}

run "refuses_notification_email_twice" {
  command = plan

  variables {
    notification_emails = ["anna@example.com", "anna@example.com"]
  }

  expect_failures = [var.notification_emails]
}

run "refuses_tag_of_aws" {
  command = plan

  variables {
    tags = { "aws:owner" = "anna" }
  }

  expect_failures = [var.tags]
}

run "refuses_tag_value_of_257_characters" {
  command = plan

  variables {
    tags = { note = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" }
  }

  expect_failures = [var.tags]
}
