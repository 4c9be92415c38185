"""Events of S3: objects that were created, in buckets that send their events to EventBridge.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import secrets
import string
import threading
import time
from typing import Any

from local.events.bus import emit
from local.settings import ACCOUNT
from local.symbols import replace

# What moto calls the ways to create an object, and what an event gives as its reason.
_REASONS = {
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Put": "PutObject",
}
_REQUEST_ID = string.ascii_uppercase + string.digits
_lock = threading.Lock()
_last = [0]


def _sequencer() -> str:
    """Return a hexadecimal number that is higher than all before."""
    with _lock:
        _last[0] = max(_last[0] + 1, time.time_ns())
        return f"{_last[0]:018X}"


# The parameters have the names of the function that this replaces.
def _object_created(account_id: str, bucket: Any, event_name: Any, key: Any) -> None:
    """Emit an event for a new object; moto calls this where the bucket sends its events."""
    del account_id
    reason = _REASONS.get(event_name.value)
    # moto puts the object of a multipart upload, and then tells of the upload as well.
    if reason is None or (reason == "PutObject" and key.multipart is not None):
        return
    described = {
        "key": key.name,
        "size": key.size,
        "etag": key.etag.strip('"'),
        "sequencer": _sequencer(),
    }
    if bucket.is_versioned:
        described["version-id"] = key.version_id
    detail = {
        "version": "0",
        "event-version": "1.0",
        "bucket": {"name": bucket.name},
        "object": described,
        "request-id": "".join(secrets.choice(_REQUEST_ID) for _ in range(16)),
        "requester": ACCOUNT,
        "source-ip-address": "127.0.0.1",
        "reason": reason,
    }
    emit("aws.s3", "Object Created", detail, [bucket.arn])


def install() -> None:
    """Replace moto's events, which have other fields and reach the rules of every bus."""
    replace("moto.s3.notifications:_send_event_bridge_message", _object_created)
