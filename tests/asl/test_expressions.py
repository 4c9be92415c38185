"""Single expressions of the state machines, with what AWS may hand them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.states.jsonata import evaluate
from tests.asl.machines import states
from tests.rendering import Deployment

pytestmark = pytest.mark.xdist_group("asl")
HEADER = ["check_name", "found"]


@pytest.fixture
def pipeline(deployment: Deployment) -> dict[str, dict[str, Any]]:
    return dict(states(json.loads(deployment.definitions["medallion-pipeline"])))


def outcome(expression: str, **variables: Any) -> Any:
    return evaluate(expression.removeprefix("{%").removesuffix("%}"), variables)


@pytest.mark.parametrize(
    ("rows", "failed"),
    [
        ([HEADER], []),
        ([], []),
        ([HEADER, ["raw_rows", "3"]], ["raw_rows"]),
        # Whether the answer of an EXECUTE has a header is not documented: none may hide a check.
        ([["raw_rows", "3"]], ["raw_rows"]),
        ([HEADER, ["raw_rows", "3"], ["row_count", "3"]], ["raw_rows", "row_count"]),
    ],
)
def test_failed_checks__are_all_rows_but_the_header(
    rows: list[list[str]], failed: list[str], pipeline: dict[str, dict[str, Any]]
) -> None:
    found = [{"Data": [{"VarCharValue": value} for value in row]} for row in rows]
    output = outcome(
        pipeline["ReadFailedChecks"]["Output"],
        states={"result": {"ResultSet": {"Rows": found}}},
        dataset="sales",
    )
    assert [check["check"] for check in output["failed_checks"]] == failed
    assert output["checks"] == ("FAILED" if failed else "PASSED")


def test_result__names_every_failure_once(pipeline: dict[str, dict[str, Any]]) -> None:
    def failure(dataset: str) -> dict[str, Any]:
        return {"dataset": dataset, "failure": {"state": "S", "dataset": dataset}}

    result = outcome(
        pipeline["BuildResult"]["Assign"]["result"],
        states={"context": {"Execution": {"Id": "arn"}}},
        runId="run",
        startedAt="now",
        selected=["a", "b", "c", "d"],
        otherFailures=[{"state": "CrawlRaw"}],
        ingested=[failure("a"), {"dataset": "b", "report": {"rows": {}}}],
        transformed=[failure("b")],
        checked=[
            failure("c"),
            {"dataset": "d", "checks": "FAILED", "failed_checks": [{"check": "k", "found": "1"}]},
        ],
    )
    named = [(failure["state"], failure.get("dataset")) for failure in result["failures"]]
    assert named == [
        ("CrawlRaw", None),
        ("S", "a"),
        ("S", "b"),
        ("S", "c"),
        ("CheckDataset", "d"),
    ]
    assert result["status"] == "FAILED"
