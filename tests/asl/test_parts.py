"""What the machines that a run starts make of what AWS may hand them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.asl.machines import States, read, said, walk
from tests.asl.samples import REPORT, summary
from tests.deployments import Deployment

pytestmark = pytest.mark.xdist_group("terraform-module")

HEADER = ["check_name", "found"]


@pytest.fixture
def batch(deployment: Deployment) -> States:
    return read("batch", deployment)


@pytest.fixture
def dataset(deployment: Deployment) -> States:
    return read("dataset", deployment)


@pytest.fixture
def model(deployment: Deployment) -> States:
    return read("model", deployment)


@pytest.fixture
def check(deployment: Deployment) -> States:
    return read("check", deployment)


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
    output = said(
        check["ReadFailedChecks"]["Output"],
        states={"result": {"ResultSet": {"Rows": found}}},
        table={"name": "sales"},
    )
    assert [found["check"] for found in output["failed_checks"]] == failed
    assert output["checks"] == ("FAILED" if failed else "PASSED")


@pytest.mark.parametrize(
    ("listed", "waiting"),
    [
        ({"KeyCount": 0}, False),
        ({"KeyCount": 1, "Contents": [{"Key": "incoming/a/", "Size": 0}]}, False),
        ({"KeyCount": 1, "Contents": [{"Key": "incoming/a/empty.csv", "Size": 0}]}, True),
        ({"KeyCount": 1, "Contents": [{"Key": "incoming/a/odd/", "Size": 1}]}, True),
        (
            {
                "KeyCount": 2,
                "Contents": [
                    {"Key": "incoming/a/", "Size": 0},
                    {"Key": "incoming/a/x.csv", "Size": 9},
                ],
            },
            True,
        ),
        (
            {
                "KeyCount": 1,
                "Contents": [{"Key": "incoming/a/", "Size": 0}],
                "IsTruncated": True,
            },
            True,
        ),
    ],
)
def test_dataset__has_files__unless_there_are_folders_only(
    listed: Any, waiting: bool, dataset: States
) -> None:
    found = {"IsTruncated": False, **listed}
    output = dataset["ListFiles"]["Output"]
    assert said(output, states={"result": found}) == {"waiting": waiting}


@pytest.mark.parametrize(
    ("step", "idle", "end"),
    [
        ("ingest", True, "LeaveDataset"),
        ("ingest", False, "DatasetDone"),
        ("ingest", None, "DatasetDone"),
        ("transform", True, "DatasetDone"),
    ],
)
def test_dataset__that_is_fetched__is_left_when_there_is_no_news(
    step: str, idle: bool | None, end: str, dataset: States
) -> None:
    left = {**REPORT, **({} if idle is None else {"idle": idle})}
    found = walk(dataset, "HasNews", {}, step=step, left=left, dataset="a")
    assert found.state == end
    assert said(dataset["LeaveDataset"]["Output"], dataset="a") == {"dataset": "a", "idle": True}


@pytest.mark.parametrize(
    ("batches", "details", "failures"),
    [(1, ["c", "a", "b"], 3), (10, ["c", "a"], 2), (45, [], 1)],
)
def test_batch__tells_of_refused_files_first__and_less_the_more_batches_there_are(
    batches: int, details: list[str], failures: int, batch: States
) -> None:
    files = {"accepted": 1, "refused": 0}
    reports = [
        {"dataset": "a", "report": REPORT},
        {"dataset": "b", "report": {**REPORT, "files": files}},
        {"dataset": "c", "report": {**REPORT, "files": {**files, "refused": 2}}},
    ]
    failed = [{"dataset": n, "failure": {"state": "S", "cause": "x" * 1000}} for n in "defg"[:3]]
    done = [*reports, *failed, {"dataset": "h", "idle": True}]
    given = {"step": "ingest", "run_id": "r", "number": 7, "batches": batches, "by_event": False}
    known = said(batch["ReadInput"]["Assign"], states={"input": {**given, "datasets": []}})
    known |= said(batch["ProcessDatasets"]["Assign"], states={"result": done}, **known)
    known |= said(batch["StoreBatch"]["Assign"], **known)
    output = said(batch["TellBatch"]["Output"], **known)
    assert (output["ready"], output["idle"]) == (["a", "b", "c"], ["h"])
    told = output["told"]
    assert (told["number"], told["done"], told["failed"]) == (7, 3, 3)
    assert told["files"] == {"accepted": 2, "refused": 2}
    assert told["rows"] == {"in": 3, "out": 3, "refused": 0, "duplicate": 0, "filtered": 0}
    assert [item["dataset"] for item in told["details"]] == details
    shown = 1000 if batches == 1 else 300
    assert [len(item["cause"]) for item in told["failures"]] == [shown] * failures


@pytest.mark.parametrize(
    ("rows", "min_rows", "if_empty"),
    [
        ({"in": 3, "out": 2, "refused": 1}, 0, "0 rows of 3 in raw (1 refused)"),
        ({"in": 3, "out": 3, "refused": 0}, 1, "0 rows of 3 in raw (0 refused)"),
        ({"in": 3, "out": 3, "refused": 0}, 0, None),
    ],
)
def test_batch__leaves_the_tables_to_check(
    rows: dict[str, int], min_rows: int, if_empty: str | None, batch: States
) -> None:
    done = [{"dataset": "a", "report": {"rows": rows}}, {"dataset": "b", "failure": {}}]
    datasets = [{"name": "a", "min_rows": min_rows}, {"name": "b", "min_rows": 9}]
    known = said(batch["ProcessDatasets"]["Assign"], states={"result": done}, datasets=datasets)
    end = walk(batch, "ListTables", {}, step="transform", runId="r", number=0, **known)
    assert end.state == "StoreBatch"
    body = said(batch["StoreBatch"]["Arguments"]["Body"], **end.variables)
    [table] = body["tables"]
    assert table["parameters"] == [str(rows["in"]), str(rows["out"])]
    assert table.get("if_empty") == if_empty


STAGES = [{"name": name, "engine": "duckdb"} for name in ("dim", "fact", "mart")]

FAILED_MODEL = {"model": "m", "status": "failed", "error": "E", "cause": "c"}

SKIPPED_MODEL = {"model": "n", "status": "skipped", "error": "E", "cause": "c"}

JOB_FAILURE = {"error": "Glue job run FAILED", "cause": "x"}


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
    end = walk(
        model,
        "WhatFailed",
        {},
        stages=[],
        failures=[],
        total=0,
        left=STAGES,
        stage=STAGES[0],
        summary=summary("dim", failures=models),
        jobFailure=job_failure,
        jobRun={"job_run_id": "jr"} if job_failure else {},
    )
    assert end.state == "StagesEnded"
    found = end.variables["failures"]
    assert all(failure["job_run_id"] == "jr" for failure in found)
    assert [failure.get("model") for failure in found] == named
    assert all(failure["stage"] == "dim" for failure in found)


def test_stages__that_have_no_model_of_the_request__are_left_out(model: States) -> None:
    left = said(
        model["RecordStage"]["Assign"]["left"],
        left=STAGES,
        stage=STAGES[0],
        summary=summary("dim", remaining=["mart"]),
    )
    assert [stage["name"] for stage in left] == ["mart"]


def test_broken_stage__names_the_stages_that_were_not_run_for_it(model: States) -> None:
    [catcher] = model["ReadStage"]["Catch"]
    known: dict[str, Any] = {"stage": STAGES[0], "left": STAGES, "jobFailure": JOB_FAILURE}
    known |= said(catcher["Assign"], states={"errorOutput": {"Error": "E"}}, **known)
    end = walk(model, catcher["Next"], {}, failures=[], total=0, jobRun={}, **known)
    [failure] = end.variables["failures"]
    assert failure["cause"] == "x Stages that were not run for it: fact, mart."


def test_list_of_models__gives_the_rows_and_what_an_empty_table_means(check: States) -> None:
    tables = [{"name": "a", "rows": 2, "min_rows": 0}, {"name": "b", "rows": 0, "min_rows": 1}]
    found = said(
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


def checks_told(check: States, kind: str, checked: Any, first: int = 20) -> Any:
    output = check["CheckTables"]["Output"]
    return said(output, states={"result": checked}, kind=kind, first=first)


@pytest.mark.parametrize("kind", ["dataset", "model"])
def test_checks__of_a_list__are_summed_up(kind: str, check: States) -> None:
    found = checks_told(check, kind, CHECKED)
    assert {key: found[key] for key in ("passed", "skipped", "failed")} == {
        "passed": 1,
        "skipped": 1,
        "failed": 2,
    }
    assert [item["name"] for item in found["failed_checks"]] == ["b"]
    assert found["failures"] == [{**CHECKED[2]["failure"], kind: "c"}]
    # Of datasets each is told, as far as there is room.
    named = [(item["name"], item["checks"]) for item in found["checked"]]
    each = [("a", "PASSED"), ("b", "FAILED"), ("d", "SKIPPED")]
    assert named == (each if kind == "dataset" else [])


@pytest.mark.parametrize("kind", ["dataset", "model"])
def test_checks__of_a_hundred_tables__take_no_more_room_than_those_of_twenty(
    kind: str, check: States
) -> None:
    def size(count: int) -> int:
        failed = [{**CHECKED[1], "name": f"model_{number:03}"} for number in range(count)]
        return len(json.dumps(checks_told(check, kind, failed)))

    assert size(100) - size(20) < 5
