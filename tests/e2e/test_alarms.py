"""Every alarm's condition comes true once, and is told; and what no run can tell of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.arrivals import csv, rows
from tests.e2e.lake import Lake, until

pytestmark = pytest.mark.xdist_group("arrivals")


def evaluated(lake: Lake, hours_ahead: float = 0) -> dict[str, str]:
    """Let all alarms look at their metrics; return their states without the name's prefix."""
    found = lake.local("POST", f"alarms/evaluate?hours_ahead={hours_ahead}")
    return {item["name"].removeprefix("arrive-"): item["state"] for item in found}


def assert_alarmed(lake: Lake, alarm: str) -> None:
    """Assert that an alarm goes off, and that its mail says what to do."""
    known = len(lake.notifications())
    until(lambda: evaluated(lake)[alarm] == "ALARM", f"alarm {alarm}")
    mails = lake.notifications()[known:]
    [mail] = [item for item in mails if f'"arrive-{alarm}"' in item["subject"]]
    assert mail["subject"].startswith("ALARM")
    assert "Runbook: " in json.loads(mail["message"])["AlarmDescription"]


@contextmanager
def damaged_contract(lake: Lake) -> Iterator[None]:
    key = "config/datasets/alerts.json"
    good = lake.read(key)
    contract = json.loads(good)
    contract["columns"][0]["type"] = "number"
    lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=json.dumps(contract))
    try:
        yield
    finally:
        lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=good)


def test_alarms__of_a_failed_run_and_job__go_off(arrivals: Lake) -> None:
    before = evaluated(arrivals)
    assert before["run-failed"] != "ALARM"
    assert before["job-failed"] != "ALARM"
    with damaged_contract(arrivals):
        assert arrivals.run("alerts").status == "FAILED"
    assert_alarmed(arrivals, "run-failed")
    assert_alarmed_already_or_now(arrivals, "job-failed")


def assert_alarmed_already_or_now(lake: Lake, alarm: str) -> None:
    until(lambda: evaluated(lake)[alarm] == "ALARM", f"alarm {alarm}")
    subjects = [item["subject"] for item in lake.notifications()]
    assert any(subject.startswith("ALARM") and alarm in subject for subject in subjects)


def test_alarm__of_a_failed_crawl__goes_off(arrivals: Lake) -> None:
    lake = arrivals
    name = lake.outputs["crawler_names"]["raw"]
    crawler = lake.glue.get_crawler(Name=name)["Crawler"]
    lake.glue.update_crawler(Name=name, DatabaseName="nowhere")
    try:
        lake.glue.start_crawler(Name=name)
        until(
            lambda: lake.glue.get_crawler(Name=name)["Crawler"]["State"] == "READY", "the crawler"
        )
    finally:
        lake.glue.update_crawler(Name=name, DatabaseName=crawler["DatabaseName"])
    assert_alarmed(lake, "crawl-failed")


def test_alarm__of_unrouted_files__goes_off(arrivals: Lake) -> None:
    lake = arrivals
    key = "incoming/nobody/x.csv"
    lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=b"x")
    try:
        assert_alarmed(lake, "unrouted-files")
    finally:
        lake.s3.delete_object(Bucket=lake.bucket, Key=key)


def test_event__that_cannot_start_a_run__is_kept_and_alarms(arrivals: Lake) -> None:
    lake = arrivals
    role = "arrive-arrival"
    iam = lake.client("iam")
    [policy] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    granted = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    without = [s for s in granted["Statement"] if "states:StartExecution" not in s["Action"]]
    assert len(without) == len(granted["Statement"]) - 1

    def grant(statements: list[Any]) -> None:
        document = json.dumps({**granted, "Statement": statements})
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=document)

    queue = lake.outputs["dead_letter_queue_url"]
    grant(without)
    try:
        lake.drop("alerts", "dead.csv", csv(rows(600_000, 1)))
        messages = until(
            lambda: (
                lake.client("sqs")
                .receive_message(QueueUrl=queue, VisibilityTimeout=0)
                .get("Messages")
            ),
            "the dead letter",
        )
    finally:
        grant(granted["Statement"])
    kept = json.loads(messages[0]["Body"])
    assert kept["failure"]["state"] == "StartPipeline"
    assert kept["event"]["detail"]["object"]["key"] == "incoming/alerts/dead.csv"
    assert_alarmed(lake, "dead-letters")
    # The file is where it was: a run takes it.
    assert lake.run("alerts").status == "SUCCEEDED"
    assert lake.keys("incoming/alerts/") == []
    lake.client("sqs").purge_queue(QueueUrl=queue)
    assert evaluated(lake, hours_ahead=1)["dead-letters"] == "OK"


def test_alarm__of_freshness__goes_off_when_no_run_succeeds(arrivals: Lake) -> None:
    assert arrivals.run("alerts").status == "SUCCEEDED"
    assert evaluated(arrivals)["freshness"] == "OK"
    assert evaluated(arrivals, hours_ahead=1)["freshness"] == "OK"
    assert evaluated(arrivals, hours_ahead=4)["freshness"] == "ALARM"
    assert evaluated(arrivals)["freshness"] == "OK"


def test_run__cut_off_by_hand__is_told_though_it_cannot_tell_itself(arrivals: Lake) -> None:
    lake = arrivals
    known = len(lake.notifications())
    run = lake.start({"not_before": "2099-01-01T00:00:00Z", "group": "alerts", "trigger": "event"})
    lake.states.stop_execution(executionArn=run, error="Operator", cause="by hand")
    assert lake.wait(run).status == "ABORTED"
    [mail] = until(
        lambda: [m for m in lake.notifications()[known:] if run.rsplit(":", 1)[-1] in m["message"]],
        "the mail",
    )
    assert "ABORTED" in mail["message"]


def test_dashboard__shows_the_metrics(arrivals: Lake) -> None:
    lake = arrivals
    cloudwatch = lake.client("cloudwatch")
    body = cloudwatch.get_dashboard(DashboardName="arrive")["DashboardBody"]
    assert json.loads(body)["widgets"]
    metrics = {
        metric["MetricName"]
        for page in cloudwatch.get_paginator("list_metrics").paginate(Namespace="Medallion")
        for metric in page["Metrics"]
    }
    assert {"RunsSucceeded", "RowsIngested", "RowsProcessed", "RowsRefused"} <= metrics
    assert all(name in body for name in metrics)
