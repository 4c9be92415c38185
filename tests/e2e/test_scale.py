"""Many models and many datasets: what a run of them takes, and what it tells.

Of 200 models, in two stages, all is real. Of 800 datasets, one is real. Job runs of the other 799
do at once, in the job's role, what a job leaves in the bucket (tests/e2e/fast_jobs.py). One in
forty has rows, and is then crawled and checked in Athena; one fails. All of them are in
config/pipeline.json, and those with rows are targets of the crawlers and have prepared statements,
as Terraform would make them. The rest is as ever: all state machines, IAM, crawls, checks, mails.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops import status
from ops.target import Outputs, Target
from tests.e2e.conftest import RETURNS
from tests.e2e.fast_jobs import CAUSE, FAILING, FULL, NAMES, ROWS
from tests.e2e.lake import Lake, Run, deployed

pytestmark = pytest.mark.xdist_group("scale")

COUNT = 100
PARTS = ("batch", "check", "crawl", "dataset", "model", "notify")
# What the numbers in a payload may differ by.
DIGITS = 100


def write_models(folder: Path) -> dict[str, Any]:
    """Write the SQL of 2 * COUNT models; return them as the variable `models` has them."""
    models = {}
    for number in range(COUNT):
        base, derived = f"base_{number:03}", f"derived_{number:03}"
        (folder / f"{base}.sql").write_text(
            f"SELECT return_id, order_id + {number} AS amount\nFROM processed.returns\n"
        )
        # Each reads another base, and the model before it in its own stage.
        before = f"UNION ALL SELECT total FROM analytics.derived_{number - 1:03}\n"
        (folder / f"{derived}.sql").write_text(
            f"SELECT sum(amount) AS total\nFROM analytics.{base}\n" + (before if number else "")
        )
        models[base] = {"stage": "base", "checks": {"unique": [["return_id"]]}}
        models[derived] = {"stage": "derived", "checks": {"row_count": {"min": 1}}}
    return models


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lake, Run]]:
    folder = tmp_path_factory.mktemp("wide")
    sql = folder / "models"
    sql.mkdir()
    variables = {
        "name": "wide",
        "datasets": {"returns": RETURNS},
        "stages": ["base", "derived"],
        "models": write_models(sql),
        "models_directory": str(sql),
    }
    with deployed(folder, variables, plugin="tests.e2e.fast_jobs:serve") as lake:
        lake.drop("returns", "good.csv", "return_id,order_id\n1,1\n2,5\n")
        run = lake.wait(lake.start())
        assert run.status == "SUCCEEDED", run.cause
        yield lake, run


def started_by(lake: Lake, run: Run) -> dict[str, list[str]]:
    """Return the executions of a run, and its own, by state machine."""
    starters: dict[str, str] = {}
    machines: dict[str, str] = {}
    for machine in lake.states.list_state_machines()["stateMachines"]:
        for arn in lake.executions(machine["stateMachineArn"]):
            given = json.loads(lake.states.describe_execution(executionArn=arn)["input"])
            starters[arn] = given.get("AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID", "")
            machines[arn] = machine["name"].removeprefix("wide-")
    found: dict[str, list[str]] = {"pipeline": [run.execution_arn]}
    own = {run.execution_arn}
    while started := {arn for arn, by in starters.items() if by in own}:
        own = started
        for arn in started:
            found.setdefault(machines[arn], []).append(arn)
    return found


def payloads(lake: Lake, run: Run) -> dict[str, int]:
    """Return the size of the largest input or output of a run's executions, by state machine."""
    return {
        name: max(largest(lake, arn) for arn in arns)
        for name, arns in started_by(lake, run).items()
    }


def largest(lake: Lake, execution_arn: str) -> int:
    sizes = [
        len(value)
        for event in lake.history(execution_arn)
        for details in event.values()
        if isinstance(details, dict)
        for name, value in details.items()
        if name in ("input", "output", "parameters")
    ]
    return max(sizes)


def test_stages__of_a_hundred_models__are_one_job_run_each(wide: tuple[Lake, Run]) -> None:
    lake, run = wide
    assert [stage["models"]["succeeded"] for stage in run.result["stages"]] == [COUNT, COUNT]
    assert run.result["model_checks"]["passed"] == 2 * COUNT
    job = lake.outputs["job_names"]["model"]
    assert len(lake.glue.get_job_runs(JobName=job)["JobRuns"]) == 2
    [last] = lake.query("SELECT count(*), max(total) FROM workshop_analytics.derived_099")
    # Of base_<n> the sum is 6 + 2n; derived_099 has those of all.
    assert last == (str(COUNT), str(6 + 2 * (COUNT - 1)))


def test_payloads__do_not_grow_with_the_models(wide: tuple[Lake, Run]) -> None:
    lake, run = wide
    many = payloads(lake, run)
    assert set(many) == {*PARTS, "pipeline"}
    document = json.loads(lake.read("config/models.json"))
    kept = {"base_000", "derived_000"}
    document["models"] = {name: m for name, m in document["models"].items() if name in kept}
    lake.s3.put_object(Bucket=lake.bucket, Key="config/models.json", Body=json.dumps(document))
    lake.drop("returns", "good.csv", "return_id,order_id\n1,1\n2,5\n")
    smaller = lake.wait(lake.start())
    assert smaller.status == "SUCCEEDED", smaller.cause
    assert [stage["models"]["succeeded"] for stage in smaller.result["stages"]] == [1, 1]
    few = payloads(lake, smaller)
    for machine in ("pipeline", "model"):
        assert many[machine] - few[machine] < DIGITS, (many, few)
    # Checks are named in lists of a hundred: the list bounds the payload.
    assert many["check"] < 200 * COUNT, many


DATASETS = 800
BATCHES = 40


@pytest.fixture(scope="module")
def many(wide: tuple[Lake, Run]) -> tuple[Lake, Run]:
    """A run of 800 datasets, of which one fails."""
    lake, _ = wide
    document = json.loads(lake.read("config/pipeline.json"))
    [known] = document["datasets"]
    document["datasets"] += [{**known, "name": name, "group": name} for name in NAMES]
    lake.s3.put_object(Bucket=lake.bucket, Key="config/pipeline.json", Body=json.dumps(document))
    for layer in ("raw", "processed"):
        crawler = lake.glue.get_crawler(Name=lake.outputs["crawler_names"][layer])["Crawler"]
        [target] = crawler["Targets"]["S3Targets"]
        targets = [{"Path": target["Path"].replace("returns", name)} for name in FULL]
        lake.glue.update_crawler(Name=crawler["Name"], Targets={"S3Targets": [target, *targets]})
    athena, workgroup = lake.client("athena"), lake.outputs["workgroup_name"]
    check = athena.get_prepared_statement(StatementName="check_returns", WorkGroup=workgroup)
    statement = check["PreparedStatement"]["QueryStatement"]
    for name in FULL:
        athena.create_prepared_statement(
            StatementName=f"check_{name}",
            WorkGroup=workgroup,
            QueryStatement=statement.replace('"returns"', f'"{name}"'),
        )
    return lake, lake.wait(lake.start())


def test_datasets__by_the_hundred__are_all_accounted_for(many: tuple[Lake, Run]) -> None:
    lake, run = many
    assert run.status == "FAILED"
    totals = run.result["totals"]
    done = [totals[name] for name in ("datasets", "ingested", "transformed", "failures")]
    assert done == [DATASETS, DATASETS - 1, DATASETS - 1, 1]
    full = len(FULL) + 1
    assert totals["checks"] == {"passed": full, "failed": 0, "skipped": DATASETS - 1 - full}
    keys = lake.keys(f"runs/{run.result['run_id']}/batches/")
    assert len(keys) == 2 * BATCHES
    found: dict[str, list[str]] = {"ingest": [], "transform": []}
    for key in keys:
        batch = json.loads(lake.read(key))
        found[batch["step"]] += [item["dataset"] for item in batch["datasets"]]
        assert len(batch["datasets"]) <= DATASETS // BATCHES
    assert sorted(found["ingest"]) == [*NAMES, "returns"]
    assert sorted(found["transform"]) == sorted({*NAMES, "returns"} - {FAILING})
    counted = [f"SELECT count(*) AS n FROM workshop_processed.{name}" for name in FULL]
    assert lake.query(" UNION ALL ".join(counted)) == [(str(ROWS),)] * len(FULL)


def test_dataset_of_many__that_fails__is_named(many: tuple[Lake, Run]) -> None:
    lake, run = many
    failure = run.failure()
    assert (failure["dataset"], failure["cause"]) == (FAILING, CAUSE)
    assert run.cause == f"IngestDataset of {FAILING}: Glue job run FAILED: {CAUSE}"
    [mail] = [item for item in lake.notifications() if run.result["run_id"] in item["message"]]
    assert mail["subject"].startswith("[wide] FAILED")
    assert f"dataset {FAILING}" in mail["message"]
    assert CAUSE in mail["message"]
    assert f"{DATASETS} datasets: {DATASETS - 1} ingested" in mail["message"]


def test_executions__of_many_datasets__stay_below_the_limits(many: tuple[Lake, Run]) -> None:
    lake, run = many
    started = started_by(lake, run)
    counts = {name: len(arns) for name, arns in started.items()}
    assert {name: counts[name] for name in ("batch", "check", "dataset")} == {
        "batch": 2 * BATCHES,
        # What failed in ingest is not transformed.
        "dataset": 2 * DATASETS - 1,
        # One of datasets a batch, and those of the two stages.
        "check": BATCHES + 2,
    }
    sizes = payloads(lake, run)
    events = {name: max(len(lake.history(arn)) for arn in arns) for name, arns in started.items()}
    print("largest payloads:", sizes, "most events:", events)
    assert max(sizes.values()) < 256 * 1024 / 2, sizes
    assert max(events.values()) < 25_000 / 2, events


def test_status__of_many_datasets__is_short(
    many: tuple[Lake, Run], capsys: pytest.CaptureFixture[str]
) -> None:
    lake, run = many
    target = Target("aws", Outputs.parse(lake.outputs, "The test"))
    status.show(target, run.result["run_id"])
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) < 100
    assert FAILING in shown
    assert f"and {DATASETS - 1} datasets that are counted, but not shown" in shown
