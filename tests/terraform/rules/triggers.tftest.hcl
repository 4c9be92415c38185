# Groups, triggers and approvals of datasets that are refused at plan, and the boundary next to each that is taken.
# They run on the variables alone, without the provider: see tests/rendering.py.

run "takes_a_group_of_50_characters" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }]
        group   = "gggggggggggggggggggggggggggggggggggggggggggggggggg"
      }
    }
  }
}

run "refuses_group_of_51_characters" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }]
        group   = "ggggggggggggggggggggggggggggggggggggggggggggggggggg"
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_group_with_a_hyphen" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }]
        group   = "new-york"
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_group_that_is_empty" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }]
        group   = ""
      }
    }
  }

  expect_failures = [var.datasets]
}

run "takes_a_group_named_after_one_of_its_datasets" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }]
        group   = "returns"
      }
      returns = {
        columns = [{ name = "id", type = "bigint" }]
        group   = null
      }
    }
  }
}

run "takes_a_group_of_two" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }]
        group   = "shop"
      }
      returns = {
        columns = [{ name = "id", type = "bigint" }]
        group   = "shop"
      }
    }
  }
}

run "refuses_group_named_after_a_dataset_of_another" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }]
        group   = "returns"
      }
      returns = {
        columns = [{ name = "id", type = "bigint" }]
        group   = "shop"
      }
    }
  }

  expect_failures = [var.datasets]
}

run "takes_a_long_name_with_a_group" {
  command = plan

  variables {
    datasets = {
      ggggggggggggggggggggggggggggggggggggggggggggggggggg = {
        columns  = [{ name = "id", type = "bigint" }]
        group    = "shop"
        triggers = null
      }
    }
  }
}

run "takes_a_long_name_that_no_event_starts" {
  command = plan

  variables {
    datasets = {
      ggggggggggggggggggggggggggggggggggggggggggggggggggg = {
        columns  = [{ name = "id", type = "bigint" }]
        group    = null
        triggers = ["schedule"]
      }
    }
  }
}

run "refuses_a_name_too_long_for_runs" {
  command = plan

  variables {
    datasets = {
      ggggggggggggggggggggggggggggggggggggggggggggggggggg = {
        columns  = [{ name = "id", type = "bigint" }]
        group    = null
        triggers = null
      }
    }
  }

  expect_failures = [var.datasets]
}

run "takes_all_triggers" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }]
        triggers = ["schedule", "event"]
      }
    }
  }
}

run "takes_no_triggers_at_all" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }]
        triggers = []
      }
    }
    schedule_expression = null
  }
}

run "refuses_trigger_that_is_unknown" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }]
        triggers = ["schedule", "file"]
      }
    }
  }

  expect_failures = [var.datasets]
}

run "takes_a_sample_by_the_clock" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }]
        source   = { type = "sample", table = "sales" }
        triggers = ["schedule"]
      }
    }
  }
}

run "refuses_event_of_a_sample" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }]
        source   = { type = "sample", table = "sales" }
        triggers = ["event", "schedule"]
      }
    }
  }

  expect_failures = [var.datasets]
}

run "takes_approvals_at_their_limits" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }]
        approval = { max_refused_percent = 100, max_row_change_percent = 0, timeout_hours = 72 }
      }
    }
  }
}

run "takes_approvals_at_their_other_limits" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }]
        approval = { max_refused_percent = 0, timeout_hours = 1 }
      }
    }
  }
}

run "takes_a_change_of_more_than_100_percent" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }]
        approval = { max_row_change_percent = 250.5 }
      }
    }
  }
}

run "refuses_approval_without_threshold" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }]
        approval = { timeout_hours = 12 }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_approval_beyond_100_percent" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }]
        approval = { max_refused_percent = 100.1 }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_approval_below_0_percent" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }]
        approval = { max_refused_percent = -1 }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_approval_of_a_negative_change" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }]
        approval = { max_row_change_percent = -0.1 }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_approval_without_time" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }]
        approval = { max_refused_percent = 5, timeout_hours = 0 }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_approval_of_more_than_three_days" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }]
        approval = { max_refused_percent = 5, timeout_hours = 73 }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_approval_of_half_an_hour" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }]
        approval = { max_refused_percent = 5, timeout_hours = 1.5 }
      }
    }
  }

  expect_failures = [var.datasets]
}
