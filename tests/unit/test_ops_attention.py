"""What status shows beside the runs: unrouted files, dead letters, alarms; where they exist."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ops import attention, status
from ops.target import Outputs, Target
from tests.unit.ops_fakes import (
    EVENT_OUTPUTS,
    OUTPUTS,
    Fake,
    connected,
    on_aws,
    refusal,
    watched,
    words,
)

TODAY = date(2026, 1, 5)
MOMENT = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    class Today(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return MOMENT

    monkeypatch.setattr(attention, "datetime", Today)
    return watched(monkeypatch)


class Bucket:
    """An S3 client over records of arrivals, and the files that are still there."""

    def __init__(self, records: dict[str, dict[str, Any]], files: set[str]) -> None:
        self.records = records
        self.files = files
        self.read = 0

    def get_paginator(self, _name: str) -> Bucket:
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        keys = [key for key in self.records if key.startswith(Prefix)]
        return [
            {
                "Contents": [
                    {"Key": key, "LastModified": MOMENT - timedelta(seconds=number)}
                    for number, key in enumerate(keys)
                ]
            }
        ]

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self.read += 1
        return {"Body": io.BytesIO(json.dumps(self.records[Key]).encode())}

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if Key not in self.files:
            raise refusal("404", "HeadObject")
        return {}


def arrival(day: str, number: int, outcome: str = "unknown", folder: str = "sells") -> Any:
    record = {
        "key": f"incoming/{folder}/a{number}.csv", "size": 3, "outcome": outcome,
        "reason": f"There is no dataset {folder}. Configured are: sales.",
        "what_to_do": "Move the file to incoming/<dataset>/ of a configured dataset.",
        "event_id": str(number), "time": f"{day}T12:00:00Z",
    }  # fmt: skip
    return f"runs/arrivals/{day}/{number}.json", record


def lake(*records: Any, files: tuple[str, ...] = (), **clients: Any) -> Target:
    return connected(EVENT_OUTPUTS, s3=Bucket(dict(records), set(files)), **clients)


def test_arrivals__of_the_last_days_with_reason_and_what_to_do(screen: io.StringIO) -> None:
    made = lake(
        arrival("2026-01-05", 1),
        arrival("2026-01-03", 2),
        arrival("2026-01-02", 3),
        files=("incoming/sells/a1.csv",),
    )
    attention.arrivals(made)
    shown = words(screen)
    assert "incoming/sells/a1.csv is still there" in shown
    assert "There is no dataset sells. Configured are: sales." in shown
    assert shown.count("Move the file to incoming/<dataset>/") == 1
    assert "incoming/sells/a2.csv is gone by now" in shown
    assert "a3.csv" not in shown


def test_arrivals__that_were_rightly_ignored_are_not_shown(screen: io.StringIO) -> None:
    attention.arrivals(lake(arrival("2026-01-05", 1, "ignored")))
    assert words(screen) == "Arrivals that belong to no dataset none in the last 3 days"


def test_arrivals__of_many_only_the_newest_are_read_and_shown(screen: io.StringIO) -> None:
    made = lake(*(arrival("2026-01-05", number) for number in range(attention._READ + 7)))
    attention.arrivals(made)
    shown = words(screen)
    assert shown.count("is gone by now") == attention._SHOWN
    assert "incoming/sells/a0.csv" in shown
    rest = attention._READ + 7 - attention._SHOWN
    assert f"and {rest} more under s3://lake/runs/arrivals/" in shown
    assert made.s3.read == attention._READ  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("count", "text"), [("0", "none"), ("1", "1 event in https://"), ("3", "3 events in https://")]
)
def test_dead_letters__are_counted(count: str, text: str, screen: io.StringIO) -> None:
    queue = Fake(get_queue_attributes={"Attributes": {"ApproximateNumberOfMessages": count}})
    attention.dead_letters(lake(sqs=queue))
    shown = words(screen)
    assert text in shown
    assert ("make run takes them" in shown) == (count != "0")


def alarm(name: str, state: str) -> dict[str, Any]:
    return {
        "AlarmName": name, "StateValue": state, "StateUpdatedTimestamp": MOMENT,
        "StateReason": "1 datapoint [2.0] was greater than the threshold (0.0).",
        "AlarmDescription": "Events wait. Runbook: read the dead letters, then make run.",
    }  # fmt: skip


def test_alarms__raised_ones_have_reason_and_runbook(screen: io.StringIO) -> None:
    alarms = [alarm("medallion-dead-letters", "ALARM"), alarm("medallion-run-failed", "OK")]
    watch = Fake(describe_alarms={"MetricAlarms": alarms})
    attention.alarms(on_aws(lake(cloudwatch=watch)))
    assert watch.asked_for("describe_alarms") == [{"AlarmNames": EVENT_OUTPUTS["alarm_names"]}]
    assert words(screen) == (
        "Alarms medallion-dead-letters since 2026-01-05 12:00:00 UTC "
        "1 datapoint [2.0] was greater than the threshold (0.0). "
        "read the dead letters, then make run."
    )


def test_alarms__none_raised(screen: io.StringIO) -> None:
    watch = Fake(describe_alarms={"MetricAlarms": [alarm("medallion-run-failed", "OK")]})
    attention.alarms(lake(cloudwatch=watch))
    shown = words(screen)
    assert "none of 2 is raised" in shown
    assert "evaluates them on demand only" in shown


def test_alarms__more_than_a_request_takes() -> None:
    watch = Fake(describe_alarms={"MetricAlarms": []})
    names = [f"a{number}" for number in range(101)]
    made = connected({**EVENT_OUTPUTS, "alarm_names": names}, cloudwatch=watch)
    assert list(attention.in_alarm(made)) == []
    assert [len(asked["AlarmNames"]) for asked in watch.asked_for("describe_alarms")] == [100, 1]


def test_show__older_deployment_has_none_of_it(screen: io.StringIO) -> None:
    attention.show(connected(OUTPUTS))
    assert screen.getvalue() == ""


def test_outputs__missing_ones_of_an_older_deployment_have_fallbacks() -> None:
    found = Outputs.parse(OUTPUTS, "The deployment")
    assert found.arrival_window_seconds is None
    assert found.dead_letter_queue_url is None
    assert found.dashboard_name is None
    assert (found.alarm_names, found.event_dataset_names, found.groups) == ([], [], {})
    assert found.group_of("sales") == "sales"


def test_outputs__event_datasets_of_a_group() -> None:
    found = Outputs.parse(EVENT_OUTPUTS, "The deployment")
    assert found.event_datasets_of("air") == ["flights", "planes"]
    assert found.event_datasets_of("sales") == []


def test_status__shows_everything_of_an_idle_deployment(screen: io.StringIO) -> None:
    """With moto for the services, so that the requests are ones that they take."""
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        session = boto3.session.Session(region_name="us-east-1")
        session.client("s3").create_bucket(Bucket="lake")
        url = session.client("sqs").create_queue(QueueName="medallion-dlq")["QueueUrl"]
        session.client("cloudwatch").put_metric_alarm(
            AlarmName="medallion-run-failed", MetricName="ExecutionsFailed",
            Namespace="AWS/States", Statistic="Sum", Period=300, EvaluationPeriods=1,
            Threshold=0, ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
        arn = session.client("stepfunctions").create_state_machine(
            name="medallion-pipeline", roleArn="arn:aws:iam::123456789012:role/r",
            definition='{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}',
        )["stateMachineArn"]  # fmt: skip
        outputs = {
            **EVENT_OUTPUTS,
            "crawler_names": {},
            "dead_letter_queue_url": url,
            "pipeline_arn": arn,
        }
        session.client("s3").put_object(
            Bucket="lake", Key="runs/arrivals/2026-01-05/e.json",
            Body=json.dumps(arrival("2026-01-05", 1)[1]),
        )  # fmt: skip
        session.client("sqs").send_message(QueueUrl=url, MessageBody="{}")
        session.client("cloudwatch").set_alarm_state(
            AlarmName="medallion-run-failed", StateValue="ALARM", StateReason="one has failed"
        )
        status.show(on_aws(connected(outputs)))
    shown = words(screen)
    assert "none yet: make run" in shown
    assert "incoming/sells/a1.csv is gone by now" in shown
    assert "1 event in" in shown
    assert "medallion-run-failed" in shown
    assert "one has failed" in shown
