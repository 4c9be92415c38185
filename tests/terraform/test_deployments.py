"""What the whole module makes of its variables: names, alarms, jobs; see tests/deployments.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.deployments import UNKNOWN, Deployment, mocked_deployment, refusals
from tests.rendering import Terraform

pytestmark = pytest.mark.xdist_group("terraform-module")

RETAIL = "customer_metrics dim_customer dim_product fact_sales product_performance sales_summary"
ALARMS = ["crawl-failed", "job-failed", "run-failed"]
ARRIVAL_ALARMS = ["dead-letters", "freshness", "unrouted-files"]
JOBS = {job: f"medallion-{job}" for job in ("ingest", "transform", "model")}
SIZE = {"--max-object-mebibytes": "512"}
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/medallion-dead-letters"

OUTPUTS: dict[str, dict[str, Any]] = {
    "default": {
        "alarm_names": [f"medallion-{name}" for name in ALARMS],
        "arrival_window_seconds": 60,
        "bucket_name": "medallion-123456789012-us-east-1",
        "crawler_names": {n: f"medallion-{n}" for n in ("raw", "processed", "analytics")},
        "dashboard_name": "medallion",
        "database_names": {n: f"workshop_{n}" for n in ("raw", "processed", "analytics")},
        "dataset_names": ["customers", "products", "sales"],
        "dead_letter_queue_url": None,
        # No file arrives for a sample, so nothing waits for one.
        "event_dataset_names": [],
        "groups": {name: name for name in ("customers", "products", "sales")},
        "incoming_prefixes": {},
        "job_names": JOBS,
        "model_names": RETAIL.split(),
        "region": "us-east-1",
        "schedule_rule_name": "medallion-schedule",
        "stage_names": ["dimension", "fact", "mart"],
        "workgroup_name": "medallion",
    },
    "events": {
        "alarm_names": sorted(f"medallion-{name}" for name in (*ALARMS, *ARRIVAL_ALARMS)),
        "dead_letter_queue_url": QUEUE,
        "event_dataset_names": ["orders", "returns"],
        "groups": {"orders": "shop", "returns": "shop", "rates": "rates", "stock": "stock"},
    },
    "named": {
        "bucket_name": "shop-lake",
        "crawler_names": {"raw": "shop-raw", "processed": "shop-processed", "analytics": None},
        "dashboard_name": None,
        "database_names": {n: f"shop_{n}" for n in ("raw", "processed", "analytics")},
        "incoming_prefixes": {"orders": "s3://shop-lake/incoming/orders/"},
        "model_names": [],
        # The region is that of the caller's provider.
        "region": "eu-central-1",
        "schedule_rule_name": None,
        "stage_names": [],
        "workgroup_name": "shop",
    },
    "key": {"dead_letter_queue_url": QUEUE},
    "duckdb_on_spark": {"job_names": JOBS},
    "spark": {
        "job_names": {
            **JOBS,
            "transform-spark": "medallion-transform-spark",
            "model-spark": "medallion-model-spark",
        }
    },
    # Jobs that nothing asks for are not there.
    "spark_models": {"job_names": {**JOBS, "model-spark": "medallion-model-spark"}},
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_outputs(case: str, module: Terraform) -> None:
    found = mocked_deployment(module, case).outputs
    assert {name: found[name] for name in OUTPUTS[case]} == OUTPUTS[case]


def test_wrong_variables__are_told_and_nothing_made_of_them_is(tmp_path: Path) -> None:
    # The provider would have a word on such names too, and a lookup of such a worker would fail.
    wrong = {"name": "N" * 70, "jobs": {"spark_worker_type": "X"}, "models": {}}
    told = refusals(tmp_path / "wrong", wrong)
    assert sorted(text.split(" ")[0] for text in told) == ["jobs.spark_worker_type", "name"]


def test_name__begins_the_names_of_alarms(module: Terraform) -> None:
    names = mocked_deployment(module, "named").outputs["alarm_names"]
    assert names
    assert all(name.startswith("shop-") for name in names)


def jobs(deployment: Deployment) -> dict[str, Any]:
    found = deployment.values("aws_glue_job").values()
    return {job["name"].removeprefix("medallion-"): job for job in found}


def test_jobs_of_duckdb__on_spark__have_one_machine_whatever_spark_has(module: Terraform) -> None:
    found = jobs(mocked_deployment(module, "duckdb_on_spark"))
    for name in JOBS:
        job = found[name]
        assert job["max_capacity"] == UNKNOWN
        assert (job["worker_type"], job["number_of_workers"]) == ("G.1X", 2)
        given = {
            argument: value
            for argument, value in job["default_arguments"].items()
            if argument in ("--memory-mb", "--max-object-mebibytes")
        }
        # Beside the heap of a driver, DuckDB has 2 GB.
        assert given == ({} if name == "ingest" else {"--memory-mb": "2000", **SIZE})


def test_jobs_of_spark__have_the_workers_and_sizes_that_are_asked_for(module: Terraform) -> None:
    found = jobs(mocked_deployment(module, "spark"))
    for name in ("transform-spark", "model-spark"):
        assert found[name]["worker_type"] == "G.2X"
        assert found[name]["default_arguments"]["--max-object-mebibytes"] == "64"
    assert found["model-spark"]["default_arguments"]["--memory-mb"] == "4000"
    assert "--memory-mb" not in found["transform-spark"]["default_arguments"]


def test_tags__are_on_every_resource_that_takes_them(event_deployment: Deployment) -> None:
    taggable = {
        kind
        for kind, schema in event_deployment.schemas.items()
        if "tags" in schema["block"]["attributes"]
    }
    found = [item for item in event_deployment.resources if item["type"] in taggable]
    assert {"aws_s3_bucket", "aws_s3_object", "aws_sqs_queue"} <= {item["type"] for item in found}
    wanted = {"managed-by": "terraform", "owner": "anna", "project": "medallion"}
    for item in found:
        tags = item["values"]["tags"]
        if item["type"] == "aws_s3_object":
            # It takes ten at most, and the bucket has them. Not the caller's either.
            assert tags is None, item["address"]
            [override] = item["values"]["override_provider"]
            assert override["default_tags"] == [{"tags": {}}], item["address"]
        else:
            assert tags == wanted, item["address"]
