"""Tasks that wait for a token to come back (``.waitForTaskToken``), and the calls that bring it.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from local.errors import AwsError
from local.iam import task_tokens
from local.operations import operation
from local.states import interpreter as asl
from local.states.execution import find, payload_too_long, too_long
from local.states.limits import PAYLOAD_BYTES
from local.states.waits import pause, wake
from local.symbols import replace


@dataclass(slots=True)
class _Callback:
    """An attempt of a task that waits; each attempt has a token of its own."""

    env: Any
    beat: float = field(default_factory=time.monotonic)
    done: bool = False
    output: Any = None
    failure: tuple[str | None, str | None] | None = None


_lock = threading.Lock()
_open: dict[str, _Callback] = {}


def waits_for_token(task: Any) -> bool:
    """Return whether a task is one of this kind."""
    return bool(task.resource.condition == asl.ResourceCondition.WaitForTaskToken)


# The parameters have the names of the method that this replaces.
def _eval_execution(self: Any, env: Any) -> None:
    """Make an attempt of a task; the token is known before the message with it is sent."""
    if not waits_for_token(self):
        _original_execution(self, env)
        return
    context = env.states.context_object.context_object_data
    token = task_tokens.issue(context["StateMachine"]["Id"], context["Execution"]["Id"])
    context["Task"]["Token"] = token
    with _lock:
        _open[token] = _Callback(env)
    try:
        _original_execution(self, env)
    finally:
        with _lock:
            del _open[token]


def wait(task: Any, env: Any) -> Any:
    """Wait until the token of this attempt comes back, and return the output that came with it.

    Returns
    -------
    object
        JSON; None when a time-out or a stop has ended the attempt, which nobody reads.

    Raises
    ------
    FailureEventException
        With the error and the cause of SendTaskFailure.
    """
    token = env.states.context_object.context_object_data["Task"]["Token"]
    with _lock:
        callback = _open[token]
    callback.beat = time.monotonic()
    seconds = None
    if task.heartbeat:
        task.heartbeat.eval(env=env)
        seconds = env.stack.pop()
    while env.is_running() and not callback.done:
        left = float("inf") if seconds is None else callback.beat + seconds - time.monotonic()
        if left <= 0:
            raise asl.HeartbeatTimeout
        pause(env, left)
    if callback.failure is not None:
        raise asl.FailureEventException(asl.task_failure(task, env, *callback.failure))
    return callback.output


def _waiting(token: object) -> _Callback:
    """Return the attempt that waits for a token; call with the lock."""
    said = task_tokens.read(token)
    if said is None:
        raise AwsError("InvalidToken", "Invalid Token: 'Invalid token'")
    callback = _open.get(str(token))
    if callback is None or callback.done or not callback.env.is_running():
        try:
            find(said.execution_arn)
        except AwsError:  # its state machine has been deleted
            text = "Task Does Not Exist: 'Provided task does not exist'"
            raise AwsError("TaskDoesNotExist", text) from None
        raise AwsError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
    return callback


@operation("AWSStepFunctions.SendTaskSuccess")
def send_task_success(request: dict[str, Any]) -> dict[str, Any]:
    """Let the task that waits for a token succeed."""
    text = request["output"]
    if payload_too_long(text):
        raise AwsError("ValidationException", too_long("output", PAYLOAD_BYTES))
    with _lock:
        callback = _waiting(request["taskToken"])
        try:
            callback.output = json.loads(text)
        except ValueError as error:
            raise AwsError("InvalidOutput", f"Invalid Output: '{error}'") from error
        callback.done = True
    wake(callback.env)
    return {}


@operation("AWSStepFunctions.SendTaskFailure")
def send_task_failure(request: dict[str, Any]) -> dict[str, Any]:
    """Let the task that waits for a token fail, with an error and a cause that its Catch sees."""
    for name, most in (("error", 256), ("cause", 32_768)):
        if len(request.get(name) or "") > most:
            raise AwsError("ValidationException", too_long(name, most))
    with _lock:
        callback = _waiting(request["taskToken"])
        callback.failure = (request.get("error"), request.get("cause"))
        callback.done = True
    wake(callback.env)
    return {}


@operation("AWSStepFunctions.SendTaskHeartbeat")
def send_task_heartbeat(request: dict[str, Any]) -> dict[str, Any]:
    """Tell that the task that waits for a token is being worked on."""
    with _lock:
        _waiting(request["taskToken"]).beat = time.monotonic()
    return {}


_original_execution: Any = None


def install() -> None:
    """Put these functions into the interpreter."""
    global _original_execution  # noqa: PLW0603 - set once, at start
    _original_execution = replace(
        f"{asl.SERVICE}state_task_service:StateTaskService._eval_execution", _eval_execution
    )
