"""A stream of sorted rows as Parquet files: the same rows make the same files, byte for byte."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from medallion.errors import AccountingError
from medallion.lake.local_disk import ROW_GROUP_BYTES, ParquetWriter

# Rows that are taken from the stream at once; row groups are made of such pieces.
CHUNK_ROWS = 8192


class Rows:
    """Hands out the rows of a stream of batches in tables of a given size."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._rest: pa.RecordBatch | None = None

    def take(self, count: int) -> Iterator[pa.Table]:
        """Give the next `count` rows in tables of CHUNK_ROWS; the last may be shorter.

        The same rows have the same chunks, however they came.
        """
        while count:
            piece = min(CHUNK_ROWS, count)
            parts = self._next(piece)
            missing = piece - sum(len(part) for part in parts)
            if missing:
                raise AccountingError(f"{missing} rows fewer came from the engine than it counted")
            count -= piece
            yield pa.Table.from_batches(parts).combine_chunks()

    def pieces(self) -> Iterator[pa.Table]:
        """Give all that is left in tables of CHUNK_ROWS; the last may be shorter."""
        while parts := self._next(CHUNK_ROWS):
            yield pa.Table.from_batches(parts).combine_chunks()

    def _next(self, count: int) -> list[pa.RecordBatch]:
        parts: list[pa.RecordBatch] = []
        while count:
            batch = self._rest if self._rest is not None else next(self._batches, None)
            if batch is None:
                break
            part = batch.slice(0, count)
            self._rest = batch.slice(len(part)) if len(part) < len(batch) else None
            count -= len(part)
            parts.append(part)
        return parts


class TableFiles:
    """
    Writes the partitions of a table.

    Parameters
    ----------
    folder
        Where the files go.
    schema
        The columns in the files.
    max_object_bytes
        A file that has reached this size is closed, and the partition goes on in another one.
    threads
        How many partitions are written at the same time; this many row groups, and one more,
        are in memory.
    """

    def __init__(
        self, folder: Path, schema: pa.Schema, max_object_bytes: int, threads: int
    ) -> None:
        self._folder = folder
        self._schema = schema
        self._max_object_bytes = max_object_bytes
        # A file outgrows its size by a row group at most.
        self._group_bytes = min(ROW_GROUP_BYTES, max_object_bytes // 4)
        self._threads = threads

    def write(
        self, partitions: Iterable[tuple[str, Iterable[pa.Table]]]
    ) -> Generator[tuple[str, Path], None, None]:
        """
        Write partitions, and yield keys and files as they are done.

        Parameters
        ----------
        partitions
            What the keys of each begin with, and its rows in tables (see Rows), one at least.
        """
        pending: deque[Future[list[tuple[str, Path]]]] = deque()
        # A thread takes all row groups of a partition, so that they keep their order.
        pools = [ThreadPoolExecutor(1) for _ in range(self._threads)]
        try:
            for number, (prefix, pieces) in enumerate(partitions):
                partition = _Partition(
                    prefix, self._folder / f"{number}", self._schema, self._max_object_bytes
                )
                for group, is_last in self._groups(pieces):
                    while len(pending) >= self._threads:
                        yield from pending.popleft().result()
                    pool = pools[number % self._threads]
                    pending.append(pool.submit(partition.write, group, is_last=is_last))
            while pending:
                yield from pending.popleft().result()
        finally:
            for pool in pools:
                pool.shutdown(cancel_futures=True)

    def _groups(self, pieces: Iterable[pa.Table]) -> Iterator[tuple[pa.Table, bool]]:
        """Deal tables out to row groups; tell which is the last."""
        group: list[pa.Table] = []
        for piece in pieces:
            if group and sum(waiting.nbytes for waiting in group) >= self._group_bytes:
                yield pa.concat_tables(group), False
                group = []
            group.append(piece.cast(self._schema))
        yield pa.concat_tables(group), True


class _Partition:
    """The files of one partition, which are written one after the other."""

    def __init__(self, prefix: str, path: Path, schema: pa.Schema, max_object_bytes: int) -> None:
        self._prefix = prefix
        self._path = path
        self._schema = schema
        self._max_object_bytes = max_object_bytes
        self._parts = 0
        self._writer: ParquetWriter | None = None

    def write(self, group: pa.Table, *, is_last: bool) -> list[tuple[str, Path]]:
        """Write a row group; return key and file when this closes one."""
        path = Path(f"{self._path}-{self._parts}.parquet")
        if self._writer is None:
            self._writer = ParquetWriter(path, self._schema, dictionary=_repeating(group))
        self._writer.write(group)
        self._writer.flush()
        if not is_last and path.stat().st_size < self._max_object_bytes:
            return []
        self._writer.close()
        key = f"{self._prefix}part-{self._parts}.parquet"
        self._writer = None
        self._parts += 1
        return [(key, path)]


def _repeating(group: pa.Table) -> list[str]:
    """Name the columns whose values repeat: for others a dictionary costs time, and saves none."""
    sample = group.slice(0, CHUNK_ROWS)
    found = []
    for name in sample.column_names:
        with contextlib.suppress(pa.ArrowNotImplementedError):
            if pc.count_distinct(sample[name]).as_py() * 2 <= sample.num_rows:
                found.append(name)
    return found
