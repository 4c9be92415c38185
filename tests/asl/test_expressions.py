"""What the machine of the pipeline, and that of arrivals, make of what AWS may hand them."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any

import pytest

from tests.asl.machines import States, Stop, read, said, walk
from tests.asl.samples import REPORT, summary
from tests.deployments import Deployment

pytestmark = pytest.mark.xdist_group("terraform-module")


@pytest.fixture
def pipeline(deployment: Deployment) -> States:
    return read("pipeline", deployment)


def told(**others: Any) -> dict[str, Any]:
    """Return what a batch tells."""
    return {"number": 0, "done": 0, "failed": 0, "details": [], "failures": [], **others}


def test_result__names_every_failure_once(pipeline: States) -> None:
    def failure(dataset: str) -> dict[str, Any]:
        return {"state": "S", "dataset": dataset}

    failed_check = [{"check": "k", "found": "1"}]
    broken = {"failure": {"state": "CrawlRaw"}}
    checked = [
        {
            "kind": "dataset",
            "passed": 0,
            "failed": 2,
            "skipped": 0,
            "checked": [{"name": "d", "checks": "FAILED"}],
            "failed_checks": [{"name": "d", "failed_checks": failed_check}],
            "failures": [{"state": "CheckTable", "dataset": "c"}],
        },
        {
            "kind": "model",
            "passed": 1,
            "failed": 2,
            "skipped": 0,
            "checked": [],
            "failed_checks": [{"name": "n", "failed_checks": failed_check}],
            "failures": [{"state": "CheckTable", "model": "o"}],
        },
    ]
    end = walk(
        pipeline,
        "ListFailures",
        {},
        {"Execution": {"Id": "arn"}},
        **said(pipeline["CheckLayers"]["Assign"], states={"result": [*checked, broken]}),
        runId="run",
        startedAt="now",
        everyStage=True,
        left="StoreResult",
        selected=[{"name": name} for name in "abcd"],
        ingested=[
            told(failed=1, failures=[failure("a")], details=[{"dataset": "b", "report": REPORT}])
        ],
        transformed=[told(failed=1, failures=[failure("b")])],
        stageResults=[summary("fact")],
        stageFailures={"total": 1, "first": [{"state": "RunStage", "stage": "fact", "model": "m"}]},
    )
    result = end.variables["result"]
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
    assert result["totals"]["failures"] == len(named)
    assert result["model_checks"]["failed"] == 2
    [entry] = [item for item in result["datasets"] if item["dataset"] == "b"]
    assert entry["ingest"] == REPORT
    assert entry["transform"] is None


PLAN = {
    "datasets": [
        {"name": "a", "min_rows": 0, "engine": "duckdb", "group": "g", "triggers": ["event"]},
        {"name": "b", "min_rows": 1, "engine": "spark", "group": "g", "triggers": ["schedule"]},
        {"name": "c", "min_rows": 1, "engine": "duckdb", "group": "c", "triggers": []},
    ],
    "stages": [{"name": "dim", "engine": "duckdb"}, {"name": "fact", "engine": "spark"}],
}

RUN = {"Execution": {"Id": "arn", "Name": "r", "StartTime": "2026-01-01T00:00:00Z"}}


def planned(pipeline: States, plan: Any, request: Any) -> Stop:
    """Return where a run goes with a plan and a request: to its first work, or to its result."""
    begun = walk(pipeline, "ReadInput", request, RUN)
    assert begun.state == "LoadPlan"
    read = said(
        {key: pipeline["LoadPlan"][key] for key in ("Assign", "Output")},
        states={"result": {"Body": json.dumps(plan)}, "input": begun.given},
    )
    known = {**begun.variables, **read["Assign"]}
    return walk(pipeline, pipeline["LoadPlan"]["Next"], read["Output"], RUN, **known)


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
    found = planned(pipeline, plan, request_).variables
    assert [stage["name"] for stage in found["stages"]] == stages
    assert found["datasetsGiven"] is datasets_given
    assert found["everyStage"] is ("stages" not in request_)


@pytest.mark.parametrize(
    ("request_", "selected", "given"),
    [
        ({}, ["a", "b", "c"], False),
        ({"datasets": ["c", "c", "a"]}, ["a", "c"], True),
        ({"trigger": "schedule"}, ["b"], True),
        ({"trigger": "event", "group": "g"}, ["a"], True),
        ({"trigger": "event", "group": "none"}, [], True),
    ],
)
def test_datasets__are_those_of_the_trigger_or_of_the_group(
    request_: Any, selected: list[str], given: bool, pipeline: States
) -> None:
    found = planned(pipeline, PLAN, request_).variables
    assert [item["name"] for item in found["selected"]] == selected
    assert all(set(item) == {"name", "engine", "min_rows"} for item in found["selected"])
    assert found["datasetsGiven"] is given


@pytest.mark.parametrize(
    ("running", "earlier"),
    [
        ([], []),
        (["g-20260101T000100Z"], []),
        (["g-20260101T000000Z", "g-20260101T000100Z", "g-20260101T000200Z"], [0]),
        # Another group, whose name ends as ours does, and a run by hand.
        (["other-g-20260101T000000Z", "manual-20260101T000000.1"], []),
        (["h-20260101T000000Z"], []),
        ([f"g-20260101T0000{second:02}Z" for second in range(10, 12)], [0, 1]),
    ],
)
def test_turn__is_after_the_runs_of_the_group_with_earlier_windows(
    running: list[str], earlier: list[int], pipeline: States
) -> None:
    found = said(
        pipeline["FindEarlierRuns"]["Assign"]["earlier"],
        states={
            "context": {"Execution": {"Name": "g-20260101T000100Z"}},
            "result": {"Executions": [{"Name": name} for name in running]},
        },
    )
    assert found == [running[index] for index in earlier]


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({}, ""),
        ({"datasets": ["a", "b"], "stages": ["dim"], "from": "model"}, ""),
        (
            {"datasets": ["a", "order", 7, "order"]},
            'The input names datasets that are not configured: ["order",7]. '
            "Configured are: a, b, c.",
        ),
        (
            {"stages": ["fct"]},
            'The input names stages that have no models: ["fct"]. '
            "Stages with models are: dim, fact.",
        ),
        (
            {"from": "check"},
            "The input asks to start from check. Allowed are: ingest, transform, model.",
        ),
    ],
)
def test_input__that_names_what_is_not_there__is_told(
    request_: Any, text: str, pipeline: States
) -> None:
    found = planned(pipeline, PLAN, request_)
    if not text:
        assert found.variables["otherFailures"] == []
        return
    failure = {"state": "CheckInput", "error": "InvalidInput", "cause": text}
    assert found.variables["result"]["failures"] == [failure]
    assert found.variables["result"]["totals"]["datasets"] == 0
    assert (found.state, found.variables["result"]["status"]) == ("StoreResult", "FAILED")


@pytest.mark.parametrize(
    ("looks", "pages", "earlier", "more", "to"),
    [
        (1, 1, ["g-1"], True, "WaitForTurn"),
        (1, 1, [], True, "FindEarlierRuns"),
        (1, 1, [], False, "LoadPlan"),
        (10, 10, [], True, "LoadPlan"),
        (719, 1, ["g-1"], False, "WaitForTurn"),
        (720, 1, ["g-1"], True, "LoadPlan"),
    ],
)
def test_earlier_runs__are_looked_for_page_by_page__within_bounds(
    looks: int, pages: int, earlier: list[str], more: bool, to: str, pipeline: States
) -> None:
    known = {"looks": looks, "pages": pages, "earlier": earlier}
    page = {"NextToken": "t"} if more else {}
    state = pipeline["IsOurTurn"]
    ways = (c["Next"] for c in state["Choices"] if said(c["Condition"], page=page, **known))
    assert next(ways, state["Default"]) == to
    context = {"StateMachine": {"Id": "arn"}}
    arguments = said(
        pipeline["FindEarlierRuns"]["Arguments"], states={"context": context}, page=page
    )
    assert arguments.get("NextToken") == page.get("NextToken")
    # What took longer to look through is looked through more seldom.
    assert said(pipeline["WaitForTurn"]["Seconds"], pages=pages) == 30 * pages


EVENT = {"id": "e", "time": "2026-01-01T00:00:00Z", "detail": {"object": {"size": 3}}}


def arrived(key: str, size: int = 3) -> dict[str, Any]:
    return {**EVENT, "detail": {"object": {"key": key, "size": size}}}


def route(arrival: States, event: dict[str, Any]) -> str:
    """Return the state to which an event goes, and check what would be recorded."""
    known = {"result": {"Body": json.dumps(PLAN)}, "input": event}
    assign = arrival["ReadPlan"]["Assign"]
    variables = {
        name: said(value, states=known) for name, value in assign.items() if name != "event"
    }
    for choice in arrival["Route"]["Choices"]:
        if said(choice["Condition"], event=event, **variables):
            record = choice["Assign"]["record"]
            texts = [value for value in record.values() if value.startswith("{%")]
            assert all(said(text, event=event, **variables) for text in texts)
            return str(record["outcome"])
    return str(arrival["Route"]["Default"])


@pytest.mark.parametrize(
    ("key", "size", "to"),
    [
        ("incoming/a/x.csv", 3, "StartPipeline"),
        ("incoming/a/deep/er/x.csv", 3, "StartPipeline"),
        ("incoming/a/ein Wörtchen + 100%.csv", 3, "StartPipeline"),
        ('incoming/a/"quoted" \\ and \n.csv', 3, "StartPipeline"),
        ("incoming/a/empty.csv", 0, "StartPipeline"),  # refused by the ingest, with its reason
        ("incoming/a/", 0, "ignored"),
        ("incoming/nobody/", 0, "ignored"),
        ("incoming/a/folder/", 0, "ignored"),
        ("incoming/a/not-a-folder/", 3, "StartPipeline"),
        ("incoming/b/x.csv", 3, "ignored"),  # waits for the schedule
        ("incoming/c/x.csv", 3, "ignored"),
        ("incoming/nobody/x.csv", 3, "unknown"),
        ("incoming/A/x.csv", 3, "unknown"),
        ("incoming/x.csv", 3, "unknown"),
        ("incoming/a", 3, "unknown"),
        ("incoming//x.csv", 3, "unknown"),
    ],
)
def test_event__goes_to_a_run_or_to_a_record(
    key: str, size: int, to: str, deployment: Deployment
) -> None:
    assert route(read("arrival", deployment), arrived(key, size)) == to


def test_run__is_named_after_the_group_and_the_end_of_a_window(deployment: Deployment) -> None:
    arrival = read("arrival", deployment)
    before = time.time()
    window = said(arrival["Route"]["Assign"])
    found = said(
        arrival["StartPipeline"]["Arguments"], dataset={"name": "a", "group": "g"}, **window
    )
    end = datetime.fromisoformat(found["Input"]["not_before"])
    assert found["Name"] == "g-" + end.strftime("%Y%m%dT%H%M%SZ")
    assert end.timestamp() % 60 == 0
    # Never sooner than a second from now: what is there now is listed after it.
    assert before + 1 <= end.timestamp() <= time.time() + 61
    assert found["Input"]["group"] == "g"


@pytest.mark.parametrize(
    ("done", "batches", "lists"),
    [
        ([2], [], ["batches/transform-0"]),
        ([2, 0, 1], [1], ["batches/transform-0", "batches/transform-2", "stages/s0-checks-0"]),
        ([1], [0, 2], ["batches/transform-0", "stages/s1-checks-0", "stages/s1-checks-1"]),
        ([], [1], ["stages/s0-checks-0"]),
        ([], [0], []),
    ],
)
def test_checks__are_one_execution_for_each_list_of_tables(
    done: list[int], batches: list[int], lists: list[str], pipeline: States
) -> None:
    end = walk(
        pipeline,
        "CatalogIsCurrent",
        {},
        transformed=[told(number=number, done=count) for number, count in enumerate(done)],
        stageResults=[summary(f"s{i}", check_batches=n) for i, n in enumerate(batches)],
        runId="r",
        otherFailures=[],
    )
    assert end.state == "CheckLayers"
    items = said(pipeline["CheckLayers"]["Items"], **end.variables)
    assert [item["list"] for item in items] == [f"runs/r/{name}.json" for name in lists]
    for item in items:
        kind, layer = (
            ("model", "analytics") if "stages" in item["list"] else ("dataset", "processed")
        )
        assert (item["kind"], item["database"]) == (kind, f"workshop_{layer}")
        # Together they tell no more than one of them could.
        assert item["first"] == 20 // len([other for other in items if other["kind"] == kind])


def after(pipeline: States, end: Stop, error: str | None = None) -> Stop:
    """Go on after a task of the end of a run, which succeeds or fails."""
    task = pipeline[end.state]
    [catcher] = task["Catch"]
    way = catcher if error else task
    failed = {"errorOutput": {"Error": error, "Cause": "no"}}
    assigned = said(way.get("Assign", {}), states=failed)
    return walk(pipeline, way["Next"], {}, RUN, **{**end.variables, **assigned})


def begun(pipeline: States) -> Stop:
    """Return where a run without work stands that is about to store its result."""
    known = walk(pipeline, "ReadInput", {}, RUN).variables
    return walk(pipeline, "ListFailures", {}, RUN, **known)


@pytest.mark.parametrize(
    ("stored", "told", "named", "last"),
    [
        (None, None, [], "RunSucceeded"),
        ("S3.S3Exception", None, ["StoreResult"], "RunFailed"),
        (None, "States.TaskFailed", ["Notify"], "RunFailed"),
        ("S3.S3Exception", "States.TaskFailed", ["StoreResult", "Notify"], "RunFailed"),
    ],
)
def test_result__that_cannot_be_stored_or_told__fails_the_run(
    stored: str | None, told: str | None, named: list[str], last: str, pipeline: States
) -> None:
    end = begun(pipeline)
    assert end.state == "StoreResult"
    end = after(pipeline, end, stored)
    # What is told has failed already if it is not stored.
    assert end.state == "Notify"
    assert end.variables["result"]["status"] == ("FAILED" if stored else "SUCCEEDED")
    end = after(pipeline, end, told)
    assert end.state == last
    result = end.variables["result"]
    assert [failure["state"] for failure in result["failures"]] == named
    assert result["totals"]["failures"] == len(named)
    assert all(failure["cause"] == "no" for failure in result["failures"])
