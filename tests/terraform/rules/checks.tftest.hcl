# What is refused at plan, one run a rule and a field. Checks and expressions of datasets.
# They run on the variables alone, without the provider: see tests/rendering.py.

run "refuses_not_null_that_is_no_column" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        checks  = { not_null = ["nowhere"] }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_unique_that_is_no_column" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        checks  = { unique = [["id", "nowhere"]] }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_unique_of_no_columns" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        checks  = { unique = [[]] }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_accepted_values_that_are_no_column" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        checks  = { accepted_values = { nowhere = ["a"] } }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_accepted_values_that_are_none" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        checks  = { accepted_values = { id = [] } }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_accepted_values_of_a_double" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        checks  = { accepted_values = { amount = ["1.0"] } }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_row_count_with_min_above_max" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        checks  = { row_count = { min = 2, max = 1 } }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_row_count_below_zero" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        checks  = { row_count = { min = -1 } }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_row_count_in_fractions" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        checks  = { row_count = { max = 1.5 } }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_sql_check_that_is_no_query" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        checks  = { sql = { bad = "DELETE FROM orders" } }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_sql_check_that_is_empty" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        checks  = { sql = { bad = "" } }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_sql_check_with_a_semicolon" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        checks  = { sql = { bad = "SELECT 1;" } }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_sql_check_name_with_a_quote" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        checks  = { sql = { "it's" = "SELECT 1" } }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_blank_filter" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        filter  = " "
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_empty_filter" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        filter  = ""
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_blank_derived_expression" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        derive  = [{ name = "m", type = "int", expression = "" }]
      }
    }
  }

  expect_failures = [var.datasets]
}
