"""What must hold whichever of two threads comes first, brought about one step at a time."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from local.errors import AwsError
from local.iam import task_tokens
from local.states import callbacks, running
from tests.local.states.test_jsonata import PASS, states

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:m"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:m:e"


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    """A token that is waited for."""
    issued = task_tokens.issue(MACHINE, EXECUTION)
    env = SimpleNamespace(program_state_event=threading.Event(), is_running=lambda: True)
    monkeypatch.setitem(callbacks._open, issued, callbacks._Callback(env))
    monkeypatch.setattr(callbacks, "find", lambda arn: arn)
    return issued


def test_second_answer__before_the_task_has_gone_on_is_refused(token: str) -> None:
    callbacks.send_task_success({"taskToken": token, "output": "1"})
    for send in (callbacks.send_task_success, callbacks.send_task_failure):
        with pytest.raises(AwsError) as refused:
            send({"taskToken": token, "output": "2"})
        assert refused.value.code == "TaskTimedOut"
    assert (callbacks._open[token].output, callbacks._open[token].failure) == (1, None)


def test_answer__after_the_time_out_but_before_the_task_has_gone_on_is_refused(token: str) -> None:
    callbacks._open[token].env.is_running = lambda: False
    with pytest.raises(AwsError) as refused:
        callbacks.send_task_success({"taskToken": token, "output": "1"})
    assert refused.value.code == "TaskTimedOut"
    assert not callbacks._open[token].done


def test_stop__before_the_execution_has_its_thread_aborts(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[Callable[[], None]] = []

    def thread(target: Callable[[], None], **_: Any) -> Any:
        return SimpleNamespace(start=lambda: threads.append(target))

    definition = json.dumps({"QueryLanguage": "JSONata", **states(A=PASS)})
    machine = SimpleNamespace(
        arn=MACHINE,
        name="m",
        type="STANDARD",
        sm_type="STANDARD",
        roleArn="arn:aws:iam::123456789012:role/r",
        definition=definition,
        loggingConfiguration=None,
    )
    with monkeypatch.context() as patched:
        patched.setattr(running, "threading", SimpleNamespace(Thread=thread))
        execution = running.start(machine, "e", EXECUTION, "{}")
    assert execution.exec_status.value == "RUNNING"
    execution.stop(stop_date=datetime.now(UTC), error="E", cause="c")
    program = type(running.parse(definition))
    monkeypatch.setattr(program, "eval", running._eval_program)
    communication = type(execution.exec_worker._execution_communication)
    monkeypatch.setattr(communication, "terminated", running._terminated)
    (run,) = threads
    run()
    assert (execution.exec_status.value, execution.error) == ("ABORTED", "E")
    history = execution.to_history_output()["events"]
    assert [event["type"].value for event in history] == ["ExecutionStarted", "ExecutionAborted"]
