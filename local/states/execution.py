"""Executions: names, limits, logs, events, stopping, and what Describe and History tell."""

from __future__ import annotations

import json
import re
import threading
import uuid
from datetime import UTC, datetime
from typing import Any

from local import events, lifecycle, logs
from local.backends import backend
from local.errors import AwsError
from local.gateway import operation
from local.states import interpreter as asl
from local.states.tasks import milliseconds
from local.symbols import replace

PAYLOAD_BYTES = 256 * 1024
_BAD_NAME = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")
_lock = threading.RLock()


def check_name(name: str) -> None:
    """Refuse a name that Step Functions refuses."""
    if not 1 <= len(name) <= 80 or _BAD_NAME.search(name):
        raise AwsError("InvalidName", f"Invalid Name: '{name}'")


def find(arn: str) -> Any:
    """Return moto's execution with this ARN."""
    for machine in backend("stepfunctions").state_machines:
        for execution in machine.executions:
            if execution.exec_arn == arn:
                return execution
    raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


# The parameters have the names of the method that this replaces.
def _start_execution(
    self: Any,
    state_machine_arn: str,
    name: str | None = None,
    execution_input: str | None = None,
    trace_header: str | None = None,
) -> Any:
    text = "{}" if execution_input is None else execution_input
    if len(text.encode()) > PAYLOAD_BYTES:
        raise AwsError(
            "ValidationException",
            "1 validation error detected: Value at 'input' failed to satisfy constraint: Member "
            f"must have length less than or equal to {PAYLOAD_BYTES}",
        )
    if name is not None:
        check_name(name)
    try:
        json.loads(text)
    except ValueError as error:
        raise AwsError(
            "InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'"
        ) from error
    # Locked, or of two starts with one name both would find it free.
    with _lock:
        return _original_start(
            self, state_machine_arn, name or str(uuid.uuid4()), text, trace_header
        )


class LogSession:
    """Writes the events of one execution to the machine's log group, as they happen."""

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
        logs.put_logs(self._group, self._stream, [json.dumps(line, default=str)])


def _log_session(execution: Any) -> LogSession | None:
    settings = execution.state_machine.loggingConfiguration or {}
    if settings.get("level", "OFF") == "OFF" or not settings.get("destinations"):
        return None
    arn = settings["destinations"][0]["cloudWatchLogsLogGroup"]["logGroupArn"]
    return LogSession(execution, arn.split(":")[6], settings)


def _start(self: Any) -> None:
    self._cloud_watch_logging_session = _log_session(self)
    _tell(self, "RUNNING")
    _original_execution_start(self)


def _terminated(self: Any) -> None:
    _original_terminated(self)
    execution = self.execution
    stopped = getattr(execution, "local_stop", None)
    if stopped is not None:
        execution.error, execution.cause = stopped
    _tell(execution, execution.exec_status.value)


def _tell(execution: Any, status: str) -> None:
    """Emit the status change event of an execution."""
    detail = {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine.arn,
        "name": execution.name,
        "status": status,
        "startDate": milliseconds(execution.start_date),
        "stopDate": milliseconds(execution.stop_date) if execution.stop_date else None,
        "input": execution.execution_input,
        "output": json.dumps(execution.output) if status == "SUCCEEDED" else None,
        "inputDetails": {"included": True},
        "outputDetails": {"included": True} if status == "SUCCEEDED" else None,
        "error": execution.error,
        "cause": execution.cause,
    }
    kind = "Step Functions Execution Status Change"
    lifecycle.in_background(events.emit, "aws.states", kind, detail, [execution.exec_arn])


# The parameters have the names of the method that this replaces.
def _eval_program(self: Any, env: Any) -> None:
    """Run a program; after its time-out wait until its threads have written their last event."""
    timeout = self.timeout_seconds.timeout_seconds if self.timeout_seconds else None
    env.next_state_name = self.start_at.start_at_name
    worker = threading.Thread(target=asl.EvalComponent.eval, args=(self, env), daemon=True)
    worker.start()
    worker.join(timeout=timeout)
    if worker.is_alive():
        env.set_timed_out()
        worker.join(timeout=10)


def _eval_retrier(self: Any, env: Any) -> None:
    """Wait for the next attempt, but no longer than the execution runs."""
    self.error_equals.eval(env)
    if not env.stack.pop():
        env.stack.append(asl.RetrierOutcome.Skipped)
        return
    self.max_attempts.eval(env=env)
    if env.stack.pop() == asl.MaxAttemptsOutcome.EXHAUSTED:
        env.stack.append(asl.RetrierOutcome.Failed)
        return
    for part in (self.interval_seconds, self.backoff_rate, self.max_delay_seconds):
        part.eval(env=env)
    self.jitter_strategy.eval(env=env)
    until = datetime.now(UTC).timestamp() + env.stack.pop()
    while env.is_running() and (left := until - datetime.now(UTC).timestamp()) > 0:
        env.program_state_event.wait(min(left, 1.0))
    env.stack.append(asl.RetrierOutcome.Executed)


@operation("AWSStepFunctions.StopExecution")
def stop_execution(request: dict[str, Any]) -> dict[str, Any]:
    """Stop an execution, with the error and cause that the caller gives."""
    execution = find(request["executionArn"])
    now = datetime.now(UTC)
    with _lock:
        running = execution.exec_status.value == "RUNNING"
        if running:
            error, cause = request.get("error"), request.get("cause")
            execution.local_stop = (error, cause)
            execution.stop(stop_date=now, error=error, cause=cause)
    return {"stopDate": now if running else execution.stop_date}


@operation("AWSStepFunctions.DescribeExecution")
def describe_execution(request: dict[str, Any]) -> dict[str, Any]:
    """Describe an execution; moto leaves out the end of one that timed out."""
    execution = find(request["executionArn"])
    status = execution.exec_status.value
    answer = {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine.arn,
        "name": execution.name,
        "status": status,
        "startDate": execution.start_date,
        "stopDate": execution.stop_date if status != "RUNNING" else None,
        "input": execution.execution_input,
        "inputDetails": {"included": True},
        "output": json.dumps(execution.output, separators=(",", ":"))
        if status == "SUCCEEDED"
        else None,
        "outputDetails": {"included": True} if status == "SUCCEEDED" else None,
        "error": execution.error,
        "cause": execution.cause,
        "redriveCount": 0,
        "redriveStatus": "NOT_REDRIVABLE",
    }
    return {key: value for key, value in answer.items() if value is not None}


@operation("AWSStepFunctions.GetExecutionHistory")
def get_execution_history(request: dict[str, Any]) -> dict[str, Any]:
    """Return the events of an execution, a page at a time."""
    events_ = find(request["executionArn"]).to_history_output()["events"]
    if request.get("reverseOrder"):
        events_ = list(reversed(events_))
    start, size = int(request.get("nextToken") or 0), int(request.get("maxResults") or 100)
    page = [_history_event(event) for event in events_[start : start + min(size, 1000)]]
    answer: dict[str, Any] = {"events": page}
    if start + len(page) < len(events_):
        answer["nextToken"] = str(start + len(page))
    return answer


def _history_event(event: dict[str, Any]) -> dict[str, Any]:
    time = datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00"))
    details = {key: value for key, value in event.items() if key.endswith("EventDetails")}
    return {
        "timestamp": time,
        "type": event["type"].value,
        "id": event["id"],
        "previousEventId": event["previousEventId"],
        **json.loads(json.dumps(details, default=str)),
    }


_original_start: Any = None
_original_execution_start: Any = None
_original_terminated: Any = None


def install() -> None:
    """Put these functions into the interpreter."""
    global _original_start, _original_execution_start, _original_terminated  # noqa: PLW0603
    execution = f"{asl.BACKEND}execution"
    _original_start = replace(
        f"{asl.MODELS}:StepFunctionsParserBackend.start_execution", _start_execution
    )
    _original_execution_start = replace(f"{execution}:Execution.start", _start)
    _original_terminated = replace(
        f"{execution}:BaseExecutionWorkerCommunication.terminated", _terminated
    )
    replace(f"{asl.ASL}component.program.program:Program.eval", _eval_program)
    replace(f"{asl.COMMON}retry.retrier_decl:RetrierDecl._eval_body", _eval_retrier)
