"""DeleteObjects, which S3 authorises key by key: those denied are errors in its answer."""

from __future__ import annotations

import io
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from local.iam import authorisation
from local.iam.actions_s3 import object_arn
from local.iam.principals import Principal
from local.settings import settings

Denied = list[tuple[str, str]]
_EMPTY = b'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></DeleteResult>'


def take_out_denied(principal: Principal, bucket: str, environ: dict[str, Any]) -> Denied:
    """Take the keys that the caller may not delete out of the request's body.

    Returns
    -------
    list
        (key, message) of those that were taken out.
    """
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    tree = ET.fromstring(body)  # noqa: S314 - from a client on this machine
    denied: Denied = []
    for entry in list(tree):
        if not entry.tag.endswith("Object"):
            continue
        parts = {part.tag.rsplit("}", 1)[-1]: part.text or "" for part in entry}
        action = "s3:DeleteObjectVersion" if parts.get("VersionId") else "s3:DeleteObject"
        message = authorisation.decide(principal, action, object_arn(bucket, parts["Key"]), {})
        if message and settings().iam_enforced:
            tree.remove(entry)
            denied.append((parts["Key"], message))
    if denied:
        namespace = tree.tag[1:].split("}")[0] if tree.tag.startswith("{") else None
        body = ET.tostring(tree, default_namespace=namespace)  # moto knows no prefixes
        environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input"] = io.BytesIO(body)
    return denied


def asks_nothing(environ: dict[str, Any]) -> bool:
    """Return whether no key is left in the request."""
    body = environ["wsgi.input"].read()
    environ["wsgi.input"] = io.BytesIO(body)
    return b"Key>" not in body


def put_errors(body: bytes, denied: Denied) -> bytes:
    """Put the keys that were denied into S3's answer."""
    errors = "".join(
        f"<Error><Key>{escape(key)}</Key><Code>AccessDenied</Code>"
        f"<Message>{escape(message)}</Message></Error>"
        for key, message in denied
    )
    return (body or _EMPTY).replace(b"</DeleteResult>", errors.encode() + b"</DeleteResult>")
