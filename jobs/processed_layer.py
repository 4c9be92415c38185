"""Write the processed layer: Parquet, one object for each partition, and nothing else."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa

from contract import Contract
from engine import Engine
from errors import AccountingError
from lake import Lake
from local_disk import ParquetWriter
from report import Report

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
# What Hive writes as %XX in the names of partition folders.
_ESCAPED = frozenset(map(chr, range(0x20))) | frozenset("\"#%'*/:=?\\\x7f{[]^")
# Rows that are in memory at once; row groups are made of such pieces.
_CHUNK_ROWS = 8192
_UPLOADS = 8


def partition_folder(names: tuple[str, ...], values: tuple[str | None, ...]) -> str:
    """Give the folders of a partition, such as `year=2013/month=1/`; no text is null in Hive."""
    return "".join(f"{name}={_escaped(value)}/" for name, value in zip(names, values))


def _escaped(value: str | None) -> str:
    if not value:
        return NULL_PARTITION
    return "".join(f"%{ord(c):02X}" if c in _ESCAPED else c for c in value)


class Rows:
    """Hands out the rows of a stream of batches in tables of a given size."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._rest: pa.RecordBatch | None = None

    def take(self, count: int) -> pa.Table:
        """Give the next `count` rows; the same rows have the same chunks, however they came."""
        parts: list[pa.RecordBatch] = []
        wanted = count
        while wanted:
            batch = self._rest if self._rest is not None else next(self._batches, None)
            if batch is None:
                raise AccountingError(f"{wanted} rows fewer came from the engine than it counted")
            part = batch.slice(0, wanted)
            self._rest = batch.slice(len(part)) if len(part) < len(batch) else None
            wanted -= len(part)
            parts.append(part)
        return pa.Table.from_batches(parts).combine_chunks()


class ProcessedLayer:
    """
    The objects of one dataset under processed/.

    Parameters
    ----------
    lake, contract
        Where to, and what.
    folder
        A folder for the files on their way.
    report
        Its counts of objects and bytes are filled.
    """

    def __init__(self, lake: Lake, contract: Contract, folder: Path, report: Report) -> None:
        self._lake = lake
        self._prefix = lake.processed_prefix(contract.name)
        self._partition_by = contract.partition_by
        self._key = contract.key
        types = contract.processed_types
        self._schema = pa.schema(
            [pa.field(n, t.arrow) for n, t in types.items() if n not in contract.partition_by]
        )
        self._folder = folder
        self._report = report

    def replace(self, engine: Engine) -> None:
        """
        Make the layer what the table `result` says, and no more.

        New partitions are written first and those no longer there deleted last, each object at
        one stroke: who reads meanwhile, or after a crash, finds every partition old or new.
        """
        stale = {stored.key for stored in self._lake.list_objects(self._prefix)}
        pending: deque[Future[int | None]] = deque()
        with ThreadPoolExecutor(_UPLOADS) as pool:
            for key, path in self._files(engine):
                stale.discard(key)
                pending.append(pool.submit(self._upload, key, path))
                # Files that wait to be uploaded must not fill the disk.
                if len(pending) >= 2 * _UPLOADS:
                    self._count(pending.popleft().result())
            for upload in pending:
                self._count(upload.result())
        self._report.objects.deleted = self._lake.delete(sorted(stale))

    def clear(self) -> None:
        """Delete the layer."""
        stale = [stored.key for stored in self._lake.list_objects(self._prefix)]
        self._report.objects.deleted = self._lake.delete(stale)

    def _files(self, engine: Engine) -> Iterator[tuple[str, Path]]:
        """Write the partitions to local files, one after the other, and yield key and file."""
        # The texts that stand for null as well, or two partitions would have one key.
        values = [
            f"CASE WHEN CAST(\"{name}\" AS VARCHAR) NOT IN ('', '{NULL_PARTITION}') "
            f'THEN CAST("{name}" AS VARCHAR) END'
            for name in self._partition_by
        ]
        sort = values + [f'"{name}"' for name in self._key or ("_file", "_row")]
        order = ", ".join(f"{term} NULLS LAST" for term in sort)
        kept = "FROM result WHERE _outcome = 'out'"
        ordinals = ", ".join(f"{i} NULLS LAST" for i in range(1, len(values) + 1))
        grouped = f"GROUP BY ALL ORDER BY {ordinals}" if values else ""
        partitions = engine.rows(f"SELECT {', '.join([*values, 'count(*)'])} {kept} {grouped}")
        columns = ", ".join(f'"{name}"' for name in self._schema.names)
        rows = Rows(engine.batches(f"SELECT {columns} {kept} ORDER BY {order}", 8 * _CHUNK_ROWS))
        for number, (*found, count) in enumerate(partitions):
            if not count:
                continue
            path = self._folder / f"part-{number}.parquet"
            with ParquetWriter(path, self._schema) as writer:
                for start in range(0, count, _CHUNK_ROWS):
                    writer.write(rows.take(min(_CHUNK_ROWS, count - start)).cast(self._schema))
            folders = partition_folder(self._partition_by, tuple(found))
            yield f"{self._prefix}{folders}part-0.parquet", path

    def _upload(self, key: str, path: Path) -> int | None:
        """Upload a file and remove it; return the bytes written, None if it was there already."""
        size = path.stat().st_size
        written = self._lake.put_if_changed(key, path)
        path.unlink()
        return size if written else None

    def _count(self, size: int | None) -> None:
        if size is None:
            self._report.objects.unchanged += 1
        else:
            self._report.objects.written += 1
            self._report.bytes_written += size
