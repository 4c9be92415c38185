"""Writing to CloudWatch Logs as an AWS service does."""

from __future__ import annotations

import threading
import time

from local.backends import backend

_lock = threading.Lock()
_MESSAGE_BYTES = 256 * 1024 - 26


def put_logs(group: str, stream: str, lines: list[str]) -> None:
    """Append lines to a log stream, making the group and the stream where they are missing.

    Empty lines are left out and lines over the limit of CloudWatch Logs are cut, as the log
    agent does: the API accepts neither.
    """
    logs = backend("logs")
    with _lock:
        if group not in logs.groups:
            logs.create_log_group(group, {})
        if stream not in logs.groups[group].streams:
            logs.create_log_stream(group, stream)
        now = int(time.time() * 1000)
        events = [
            {"timestamp": now, "message": line[:_MESSAGE_BYTES]} for line in lines if line.strip()
        ]
        if events:
            logs.put_log_events(group, stream, events)
