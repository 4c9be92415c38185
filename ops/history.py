"""Read the history of an execution: which unit of work began, ended, how, and for what.

A *unit* is what an operator cares to see: a Task at the top of the machine or of a Parallel
branch, or one item of a Map, called after the item's first Task and its dataset.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_FAILURES = {
    "TaskFailed": "taskFailedEventDetails",
    "TaskTimedOut": "taskTimedOutEventDetails",
    "TaskStartFailed": "taskStartFailedEventDetails",
    "TaskSubmitFailed": "taskSubmitFailedEventDetails",
}
_ITERATION_ENDS = ("MapIterationSucceeded", "MapIterationFailed", "MapIterationAborted")
# Reading or storing a document is not worth a line, unless it fails.
_QUIET_RESOURCES = ("aws-sdk:s3",)


@dataclass
class Unit:
    """One line of progress.

    Attributes
    ----------
    state, item
        Name of the state; what it works on (a dataset, a table, a stage), or nothing.
    attempts
        How often a Task was started, retries included.
    output
        JSON output of the last state of the unit; {} when it has none.
    error
        Error and cause of the last failed attempt, if nothing after it went well.
    execution_arn
        Execution that the unit started and waits for, if that is what it does.
    """

    state: str
    item: str
    started: datetime
    ended: datetime | None = None
    quiet: bool = False
    attempts: int = 0
    job_run_id: str | None = None
    output: dict[str, Any] = field(default_factory=dict)
    error: tuple[str, str] | None = None
    execution_arn: str | None = None

    @property
    def seconds(self) -> float:
        return (self.ended - self.started).total_seconds() if self.ended else 0.0


@dataclass
class _Iteration:
    """One item of a Map while its history is read."""

    map_state: str
    started: datetime
    item: str = ""
    unit: Unit | None = None


class History:
    """Units of an execution, fed with its events in the order of their ids."""

    def __init__(self) -> None:
        self.units: list[Unit] = []
        self.last_id = 0
        self._scopes: dict[int, _Iteration | None] = {0: None}
        self._units: dict[int, Unit | None] = {0: None}
        self._maps: dict[str, _Iteration | None] = {}  # the iteration around each Map state

    def feed(self, events: Iterable[Mapping[str, Any]]) -> list[Unit]:
        """Take new events; return the units that ended with them."""
        ended: list[Unit] = []
        for event in events:
            if event["id"] > self.last_id:
                self.last_id = event["id"]
                unit = self._apply(event)
                if unit is not None:
                    ended.append(unit)
        return ended

    def close(self, moment: datetime) -> list[Unit]:
        """End the units that an execution left open when it was stopped or failed."""
        left = [unit for unit in self.units if unit.ended is None]
        for unit in left:
            unit.ended = moment
        return left

    def _apply(self, event: Mapping[str, Any]) -> Unit | None:
        number, kind = event["id"], event["type"]
        scope, unit = self._place(event)
        self._scopes[number], self._units[number] = scope, unit
        if kind.endswith("StateEntered"):
            self._enter(event, scope)
        elif kind == "TaskScheduled" and unit:
            unit.attempts += 1
            if unit.attempts == 1:
                details = event["taskScheduledEventDetails"]
                unit.quiet = details.get("resourceType", "").startswith(_QUIET_RESOURCES)
                unit.item = unit.item or _stage(details)
        elif kind == "TaskSubmitted" and unit:
            details = event.get("taskSubmittedEventDetails", {})
            _note_job_run(unit, details)
            if details.get("resourceType") == "states":
                unit.execution_arn = _document(details.get("output")).get("ExecutionArn")
        elif kind == "TaskSucceeded" and unit:
            _note_job_run(unit, event.get("taskSucceededEventDetails", {}))
            unit.error = None
        elif kind in _FAILURES and unit:
            details = event.get(_FAILURES[kind], {})
            cause = details.get("cause", "")
            unit.error = (details.get("error", kind), cause)
            unit.job_run_id = unit.job_run_id or _document(cause).get("Id")
        elif kind.endswith("StateExited") and unit and unit.ended is None:
            return _exit(event, unit, inside=scope is not None)
        elif kind in _ITERATION_ENDS and scope:
            return self._end_iteration(event, scope)
        return None

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
        if event["type"] == "MapStateEntered":
            self._maps[details["name"]] = scope
        if scope:
            scope.item = scope.item or _item(details.get("input"))
            self._units[number] = scope.unit
            if scope.unit:
                return
        unit = None
        if event["type"] == "TaskStateEntered":
            unit = Unit(details["name"], scope.item if scope else "", event["timestamp"])
            self.units.append(unit)
            if scope:
                scope.unit = unit
        self._units[number] = unit

    def _end_iteration(self, event: Mapping[str, Any], scope: _Iteration) -> Unit | None:
        unit = scope.unit
        if unit is None:  # no Task was needed for this item
            unit = scope.unit = Unit(scope.map_state, scope.item, scope.started)
            self.units.append(unit)
        if unit.ended:
            return None
        unit.ended = event["timestamp"]
        return unit


def _exit(event: Mapping[str, Any], unit: Unit, *, inside: bool) -> Unit | None:
    details = event["stateExitedEventDetails"]
    if not inside and unit.state != details["name"]:
        return None
    unit.output = _document(details.get("output"))
    if inside:
        return None
    unit.ended = event["timestamp"]
    return unit


def _note_job_run(unit: Unit, details: Mapping[str, Any]) -> None:
    if details.get("resourceType") == "glue":
        output = _document(details.get("output"))
        unit.job_run_id = output.get("JobRunId") or output.get("Id") or unit.job_run_id


def _stage(details: Mapping[str, Any]) -> str:
    """Stage that a job run was told to build; nothing for other tasks."""
    arguments = _document(details.get("parameters")).get("Arguments")
    return str(arguments.get("--stage", "")) if isinstance(arguments, dict) else ""


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
