"""The API calls about executions: start, stop, describe, list, history."""

from __future__ import annotations

import base64
import json
import re
import threading
import uuid
from datetime import UTC, datetime
from typing import Any

from local.backends import backend
from local.errors import AwsError
from local.iam.actions import arn
from local.operations import before, operation
from local.states import running
from local.states.limits import PAYLOAD_BYTES

_BAD_NAME = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")
_STATUSES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE")
_lock = threading.RLock()


def check_name(name: str) -> None:
    """Refuse a name that Step Functions refuses."""
    if not 1 <= len(name) <= 80 or _BAD_NAME.search(name):
        raise AwsError("InvalidName", f"Invalid Name: '{name}'")


def too_long(member: str, most: int) -> str:
    """Return AWS's words for a text that is too long."""
    return (
        f"1 validation error detected: Value at '{member}' failed to satisfy constraint: Member "
        f"must have length less than or equal to {most}"
    )


def payload_too_long(text: str) -> bool:
    """Return whether an input or an output is over 256 KiB."""
    return len(text.encode()) > PAYLOAD_BYTES


def find(execution_arn: str) -> Any:
    """Return moto's execution with this ARN."""
    name = execution_arn.split(":")[6:7]
    for machine in backend("stepfunctions").state_machines:
        if [machine.name] == name:
            for execution in machine.executions:
                if execution.exec_arn == execution_arn:
                    return execution
    raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{execution_arn}'")


def _machine(machine_arn: str) -> tuple[Any, Any]:
    """Return what an ARN of a state machine or version names, and the machine that has it."""
    machines = backend("stepfunctions")
    named = machines.describe_state_machine(machine_arn)
    return named, machines.describe_state_machine(":".join(machine_arn.split(":")[:7]))


@operation("AWSStepFunctions.StartExecution")
def start_execution(request: dict[str, Any]) -> dict[str, Any]:
    """Start an execution, or name the one that runs under this name with this input.

    Names of Express executions are not kept: the same one starts as often as it is given.
    """
    text = request.get("input", "{}")
    if payload_too_long(text):
        raise AwsError("ValidationException", too_long("input", PAYLOAD_BYTES))
    if "name" in request:
        check_name(request["name"])
    name = request.get("name") or str(uuid.uuid4())
    try:
        json.loads(text)
    except ValueError as error:
        words = f"Invalid State Machine Execution Input: '{error}'"
        raise AwsError("InvalidExecutionInput", words) from error
    machine, owner = _machine(request["stateMachineArn"])
    if running.is_express(machine):
        own = arn("states", f"express:{machine.name}:{name}:{uuid.uuid4()}")
        return _started(running.start(machine, name, own, text))
    own = arn("states", f"execution:{machine.name}:{name}")
    with _lock:  # or of two starts with one name both would find it free
        known = next((one for one in owner.executions if one.name == name), None)
        if known is None:
            known = running.start(machine, name, own, text)
            owner.executions.append(known)
        elif known.execution_input != text or known.exec_status.value != "RUNNING":
            raise AwsError("ExecutionAlreadyExists", f"Execution Already Exists: '{own}'")
    return _started(known)


def _started(execution: Any) -> dict[str, Any]:
    return {"executionArn": execution.exec_arn, "startDate": execution.start_date}


@before(
    "AWSStepFunctions.DescribeExecution",
    "AWSStepFunctions.DescribeStateMachineForExecution",
    "AWSStepFunctions.GetExecutionHistory",
    "AWSStepFunctions.StopExecution",
)
def refuse_express(request: dict[str, Any]) -> None:
    """Refuse the ARN of an Express execution: AWS keeps none, what they did is in their log."""
    if request["executionArn"].split(":")[5:6] == ["express"]:
        text = "Invalid Arn: 'Resource type not valid in this context: express'"
        raise AwsError("InvalidArn", text)


@operation("AWSStepFunctions.StopExecution")
def stop_execution(request: dict[str, Any]) -> dict[str, Any]:
    """Stop an execution, with the error and cause that the caller gives."""
    execution = find(request["executionArn"])
    now = datetime.now(UTC)
    if execution.exec_status.value == "RUNNING":
        execution.stop(stop_date=now, error=request.get("error"), cause=request.get("cause"))
        return {"stopDate": now}
    return {"stopDate": execution.stop_date}


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


@operation("AWSStepFunctions.ListExecutions")
def list_executions(request: dict[str, Any]) -> dict[str, Any]:
    """List the executions of a state machine, the newest first, a page at a time."""
    if "stateMachineArn" not in request:
        raise AwsError("ValidationException", "the local AWS lists executions by stateMachineArn")
    _, owner = _machine(request["stateMachineArn"])
    if running.is_express(owner):
        text = "This operation is not supported by this type of state machine"
        raise AwsError("StateMachineTypeNotSupported", text)
    status, size = request.get("statusFilter"), int(request.get("maxResults") or 100)
    if status not in (None, *_STATUSES):
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value '{status}' at 'statusFilter' failed to satisfy "
            f"constraint: Member must satisfy enum value set: [{', '.join(_STATUSES)}]",
        )
    if not 0 < size <= 1000:
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy "
            "constraint: Member must have value less than or equal to 1000",
        )
    with _lock:
        everything = list(owner.executions)
    if request.get("redriveFilter") == "REDRIVEN":
        everything = []
    # The token counts from the oldest, so that what starts meanwhile moves no page.
    position = _position(request["nextToken"]) if request.get("nextToken") else len(everything)
    page: list[dict[str, Any]] = []
    while position > 0 and len(page) < size:
        position -= 1
        if status in (None, everything[position].exec_status.value):
            page.append(_listed(everything[position]))
    more = any(status in (None, one.exec_status.value) for one in everything[:position])
    token = base64.b64encode(f"executions:{position}".encode()).decode()
    return {"executions": page, **({"nextToken": token} if more else {})}


def _position(token: str) -> int:
    try:
        kind, _, number = base64.b64decode(token, validate=True).decode().partition(":")
        if kind == "executions":
            return int(number)
    except ValueError:
        pass
    raise AwsError("InvalidToken", "Invalid Token: 'Invalid token'")


def _listed(execution: Any) -> dict[str, Any]:
    status = execution.exec_status.value
    listed = {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine.arn,
        "name": execution.name,
        "status": status,
        "startDate": execution.start_date,
        "redriveCount": 0,
    }
    return listed if status == "RUNNING" else {**listed, "stopDate": execution.stop_date}


@operation("AWSStepFunctions.GetExecutionHistory")
def get_execution_history(request: dict[str, Any]) -> dict[str, Any]:
    """Return the events of an execution, a page at a time."""
    events = find(request["executionArn"]).to_history_output()["events"]
    if request.get("reverseOrder"):
        events = list(reversed(events))
    start, size = int(request.get("nextToken") or 0), int(request.get("maxResults") or 100)
    page = [_history_event(event) for event in events[start : start + min(size, 1000)]]
    answer: dict[str, Any] = {"events": page}
    if start + len(page) < len(events):
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
