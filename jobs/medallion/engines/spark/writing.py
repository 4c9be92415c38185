"""Write sorted rows as the objects of a table; runs in the tasks of Spark's executors."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from functools import reduce
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from medallion.lake import table_layer
from medallion.lake.local_disk import ParquetWriter
from medallion.lake.objects import Lake, s3_client
from medallion.lake.table_files import Rows, TableFiles


def write_table(
    batches: Iterable[pa.RecordBatch],
    bucket: str,
    prefix: str,
    partition_by: tuple[str, ...],
    schema: pa.Schema,
    *,
    max_object_bytes: int,
    dry_run: bool,
) -> Iterator[pa.RecordBatch]:
    """
    Write the objects of whole partitions, as the engine on DuckDB does.

    Parameters
    ----------
    batches
        The texts of the partition columns, then the columns of the files; sorted.
    bucket, prefix
        Where the table is; `prefix` ends with a slash.
    partition_by
        Names of the partition columns.
    schema
        The columns of the files.
    max_object_bytes
        The size beyond which a partition is written in more than one object.
    dry_run
        Puts nothing.

    Yields
    ------
    pyarrow.RecordBatch
        A row: an object's `key`, its `rows` and `size`, whether it was `written` or said the same,
        and its `etag`.
    """
    lake = Lake(s3_client(), bucket)
    with tempfile.TemporaryDirectory() as folder:
        files = TableFiles(Path(folder), schema, max_object_bytes, threads=1)
        partitions = _partitions(batches, prefix, partition_by)
        with contextlib.closing(files.write(partitions)) as made:
            for key, path in made:
                yield _put(lake, key, path, dry_run=dry_run)


def write_object(
    batches: Iterable[pa.RecordBatch], bucket: str, key: str, schema: pa.Schema, *, dry_run: bool
) -> Iterator[pa.RecordBatch]:
    """Write all rows to one object; yields what `write_table` does, and nothing without rows."""
    lake = Lake(s3_client(), bucket)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "object.parquet")
        with ParquetWriter(path, schema) as writer:
            for piece in Rows(iter(batches)).pieces():
                writer.write(piece.cast(schema))
        if writer.rows:
            yield _put(lake, key, path, dry_run=dry_run)


def _put(lake: Lake, key: str, path: Path, *, dry_run: bool) -> pa.RecordBatch:
    found = {"key": key, "rows": pq.read_metadata(path).num_rows, "size": path.stat().st_size}
    done = table_layer.put(lake, key, path, dry_run=dry_run)
    return pa.RecordBatch.from_pylist([{**found, "written": done.written, "etag": done.etag}])


def _partitions(
    batches: Iterable[pa.RecordBatch], prefix: str, names: tuple[str, ...]
) -> Iterator[tuple[str, Iterator[pa.Table]]]:
    for values, parts in groupby(_runs(batches, len(names)), key=itemgetter(0)):
        known = (None if value == table_layer.NULL_PARTITION else value for value in values)
        rows = Rows(part for _, part in parts)
        yield f"{prefix}{table_layer.partition_folder(names, tuple(known))}", rows.pieces()


def _runs(
    batches: Iterable[pa.RecordBatch], count: int
) -> Iterator[tuple[tuple[str, ...], pa.RecordBatch]]:
    """Cut batches where one of the first `count` columns changes, which the rows then lack."""
    for batch in batches:
        texts = batch.columns[:count]
        rest = batch.select(list(range(count, batch.num_columns)))
        starts = [0] if batch.num_rows else []
        if starts and texts:
            changes = reduce(pc.or_, (pc.not_equal(text[1:], text[:-1]) for text in texts))
            starts += [place for place, new in enumerate(changes.to_pylist(), 1) if new]
        for start, end in zip(starts, [*starts[1:], batch.num_rows]):
            values = tuple(str(text[start]) for text in texts)
            yield values, rest.slice(start, end - start)
