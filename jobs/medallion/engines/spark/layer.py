"""Write tables from Spark: its executors sort the rows, and put the objects.

Spark's own writer names files anew each time, overwrites folders in several steps, and copies what
it has written. Here an object has a fixed name, appears at one stroke, and stays as it is when its
bytes would be the same: the executors write as the engine on DuckDB does.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - the name that Spark's manual uses
from pyspark.sql.pandas.types import to_arrow_schema

import bootstrap
from medallion.datatypes import DataType
from medallion.engines.spark.texts import literal, quoted
from medallion.lake import table_layer
from medallion.lake.objects import Put
from medallion.lake.table_layer import NULL_PARTITION

if TYPE_CHECKING:
    from medallion.engines.base import TableTarget
    from medallion.lake.objects import Lake
    from medallion.runs.report import Report

_NOT_FOR_EXECUTORS = ("duckdb", "sqlglot")
_ANSWER = "key string, rows bigint, size bigint, written boolean, etag string"


class SparkLayer:
    """
    Puts tables into the bucket.

    Parameters
    ----------
    lake
        The bucket.
    max_object_bytes
        The size beyond which a partition is written in more than one object.
    """

    def __init__(self, lake: Lake, max_object_bytes: int) -> None:
        self._lake = lake
        self._max_object_bytes = max_object_bytes

    def write_table(
        self, rows: DataFrame, target: TableTarget, report: Report, *, dry_run: bool
    ) -> int:
        """Make the objects of a table what `rows` say (see engines.base); give their number."""
        stale = {stored.key for stored in self._lake.list_objects(target.prefix)}
        texts = {
            f"_partition {number}": F.expr(_partition_value(name))
            for number, name in enumerate(target.partition_by)
        }
        placed = rows.withColumns(texts)
        places = [F.col(quoted(name)) for name in texts]
        # The rows of a partition are in one task. They are all computed before the first object is
        # put: what is wrong with the data leaves the table as it was.
        placed = placed.repartition(*places) if places else placed.repartition(1)
        ordered = placed.sortWithinPartitions(*places, *_order(target.sort_by)).select(
            *places,
            *(
                F.expr(f"CAST({quoted(name)} AS {_stored(target.types[name])})").alias(name)
                for name in target.schema.names
            ),
        )
        bucket, prefix, partition_by = self._lake.bucket, target.prefix, target.partition_by
        schema, size = target.schema, self._max_object_bytes
        found = _on_executors(
            ordered,
            lambda writing, batches: writing.write_table(
                batches,
                bucket,
                prefix,
                partition_by,
                schema,
                max_object_bytes=size,
                dry_run=dry_run,
            ),
        )
        if target.keeps_columns and not found:
            found = [self._put_empty(target, dry_run=dry_run)]
        counts = report.objects
        for key, _, size_put, written, etag in found:
            stale.discard(key)
            counts.add(key, size_put, Put(written, etag))
        counts.deleted = len(stale) if dry_run else self._lake.delete(sorted(stale))
        return sum(count for _, count, *_ in found)

    def _put_empty(self, target: TableTarget, *, dry_run: bool) -> tuple[str, int, int, bool, str]:
        with tempfile.TemporaryDirectory() as folder:
            key, path = target.empty(Path(folder))
            size = path.stat().st_size
            done = table_layer.put(self._lake, key, path, dry_run=dry_run)
            return key, 0, size, done.written, done.etag

    def write_object(
        self, rows: DataFrame, order_by: Sequence[str], key: str, *, dry_run: bool
    ) -> Put:
        """Put rows into one object (see engines.base)."""
        columns = [
            F.expr(f"CAST({quoted(name)} AS timestamp_ntz)").alias(name)
            if kind == "timestamp"
            else F.col(quoted(name))
            for name, kind in rows.dtypes
        ]
        ordered = rows.repartition(1).sortWithinPartitions(*_order(order_by)).select(*columns)
        schema = pa.schema([(f.name, f.type) for f in to_arrow_schema(ordered.schema)])
        bucket = self._lake.bucket
        found = _on_executors(
            ordered,
            lambda writing, batches: writing.write_object(
                batches, bucket, key, schema, dry_run=dry_run
            ),
        )
        for _, _, _, written, etag in found:
            return Put(written, etag)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "empty.parquet")
            pq.write_table(schema.empty_table(), path, compression="zstd")
            return table_layer.put(self._lake, key, path, dry_run=dry_run)


def _on_executors(
    rows: DataFrame, write: Callable[[Any, Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]
) -> list[Any]:
    """Have the executors write; `write` is given the module `writing`, and may hold plain values.

    Nothing of ours can be in it: an executor unpacks it before it has our code.
    """
    pinned, code = bootstrap.pins(sys.argv[1:]), bootstrap.code(sys.argv[1:])

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        # An executor imports by itself, and Glue may have other versions there, too.
        bootstrap.use(pinned, _NOT_FOR_EXECUTORS)
        bootstrap.load(code)
        from medallion.engines.spark import writing  # noqa: PLC0415

        return write(writing, batches)

    found: list[Any] = rows.mapInArrow(run, _ANSWER).collect()
    return found


def _partition_value(name: str) -> str:
    """Write a partition's value as a text; in Hive no text is the same as null."""
    text = f"CAST({quoted(name)} AS string)"
    return f"coalesce(nullif({text}, ''), {literal(NULL_PARTITION)})"


def _order(names: Sequence[str]) -> list[Column]:
    return [F.col(quoted(name)).asc_nulls_last() for name in names]


def _stored(kind: DataType) -> str:
    # Without a zone, as Arrow writes it and Athena reads it.
    if kind.base == "timestamp":
        return "timestamp_ntz"
    fields = tuple((name, DataType(_stored(of))) for name, of in kind.fields)
    return replace(kind, fields=fields).name
