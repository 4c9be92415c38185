"""The models' SQL as a person writes it for DuckDB, on local Parquet files.

With --ordered each file's rows are in the total order that the job gives them.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import duckdb

_LETTERS = {"yyyy": "Y", "MM": "m", "dd": "d", "HH": "H"}


def as_written(sql: str) -> str:
    """Rewrite what DuckDB calls otherwise; it reads all else of these models as it stands."""

    def strftime(found: re.Match[str]) -> str:
        pattern = "".join(
            f"%{_LETTERS[part]}" if part in _LETTERS else part
            for part in re.split("(yyyy|MM|dd|HH)", found[2])
        )
        return f"strftime({found[1]}, '{pattern}')"

    return re.sub(r"date_format\((\w+(?:\.\w+)?), '([^']+)'\)", strftime, sql)


def main(folder: Path, out: Path, *, ordered: bool) -> None:
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    started = time.monotonic()
    connection = duckdb.connect(
        str(out / "work.duckdb"),
        config={
            "memory_limit": f"{plan['memory_mb']}MiB",
            "threads": plan["threads"],
            "preserve_insertion_order": False,
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    for view, (path, types) in plan["inputs"].items():
        partitions = f", hive_types = {{{', '.join(types)}}}" if types else ""
        connection.execute(
            f"CREATE VIEW {view} AS FROM read_parquet("
            f"'{folder}/{path}/**/*.parquet', hive_partitioning = true{partitions})"
        )
    for model in plan["models"]:
        place = out / model["name"]
        by = model["partition_by"]
        target = place if by else place / "part-0.parquet"
        if not by:
            place.mkdir()
        options = f", PARTITION_BY ({', '.join(by)})" if by else ""
        query = as_written(model["sql"])
        if ordered:
            query = f"SELECT * FROM ({query}) ORDER BY ALL"  # noqa: S608 - our own SQL
        connection.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet{options})")
        hive = ", hive_types_autocast = false" if by else ""
        connection.execute(
            f"CREATE VIEW {model['view']} AS FROM read_parquet("
            f"'{place}/**/*.parquet', hive_partitioning = true{hive})"
        )
    sys.stdout.write(json.dumps({"seconds": time.monotonic() - started}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), ordered="--ordered" in sys.argv[3:])
