# What is refused at plan, one run a rule and a field. The datasets as such: names, sources, formats.
# They run on the variables alone, without the provider: see tests/rendering.py.

run "takes_a_dataset_with_every_field" {
  command = plan

  variables {
    datasets = {
      orders = {
        source      = { type = "drop", seed = 0 }
        format      = "csv"
        delimiter   = "\t"
        encoding    = "windows-1252"
        null_values = ["", "NA"]
        columns = [
          { name = "id", type = "bigint", required = true },
          { name = "customer", type = "string", clean = ["trim", "lower"] },
          { name = "price", type = "decimal(38,38)" },
          { name = "ordered_at", type = "timestamp", format = "%d/%m/%Y %H:%M" },
          { name = "updated_at", type = "timestamp" },
        ]
        key      = ["id", "customer"]
        order_by = ["updated_at desc", "price asc", "customer"]
        filter   = "price > 0"
        derive = [
          { name = "month", type = "string", expression = "date_format(ordered_at, 'yyyy-MM')" },
          { name = "is_big", type = "boolean", expression = "price > 1000" },
        ]
        partition_by = ["month", "is_big"]
        engine       = "spark"
        checks = {
          not_null        = ["month"]
          unique          = [["customer", "ordered_at"]]
          accepted_values = { is_big = ["true", "false"] }
          row_count       = { min = 1, max = 1 }
          sql             = { no_giants = "with x as (select 1) SELECT * FROM orders WHERE price > 5" }
        }
      }
      samples = {
        source  = { type = "sample", table = "sales", rows = 1 }
        columns = [{ name = "sale_id", type = "bigint" }]
      }
    }
  }

  assert {
    condition     = var.datasets["samples"].null_values == tolist([""]) && var.datasets["samples"].source.seed == 42 && var.datasets["samples"].checks.row_count.min == null
    error_message = "What is left out must have its default."
  }
}

run "takes_names_at_their_limit" {
  command = plan

  variables {
    datasets = {
      oooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo = {
        columns = [{ name = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc", type = "decimal(1,0)" }]
        group   = "limits"
      }
    }
  }
}

run "refuses_no_datasets" {
  command = plan

  variables {
    datasets = {}
  }

  expect_failures = [var.datasets]
}

run "refuses_dataset_name_with_a_hyphen" {
  command = plan

  variables {
    datasets = {
      my-orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_dataset_name_with_a_capital" {
  command = plan

  variables {
    datasets = {
      Orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_dataset_name_that_begins_with_a_digit" {
  command = plan

  variables {
    datasets = {
      "1orders" = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_dataset_name_of_101_characters" {
  command = plan

  variables {
    datasets = {
      ooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]

      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_unknown_source_type" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        source  = { type = "ftp" }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_sample_without_a_table" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        source  = { type = "sample" }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_sample_of_an_unknown_table" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        source  = { type = "sample", table = "orders" }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_table_of_a_source_that_is_no_sample" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        source  = { table = "sales" }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_rows_of_a_source_that_is_no_sample" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        source  = { rows = 10 }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_sample_as_parquet" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        source  = { type = "sample", table = "sales" }
        format  = "parquet"
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_sample_with_a_delimiter_of_its_own" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns   = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        source    = { type = "sample", table = "sales" }
        delimiter = ";"
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_sample_of_no_rows" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        source  = { type = "sample", table = "sales", rows = 0 }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_sample_of_half_a_row" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        source  = { type = "sample", table = "sales", rows = 1.5 }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_negative_seed" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        source  = { type = "sample", table = "sales", seed = -1 }
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_unknown_format" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        format  = "xlsx"
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_delimiter_of_two_characters" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns   = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        delimiter = "||"
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_empty_delimiter" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns   = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        delimiter = ""
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_delimiter_that_is_a_letter" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns   = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        delimiter = "x"
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_delimiter_outside_ascii" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns   = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        delimiter = "§"
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_delimiter_that_is_a_quote" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns   = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        delimiter = "\""
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_delimiter_that_is_a_line_end" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns   = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        delimiter = "\n"
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_unknown_encoding" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns  = [{ name = "id", type = "bigint" }, { name = "day", type = "date" }, { name = "amount", type = "double" }]
        encoding = "utf-9"
      }
    }
  }

  expect_failures = [var.datasets]
}

run "refuses_unknown_engine" {
  command = plan

  variables {
    datasets = {
      orders = {
        columns = [{ name = "id", type = "bigint" }]
        engine  = "glue"
      }
    }
  }

  expect_failures = [var.datasets]
}
