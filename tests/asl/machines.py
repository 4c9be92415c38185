"""Reading of state machine definitions: their states, wherever they nest, and what these call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ops.environment import ROOT

MACHINES = ("arrival", "batch", "check", "crawl", "model", "notify", "pipeline")
# Services of integrations whose name in boto3 is another one.
_CLIENTS = {"states": "stepfunctions", "sfn": "stepfunctions"}

States = dict[str, dict[str, Any]]


def source(machine: str) -> str:
    """Return the definition before it is rendered."""
    return (ROOT / "asl" / f"{machine}.asl.json").read_text(encoding="utf-8")


def scopes(definition: dict[str, Any]) -> Iterator[tuple[str, States]]:
    """Yield each set of states that refer to each other, with the name of its first one."""
    yield definition["StartAt"], definition["States"]
    for state in definition["States"].values():
        for part in [*state.get("Branches", []), state.get("ItemProcessor")]:
            if part:
                yield from scopes(part)


def states(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield all states with their names."""
    for _, found in scopes(definition):
        yield from found.items()


def tasks(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield all Task states with their names."""
    return ((name, state) for name, state in states(definition) if state["Type"] == "Task")


def successors(state: dict[str, Any]) -> set[str]:
    """Return the names of the states that may follow."""
    found = {state.get("Next"), state.get("Default")}
    for rule in [*state.get("Choices", []), *state.get("Catch", [])]:
        found.add(rule["Next"])
    return {name for name in found if name}


def assigned(state: dict[str, Any]) -> set[str]:
    """Return the names of the variables that the state assigns, on any way out of it."""
    ways = [state, *state.get("Choices", []), *state.get("Catch", [])]
    return {name for way in ways for name in way.get("Assign", {})}


def texts(value: Any) -> Iterator[str]:
    """Yield all texts of a JSON document that are values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def expressions(value: Any) -> Iterator[str]:
    """Yield all JSONata expressions of a definition."""
    for text in texts(value):
        if text.startswith("{%"):
            yield text.removeprefix("{%").removesuffix("%}").strip()


@dataclass(frozen=True)
class Integration:
    """What a Task calls: a service of boto3, an operation, and whether it waits for its end."""

    service: str
    operation: str
    waits: bool

    @classmethod
    def of(cls, state: dict[str, Any]) -> Integration:
        found = re.fullmatch(
            r"arn:aws(?:-us-gov)?:states:::(?:aws-sdk:)?(\w+):(\w+?)(\.sync(?::2)?|\.waitForTaskToken)?",
            state["Resource"],
        )
        assert found, state["Resource"]
        operation = found[2][0].upper() + found[2][1:]
        return cls(_CLIENTS.get(found[1], found[1]), operation, bool(found[3]))
