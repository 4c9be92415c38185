"""Reading of state machine definitions: their states, wherever they nest, and what these do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.states.jsonata import evaluate
from ops.environment import ROOT
from tests.deployments import Deployment

MACHINES = ("arrival", "batch", "check", "crawl", "dataset", "model", "notify", "pipeline")
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


def read(machine: str, deployment: Deployment) -> States:
    """Return the states of a machine that is deployed."""
    return dict(states(json.loads(deployment.definitions[f"medallion-{machine}"])))


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


def said(value: Any, **variables: Any) -> Any:
    """Evaluate all expressions of a field of a state."""
    if isinstance(value, str) and value.startswith("{%"):
        return evaluate(value.removeprefix("{%").removesuffix("%}").strip(), variables)
    if isinstance(value, dict):
        return {key: said(one, **variables) for key, one in value.items()}
    if isinstance(value, list):
        return [said(one, **variables) for one in value]
    return value


@dataclass(frozen=True)
class Stop:
    """Where a walk has ended: a state that is no Pass and no Choice, and what comes to it."""

    state: str
    given: Any
    variables: Mapping[str, Any]


def walk(
    found: States,
    name: str,
    given: Any,
    context: Any = None,
    /,
    check: Callable[[Any], Any] = lambda value: value,
    **variables: Any,
) -> Stop:
    """Go through Pass and Choice states, from one of them on, as Step Functions does.

    What a state assigns, and what it hands on, is shown to `check`.
    """
    while found[name]["Type"] in ("Pass", "Choice"):
        state = found[name]
        known = {**variables, "states": {"input": given, "context": context}}
        ways = (rule for rule in state.get("Choices", []) if said(rule["Condition"], **known))
        way = next(ways, state)
        variables |= check(said(way.get("Assign", {}), **known))
        given = check(said(way["Output"], **known) if "Output" in way else given)
        name = way.get("Next") or state["Default"]
    return Stop(name, given, variables)


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
