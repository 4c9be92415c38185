"""Two stages of a hundred models each: one job run a stage, and payloads that do not grow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import RETURNS
from tests.e2e.lake import Lake, Run, deployed

pytestmark = pytest.mark.xdist_group("scale")

COUNT = 100
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
    with deployed(folder, variables) as lake:
        lake.drop("returns", "good.csv", "return_id,order_id\n1,1\n2,5\n")
        run = lake.run()
        assert run.status == "SUCCEEDED", run.cause
        yield lake, run


def payloads(lake: Lake, run: Run) -> dict[str, int]:
    """Return the size of the largest input or output of a run's executions, by state machine."""
    found = {"pipeline": largest(lake, run.execution_arn)}
    for machine in lake.states.list_state_machines()["stateMachines"]:
        for arn in lake.executions(machine["stateMachineArn"]):
            started_by = json.loads(lake.states.describe_execution(executionArn=arn)["input"])
            if started_by.get("AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID") == run.execution_arn:
                name = machine["name"].removeprefix("wide-")
                found[name] = max(found.get(name, 0), largest(lake, arn))
    return found


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
    assert set(many) == {"pipeline", "crawl", "model", "check", "notify"}
    document = json.loads(lake.read("config/models.json"))
    kept = {"base_000", "derived_000"}
    document["models"] = {name: m for name, m in document["models"].items() if name in kept}
    lake.s3.put_object(Bucket=lake.bucket, Key="config/models.json", Body=json.dumps(document))
    lake.drop("returns", "good.csv", "return_id,order_id\n1,1\n2,5\n")
    smaller = lake.run()
    assert smaller.status == "SUCCEEDED", smaller.cause
    assert [stage["models"]["succeeded"] for stage in smaller.result["stages"]] == [1, 1]
    few = payloads(lake, smaller)
    for machine in ("pipeline", "model"):
        assert many[machine] - few[machine] < DIGITS, (many, few)
    # Checks are named in lists of a hundred: the list bounds the payload.
    assert many["check"] < 200 * COUNT, many
