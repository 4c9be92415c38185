"""What the footers of a table's objects say of it: no data is fetched."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from medallion.errors import LakeError
from medallion.lake.objects import Lake, StoredObject
from medallion.lake.table_layer import is_data

_READERS = 8
_MAX_TRIES = 5
_MAGIC = b"PAR1"
# Most footers lie within the last 64 KiB, which are fetched at once.
_TAIL_BYTES = 64 << 10
# The footer's length in four bytes, and the magic word.
_END_BYTES = 8
# It is gone, it was replaced, or it was replaced by a shorter one.
_CHANGED = {"404", "412", "416"}


def count_rows(lake: Lake, prefix: str) -> int:
    """
    Count the rows of the table under `prefix`; none if it has no objects.

    Raises
    ------
    LakeError
        If an object is not Parquet, or the objects change each time while they are counted.
    """
    return sum(footer.num_rows for footer in read(lake, prefix)[1])


def read(lake: Lake, prefix: str) -> tuple[list[StoredObject], list[pq.FileMetaData]]:
    """List the data objects under `prefix` in the order of their keys, and read their footers.

    Raises what `count_rows` does.
    """
    for _ in range(_MAX_TRIES):
        stored = data_objects(lake, prefix)
        with ThreadPoolExecutor(_READERS) as pool:
            footers = list(pool.map(partial(_footer, lake), stored))
        known = [footer for footer in footers if footer is not None]
        if len(known) == len(footers):
            return stored, known
    raise LakeError(
        f"s3://{lake.bucket}/{prefix} changed while its rows were counted, {_MAX_TRIES} times in a "
        "row: run the job again when no other run writes there"
    )


def data_objects(lake: Lake, prefix: str) -> list[StoredObject]:
    """List the objects under `prefix` that Athena and Spark read."""
    return [found for found in lake.list_objects(prefix) if is_data(found.key)]


def _footer(lake: Lake, stored: StoredObject) -> pq.FileMetaData | None:
    """Read an object's footer; None if it is no longer what was listed."""
    try:
        data = _last(lake, stored, min(stored.size, _TAIL_BYTES))
        needed = int.from_bytes(data[-_END_BYTES:-4], "little") + _END_BYTES
        if len(data) < needed < stored.size:
            data = _last(lake, stored, needed)
    except ClientError as error:
        if str(error.response["ResponseMetadata"]["HTTPStatusCode"]) in _CHANGED:
            return None
        raise
    try:
        # A file of the footer alone, which is all that is read of it.
        return pq.read_metadata(io.BytesIO(_MAGIC + data[-needed:]))
    except (pa.ArrowInvalid, OSError) as error:
        raise LakeError(
            f"s3://{lake.bucket}/{stored.key} is not a Parquet file ({error}): only jobs write "
            "there; delete the object, and run the job that writes this table once more"
        ) from error


def _last(lake: Lake, stored: StoredObject, size: int) -> bytes:
    """Fetch the last bytes of an object, if it is still the one that was listed."""
    if not size:
        return b""
    answer = lake.client.get_object(
        Bucket=lake.bucket,
        Key=stored.key,
        Range=f"bytes={stored.size - size}-{stored.size - 1}",
        IfMatch=stored.etag,
    )
    return answer["Body"].read()
