"""The retail sample, which is the default: run whole, in parts, and on the other runtime.

The last test destroys the deployment that the others share.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ops import parity
from tests.e2e.lake import PLAN, SPARK_VENV, Lake, Run, deployed, destroy, leftovers
from tests.oracles import compare
from tests.oracles import retail as oracle

pytestmark = pytest.mark.xdist_group("retail")

MODELS = {
    "dimension": ["dim_customer", "dim_product"],
    "fact": ["fact_sales"],
    "mart": ["customer_metrics", "product_performance", "sales_summary"],
}


@pytest.fixture(scope="session")
def retail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lake, Run]]:
    """The module with its default variables, run once."""
    with deployed(tmp_path_factory.mktemp("retail"), {}) as lake:
        lake.local("DELETE", "calls")
        run = lake.run()
        assert run.status == "SUCCEEDED", run.cause
        yield lake, run


@pytest.fixture
def lake(retail: tuple[Lake, Run]) -> Lake:
    return retail[0]


def built(lake: Lake, run: Run) -> set[str]:
    """Return the models that have a report of the run."""
    prefix = f"runs/{run.result['run_id']}/model/"
    return {Path(key).stem for key in lake.keys(prefix)}


@contextmanager
def edited(lake: Lake, model: str, old: str, new: str) -> Iterator[None]:
    """Edit the SQL of a model in the bucket, as an analyst may, and take it back after."""
    key = f"config/models/{model}.sql"
    text = lake.read(key).decode()
    assert old in text
    changed = text.replace(old, new)
    version = lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=changed.encode())["VersionId"]
    try:
        yield
    finally:
        lake.s3.delete_object(Bucket=lake.bucket, Key=key, VersionId=version)


def test_sample__with_the_default_variables__accounts_for_every_row(
    retail: tuple[Lake, Run],
) -> None:
    lake, run = retail
    assert lake.outputs["database_names"] == {
        "analytics": "workshop_analytics",
        "processed": "workshop_processed",
        "raw": "workshop_raw",
    }
    for dataset in ("customers", "products", "sales"):
        report = run.dataset(dataset)
        assert report["checks"] == "PASSED"
        rows = report["transform"]["rows"]
        assert rows["in"] == report["ingest"]["rows"]["out"]
        assert rows["in"] == sum(rows[k] for k in ("out", "refused", "duplicate", "filtered"))
        assert rows["out"] > 0
    assert run.dataset("customers")["transform"]["rows"]["duplicate"] > 0


def test_stages__are_one_job_run_each__and_every_model_is_built_and_checked(
    retail: tuple[Lake, Run],
) -> None:
    lake, run = retail
    assert [stage["stage"] for stage in run.result["stages"]] == list(MODELS)
    for stage in run.result["stages"]:
        count = len(MODELS[stage["stage"]])
        assert stage["models"] == {
            "selected": count,
            "succeeded": count,
            "unchanged": 0,
            "failed": 0,
            "skipped": 0,
        }
    names = [name for models in MODELS.values() for name in models]
    assert built(lake, run) == set(names)
    checks = run.result["model_checks"]
    assert (checks["passed"], checks["failed"], checks["skipped"]) == (len(names), 0, 0)
    job_runs = lake.glue.get_job_runs(JobName=lake.outputs["job_names"]["model"])["JobRuns"]
    of_this_run = [r for r in job_runs if r["Arguments"]["--run-id"] == run.result["run_id"]]
    assert sorted(r["Arguments"]["--stage"] for r in of_this_run) == sorted(MODELS)
    database = lake.outputs["database_names"]["analytics"]
    for name in names:
        report = json.loads(lake.read(f"runs/{run.result['run_id']}/model/{name}.json"))
        [(rows,)] = lake.query(f"SELECT count(*) FROM {database}.{name}")
        assert rows == str(report["rows"]["out"])


def processed(lake: Lake, bucket: str | None = None) -> dict[str, pd.DataFrame]:
    names = ("customers", "products", "sales")
    return {name: lake.frame(f"processed/{name}/", bucket) for name in names}


def test_models__equal_pandas(retail: tuple[Lake, Run]) -> None:
    lake, _ = retail
    expected = oracle.expected(processed(lake))
    assert set(expected) == {name for models in MODELS.values() for name in models}
    for name, frame in expected.items():
        compare.assert_equal(frame, lake.frame(f"analytics/{name}/"), oracle.KEYS[name])


def test_engines__make_the_same_tables__and_those_of_spark_equal_pandas(
    retail: tuple[Lake, Run],
) -> None:
    lake, _ = retail
    found = parity.compare_engines(lake.endpoint, lake.bucket, SPARK_VENV, keep=True)
    assert [item.table for item in found if not item.same] == []
    assert len(found) == 9
    bucket = parity.scratch_buckets(lake.bucket)["spark"]
    for name, frame in oracle.expected(processed(lake, bucket)).items():
        compare.assert_equal(frame, lake.frame(f"analytics/{name}/", bucket), oracle.KEYS[name])
    lake.remove(*parity.scratch_buckets(lake.bucket).values())


def test_calls__of_a_run_with_models__are_all_allowed(retail: tuple[Lake, Run]) -> None:
    calls = retail[0].local("GET", "calls")
    roles = {call["role"].split("/")[-1] for call in calls}
    assert {"medallion-check", "medallion-model", "medallion-model-job"} <= roles
    assert [call for call in calls if call["decision"] == "DENY"] == []


def test_stage__asked_for_alone__is_the_only_one_that_runs(lake: Lake) -> None:
    versions = lake.versions("analytics/")
    run = lake.run(**{"from": "model", "stages": ["fact"]})
    assert run.status == "SUCCEEDED", run.cause
    assert [stage["stage"] for stage in run.result["stages"]] == ["fact"]
    assert built(lake, run) == {"fact_sales"}
    assert lake.keys(f"runs/{run.result['run_id']}/ingest/") == []
    assert lake.keys(f"runs/{run.result['run_id']}/transform/") == []
    assert run.result["model_checks"]["passed"] == 1
    # Nothing has changed, so nothing is written.
    assert lake.versions("analytics/") == versions


def test_dataset__asked_for_alone__brings_along_what_depends_on_it_and_no_more(
    lake: Lake,
) -> None:
    run = lake.run("products")
    assert run.status == "SUCCEEDED", run.cause
    assert [item["dataset"] for item in run.result["datasets"]] == ["products"]
    # All but the dimension of customers hangs on products, through the fact.
    names = {name for models in MODELS.values() for name in models}
    assert built(lake, run) == names - {"dim_customer"}
    # Of one dataset on which less depends, less is built.
    run = lake.run(**{"from": "model", "datasets": ["customers"]})
    assert run.status == "SUCCEEDED", run.cause
    assert built(lake, run) == names - {"dim_product"}


def test_sql__edited_in_the_bucket__changes_the_next_run_without_a_deployment(lake: Lake) -> None:
    database = lake.outputs["database_names"]["analytics"]
    question = f"SELECT count(*) FROM {database}.dim_product WHERE price_band = 'low'"
    before = lake.query(question)
    assert before != [("0",)]
    request = {"from": "model", "stages": ["dimension"]}
    with edited(
        lake, "dim_product", "price_band", "replace(price_band, 'low', 'middle') AS price_band"
    ):
        run = lake.run(**request)
        assert run.status == "SUCCEEDED", run.cause
        assert lake.query(question) == [("0",)]
    assert lake.run(**request).status == "SUCCEEDED"
    assert lake.query(question) == before


def test_model__that_fails__is_named__stops_only_what_depends_on_it__and_heals(lake: Lake) -> None:
    versions = lake.versions("analytics/")
    with edited(lake, "fact_sales", "SELECT", "SELECT no_such_column,"):
        run = lake.run(**{"from": "model"})
    assert run.status == "FAILED"
    failure = run.failure()
    assert (failure["stage"], failure["model"]) == ("fact", "fact_sales")
    assert "config/models/fact_sales.sql, line" in failure["cause"]
    assert "no_such_column" in failure["cause"]
    mart = run.result["stages"][-1]
    assert mart["stage"] == "mart"
    assert mart["models"]["failed"] == 0
    assert mart["models"]["skipped"] == len(MODELS["mart"])
    assert {item["status"] for item in mart["failures"]} == {"skipped"}
    # What could not be built anew is as it was.
    assert lake.versions("analytics/") == versions
    assert lake.notifications()[-1]["subject"].startswith("[medallion] FAILED")
    assert "model fact_sales" in lake.notifications()[-1]["message"]
    assert lake.run(**{"from": "model"}).status == "SUCCEEDED"
    assert lake.versions("analytics/") == versions


def test_sql__that_reads_a_later_stage__is_refused_before_anything_runs(lake: Lake) -> None:
    with edited(lake, "dim_product", "processed.products", "analytics.product_performance"):
        run = lake.run(**{"from": "model"})
    assert run.status == "FAILED"
    failure = run.failure()
    assert failure["stage"] == "dimension"
    assert "config/models/dim_product.sql, line" in failure["cause"]
    assert "product_performance" in failure["cause"]
    assert "Stages that were not run for it: fact, mart." in failure["cause"]
    assert built(lake, run) == set()


def test_check__of_a_model_that_does_not_hold__fails_the_run_and_names_both(lake: Lake) -> None:
    request = {"from": "model", "stages": ["dimension"]}
    text = lake.read("config/models/dim_product.sql").decode()
    query = text.strip().rstrip(";")
    with edited(
        lake,
        "dim_product",
        text,
        f"SELECT * FROM (\n{query}\n) AS a UNION ALL SELECT * FROM (\n{query}\n) AS b\n",
    ):
        run = lake.run(**request)
    assert run.status == "FAILED"
    failure = run.failure()
    assert (failure["model"], failure["error"]) == ("dim_product", "ChecksFailed")
    assert "unique(product_id)" in failure["cause"]
    assert lake.run(**request).status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"stages": ["facts"]}, 'stages that have no models: ["facts"]'),
        ({"from": "models"}, "Allowed are: ingest, transform, model."),
    ],
)
def test_input__that_is_wrong__is_refused(request_: dict[str, Any], said: str, lake: Lake) -> None:
    run = lake.run(**request_)
    assert run.status == "FAILED"
    assert said in run.failure()["cause"]


def change_runtime(lake: Lake, runtime: str) -> None:
    """Apply with another runtime: the jobs are made anew, and log elsewhere, which is all."""
    lake.set_variables(jobs={"runtime": runtime})
    changed = Counter((item["type"], *item["change"]["actions"]) for item in lake.plan())
    assert changed == {
        ("aws_glue_job", "delete", "create"): 3,
        ("aws_iam_role_policy", "update"): 3,
        ("aws_sfn_state_machine", "update"): 2,
        ("terraform_data", "update"): 3,
    }
    lake.apply(PLAN)
    assert lake.plan() == []
    named = re.findall(r"/aws-glue/[a-z-]+/[a-z]+", "".join(lake.definitions()))
    # Models and datasets on Spark have a log of their own on either runtime.
    shell = {"/aws-glue/python-jobs/error"} if runtime == "python_shell" else set()
    assert set(named) == {"/aws-glue/jobs/output"} | shell


def test_runtime__changed__makes_the_same_tables__and_leaves_them_as_they_are(lake: Lake) -> None:
    tables = ("raw/", "processed/", "analytics/")
    made = lake.etags(*tables)
    assert made
    change_runtime(lake, "spark")
    for table in tables:
        lake.empty(table)
    lake.local("DELETE", "calls")
    run = lake.run()
    assert run.status == "SUCCEEDED", run.cause
    assert lake.etags(*tables) == made, "the other runtime makes other bytes"
    for name, frame in oracle.expected(processed(lake)).items():
        compare.assert_equal(frame, lake.frame(f"analytics/{name}/"), oracle.KEYS[name])
    calls = lake.local("GET", "calls")
    roles = {call["role"].split("/")[-1] for call in calls}
    assert {"medallion-ingest-job", "medallion-model-job", "medallion-transform-job"} <= roles
    assert [call for call in calls if call["decision"] == "DENY"] == []
    for job in ("ingest", "transform", "model"):
        runs = lake.glue.get_job_runs(JobName=lake.outputs["job_names"][job])["JobRuns"]
        assert len(runs) == 3
        shown = {(r["GlueVersion"], r["WorkerType"], r["NumberOfWorkers"]) for r in runs}
        assert shown == {("5.1", "G.1X", 2)}

    versions = [lake.versions(table) for table in tables]
    change_runtime(lake, "python_shell")
    run = lake.run()
    assert run.status == "SUCCEEDED", run.cause
    assert [lake.versions(table) for table in tables] == versions


def test_deployment__destroyed__leaves_nothing(lake: Lake) -> None:
    destroy(lake)
    assert leftovers(lake) == []
