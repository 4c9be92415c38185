"""Single expressions of the state machines, with what AWS may hand them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.states.jsonata import evaluate
from tests.asl.machines import states
from tests.rendering import Deployment

pytestmark = pytest.mark.xdist_group("terraform-module")
HEADER = ["check_name", "found"]


States = dict[str, dict[str, Any]]


def read(machine: str, deployment: Deployment) -> States:
    return dict(states(json.loads(deployment.definitions[f"medallion-{machine}"])))


@pytest.fixture
def pipeline(deployment: Deployment) -> States:
    return read("pipeline", deployment)


@pytest.fixture
def model(deployment: Deployment) -> States:
    return read("model", deployment)


@pytest.fixture
def check(deployment: Deployment) -> States:
    return read("check", deployment)


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
    rows: list[list[str]], failed: list[str], check: States
) -> None:
    found = [{"Data": [{"VarCharValue": value} for value in row]} for row in rows]
    output = outcome(
        check["ReadFailedChecks"]["Output"],
        states={"result": {"ResultSet": {"Rows": found}}},
        table={"name": "sales"},
    )
    assert [found["check"] for found in output["failed_checks"]] == failed
    assert output["checks"] == ("FAILED" if failed else "PASSED")


def test_result__names_every_failure_once(pipeline: States) -> None:
    def failure(dataset: str) -> dict[str, Any]:
        return {"dataset": dataset, "failure": {"state": "S", "dataset": dataset}}

    failed_check = [{"check": "k", "found": "1"}]
    result = outcome(
        pipeline["BuildResult"]["Assign"]["result"],
        states={"context": {"Execution": {"Id": "arn"}}},
        runId="run",
        startedAt="now",
        selected=["a", "b", "c", "d"],
        otherFailures=[{"state": "CrawlRaw"}],
        ingested=[failure("a"), {"dataset": "b", "report": {"rows": {}}}],
        transformed=[failure("b")],
        stageResults=[summary("fact")],
        stageFailures=[{"state": "RunStage", "stage": "fact", "model": "m"}],
        checked=[
            {"name": "c", "failure": {"state": "CheckTable"}},
            {"name": "d", "checks": "FAILED", "failed_checks": failed_check},
        ],
        modelChecks=[
            {
                "passed": 1,
                "failed": 2,
                "skipped": 0,
                "failed_checks": [{"name": "n", "failed_checks": failed_check}],
                "failures": [{"state": "CheckTable", "model": "o"}],
            }
        ],
    )
    named = [(f["state"], f.get("dataset", f.get("model"))) for f in result["failures"]]
    assert named == [
        ("CrawlRaw", None),
        ("S", "a"),
        ("S", "b"),
        ("RunStage", "m"),
        ("CheckTable", "c"),
        ("CheckTable", "o"),
        ("CheckTable", "d"),
        ("CheckTable", "n"),
    ]
    assert result["status"] == "FAILED"
    assert result["model_checks"]["failed"] == 2


def summary(stage: str, **others: Any) -> dict[str, Any]:
    """Return what the job leaves of a stage, as far as the machines read it."""
    counts = {"selected": 1, "succeeded": 1, "failed": 0, "skipped": 0}
    return {
        "stage": stage,
        "models": counts,
        "rows_out": 1,
        "failures": [],
        "check_batches": 1,
        "remaining": [],
        **others,
    }


PLAN = {
    "datasets": [
        {"name": "a", "min_rows": 0, "engine": "duckdb"},
        {"name": "b", "min_rows": 1, "engine": "spark"},
    ],
    "stages": [{"name": "dim", "engine": "duckdb"}, {"name": "fact", "engine": "spark"}],
}


@pytest.mark.parametrize(
    ("plan", "request_", "stages", "datasets_given"),
    [
        (PLAN, {}, ["dim", "fact"], False),
        (PLAN, {"stages": ["fact"]}, ["fact"], False),
        (PLAN, {"stages": ["fact", "dim"], "datasets": ["b"]}, ["dim", "fact"], True),
        ({**PLAN, "stages": []}, {}, [], False),
    ],
)
def test_stages__are_those_asked_for__in_the_order_of_the_plan(
    plan: Any, request_: Any, stages: list[str], datasets_given: bool, pipeline: States
) -> None:
    known = {"result": {"Body": json.dumps(plan)}, "input": request_}
    assign = pipeline["LoadPlan"]["Assign"]
    assert [stage["name"] for stage in outcome(assign["stages"], states=known)] == stages
    assert outcome(assign["datasetsGiven"], states=known) is datasets_given


@pytest.mark.parametrize(
    ("begin", "batches", "layers"),
    [
        ("ingest", [], ["processed"]),
        ("ingest", [1], ["processed", "analytics"]),
        ("ingest", [0, 2], ["processed", "analytics", "analytics"]),
        ("model", [1], ["analytics"]),
        ("model", [0], []),
    ],
)
def test_checks__are_one_execution_for_the_datasets_and_one_a_list_of_models(
    begin: str, batches: list[int], layers: list[str], pipeline: States
) -> None:
    rows = {"in": 3, "out": 2, "refused": 1}
    items = outcome(
        pipeline["CheckLayers"]["Items"],
        **{"from": begin},
        ready=["a"],
        transformed=[{"dataset": "a", "report": {"rows": rows}}],
        minimumRows={"a": 0},
        stageResults=[summary(f"s{i}", check_batches=n) for i, n in enumerate(batches)],
        runId="r",
    )
    assert [item["layer"] for item in items] == layers
    lists = [
        (item["input"]["stage"], item["input"]["list"])
        for item in items
        if item["layer"] == "analytics"
    ]
    assert lists == [(f"s{i}", n) for i, count in enumerate(batches) for n in range(count)]
    for item in items:
        if item["layer"] == "processed":
            [table] = item["input"]["tables"]
            assert table["parameters"] == ["3", "2"]
            assert table["if_empty"] == "0 rows of 3 in raw (1 refused)"


STAGES = [{"name": name, "engine": "duckdb"} for name in ("dim", "fact", "mart")]
FAILED_MODEL = {"model": "m", "status": "failed", "error": "E", "cause": "c"}
SKIPPED_MODEL = {"model": "n", "status": "skipped", "error": "E", "cause": "c"}
JOB_FAILURE = {"error": "Glue job run FAILED", "cause": "x", "job_run_id": "jr"}


@pytest.mark.parametrize(
    ("job_failure", "models", "named"),
    [
        ({}, [], []),
        (JOB_FAILURE, [FAILED_MODEL, SKIPPED_MODEL], ["m"]),
        # A job that was cut off after it had built its models has failed all the same.
        (JOB_FAILURE, [], [None]),
        # What was skipped for a failure has that failure's name in the result already.
        (JOB_FAILURE, [SKIPPED_MODEL], []),
    ],
)
def test_stage__tells_its_failures(
    job_failure: Any, models: Any, named: list[str | None], model: States
) -> None:
    found = outcome(
        model["RecordStage"]["Assign"]["failures"],
        failures=[],
        stage=STAGES[0],
        summary=summary("dim", failures=models),
        jobFailure=job_failure,
    )
    assert [failure.get("model") for failure in found] == named
    assert all(failure["stage"] == "dim" for failure in found)


def test_stages__that_have_no_model_of_the_request__are_left_out(model: States) -> None:
    left = outcome(
        model["RecordStage"]["Assign"]["left"],
        left=STAGES,
        stage=STAGES[0],
        summary=summary("dim", remaining=["mart"]),
    )
    assert [stage["name"] for stage in left] == ["mart"]


def test_broken_stage__names_the_stages_that_were_not_run_for_it(model: States) -> None:
    [failure] = outcome(
        model["RecordBrokenStage"]["Assign"]["failures"],
        failures=[],
        stage=STAGES[0],
        left=STAGES,
        jobFailure=JOB_FAILURE,
    )
    assert failure["cause"] == "x Stages that were not run for it: fact, mart."


def test_list_of_models__gives_the_rows_and_what_an_empty_table_means(check: States) -> None:
    tables = [{"name": "a", "rows": 2, "min_rows": 0}, {"name": "b", "rows": 0, "min_rows": 1}]
    found = outcome(
        check["LoadTables"]["Assign"]["tables"],
        states={"result": {"Body": json.dumps({"tables": tables})}},
    )
    assert found == [
        {"name": "a", "rows": 2, "parameters": ["2"]},
        {"name": "b", "rows": 0, "parameters": ["0"], "if_empty": "0 rows"},
    ]


CHECKED: list[dict[str, Any]] = [
    {"name": "a", "checks": "PASSED", "failed_checks": []},
    {"name": "b", "checks": "FAILED", "failed_checks": [{"check": "k", "found": "1"}]},
    {"name": "c", "failure": {"state": "CheckTable", "error": "E", "cause": "c"}},
    {"name": "d", "checks": "SKIPPED", "failed_checks": []},
]


def test_checks__of_datasets__are_told_one_by_one(check: States) -> None:
    output = check["CheckTables"]["Output"]
    assert outcome(output, states={"result": CHECKED}, ofModels=False) == {"checked": CHECKED}


def test_checks__of_a_list_of_models__are_summed_up(check: States) -> None:
    output = check["CheckTables"]["Output"]
    found = outcome(output, states={"result": CHECKED}, ofModels=True)["models"]
    assert {key: found[key] for key in ("passed", "skipped", "failed")} == {
        "passed": 1,
        "skipped": 1,
        "failed": 2,
    }
    assert [item["name"] for item in found["failed_checks"]] == ["b"]
    assert found["failures"] == [{**CHECKED[2]["failure"], "model": "c"}]


def test_checks__of_a_hundred_models__take_no_more_room_than_those_of_twenty(
    check: States,
) -> None:
    output = check["CheckTables"]["Output"]

    def size(count: int) -> int:
        failed = [{**CHECKED[1], "name": f"model_{number:03}"} for number in range(count)]
        return len(json.dumps(outcome(output, states={"result": failed}, ofModels=True)))

    assert size(100) - size(20) < 5
