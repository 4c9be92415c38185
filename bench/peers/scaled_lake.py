"""A lake with several times the rows of the flights example, in S3 and on the local disk."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from medallion.engines.duckdb.engine import MEMORY_PER_THREAD_MB, default_memory_mb
from medallion.errors import LakeError
from medallion.lake.objects import Lake
from medallion.models import config as models
from medallion.runs import job
from medallion.runs.stage_summary import verdict
from medallion.sparksql.model_sql import ModelSql, view_name

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# What makes further years of the tables that have a time, so that keys stay keys.
YEARS = {
    "flights": (
        "year + k AS year",
        *(
            f"{name} + to_years(k) AS {name}"
            for name in ("time_hour", "sched_dep_at", "dep_at", "sched_arr_at", "arr_at")
        ),
    ),
    "weather": (
        "year + k AS year",
        "time_hour + to_years(k) AS time_hour",
        "CAST(observed_on + to_years(k) AS DATE) AS observed_on",
    ),
}
CONFIG = "config/"
PROCESSED = "processed/"


@dataclass
class Scaled:
    """The tables of processed/ with `scale` times their rows, and the models over them."""

    lake: Lake
    folder: Path
    scale: int
    stages: tuple[str, ...] = ()
    rows: int = 0
    size: int = 0
    keys: list[str] = field(default_factory=list)

    @property
    def bucket(self) -> str:
        return self.lake.bucket

    def forget_models(self) -> None:
        """Delete what the job has made, so that it makes all of it again."""
        for prefix in ("analytics/", "runs/"):
            self.lake.delete([found.key for found in self.lake.list_objects(prefix)])

    def seconds(self, run_id: str) -> float:
        """Seconds that a run of the job spent on the stages, as it says itself.

        Raises
        ------
        LakeError
            A model was not built, so that there is nothing to compare.
        """
        total = 0.0
        for stage in self.stages:
            summary = self.lake.get_json(self.lake.stage_summary_key(run_id, stage))
            if summary["status"] != "SUCCEEDED":
                raise LakeError(verdict(summary))
            total += summary["seconds"]
        return total

    def drop(self) -> None:
        """Delete the bucket."""
        self.lake.delete([found.key for found in self.lake.list_objects("")])
        self.lake.client.delete_bucket(Bucket=self.bucket)


def fill(s3: S3Client, source: str, scale: int, folder: Path) -> Scaled:
    """Make a lake of the processed tables of another one, and a copy of it in `folder`."""
    scaled = Scaled(Lake(s3, f"bench-x{scale}"), folder, scale)
    s3.create_bucket(Bucket=scaled.bucket)
    original = Lake(s3, source)
    for found in original.list_objects(CONFIG):
        s3.copy_object(
            Bucket=scaled.bucket, Key=found.key, CopySource={"Bucket": source, "Key": found.key}
        )
    for found in original.list_objects(PROCESSED):
        body = s3.get_object(Bucket=source, Key=found.key)["Body"].read()
        dataset = found.key.split("/")[1]
        table = multiplied(pq.read_table(io.BytesIO(body), partitioning=None), dataset, scale)
        path = folder / found.key
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
        scaled.lake.put_file(found.key, path)
        scaled.size += path.stat().st_size
        scaled.rows += len(table) if dataset == "flights" else 0
    graph = models.load(scaled.lake)
    scaled.stages = tuple(stage for stage in graph.stages if graph.of_stage(stage))
    document = plan(scaled.lake, graph)
    (folder / "plan.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    return scaled


def multiplied(table: pa.Table, dataset: str, scale: int) -> pa.Table:
    """Repeat the rows of a table that has a time, each time a year later."""
    changes = YEARS.get(dataset)
    if scale == 1 or changes is None:
        return table
    with duckdb.connect() as connection:
        connection.register("t", table)
        connection.execute("CREATE TABLE years (k INTEGER)")
        connection.executemany("INSERT INTO years VALUES (?)", [(k,) for k in range(scale)])
        further = f"SELECT * EXCLUDE (k) REPLACE ({', '.join(changes)}) FROM t, years"  # noqa: S608
        found = connection.execute(further).fetch_arrow_table()
    return found.cast(table.schema)


def plan(lake: Lake, graph: models.ModelGraph) -> dict[str, Any]:
    """What the peers need: inputs, and each model's SQL."""
    memory_mb = default_memory_mb()
    inputs = {
        view_name(f"processed.{name}"): (f"{PROCESSED}{name}", partitions(lake, name))
        for name in graph.datasets
    }
    return {
        "memory_mb": memory_mb,
        "threads": max(1, min(os.cpu_count() or 1, memory_mb // MEMORY_PER_THREAD_MB)),
        "inputs": inputs,
        "models": list(queries(graph)),
    }


def partitions(lake: Lake, dataset: str) -> list[str]:
    """DuckDB's names and types of the partition columns of a dataset."""
    contract = job.load_contract(lake, dataset)
    types = contract.processed_types
    return [f"{name}: {types[name].duckdb}" for name in contract.partition_by]


def queries(graph: models.ModelGraph) -> Iterator[dict[str, Any]]:
    """SQL of the models, in the order in which they can be built."""
    for model in graph.models.values():
        yield {
            "name": model.name,
            "view": view_name(f"analytics.{model.name}"),
            "partition_by": list(model.partition_by),
            "sql": with_views(model.sql),
        }


def with_views(sql: ModelSql) -> str:
    """Text of a model with the views of its inputs in place of their names."""
    text = sql.text
    for reference in reversed(sql.references):
        alias = "" if reference.alias else f" AS {reference.name.split('.')[1]}"
        text = f"{text[: reference.start]}{view_name(reference.name)}{alias}{text[reference.end :]}"
    return text
