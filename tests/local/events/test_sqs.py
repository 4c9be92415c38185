"""SQS: attributes that come back as they were set, and the metric of a queue."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.local.conftest import ACCOUNT, Aws, allow, unique


@pytest.fixture
def sqs(aws: Aws) -> Any:
    return aws.client("sqs")


def made(sqs: Any, **attributes: str) -> tuple[str, str]:
    """Make a queue; its URL and its ARN."""
    url = sqs.create_queue(QueueName=unique("queue"), Attributes=attributes)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{url.rsplit('/', 1)[-1]}"


def attributes(sqs: Any, url: str) -> dict[str, str]:
    found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])[
        "Attributes"
    ]
    return found


def test_policy__stays_until_it_is_taken_away(sqs: Any) -> None:
    url, arn = made(sqs)
    statement = allow("sqs:SendMessage", arn, Principal={"Service": "events.amazonaws.com"})
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "60"})
    found = attributes(sqs, url)
    assert (found["Policy"], found["VisibilityTimeout"]) == (policy, "60")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert "Policy" not in attributes(sqs, url)


def test_redrive_policies__come_back_as_set_and_go(sqs: Any) -> None:
    (source, source_arn), (dead, dead_arn) = made(sqs), made(sqs)
    redrive = f'{{"deadLetterTargetArn":"{dead_arn}","maxReceiveCount":3}}'
    sources = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [source_arn]})
    for url, name, value in (
        (source, "RedrivePolicy", redrive),
        (dead, "RedriveAllowPolicy", sources),
    ):
        assert name not in attributes(sqs, url)
        sqs.set_queue_attributes(QueueUrl=url, Attributes={name: value})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})
        assert attributes(sqs, url)[name] == value
        one = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
        assert one == {name: value}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={name: ""})
        assert name not in attributes(sqs, url)


def test_dead_letters__move_after_the_last_receive(sqs: Any) -> None:
    dead, dead_arn = made(sqs)
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
    source, _ = made(sqs, RedrivePolicy=redrive, VisibilityTimeout="0")
    sqs.send_message(QueueUrl=source, MessageBody="x")
    assert len(sqs.receive_message(QueueUrl=source)["Messages"]) == 1
    assert "Messages" not in sqs.receive_message(QueueUrl=source)
    assert attributes(sqs, dead)["ApproximateNumberOfMessages"] == "1"


def test_metric__is_the_number_of_messages_that_wait(aws: Aws, sqs: Any) -> None:
    url, arn = made(sqs)
    for body in ("a", "b", "c"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    (received,) = sqs.receive_message(QueueUrl=url)["Messages"]
    now = datetime.now(UTC)
    asked = {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": arn.rsplit(":", 1)[-1]}],
        "StartTime": now - timedelta(minutes=2),
        "EndTime": now + timedelta(minutes=2),
        "Period": 3600,
        "Statistics": ["Minimum", "Maximum", "SampleCount"],
    }
    cloudwatch = aws.client("cloudwatch")
    for _ in range(4):
        (point,) = cloudwatch.get_metric_statistics(**asked)["Datapoints"]
    # A minute has one value however often it is read; the test may run into a second one.
    assert point["SampleCount"] in (1.0, 2.0)
    assert (point["Minimum"], point["Maximum"], point["Unit"]) == (2.0, 2.0, "Count")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=received["ReceiptHandle"])
    sqs.delete_queue(QueueUrl=url)
