"""Sums of bodies: those that S3 tells, and those that a client sends to have its body checked.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterable
from typing import Any

from local.errors import AwsError
from local.s3.blobs import Blob, BlobReader, blocks

# What moto sums with, where the libraries of the others are not installed.
_CRC32 = ("CRC32", "CRC32C", "CRC64NVME")
_CHECKED = ("CRC32", "SHA1", "SHA256")
CONTENT = ("s3:PutObject", "s3:UploadPart")  # the operations whose body is content of an object


def summed(content: Iterable[bytes], algorithm: str) -> bytes:
    """Return the checksum of blocks, by the name that S3 gives its algorithm."""
    if algorithm in _CRC32:
        crc = 0
        for block in content:
            crc = zlib.crc32(block, crc)
        return crc.to_bytes(4, "big")
    digest = hashlib.new("sha1" if algorithm == "SHA1" else "sha256", usedforsecurity=False)
    for block in content:
        digest.update(block)
    return digest.digest()


def verify(environ: dict[str, Any]) -> None:
    """Refuse an object or a part whose body is not the one that its client has summed.

    With a copy, S3A sends the Content-MD5 of the source, which is no sum of the (empty) body.

    Raises
    ------
    AwsError
        ``BadDigest``, or ``InvalidDigest`` for what is no MD5 sum.
    """
    if environ["local.operation"] not in CONTENT:
        return
    stream = environ["wsgi.input"]
    content = stream.blob if isinstance(stream, BlobReader) else stream.getvalue()
    given = environ.get("HTTP_CONTENT_MD5")
    if given is not None:
        _verify_md5(given, content)
    for algorithm in _CHECKED:
        given = environ.get(f"HTTP_X_AMZ_CHECKSUM_{algorithm}")
        if given and given != base64.b64encode(summed(blocks(content), algorithm)).decode():
            raise AwsError(
                "BadDigest", f"The {algorithm} you specified did not match the calculated checksum."
            )


def _verify_md5(given: str, content: bytes | Blob) -> None:
    try:
        wanted = base64.b64decode(given, validate=True)
    except ValueError:
        wanted = b""
    if len(wanted) != 16:
        raise AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.")
    found = content.md5 if isinstance(content, Blob) else hashlib.md5(content).hexdigest()  # noqa: S324
    if found != wanted.hex():
        raise AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.")
