"""What the definition of a state machine says of the states that an operator is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_WAITING_TASKS = (".sync", ".sync:2", ".waitForTaskToken")
States = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Machine:
    """States by what they mean to somebody who looks on.

    Attributes
    ----------
    opened
        Whether it has jobs, queries or other executions to wait for: its executions are shown unit
        by unit, and those of others, such as a crawl, as one line.
    approvals
        Tasks that wait for somebody's answer.
    windows, turns
        Waits for a moment; waits for others, after which it is looked again.
    turn_states
        What is done, again and again, until it is its turn.
    """

    opened: bool
    approvals: frozenset[str]
    windows: frozenset[str]
    turns: frozenset[str]
    turn_states: frozenset[str]

    @classmethod
    def of(cls, definition: str) -> Machine:
        """Read a definition in Amazon States Language."""
        document = json.loads(definition)
        tasks = {
            name: str(state["Resource"])
            for name, state in _all_states(document)
            if state["Type"] == "Task"
        }
        top: States = document["States"]
        waits = {name: state for name, state in top.items() if state["Type"] == "Wait"}
        turns = frozenset(name for name in waits if name in _ahead(top, name))
        return cls(
            opened=any(resource.endswith(_WAITING_TASKS) for resource in tasks.values()),
            approvals=frozenset(
                name for name, resource in tasks.items() if resource.endswith(".waitForTaskToken")
            ),
            windows=frozenset(waits) - turns,
            turns=turns,
            turn_states=frozenset(
                name for turn in turns for name in _ahead(top, turn) if turn in _ahead(top, name)
            ),
        )


def _all_states(scope: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, state in scope["States"].items():
        yield name, state
        for part in (*state.get("Branches", ()), state.get("ItemProcessor")):
            if part:
                yield from _all_states(part)


def _ahead(states: States, name: str) -> set[str]:
    """States that may come after one, itself only if it may come again."""
    found: set[str] = set()
    ahead = [name]
    while ahead:
        state = states[ahead.pop()]
        rules = (state, *state.get("Choices", ()), *state.get("Catch", ()))
        following = {rule.get("Next") for rule in rules} | {state.get("Default")}
        new = {one for one in following if one} - found
        found |= new
        ahead.extend(new)
    return found
