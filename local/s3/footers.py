"""Reading the footers of Parquet objects by ranges: the data itself is not fetched."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_TAIL = 64 * 1024


class S3RangeFile(io.RawIOBase):
    """A seekable view of an object; its last 64 KiB are fetched at once, the rest on demand."""

    def __init__(self, client: Any, bucket: str, key: str, size: int) -> None:
        super().__init__()
        self._client, self._bucket, self._key, self._size = client, bucket, key, size
        self._position = 0
        self._tail_start = max(0, size - _TAIL)
        self._tail: bytes | None = None

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be sought in."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer from the position on."""
        view = memoryview(buffer)
        end = min(self._size, self._position + len(view))
        if end <= self._position:
            return 0
        if self._position >= self._tail_start:
            if self._tail is None:
                self._tail = self._fetch(self._tail_start, self._size)
            data = self._tail[self._position - self._tail_start : end - self._tail_start]
        else:
            data = self._fetch(self._position, end)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _fetch(self, start: int, end: int) -> bytes:
        wanted = f"bytes={start}-{end - 1}"
        answer = self._client.get_object(Bucket=self._bucket, Key=self._key, Range=wanted)
        body: bytes = answer["Body"].read()
        return body


def read_footer(client: Any, bucket: str, key: str, size: int) -> tuple[pa.Schema, int]:
    """Return schema and row count of a Parquet object.

    Raises
    ------
    pyarrow.ArrowInvalid
        When the object is not Parquet.
    botocore.exceptions.ClientError
        When it may not be read.
    """
    source: Any = S3RangeFile(client, bucket, key, size)
    file = pq.ParquetFile(source)
    return file.schema_arrow, file.metadata.num_rows
