# What is refused at plan, one run a rule and a field. Columns of datasets, derived ones among them.
# They run on the variables alone, without the provider: see tests/rendering.py.

run "refuses_dataset_without_columns" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = []

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_column_name_with_a_capital" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "Id", type = "int" }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_column_name_with_a_blank" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "order id", type = "int" }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_column_name_that_begins_with_an_underscore" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "_id", type = "int" }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_column_named_source_file" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "_source_file", type = "string" }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_column_named_source_row" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "_source_row", type = "bigint" }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_column_named_ingest_date" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "ingest_date", type = "date" }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_derived_column_named_ingest_date" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        derive  = [{ name = "ingest_date", type = "date", expression = "day" }]
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_derived_column_name_with_a_capital" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        derive  = [{ name = "Month", type = "int", expression = "month(day)" }]
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_column_twice" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "id", type = "string" }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_derived_column_twice" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        derive  = [{ name = "m", type = "int", expression = "1" }, { name = "m", type = "int", expression = "2" }]
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_derived_column_named_as_a_column" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        derive  = [{ name = "id", type = "bigint", expression = "id + 1" }]
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_unknown_type" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "integer" }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_unknown_type_of_a_derived_column" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        derive  = [{ name = "m", type = "varchar", expression = "1" }]
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_decimal_without_precision" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "decimal" }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_decimal_of_39_digits" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "decimal(39,2)" }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_decimal_of_no_digits" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "decimal(0,0)" }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_decimal_with_more_scale_than_precision" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "decimal(4,5)" }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_unknown_clean_function" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "string", clean = ["strip"] }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_clean_of_a_number" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "int", clean = ["trim"] }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_clean_function_twice" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "string", clean = ["trim", "trim"] }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_date_format_of_a_string" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "string", format = "%Y" }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_date_format_without_directives" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "day", type = "date", format = "dd/mm/yyyy" }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_date_format_with_an_unknown_directive" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "day", type = "date", format = "%Y-%Q" }]

      }
    }
  }

  expect_failures = [var.datasets]
}
