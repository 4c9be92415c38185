"""Checks of a state machine's definition that AWS makes and moto does not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.states.jsonata import compiles
from local.states.running import parse

_TYPES = {"Choice", "Fail", "Map", "Parallel", "Pass", "Succeed", "Task", "Wait"}
_JSONPATH_FIELDS = {
    "InputPath",
    "ItemsPath",
    "OutputPath",
    "Parameters",
    "ResultPath",
    "ResultSelector",
    "SecondsPath",
    "TimeoutSecondsPath",
    "TimestampPath",
}
_JSONATA_FIELDS = {"Arguments", "Items", "Output"}
MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Finding:
    """One error of a definition."""

    code: str
    message: str
    location: str

    def __str__(self) -> str:
        """Word it as CreateStateMachine does."""
        return f"{self.code}: {self.message} at {self.location}"


def check(definition: str, *, express: bool = False) -> list[Finding]:
    """Return what is wrong with a definition; nothing when it may be created.

    Parameters
    ----------
    express
        Whether the state machine is of the type EXPRESS, which cannot wait for what it starts.
    """
    if len(definition.encode()) > MAX_BYTES:
        return [Finding("SCHEMA_VALIDATION_FAILED", "The definition is over 1 MB", "/")]
    try:
        machine = json.loads(definition)
    except ValueError as error:
        return [Finding("INVALID_JSON_DESCRIPTION", f"{error}", "/")]
    if not isinstance(machine, dict):
        return [Finding("INVALID_JSON_DESCRIPTION", "a definition is a JSON object", "/")]
    findings = list(_machine(machine, "", machine.get("QueryLanguage", "JSONPath")))
    if express:
        findings += _waiting(machine, "")
    if findings:
        return findings
    try:
        parse(definition)
    except Exception as error:  # noqa: BLE001 - the parser raises what it likes
        return [Finding("SCHEMA_VALIDATION_FAILED", f"{error!r}"[:500], "/")]
    return []


def _machine(machine: dict[str, Any], place: str, language: str) -> Iterator[Finding]:
    states = machine.get("States")
    if not isinstance(states, dict) or not states:
        yield Finding("SCHEMA_VALIDATION_FAILED", "The field 'States' is required", f"{place}/")
        return
    start = machine.get("StartAt")
    if start is None:
        yield Finding("SCHEMA_VALIDATION_FAILED", "The field 'StartAt' is required", f"{place}/")
    elif start not in states:
        yield _missing("StartAt", start, f"{place}/StartAt")
    for name, state in states.items():
        if isinstance(state, dict):
            yield from _state(state, f"{place}/States/{name}", states, language)
        else:
            yield Finding(
                "SCHEMA_VALIDATION_FAILED", "A state is an object", f"{place}/States/{name}"
            )
    if isinstance(start, str) and start in states:
        reached = _reached(start, states)
        for name in states:
            if name not in reached:
                yield Finding(
                    "MISSING_TRANSITION_TARGET",
                    f'State "{name}" is not reachable.',
                    f"{place}/States/{name}",
                )


def _missing(field: str, target: object, place: str) -> Finding:
    return Finding("MISSING_TRANSITION_TARGET", f"Missing '{field}' target: {target}", place)


def _transitions(state: dict[str, Any]) -> Iterator[tuple[str, str, object]]:
    """Yield (field, path, target) of every transition of a state."""
    if "Next" in state:
        yield "Next", "Next", state["Next"]
    if "Default" in state:
        yield "Default", "Default", state["Default"]
    for field in ("Choices", "Catch"):
        for number, one in enumerate(state.get(field) or []):
            if isinstance(one, dict):
                yield "Next", f"{field}[{number}]/Next", one.get("Next")


def _reached(start: str, states: dict[str, Any]) -> set[str]:
    seen, open_ = set(), [start]
    while open_:
        name = open_.pop()
        if name not in seen and isinstance(states.get(name), dict):
            seen.add(name)
            open_ += [str(target) for _, _, target in _transitions(states[name])]
    return seen


def _state(
    state: dict[str, Any], place: str, states: dict[str, Any], outer: str
) -> Iterator[Finding]:
    kind = state.get("Type")
    if kind not in _TYPES:
        wanted = ", ".join(sorted(_TYPES))
        yield Finding(
            "SCHEMA_VALIDATION_FAILED", f"The field 'Type' is {kind!r}, not one of {wanted}", place
        )
        return
    if kind == "Task" and not isinstance(state.get("Resource"), str):
        yield Finding("SCHEMA_VALIDATION_FAILED", "The field 'Resource' is required", place)
    if kind not in ("Choice", "Succeed", "Fail"):
        if ("Next" in state) == (state.get("End") is True):
            message = "A state has either 'Next' or 'End': true"
            yield Finding("SCHEMA_VALIDATION_FAILED", message, place)
    elif "Next" in state or "End" in state:
        yield Finding("SCHEMA_VALIDATION_FAILED", f"A {kind} has no 'Next' or 'End'", place)
    if kind == "Choice" and not state.get("Choices"):
        yield Finding("SCHEMA_VALIDATION_FAILED", "The field 'Choices' is required", place)
    for field, path, target in _transitions(state):
        if target not in states:
            yield _missing(field, target, f"{place}/{path}")
    language = state.get("QueryLanguage", outer)
    yield from _fields(state, place, language)
    yield from _inner(state, place, language)


def _waiting(machine: dict[str, Any], place: str) -> Iterator[Finding]:
    """Yield the tasks of a well-formed Express machine that wait for what they start."""
    for name, state in (machine.get("States") or {}).items():
        if not isinstance(state, dict):
            continue
        here = f"{place}/States/{name}"
        resource = str(state.get("Resource", ""))
        pattern = re.search(r"(\.sync|\.waitForTaskToken)(:2)?$", resource)
        if pattern:
            message = f"Express state machine does not support '{pattern[1]}' service integration"
            yield Finding("SCHEMA_VALIDATION_FAILED", message, f"{here}/Resource")
        elif re.match(r"arn:[^:]*:states:[^:]*:[^:]*:activity:", resource):
            message = "Express state machine does not support Activity ARN"
            yield Finding("SCHEMA_VALIDATION_FAILED", message, f"{here}/Resource")
        inner = state.get("ItemProcessor", state.get("Iterator"))
        if isinstance(inner, dict):
            yield from _waiting(inner, f"{here}/ItemProcessor")
        for number, branch in enumerate(state.get("Branches") or []):
            if isinstance(branch, dict):
                yield from _waiting(branch, f"{here}/Branches[{number}]")


def _fields(state: dict[str, Any], place: str, language: str) -> Iterator[Finding]:
    foreign = _JSONPATH_FIELDS if language == "JSONata" else _JSONATA_FIELDS
    for field in sorted(foreign & state.keys()):
        message = f"The field '{field}' is not supported with QueryLanguage {language}"
        yield Finding("SCHEMA_VALIDATION_FAILED", message, f"{place}/{field}")
    if language == "JSONata":
        own = {
            key: value for key, value in state.items() if key not in ("ItemProcessor", "Branches")
        }
        for path, expression in _expressions(own, place):
            wrong = _wrong(expression)
            if wrong:
                yield Finding("INVALID_JSONATA", wrong, path)


def _wrong(expression: str) -> str | None:
    wrong = compiles(expression)
    if wrong is None and re.search(r"\$eval\b", expression):
        return "$eval is not supported; $parse reads JSON text"
    return wrong


def _expressions(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _expressions(one, f"{place}/{key}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _expressions(one, f"{place}[{number}]")
    elif isinstance(value, str) and value.startswith("{%") and value.endswith("%}"):
        yield place, value[2:-2].strip()


def _inner(state: dict[str, Any], place: str, language: str) -> Iterator[Finding]:
    if state["Type"] == "Map":
        inner = state.get("ItemProcessor", state.get("Iterator"))
        if not isinstance(inner, dict):
            yield Finding(
                "SCHEMA_VALIDATION_FAILED", "The field 'ItemProcessor' is required", place
            )
            return
        yield from _machine(inner, f"{place}/ItemProcessor", inner.get("QueryLanguage", language))
    if state["Type"] == "Parallel":
        branches = state.get("Branches")
        if not isinstance(branches, list) or not branches:
            yield Finding("SCHEMA_VALIDATION_FAILED", "The field 'Branches' is required", place)
            return
        for number, branch in enumerate(branches):
            if isinstance(branch, dict):
                yield from _machine(branch, f"{place}/Branches[{number}]", language)
