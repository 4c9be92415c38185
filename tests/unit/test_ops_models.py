"""Stages and models of a run: nested executions that are followed, lines, and tables."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from ops import display, localaws, logs, models, progress, run, target
from ops.display import PLAIN_WIDTH
from ops.history import Unit
from ops.progress import Progress
from tests.unit.ops_fakes import described

START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
ROOT = "arn:aws:states:us-east-1:123456789012:execution:medallion-pipeline:r1"
NESTED = "arn:aws:states:us-east-1:123456789012:execution:medallion-model:n1"
CHECKED = "arn:aws:states:us-east-1:123456789012:execution:medallion-check:n2"
SUMMARY: dict[str, Any] = {
    "run_id": "r1", "stage": "fact", "engine": "duckdb", "status": "FAILED", "seconds": 5.0,
    "models": {"selected": 3, "succeeded": 1, "failed": 1, "skipped": 1}, "rows_out": 1234,
    "failures": [
        {"model": "fact_b", "status": "failed", "error": "ConfigError", "cause": "no column x"},
        {"model": "fact_c", "status": "skipped", "error": "", "cause": "it reads fact_b"},
    ],
}  # fmt: skip
REPORT = {
    "model": "fact_a", "stage": "fact", "engine": "duckdb", "seconds": 2.5,
    "rows": {"out": 1234}, "objects": {"written": 11, "unchanged": 1, "deleted": 0},
}  # fmt: skip


class Bucket:
    """An S3 client over a dict of documents."""

    def __init__(self, documents: Mapping[str, Any]) -> None:
        self.documents = documents

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - of the API
        if Key not in self.documents:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": ""}}, "GetObject")
        return {"Body": io.BytesIO(json.dumps(self.documents[Key]).encode())}

    def get_paginator(self, _name: str) -> Bucket:
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        return [{"Contents": [{"Key": key} for key in self.documents if key.startswith(Prefix)]}]


class States:
    """A Step Functions client that knows some histories, and how many events there are by now."""

    def __init__(self, histories: dict[str, list[dict[str, Any]]]) -> None:
        self.histories = histories
        self.known: dict[str, int] = {}

    def get_execution_history(self, **arguments: Any) -> dict[str, Any]:
        arn = arguments["executionArn"]
        found = self.histories[arn][: self.known.get(arn, len(self.histories[arn]))]
        return {"events": found[::-1] if arguments.get("reverseOrder") else found}

    describe_state_machine_for_execution = staticmethod(described)


def connected(**clients: Any) -> target.Target:
    outputs = target.Outputs(
        "lake", {}, {}, [], {}, {}, [], "topic", "pipeline", "us-east-1", ["fact"], "medallion"
    )
    made = target.Target("local", outputs, localaws.Session(0, 1, "flights", None))
    made.__dict__.update(clients)
    return made


def event(number: int, kind: str, **details: Any) -> dict[str, Any]:
    """Event that follows the one before it."""
    name = kind
    for end in ("StateEntered", "StateExited"):
        name = end if kind.endswith(end) else name
    return {
        "id": number, "previousEventId": number - 1, "type": kind,
        "timestamp": START + timedelta(seconds=number),
        f"{name[0].lower()}{name[1:]}EventDetails": details,
    }  # fmt: skip


def waiting(state: str, arn: str, *, fails: bool = False) -> list[dict[str, Any]]:
    """History of an execution that starts another one and waits for it."""
    submitted = json.dumps({"ExecutionArn": arn})
    end = (
        event(4, "TaskFailed", error="States.TaskFailed", cause="the stage is broken")
        if fails
        else event(4, "TaskSucceeded", resourceType="states", output="{}")
    )
    return [
        event(1, "TaskStateEntered", name=state, input="{}"),
        event(2, "TaskScheduled", resourceType="states", parameters="{}"),
        event(3, "TaskSubmitted", resourceType="states", output=submitted),
        end,
        event(5, "TaskStateExited", name=state, output="{}"),
    ]


def stage_history(stage: str = "fact") -> list[dict[str, Any]]:
    arguments = json.dumps({"Arguments": {"--stage": stage}})
    output = json.dumps({"JobRunId": "jr_1"})
    return [
        event(1, "TaskStateEntered", name="RunStage", input="{}"),
        event(2, "TaskScheduled", resourceType="glue", parameters=arguments),
        event(3, "TaskSubmitted", resourceType="glue", output=output),
        event(4, "TaskSucceeded", resourceType="glue", output='{"Id": "jr_1"}'),
        event(5, "TaskStateExited", name="RunStage", output="{}"),
    ]


def shown(units: list[Unit]) -> list[tuple[str, str]]:
    return [(unit.state, unit.item) for unit in units]


def test_progress__units_of_a_started_execution_stand_for_it() -> None:
    states = States({ROOT: waiting("RunModels", NESTED), NESTED: stage_history()})
    followed = Progress(connected(stepfunctions=states), ROOT)
    states.known = {ROOT: 3, NESTED: 3}
    assert followed.poll() == []
    assert shown(followed.units) == [("RunStage", "fact")]
    states.known = {}
    assert shown(followed.poll()) == [("RunStage", "fact")]
    assert followed.poll() == []


def test_progress__execution_that_fails_is_told_after_its_units() -> None:
    states = States({ROOT: waiting("RunModels", NESTED, fails=True), NESTED: stage_history()})
    ended = Progress(connected(stepfunctions=states), ROOT).poll()
    assert shown(ended) == [("RunStage", "fact"), ("RunModels", "")]
    assert progress.problem(ended[1]) == "States.TaskFailed: the stage is broken"


def test_progress__crawl_is_one_line() -> None:
    crawl = NESTED.replace("model", "crawl")
    states = States({ROOT: waiting("CrawlRaw", crawl), crawl: stage_history()})
    assert shown(Progress(connected(stepfunctions=states), ROOT).poll()) == [("CrawlRaw", "")]


def test_progress__close_ends_what_was_cut_off_at_every_depth() -> None:
    states = States({ROOT: waiting("CheckTables", CHECKED), CHECKED: stage_history()})
    states.known = {ROOT: 3, CHECKED: 3}
    followed = Progress(connected(stepfunctions=states), ROOT)
    followed.poll()
    (unit,) = followed.close(START + timedelta(seconds=61))
    assert (unit.state, unit.seconds) == ("RunStage", 60.0)


def test_logs__job_runs_of_stages_are_found() -> None:
    states = States({ROOT: waiting("RunModels", NESTED), NESTED: stage_history()})
    (unit,) = logs.job_runs(connected(stepfunctions=states), ROOT)
    assert (unit.state, unit.item, unit.job_run_id) == ("RunStage", "fact", "jr_1")


def lake(**more: Any) -> target.Target:
    documents = {
        "runs/r1/stages/fact.json": SUMMARY,
        "runs/r1/model/fact_a.json": REPORT,
        "runs/r1/model/dim_a.json": {**REPORT, "model": "dim_a", "stage": "dimension"},
        **more,
    }
    return connected(s3=Bucket(documents))


def stage_unit() -> Unit:
    return Unit(
        "RunStage", "fact", START, START + timedelta(seconds=7), job_run_id="jr_1", stage="fact"
    )


def plain(texts: Any) -> list[str]:
    return [" ".join(item.plain.split()) for item in texts]


def test_stage_lines__each_model_has_its_own() -> None:
    assert plain(run.unit_lines(lake(), "r1", stage_unit())) == [
        "✘ RunStage fact 7.0 s 1 model, 1,234 rows, 1 failed, 1 skipped (duckdb)",
        "✔ fact_a 2.5 s 1,234 rows, 11 objects written, 1 unchanged",
        "✘ fact_b failed: ConfigError: no column x",
        "✘ fact_c skipped: it reads fact_b",
    ]


def test_stage_lines__of_many_models_only_what_went_wrong() -> None:
    many = {f"runs/r1/model/m{n}.json": {**REPORT, "model": f"m{n}"} for n in range(200)}
    found = plain(run.unit_lines(lake(**many), "r1", stage_unit()))
    assert found[1:] == [
        "✘ fact_b failed: ConfigError: no column x",
        "✘ fact_c skipped: it reads fact_b",
        "and 201 models that succeeded",
    ]


def test_stage_lines__job_that_left_no_summary_tells_why() -> None:
    unit = stage_unit()
    unit.error = ("States.TaskFailed", '{"JobRunState": "TIMEOUT", "ErrorMessage": "too long"}')
    found = plain(run.unit_lines(connected(s3=Bucket({})), "r1", unit))
    assert found == ["✘ RunStage fact 7.0 s Glue job run TIMEOUT: too long"]


def test_read__report_of_an_earlier_attempt_does_not_hide_a_failure() -> None:
    stale = {"runs/r1/model/fact_b.json": {**REPORT, "model": "fact_b"}}
    found = {item.name: item.status for item in models.read(lake(**stale), "r1", "fact")}
    assert found == {"fact_a": "succeeded", "fact_b": "failed", "fact_c": "skipped"}


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    text = io.StringIO()
    console = Console(file=text, width=PLAIN_WIDTH, highlight=False)
    monkeypatch.setattr(display, "console", console)
    monkeypatch.setattr(models, "console", console)
    return text


def test_show__stages_models_failures_and_checks(screen: io.StringIO) -> None:
    check = {"name": "fact_a", "failed_checks": [{"check": "unique(id)", "found": "2"}]}
    result = {
        "run_id": "r1",
        "stages": [SUMMARY],
        "model_checks": {"passed": 4, "failed": 1, "skipped": 2, "failed_checks": [check]},
    }
    models.show(lake(), result)
    found = " ".join(screen.getvalue().split())
    assert "fact duckdb 3 1 0 1 1 1,234 5.0 s failed" in found
    assert "fact_a fact duckdb 1,234 11 1 2.5 s succeeded" in found
    assert "fact_b fact duckdb - - - - failed" in found
    assert "fact_b failed: ConfigError: no column x" in found
    assert "fact_a: check unique(id) found 2" in found
    assert "checks of models: 4 passed, 1 failed, 2 skipped" in found


def test_show__model_that_is_unchanged(screen: io.StringIO) -> None:
    report = {
        **REPORT, "unchanged_since": "r0", "seconds": 0.1,
        "objects": {"written": 0, "unchanged": 12, "deleted": 0},
    }  # fmt: skip
    counts = {"selected": 1, "succeeded": 1, "unchanged": 1, "failed": 0, "skipped": 0}
    summary = {**SUMMARY, "status": "SUCCEEDED", "models": counts, "failures": []}
    found = lake(**{"runs/r1/model/fact_a.json": report})
    models.show(found, {"run_id": "r1", "stages": [summary]})
    said = " ".join(screen.getvalue().split())
    assert "fact duckdb 1 1 1 0 0 1,234" in said
    assert "fact_a fact duckdb 1,234 0 12 0.1 s unchanged" in said


def test_show__run_without_models_prints_nothing(screen: io.StringIO) -> None:
    models.show(lake(), {"run_id": "r1", "datasets": []})
    assert screen.getvalue() == ""
