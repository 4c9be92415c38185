"""Bodies of requests: read to their end before they are served, and to disk when they are large."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO, Any

from werkzeug.serving import DechunkedInput
from werkzeug.wsgi import LimitedStream

from local.errors import AwsError
from local.s3.blobs import BLOCK, LARGE, Blob, BlobReader, keep


def receive(environ: dict[str, Any]) -> None:
    """Read the body of a request, and leave it where the application looks for it.

    Only S3 knows the method PUT; its bodies may be large, and come in chunks with a signature or a
    checksum at the end (``aws-chunked``), which are taken off here. Source:
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html

    Raises
    ------
    AwsError
        ``IncompleteBody`` when the client has sent less than it said.
    """
    sent = environ["wsgi.input"]
    length = None if isinstance(sent, DechunkedInput) else int(environ.get("CONTENT_LENGTH") or 0)
    stream: Any = sent if length is None else _Announced(sent, length)
    small = length is not None and length <= LARGE
    chunked = environ.get("HTTP_X_AMZ_CONTENT_SHA256", "").startswith("STREAMING-")
    if environ["REQUEST_METHOD"] != "PUT" or (small and not chunked):
        environ["wsgi.input"] = io.BytesIO(stream.read())
        return
    buffered = io.BufferedReader(stream, BLOCK)
    try:
        content = keep(_chunks(buffered, environ) if chunked else _rest(buffered))
    except ValueError as error:
        raise _incomplete() from error
    if chunked and environ.get("HTTP_X_AMZ_DECODED_CONTENT_LENGTH") != str(len(content)):
        raise _incomplete()
    as_file = BlobReader(content) if isinstance(content, Blob) else io.BytesIO(content)
    environ.update({"wsgi.input": as_file, "CONTENT_LENGTH": str(len(content))})


class _Announced(LimitedStream):
    """A body of a length that was announced."""

    def on_disconnect(self, error: Exception | None = None) -> None:
        """Refuse what is shorter: S3 does not keep it."""
        raise _incomplete() from error


def _incomplete() -> AwsError:
    return AwsError(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header.",
    )


def _rest(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(BLOCK):
        yield block


def _chunks(stream: IO[bytes], environ: dict[str, Any]) -> Iterator[bytes]:
    while left := int(stream.readline().split(b";")[0], 16):
        while left:
            block = stream.read(min(BLOCK, left))
            if not block:
                raise _incomplete()
            left -= len(block)
            yield block
        stream.readline()
    for line in stream.read().decode().splitlines():
        name, _, value = line.partition(":")
        if name.startswith("x-amz-checksum-"):
            environ["HTTP_" + name.upper().replace("-", "_")] = value.strip()
    environ["HTTP_X_AMZ_CONTENT_SHA256"] = "UNSIGNED-PAYLOAD"
