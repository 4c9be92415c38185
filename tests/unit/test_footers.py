"""Rows of a table, counted without its data."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from medallion.errors import LakeError
from medallion.lake import footers
from medallion.lake.objects import Lake
from tests.unit.overlaps import Hooked

PREFIX = "processed/things/"


def put(lake: Lake, key: str, rows: int, columns: int = 1) -> int:
    """Put a Parquet object and return its size."""
    body = io.BytesIO()
    values = pa.array(range(rows), pa.int64())
    pq.write_table(pa.table({f"column_{n:04}": values for n in range(columns)}), body)
    lake.client.put_object(Bucket=lake.bucket, Key=PREFIX + key, Body=body.getvalue())
    return len(body.getvalue())


def test_count_rows__of_all_objects(lake: Lake) -> None:
    for number in range(20):
        put(lake, f"p={number}/part-0.parquet", number)
    lake.put_json(f"{PREFIX}_SUCCESS", {})
    lake.put_json(f"{PREFIX}p=0/.part", {})
    lake.put_json("processed/things_2/part-0.parquet", {})
    assert footers.count_rows(lake, PREFIX) == sum(range(20))


def test_count_rows__no_objects(lake: Lake) -> None:
    assert footers.count_rows(lake, PREFIX) == 0


def test_count_rows__fetches_little(lake: Lake) -> None:
    size = put(lake, "part-0.parquet", 400_000)
    ranges: list[str] = []

    def kept(params: dict[str, Any], **_: Any) -> None:
        ranges.append(params["Range"])

    lake.client.meta.events.register("provide-client-params.s3.GetObject", kept)
    assert footers.count_rows(lake, PREFIX) == 400_000
    assert ranges == [f"bytes={size - (64 << 10)}-{size - 1}"]


@pytest.mark.parametrize(("columns", "requests"), [(10, 2), (3000, 3)])
def test_count_rows__footer_longer_than_the_tail(lake: Lake, columns: int, requests: int) -> None:
    put(lake, "part-0.parquet", 7, columns)
    hooked = Hooked(lake, lambda number, operation: None)
    assert footers.count_rows(hooked.lake, PREFIX) == 7
    assert hooked.requests == requests


@pytest.mark.parametrize(
    "body", [b"", b"x", b"no footer at all", b"PAR1\xff\xff\xff\x7fPAR1", b"x" * 100_000]
)
def test_count_rows__not_parquet(lake: Lake, body: bytes) -> None:
    put(lake, "a.parquet", 1)
    lake.client.put_object(Bucket=lake.bucket, Key=f"{PREFIX}b.parquet", Body=body)
    with pytest.raises(LakeError) as error:
        footers.count_rows(lake, PREFIX)
    assert str(error.value).startswith(f"s3://{lake.bucket}/{PREFIX}b.parquet is not a Parquet")
    assert str(error.value).endswith("and run the job that writes this table once more")


def test_count_rows__objects_that_change_meanwhile(lake: Lake) -> None:
    put(lake, "a.parquet", 1)
    put(lake, "b.parquet", 2, 2)

    def change(number: int, operation: str) -> None:
        if number == 2:
            lake.delete([f"{PREFIX}a.parquet"])
            put(lake, "b.parquet", 3)
            put(lake, "c.parquet", 4)

    assert footers.count_rows(Hooked(lake, change).lake, PREFIX) == 7


def test_count_rows__objects_that_change_all_the_time(lake: Lake) -> None:
    sizes = iter(range(1, 100))

    def change(number: int, operation: str) -> None:
        if operation == "GetObject":
            put(lake, "a.parquet", next(sizes))

    put(lake, "a.parquet", 100)
    with pytest.raises(LakeError) as error:
        footers.count_rows(Hooked(lake, change).lake, PREFIX)
    assert str(error.value) == (
        f"s3://{lake.bucket}/{PREFIX} changed while its rows were counted, 5 times in a row: run "
        "the job again when no other run writes there"
    )
    assert next(sizes) == 6


def test_count_rows__other_failures_are_passed_on(lake: Lake) -> None:
    put(lake, "a.parquet", 1)

    def denied(**_: Any) -> None:
        answer: Any = {
            "Error": {"Code": "AccessDenied", "Message": "no"},
            "ResponseMetadata": {"HTTPStatusCode": 403},
        }
        raise ClientError(answer, "GetObject")

    lake.client.meta.events.register("before-call.s3.GetObject", denied)
    with pytest.raises(ClientError, match="AccessDenied"):
        footers.count_rows(lake, PREFIX)
