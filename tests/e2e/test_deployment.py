"""The deployment itself: no drift, triggers, repeated runs."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import drop_good_files
from tests.e2e.lake import Lake, until

pytestmark = pytest.mark.xdist_group("shop")


def test_plan__after_apply__has_no_changes(lake: Lake) -> None:
    code, out, err = lake.terraform.plan(detailed_exitcode=True)
    assert code == 0, f"{out}\n{err}"


def test_run__repeated_over_the_same_files__adds_no_row(orders: Lake) -> None:
    assert orders.run().status == "SUCCEEDED"
    raw = f"{orders.outputs['database_names']['raw']}.orders"
    counts = f"SELECT (SELECT count(*) FROM {raw}), count(*) FROM orders"
    before = orders.query(counts)
    versions = orders.versions("processed/")
    drop_good_files(orders)
    run = orders.run()
    assert run.status == "SUCCEEDED", run.cause
    assert orders.query(counts) == before
    # What has not changed is not rewritten: a query that reads it meanwhile does not fail.
    assert versions == orders.versions("processed/")


def test_schedule__fired__starts_the_pipeline_with_the_rule_s_own_role(orders: Lake) -> None:
    rule = orders.outputs["schedule_rule_name"]
    pipeline = orders.outputs["pipeline_arn"]
    known = set(orders.executions(pipeline))
    orders.local("POST", f"events/fire?rule={rule}")
    started = until(lambda: set(orders.executions(pipeline)) - known, "a run")
    assert len(started) == 1
    run = orders.wait(started.pop())
    assert run.status == "SUCCEEDED", run.cause
    calls = orders.local("GET", "calls")
    starters = {call["role"] for call in calls if call["action"] == "states:StartExecution"}
    assert any("shop-schedule" in role for role in starters), starters


def test_calls__of_a_whole_run__are_all_allowed(orders: Lake) -> None:
    orders.local("DELETE", "calls")
    assert orders.run().status == "SUCCEEDED"
    calls = orders.local("GET", "calls")
    assert {
        "shop-ingest-job",
        "shop-transform-job",
        "shop-crawler",
        "shop-check",
        "shop-pipeline",
        "shop-crawl",
    } <= {call["role"].split("/")[-1] for call in calls}
    assert [call for call in calls if call["decision"] == "DENY"] == []
