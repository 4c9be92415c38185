"""What tests put into objects, and what comes back."""

from __future__ import annotations

import base64
import hashlib
import random
import zlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.s3.blobs import LARGE

MB = 1024 * 1024
SMALL, BIG = LARGE // 2, 3 * LARGE + 12_345  # bytes of objects in memory, and on disk
PART = 5 * MB  # the least that a part may have, but for the last


def content(size: int, seed: int = 1) -> bytes:
    """Return bytes that look like no others."""
    return random.Random(seed).randbytes(size)


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def crc32(data: bytes) -> str:
    """Return the checksum as S3 writes it."""
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def refusal(call: Any, **arguments: Any) -> tuple[int, str]:
    """Return status and code of the error that a call has to end with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response: Any = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]
