"""Write tables from Spark: to staging/ first, then object by object to where readers look.

Spark names its files anew each time and overwrites folders in several steps. Here an object has a
fixed name, appears at one stroke, and stays as it is when its bytes would be the same.
"""

from __future__ import annotations

import re
import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name that Spark's manual uses

import bootstrap
from medallion.engines.spark.publish import Moved
from medallion.engines.spark.texts import literal, quoted
from medallion.lake.table_layer import NULL_PARTITION, partition_folder

if TYPE_CHECKING:
    from medallion.datatypes import DataType
    from medallion.engines.base import TableTarget
    from medallion.lake.objects import Lake
    from medallion.runs.report import Report

_FOLDER = "_folder"
# Keys of an object: the old one, and the new one. An executor unpacks them before it has our code.
Move = tuple[str, str]
_COUNTER = re.compile(r"part-([0-9]+)-.*?(?:[.-]c([0-9]+))?(?:\.|$)")
_FIXED_BYTES = {"boolean": 1, "int": 4, "date": 4, "decimal": 16}
_OPTIONS = {
    "compression": "zstd",
    # Staging is read only once the write is complete, so tasks may put their files in place.
    "mapreduce.fileoutputcommitter.algorithm.version": "2",
}
_MOVES_PER_TASK = 4
_NOT_FOR_EXECUTORS = ("duckdb", "sqlglot")


@dataclass(frozen=True)
class _Partition:
    """The rows of one folder; `key` is what staging calls it."""

    key: str
    folder: str
    rows: int
    text_bytes: int


class SparkLayer:
    """
    Puts tables into the bucket.

    Parameters
    ----------
    spark, lake
        The session, and the bucket.
    max_object_bytes
        A partition of more is cut; the sizes of its rows before compression are what counts.
    """

    def __init__(self, spark: SparkSession, lake: Lake, max_object_bytes: int) -> None:
        self._spark = spark
        self._lake = lake
        self._max_object_bytes = max_object_bytes

    def write_table(
        self, rows: DataFrame, target: TableTarget, report: Report, *, dry_run: bool
    ) -> None:
        """Make the objects of a table what `rows` say (see engine.Engine.write_table)."""
        stale = {stored.key for stored in self._lake.list_objects(target.prefix)}
        values = [_partition_value(name) for name in target.partition_by]
        # With the sizes, so that no two partitions have one text.
        sized = [part for value in values for part in (f"octet_length({value})", value)]
        key = F.expr(f"md5(concat_ws(':', {', '.join(sized)}))") if values else None
        partitions = self._partitions(rows, target, values, key)
        columns = {
            name: kind for name, kind in target.types.items() if name not in target.partition_by
        }
        staging = self._lake.staging_prefix(report.run_id, uuid.uuid4().hex)
        try:
            if partitions:
                limit = self._limit(columns, partitions)
                self._stage(self._ordered(rows, target, columns, key), limit, staging)
            moves = self._moves(staging, target.prefix, partitions)
            for moved in self._publish(moves, dry_run=dry_run):
                stale.discard(moved.key)
                if moved.written:
                    report.objects.written += 1
                    report.objects.bytes += moved.size
                else:
                    report.objects.unchanged += 1
            report.objects.deleted = len(stale) if dry_run else self._lake.delete(sorted(stale))
        finally:
            self._remove(staging)

    def write_object(
        self, rows: DataFrame, order_by: Sequence[str], key: str, *, dry_run: bool
    ) -> bool:
        """Put rows into one object; tell whether it said something else."""
        columns = [
            _nullable(f"CAST({quoted(name)} AS timestamp_ntz)", name)
            if kind == "timestamp"
            else _nullable(quoted(name), name)
            for name, kind in rows.dtypes
        ]
        ordered = rows.repartition(1).sortWithinPartitions(*_order(order_by)).selectExpr(*columns)
        staging = self._lake.staging_prefix("objects", uuid.uuid4().hex)
        try:
            ordered.write.options(**_OPTIONS).parquet(self._uri(staging))
            (moved,) = self._publish([(self._staged(staging)[0], key)], dry_run=dry_run)
            return moved.written
        finally:
            self._remove(staging)

    def _partitions(
        self, rows: DataFrame, target: TableTarget, values: Sequence[str], key: Column | None
    ) -> dict[str, _Partition]:
        """Count the rows of each folder, and the bytes of their texts."""
        texts = [quoted(n) for n, kind in target.types.items() if kind.base == "string"]
        size = " + ".join(f"coalesce(octet_length({text}), 0)" for text in texts) or "0"
        counted = (
            rows.select(
                *(F.expr(sql).alias(f"_p{number}") for number, sql in enumerate(values)),
                (F.lit("") if key is None else key).alias(_FOLDER),
                F.expr(size).cast("bigint").alias("_bytes"),
            )
            .groupBy(_FOLDER)
            .agg(
                F.count("*"),
                F.sum("_bytes"),
                *(F.first(f"_p{number}") for number in range(len(values))),
            )
        )
        found = {}
        for folder, count, text_bytes, *parts in counted.collect():
            known = tuple(None if part == NULL_PARTITION else part for part in parts)
            path = partition_folder(target.partition_by, known)
            found[folder] = _Partition(folder, path, count, text_bytes)
        return found

    def _limit(self, columns: dict[str, DataType], partitions: dict[str, _Partition]) -> int:
        """Give the rows that fit into an object, from their mean size before compression."""
        fixed = sum(_FIXED_BYTES.get(kind.base, 8) for kind in columns.values())
        count = sum(partition.rows for partition in partitions.values())
        texts = sum(partition.text_bytes for partition in partitions.values())
        return max(1, int(self._max_object_bytes / (fixed + texts / count)))

    def _ordered(
        self,
        rows: DataFrame,
        target: TableTarget,
        columns: dict[str, DataType],
        key: Column | None,
    ) -> DataFrame:
        """Put the rows of each folder into one task, in their order."""
        written = [
            _nullable(f"CAST({quoted(name)} AS {_stored(kind)})", name)
            for name, kind in columns.items()
        ]
        order = _order(target.sort_by)
        if key is None:
            return rows.repartition(1).sortWithinPartitions(*order).selectExpr(*written)
        placed = rows.withColumn(_FOLDER, key).repartition(_FOLDER)
        return placed.sortWithinPartitions(F.asc(_FOLDER), *order).selectExpr(*written, _FOLDER)

    def _stage(self, rows: DataFrame, limit: int, staging: str) -> None:
        writer = rows.write.options(**{**_OPTIONS, "maxRecordsPerFile": str(limit)})
        if _FOLDER in rows.columns:
            writer = writer.partitionBy(_FOLDER)
        writer.parquet(self._uri(staging))

    def _moves(
        self, staging: str, prefix: str, partitions: dict[str, _Partition]
    ) -> Iterator[Move]:
        """Yield what goes where; the files of a folder are numbered in the order of their rows."""
        numbers: dict[str, int] = {}
        for key in self._staged(staging):
            found = re.search(f"/{_FOLDER}=([0-9a-f]+)/", key)
            folder = found[1] if found else ""
            number = numbers.get(folder, 0)
            numbers[folder] = number + 1
            yield key, f"{prefix}{partitions[folder].folder}part-{number}.parquet"

    def _staged(self, staging: str) -> list[str]:
        """List the staged files, those of one folder in the order in which they were written."""
        keys = [stored.key for stored in self._lake.list_objects(staging)]
        return sorted((key for key in keys if key.endswith(".parquet")), key=_written_order)

    def _publish(self, moves: Iterable[Move], *, dry_run: bool) -> Iterator[Moved]:
        """Have the executors put staged objects where they belong."""
        waiting = list(moves)
        if not waiting:
            return
        bucket = self._lake.bucket
        pinned, code = bootstrap.pins(sys.argv[1:]), bootstrap.code(sys.argv[1:])

        def publish(part: Iterable[Move]) -> Iterator[Moved]:
            # An executor imports by itself, and Glue may have other versions there, too.
            bootstrap.use(pinned, _NOT_FOR_EXECUTORS)
            bootstrap.load(code)
            from medallion.engines.spark import publish as spark_publish  # noqa: PLC0415

            return spark_publish.publish(bucket, part, dry_run=dry_run)

        tasks = -(-len(waiting) // _MOVES_PER_TASK)
        moved = self._spark.sparkContext.parallelize(waiting, tasks).mapPartitions(publish)
        yield from moved.collect()

    def _remove(self, staging: str) -> None:
        keys = [stored.key for stored in self._lake.list_objects(staging)]
        self._lake.delete(keys)

    def _uri(self, prefix: str) -> str:
        return f"s3://{self._lake.bucket}/{prefix}"


def _partition_value(name: str) -> str:
    """Write a partition's value as a text; in Hive no text is the same as null."""
    text = f"CAST({quoted(name)} AS string)"
    return f"coalesce(nullif({text}, ''), {literal(NULL_PARTITION)})"


def _order(names: Sequence[str]) -> list[Column]:
    return [F.col(quoted(name)).asc_nulls_last() for name in names]


def _stored(kind: DataType) -> str:
    # Without a zone, as Arrow writes it and Athena reads it.
    return "timestamp_ntz" if kind.base == "timestamp" else kind.name


def _nullable(sql: str, name: str) -> str:
    """Write a column that may be null for all that Spark knows, as Arrow's columns may be."""
    return f"CASE WHEN spark_partition_id() >= 0 THEN {sql} END AS {quoted(name)}"


def _written_order(key: str) -> tuple[str, int, int]:
    folder, _, name = key.rpartition("/")
    found = _COUNTER.match(name)
    task, file = (found[1], found[2]) if found else (0, 0)
    return folder, int(task), int(file or 0)
