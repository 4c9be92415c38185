"""Objects on disk: they behave as small ones do."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from tests.local.s3.contents import BIG, MB, SMALL, content, crc32, md5, refusal


@pytest.fixture(params=[SMALL, BIG], ids=["small", "big"])
def stored(request: pytest.FixtureRequest, s3: Any, bucket: str) -> dict[str, str]:
    s3.put_object(Bucket=bucket, Key="key", Body=content(request.param), Metadata={"a": "b"})
    return {"Bucket": bucket, "Key": "key"}


def size_of(s3: Any, stored: dict[str, str]) -> int:
    size: int = s3.head_object(**stored)["ContentLength"]
    return size


def test_object__has_its_bytes_and_headers(s3: Any, stored: dict[str, str]) -> None:
    data = content(size_of(s3, stored))
    got = s3.get_object(**stored)
    assert got["Body"].read() == data
    for told in (got, s3.head_object(**stored)):
        assert (told["ContentLength"], told["ETag"]) == (len(data), f'"{md5(data)}"')
        assert (told["AcceptRanges"], told["Metadata"]) == ("bytes", {"a": "b"})
        assert told["ContentType"] == "binary/octet-stream"
    listed = s3.list_objects_v2(Bucket=stored["Bucket"])["Contents"]
    assert [(one["Size"], one["ETag"]) for one in listed] == [(len(data), f'"{md5(data)}"')]


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=10-99", slice(10, 100)),
        ("bytes=500000-", slice(500_000, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=100-99999999999", slice(100, None)),
    ],
)
def test_range__is_that_part_of_it(
    s3: Any, stored: dict[str, str], asked: str, part: slice
) -> None:
    data = content(size_of(s3, stored))
    first, last, _ = part.indices(len(data))
    got = s3.get_object(**stored, Range=asked)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert got["ContentRange"] == f"bytes {first}-{last - 1}/{len(data)}"
    assert got["ContentLength"] == last - first
    assert got["ETag"] == f'"{md5(data)}"'
    assert got["Body"].read() == data[part]
    told = s3.head_object(**stored, Range=asked)
    assert told["ContentLength"] == last - first


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=9-3", "bytes=x-y"])
def test_range__that_s3_does_not_heed__is_all_of_it(
    s3: Any, stored: dict[str, str], asked: str
) -> None:
    got = s3.get_object(**stored, Range=asked)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert got["Body"].read() == content(size_of(s3, stored))


def test_range__beyond_the_end_is_416(s3: Any, stored: dict[str, str]) -> None:
    size = size_of(s3, stored)
    assert refusal(s3.get_object, **stored, Range=f"bytes={size}-") == (416, "InvalidRange")


def test_conditions__are_kept(s3: Any, stored: dict[str, str]) -> None:
    etag = s3.head_object(**stored)["ETag"]
    assert s3.get_object(**stored, IfMatch=etag)["ContentLength"] == size_of(s3, stored)
    failed = (412, "PreconditionFailed")
    assert refusal(s3.get_object, **stored, IfMatch='"no"') == failed
    assert refusal(s3.get_object, **stored, IfNoneMatch=etag) == (304, "304")
    other = content(BIG, 2)
    assert refusal(s3.put_object, **stored, Body=other, IfMatch='"no"') == failed
    assert refusal(s3.put_object, **stored, Body=other, IfNoneMatch="*") == failed
    assert s3.head_object(**stored)["ETag"] == etag
    s3.put_object(**stored, Body=other, IfMatch=etag)
    assert s3.get_object(**stored)["Body"].read() == other


def test_versions__keep_their_data(s3: Any, stored: dict[str, str]) -> None:
    data = content(size_of(s3, stored))
    enabled = {"Status": "Enabled"}
    s3.put_bucket_versioning(Bucket=stored["Bucket"], VersioningConfiguration=enabled)
    first = s3.put_object(**stored, Body=data)["VersionId"]
    second = s3.put_object(**stored, Body=content(BIG, 2))["VersionId"]
    s3.delete_object(**stored)
    assert refusal(s3.get_object, **stored) == (404, "NoSuchKey")
    assert s3.get_object(**stored, VersionId=first)["Body"].read() == data
    got = s3.get_object(**stored, VersionId=second, Range="bytes=5-9")
    assert got["Body"].read() == content(BIG, 2)[5:10]


def test_copy__outlives_its_source(s3: Any, stored: dict[str, str]) -> None:
    data = content(size_of(s3, stored))
    copy = {"Bucket": stored["Bucket"], "Key": "copy"}
    answer = s3.copy_object(**copy, CopySource=stored)["CopyObjectResult"]
    assert answer["ETag"] == f'"{md5(data)}"'
    s3.put_object(**stored, Body=b"other")
    assert s3.get_object(**copy)["Body"].read() == data
    s3.delete_object(**stored)
    got = s3.get_object(**copy, Range="bytes=-3")
    assert (got["Body"].read(), got["Metadata"]) == (data[-3:], {"a": "b"})


def test_checksum__is_told_as_it_was_given(s3: Any, stored: dict[str, str]) -> None:
    data = content(size_of(s3, stored))
    crc = crc32(data)
    assert s3.get_object(**stored, ChecksumMode="ENABLED")["ChecksumCRC32"] == crc
    put = s3.put_object(**stored, Body=data, ChecksumAlgorithm="SHA256")
    sha = base64.b64encode(hashlib.sha256(data).digest()).decode()
    assert put["ChecksumSHA256"] == sha
    copied = s3.copy_object(**stored, CopySource=stored, ChecksumAlgorithm="SHA1", Tagging="a=b",
                            MetadataDirective="REPLACE")  # fmt: skip
    sha1 = base64.b64encode(hashlib.sha1(data).digest()).decode()
    assert copied["CopyObjectResult"]["ChecksumSHA1"] == sha1


def test_download__goes_on_when_the_object_is_replaced(s3: Any, bucket: str) -> None:
    where, data = {"Bucket": bucket, "Key": "key"}, content(40 * MB)
    s3.put_object(**where, Body=data)
    body = s3.get_object(**where)["Body"]
    begun = body.read(10)
    s3.put_object(**where, Body=b"other")
    s3.delete_object(**where)
    assert begun + body.read() == data


def test_select__reads_a_large_object(s3: Any, bucket: str) -> None:
    def counted(rows: int) -> int:
        text = "id,name\n" + "".join(f"{n},{'x' * 500}\n" for n in range(rows))
        s3.put_object(Bucket=bucket, Key=str(rows), Body=text.encode())
        answer = s3.select_object_content(
            Bucket=bucket,
            Key=str(rows),
            ExpressionType="SQL",
            Expression="SELECT COUNT(*) FROM S3Object",
            InputSerialization={"CSV": {"FileHeaderInfo": "USE"}},
            OutputSerialization={"JSON": {}},
        )
        records = [one["Records"]["Payload"] for one in answer["Payload"] if "Records" in one]
        count: int = json.loads(b"".join(records))["_1"]
        return count

    assert counted(2_500) - counted(10) == 2_490
