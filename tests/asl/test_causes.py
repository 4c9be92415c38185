"""Every handler of an error, with causes of any kind: none of them may fail itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.states.jsonata import evaluate
from tests.asl.machines import MACHINES, expressions, states
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
    "otherFailures": [],
    "failure": {"error": "E", "cause": "c"},
    "jobRun": {},
    "where": "",
    "stage": {"name": "s", "engine": "duckdb"},
    "jobFailure": {},
    "failedState": "S",
    "result": {"failures": []},
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
        given = {**HELD, "batch": {"number": 0}, "list": "l", "detail": {}}
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
def batch(deployment: Deployment) -> dict[str, dict[str, Any]]:
    return dict(states(json.loads(deployment.definitions["medallion-batch"])))


def said(text: str, **variables: Any) -> Any:
    return evaluate(text.removeprefix("{%").removesuffix("%}").strip(), variables)


@pytest.mark.parametrize("kind", CAUSES)
def test_job__that_failed__is_told_by_glue_if_it_ran(
    kind: str, batch: dict[str, dict[str, Any]]
) -> None:
    given = {"error": "Some.Error", "cause": CAUSES[kind] or ""}
    state = batch["HasJobRun"]
    [choice] = state["Choices"]
    if said(choice["Condition"], states={"input": given}):
        left = {"a job run": "a 'b' c", "cut within": "The job run left no message."}[kind]
        assert choice["Next"] == "ReadError"
        failure = said(choice["Assign"]["failure"], states={"input": given})
        assert failure == {"error": "Glue job run FAILED", "cause": left}
        assert said(choice["Assign"]["jobRun"]["Id"], states={"input": given}) == "jr_1"
    else:
        assert kind not in ("a job run", "cut within")
        assert state["Default"] == "RecordFailure"
        cause = said(state["Assign"]["failure"]["cause"], states={"input": given})
        assert cause == given["cause"][:1000]


GLUE = {"error": "Glue job run FAILED", "cause": "Command failed with exit code 1"}
LOGS = {"log_group": "/g", "log_stream": "jr_1"}


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
    known = {"failure": GLUE, "jobFailure": GLUE, "states": {"result": {"Body": json.dumps(body)}}}
    for machine, variable in (("batch", "failure"), ("model", "jobFailure")):
        read = dict(states(json.loads(deployment.definitions[f"medallion-{machine}"])))["ReadError"]
        assert said(read["Assign"][variable], **known) == found
