# Settings of arrivals and monitoring that are refused at plan, and the boundary next to each that is taken.
# They run on the variables alone, without the provider: see tests/rendering.py.

run "takes_the_shortest_times" {
  command = plan

  variables {
    arrival_window_seconds = 5
    monitoring             = { freshness_hours = 1 }
  }
}

run "takes_the_longest_times" {
  command = plan

  variables {
    arrival_window_seconds = 3600
    monitoring             = { freshness_hours = 168, success_mails = false, dashboard = false }
  }
}

run "refuses_window_of_4_seconds" {
  command = plan

  variables {
    arrival_window_seconds = 4
  }

  expect_failures = [var.arrival_window_seconds]
}

run "refuses_window_of_more_than_an_hour" {
  command = plan

  variables {
    arrival_window_seconds = 3601
  }

  expect_failures = [var.arrival_window_seconds]
}

run "refuses_window_in_fractions" {
  command = plan

  variables {
    arrival_window_seconds = 7.5
  }

  expect_failures = [var.arrival_window_seconds]
}

run "refuses_freshness_of_no_hours" {
  command = plan

  variables {
    monitoring = { freshness_hours = 0 }
  }

  expect_failures = [var.monitoring]
}

run "refuses_freshness_of_more_than_a_week" {
  command = plan

  variables {
    monitoring = { freshness_hours = 169 }
  }

  expect_failures = [var.monitoring]
}

run "refuses_freshness_of_half_hours" {
  command = plan

  variables {
    monitoring = { freshness_hours = 1.5 }
  }

  expect_failures = [var.monitoring]
}
