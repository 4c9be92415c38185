"""Ask Spark what the queries in spark_queries.json give, and write that down.

Not part of the tests, which need no Spark: run it when a query is added to the file (with null for
its answer), with an interpreter that has pyspark 3.5.6 and Java 17. Answers that are there are kept
unless `--all` is given. A query that Spark refuses stays in the file with the name of its error.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("spark_queries.json")


def main() -> None:
    """Fill in the answers."""
    from pyspark.sql import SparkSession  # noqa: PLC0415

    document: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        spark = (
            SparkSession.builder.master("local[1]")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.shuffle.partitions", "1")
            .config("spark.sql.warehouse.dir", folder)
            .config("spark.sql.parquet.datetimeRebaseModeInWrite", "CORRECTED")
            .config("spark.sql.parquet.int96RebaseModeInWrite", "CORRECTED")
            .config("spark.sql.parquet.datetimeRebaseModeInRead", "CORRECTED")
            .config("spark.sql.parquet.int96RebaseModeInRead", "CORRECTED")
            .config("spark.ui.enabled", "false")
            .getOrCreate()
        )
        spark.sparkContext.setLogLevel("ERROR")
        for name, table in document["tables"].items():
            spark.sql(f"CREATE DATABASE IF NOT EXISTS {name.split('.')[0]}")
            columns = table["columns"]
            texts = spark.createDataFrame(
                [tuple(row) for row in table["rows"]], ", ".join(f"{c} string" for c in columns)
            )
            typed = [f"CAST({c} AS {kind}) AS {c}" for c, kind in columns.items()]
            texts.selectExpr(*typed).coalesce(1).write.saveAsTable(name)
        for query, answer in document["queries"].items():
            if answer is None or "--all" in sys.argv:
                document["queries"][query] = _ask(spark, query)
        spark.stop()
    parts = [
        f' "made_with": {_line(document["made_with"])}',
        ' "tables": {\n' + ",\n".join(map(_table, document["tables"].items())) + "\n }",
        ' "queries": {\n  '
        + ",\n  ".join(f"{_line(q)}:\n   {_line(a)}" for q, a in document["queries"].items())
        + "\n }",
    ]
    FILE.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def _ask(spark: Any, query: str) -> dict[str, Any]:
    """Give columns and rows as Spark writes them, arrays and structs as JSON."""
    from pyspark.errors import PySparkException  # noqa: PLC0415

    try:
        answer = spark.sql(query)
        kinds = [field.dataType.simpleString() for field in answer.schema]
        names = [field.name for field in answer.schema]
        places = [f"c{place}" for place in range(len(names))]
        texts = answer.toDF(*places).selectExpr(*map(_text, places, kinds))
        rows = sorted(([*row] for row in texts.collect()), key=str)
    except PySparkException as error:
        return {"error": error.getErrorClass() or type(error).__name__}
    return {"columns": list(zip(names, kinds, strict=True)), "rows": rows}


def _text(column: str, kind: str) -> str:
    if kind.startswith(("array", "struct")):
        return f"to_json({column}, map('ignoreNullFields', 'false')) AS {column}"
    return f"CAST({column} AS string) AS {column}"


def _table(entry: tuple[str, dict[str, Any]]) -> str:
    name, table = entry
    rows = ",\n    ".join(map(_line, table["rows"]))
    return (
        f'  {_line(name)}: {{\n   "columns": {_line(table["columns"])},\n'
        f'   "rows": [\n    {rows}\n   ]\n  }}'
    )


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    main()
