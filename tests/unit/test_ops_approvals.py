"""Requests for approval: which one is meant, what is shown and sent, and every way to be late."""

from __future__ import annotations

import io
from typing import Any

import pytest

from ops import __main__, approvals, target
from ops.errors import OpsError
from tests.unit.ops_fakes import (
    EXECUTION,
    OUTPUTS,
    RUN,
    START,
    Fake,
    Script,
    approved,
    connected,
    held,
    histories,
    on_aws,
    refusal,
    refused,
    run_of,
    token,
    transformed,
    waiting,
    watched,
    words,
)

OTHER = f"{EXECUTION}:air-20260105T120000Z"


@pytest.fixture(autouse=True)
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    return watched(monkeypatch)


def lake(states: Fake) -> target.Target:
    return connected(stepfunctions=states)


def test_approve__the_only_request_is_shown_and_answered(screen: io.StringIO) -> None:
    states = waiting("flights")
    approvals.approve(lake(states))
    assert states.asked_for("send_task_success") == [
        {"taskToken": token("flights"), "output": "{}"}
    ]
    assert states.asked_for("list_executions") == [
        {"stateMachineArn": OUTPUTS["pipeline_arn"], "statusFilter": "RUNNING"}
    ]
    shown = words(screen)
    assert "Run manual-1, dataset flights waits for approval since 2026-01-05 12:00" in shown
    assert "until 2026-01-06 12:00 (UTC)" in shown
    assert "why: refused rows are 12.50 % of 1,000, and 5 % are allowed" in shown
    assert "the table flights anew, 875 of 1,000 rows of raw, 125 refused" in shown
    assert "refused: 125 rows: column n: not an int" in shown
    assert "Approved: run manual-1, dataset flights." in shown


def test_reject__sends_the_error_that_the_machine_catches_and_the_reason(
    screen: io.StringIO,
) -> None:
    states = waiting("flights")
    approvals.reject(lake(states), reason="the file is last year's")
    assert states.asked_for("send_task_failure") == [
        {"taskToken": token("flights"), "error": "Rejected", "cause": "the file is last year's"}
    ]
    assert "Rejected: run manual-1, dataset flights." in words(screen)


@pytest.mark.parametrize("reason", ["", "  "])
def test_reject__without_a_reason_asks_for_one_and_nothing_else(reason: str) -> None:
    states = waiting("flights")
    with pytest.raises(OpsError, match="A reason is needed") as caught:
        approvals.reject(lake(states), reason=reason)
    assert "make reject REASON='" in caught.value.hint
    assert states.asked == []


def test_reject__longest_reason_is_what_the_message_says() -> None:
    states = waiting("flights")
    approvals.reject(lake(states), reason="x" * approvals.LONGEST_REASON)
    with pytest.raises(OpsError, match="REASON has 1,001 characters; 1,000 are allowed"):
        approvals.reject(lake(states), reason="x" * (approvals.LONGEST_REASON + 1))
    assert len(states.asked_for("send_task_failure")) == 1


def test_approve__of_several_they_are_listed_and_none_is_answered(screen: io.StringIO) -> None:
    states = waiting("flights", "planes")
    with pytest.raises(OpsError, match="2 requests wait for approval") as caught:
        approvals.approve(lake(states))
    assert caught.value.hint == "For example: make approve RUN=manual-1 DATASET=flights"
    shown = words(screen)
    assert "make approve RUN=manual-1 DATASET=planes" in shown
    assert "make reject RUN=manual-1 DATASET=planes REASON='…'" in shown
    assert states.asked_for("send_task_success") == []


def test_approve__dataset_tells_which_one_is_meant() -> None:
    states = waiting("flights", "planes")
    approvals.approve(lake(states), dataset="planes")
    assert states.asked_for("send_task_success")[0]["taskToken"] == token("planes")


@pytest.mark.parametrize("name", ["manual-1", RUN])
def test_approve__run_is_read_by_itself(name: str) -> None:
    # What ListExecutions has not heard of yet can be answered by its name.
    states = waiting("flights", list_executions={"executions": []})
    approvals.approve(lake(states), run=name)
    assert states.asked_for("list_executions") == []
    assert states.asked_for("send_task_success")[0]["taskToken"] == token("flights")


def test_approve__nothing_waits() -> None:
    states = waiting()
    with pytest.raises(OpsError, match="No run waits for approval") as caught:
        approvals.approve(lake(states))
    assert "make status" in caught.value.hint


def test_approve__dataset_that_does_not_wait_shows_those_that_do(screen: io.StringIO) -> None:
    with pytest.raises(OpsError, match="No request of dataset plane waits"):
        approvals.approve(lake(waiting("planes")), dataset="plane")
    assert "make approve RUN=manual-1 DATASET=planes" in words(screen)


def test_approve__unknown_run() -> None:
    with pytest.raises(OpsError, match="There is no run nope") as caught:
        approvals.approve(lake(waiting("flights")), run="nope")
    assert caught.value.hint == "See them: make status"


def test_approve__run_that_has_asked_for_nothing() -> None:
    states = waiting(describe_execution={"status": "SUCCEEDED", "startDate": START})
    with pytest.raises(
        OpsError, match=r"Run manual-1 \(SUCCEEDED\) has not asked for an approval of dataset x"
    ):
        approvals.approve(lake(states), run="manual-1", dataset="x")


def answered(how: str) -> Script:
    script = Script()
    last = held(script, "flights")
    if how == "approved":
        transformed(script, approved(script, last, "flights"), "flights", {"rows": {}})
    elif how == "rejected":
        refused(script, last, "flights", "Rejected", "not now", "ApprovalRejected")
    else:
        refused(script, last, "flights", "States.Timeout", "", "ApprovalTimedOut")
    return script


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("approved", "that of dataset flights was approved at 2026-01-05 12:00 UTC"),
        ("rejected", "that of dataset flights was rejected at 2026-01-05 12:00 UTC: not now"),
        ("timed out", "that of dataset flights has timed out at 2026-01-05 12:00 UTC"),
    ],
)
def test_approve__request_that_is_over_tells_how_it_ended(how: str, text: str) -> None:
    scripts = run_of("manual-1", {"flights": answered(how)})
    states = waiting(get_execution_history=histories(**scripts))
    with pytest.raises(OpsError, match="No request of run manual-1 waits") as caught:
        approvals.approve(lake(states), run="manual-1")
    assert text in caught.value.message
    assert states.asked_for("send_task_success") == []


def test_approve__request_that_was_answered_in_the_meantime_tells_how() -> None:
    script = Script()
    held(script, "flights")

    def late(**_arguments: Any) -> None:
        refused(script, len(script.events), "flights", "Rejected", "too late", "ApprovalRejected")
        raise refusal("TaskTimedOut", "SendTaskSuccess")

    states = waiting(
        get_execution_history=histories(**run_of("manual-1", {"flights": script})),
        send_task_success=late,
    )
    with pytest.raises(OpsError, match="was rejected at 2026-01-05 12:00 UTC: too late"):
        approvals.approve(lake(states), run="manual-1", dataset="flights")


def test_token__answers_without_looking_for_a_run(screen: io.StringIO) -> None:
    states = Fake(send_task_success={}, send_task_failure={})
    approvals.approve(lake(states), token="AQCEAAAA")
    approvals.reject(lake(states), token="AQCEAAAA", reason="no")
    assert states.asked == [
        ("send_task_success", {"taskToken": "AQCEAAAA", "output": "{}"}),
        ("send_task_failure", {"taskToken": "AQCEAAAA", "error": "Rejected", "cause": "no"}),
    ]
    assert "Approved." in words(screen)


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist"])
def test_token__that_is_over(code: str) -> None:
    states = Fake(send_task_success=refusal(code, "SendTaskSuccess"))
    with pytest.raises(OpsError, match="is over: it was answered already, or has timed out"):
        approvals.approve(lake(states), token="AQCEAAAA")


def test_token__that_was_cut_off_when_it_was_copied() -> None:
    states = Fake(send_task_failure=refusal("InvalidToken", "SendTaskFailure"))
    with pytest.raises(OpsError, match="does not know this token") as caught:
        approvals.reject(lake(states), token="AQCE", reason="no")
    assert "make approve TOKEN='" in caught.value.hint


@pytest.mark.parametrize("named", [{"run": "manual-1"}, {"dataset": "flights"}])
def test_token__beside_a_run_or_dataset_is_refused(named: dict[str, str]) -> None:
    with pytest.raises(OpsError, match="TOKEN was given, and RUN or DATASET as well"):
        approvals.approve(lake(Fake()), token="AQCEAAAA", **named)


def test_waiting__requests_of_all_running_runs_oldest_first() -> None:
    late, early = Script(), Script()
    late.add("ExecutionRedriven", 0)
    held(late, "flights")
    held(early, "planes")
    items = [
        {"executionArn": OTHER, "name": "air", "status": "RUNNING", "startDate": START},
        {"executionArn": RUN, "name": "manual-1", "status": "RUNNING", "startDate": START},
    ]
    scripts = run_of("air-20260105T120000Z", {"flights": late})
    reads = histories(**scripts, **run_of("manual-1", {"planes": early}))
    states = Fake(list_executions={"executions": items}, get_execution_history=reads)
    found = approvals.waiting(lake(states))
    assert [(request.run, request.dataset) for request in found] == [
        ("manual-1", "planes"),
        ("air-20260105T120000Z", "flights"),
    ]


def test_command__names_aws_where_a_local_aws_could_be_meant() -> None:
    made = lake(Fake())
    assert approvals.command(made, "approve", "r", "d") == "make approve RUN=r DATASET=d"
    assert approvals.command(on_aws(made), "reject", "r", "d") == (
        "make reject RUN=r DATASET=d TARGET=aws REASON='…'"
    )


# --- the command line


@pytest.mark.parametrize("given", ["argument", "environment"])
def test_main__reject_takes_its_texts_from_arguments_or_the_environment(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = waiting("flights")
    monkeypatch.setattr(__main__, "connect", lambda _name: lake(states))
    monkeypatch.setenv("REASON", "it's $1" if given == "environment" else "another")
    argv = ["reject", "--run", "manual-1", "--dataset", ""]
    argv += ["--reason", "it's $1"] if given == "argument" else []
    assert __main__.main(argv) == 0
    assert states.asked_for("send_task_failure")[0]["cause"] == "it's $1"


def test_main__approve_takes_the_token_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    states = waiting("flights")
    monkeypatch.setattr(__main__, "connect", lambda _name: lake(states))
    monkeypatch.setenv("TASK_TOKEN", "AQCE/==")
    assert __main__.main(["approve", "--run", "", "--dataset", ""]) == 0
    assert states.asked_for("send_task_success")[0]["taskToken"] == "AQCE/=="


@pytest.mark.parametrize("name", ["approve", "reject"])
def test_main__help_says_what_is_done_and_what_is_taken_when_nothing_is_named(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        __main__.main([name, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "the only one that waits" in shown
    assert "--target" in shown
    assert ("--reason" in shown) == (name == "reject")
