# What is refused at plan, one run a rule and a field. Where datasets name their columns: keys, orders, partitions.
# They run on the variables alone, without the provider: see tests/rendering.py.

run "refuses_key_that_is_no_column" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        key     = ["order_id"]
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_key_that_is_a_derived_column" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        key     = ["m"]
        derive  = [{ name = "m", type = "int", expression = "1" }]
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_key_column_twice" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        key     = ["id", "id"]
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_order_by_that_is_no_column" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        order_by = ["updated_at desc"]
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_order_by_with_an_unknown_direction" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        order_by = ["day descending"]
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_order_by_with_nulls_first" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        order_by = ["day desc nulls first"]
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_order_by_column_twice" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        order_by = ["day desc", "day asc"]
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_partition_by_that_is_no_column" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns      = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        partition_by = ["month"]
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_partition_by_a_double" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns      = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        partition_by = ["amount"]
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_partition_by_a_derived_timestamp" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns      = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        partition_by = ["t"]
        derive       = [{ name = "t", type = "timestamp", expression = "now()" }]
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_partition_by_all_columns" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns      = [{ name = "id", type = "bigint" }]
        partition_by = ["id"]
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_null_value_twice" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns     = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        null_values = ["", "NA", "NA"]
      }
    }
  }

  expect_failures = [var.datasets]
}
