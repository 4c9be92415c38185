"""900 datasets with the longest names, counted: no execution reaches what no Catch covers.

25,000 events of history, and 256 KiB in a payload, a variable, or all that one Assign sets. Counted
from the rendered definitions, in the worst case that they allow: each task retried to its end, each
list as long as its bound. What jobs write is bounded by
report.py and stage_summary.py of jobs/medallion/runs/.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.asl.machines import Integration, said, states, walk
from tests.deployments import Deployment

pytestmark = pytest.mark.xdist_group("terraform-module")

EVENTS = 25_000
BYTES = 256 * 1024
TABLES = 900  # datasets and models together: tables_limit
STAGES = 50
BATCH = 20
NAMES = [f"{number:03}_{'n' * 96}" for number in range(TABLES)]
GROUP = "g" * 50
PLAN = {
    "datasets": [
        {
            "name": name,
            "group": GROUP,
            "engine": "duckdb",
            "min_rows": 1_000_000_000,
            "triggers": ["event", "schedule"],
        }
        for name in NAMES
    ],
    "stages": [],
}

# How often each state may be entered, beyond once: the turns of a run, the polls of a crawl (30 s
# apart after the first few), a transform that is approved, the stages of a request.
CRAWL_POLLS = 7200 // 30 + 6
REPEATED = {
    "pipeline": dict.fromkeys(("FindEarlierRuns", "IsOurTurn", "WaitForTurn"), 720)
    | dict.fromkeys(
        (
            *("RecordFailure", "ListFailures", "NameErrors", "NameCauses", "AreFew"),
            *("BuildResult", "WhatIsLeft"),
        ),
        3,
    ),
    "crawl": dict.fromkeys(
        ("ReadEarlierCrawl", "StartCrawler", "WaitForEarlierCrawl", "WaitForCrawl", "ReadCrawl"),
        CRAWL_POLLS,
    )
    | {"JudgeCrawl": CRAWL_POLLS},
    "dataset": dict.fromkeys(
        (
            *("TransformDataset", "ConfirmJobRun", "ReadReport", "TellReport", "IsHeld"),
            *("ComposeRequest", "RequestApproval"),
        ),
        3,
    ),
    "model": dict.fromkeys(
        (
            *("NextStage", "RunStage", "ConfirmJobRun", "HasJobRun", "ReadError", "TellError"),
            *("ReadStage", "WhatFailed", "RecordStage"),
        ),
        STAGES + 1,
    ),
}
BATCHES = -(-TABLES // BATCH)
ITEMS = {
    "IngestDatasets": BATCHES,
    "TransformDatasets": BATCHES,
    "ProcessDatasets": BATCH,
    "CheckLayers": BATCHES + STAGES,
    "CheckTables": 100,
}


def events(definition: Mapping[str, Any], often: Mapping[str, int]) -> int:
    """Return how many events the states of a definition leave, each entered as often as it may."""
    total = 0
    for name, state in definition["States"].items():
        count = 3  # entered, exited, and an expression that failed
        if state["Type"] == "Task":
            attempts = 1 + sum(retrier["MaxAttempts"] for retrier in state.get("Retry", []))
            count += attempts * (4 if Integration.of(state).waits else 3)
        elif state["Type"] == "Map":
            count += 2 + ITEMS[name] * (2 + events(state["ItemProcessor"], often))
        elif state["Type"] == "Parallel":
            count += 2 + sum(events(branch, often) for branch in state["Branches"])
        total += count * often.get(name, 1)
    return total


@pytest.mark.parametrize(
    "machine", ["batch", "check", "crawl", "dataset", "model", "notify", "pipeline"]
)
def test_history__stays_below_its_limit(machine: str, deployment: Deployment) -> None:
    definition = json.loads(deployment.definitions[f"medallion-{machine}"])
    assert events(definition, REPEATED.get(machine, {})) + 2 < EVENTS


def size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def fitting(value: Any) -> Any:
    """Return a value that fits into a payload, or into what one Assign sets."""
    assert size(value) < BYTES, f"{size(value):,} bytes"
    return value


@pytest.fixture
def machines(deployment: Deployment) -> dict[str, dict[str, dict[str, Any]]]:
    return {
        name.removeprefix("medallion-"): dict(states(json.loads(text)))
        for name, text in deployment.definitions.items()
    }


# As long as jobs/medallion/runs/report.py lets them be: texts of 300 bytes, keys of 600.
ROWS = dict.fromkeys(("in", "out", "refused", "duplicate", "filtered"), 10**15)
REPORT = {
    "rows": ROWS,
    "seconds": 86400.25,
    "reasons": [{"reason": "ü" * 149, "rows": 10**15}] * 20,
}
FILES = dict.fromkeys(("in", "accepted", "refused", "unchanged"), 10**9)
REFUSED = [{"file": "ü" * 149, "moved_to": "ü" * 299, "reason": "ü" * 149}] * 20
INGEST = {**REPORT, "files": FILES, "refused_files": REFUSED}
# A cause of a thousand letters of three bytes each.
FAILURE = {
    "state": "TransformDataset",
    "error": "Glue job run FAILED",
    "cause": "語" * 1000,
    "job_run_id": "jr_" + "0" * 64,
    "log_group": "/aws-glue/python-jobs/error",
    "log_stream": "jr_" + "0" * 64,
}
ARN = "arn:aws-us-gov:states:us-gov-west-1:123456789012:execution:medallion-pipeline:" + "r" * 80
CONTEXT = {"Execution": {"Id": ARN, "Name": "r" * 80, "StartTime": "2026-01-01T00:00:00.000Z"}}
Machines = dict[str, dict[str, dict[str, Any]]]


def planned(machines: Machines, request: Any) -> dict[str, Any]:
    """Return the variables that loading the plan sets, of 900 datasets."""
    answer = {"Body": json.dumps(PLAN, separators=(",", ":")), "ETag": "e" * 32, "Metadata": {}}
    pipeline = machines["pipeline"]
    known = through(pipeline, "ReadInput", request)
    load = pipeline["LoadPlan"]
    read = fitting(said(load["Assign"], states={"result": fitting(answer)}))
    return through(pipeline, load["Next"], request, **known, **read)


def through(found: Any, name: str, given: Any, /, **known: Any) -> dict[str, Any]:
    """Return the variables after a walk, each of whose steps has to fit."""
    return dict(walk(found, name, given, CONTEXT, check=fitting, **known).variables)


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"trigger": "schedule"},
        {"group": GROUP},
        {"datasets": NAMES},
        {"datasets": [*NAMES, *(f"no_{'x' * 97}{n}" for n in range(900))]},
        {"stages": ["x" * 200] * 600, "datasets": ["y" * 100_000]},
    ],
    ids=["all", "trigger", "group", "named", "unknown", "long"],
)
def test_plan__of_900_datasets_fits(request_: Any, machines: Machines) -> None:
    planned(machines, fitting(request_))


def batch_told(machines: Machines, step: str, items: list[Any], batches: int) -> Any:
    """Return what a batch tells its run, after checking what it holds itself."""
    batch = machines["batch"]
    given = {"step": step, "run_id": "r" * 80, "number": 0, "batches": batches}
    names = [{"name": item["dataset"], "engine": "duckdb", "min_rows": 10**9} for item in items]
    given |= {"datasets": names, "by_event": False}
    known = fitting(said(batch["ReadInput"]["Assign"], states={"input": given}))
    mapped = batch["ProcessDatasets"]
    known |= fitting(said(mapped["Assign"], states={"result": fitting(items)}, **known))
    known = through(batch, mapped["Next"], {}, **known)
    fitting(said(batch["StoreBatch"]["Arguments"], **known))
    known |= fitting(said(batch["StoreBatch"]["Assign"], **known))
    known = through(batch, "AnyReports", {}, **known)
    if "measured" in known:
        fitting(said(batch["PublishMetrics"]["Arguments"], **known))
    return fitting(said(batch["TellBatch"]["Output"], **known))


def items_of(machines: Machines, step: str, names: list[str], *, failing: bool) -> list[Any]:
    """Return what each dataset of a batch leaves."""
    if failing:
        return [{"dataset": name, "failure": {**FAILURE, "dataset": name}} for name in names]
    answer = {"Body": json.dumps(INGEST if step == "ingest" else REPORT, ensure_ascii=False)}
    read = machines["dataset"]["ReadReport"]
    known = fitting(said(read["Assign"], states={"result": fitting(answer)}))
    end = walk(machines["dataset"], read["Next"], {}, check=fitting, dataset=names[0], **known)
    assert end.state == "DatasetDone"
    return [{**end.given, "dataset": name} for name in names]


def checked(machines: Machines, kind: str, names: list[str], first: int, *, failing: bool) -> Any:
    """Return what an execution of checks tells of its list."""
    cells = [{"VarCharValue": "ü" * 400}, {"VarCharValue": "9" * 400}]
    answer = {"ResultSet": {"Rows": [{"Data": cells}] * 20}}
    output = machines["check"]["ReadFailedChecks"]["Output"]
    failed = said(output, states={"result": fitting(answer)}, table={"name": names[0]})
    broken = said(
        machines["check"]["RecordCheckFailure"]["Output"],
        states={"input": {"error": "Athena.InvalidRequestException", "cause": "語" * 30_000}},
        table={"name": names[0]},
        failedState="CheckTable",
    )
    done = [{**(broken if failing else failed), "name": name} for name in names]
    output = machines["check"]["CheckTables"]["Output"]
    return fitting(said(output, states={"result": fitting(done)}, kind=kind, first=first))


@pytest.mark.parametrize("count", [1, BATCH, BATCH + 1, 200, TABLES])
@pytest.mark.parametrize("failing", [False, True], ids=["refusing", "failing"])
def test_run__of_many_datasets_fits(count: int, failing: bool, machines: Machines) -> None:
    pipeline = machines["pipeline"]
    known = planned(machines, {"datasets": NAMES[:count]})
    batches = fitting(said(pipeline["IngestDatasets"]["Items"], **known))
    assert sum(len(item["datasets"]) for item in batches) == count
    assert max(len(item["datasets"]) for item in batches) <= BATCH

    def step(name: str, *, fails: bool) -> list[Any]:
        items = items_of(machines, name, NAMES[:count][:BATCH], failing=fails)
        first = batch_told(machines, name, items, len(batches))
        told = []
        for number in range(len(batches)):
            names = NAMES[:count][number * BATCH : (number + 1) * BATCH]
            ready = names if first["ready"] else []
            told.append({**first, "ready": ready, "told": {**first["told"], "number": number}})
        return list(fitting(told))

    results = {"result": step("ingest", fails=False)}
    ingested = pipeline["IngestDatasets"]
    known |= fitting(said(ingested["Assign"], states=results, **known))
    output = fitting(said(ingested["Output"], states=results, **known))
    known |= fitting(said(pipeline["KeepIngested"]["Assign"], states={"input": output}, **known))
    assert len(known["ready"]) == len(known["selected"]) == count
    assert fitting(said(pipeline["TransformDatasets"]["Items"], **known)) == batches
    results = {"result": [{}, step("transform", fails=failing)]}
    parallel = pipeline["CrawlRawAndTransform"]
    known |= fitting(said(parallel["Assign"], states=fitting(results), **known))
    known["ready"] = [] if failing else known["ready"]
    arguments = pipeline["RunModels"]["Arguments"]
    request = fitting(said(arguments, states={"context": CONTEXT}, **known))
    own = said(machines["model"]["ReadInput"]["Assign"], states={"input": request["Input"]})
    fitting(own)
    known = through(pipeline, "CatalogIsCurrent", {}, **known)
    lists = fitting(said(pipeline["CheckLayers"]["Items"], **known))
    found = [
        checked(machines, "dataset", NAMES[:BATCH], lists[0]["first"], failing=number % 2 > 0)
        for number in range(min(2, len(lists)))
    ] * (-(-len(lists) // 2))
    results = {"result": fitting(found)}
    known |= fitting(said(pipeline["CheckLayers"]["Assign"], states=results))
    known["stageResults"] = [STAGE] * STAGES
    result = through(pipeline, "ListFailures", {}, **known)["result"]
    assert len(result["failures"]) <= 20
    assert result["totals"]["failures"] >= (count if failing else 0)
    mails(machines, result)


STAGE = {
    "stage": "s" * 100,
    "run_id": "r" * 80,
    "engine": "duckdb",
    "status": "SUCCEEDED",
    "started_at": "2026-01-01T00:00:00Z",
    "seconds": 86400.25,
    "rows_out": 10**15,
    "objects": dict.fromkeys(("written", "unchanged", "deleted"), 10**9),
    "bytes_written": 10**15,
    "failures": [],
    "check_batches": 0,
    "models": dict.fromkeys(("selected", "succeeded", "failed", "skipped"), 900),
}


def mails(machines: Machines, result: Any) -> None:
    """Check that what is told of a result fits, into variables and into messages."""
    notify = machines["notify"]
    composed = through(notify, "ReadInput", {"result": fitting(result)})
    refused = result["totals"]["files"]["refused"]
    ended = [
        walk(notify, "AnyRefused", {}, check=fitting, **composed),
        walk(notify, "NotifySuccess", {}, check=fitting, **composed),
        walk(notify, "ComposeFailure", {}, check=fitting, **composed),
    ]
    assert (ended[0].state == "NotifyRefused") == (refused > 0)
    for end in ended[refused == 0 :]:
        arguments = said(notify[end.state]["Arguments"], **end.variables)
        # SNS takes 256 KB: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
        assert len(arguments["Message"].encode()) < 256_000
        assert end.state != "NotifyRefused" or str(refused) in arguments["Subject"]


def test_checks__of_a_hundred_models_fit(machines: Machines) -> None:
    for failing in (False, True):
        checked(machines, "model", NAMES[:100], 20, failing=failing)


def test_stages__as_many_as_there_may_be__fit(machines: Machines) -> None:
    failure = {"model": NAMES[0], "status": "failed", "error": "E" * 40, "cause": "語" * 300}
    known: dict[str, Any] = {
        "stages": [],
        "failures": [],
        "total": 0,
        "jobFailure": {},
        "jobRun": {},
        "left": [{"name": f"{n:03}{'s' * 97}", "engine": "duckdb"} for n in range(STAGES)],
    }
    for _ in range(STAGES):
        stage = known["left"][0]
        remaining = [other["name"] for other in known["left"][1:]]
        summary = {**STAGE, "stage": stage["name"], "failures": [failure] * 20}
        known |= {"stage": stage, "summary": fitting({**summary, "remaining": remaining})}
        known = through(machines["model"], "WhatFailed", {}, **known)
    assert len(known["stages"]) == STAGES
    assert len(known["failures"]) == sum(len(one["failures"]) for one in known["stages"]) == 20
    fitting(said(machines["model"]["StagesEnded"]["Output"], **known))


def test_answers__of_services_fit(machines: Machines) -> None:
    # ARNs have 256 characters; the names of executions may be of any, here of three bytes.
    name, arn = "語" * 80, "a" * 256
    execution = {
        "ExecutionArn": "a" * 176 + name,
        "StateMachineArn": arn,
        "StateMachineVersionArn": arn,
        "StateMachineAliasArn": arn,
        "Name": name,
        "Status": "RUNNING",
        "RedriveCount": 0,
        "StartDate": "2026-01-01T00:00:00.000Z",
        "MapRunArn": arn,
        "ItemCount": 0,
    }
    asked = said(machines["pipeline"]["FindEarlierRuns"]["Arguments"], page={}, states=MACHINE)
    fitting({"Executions": [execution] * asked["MaxResults"], "NextToken": "t" * 3096})
    # Keys have 1,024 bytes, each of which may be written as \u0001.
    found = {"Key": "x" * 6 * 1024, "ETag": "e" * 40, "StorageClass": "STANDARD", "Size": 10**12}
    listing = machines["dataset"]["ListFiles"]["Arguments"]
    fitting({"Contents": [found] * listing["MaxKeys"], "Prefix": "p" * 200})
    # The targets of a crawler are all tables of a layer.
    target = {"Path": f"s3://{'b' * 63}/processed/{NAMES[0]}/", "Exclusions": []}
    fitting({"Crawler": {"Targets": {"S3Targets": [target] * TABLES}, "Configuration": "c" * 2000}})


MACHINE = {"context": {"StateMachine": {"Id": ARN}}}
