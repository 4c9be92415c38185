"""The events that Glue emits for jobs and crawlers, with the fields that AWS documents."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.local.conftest import ACCOUNT, Aws, allow, unique, until
from tests.local.glue.jobs import Jobs
from tests.local.lake import Lake

Details = Callable[[int], list[dict[str, Any]]]
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def details(aws: Aws, detail_type: str, key: str, name: str) -> Details:
    """Collect the events of one job or crawler; the details, once there are so many."""
    events, sqs = aws.client("events"), aws.client("sqs")
    queue = sqs.create_queue(QueueName=unique("queue"))["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue.rsplit('/', 1)[-1]}"
    statement = allow("sqs:SendMessage", arn, Principal={"Service": "events.amazonaws.com"})
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    pattern = {"source": ["aws.glue"], "detail-type": [detail_type], "detail": {key: [name]}}
    rule = unique("rule")
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "q", "Arn": arn}])
    got: list[dict[str, Any]] = []

    def collected(count: int) -> list[dict[str, Any]]:
        def enough() -> bool:
            found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
            got.extend(json.loads(one["Body"])["detail"] for one in found.get("Messages", []))
            return len(got) >= count

        until(enough, f"{count} events of {name}")
        return got

    return collected


@pytest.mark.parametrize(
    ("script", "state", "severity", "message"),
    [
        ("print(1)", "SUCCEEDED", "INFO", "Job run succeeded"),
        ("raise ValueError('x')", "FAILED", "ERROR", "Command failed with exit code 1"),
        ("import time; time.sleep(60)", "TIMEOUT", "WARN", "Job run timed out"),
        ("import time; time.sleep(60)", "STOPPED", "INFO", "Job run stopped"),
    ],
)
def test_job__emits_how_it_ended(
    aws: Aws, script: str, state: str, severity: str, message: str
) -> None:
    jobs = Jobs(aws)
    name = jobs.job(script, Timeout=1 if state == "TIMEOUT" else 60)
    sent = details(aws, "Glue Job State Change", "jobName", name)
    run = jobs.start(name)
    if state == "STOPPED":
        until(lambda: jobs.get(name, run)["JobRunState"] == "RUNNING", "the run")
        jobs.glue.batch_stop_job_run(JobName=name, JobRunIds=[run])
    assert jobs.finish(name, run)["JobRunState"] == state
    assert sent(1) == [
        {
            "jobName": name,
            "severity": severity,
            "state": state,
            "jobRunId": run,
            "message": message,
        }
    ]


def crawler_events(lake: Lake, aws: Aws, crawler: str, count: int) -> dict[str, dict[str, Any]]:
    sent = details(aws, "Glue Crawler State Change", "crawlerName", crawler)
    lake.crawl(crawler)
    found = {one["state"]: one for one in sent(count)}
    for one in found.values():
        assert one.pop("crawlerName") == crawler
        assert one.pop("accountId") == ACCOUNT
        assert one.pop("message") == f"Crawler {one['state']}"
    return found


def test_crawler__emits_its_start_and_what_it_changed(aws: Aws) -> None:
    lake = Lake(aws)
    for month in (1, 2):
        lake.put(f"raw/t/month={month}/a.parquet", {"n": [1]})
    name = lake.crawler("raw/t/")
    found = crawler_events(lake, aws, name, 2)
    assert INSTANT.fullmatch(found["Started"].pop("startTime"))
    assert found["Started"] == {"state": "Started"}
    ended = found["Succeeded"]
    assert INSTANT.fullmatch(ended.pop("completionDate"))
    assert 0 <= int(ended.pop("runningTime (sec)")) < 20
    assert ended.pop("cloudWatchLogLink").endswith(f"group=/aws-glue/crawlers;stream={name}")
    assert ended == {
        "partitionsCreated": "2",
        "partitionsDeleted": "0",
        "partitionsUpdated": "0",
        "state": "Succeeded",
        "tablesCreated": "1",
        "tablesDeleted": "0",
        "tablesUpdated": "0",
        "warningMessage": "N/A",
    }


def test_crawler__emits_why_it_failed(aws: Aws) -> None:
    lake = Lake(aws)
    lake.put("raw/t/a.parquet", {"n": [1]})
    # It may read the target, or the crawler could not be made, and not write the catalog.
    powerless = aws.role(allow(["logs:*", "s3:*"], "*"), service="glue.amazonaws.com")
    name = lake.crawler("raw/t/", role=powerless)
    failed = crawler_events(lake, aws, name, 2)["Failed"]
    assert "AccessDenied" in failed["errorMessage"] or "not authorized" in failed["errorMessage"]
    assert set(failed) == {"cloudWatchLogLink", "errorMessage", "state"}


def test_crawler__emits_nothing_when_it_is_stopped(aws: Aws) -> None:
    lake = Lake(aws)
    for number in range(60):
        lake.put(f"raw/t/day={number}/a.parquet", {"n": [number]})
    name = lake.crawler("raw/t/")
    sent = details(aws, "Glue Crawler State Change", "crawlerName", name)
    lake.glue.start_crawler(Name=name)
    lake.glue.stop_crawler(Name=name)
    assert lake.wait_for_crawl(name)["Status"] == "CANCELLED"
    assert lake.crawl(name)["Status"] == "SUCCEEDED"
    assert sorted(one["state"] for one in sent(3)) == ["Started", "Started", "Succeeded"]
