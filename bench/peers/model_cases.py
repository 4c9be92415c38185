"""Model SQL and what a person writes for DuckDB, run in turn over the same rows.

python bench/peers/model_cases.py <rows> <rounds> [<pattern of groups and SQL>]
"""

from __future__ import annotations

import json
import re
import resource
import statistics
import sys
from pathlib import Path

import duckdb

sys.path[:0] = [str(Path(__file__).parents[2] / "jobs")]

from medallion.errors import ConfigError  # noqa: E402 - after the path
from medallion.sparksql import model_sql  # noqa: E402
from medallion.sparksql.query import QueryTranslator  # noqa: E402

# One row in twelve of `cost` and `y` is null, one in fifty of `code` has blanks around it.
ROWS = """
CREATE TABLE processed__sales AS
SELECT i AS id,
       CAST(r[1] % 200 AS INTEGER) AS shop,
       CAST(r[2] % 50000 AS BIGINT) AS customer,
       CAST(1 + r[3] % 50 AS INTEGER) AS quantity,
       CAST((99 + r[4] % 200000) / 100.0 AS DECIMAL(10,2)) AS price,
       CASE WHEN r[5] % 12 > 0 THEN
           CAST((99 + r[4] % 200000) * (30 + r[5] % 65) / 10000.0 AS DECIMAL(10,2))
       END AS cost,
       CAST(r[6] % 30 / 100.0 AS DECIMAL(4,2)) AS discount,
       CAST(r[7] % 10000000 / 3333.0 - 500 AS DOUBLE) AS x,
       CASE WHEN r[8] % 12 > 0 THEN CAST(1 + r[8] % 90000 / 7.0 AS DOUBLE) END AS y,
       DATE '2015-01-01' + CAST(r[9] % 3650 AS INTEGER) AS day,
       DATE '2015-01-01' + CAST(r[9] % 3650 + r[1] % 90 AS INTEGER) AS paid,
       make_timestamp(1420070400000000 + CAST(r[2] % 315000000 AS BIGINT) * 1000000) AS ordered,
       make_timestamp(1420070400000000 + CAST(r[2] % 315000000 + r[3] % 900000 AS BIGINT) * 1000000)
           AS sent,
       'Customer ' || (r[2] % 50000) || CASE WHEN r[4] % 9 = 0 THEN ' Müller' ELSE ' Smith' END
           AS name,
       CASE WHEN r[5] % 50 = 0 THEN ' ' ELSE '' END || 'AB-' || (r[6] % 100000) || '-x' AS code,
       CAST(DATE '2015-01-01' + CAST(r[9] % 3650 AS INTEGER) AS VARCHAR) AS day_text,
       CAST(
           make_timestamp(1420070400000000 + CAST(r[2] % 315000000 AS BIGINT) * 1000000) AS VARCHAR
       ) AS time_text,
       CAST(r[3] % 100000 AS VARCHAR) AS whole_text,
       CAST(CAST((99 + r[4] % 200000) / 100.0 AS DECIMAL(10,2)) AS VARCHAR) AS price_text
FROM (SELECT i, [hash(i * 9 + n) for n in range(1, 10)] AS r FROM range({rows}) AS t(i))
"""
# By group: expressions of Spark SQL, and of DuckDB where they are written otherwise.
EXPRESSIONS: dict[str, list[tuple[str, str]]] = {
    "division": [
        ("price / quantity", ""),
        ("price / cost", ""),
        ("price / 1.19", ""),
        ("100 * (price - cost) / price", ""),
        ("round(price / quantity, 2)", ""),
        ("quantity / 7", ""),
        ("x / y", ""),
        ("customer div 7", "customer // 7"),
    ],
    "row arithmetic": [
        ("price * quantity", ""),
        ("price * (1 - discount)", ""),
        ("price * quantity * (1 - discount) * 1.19", ""),
        ("price - cost", ""),
        ("price + 4.95", ""),
        ("quantity * 2 + shop", ""),
        ("customer % 7", ""),
        ("x * y + 1", ""),
        ("CASE WHEN price * quantity > 5000 THEN price ELSE coalesce(cost, 0) END", ""),
    ],
    "dates": [
        ("year(day)", ""),
        ("month(ordered)", ""),
        ("hour(ordered)", ""),
        ("dayofweek(day)", "dayofweek(day) + 1"),
        ("datediff(paid, day)", "paid - day"),
        ("date_add(day, 30)", "day + 30"),
        ("add_months(day, 3)", "CAST(day + INTERVAL 3 MONTH AS DATE)"),
        ("date_trunc('month', ordered)", ""),
        ("trunc(day, 'MM')", "date_trunc('month', day)"),
        ("last_day(day)", ""),
        ("CAST(ordered AS date)", ""),
        ("timestampdiff(HOUR, ordered, sent)", "date_sub('hour', ordered, sent)"),
        ("timestampdiff(MONTH, ordered, sent)", "date_sub('month', ordered, sent)"),
        ("unix_timestamp(ordered)", "epoch(ordered)"),
        ("date_format(ordered, 'yyyy-MM')", "strftime(ordered, '%Y-%m')"),
        ("ordered + INTERVAL 2 HOURS", ""),
        (
            "months_between(paid, day)",
            "date_diff('month', day, paid) + (day(paid) - day(day)) / 31",
        ),
        ("day >= '2020-01-01'", ""),
    ],
    "round and cast": [
        ("round(x, 2)", ""),
        ("round(price, 1)", ""),
        ("floor(x)", ""),
        ("ceil(price)", ""),
        ("CAST(x AS bigint)", ""),
        ("CAST(price AS int)", ""),
        ("CAST(customer AS int)", ""),
        ("CAST(quantity AS bigint)", ""),
        ("CAST(x AS decimal(12,2))", ""),
        ("CAST(price AS double)", ""),
        ("CAST(price AS decimal(8,1))", ""),
        ("CAST(price AS string)", ""),
        ("CAST(ordered AS string)", ""),
        ("CAST(whole_text AS int)", ""),
        ("CAST(price_text AS decimal(10,2))", ""),
        ("CAST(price_text AS double)", ""),
    ],
    "text to date": [
        ("CAST(day_text AS date)", ""),
        ("to_date(day_text, 'yyyy-MM-dd')", "CAST(strptime(day_text, '%Y-%m-%d') AS DATE)"),
        ("CAST(time_text AS timestamp)", ""),
        ("to_timestamp(time_text)", "CAST(time_text AS TIMESTAMP)"),
    ],
    "texts": [
        ("upper(name)", ""),
        ("lower(name)", ""),
        ("trim(code)", ""),
        ("length(name)", ""),
        ("concat(name, ' ', code)", ""),
        ("name || '-' || shop", ""),
        ("substring(name, 1, 8)", ""),
        ("substring(code, -2)", ""),
        ("left(name, 3)", ""),
        ("lpad(shop, 5, '0')", "lpad(CAST(shop AS VARCHAR), 5, '0')"),
        ("replace(name, 'Customer', 'C')", ""),
        ("regexp_replace(code, '[0-9]+', '#')", "regexp_replace(code, '[0-9]+', '#', 'g')"),
        ("regexp_extract(code, '([0-9]+)', 1)", ""),
        ("split(code, '-')[1]", "string_split(code, '-')[2]"),
        ("initcap(name)", "array_to_string(list_transform(string_split(lower(name), ' '), "
         "lambda w: upper(w[1]) || w[2:]), ' ')"),
        ("name LIKE '%Smith'", ""),
        ("instr(name, 'Smith')", ""),
        ("CASE WHEN name IN ('Customer 1 Smith', 'x') THEN 'a' ELSE 'b' END", ""),
    ],
}  # fmt: skip
# By group: what follows SELECT.
QUERIES: dict[str, list[tuple[str, str]]] = {
    "aggregates": [
        (
            "SELECT shop, count(*) AS orders, sum(quantity) AS pieces, sum(price) AS total, "
            "min(day) AS first, max(day) AS last FROM sales GROUP BY shop",
            "",
        ),
        ("SELECT shop, sum(price * quantity) AS total FROM sales GROUP BY shop", ""),
        ("SELECT shop, avg(price) AS mean, avg(quantity) AS pieces FROM sales GROUP BY shop", ""),
        ("SELECT shop, sum(x) AS total FROM sales GROUP BY shop", ""),
        ("SELECT shop, avg(y) AS mean, min(y) AS least FROM sales GROUP BY shop", ""),
        ("SELECT shop, round(avg(x), 1) AS mean FROM sales GROUP BY shop", ""),
        ("SELECT customer, sum(price) AS total, sum(y) AS y FROM sales GROUP BY customer", ""),
        ("SELECT customer, avg(price) AS mean, max(ordered) AS l FROM sales GROUP BY customer", ""),
        ("SELECT shop, stddev(x) AS s FROM sales GROUP BY shop", ""),
        ("SELECT shop, median(x) AS m FROM sales GROUP BY shop", ""),
        ("SELECT shop, count(DISTINCT customer) AS customers FROM sales GROUP BY shop", ""),
        (
            "SELECT year(day) AS y, count_if(x > 0) AS n, "
            "sum(CASE WHEN quantity > 10 THEN price END) AS s FROM sales GROUP BY year(day)",
            "",
        ),
        ("SELECT sum(price) AS total, sum(x) AS x, count(cost) AS n FROM sales", ""),
    ],
    "windows": [
        (
            "SELECT id, row_number() OVER (PARTITION BY customer ORDER BY ordered) AS n FROM sales",
            "",
        ),
        ("SELECT id, rank() OVER (PARTITION BY shop ORDER BY price DESC) AS n FROM sales", ""),
        (
            "SELECT id, lag(price) OVER (PARTITION BY customer ORDER BY ordered) AS p FROM sales",
            "",
        ),
        ("SELECT id, sum(price) OVER (PARTITION BY customer) AS total FROM sales", ""),
        (
            "SELECT id, sum(price) OVER (PARTITION BY customer ORDER BY ordered) AS s FROM sales",
            "",
        ),
        ("SELECT id, sum(x) OVER (PARTITION BY customer ORDER BY day) AS s FROM sales", ""),
        (
            "SELECT id, avg(y) OVER (PARTITION BY customer ORDER BY ordered "
            "ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS m FROM sales",
            "",
        ),
        (
            "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY customer ORDER BY ordered "
            "DESC) AS n FROM sales) AS s WHERE n = 1",
            "",
        ),
    ],
}


def cases() -> list[tuple[str, str, str]]:
    """Give groups, queries of Spark SQL and queries of DuckDB."""
    query = "SELECT {} AS v FROM sales"
    found = [
        (group, query.format(spark), query.format(plain or spark))
        for group, pairs in EXPRESSIONS.items()
        for spark, plain in pairs
    ]
    return found + [
        (group, spark, plain or spark) for group, pairs in QUERIES.items() for spark, plain in pairs
    ]


def main(rows: int, rounds: int, pattern: str) -> None:
    connection = duckdb.connect(":memory:", config={"preserve_insertion_order": False})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(ROWS.format(rows=rows))
    table = {name: kind for name, kind, *_ in _describe(connection, "FROM processed__sales")}

    def describe(sql: str) -> dict[str, str]:
        try:
            return {name: kind for name, kind, *_ in _describe(connection, sql)}
        except duckdb.Error as error:
            raise ConfigError(str(error)) from error

    answers = []
    for group, spark, plain in cases():
        if not re.search(pattern, f"{group}: {spark}"):
            continue
        model = model_sql.parse_model(_over("processed.sales", spark), "bench.sql")
        sides = (
            QueryTranslator(describe).translate(model, {"processed.sales": table}),
            _over("processed__sales", plain),
        )
        seconds: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            for side, sql in enumerate(sides):
                seconds[side].append(_cpu(connection, f"CREATE OR REPLACE TABLE made AS {sql}"))
        medians = [statistics.median(found) for found in seconds]
        answers.append({"group": group, "sql": spark, "ours": medians[0], "plain": medians[1]})
    sys.stdout.write(json.dumps(answers) + "\n")


def _describe(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[str, ...]]:
    return connection.execute(f"DESCRIBE {sql}").fetchall()


def _over(table: str, sql: str) -> str:
    return re.sub(r"\bFROM sales\b", f"FROM {table}", sql)


def _cpu(connection: duckdb.DuckDBPyConnection, sql: str) -> float:
    before = resource.getrusage(resource.RUSAGE_SELF)
    connection.execute(sql)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
