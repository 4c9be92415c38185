"""Spark where the configuration asks for it: a dataset, and a model beside one on DuckDB.

The last test destroys the deployment that the others share.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import ORDERS, ORDERS_CSV
from tests.e2e.lake import Lake, Run, deployed, destroy, leftovers

pytestmark = pytest.mark.xdist_group("spark")

MODELS = {
    "dim_status": "SELECT DISTINCT status FROM processed.orders WHERE status IS NOT NULL\n",
    "fact_order": (
        "SELECT o.order_id, o.amount, s.status, o.month\n"
        "FROM processed.orders AS o JOIN analytics.dim_status AS s ON s.status = o.status\n"
    ),
}


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lake, Run]]:
    folder = tmp_path_factory.mktemp("spark")
    sql = folder / "models"
    sql.mkdir()
    for name, text in MODELS.items():
        (sql / f"{name}.sql").write_text(text)
    variables = {
        "name": "spark",
        "datasets": {"orders": {**ORDERS, "engine": "spark"}},
        "stages": ["all"],
        "models": {
            "dim_status": {"stage": "all", "checks": {"unique": [["status"]]}},
            "fact_order": {
                "stage": "all",
                "engine": "spark",
                "partition_by": ["month"],
                "checks": {"unique": [["order_id"]], "row_count": {"min": 2}},
            },
        },
        "models_directory": str(sql),
    }
    with deployed(folder, variables) as lake:
        lake.drop("orders", "good.csv", ORDERS_CSV + "3,Cid,x,new,2026-02-07\n")
        lake.local("DELETE", "calls")
        run = lake.run()
        assert run.status == "SUCCEEDED", run.cause
        yield lake, run


def test_dataset_on_spark__is_transformed_and_accounted_for(spark: tuple[Lake, Run]) -> None:
    lake, run = spark
    rows = run.dataset("orders")["transform"]["rows"]
    assert rows == {"in": 3, "out": 2, "refused": 1, "duplicate": 0, "filtered": 0}
    assert lake.query("SELECT order_id, customer, amount, month FROM orders ORDER BY 1") == [
        ("1", "ada", "10.50", "2026-01"),
        ("2", "bob", "20.00", "2026-02"),
    ]
    assert lake.keys("processed/orders/") == [
        "processed/orders/month=2026-01/part-0.parquet",
        "processed/orders/month=2026-02/part-0.parquet",
    ]


def test_stage_of_both_engines__is_one_job_run_on_spark(spark: tuple[Lake, Run]) -> None:
    lake, run = spark
    names = lake.outputs["job_names"]
    assert len(lake.glue.get_job_runs(JobName=names["model-spark"])["JobRuns"]) == 1
    assert lake.glue.get_job_runs(JobName=names["model"])["JobRuns"] == []
    run_id = run.result["run_id"]
    engines = {
        name: json.loads(lake.read(f"runs/{run_id}/model/{name}.json"))["engine"] for name in MODELS
    }
    assert engines == {"dim_status": "duckdb", "fact_order": "spark"}
    assert lake.query("SELECT * FROM workshop_analytics.fact_order ORDER BY 1") == [
        ("1", "10.50", "new", "2026-01"),
        ("2", "20.00", "paid", "2026-02"),
    ]


def test_spark_roles__are_denied_nothing_and_leave_nothing_behind(spark: tuple[Lake, Run]) -> None:
    lake, _ = spark
    calls = lake.local("GET", "calls")
    roles = {call["role"].split("/")[-1] for call in calls}
    assert {"spark-model-spark-job", "spark-transform-spark-job"} <= roles
    assert [call for call in calls if call["decision"] == "DENY"] == []


def test_run_on_spark__repeated__writes_nothing(spark: tuple[Lake, Run]) -> None:
    lake, _ = spark
    versions = lake.versions("analytics/")
    again = lake.run(**{"from": "model"})
    assert again.status == "SUCCEEDED", again.cause
    assert lake.versions("analytics/") == versions


def test_plan__with_spark_jobs__has_no_changes(spark: tuple[Lake, Run]) -> None:
    code, out, err = spark[0].terraform.plan(detailed_exitcode=True)
    assert code == 0, f"{out}\n{err}"


def test_deployment_with_spark_jobs__destroyed__leaves_nothing(spark: tuple[Lake, Run]) -> None:
    destroy(spark[0])
    assert leftovers(spark[0]) == []
