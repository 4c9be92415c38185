"""Bytes that are too many for memory: files on disk, and views of them that copy nothing."""

from __future__ import annotations

import hashlib
import io
import shutil
import uuid
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

from local.settings import settings

LARGE = 1024 * 1024  # bytes that are still kept in memory
BLOCK = 1024 * 1024


class _File:
    """A file that goes with the last blob that shows some of it."""

    def __init__(self) -> None:
        self.path = _folder() / uuid.uuid4().hex
        weakref.finalize(self, self.path.unlink, missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Segment:
    file: _File
    start: int
    size: int


class Blob:
    """Bytes on disk. They have a length and slices as ``bytes`` have; iterating gives blocks.

    No file is open but while it is read: as many objects as there may be, so few descriptors.
    """

    def __init__(self, segments: Iterable[_Segment]) -> None:
        self._segments = [one for one in segments if one.size]
        self._ends = list(accumulate(one.size for one in self._segments))

    def __len__(self) -> int:
        """Return the number of bytes."""
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, part: slice) -> Blob:
        """Return a view of some of the bytes."""
        start, stop, _ = part.indices(len(self))
        found = []
        for one, end in zip(self._segments, self._ends, strict=True):
            begin = end - one.size
            first, last = max(start, begin), min(stop, end)
            if first < last:
                found.append(_Segment(one.file, one.start + first - begin, last - first))
        return Blob(found)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes, block by block."""
        for one in self._segments:
            with one.file.path.open("rb", buffering=0) as file:
                file.seek(one.start)
                left = one.size
                while left:
                    block = file.read(min(BLOCK, left))
                    if not block:
                        raise OSError(f"{one.file.path} ends {left} bytes too early")
                    left -= len(block)
                    yield block

    def __bytes__(self) -> bytes:
        """Return all of them."""
        return b"".join(self)

    @cached_property
    def md5(self) -> str:
        """Their MD5 sum, in hexadecimal digits."""
        summed = hashlib.md5(usedforsecurity=False)
        for block in self:
            summed.update(block)
        return summed.hexdigest()

    @classmethod
    def join(cls, parts: Iterable[bytes | Blob]) -> Blob:
        """Return the parts one after another: those on disk stay where they are."""
        segments: list[_Segment] = []
        for part in parts:
            on_disk = part if isinstance(part, Blob) else _written([part])
            segments += on_disk._segments
        return cls(segments)


class BlobReader(io.RawIOBase):
    """A blob as a file to read from."""

    def __init__(self, blob: Blob) -> None:
        super().__init__()
        self.blob = blob
        self._position = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read on into a buffer."""
        view = memoryview(buffer)
        data = bytes(self.blob[self._position : self._position + len(view)])
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


def keep(blocks: Iterable[bytes]) -> bytes | Blob:
    """Read blocks to their end: what is large goes to disk as it comes in."""
    iterator = iter(blocks)
    first: list[bytes] = []
    size = 0
    for block in iterator:
        first.append(block)
        size += len(block)
        if size > LARGE:
            return _written(first, iterator)
    return b"".join(first)


def blocks(content: bytes | Blob) -> Iterable[bytes]:
    """Return the contents of an object block by block."""
    return content if isinstance(content, Blob) else [content]


def clear() -> None:
    """Make the folder of all blobs, without those of a server that was killed."""
    shutil.rmtree(_folder(), ignore_errors=True)
    _folder().mkdir(parents=True)


def _folder() -> Path:
    return settings().work_dir / "objects"


def _written(*sources: Iterable[bytes]) -> Blob:
    file = _File()
    summed = hashlib.md5(usedforsecurity=False)
    with file.path.open("xb", buffering=0) as out:
        for source in sources:
            for block in source:
                summed.update(block)
                out.write(block)
        blob = Blob([_Segment(file, 0, out.tell())])
    blob.md5 = summed.hexdigest()  # the ETag of what is put
    return blob
