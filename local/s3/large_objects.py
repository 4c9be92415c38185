"""Objects that are too large for memory: moto handles blobs where it would handle bytes."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

from moto.s3.exceptions import EntityTooSmall, InvalidPart, InvalidPartOrder, MalformedXML
from werkzeug.datastructures import ImmutableMultiDict

from local.s3.blobs import LARGE, Blob, BlobReader, blocks, clear
from local.s3.checksums import CONTENT, summed
from local.symbols import replace, resolve

_KEY = "moto.s3.models:FakeKey"
_MINIMUM = "moto.s3.models:S3_UPLOAD_PART_MIN_SIZE"

_value: Any = resolve(f"{_KEY}.value")
_etag: Any = resolve(f"{_KEY}.etag")
_setup_class: Any = resolve("moto.s3.responses:S3Response.setup_class")
_select: Any = resolve("moto.s3.models:S3Backend.select_object_content")
_small_checksum: Any = resolve("moto.s3.utils:compute_checksum")

_as_bytes = ContextVar("as_bytes", default=False)


def _get_value(self: Any) -> bytes | Blob:
    """Return a view of a large object, so that a range of it is read alone."""
    blob: Blob | None = self.__dict__.get("blob")
    if blob is None:
        return _value.fget(self)  # type: ignore[no-any-return]
    return bytes(blob) if _as_bytes.get() else blob


def _set_value(self: Any, value: bytes | Blob) -> None:
    if isinstance(value, Blob) or len(value) > LARGE:
        self.blob = value if isinstance(value, Blob) else Blob.join([value])
        self.contentsize = len(value)
    else:
        _value.fset(self, value)


def _get_etag(self: Any) -> str:
    if self._etag is None and "blob" in self.__dict__:
        self._etag = self.blob.md5
    return _etag.fget(self)  # type: ignore[no-any-return]


def _with_large_body(
    self: Any, request: Any, full_url: str | None = None, headers: Any = None
) -> None:
    """Hand moto the body of an object as a blob, which it would read to its end."""
    body = request.environ["wsgi.input"]
    if isinstance(body, BlobReader) and request.environ["local.operation"] in CONTENT:
        none: ImmutableMultiDict[str, str] = ImmutableMultiDict()
        given = {"data": body.blob, "form": none, "files": none, "stream": io.BytesIO()}
        request.__dict__.update(given)  # where werkzeug keeps what it has read
        algorithm = request.headers.get("x-amz-sdk-checksum-algorithm")
        named = f"HTTP_X_AMZ_CHECKSUM_{algorithm}".upper()
        if algorithm and named not in request.environ:  # moto would search the body for it
            request.environ[named] = _checksum(body.blob, algorithm).decode()
    _setup_class(self, request, full_url, headers)


def _checksum(body: bytes | Blob, algorithm: str, encode_base64: bool = True) -> bytes:
    if not isinstance(body, Blob):
        return _small_checksum(body, algorithm, encode_base64)  # type: ignore[no-any-return]
    found = summed(body, algorithm)
    return base64.b64encode(found) if encode_base64 else found


def _complete(self: Any, body: Iterable[tuple[int, str]]) -> tuple[Any, str, Any]:
    """Put the parts of an upload one after another, without reading what is on disk.

    Source of the refusals:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
    """
    parts: list[Any] = []
    last = 0
    for number, etag in body:
        part = self.parts.get(number)
        if part is None or part.etag.strip('"') != etag.strip('"'):
            raise InvalidPart
        if number <= last:
            raise InvalidPartOrder
        if parts and parts[-1].contentsize < resolve(_MINIMUM):
            raise EntityTooSmall
        parts.append(part)
        last = number
    if not parts:
        raise MalformedXML
    sums = b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)
    etag = f"{hashlib.md5(sums, usedforsecurity=False).hexdigest()}-{len(parts)}"
    values = [part.value for part in parts]
    large = sum(map(len, values)) > LARGE
    total = Blob.join(values) if large else b"".join(map(bytes, values))
    return total, etag, _checksum_of_parts(self.metadata, parts)


def _checksum_of_parts(metadata: Any, parts: list[Any]) -> tuple[str, str, int] | None:
    algorithm = metadata.get("x-amz-checksum-algorithm")
    if not algorithm:
        return None
    kind = metadata.get("x-amz-checksum-type")
    if not kind:
        kind = "FULL_OBJECT" if algorithm == "CRC64NVME" else "COMPOSITE"
    if kind == "COMPOSITE":
        content = (_checksum(part.value, algorithm, encode_base64=False) for part in parts)
        return kind, base64.b64encode(summed(content, algorithm)).decode(), len(parts)
    content = (block for part in parts for block in blocks(part.value))
    return kind, base64.b64encode(summed(content, algorithm)).decode(), 1


def _select_object_content(  # noqa: PLR0917 - moto's
    self: Any,
    bucket_name: str,
    key_name: str,
    select_query: str,
    input_details: dict[str, Any],
    output_details: dict[str, Any],
) -> Any:
    """Let moto have the bytes: its S3 Select wants all of them."""
    token = _as_bytes.set(True)
    try:
        return _select(self, bucket_name, key_name, select_query, input_details, output_details)
    finally:
        _as_bytes.reset(token)


def install() -> None:
    """Put the replacements in moto's place."""
    clear()
    replace(f"{_KEY}.value", property(_get_value, _set_value))
    replace(f"{_KEY}.etag", property(_get_etag))
    replace("moto.s3.models:FakeMultipart.complete", _complete)
    replace("moto.s3.models:S3Backend.select_object_content", _select_object_content)
    replace("moto.s3.responses:S3Response.setup_class", _with_large_body)
    for module in ("models", "responses"):
        replace(f"moto.s3.{module}:compute_checksum", _checksum)
