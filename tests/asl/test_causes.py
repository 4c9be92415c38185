"""Every handler of an error, with causes of any kind: none of them may fail itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.states.jsonata import evaluate
from tests.asl.machines import MACHINES, expressions, read, said, states, walk
from tests.deployments import Deployment

pytestmark = pytest.mark.xdist_group("terraform-module")

JOB_RUN = {"Id": "jr_1", "JobName": "ingest", "JobRunState": "FAILED", "ErrorMessage": 'a "b" c'}
EXECUTION = {"Cause": 'no "x"', "Error": "CrawlFAILED", "Input": {"a": 1}, "Status": "FAILED"}
CAUSES = {
    "absent": None,
    "empty": "",
    "no JSON": "{not json",
    "cut": '{"a":',
    "cut within": json.dumps(JOB_RUN)[:70],
    "a list": "[1]",
    "a job run": json.dumps(JOB_RUN),
    "an execution": json.dumps(EXECUTION, separators=(",", ":")),
    "long": '{"Error": "' + "\\u00fc" * 16_000,
}
# What the handlers refer to besides the error.
KNOWN: dict[str, Any] = {
    "runId": "r",
    "step": "ingest",
    "dataset": "d",
    "engine": "duckdb",
    "first": 20,
    "done": [],
    "where": "",
    "stage": {"name": "s", "engine": "duckdb"},
    "jobFailure": {},
    "left": [{"name": "s"}, {"name": "t"}],
    "failedState": "S",
    "table": {"name": "t"},
    "crawler": "c",
    "kind": "dataset",
    "error": "E",
    "cause": "c",
    "number": 0,
}
HELD = {"report": {"held": {"timeout_seconds": 60, "reasons": ["x"]}}}


def handlers(deployment: Deployment) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every catcher, with its machine and state."""
    for machine in MACHINES:
        definition = json.loads(deployment.definitions[f"medallion-{machine}"])
        for name, state in states(definition):
            for catcher in state.get("Catch", []):
                yield machine, name, catcher


@pytest.mark.parametrize("kind", CAUSES)
def test_handlers__take_a_cause_of_any_kind(kind: str, deployment: Deployment) -> None:
    cause = CAUSES[kind]
    found = list(handlers(deployment))
    assert len(found) > 30
    for machine, name, catcher in found:
        error = {"Error": "Some.Error", **({} if cause is None else {"Cause": cause})}
        given = {**HELD, "batch": {"number": 0}, "list": "l", "detail": {}, "dataset": "d"}
        known = {**KNOWN, "states": {"errorOutput": error, "input": given, "context": CONTEXT}}
        if machine == "arrival":
            known["failure"] = {"state": "S", "error": "E", "cause": "c"}
        for expression in expressions({key: catcher.get(key) for key in ("Assign", "Output")}):
            value = evaluate(expression, known)
            assert len(json.dumps(value)) < 200_000, (machine, name)


CONTEXT = {"Execution": {"Name": "r", "StartTime": "2026-01-01T00:00:00.000Z"}}


def test_no_expression__parses_a_cause(deployment: Deployment) -> None:
    for machine in MACHINES:
        for expression in expressions(json.loads(deployment.definitions[f"medallion-{machine}"])):
            parsed = expression.count("$parse(")
            assert parsed == expression.count("$parse($states.result.Body)"), expression


@pytest.fixture
def dataset(deployment: Deployment) -> dict[str, dict[str, Any]]:
    return read("dataset", deployment)


LOGGED = {"log_group": "/g", "log_stream": "jr_1"}


@pytest.mark.parametrize("kind", CAUSES)
def test_job__that_failed__is_told_by_glue_if_it_ran(
    kind: str, dataset: dict[str, dict[str, Any]]
) -> None:
    given = {"Error": "Some.Error", **({"Cause": CAUSES[kind]} if CAUSES[kind] else {})}
    [catcher] = dataset["IngestDataset"]["Catch"]
    failure = said(catcher["Assign"], states={"errorOutput": given})["failure"]
    end = walk(dataset, catcher["Next"], {}, failure=failure, logGroup="/g", dataset="d")
    if kind in ("a job run", "cut within"):
        left = {"a job run": "a 'b' c", "cut within": "The job run left no message."}[kind]
        assert end.state == "ReadError"
        assert end.variables["failure"] == {
            "state": "IngestDataset",
            "error": "Glue job run FAILED",
            "cause": left,
        }
        assert end.variables["jobRun"] == {"job_run_id": "jr_1", **LOGGED}
    else:
        assert end.state == "RecordFailure"
        assert said(dataset["RecordFailure"]["Output"], **end.variables) == {
            "dataset": "d",
            "failure": {
                "state": "IngestDataset",
                "dataset": "d",
                "error": "Some.Error",
                "cause": (CAUSES[kind] or "")[:1000],
            },
        }


GLUE = {"error": "Glue job run FAILED", "cause": "Command failed with exit code 1"}
LOGS = {"log_group": "/own", "log_stream": "jr_2"}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"type": "ConfigError", "message": "no"}, {**GLUE, "cause": "ConfigError: no"}),
        (
            {"type": "E", "message": "x" * 2000, **LOGS},
            {**GLUE, "cause": f"E: {'x' * 997}", **LOGS},
        ),
        ({"message": 7, "log_group": "/g"}, {**GLUE, "cause": "7"}),
        ({"message": "m", "log_group": None, "log_stream": None}, {**GLUE, "cause": "m"}),
        ({"message": "m", "log_stream": "jr_1"}, {**GLUE, "cause": "m"}),
        ({}, GLUE),
        ([], GLUE),
        ("text", GLUE),
    ],
)
def test_error_of_a_job__is_told_before_what_glue_says(
    body: Any, found: Any, deployment: Deployment
) -> None:
    left = {"result": {"Body": json.dumps(body)}}
    for machine, variable, after in (
        ("dataset", "failure", "RecordFailure"),
        ("model", "jobFailure", "ReadStage"),
    ):
        found_in = read(machine, deployment)
        task = found_in["ReadError"]
        known = {variable: GLUE, "jobRun": LOGGED, **said(task["Assign"], states=left)}
        end = walk(found_in, task["Next"], {}, **known)
        assert end.state == after
        logged = {**LOGGED, **{key: found[key] for key in LOGGED if key in found}}
        assert end.variables["jobRun"] == logged
        assert {**end.variables[variable], **found} == {**GLUE, **found}
        assert end.variables[variable]["cause"] == found["cause"]


NONE = ("selected", "ingested", "transformed", "stageResults", "checked", "failedChecks")


def told(deployment: Deployment, cause: str | None, count: int = 1) -> list[dict[str, Any]]:
    """Return what a run says of executions that failed."""
    pipeline = read("pipeline", deployment)
    [catcher] = pipeline["CrawlRaw"]["Catch"]
    error = {"Error": "States.TaskFailed", **({} if cause is None else {"Cause": cause})}
    failure = said(catcher["Output"], states={"errorOutput": error})["failure"]
    empty: dict[str, Any] = {name: [] for name in NONE}
    end = walk(
        pipeline,
        "ListFailures",
        {},
        {"Execution": {"Id": "arn"}},
        otherFailures=[dict(failure) for _ in range(count)],
        stageFailures={"total": 0, "first": []},
        left="StoreResult",
        runId="r",
        startedAt="t",
        everyStage=True,
        **empty,
    )
    assert end.state == "StoreResult"
    failures: list[dict[str, Any]] = end.variables["result"]["failures"]
    return failures


LONG = "語" * 2000
CUT_OFF = {"Input": {"Cause": "no"}, "InputDetails": {"Included": True}, "Status": "TIMED_OUT"}


@pytest.mark.parametrize(
    ("cause", "error", "text"),
    [
        (None, "States.TaskFailed", ""),
        ("{not json", "States.TaskFailed", "{not json"),
        (json.dumps(EXECUTION), "CrawlFAILED", "no 'x'"),
        (json.dumps(EXECUTION, separators=(",", ":")), "CrawlFAILED", "no 'x'"),
        (json.dumps(CUT_OFF), "Execution TIMED_OUT", "The execution ended TIMED_OUT."),
        (
            json.dumps({"Error": "E", "Cause": LONG, "Status": "FAILED"}, ensure_ascii=False),
            *("E", LONG[:1000]),
        ),
    ],
)
def test_execution__that_failed__is_told_by_its_own_error(
    cause: str | None, error: str, text: str, deployment: Deployment
) -> None:
    [failure] = told(deployment, cause)
    assert (failure["state"], failure["error"], failure["cause"]) == ("CrawlRaw", error, text)
    assert set(failure) == {"state", "error", "cause", "log_group", "log_stream"}


def test_failures__of_many_executions__are_told_more_shortly(deployment: Deployment) -> None:
    described = json.dumps({"Error": "E", "Cause": "x" * 900})
    assert {len(failure["cause"]) for failure in told(deployment, described, 5)} == {900}
    assert {len(failure["cause"]) for failure in told(deployment, described, 6)} == {400}


@pytest.mark.parametrize(
    ("cause", "error", "text"),
    [
        (None, "States.TaskFailed", ""),
        ("Access to it is denied.", "States.TaskFailed", "Access to it is denied."),
        (json.dumps(CUT_OFF), "Execution TIMED_OUT", "The execution ended TIMED_OUT."),
        (json.dumps({"Cause": "no", "Error": "States.Runtime"}), "States.Runtime", "no"),
    ],
)
def test_dataset__whose_execution_broke__is_told_by_its_batch(
    cause: str | None, error: str, text: str, deployment: Deployment
) -> None:
    batch = read("batch", deployment)
    [catcher] = batch["RunDataset"]["Catch"]
    given = {"Error": "States.TaskFailed", **({} if cause is None else {"Cause": cause})}
    left = said(catcher["Output"], states={"errorOutput": given, "input": {"dataset": "d"}})
    found = said(batch[catcher["Next"]]["Output"], states={"input": left})
    failure = {"state": "RunDataset", "dataset": "d", "error": error, "cause": text}
    assert found == {"dataset": "d", "failure": failure}
