"""Answers on the wire: the shapes in which AWS services give results and errors."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from moto.core.exceptions import ServiceException
from werkzeug.exceptions import HTTPException

from local.errors import AwsError

StartResponse = Callable[..., Any]
Environ = dict[str, Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]


def _default(value: Any) -> Any:
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return round(moment.timestamp(), 3)
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} in an answer is not JSON: {value!r}")


def encode(body: object) -> bytes:
    """Return an answer of a JSON service; moments become seconds since 1970."""
    return json.dumps(body, default=_default).encode()


def as_aws_error(error: Exception) -> AwsError | None:
    """Return a moto or local error as an AwsError, or None for any other exception."""
    if isinstance(error, AwsError):
        return error
    if isinstance(error, ServiceException):
        return AwsError(error.code, error.message)
    if isinstance(error, HTTPException) and hasattr(error, "error_type"):
        status = error.code or 400
        return AwsError(str(error.error_type), str(getattr(error, "message", "")), status)
    return None


def send(
    start: StartResponse,
    status: int,
    data: bytes,
    content_type: str,
    headers: dict[str, str] | None = None,
) -> Iterable[bytes]:
    """Answer with bytes."""
    names = {
        "Content-Type": content_type,
        "Content-Length": str(len(data)),
        "x-amzn-RequestId": str(uuid.uuid4()),
        **(headers or {}),
    }
    start(f"{status} {'OK' if status == 200 else 'Error'}", list(names.items()))
    return [data]


def send_json(
    start: StartResponse, status: int, body: object, headers: dict[str, str] | None = None
) -> Iterable[bytes]:
    """Answer as the JSON services do."""
    return send(start, status, encode(body), "application/x-amz-json-1.1", headers)


def send_json_error(start: StartResponse, error: AwsError) -> Iterable[bytes]:
    """Answer with an error as the JSON services word it."""
    code, status = error.code, error.status
    if code == "AccessDenied":
        code, status = "AccessDeniedException", 400
    elif code == "InvalidClientTokenId":
        code, status = "UnrecognizedClientException", 400
    body = {"__type": code, "message": error.message, "Message": error.message}
    return send_json(start, status, body, {"x-amzn-ErrorType": code})


def send_xml_error(
    start: StartResponse, service: str, error: AwsError, *, head: bool = False
) -> Iterable[bytes]:
    """Answer with an error as S3 or a query service words it; a HEAD request gets no body."""
    names = {
        ("s3", "InvalidClientTokenId"): "InvalidAccessKeyId",
        ("sns", "AccessDenied"): "AuthorizationError",
    }
    code = names.get((service, error.code), error.code)
    detail = f"<Code>{escape(code)}</Code><Message>{escape(error.message)}</Message>"
    request_id = f"<RequestId>{uuid.uuid4()}</RequestId>"
    if service == "s3":
        xml = f"<Error>{detail}{request_id}</Error>"
    else:
        xml = f"<Error><Type>Sender</Type>{detail}</Error>{request_id}"
        xml = f"<ErrorResponse>{xml}</ErrorResponse>"
    return send(start, error.status, b"" if head else xml.encode(), "application/xml")
