"""Histories of runs that wait: for an approval, for the end of their window, for their turn."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from ops.history import History, Unit
from ops.progress import unit_line, waiting_line
from tests.unit.ops_fakes import (
    HELD,
    START,
    Script,
    approved,
    asked,
    begun,
    held,
    machine,
    refused,
    token,
    transformed,
)


def text(unit: Unit) -> str | None:
    line = unit_line(unit)
    return " ".join(line.plain.split()) if line else None


def texts(units: list[Unit]) -> list[str | None]:
    return [text(unit) for unit in units]


PUBLISHED = {"rows": HELD["rows"], "seconds": 3.0}


def test_held_item__waits_with_the_token_of_its_mail() -> None:
    script = Script()
    held(script, "flights")
    history = History(machine("dataset"))
    ended = history.feed(script.events)
    assert texts(ended) == [
        "✔ TransformDataset flights 9.0 s 1,000 rows in, 875 out, 125 refused; held, not published"
    ]
    (unit,) = history.requests
    assert (unit.state, unit.item, unit.token) == ("RequestApproval", "flights", token("flights"))
    assert unit.request["report"]["held"]["timeout_seconds"] == 86400
    line = waiting_line(unit, unit.started + timedelta(minutes=2)).plain
    assert " ".join(line.split()) == "RequestApproval flights 2 min 00 s waits for approval"


def test_approved_item__shows_what_was_held_the_approval_and_what_was_published() -> None:
    script = Script()
    last = approved(script, held(script, "flights"), "flights")
    last = transformed(script, last, "flights", PUBLISHED)
    script.add("ExecutionSucceeded", last)
    history = History(machine("dataset"))
    ended = texts(history.feed(script.events))
    assert [line.split()[1] for line in ended if line] == [
        "TransformDataset", "RequestApproval", "TransformDataset",
    ]  # fmt: skip
    assert ended[1:] == [
        "✔ RequestApproval flights 4.0 s approved",
        "✔ TransformDataset flights 9.0 s 1,000 rows in, 875 out, 125 refused",
    ]
    assert history.requests == []
    # Each of the two job runs has its own logs.
    assert len({unit.job_run_id for unit in history.units if unit.job_run_id}) == 2


def test_unchanged_item__says_so() -> None:
    script = Script()
    report = {**PUBLISHED, "unchanged_since": "run-1"}
    last = transformed(script, begun(script, "flights"), "flights", report)
    script.add("ExecutionSucceeded", last)
    assert texts(History(machine("dataset")).feed(script.events)) == [
        "✔ TransformDataset flights 9.0 s 1,000 rows in, 875 out, 125 refused; unchanged"
    ]


def test_item_that_is_held_again__asks_again() -> None:
    script = Script()
    last = approved(script, held(script, "flights"), "flights")
    last = transformed(script, last, "flights", HELD)
    document = {"dataset": "flights", "report": HELD}
    asked(script, script.enter("Task", last, "RequestApproval", document), "second")
    history = History(machine("dataset"))
    ended = history.feed(script.events)
    assert [unit.state for unit in ended] == [
        "TransformDataset", "RequestApproval", "TransformDataset",
    ]  # fmt: skip
    assert [unit.token for unit in history.requests] == [token("second")]


def test_rejected_item__is_one_failed_request() -> None:
    script = Script()
    last = held(script, "flights")
    refused(script, last, "flights", "Rejected", "send it anew", "ApprovalRejected")
    history = History(machine("dataset"))
    ended = history.feed(script.events)
    assert text(ended[1]) == "✘ RequestApproval flights 7.0 s ApprovalRejected: send it anew"
    assert len(ended) == len(history.units) == 2
    assert history.requests == []


def test_request_that_timed_out__waits_no_more() -> None:
    script = Script()
    last = held(script, "flights")
    refused(script, last, "flights", "States.Timeout", "", "ApprovalTimedOut")
    history = History(machine("dataset"))
    ended = history.feed(script.events)
    assert text(ended[1]) == "✘ RequestApproval flights 7.0 s ApprovalTimedOut"
    assert history.requests == []


def test_request_whose_mail_was_sent_again__has_the_newer_token() -> None:
    script = Script()
    last = held(script, "flights")
    last = script.add("TaskSubmitFailed", last, error="SNS.ThrottledException", cause="slow")
    history = History(machine("dataset"))
    history.feed(script.events)
    assert history.requests == []
    asked(script, last, "again")
    history.feed(script.events)
    assert [unit.token for unit in history.requests] == [token("again")]


def test_execution_for_a_dataset__is_one_unit_with_its_last_output() -> None:
    script = Script()
    last = transformed(script, begun(script, "flights"), "flights", PUBLISHED)
    history = History(machine("dataset"))
    assert history.feed(script.events) == []
    script.add("ExecutionSucceeded", last)
    (unit,) = history.feed(script.events)
    assert text(unit) == "✔ TransformDataset flights 9.0 s 1,000 rows in, 875 out, 125 refused"


@pytest.mark.parametrize("kind", ["ExecutionAborted", "ExecutionTimedOut", "ExecutionFailed"])
def test_execution_for_a_dataset__that_is_cut_off__ends_its_unit(kind: str) -> None:
    script = Script()
    last = script.enter("Task", begun(script, "flights"), "TransformDataset", {})
    script.add(kind, last)
    history = History(machine("dataset"))
    (unit,) = history.feed(script.events)
    assert (unit.state, unit.item) == ("TransformDataset", "flights")


def test_close__ends_a_request_that_was_cut_off() -> None:
    script = Script()
    held(script, "flights")
    history = History(machine("dataset"))
    history.feed(script.events)
    history.close(START + timedelta(hours=1))
    assert history.requests == []


def earlier(script: Script, last: int, *runs: str) -> int:
    """Look for runs that go before this one; they are kept in a variable."""
    last = script.enter("Task", last, "FindEarlierRuns", {})
    last = script.add("TaskScheduled", last, resourceType="aws-sdk:sfn", resource="listExecutions")
    last = script.add("TaskSucceeded", last, resourceType="aws-sdk:sfn", output="{}")
    last = script.exit("Task", last, "FindEarlierRuns", {}, earlier=list(runs))
    last = script.enter("Choice", last, "IsOurTurn", {})
    return script.exit("Choice", last, "IsOurTurn", {})


def test_wait_for_the_window__is_one_line_that_says_until_when() -> None:
    script = Script()
    last = script.enter("Choice", 0, "HasWindow", {})
    last = script.exit("Choice", last, "HasWindow", {})
    document = {"trigger": "event", "group": "air", "not_before": "2026-01-05T12:00:05.000Z"}
    last = script.enter("Wait", last, "WaitForWindow", document)
    history = History(machine("pipeline"))
    history.feed(script.events)
    (unit,) = history.waits
    line = waiting_line(unit, unit.started + timedelta(seconds=1)).plain
    assert " ".join(line.split()) == "WaitForWindow 1.0 s until 12:00:05 UTC"
    last = script.exit("Wait", last, "WaitForWindow", document)
    last = earlier(script, last)
    script.enter("Task", last, "LoadPlan", {})
    assert texts(history.feed(script.events)) == ["✔ WaitForWindow 1.0 s until 12:00:05 UTC", None]
    assert history.waits == []


def test_wait_for_the_turn__is_one_line_however_often_it_looks() -> None:
    script = Script()
    last = 0
    for _ in range(3):
        last = earlier(script, last, "air-20260105T120000Z")
        last = script.enter("Wait", last, "WaitForTurn", {})
        last = script.exit("Wait", last, "WaitForTurn", {})
    history = History(machine("pipeline"))
    assert [unit.quiet for unit in history.feed(script.events)] == [True] * 3
    (unit,) = history.waits
    assert unit.note == "for run air-20260105T120000Z"
    last = earlier(script, last)
    script.enter("Task", last, "LoadPlan", {})
    ended = history.feed(script.events)
    assert texts(ended) == [None, "✔ WaitForTurn 24.0 s for run air-20260105T120000Z"]
    assert history.waits == []


def test_list_of_runs_that_fails__is_told() -> None:
    script = Script()
    last = script.enter("Task", 0, "FindEarlierRuns", {})
    last = script.add("TaskScheduled", last, resourceType="aws-sdk:sfn", resource="listExecutions")
    last = script.add("TaskFailed", last, error="Sfn.SfnException", cause="not allowed")
    script.exit("Task", last, "FindEarlierRuns", {})
    (unit,) = History(machine("pipeline")).feed(script.events)
    assert text(unit) == "✘ FindEarlierRuns 3.0 s Sfn.SfnException: not allowed"


def test_listing_the_files_of_a_dataset__is_no_line() -> None:
    script = Script()
    last = script.enter("Map", 0, "FindFiles")
    last = script.add("MapIterationStarted", last, name="FindFiles", index=0)
    last = script.enter("Task", last, "ListFiles", {"dataset": "flights"})
    last = script.add("TaskScheduled", last, resourceType="aws-sdk:s3", resource="listObjectsV2")
    last = script.add("TaskSucceeded", last, resourceType="aws-sdk:s3", output="{}")
    last = script.exit("Task", last, "ListFiles", {"dataset": "flights", "waiting": True})
    script.add("MapIterationSucceeded", last, name="FindFiles", index=0)
    assert texts(History(machine("pipeline")).feed(script.events)) == [None]


def test_dataset_without_news__is_told() -> None:
    script = Script()
    last = begun(script, "flights")
    last = script.enter("Task", last, "IngestDataset", {"dataset": "flights"})
    last = script.add("TaskScheduled", last, resourceType="glue", resource="startJobRun.sync")
    output = json.dumps({"JobRunId": "jr_1"})
    last = script.add("TaskSubmitted", last, resourceType="glue", output=output)
    last = script.add("TaskSucceeded", last, resourceType="glue", output='{"Id": "jr_1"}')
    last = script.exit("Task", last, "IngestDataset", {})
    last = script.enter("Succeed", last, "LeaveDataset", {})
    last = script.exit("Succeed", last, "LeaveDataset", {"dataset": "flights", "idle": True})
    script.add("MapIterationSucceeded", last, name="TransformDatasets", index=0)
    (unit,) = History(machine("pipeline")).feed(script.events)
    assert (text(unit) or "").endswith(" nothing new")


def test_notify__is_one_line() -> None:
    script = Script()
    last = script.enter("Task", 0, "Notify", {})
    last = script.add("TaskScheduled", last, resourceType="states", resource="startExecution")
    output = json.dumps({"ExecutionArn": "arn:x:execution:medallion-notify:n1"})
    last = script.add("TaskSubmitted", last, resourceType="states", output=output)
    last = script.add("TaskSucceeded", last, resourceType="states", output="{}")
    script.exit("Task", last, "Notify", {})
    assert texts(History(machine("pipeline")).feed(script.events)) == ["✔ Notify 4.0 s"]
