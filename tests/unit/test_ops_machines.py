"""What the definitions of the machines say of the states that are shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.history import History
from ops.machines import Machine
from ops.progress import Progress
from tests.unit.ops_fakes import (
    RUN,
    Fake,
    Script,
    connected,
    described,
    execution,
    held,
    histories,
    machine,
    run_of,
)


@pytest.mark.parametrize(
    ("name", "opened"),
    [
        ("arrival", False),
        ("batch", True),
        ("check", True),
        ("crawl", False),
        ("dataset", True),
        ("model", True),
        ("notify", False),
        ("pipeline", True),
    ],
)
def test_machine__is_opened_if_it_waits_for_work(name: str, opened: bool) -> None:
    assert machine(name).opened is opened


def test_pipeline__waits_for_its_window_and_for_its_turn() -> None:
    found = machine("pipeline")
    assert found.windows == {"WaitForWindow"}
    assert found.turns == {"WaitForTurn"}
    assert found.turn_states == {"FindEarlierRuns", "IsOurTurn", "WaitForTurn"}
    assert found.approvals == set()


def test_dataset__asks_for_approval() -> None:
    found = machine("dataset")
    assert found.approvals == {"RequestApproval"}
    assert not found.windows | found.turns


def renamed(name: str, **states: str) -> str:
    """Definition of a machine, some of whose states have other names."""
    text: str = described(execution(name, "x"))["definition"]
    for old, new in states.items():
        text = text.replace(f'"{old}"', f'"{new}"')
    return text


def test_request__is_found_whatever_its_state_is_called() -> None:
    script = Script()
    held(script, "flights")
    document = json.dumps(script.events, default=str).replace("RequestApproval", "AskSomebody")
    for event, text in zip(script.events, json.loads(document), strict=True):
        event |= {key: value for key, value in text.items() if key.endswith("EventDetails")}
    history = History(Machine.of(renamed("dataset", RequestApproval="AskSomebody")))
    history.feed(script.events)
    assert [unit.state for unit in history.requests] == ["AskSomebody"]


def test_waits__are_found_whatever_their_states_are_called() -> None:
    found = Machine.of(renamed("pipeline", WaitForTurn="Queue", FindEarlierRuns="Look"))
    assert found.turn_states == {"Look", "IsOurTurn", "Queue"}
    script = Script()
    script.enter("Wait", 0, "Queue", {})
    history = History(found)
    history.feed(script.events)
    assert [(unit.state, unit.awaits) for unit in history.waits] == [("Queue", "turn")]


def test_progress__reads_each_machine_once__as_it_was_for_these_executions() -> None:
    waiting = {name: Script() for name in ("flights", "planes", "sales")}
    for name, script in waiting.items():
        held(script, name)
    scripts = run_of("manual-1", waiting)
    asked: list[Any] = []

    def describe(executionArn: str) -> Any:  # noqa: N803 - of the API
        asked.append(executionArn.split(":")[6])
        return described(executionArn)

    states = Fake(
        get_execution_history=histories(**scripts), describe_state_machine_for_execution=describe
    )
    progress = Progress(connected(stepfunctions=states), RUN)
    progress.poll()
    progress.poll()
    assert len(progress.requests) == 3
    assert asked == ["medallion-pipeline", "medallion-batch", "medallion-dataset"]
