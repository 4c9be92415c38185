"""The local disk of a job: writing to it without ever filling it."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from medallion.errors import DiskFull

# Row groups of this much text compress well, and fit into the memory of the smallest job.
ROW_GROUP_BYTES = 32 << 20
_RESERVE_BYTES = 64 << 20


def require_free(directory: Path, size: int) -> None:
    """Raise DiskFull unless `directory` has room for `size` bytes, and a little to spare."""
    free = shutil.disk_usage(directory).free
    if free < size + _RESERVE_BYTES:
        raise DiskFull(
            f"{directory} has {free:,} bytes free, and {size + _RESERVE_BYTES:,} are needed: "
            "split the file, or run the job with more disk (on Glue: 1 DPU or another job type)"
        )


class ParquetWriter:
    """Writes a Parquet file in row groups of even size; without rows, no file comes to be.

    Parameters
    ----------
    dictionary
        The columns that get a dictionary; None: all.
    ahead
        Writes a full row group while the caller gathers the next: two are then in memory. The file
        is the same, and so is what is raised: a failure of the one comes before any of the other.
    """

    def __init__(
        self,
        path: Path,
        schema: pa.Schema,
        dictionary: Sequence[str] | None = None,
        ahead: Executor | None = None,
    ) -> None:
        self.rows = 0
        self._path = path
        self._schema = schema
        self._dictionary: Any = True if dictionary is None else (list(dictionary) or False)
        self._waiting: list[pa.Table] = []
        self._waiting_bytes = 0
        self._writer: pq.ParquetWriter | None = None
        self._ahead = ahead
        self._being_written: Future[None] | None = None

    def __enter__(self) -> ParquetWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
            return
        try:
            self._settle()
        finally:
            if self._writer:
                self._writer.close()

    def close(self) -> None:
        """Finish the file, as the end of the context does."""
        self.flush()
        if self._writer:
            self._writer.close()

    def write(self, table: pa.Table) -> None:
        """Add rows; they are on the disk when the file is closed.

        Raises
        ------
        DiskFull
            When the disk has no room for them, or had none for those before.
        """
        if table.num_rows == 0:
            return
        self._waiting.append(table)
        self._waiting_bytes += table.nbytes
        if self._waiting_bytes >= ROW_GROUP_BYTES:
            self._end_group(self._ahead)

    def flush(self) -> None:
        """End the row group here, and write all that waits."""
        self._end_group(None)

    def _end_group(self, ahead: Executor | None) -> None:
        self._settle()
        if not self._waiting:
            return
        group, self._waiting = self._waiting, []
        size, self._waiting_bytes = self._waiting_bytes, 0
        if ahead:
            self._being_written = ahead.submit(self._write_group, group, size)
        else:
            self._write_group(group, size)

    def _settle(self) -> None:
        """Wait for the row group that is being written, and raise what it has failed of."""
        writing, self._being_written = self._being_written, None
        if writing:
            writing.result()

    def _write_group(self, group: Sequence[pa.Table], size: int) -> None:
        require_free(self._path.parent, size)
        table = pa.concat_tables(group)
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._path, self._schema, compression="zstd", use_dictionary=self._dictionary
            )
        try:
            self._writer.write_table(table, row_group_size=table.num_rows)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise DiskFull(f"the disk of {self._path.parent} is full") from error
            raise
        self.rows += table.num_rows
