"""S3: answers of moto that the AWS provider of Terraform would read as drift."""

from __future__ import annotations

import re
from typing import Any

from local.backends import backend
from local.operations import after_xml
from local.s3 import events, large_objects, versions
from local.symbols import replace, resolve

_PERMISSIONS = "moto.iam.access_control:PermissionResult"
_EVENT_BRIDGE = b"<EventBridgeConfiguration></EventBridgeConfiguration>"
_OPENING = re.compile(rb"(<NotificationConfiguration[^>]*?)(/?)>")


@after_xml("s3:GetBucketNotificationConfiguration")
def show_event_bridge(request: dict[str, Any], body: bytes) -> bytes:
    """Put the bucket's EventBridge setting, which moto keeps but does not tell, in the answer."""
    found = backend("s3").get_bucket_notification_configuration(request["Bucket"])
    if found is None or found.event_bridge is None or b"EventBridgeConfiguration" in body:
        return body

    def put(match: re.Match[bytes]) -> bytes:
        closing = b"</NotificationConfiguration>" if match[2] else b""
        return match[1] + b">" + _EVENT_BRIDGE + closing

    return _OPENING.sub(put, body, count=1)


def _permitted(self: Any, action: str, resource: str) -> Any:
    """Let everything through: the gateway has evaluated the bucket's policy, conditions too."""
    del self, action, resource
    return resolve(f"{_PERMISSIONS}.PERMITTED")


def install() -> None:
    """Switch off moto's own evaluation of bucket policies, which ignores conditions."""
    resolve(f"{_PERMISSIONS}.PERMITTED")
    replace("moto.s3.models:FakeBucket.get_permission", _permitted)
    large_objects.install()
    versions.install()
    events.install()
