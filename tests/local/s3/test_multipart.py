"""Multipart uploads: their bytes, sums and refusals, whether in memory or on disk."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from tests.local.s3.contents import BIG, PART, SMALL, content, crc32, md5, refusal


def upload(s3: Any, where: dict[str, str], parts: list[bytes], **more: Any) -> dict[str, Any]:
    """A multipart upload that is not complete: its id, and what CompleteMultipartUpload names."""
    upload_id = s3.create_multipart_upload(**where, **more)["UploadId"]
    done = []
    for number, part in enumerate(parts, 1):
        algorithm = {k: v for k, v in more.items() if k == "ChecksumAlgorithm"}
        answer = s3.upload_part(
            **where, UploadId=upload_id, PartNumber=number, Body=part, **algorithm
        )
        assert answer["ETag"] == f'"{md5(part)}"'
        done.append({"PartNumber": number, "ETag": answer["ETag"]})
    return {**where, "UploadId": upload_id, "MultipartUpload": {"Parts": done}}


def etag_of(parts: list[bytes]) -> str:
    sums = b"".join(hashlib.md5(part).digest() for part in parts)
    return f'"{md5(sums)}-{len(parts)}"'


@pytest.mark.parametrize(
    "sizes", [[SMALL], [BIG], [PART, SMALL], [PART, PART + 3, 10]], ids=["small", "1", "2", "3"]
)
def test_multipart__is_its_parts_one_after_another(s3: Any, bucket: str, sizes: list[int]) -> None:
    parts = [content(size, seed) for seed, size in enumerate(sizes)]
    data, where = b"".join(parts), {"Bucket": bucket, "Key": "key"}
    answer = s3.complete_multipart_upload(**upload(s3, where, parts))
    assert answer["ETag"] == etag_of(parts)
    got = s3.get_object(**where)
    assert (got["ContentLength"], got["ETag"]) == (len(data), answer["ETag"])
    assert got["Body"].read() == data
    middle = sizes[0] - 5
    for first, last in ((middle, middle + 9), (0, len(data) - 1)):
        got = s3.get_object(**where, Range=f"bytes={first}-{last}")
        assert got["Body"].read() == data[first : last + 1]
    told = s3.head_object(**where, PartNumber=len(parts))
    assert (told["ContentLength"], told["PartsCount"]) == (sizes[-1], len(parts))
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=where)
    got = s3.get_object(Bucket=bucket, Key="copy")
    assert (got["ETag"], got["Body"].read() == data) == (f'"{md5(data)}"', True)


def test_multipart__checksum_is_of_the_parts_or_of_all(s3: Any, bucket: str) -> None:
    parts = [content(PART, 1), content(BIG, 2)]
    where = {"Bucket": bucket, "Key": "key"}
    sums = b"".join(hashlib.sha256(part).digest() for part in parts)
    composite = base64.b64encode(hashlib.sha256(sums).digest()).decode()
    s3.complete_multipart_upload(**upload(s3, where, parts, ChecksumAlgorithm="SHA256"))
    told = s3.get_object(**where, ChecksumMode="ENABLED")
    assert (told["ChecksumSHA256"], told["ChecksumType"]) == (f"{composite}-2", "COMPOSITE")
    crc = crc32(b"".join(parts))
    full = {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}
    s3.complete_multipart_upload(**upload(s3, where, parts, **full))
    told = s3.get_object(**where, ChecksumMode="ENABLED")
    assert (told["ChecksumCRC32"], told["ChecksumType"]) == (crc, "FULL_OBJECT")


def test_multipart__of_copied_ranges(s3: Any, bucket: str) -> None:
    source, where = {"Bucket": bucket, "Key": "source"}, {"Bucket": bucket, "Key": "key"}
    data = content(2 * PART)
    s3.put_object(**source, Body=data)
    upload_id = s3.create_multipart_upload(**where)["UploadId"]
    ranges = [(3, PART + 2), (100, 199)]
    done = []
    for number, (first, last) in enumerate(ranges, 1):
        answer = s3.upload_part_copy(
            **where, UploadId=upload_id, PartNumber=number, CopySource=source,
            CopySourceRange=f"bytes={first}-{last}",
        )  # fmt: skip
        done.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(**where, UploadId=upload_id, MultipartUpload={"Parts": done})
    s3.delete_object(**source)
    parts = [data[first : last + 1] for first, last in ranges]
    got = s3.get_object(**where)
    assert (got["ETag"], got["Body"].read()) == (etag_of(parts), b"".join(parts))


def test_multipart__is_refused_as_on_aws(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "key"}
    named = upload(s3, where, [content(PART), content(10)])
    first, second = named["MultipartUpload"]["Parts"]

    def complete(*parts: dict[str, Any]) -> tuple[int, str]:
        given = {**named, "MultipartUpload": {"Parts": list(parts)}}
        return refusal(s3.complete_multipart_upload, **given)

    assert complete(second, first) == (400, "InvalidPartOrder")
    assert complete(first, first) == (400, "InvalidPartOrder")
    assert complete(first, {**second, "ETag": first["ETag"]}) == (400, "InvalidPart")
    assert complete(first, {**second, "PartNumber": 3}) == (400, "InvalidPart")
    assert refusal(s3.head_object, **where) == (404, "404")
    s3.complete_multipart_upload(**named)
    small = upload(s3, where, [content(PART - 1), content(10)])
    assert refusal(s3.complete_multipart_upload, **small) == (400, "EntityTooSmall")
