"""Runs that wait: `run` says so and watches on, `status` shows who waits for what."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from ops import attention, run, status, target
from tests.unit.ops_fakes import (
    EXECUTION,
    RUN,
    START,
    Fake,
    Script,
    approved,
    connected,
    held,
    histories,
    refusal,
    run_of,
    stored,
    transformed,
    waiting,
    watched,
    words,
)


@pytest.fixture(autouse=True)
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    return watched(monkeypatch)


def lake(states: Fake) -> target.Target:
    return connected(stepfunctions=states)


def test_run__that_waits_for_approval_says_so_once_and_is_watched_to_its_end(
    screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script()
    last = held(script, "flights")
    scripts = run_of("manual-1", {"flights": script})
    monkeypatch.setattr(run, "LOCAL_POLL_SECONDS", 0)
    states = waiting()
    polls = 0

    def history(executionArn: str, **arguments: Any) -> Any:  # noqa: N803 - of the API
        events = scripts[executionArn.rpartition(":")[2]].events
        return {"events": events[::-1] if arguments.get("reverseOrder") else events}

    def describe(**_arguments: Any) -> dict[str, Any]:
        nonlocal polls
        polls += 1
        if polls == 4:
            after = approved(script, last, "flights")
            after = transformed(
                script, after, "flights",
                {"rows": {"in": 1, "out": 1, "refused": 0, "duplicate": 0, "filtered": 0}},
            )  # fmt: skip
            script.add("ExecutionSucceeded", after)
        ended = polls > 4
        return {
            "status": "SUCCEEDED" if ended else "RUNNING", "startDate": START, "stopDate": START,
        }  # fmt: skip

    states.answers |= {"get_execution_history": history, "describe_execution": describe}
    run.watch(lake(states), RUN)
    lines = [" ".join(line.split()) for line in screen.getvalue().splitlines() if line.strip()]
    assert lines == [
        "✔ TransformDataset flights 9.0 s 1,000 rows in, 875 out, 125 refused; held, not published",
        "? RequestApproval flights waits for approval",
        "refused rows are 12.50 % of 1,000, and 5 % are allowed",
        "make approve RUN=manual-1 DATASET=flights",
        "make reject RUN=manual-1 DATASET=flights REASON='…'",
        "✔ RequestApproval flights 4.0 s approved",
        "✔ TransformDataset flights 9.0 s 1 row in, 1 out",
        "SUCCEEDED in 0.0 s",
    ]


def test_status__shows_who_waits_for_what(screen: io.StringIO) -> None:
    window, turn, asks = Script(), Script(), Script()
    document = {"not_before": "2026-01-05T12:00:05.000Z"}
    window.enter("Wait", 0, "WaitForWindow", document)
    last = turn.enter("Task", 0, "FindEarlierRuns", {})
    last = turn.exit("Task", last, "FindEarlierRuns", {}, earlier=["air-20260105T120000Z"])
    turn.enter("Wait", last, "WaitForTurn", {})
    held(asks, "flights")
    names = ["manual-1", "air-20260105T120005Z", "air-20260105T120003Z"]
    scripts = {**run_of("manual-1", {"flights": asks}), names[1]: window, names[2]: turn}
    items = [
        {"executionArn": f"{EXECUTION}:{name}", "name": name, "startDate": START} for name in names
    ]
    states = Fake(list_executions={"executions": items}, get_execution_history=histories(**scripts))
    status.waiting(lake(states))
    shown = words(screen)
    assert "Waiting for approval Run manual-1, dataset flights" in shown
    assert "make approve RUN=manual-1 DATASET=flights" in shown
    assert "make reject RUN=manual-1 DATASET=flights REASON='…'" in shown
    assert "air-20260105T120005Z waits for the end of its window, until 12:00:05 UTC" in shown
    assert "air-20260105T120003Z waits for its turn, for run air-20260105T120000Z" in shown


def test_status__nothing_waits_is_no_section(screen: io.StringIO) -> None:
    status.waiting(lake(waiting()))
    assert screen.getvalue() == ""


def test_status__running_run_shows_its_request(screen: io.StringIO) -> None:
    status.one_run(lake(waiting("flights")), RUN)
    shown = words(screen)
    assert "Run manual-1, running" in shown
    assert "… RequestApproval flights" in shown
    assert "waits for approval" in shown


def test_status__run_that_found_no_files(screen: io.StringIO) -> None:
    output = json.dumps({"run_id": "air-1", "datasets": [], "totals": {"datasets": 0}})
    description = {"status": "SUCCEEDED", "startDate": START, "output": output}
    s3 = Fake(get_object=refusal("NoSuchKey"))
    made = connected(stepfunctions=Fake(describe_execution=description), s3=s3)
    status.one_run(made, f"{EXECUTION}:air-1")
    assert "nothing to do: an earlier run had taken the files" in words(screen)


def test_status__run_with_datasets_did_something(screen: io.StringIO) -> None:
    document = {"run_id": "air-1", "status": "SUCCEEDED", "datasets": [], "failures": []}
    description = {"status": "SUCCEEDED", "startDate": START, "output": '{"datasets": [{}]}'}
    s3 = Fake(get_object=lambda **_: stored(document))
    made = connected(stepfunctions=Fake(describe_execution=description), s3=s3)
    status.one_run(made, f"{EXECUTION}:air-1")
    assert "nothing to do" not in words(screen)


def test_status__what_waits_stands_before_the_last_run(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    for name in ("runs", "waiting", "one_run", "crawlers"):
        monkeypatch.setattr(status, name, lambda *_, name=name: shown.append(name))
    monkeypatch.setattr(attention, "show", lambda _target: shown.append("attention"))
    status.show(lake(waiting("flights")))
    assert shown == ["runs", "waiting", "one_run", "crawlers", "attention"]
