"""The models' SQL as it is, on a plain Spark session that reads and writes local Parquet files."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from pyspark.sql import SparkSession


def main(folder: Path, out: Path) -> None:
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    started = time.monotonic()
    spark = SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    for view, (path, _) in plan["inputs"].items():
        spark.read.parquet(f"file://{folder}/{path}").createOrReplaceTempView(view)
    for model in plan["models"]:
        place = f"file://{out}/{model['name']}"
        writer = spark.sql(model["sql"]).write.partitionBy(*model["partition_by"])
        writer.parquet(place)
        spark.read.parquet(place).createOrReplaceTempView(model["view"])
    sys.stdout.write(json.dumps({"seconds": time.monotonic() - started}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
