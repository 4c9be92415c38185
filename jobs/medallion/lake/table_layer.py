"""The objects of a table in the lake: how its partitions are named, and how it is replaced."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import ClientError

from medallion.errors import LakeError
from medallion.lake.objects import Lake, Put, sha256

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
# Written as %XX in the names of partition folders: what would be read as something else there, by
# Hadoop's patterns for one. Hive writes more so, such as colons; but Glue's crawlers may leave it
# encoded, and then queries would show it so.
_ESCAPED = frozenset(map(chr, range(0x20))) | frozenset("#%*/=?\\\x7f{[")
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})")
_UPLOADS = 8
# Files that wait to be uploaded must not fill the disk.
_MAX_WAITING_FILES = 2 * _UPLOADS
_MAX_WAITING_BYTES = 1 << 30


@dataclass
class ObjectCounts:
    """
    What was done to the objects of the layer that a job writes, and the bytes of the written.

    `etags` are those of all objects that the table has now, by key.
    """

    written: int = 0
    unchanged: int = 0
    deleted: int = 0
    bytes: int = 0
    etags: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, size: int, put: Put) -> None:
        """Count an object."""
        self.written += put.written
        self.unchanged += not put.written
        self.bytes += size * put.written
        self.etags[key] = put.etag


def is_data(key: str) -> bool:
    """Whether Athena would read the object: names that begin with _ or . are passed over."""
    name = key.rsplit("/", 1)[-1]
    return bool(name) and name[0] not in "_."


def partition_folder(names: tuple[str, ...], values: tuple[str | None, ...]) -> str:
    """Give the folders of a partition, such as `year=2013/month=1/`; no text is null in Hive."""
    return "".join(f"{name}={_escaped(value)}/" for name, value in zip(names, values))


def _escaped(value: str | None) -> str:
    if not value:
        return NULL_PARTITION
    return "".join(f"%{ord(c):02X}" if c in _ESCAPED else c for c in value)


def partition_values(names: tuple[str, ...], folders: str) -> tuple[str | None, ...]:
    """
    Read the values of a partition from its folders: what `partition_folder` wrote, and Spark.

    Raises
    ------
    LakeError
        When these are not folders of these partition columns.
    """
    parts = [part.partition("=") for part in folders.split("/") if part]
    if tuple(name for name, _, _ in parts) != names:
        expected = "/".join(f"{name}=…" for name in names) or "no folder"
        raise LakeError(f"the folders are '{folders}', where {expected} is expected")
    return tuple(None if text in ("", NULL_PARTITION) else _unescaped(text) for *_, text in parts)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)


def publish(
    lake: Lake,
    prefix: str,
    files: Iterable[tuple[str, Path]],
    counts: ObjectCounts,
    *,
    dry_run: bool = False,
) -> None:
    """
    Make the objects under `prefix` these files, and no more.

    New and changed objects are put first, each at one stroke, and those no longer there deleted
    last: who reads meanwhile, or after a crash, finds every partition of one object old or new.
    Of a partition of several objects some may be old and some new until a run ends.

    Parameters
    ----------
    lake, prefix
        Where the table is; `prefix` ends with a slash.
    files
        Keys, and files that are removed when they were uploaded. They are taken as fast as they
        can be uploaded.
    counts
        They are filled.
    dry_run
        Puts and deletes nothing, and ends at the first object that would be written; the counts
        tell then only that there is one.
    """
    stale = {stored.key for stored in lake.list_objects(prefix)}
    pending: deque[tuple[str, int, Future[Put]]] = deque()
    waiting = 0
    with ThreadPoolExecutor(_UPLOADS) as pool:
        for key, path in files:
            stale.discard(key)
            size = path.stat().st_size
            pending.append((key, size, pool.submit(put, lake, key, path, dry_run=dry_run)))
            waiting += size
            while len(pending) >= _MAX_WAITING_FILES or waiting > _MAX_WAITING_BYTES:
                waiting -= _count(*pending.popleft(), counts)
            if dry_run and counts.written:
                break
        while pending:
            _count(*pending.popleft(), counts)
    counts.deleted = len(stale) if dry_run else lake.delete(sorted(stale))


def put(lake: Lake, key: str, path: Path, *, dry_run: bool = False) -> Put:
    """Upload a file and remove it; a dry run only tells whether the object has other bytes."""
    done = Put(not _is_stored(lake, key, path)) if dry_run else lake.put_if_changed(key, path)
    path.unlink()
    return done


def _is_stored(lake: Lake, key: str, path: Path) -> bool:
    """Whether an object has the bytes of a file, as `Lake.put_if_changed` knows it."""
    try:
        found = lake.client.head_object(Bucket=lake.bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return found["Metadata"].get("sha256") == sha256(path)


def _count(key: str, size: int, upload: Future[Put], counts: ObjectCounts) -> int:
    """Wait for an upload and count it; return the size of its file."""
    counts.add(key, size, upload.result())
    return size
