"""Ask Spark what the expressions in spark_expressions.json give, and write that down.

Not part of the tests, which need no Spark: run it when an expression is added to the file (with
null for its answer), with an interpreter that has pyspark 3.5.6 and Java 17.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("spark_expressions.json")


def main() -> None:
    """Fill in the answers."""
    from pyspark.sql import SparkSession  # noqa: PLC0415

    document: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    columns: dict[str, str] = document["columns"]
    rows = [(number, *row) for number, row in enumerate(document["rows"])]
    texts = spark.createDataFrame(rows, ", ".join(f"{c} string" for c in ("n", *columns)))
    typed = texts.selectExpr(
        "CAST(n AS int) AS n", *(f"CAST({c} AS {t}) AS {c}" for c, t in columns.items())
    ).cache()
    answers = {}
    for expression in document["expressions"]:
        answer = typed.selectExpr("n", f"{expression} AS v").orderBy("n")
        found = answer.selectExpr("CAST(v AS string) AS v").collect()
        answers[expression] = [answer.schema["v"].dataType.simpleString(), *(r.v for r in found)]
    parts = [
        f' "made_with": {json.dumps(document["made_with"])}',
        f' "columns": {json.dumps(columns)}',
        ' "rows": [\n  ' + ",\n  ".join(map(_line, document["rows"])) + "\n ]",
        ' "expressions": {\n  '
        + ",\n  ".join(f"{_line(e)}: {_line(a)}" for e, a in answers.items())
        + "\n }",
    ]
    FILE.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    main()
