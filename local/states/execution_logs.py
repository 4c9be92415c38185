"""The log group of a state machine: each event of an execution, as it happens."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

from local.logs.as_service import put_logs
from local.states import interpreter as asl
from local.states.tasks import milliseconds


class LogSession:
    """Writes the events of one execution, whatever its type, in a stream of their own."""

    def __init__(self, execution: Any, group: str, settings: dict[str, Any]) -> None:
        self.execution_arn = execution.exec_arn
        self.configuration = self
        self.include_execution_data = bool(settings.get("includeExecutionData"))
        self._level = asl.LogLevel(settings["level"])
        self._group = group
        started = execution.start_date.strftime("%Y-%m-%d-%H-%M")
        self._stream = f"states/{execution.state_machine.name}/{started}/{uuid.uuid4().hex[:8]}"

    def log_level_filter(self, history_event_type: Any) -> bool:
        """Return whether the level of the machine's logging takes this event."""
        taken: bool = asl.logs_event(self._level, history_event_type)
        return taken

    def publish_history_log(self, history_log: dict[str, Any]) -> None:
        """Write one event."""
        time = datetime.fromisoformat(history_log["event_timestamp"].replace("Z", "+00:00"))
        line = {
            "id": history_log["id"],
            "type": str(history_log["type"].value),
            "details": history_log.get("details", {}),
            "redrive_count": "0",
            "previous_event_id": history_log["previous_event_id"],
            "event_timestamp": str(milliseconds(time)),
            "execution_arn": self.execution_arn,
        }
        put_logs(self._group, self._stream, [json.dumps(line, default=str)])


def log_session(execution: Any) -> LogSession | None:
    """Return what logs an execution, or None when its state machine does not log."""
    settings = execution.state_machine.loggingConfiguration or {}
    if settings.get("level", "OFF") == "OFF" or not settings.get("destinations"):
        return None
    arn = settings["destinations"][0]["cloudWatchLogsLogGroup"]["logGroupArn"]
    return LogSession(execution, arn.split(":")[6], settings)
