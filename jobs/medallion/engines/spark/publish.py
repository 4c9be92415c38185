"""Put staged objects where readers look; runs in the tasks of Spark's executors."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from medallion.lake.objects import s3_client

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3.client import S3Client

_BLOCK = 1 << 20
_MAGIC = b"PAR1"
# The footer's length in four bytes, and the magic word.
_TAIL = 8
_DIGEST = "content-sha256"


@dataclass(frozen=True)
class Moved:
    """What became of it: `written` is false where the target said the same already.

    In a dry run it is what would have become of it.
    """

    key: str
    size: int
    written: bool


def publish(bucket: str, moves: Iterable[tuple[str, str]], *, dry_run: bool) -> Iterator[Moved]:
    """Copy each object to its target, at one stroke, unless the target says the same."""
    client = s3_client()
    for source, target in moves:
        size, digest = _digest(client, bucket, source)
        same = _known_digest(client, bucket, target) == digest
        if not same and not dry_run:
            client.copy(
                {"Bucket": bucket, "Key": source},
                bucket,
                target,
                ExtraArgs={
                    "MetadataDirective": "REPLACE",
                    "Metadata": {_DIGEST: digest},
                    # Tags are not copied: that would take further permissions.
                    "TaggingDirective": "REPLACE",
                },
            )
        yield Moved(target, size, written=not same)


def _digest(client: S3Client, bucket: str, key: str) -> tuple[int, str]:
    """
    Give the size of a Parquet object and a digest of what it says.

    Spark's writer puts the names of a column's encodings into the footer in an order that changes
    from one JVM to the next. So the footer counts by its schema and rows only; all that comes
    before it (the data and their indexes) counts by its bytes.
    """
    size = client.head_object(Bucket=bucket, Key=key)["ContentLength"]
    end = _range(client, bucket, key, size - _TAIL, size).read()
    start = size - _TAIL - int.from_bytes(end[:4], "little")
    footer = _range(client, bucket, key, start, size - _TAIL).read()
    # A file of the footer alone, which is all that is read of it.
    metadata = pq.read_metadata(io.BytesIO(_MAGIC + footer + end))
    rows = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    digest = hashlib.sha256(f"{metadata.schema.to_arrow_schema()} {rows}".encode())
    for block in _range(client, bucket, key, 0, start).iter_chunks(_BLOCK):
        digest.update(block)
    return size, digest.hexdigest()


def _range(client: S3Client, bucket: str, key: str, start: int, end: int) -> StreamingBody:
    return client.get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{end - 1}")["Body"]


def _known_digest(client: S3Client, bucket: str, key: str) -> str | None:
    """Give the digest that an object's metadata says; None if there is none."""
    try:
        return client.head_object(Bucket=bucket, Key=key)["Metadata"].get(_DIGEST)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
            return None
        raise
