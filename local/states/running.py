"""Running executions: what starts one, how long it may run, and what it tells when it ends."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from local import endings, metrics
from local.bounded_threads import BoundedThreads
from local.events import bus
from local.settings import ACCOUNT, REGION
from local.states import interpreter as asl
from local.states.execution_logs import log_session
from local.states.limits import limit_history
from local.states.tasks import milliseconds
from local.symbols import replace, resolve

log = logging.getLogger(__name__)

# https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
EXPRESS_SECONDS = 300
# AWS runs thousands at once. Here they share few processors: more would only wait for each other.
_express = BoundedThreads(32, "express")
_parsing = threading.Lock()
# moto collects the threads of all executions, and never looks at them.
_finished_threads: list[Any] = resolve("moto.stepfunctions.parser.utils:TMP_THREADS")


def is_express(machine: Any) -> bool:
    """Return whether a state machine's type is EXPRESS."""
    return bool(machine.type == "EXPRESS")


def time_limit(*, express: bool, declared: int | None) -> int | None:
    """Return the seconds after which an execution times out, or None."""
    if not express:
        return declared
    return EXPRESS_SECONDS if declared is None else min(declared, EXPRESS_SECONDS)


@lru_cache(maxsize=256)
def _parsed(definition: str) -> Any:
    return asl.Parser.parse(definition)[0]


def parse(definition: str) -> Any:
    """Return the program of a definition.

    Executions share it: what it needs while it runs is kept in the environment of the execution.
    """
    with _parsing:
        return _parsed(definition)


def start(machine: Any, name: str, arn: str, text: str) -> Any:
    """Start an execution and return it, RUNNING."""
    execution = asl.Execution(
        name=name,
        sm_type=machine.type,
        role_arn=machine.roleArn,
        exec_arn=arn,
        account_id=ACCOUNT,
        region_name=REGION,
        state_machine=machine,
        start_date=datetime.now(UTC),
        cloud_watch_logging_session=None,
        activity_store={},
        input_data=text,
    )
    execution._cloud_watch_logging_session = log_session(execution)
    worker = execution._get_start_execution_worker()
    program, env = parse(machine.definition), worker._get_evaluation_environment()
    # Made now and not in the thread, or an execution could not be stopped before that runs.
    worker._get_evaluation_entrypoint = lambda: program
    worker._get_evaluation_environment = lambda: env
    env.next_state_name = program.start_at.start_at_name
    env.execution_type = machine.type
    worker.env, execution.exec_worker = env, worker
    execution.exec_status = asl.ExecutionStatus.RUNNING
    metrics.put("AWS/States", "ExecutionsStarted", 1, {"StateMachineArn": machine.arn})
    if is_express(machine):
        _express.submit(worker._execution_logic)
    else:
        limit_history(env)
        _tell(execution)
        threading.Thread(target=worker._execution_logic, name="standard", daemon=True).start()
    return execution


_ENDS = {"SUCCEEDED": "Succeeded", "FAILED": "Failed", "TIMED_OUT": "TimedOut"}


def _terminated(self: Any) -> None:
    """Keep how an execution ended; its status last, for that is what others wait for."""
    execution = self.execution
    env = execution.exec_worker.env
    state = env.program_state()
    status = asl.ExecutionStatus.FAILED
    if isinstance(state, asl.ProgramEnded):
        status = asl.ExecutionStatus.SUCCEEDED
        execution.output = env.states.get_input()
    elif isinstance(state, asl.ProgramStopped):
        status = asl.ExecutionStatus.ABORTED
        execution.error, execution.cause = state.error, state.cause
    elif isinstance(state, asl.ProgramTimedOut):
        status = asl.ExecutionStatus.TIMED_OUT
    elif isinstance(state, asl.ProgramError):
        error = state.error or {}
        execution.error, execution.cause = error.get("error"), error.get("cause")
    execution.stop_date = datetime.now(UTC)
    execution.exec_status = status
    endings.ended(execution.exec_arn)
    machine, took = execution.state_machine, execution.stop_date - execution.start_date
    dimensions = {"StateMachineArn": machine.arn}
    ended = f"Executions{_ENDS.get(status.value, 'Aborted')}"
    metrics.put("AWS/States", ended, 1, dimensions)
    spent = took.total_seconds() * 1000
    metrics.put("AWS/States", "ExecutionTime", spent, dimensions, "Milliseconds")
    _finished_threads.clear()
    if not is_express(machine):
        _tell(execution)


def _tell(execution: Any) -> None:
    """Emit the status change event, which AWS has for Standard executions only.

    Source: https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """
    status = execution.exec_status.value
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
    bus.emit("aws.states", kind, detail, [execution.exec_arn])


# The parameters of these have the names of the methods that they replace.
def _eval_program(self: Any, env: Any) -> None:
    """Run a program; after its time-out wait until its threads have written their last event."""
    with suppress(RuntimeError):  # raised when it has been stopped by now
        env.next_state_name = self.start_at.start_at_name
    if env.is_frame():
        self._eval_body(env)
        return
    declared = self.timeout_seconds.timeout_seconds if self.timeout_seconds else None
    timeout = time_limit(express=env.execution_type == "EXPRESS", declared=declared)
    if timeout is None:
        self._eval_body(env)
        return
    worker = threading.Thread(target=self._eval_body, args=(env,), daemon=True)
    worker.start()
    worker.join(timeout=timeout)
    if worker.is_alive():
        env.set_timed_out()
        worker.join(timeout=10)


def _set_error(self: Any, error: Any) -> None:
    """Fail an environment, unless it has been stopped or has ended: what came first counts."""
    with self._state_mutex:
        if self.is_running():
            _original_set_error(self, error)


def _set_timed_out(self: Any) -> None:
    with self._state_mutex:
        if self.is_running():
            _original_set_timed_out(self)


def _heap_key(self: Any) -> str:
    """Name a component in the heap of an execution; moto makes this up when first asked."""
    return f"{id(self):x}"


def _quiet(self: Any, failure_event_exception: Any) -> None:
    """Leave failures of states to the history: moto's log has the whole definition with each."""


def _log_exception(self: Any, exception: Exception) -> None:
    log.warning("%s raised %r", type(self).__name__, exception)


_original_set_error: Any = None
_original_set_timed_out: Any = None


def install() -> None:
    """Put these functions into the interpreter."""
    global _original_set_error, _original_set_timed_out  # noqa: PLW0603 - set once, at start
    resolve(f"{asl.BACKEND}execution:Execution._get_start_execution_worker")
    for used in ("_get_evaluation_entrypoint", "_get_evaluation_environment", "_execution_logic"):
        resolve(f"{asl.BACKEND}execution_worker:ExecutionWorker.{used}")
    communication = f"{asl.BACKEND}execution:BaseExecutionWorkerCommunication"
    replace(f"{communication}.terminated", _terminated)
    replace(f"{asl.ASL}component.program.program:Program.eval", _eval_program)
    environment = f"{asl.ASL}eval.environment:Environment"
    _original_set_error = replace(f"{environment}.set_error", _set_error)
    _original_set_timed_out = replace(f"{environment}.set_timed_out", _set_timed_out)
    component = f"{asl.ASL}component.eval_component:EvalComponent"
    replace(f"{component}.heap_key", property(_heap_key))
    replace(f"{component}._log_failure_event_exception", _quiet)
    replace(f"{component}._log_exception", _log_exception)
