"""Log streams that a Glue job or crawler writes with the permissions of its own role."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from local.iam.clients import client

_EVENTS_PER_CALL = 1000
_BYTES_PER_CALL = 900_000
_BYTES_PER_EVENT = 200_000


class RoleLogStream:
    """A stream of CloudWatch Logs; making it takes the role's permission to do so.

    Parameters
    ----------
    key_arn
        Key that the group gets, which takes a permission of its own.

    Raises
    ------
    botocore.exceptions.ClientError
        When the role may not make the group or the stream, or give the group the key.
    """

    def __init__(
        self,
        client_arguments: tuple[str, str, str],
        group: str,
        stream: str,
        key_arn: str | None = None,
    ) -> None:
        role, session, service = client_arguments
        self._logs: Any = client("logs", role, session, service)
        self._place = {"logGroupName": group, "logStreamName": stream}
        # The group is there after the first run, a crawler's stream after its first crawl.
        _make(self._logs.create_log_group, logGroupName=group)
        if key_arn:
            self._logs.associate_kms_key(logGroupName=group, kmsKeyId=key_arn)
        _make(self._logs.create_log_stream, **self._place)

    def write(self, lines: list[str]) -> None:
        """Append lines; empty ones are left out, which the API does not accept."""
        events: list[dict[str, Any]] = []
        size = 0
        for line in filter(str.strip, lines):
            message = line.encode()[:_BYTES_PER_EVENT].decode(errors="ignore")
            length = len(message.encode()) + 26
            if events and (len(events) == _EVENTS_PER_CALL or size + length > _BYTES_PER_CALL):
                self._put(events)
                events, size = [], 0
            events.append({"timestamp": int(time.time() * 1000), "message": message})
            size += length
        if events:
            self._put(events)

    def _put(self, events: list[dict[str, Any]]) -> None:
        self._logs.put_log_events(**self._place, logEvents=events)


def _make(create: Callable[..., object], **place: str) -> None:
    try:
        create(**place)
    except ClientError as error:
        # By its code: two threads that use one client at once may get two classes of one name.
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
