# check_<table>: one row (check_name, found) for each check that does not hold, none when all hold. The run gives
# the numbers of rows that the jobs reported; Athena takes parameters only in WHERE.
locals {
  # What is to be checked of each table: its layer, the layers whose rows are counted against a job's report,
  # in the order of the parameters, and the checks.
  _checked = merge(
    { for name, dataset in var.datasets : name => {
      layer           = "processed"
      counted         = ["raw", "processed"]
      not_null        = concat(dataset.key, [for c in dataset.columns : c.name if c.required], dataset.checks.not_null)
      accepted_values = dataset.checks.accepted_values
      unique          = concat([for key in [dataset.key] : key if length(key) > 0], dataset.checks.unique)
      row_count       = dataset.checks.row_count
      sql             = dataset.checks.sql
    } },
    { for name, model in var.models : name => {
      layer           = "analytics"
      counted         = ["analytics"]
      not_null        = model.checks.not_null
      accepted_values = model.checks.accepted_values
      unique          = model.checks.unique
      row_count       = model.checks.row_count
      sql             = model.checks.sql
    } },
  )

  _tables = { for name in keys(local._checked) : name => {
    for layer, database in local.databases : layer => "\"${database}\".\"${name}\""
  } }

  # Conditions that hold for a bad row. They are counted in one scan, since Athena limits the stages of a query.
  _bad_rows = { for name, table in local._checked : name => concat(
    [for column in distinct(table.not_null) : {
      check = "not_null(${column})"
      bad   = "\"${column}\" IS NULL"
    }],
    [for column, values in table.accepted_values : {
      check = "accepted_values(${column})"
      bad   = "CAST(\"${column}\" AS varchar) NOT IN (${join(", ", [for value in values : "'${replace(value, "'", "''")}'"])})"
    }],
  ) }

  # Keys made of columns that may be null: rows with a null in them are equal to none.
  _unique = { for name, table in local._checked : name => [for columns in distinct(table.unique) : {
    check  = "unique(${join(", ", columns)})"
    list   = join(", ", [for column in columns : "\"${column}\""])
    filter = join(" AND ", [for column in columns : "\"${column}\" IS NOT NULL"])
  }] }

  _bounds = { for name, table in local._checked : name => compact([
    table.row_count.min == null ? "" : "n < ${coalesce(table.row_count.min, 0)}",
    table.row_count.max == null ? "" : "n > ${coalesce(table.row_count.max, 0)}",
  ]) }

  _queries = { for name, table in local._checked : name => concat(
    [for layer in table.counted : <<-SQL
      SELECT '${layer}_rows' AS check_name, CAST(n AS varchar) AS found
      FROM (SELECT count(*) AS n FROM ${local._tables[name][layer]})
      WHERE n <> ?
      SQL
    ],
    [for bounds in [local._bounds[name]] : <<-SQL
      SELECT 'row_count', CAST(n AS varchar)
      FROM (SELECT count(*) AS n FROM ${local._tables[name][table.layer]})
      WHERE ${join(" OR ", bounds)}
      SQL
      if length(bounds) > 0
    ],
    [for rows in [local._bad_rows[name]] : <<-SQL
      SELECT check_name, CAST(n AS varchar)
      FROM (
        SELECT c.check_name, CASE c.i ${join(" ", [for i, row in rows : "WHEN ${i} THEN t.n${i}"])} END AS n
        FROM (
          SELECT ${join(", ", [for i, row in rows : "count_if(${row.bad}) AS n${i}"])}
          FROM ${local._tables[name][table.layer]}
        ) AS t
        CROSS JOIN (VALUES ${join(", ", [for i, row in rows : "(${i}, '${row.check}')"])}) AS c (i, check_name)
      )
      WHERE n > 0
      SQL
      if length(rows) > 0
    ],
    [for unique in local._unique[name] : <<-SQL
      SELECT '${unique.check}', CAST(n AS varchar)
      FROM (
        SELECT count(*) AS n
        FROM (SELECT 1 AS one FROM ${local._tables[name][table.layer]} WHERE ${unique.filter} GROUP BY ${unique.list} HAVING count(*) > 1)
      )
      WHERE n > 0
      SQL
    ],
    # The line breaks keep a comment at the end of the user's SQL from swallowing the bracket.
    [for check, sql in table.sql : <<-SQL
      SELECT 'sql(${check})', CAST(n AS varchar)
      FROM (SELECT count(*) AS n FROM (
      ${sql}
      ))
      WHERE n > 0
      SQL
    ],
  ) }
  statements = { for name, queries in local._queries : name => join("\nUNION ALL\n", [for query in queries : trimspace(query)]) }
}

resource "aws_athena_prepared_statement" "check" {
  for_each = local.statements

  name            = "check_${each.key}"
  description     = "Checks of ${each.key}: a row for each that does not hold. Parameters: ${join(", ", [for layer in local._checked[each.key].counted : "${layer} rows"])}."
  workgroup       = aws_athena_workgroup.this.name
  query_statement = each.value
}
