# Schedules that are refused at plan, and some that are taken.
# They run on the variables alone, without the provider: see tests/rendering.py.

run "takes_no_schedule" {
  command = plan

  variables {
    schedule_expression = null
  }
}

run "takes_rates" {
  command = plan

  variables {
    schedule_expression = "rate(1 day)"
  }
}

run "takes_the_last_weekday_of_a_month" {
  command = plan

  variables {
    schedule_expression = "cron(30 23 LW * ? *)"
  }
}

run "refuses_schedule_in_words" {
  command = plan

  variables {
    schedule_expression = "daily"
  }

  expect_failures = [var.schedule_expression]
}

run "refuses_schedule_that_is_empty" {
  command = plan

  variables {
    schedule_expression = ""
  }

  expect_failures = [var.schedule_expression]
}

run "refuses_cron_of_unix" {
  command = plan

  variables {
    schedule_expression = "cron(0 3 * * *)"
  }

  expect_failures = [var.schedule_expression]
}

run "refuses_cron_of_seven_fields" {
  command = plan

  variables {
    schedule_expression = "cron(0 0 3 * * ? *)"
  }

  expect_failures = [var.schedule_expression]
}

run "refuses_cron_with_minute_60" {
  command = plan

  variables {
    schedule_expression = "cron(60 3 * * ? *)"
  }

  expect_failures = [var.schedule_expression]
}

run "refuses_cron_with_hour_24" {
  command = plan

  variables {
    schedule_expression = "cron(0 24 * * ? *)"
  }

  expect_failures = [var.schedule_expression]
}

run "refuses_cron_with_day_32" {
  command = plan

  variables {
    schedule_expression = "cron(0 3 32 * ? *)"
  }

  expect_failures = [var.schedule_expression]
}

run "refuses_cron_with_month_13" {
  command = plan

  variables {
    schedule_expression = "cron(0 3 * 13 ? *)"
  }

  expect_failures = [var.schedule_expression]
}

run "refuses_cron_with_weekday_0" {
  command = plan

  variables {
    schedule_expression = "cron(0 3 ? * 0 *)"
  }

  expect_failures = [var.schedule_expression]
}

run "refuses_cron_without_question_mark" {
  command = plan

  variables {
    schedule_expression = "cron(0 3 * * * *)"
  }

  expect_failures = [var.schedule_expression]
}

run "refuses_cron_with_two_question_marks" {
  command = plan

  variables {
    schedule_expression = "cron(0 3 ? * ? *)"
  }

  expect_failures = [var.schedule_expression]
}

run "refuses_rate_of_one_in_the_plural" {
  command = plan

  variables {
    schedule_expression = "rate(1 days)"
  }

  expect_failures = [var.schedule_expression]
}

run "refuses_rate_of_two_in_the_singular" {
  command = plan

  variables {
    schedule_expression = "rate(2 day)"
  }

  expect_failures = [var.schedule_expression]
}

run "refuses_rate_of_zero" {
  command = plan

  variables {
    schedule_expression = "rate(0 hours)"
  }

  expect_failures = [var.schedule_expression]
}

run "refuses_rate_in_weeks" {
  command = plan

  variables {
    schedule_expression = "rate(2 weeks)"
  }

  expect_failures = [var.schedule_expression]
}

run "takes_no_schedule_when_no_dataset_wants_one" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }]
        triggers = ["event"]
      }
    }
    schedule_expression = null
  }
}

run "refuses_schedule_that_no_dataset_wants" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }]
        triggers = ["event"]
      }
    }
  }

  expect_failures = [var.schedule_expression]
}
