# check_<dataset>: one row (check_name, found) for each check that does not hold, none when all hold. The run
# gives the numbers of raw and processed rows that the jobs reported; Athena takes parameters only in WHERE.
locals {
  _tables = { for name in keys(var.datasets) : name => {
    for layer, database in local.databases : layer => "\"${database}\".\"${name}\""
  } }

  # Conditions that hold for a bad row. They are counted in one scan, since Athena limits the stages of a query.
  _bad_rows = { for name, dataset in var.datasets : name => concat(
    [for column in distinct(concat(dataset.key, [for c in dataset.columns : c.name if c.required], dataset.checks.not_null)) : {
      check = "not_null(${column})"
      bad   = "\"${column}\" IS NULL"
    }],
    [for column, values in dataset.checks.accepted_values : {
      check = "accepted_values(${column})"
      bad   = "CAST(\"${column}\" AS varchar) NOT IN (${join(", ", [for value in values : "'${replace(value, "'", "''")}'"])})"
    }],
  ) }

  # Keys made of columns that may be null: rows with a null in them are equal to none.
  _unique = { for name, dataset in var.datasets : name => [
    for columns in distinct(concat([for key in [dataset.key] : key if length(key) > 0], dataset.checks.unique)) : {
      check  = "unique(${join(", ", columns)})"
      list   = join(", ", [for column in columns : "\"${column}\""])
      filter = join(" AND ", [for column in columns : "\"${column}\" IS NOT NULL"])
    }
  ] }

  _bounds = { for name, dataset in var.datasets : name => compact([
    dataset.checks.row_count.min == null ? "" : "n < ${coalesce(dataset.checks.row_count.min, 0)}",
    dataset.checks.row_count.max == null ? "" : "n > ${coalesce(dataset.checks.row_count.max, 0)}",
  ]) }

  _queries = { for name, dataset in var.datasets : name => concat(
    [for layer in ["raw", "processed"] : <<-SQL
      SELECT '${layer}_rows' AS check_name, CAST(n AS varchar) AS found
      FROM (SELECT count(*) AS n FROM ${local._tables[name][layer]})
      WHERE n <> ?
      SQL
    ],
    [for bounds in [local._bounds[name]] : <<-SQL
      SELECT 'row_count', CAST(n AS varchar)
      FROM (SELECT count(*) AS n FROM ${local._tables[name].processed})
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
          FROM ${local._tables[name].processed}
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
        FROM (SELECT 1 AS one FROM ${local._tables[name].processed} WHERE ${unique.filter} GROUP BY ${unique.list} HAVING count(*) > 1)
      )
      WHERE n > 0
      SQL
    ],
    # The line breaks keep a comment at the end of the user's SQL from swallowing the bracket.
    [for check, sql in dataset.checks.sql : <<-SQL
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
  description     = "Checks of ${each.key}: a row for each that does not hold. Parameters: raw rows, processed rows."
  workgroup       = aws_athena_workgroup.this.name
  query_statement = each.value
}
