"""What an execution may hold: bytes in data and variables, events in its history.

Sources: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html,
.../workflow-variables.html, .../bp-history-limit.html and .../concepts-error-handling.html
"""

from __future__ import annotations

import json
import threading
from typing import Any

from local.settings import PARTITION, settings
from local.states import interpreter as asl
from local.symbols import replace

PAYLOAD_BYTES = 256 * 1024
VARIABLES_BYTES = 10 * 1024 * 1024
_SIZES = "_local_sizes"
_ENDS = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}


def size(value: Any) -> int:
    """Return the bytes of a value as compact JSON in UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return len(text.encode("utf-8", "surrogatepass"))


def _is_within(value: Any) -> bool:
    return size(value) <= PAYLOAD_BYTES


def _check(env: Any, value: Any, cause: str) -> None:
    if not _is_within(value):
        raise asl.FailureEventException(asl.data_limit_exceeded(env, cause))


def _result(name: str) -> str:
    return (
        f"The state/task '{name}' returned a result with a size exceeding the maximum number of "
        "bytes service limit."
    )


# The parameters of these have the names of the methods that they replace.
def _before_execution(
    self: Any,
    env: Any,
    resource_runtime_part: Any,
    raw_parameters: dict[str, Any],
    state_credentials: Any,
) -> None:
    cause = f"The input of the task '{self.name}' exceeds the maximum number of bytes."
    _check(env, raw_parameters, cause)
    _original_before(self, env, resource_runtime_part, raw_parameters, state_credentials)


def _entered(self: Any, env: Any) -> Any:
    """Check what a Map or a Parallel hands to its inner states; no catch of theirs covers it."""
    details = _original_entered(self, env)
    if len(details["input"]) > PAYLOAD_BYTES:  # escaped as ASCII: no shorter than what counts
        cause = f"The input of the state '{self.name}' exceeds the maximum number of bytes."
        _check(env, env.states.get_input(), cause)
    return details


def _iterate(self: Any, env: Any) -> None:
    name = env.stack[-1].state_name
    _original_iterate(self, env)
    if env.is_running():
        _check(env, env.stack[-1], _result(name))


def _branch(self: Any, env: Any) -> None:
    name = str(env.next_state_name)
    _original_branch(self, env)
    if env.is_running():
        _check(env, env.stack[-1], _result(name))


def check_variables(env: Any, values: dict[str, Any]) -> None:
    """Refuse what one Assign sets, or all that is stored with it, when it is too large.

    Raises
    ------
    FailureEventException
        States.DataLimitExceeded.
    """
    store = env.variable_store
    given = {name: size(value) for name, value in values.items()}
    if sum(given.values()) > PAYLOAD_BYTES:
        cause = f"Assign sets {', '.join(values)}: together they exceed {PAYLOAD_BYTES} bytes."
        raise asl.FailureEventException(asl.data_limit_exceeded(env, cause))
    sizes = {**getattr(store, _SIZES, {}), **given}
    if sum(sizes.values()) > VARIABLES_BYTES:
        cause = f"The variables exceed {VARIABLES_BYTES} bytes in all."
        raise asl.FailureEventException(asl.data_limit_exceeded(env, cause))
    setattr(store, _SIZES, sizes)


def _inner_frame(self: Any, event_history_context: Any = None) -> Any:
    """Let the variables of the scope around count for an iteration or a branch, too."""
    frame = _original_frame(self, event_history_context)
    setattr(frame.variable_store, _SIZES, getattr(self.variable_store, _SIZES, {}))
    return frame


def limit_history(env: Any) -> None:
    """Hold the history of a Standard execution to its limit."""
    # Taken again within: an event is counted and written in one.
    env.event_manager._mutex = threading.RLock()
    env.event_manager.root = env


def _add_event(  # noqa: PLR0917 - as moto calls it
    self: Any,
    context: Any,
    event_type: Any,
    event_details: Any = None,
    timestamp: Any = None,
    update_source_event_id: bool = True,
) -> int:
    """Write an event; where only one more is left, it has to be the last of the execution."""
    written: int
    root: Any = getattr(self, "root", None)
    event = (context, event_type, event_details, timestamp, update_source_event_id)
    if root is None:  # an Express execution: as many as there are
        written = _original_add(self, *event)
        return written
    most = settings().history_events
    with self._mutex:
        if len(self._history_event_list) < most - 1 or event_type.value in _ENDS:
            written = _original_add(self, *event)
            return written
    cause = f"The execution reached the maximum number of history events ({most})."
    root.set_error({"error": "States.Runtime", "cause": cause})
    return int(context.last_published_event_id)


def _state_input(self: Any, env: Any) -> None:
    """Refuse an integration of another partition when its state is entered, as AWS does.

    Source: https://github.com/aws/aws-cdk/issues/4597
    """
    if self.resource.partition != PARTITION:
        cause = (
            "The resource belongs to a different partition from the running execution. "
            f"Expected '{PARTITION}', was '{self.resource.partition}'."
        )
        failure = asl.task_failure(self, env, "States.Runtime", cause)
        raise asl.FailureEventException(failure)
    _original_state_input(self, env)


_original_before: Any = None
_original_entered: Any = None
_original_iterate: Any = None
_original_branch: Any = None
_original_add: Any = None
_original_frame: Any = None
_original_state_input: Any = None


def install() -> None:
    """Put these functions into the interpreter."""
    global _original_before, _original_entered, _original_iterate  # noqa: PLW0603
    global _original_branch, _original_add, _original_state_input  # noqa: PLW0603
    global _original_frame  # noqa: PLW0603
    task, state = f"{asl.SERVICE}state_task_service", f"{asl.STATE}state"
    for place in (task, state, f"{asl.STATE}exec.state_task.state_task_lambda"):
        replace(f"{place}:is_within_size_quota", _is_within)
    _original_before = replace(f"{task}:StateTaskService._before_eval_execution", _before_execution)
    entered = f"{state}:CommonStateField._get_state_entered_event_details"
    _original_entered = replace(entered, _entered)
    iterate = f"{asl.STATE}exec.state_map.iteration.inline_iteration_component"
    _original_iterate = replace(f"{iterate}:InlineIterationComponent._eval_body", _iterate)
    branch = f"{asl.STATE}exec.state_parallel.branches_decl:BranchesDecl._eval_body"
    _original_branch = replace(branch, _branch)
    add = f"{asl.ASL}eval.event.event_manager:EventManager.add_event"
    _original_add = replace(add, _add_event)
    frame = f"{asl.ASL}eval.environment:Environment.open_inner_frame"
    _original_frame = replace(frame, _inner_frame)
    _original_state_input = replace(f"{task}:StateTaskService._eval_state_input", _state_input)
