"""Containers: gzip and zip, told by their first bytes, and read as streams, never unpacked."""

from __future__ import annotations

import errno
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from medallion.errors import FileRefused
from medallion.lake.local_disk import require_free

GZIP = b"\x1f\x8b"
ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
PARQUET = b"PAR1"
_HEAD = 512
_BLOCK = 8 << 20
_OTHER = {
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!": "RAR",
    b"%PDF": "PDF",
    b"\xd0\xcf\x11\xe0": "old Excel (.xls)",
}
_HTML = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype\s+html|html)\b", re.IGNORECASE)
_JUNK = {".DS_Store", "Thumbs.db", "desktop.ini"}
# deflate reaches 1,000 : 1, on nothing but repetition; tables of real data stay below 100 : 1.
_MAX_RATIO = 250
_ALWAYS_ALLOWED = 1 << 30


@dataclass(frozen=True)
class Member:
    """A file of data: the file itself, or one inside a zip, of which it is the `name`."""

    name: str | None
    open: Callable[[], BinaryIO]
    # Where it lies as it is, so that it can be read at any position; None when it is compressed.
    path: Path | None = None


def members(path: Path) -> list[Member]:
    """Return the data files in a local file, in the order in which the archive lists them.

    Raises
    ------
    FileRefused
        When the archive is broken, encrypted, empty, nested, of an unknown kind, or has a member
        whose path leads out of it. What is broken further on shows when a member is read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise FileRefused("the file is empty (0 bytes)")
    if head.startswith(ZIP):
        found = _zip_members(path)
    elif head.startswith(GZIP):
        limit = _limit(path)
        found = [Member(None, lambda: io.BufferedReader(_Unpacked(gzip.GzipFile(path), limit)))]
    else:
        _refuse_other_kind(head)
        return [Member(None, lambda: path.open("rb"), path)]
    for member in found:
        with naming(member):
            with member.open() as stream:
                inner = stream.read(_HEAD)
            if inner.startswith((GZIP, *ZIP)):
                raise FileRefused("an archive inside an archive: pack the data files only once")
            _refuse_other_kind(inner)
    return found


@contextmanager
def naming(member: Member) -> Iterator[None]:
    """Put the member's name before the reason why it is refused."""
    try:
        yield
    except FileRefused as error:
        if member.name:
            raise FileRefused(f"zip member {member.name!r}: {error.reason}") from error
        raise


def _zip_members(path: Path) -> list[Member]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        if _is_of_the_disk(error):
            raise
        raise FileRefused(f"the zip is broken or cut off ({error}): send it again") from error
    names = {entry.filename for entry in entries}
    if "[Content_Types].xml" in names:
        raise FileRefused("the file is an Excel or other Office document: export it as CSV")
    for entry in entries:
        if not entry.filename:
            raise FileRefused("the zip has a member without a name: is it broken? Send it again")
        if _climbs_out(entry.orig_filename):
            raise FileRefused(
                f"zip member {entry.orig_filename!r} has a path that leads out of the archive; "
                "only relative paths without .. are allowed"
            )
    data = [entry for entry in entries if not entry.is_dir() and not _is_junk(entry.filename)]
    if not data:
        raise FileRefused("the zip has no data file in it")
    for entry in data:
        if entry.flag_bits & 0x1:
            raise FileRefused(
                f"zip member {entry.filename!r} is encrypted: send the zip without a password"
            )
    limit = _limit(path)
    return [Member(entry.filename, _zip_opener(path, entry, limit)) for entry in data]


def _zip_opener(path: Path, entry: zipfile.ZipInfo, limit: int) -> Callable[[], BinaryIO]:
    def opener() -> BinaryIO:
        archive = zipfile.ZipFile(path)
        try:
            return io.BufferedReader(
                _Unpacked(cast(io.BufferedIOBase, archive.open(entry)), limit, archive)
            )
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
            archive.close()
            if _is_of_the_disk(error):
                raise
            raise FileRefused(f"it cannot be unpacked ({error}): send the zip again") from error

    return opener


def _is_of_the_disk(error: Exception) -> bool:
    """Whether the disk failed, and not the archive, whose broken offsets are invalid arguments."""
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)


def _climbs_out(name: str) -> bool:
    parts = re.split(r"[/\\]", name)
    return parts[0] == "" or ".." in parts or bool(re.match(r"[A-Za-z]:", name))


def _is_junk(name: str) -> bool:
    parts = name.split("/")
    return "__MACOSX" in parts or parts[-1] in _JUNK


def _refuse_other_kind(head: bytes) -> None:
    for magic, kind in _OTHER.items():
        if head.startswith(magic):
            raise FileRefused(f"the content is {kind}: send it plain, as .gz or as .zip")
    if _HTML.match(head):
        raise FileRefused(
            "the content is an HTML page, such as one to log in, or one that tells of an error: "
            "look at the file, and send data"
        )
    if head[257:262] == b"ustar":
        raise FileRefused("the content is a tar archive: use .gz for one file, .zip for several")


def _limit(path: Path) -> int:
    return max(_ALWAYS_ALLOWED, _MAX_RATIO * path.stat().st_size)


class _Unpacked(io.RawIOBase):
    """A compressed stream, which tells what is broken in words, and does not unpack bombs."""

    def __init__(
        self, stream: io.BufferedIOBase, limit: int, archive: zipfile.ZipFile | None = None
    ) -> None:
        self._stream = stream
        self._limit = limit
        self._archive = archive
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed: WriteableBuffer
        try:
            block = self._stream.read(len(buffer))
        except (EOFError, OSError, zipfile.BadZipFile, zlib.error, lzma.LZMAError) as error:
            if _is_of_the_disk(error):
                raise
            raise FileRefused(
                f"the compressed data is broken or cut off after {self._position:,} unpacked bytes "
                f"({error}): send it again"
            ) from error
        self._position += len(block)
        if self._position > self._limit:
            raise FileRefused(
                f"the data unpacks to more than {self._limit:,} bytes, over {_MAX_RATIO} times its "
                "packed size, as a zip bomb does: send it in smaller or plain files"
            )
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            if self._archive:
                self._archive.close()
        super().close()


def unpack(member: Member, path: Path) -> Path:
    """Write a compressed member to `path`, for formats that cannot be read as a stream."""
    with member.open() as source, path.open("wb") as target:
        for block in iter(lambda: source.read(_BLOCK), b""):
            require_free(path.parent, len(block))
            target.write(block)
    return path
