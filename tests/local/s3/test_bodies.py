"""Bodies of requests: in chunks, and broken off."""

from __future__ import annotations

import base64
import hashlib
import http.client
import socket
import urllib.parse
from typing import Any

import pytest

from tests.local.conftest import Aws
from tests.local.s3.contents import BIG, SMALL, content, crc32, md5, refusal


def put(aws: Aws, bucket: str, body: Any, headers: dict[str, str]) -> tuple[int, bytes]:
    """Put a key with a body as it is on the wire; the status and the answer."""
    signed = "AWS4-HMAC-SHA256 Credential=root/20260101/us-east-1/s3/aws4_request"
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(aws.endpoint).netloc)
    try:
        path, chunked = f"/{bucket}/key", not isinstance(body, bytes)
        headers = {"Authorization": signed, **headers}
        connection.request("PUT", path, body, headers, encode_chunked=chunked)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def aws_chunked(data: bytes, signature: str, trailer: str) -> bytes:
    pieces = [data[at : at + 65_536] for at in range(0, len(data), 65_536)] + [b""]
    chunks = [f"{len(one):x}{signature}\r\n".encode() + one + b"\r\n" for one in pieces[:-1]]
    return b"".join(chunks) + f"0{signature}\r\n{trailer}\r\n".encode()


@pytest.mark.parametrize("size", [SMALL, BIG])
@pytest.mark.parametrize(
    ("kind", "signature", "trailer"),
    [
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", ";chunk-signature=" + "a" * 64, ""),
        (
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            ";chunk-signature=" + "a" * 64,
            "x-amz-checksum-crc32:{crc}\r\nx-amz-trailer-signature:" + "b" * 64 + "\r\n",
        ),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "", "x-amz-checksum-crc32:{crc}\r\n"),
    ],
)
def test_chunks__are_put_together(
    aws: Aws, s3: Any, bucket: str, size: int, kind: str, signature: str, trailer: str
) -> None:
    data = content(size)
    crc = crc32(data)
    headers = {
        "x-amz-content-sha256": kind,
        "x-amz-decoded-content-length": str(size),
        "Content-Encoding": "aws-chunked",
        "x-amz-sdk-checksum-algorithm": "CRC32",
    }
    body = aws_chunked(data, signature, trailer.format(crc=crc))
    assert put(aws, bucket, body, headers)[0] == 200
    got = s3.get_object(Bucket=bucket, Key="key", ChecksumMode="ENABLED")
    assert (got["ContentLength"], got["ETag"]) == (size, f'"{md5(data)}"')
    assert "ContentEncoding" not in got
    assert got["ChecksumCRC32"] == crc
    assert got["Body"].read() == data


def test_chunks__with_the_sum_of_others_are_refused(aws: Aws, s3: Any, bucket: str) -> None:
    headers = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": str(BIG),
    }
    body = aws_chunked(content(BIG), "", f"x-amz-checksum-crc32:{crc32(b'')}\r\n")
    status, answer = put(aws, bucket, body, headers)
    assert (status, b"<Code>BadDigest</Code>" in answer) == (400, True)
    assert refusal(s3.head_object, Bucket=bucket, Key="key") == (404, "404")


@pytest.mark.parametrize("size", [SMALL, BIG])
def test_chunks__of_http_are_put_together(aws: Aws, s3: Any, bucket: str, size: int) -> None:
    data = content(size)
    pieces = (data[at : at + 100_000] for at in range(0, size, 100_000))
    assert put(aws, bucket, pieces, {"Transfer-Encoding": "chunked"})[0] == 200
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == data


@pytest.mark.parametrize("size", [SMALL, BIG])
def test_chunks__that_are_fewer_than_announced_are_refused(
    aws: Aws, s3: Any, bucket: str, size: int
) -> None:
    headers = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": str(size + 1),
    }
    body = aws_chunked(content(size), "", "")
    for sent in (body, body[: size // 2], b"no chunk"):
        status, answer = put(aws, bucket, sent, headers)
        assert (status, b"<Code>IncompleteBody</Code>" in answer) == (400, True)
    assert refusal(s3.head_object, Bucket=bucket, Key="key") == (404, "404")


@pytest.mark.parametrize("size", [SMALL, BIG])
def test_body__that_breaks_off_is_not_kept(aws: Aws, s3: Any, bucket: str, size: int) -> None:
    place = urllib.parse.urlsplit(aws.endpoint)
    with socket.create_connection((place.hostname or "", place.port or 0)) as connection:
        head = f"PUT /{bucket}/key HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: {size}\r\n"
        signed = "AWS4-HMAC-SHA256 Credential=root/20260101/us-east-1/s3/aws4_request"
        connection.sendall(f"{head}Authorization: {signed}\r\n\r\n".encode())
        connection.sendall(content(size)[:-1])
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"<Code>IncompleteBody</Code>" in answer
    assert refusal(s3.head_object, Bucket=bucket, Key="key") == (404, "404")


@pytest.mark.parametrize("size", [0, SMALL, BIG])
@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("ContentMD5", base64.b64encode(b"0" * 16).decode(), "BadDigest"),
        ("ContentMD5", "no sum", "InvalidDigest"),
        ("ContentMD5", base64.b64encode(b"0" * 15).decode(), "InvalidDigest"),
        ("ChecksumCRC32", "AAAAAQ==", "BadDigest"),
        ("ChecksumSHA1", base64.b64encode(b"0" * 20).decode(), "BadDigest"),
        ("ChecksumSHA256", base64.b64encode(b"0" * 32).decode(), "BadDigest"),
    ],
)
def test_body__that_is_not_what_was_summed_is_refused(
    s3: Any, bucket: str, size: int, name: str, value: str, code: str
) -> None:
    where = {"Bucket": bucket, "Key": "key"}
    given = {**where, "Body": content(size), name: value}
    assert refusal(s3.put_object, **given) == (400, code)
    upload_id = s3.create_multipart_upload(**where)["UploadId"]
    assert refusal(s3.upload_part, **given, UploadId=upload_id, PartNumber=1) == (400, code)
    assert refusal(s3.head_object, **where) == (404, "404")


def test_copy__with_the_sum_of_its_source_is_made(aws: Aws, s3: Any, bucket: str) -> None:
    # S3A hands on what it knows of the source; its own body is empty.
    s3.put_object(Bucket=bucket, Key="source", Body=b"abc")
    given = {"Content-MD5": base64.b64encode(hashlib.md5(b"abc").digest()).decode()}
    status, _ = put(aws, bucket, b"", {**given, "x-amz-copy-source": f"/{bucket}/source"})
    assert status == 200
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"abc"


@pytest.mark.parametrize("size", [0, SMALL, BIG])
def test_body__that_is_what_was_summed_is_kept(s3: Any, bucket: str, size: int) -> None:
    data = content(size)
    for sums in (
        {"ContentMD5": base64.b64encode(hashlib.md5(data).digest()).decode()},
        {"ChecksumCRC32": crc32(data)},
        {"ChecksumSHA1": base64.b64encode(hashlib.sha1(data).digest()).decode()},
        {"ChecksumSHA256": base64.b64encode(hashlib.sha256(data).digest()).decode()},
    ):
        s3.put_object(Bucket=bucket, Key="key", Body=data, **sums)
    assert s3.head_object(Bucket=bucket, Key="key")["ContentLength"] == size
