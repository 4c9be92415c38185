"""A dataset whose new content needs a person's word: approved, rejected, or never answered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.lake import Lake, Run, until

pytestmark = pytest.mark.xdist_group("arrivals")
GOOD = "product,price\n" + "".join(f"p{n},{n}.00\n" for n in range(10))
# Three of eight rows are refused; two of ten are new.
DOUBTFUL = "product,price\nq1,1\nq2,2\nq3,x\nq4,x\nq5,x\n"


@pytest.fixture
def prices(arrivals: Lake) -> Lake:
    """Ten products are there, and a doubtful file is waiting."""
    lake = arrivals
    for prefix in ("incoming", "raw", "processed", "quarantine"):
        lake.empty(f"{prefix}/prices/")
    lake.drop("prices", "good.csv", GOOD)
    run = lake.run("prices")
    assert run.status == "SUCCEEDED", run.cause
    lake.drop("prices", "doubtful.csv", DOUBTFUL)
    return lake


def products(lake: Lake) -> set[str]:
    return {row[0] for row in lake.query("SELECT product FROM prices") if row[0]}


BEFORE = {f"p{number}" for number in range(10)}


def asked(lake: Lake) -> tuple[str, str, str]:
    """Start a run; return it, the mail that asks, and the token in it."""
    known = len(lake.notifications())
    run = lake.start({"datasets": ["prices"]})

    def mails() -> list[str]:
        new = lake.notifications()[known:]
        return [item["message"] for item in new if "APPROVAL" in item["subject"]]

    text = until(mails, "a mail that asks")[0]
    [token] = re.findall(r"send-task-success .*--task-token (\S+)", text)
    return run, text, token


def test_doubtful__is_asked_about__and_published_when_approved(prices: Lake) -> None:
    lake = prices
    versions = lake.versions("processed/prices/")
    quarantined = lake.keys("quarantine/prices/")
    run, text, token = asked(lake)
    assert "refused rows are" in text
    assert "make approve" in text
    # Nothing has changed while the run waits.
    assert lake.versions("processed/prices/") == versions
    assert lake.keys("quarantine/prices/") == quarantined
    lake.states.send_task_success(taskToken=token, output="{}")
    ended = lake.wait(run)
    assert ended.status == "SUCCEEDED", ended.cause
    assert ended.dataset("prices")["transform"]["rows"]["refused"] == 3
    assert products(lake) == BEFORE | {"q1", "q2"}


def assert_kept(lake: Lake, run: Run, error: str) -> None:
    """Assert that a run failed for the approval, and that the table is what it was."""
    assert run.status == "FAILED"
    failure = run.failure()
    assert (failure["state"], failure["dataset"]) == ("RequestApproval", "prices")
    assert failure["error"] == error
    mail = lake.notifications()[-1]
    assert mail["subject"].startswith("[arrive] FAILED")
    assert error in mail["message"]
    assert products(lake) == BEFORE


def test_doubtful__rejected__changes_nothing(prices: Lake) -> None:
    versions = prices.versions("processed/prices/")
    run, _, token = asked(prices)
    prices.states.send_task_failure(taskToken=token, error="Rejected", cause="not our prices")
    ended = prices.wait(run)
    assert_kept(prices, ended, "ApprovalRejected")
    assert "not our prices" in ended.failure()["cause"]
    assert prices.versions("processed/prices/") == versions


def test_answer__of_any_kind__ends_its_dataset_alone(prices: Lake) -> None:
    run, _, token = asked(prices)
    prices.states.send_task_failure(taskToken=token, error="Odd", cause="{not json")
    ended = prices.wait(run)
    assert_kept(prices, ended, "Odd")
    assert ended.failure()["cause"] == "{not json"


@contextmanager
def impatient(lake: Lake, seconds: int) -> Iterator[None]:
    """Give up an approval after some seconds; hours are the least that can be configured."""
    arn = lake.outputs["pipeline_arn"].removesuffix("pipeline") + "dataset"
    definition = lake.states.describe_state_machine(stateMachineArn=arn)["definition"]
    hours = '"{% $states.input.report.held.timeout_seconds %}"'
    assert definition.count(hours) == 1
    shorter = definition.replace(hours, str(seconds))
    lake.states.update_state_machine(stateMachineArn=arn, definition=shorter)
    try:
        yield
    finally:
        lake.states.update_state_machine(stateMachineArn=arn, definition=definition)


def test_doubtful__never_answered__changes_nothing(prices: Lake) -> None:
    versions = prices.versions("processed/prices/")
    with impatient(prices, 5):
        run, _, token = asked(prices)
        ended = prices.wait(run)
    assert_kept(prices, ended, "ApprovalTimedOut")
    assert prices.versions("processed/prices/") == versions
    with pytest.raises(prices.states.exceptions.TaskTimedOut):
        prices.states.send_task_success(taskToken=token, output="{}")


def test_rows__that_grow_too_much__are_asked_about(prices: Lake) -> None:
    lake = prices
    lake.drop("prices", "doubtful.csv", "product,price\n" + "".join(f"n{n},1\n" for n in range(6)))
    run, text, token = asked(lake)
    assert "60.00 %" in text
    lake.states.send_task_success(taskToken=token, output="{}")
    assert lake.wait(run).status == "SUCCEEDED"
    assert len(products(lake)) == 16
