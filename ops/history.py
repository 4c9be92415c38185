"""Read the history of an execution: which unit of work began, ended, how, and for what.

A *unit* is what an operator cares to see: a Task at the top of the machine or of a Parallel
branch, or one item of a Map, called after the item's first Task and its dataset. An execution for
one dataset is such an item, too. An item that has to be approved is several of them: what was done
before, the request, what was done after. Waiting for the end of a window, or for the turn of a run,
is a unit as well. Which states these are, the machine's definition says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from ops.machines import Machine

_FAILURES = {
    "TaskFailed": "taskFailedEventDetails",
    "TaskTimedOut": "taskTimedOutEventDetails",
    "TaskStartFailed": "taskStartFailedEventDetails",
    "TaskSubmitFailed": "taskSubmitFailedEventDetails",
}
_ITEM_ENDS = (
    *("MapIterationSucceeded", "MapIterationFailed", "MapIterationAborted"),
    *("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"),
)
# Reading or storing a document, or listing the runs, is not worth a line, unless it fails.
_QUIET_RESOURCES = ("aws-sdk:s3", "aws-sdk:sfn")
_TOKEN = re.compile(r"--task-token\s+(\S{16,})")


@dataclass
class Unit:
    """One line of progress.

    Attributes
    ----------
    state, item
        Name of the state; what it works on (a dataset, a table, a stage), or nothing.
    stage
        Stage whose models a job run builds, if that is what it does.
    awaits
        What it waits for: an approval, the end of a window, the turn of the run, or nothing of it.
    attempts
        How often a Task was started, retries included.
    output
        JSON output of the last state of the unit; {} when it has none.
    error
        Error and cause of the last failed attempt, if nothing after it went well.
    execution_arn
        Execution that the unit started and waits for, if that is what it does.
    note
        What it waits for, as text.
    request
        What a request for approval is about: the input of its state.
    token
        Task token of a request for approval, as long as it waits for an answer.
    """

    state: str
    item: str
    started: datetime
    ended: datetime | None = None
    quiet: bool = False
    attempts: int = 0
    job_run_id: str | None = None
    stage: str = ""
    awaits: Literal["", "approval", "window", "turn"] = ""
    output: dict[str, Any] = field(default_factory=dict)
    error: tuple[str, str] | None = None
    execution_arn: str | None = None
    note: str = ""
    request: dict[str, Any] = field(default_factory=dict)
    token: str | None = None

    @property
    def seconds(self) -> float:
        return (self.ended - self.started).total_seconds() if self.ended else 0.0


@dataclass
class _Iteration:
    """One item of a Map, or an execution for one item, while its history is read."""

    name: str
    started: datetime
    item: str = ""
    unit: Unit | None = None


class History:
    """Units of an execution of a machine, fed with its events in the order of their ids."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.units: list[Unit] = []
        self.last_id = 0
        self._ended: list[Unit] = []
        self._scopes: dict[int, _Iteration | None] = {0: None}
        self._units: dict[int, Unit | None] = {0: None}
        self._maps: dict[str, _Iteration | None] = {}  # the iteration around each Map state
        self._turn: Unit | None = None
        self._earlier: list[str] = []  # runs that go before this one

    @property
    def requests(self) -> list[Unit]:
        """Requests for approval that wait for an answer."""
        return [unit for unit in self.units if unit.token and unit.ended is None]

    @property
    def waits(self) -> list[Unit]:
        """What the run waits for before it begins: the end of its window, or its turn."""
        waits = (unit for unit in self.units if unit.awaits in ("window", "turn"))
        return [unit for unit in waits if unit.ended is None]

    def feed(self, events: Iterable[Mapping[str, Any]]) -> list[Unit]:
        """Take new events; return the units that ended with them."""
        for event in events:
            if event["id"] > self.last_id:
                self.last_id = event["id"]
                self._apply(event)
        ended, self._ended = self._ended, []
        return ended

    def close(self, moment: datetime) -> list[Unit]:
        """End the units that an execution left open when it was stopped or failed."""
        left = [unit for unit in self.units if unit.ended is None]
        for unit in left:
            unit.ended = moment
        return left

    def _apply(self, event: Mapping[str, Any]) -> None:
        number, kind = event["id"], event["type"]
        if kind == "ExecutionStarted":
            self._start(event)
        scope, unit = self._place(event)
        self._scopes[number], self._units[number] = scope, unit
        if kind.endswith("StateEntered"):
            self._enter(event, scope)
        elif kind.endswith("StateExited"):
            self._exit(event, scope, unit)
        elif kind in _ITEM_ENDS and scope:
            self._end_iteration(event, scope)
        elif unit:
            _note_task(unit, event)

    def _start(self, event: Mapping[str, Any]) -> None:
        """Take an execution for one item as an item."""
        item = _item(event["executionStartedEventDetails"].get("input"))
        if item:
            self._scopes[0] = _Iteration("", event["timestamp"], item)

    def _place(self, event: Mapping[str, Any]) -> tuple[_Iteration | None, Unit | None]:
        """Iteration and unit that an event belongs to: those of the event that led to it."""
        kind, parent = event["type"], event.get("previousEventId", 0)
        scope, unit = self._scopes.get(parent), self._units.get(parent)
        if kind == "MapIterationStarted":
            name = event["mapIterationStartedEventDetails"]["name"]
            return _Iteration(name, event["timestamp"]), None
        if kind == "MapStateExited":
            outer = self._maps.get(event["stateExitedEventDetails"]["name"])
            return outer, outer.unit if outer else None
        return scope, unit

    def _enter(self, event: Mapping[str, Any], scope: _Iteration | None) -> None:
        number, details = event["id"], event["stateEnteredEventDetails"]
        kind, name, moment = event["type"], details["name"], event["timestamp"]
        unit: Unit | None = None
        if kind == "MapStateEntered":
            self._maps[name] = scope
        if self._turn and not scope and name not in self._machine.turn_states:
            self._end(self._turn, moment)
            self._turn = None
        if scope:
            scope.item = scope.item or _item(details.get("input"))
            unit = scope.unit
            asks = name in self._machine.approvals
            if unit and (asks or (unit.quiet and kind == "TaskStateEntered")):
                self._end(unit, moment)
                unit = None
        if kind == "WaitStateEntered" and not scope:
            unit = self._wait(name, details, moment)
        elif kind == "TaskStateEntered" and unit is None:
            unit = Unit(name, scope.item if scope else "", moment)
            self.units.append(unit)
            if name in self._machine.approvals:
                unit.awaits = "approval"
                unit.request = _document(details.get("input"))
        if scope:
            scope.unit = unit
        self._units[number] = unit

    def _wait(self, name: str, details: Mapping[str, Any], moment: datetime) -> Unit:
        """Unit of a wait that begins; a run that waits for its turn once more has its unit."""
        turn = name in self._machine.turns
        unit = self._turn if turn else None
        if unit is None:
            unit = Unit(name, "", moment, awaits="turn" if turn else "window")
            self.units.append(unit)
        if turn:
            self._turn = unit
            unit.note = f"for run {', '.join(self._earlier)}" if self._earlier else ""
        else:
            until = str(_document(details.get("input")).get("not_before", ""))
            unit.note = f"until {until[11:19]} UTC" if until else ""
        return unit

    def _exit(self, event: Mapping[str, Any], scope: _Iteration | None, unit: Unit | None) -> None:
        details = event["stateExitedEventDetails"]
        name = details["name"]
        assigned = details.get("assignedVariables") or {}
        if name in self._machine.turn_states and "earlier" in assigned:
            self._earlier = _texts(assigned["earlier"])
        if unit is None or unit.ended is not None or unit is self._turn:
            return
        if scope is None and unit.state != name:
            return
        unit.output = _document(details.get("output"))
        if scope is None:
            self._end(unit, event["timestamp"])
        elif unit.awaits == "approval" and "approved" in unit.output:
            # What follows is done once more, as a unit of its own.
            self._end(unit, event["timestamp"])
            scope.unit = self._units[event["id"]] = None

    def _end_iteration(self, event: Mapping[str, Any], scope: _Iteration) -> None:
        unit = scope.unit
        if unit is None:  # no Task was needed for this item
            unit = scope.unit = Unit(scope.name, scope.item, scope.started)
            self.units.append(unit)
        if unit.ended is None:
            self._end(unit, event["timestamp"])

    def _end(self, unit: Unit, moment: datetime) -> None:
        unit.ended = moment
        self._ended.append(unit)


def _note_task(unit: Unit, event: Mapping[str, Any]) -> None:
    """Keep what the events of a task tell of its unit."""
    kind = event["type"]
    if kind == "TaskScheduled":
        details = event["taskScheduledEventDetails"]
        unit.attempts += 1
        if unit.attempts == 1:
            unit.quiet = details.get("resourceType", "").startswith(_QUIET_RESOURCES)
            unit.stage = _stage(details)
            unit.item = unit.item or unit.stage
        if unit.awaits == "approval":
            unit.token = _token(details)
    elif kind == "TaskSubmitted":
        details = event.get("taskSubmittedEventDetails", {})
        _note_job_run(unit, details)
        if details.get("resourceType") == "states":
            unit.execution_arn = _document(details.get("output")).get("ExecutionArn")
    elif kind == "TaskSucceeded":
        _note_job_run(unit, event.get("taskSucceededEventDetails", {}))
        unit.error = unit.token = None
    elif kind in _FAILURES:
        details = event.get(_FAILURES[kind], {})
        cause = details.get("cause", "")
        unit.error = (details.get("error", kind), cause)
        unit.token = None
        unit.job_run_id = unit.job_run_id or _document(cause).get("Id")


def _note_job_run(unit: Unit, details: Mapping[str, Any]) -> None:
    if details.get("resourceType") == "glue":
        output = _document(details.get("output"))
        unit.job_run_id = output.get("JobRunId") or output.get("Id") or unit.job_run_id


def _stage(details: Mapping[str, Any]) -> str:
    """Stage that a job run was told to build; nothing for other tasks."""
    arguments = _document(details.get("parameters")).get("Arguments")
    return str(arguments.get("--stage", "")) if isinstance(arguments, dict) else ""


def _token(details: Mapping[str, Any]) -> str | None:
    """Task token in the mail that asks for an approval."""
    message = _document(details.get("parameters")).get("Message")
    found = _TOKEN.search(message) if isinstance(message, str) else None
    return found[1] if found else None


def _texts(text: str | None) -> list[str]:
    """Texts of a JSON list; of anything else none."""
    try:
        value = json.loads(text or "[]")
    except json.JSONDecodeError:  # cut off by the service
        return []
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _item(text: str | None) -> str:
    """Dataset, table or layer that the input of a Map item names."""
    document = _document(text)
    table = document.get("table")
    if isinstance(table, dict):
        document = table
    for name in ("dataset", "name", "layer"):
        if isinstance(document.get(name), str):
            return str(document[name])
    return ""


def _document(text: str | None) -> dict[str, Any]:
    if not text or not text.startswith("{"):
        return {}
    try:
        value = json.loads(text)
    except json.JSONDecodeError:  # a cause may be cut off by the service
        return {}
    return value if isinstance(value, dict) else {}
