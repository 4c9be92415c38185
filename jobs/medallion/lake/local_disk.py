"""The local disk of a job: writing to it without ever filling it."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Sequence
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
    """Writes a Parquet file in row groups of even size; without rows, no file comes to be."""

    def __init__(
        self, path: Path, schema: pa.Schema, dictionary: Sequence[str] | None = None
    ) -> None:
        self.rows = 0
        self._path = path
        self._schema = schema
        # The columns that get a dictionary; None: all.
        self._dictionary: Any = True if dictionary is None else (list(dictionary) or False)
        self._waiting: list[pa.Table] = []
        self._waiting_bytes = 0
        self._writer: pq.ParquetWriter | None = None

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
        elif self._writer:
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
            When the disk has no room for them.
        """
        if table.num_rows == 0:
            return
        self._waiting.append(table)
        self._waiting_bytes += table.nbytes
        if self._waiting_bytes >= ROW_GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """End the row group here."""
        if not self._waiting:
            return
        require_free(self._path.parent, self._waiting_bytes)
        table = pa.concat_tables(self._waiting)
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
        self._waiting, self._waiting_bytes = [], 0
