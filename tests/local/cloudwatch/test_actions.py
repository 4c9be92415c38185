"""CloudWatch alarms: what a change of state sets off, and as whom."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.local.cloudwatch.watch import Watch
from tests.local.conftest import ACCOUNT, Aws, allow, unique, until

REGION_NAME = "US East (N. Virginia)"


@pytest.fixture
def watch(aws: Aws) -> Watch:
    return Watch(aws)


def test_change__is_published_in_the_words_of_aws(watch: Watch) -> None:
    watch.alarm(DatapointsToAlarm=1)
    watch.put(11)
    found = watch.evaluate()
    reason = found["reason"]
    assert reason.startswith("Threshold Crossed: 1 out of the last 1 datapoints [11.0 (")
    assert reason.endswith(
        "was greater than the threshold (10.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    (sent,) = watch.sent()
    assert sent["subject"] == f'ALARM: "{watch.name}" in {REGION_NAME}'
    described = watch.described()
    message = sent["message"]
    for stamp in ("AlarmConfigurationUpdatedTimestamp", "StateChangeTime"):
        assert message.pop(stamp).endswith("+0000")
    assert message == {
        "AlarmName": watch.name,
        "AlarmDescription": "Too many. Runbook: look.",
        "AWSAccountId": ACCOUNT,
        "NewStateValue": "ALARM",
        "NewStateReason": reason,
        "Region": REGION_NAME,
        "AlarmArn": f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{watch.name}",
        "OldStateValue": "INSUFFICIENT_DATA",
        "OKActions": [],
        "AlarmActions": [watch.topic],
        "InsufficientDataActions": [],
        "Trigger": {
            "MetricName": "Rows",
            "Namespace": watch.namespace,
            "StatisticType": "Statistic",
            "Statistic": "SUM",
            "Unit": None,
            "Dimensions": [{"value": "p", "name": "Pipeline"}],
            "Period": 300,
            "EvaluationPeriods": 1,
            "DatapointsToAlarm": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 10.0,
            "TreatMissingData": "notBreaching",
            "EvaluateLowSampleCountPercentile": "",
        },
    }
    data = json.loads(described["StateReasonData"])
    assert (data["recentDatapoints"], data["threshold"], data["period"]) == ([11.0], 10.0, 300)


def test_change__is_published_once_each_way(watch: Watch) -> None:
    watch.alarm(OKActions=[watch.topic])
    watch.put(11)
    for _ in range(2):
        assert watch.state() == "ALARM"
    assert watch.state(hours_ahead=0.1) == "OK"
    assert [one["message"]["NewStateValue"] for one in watch.sent()] == ["ALARM", "OK"]
    assert watch.sent()[1]["subject"].startswith("OK: ")
    assert "1 missing datapoint was treated as [NonBreaching]" in watch.described()["StateReason"]


def test_change__is_an_event(watch: Watch) -> None:
    events, sqs = watch.aws.client("events"), watch.aws.client("sqs")
    queue = sqs.create_queue(QueueName=unique("queue"))["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue.rsplit('/', 1)[-1]}"
    statement = allow("sqs:SendMessage", arn, Principal={"Service": "events.amazonaws.com"})
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    rule = unique("rule")
    pattern = {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {"alarmName": [watch.name], "state": {"value": ["ALARM"]}},
    }
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "q", "Arn": arn}])
    watch.alarm()
    watch.put(11)
    watch.evaluate()
    (got,) = until(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"), "the event")
    event = json.loads(got["Body"])
    assert event["resources"] == [watch.described()["AlarmArn"]]
    detail = event["detail"]
    (metric,) = detail["configuration"]["metrics"]
    assert metric["metricStat"] == {
        "metric": {
            "namespace": watch.namespace,
            "name": "Rows",
            "dimensions": {"Pipeline": "p"},
        },
        "period": 300,
        "stat": "Sum",
    }
    assert detail["configuration"]["description"] == "Too many. Runbook: look."
    assert (detail["previousState"]["value"], detail["state"]["value"]) == (
        "INSUFFICIENT_DATA",
        "ALARM",
    )
    assert detail["state"]["reason"] == watch.described()["StateReason"]
    assert json.loads(detail["state"]["reasonData"])["statistic"] == "Sum"


# -------------------------------------------------------------------------------------- actions


def test_action__needs_a_policy_that_lets_cloudwatch_in(watch: Watch) -> None:
    watch.let("events.amazonaws.com")
    watch.alarm()
    watch.put(11)
    found = watch.evaluate()
    assert found["state"] == "ALARM"
    (failed,) = found["failed_actions"]
    assert failed["action"] == watch.topic
    assert failed["error"].startswith(
        f"Resource: {watch.described()['AlarmArn']} is not authorized to perform: SNS:Publish on "
        f"resource: {watch.topic}"
    )
    assert watch.sent() == []
    _, calls = watch.aws.get("/_local/calls?role=cloudwatch.amazonaws.com&decision=DENY")
    assert [watch.topic] in [call["resources"] for call in calls]
    watch.let("cloudwatch.amazonaws.com")
    assert watch.state(hours_ahead=1) == "OK"
    found = watch.evaluate()
    assert "failed_actions" not in found
    assert len(watch.sent()) == 1


def test_action__of_a_topic_that_is_gone_fails_and_says_so(watch: Watch) -> None:
    watch.alarm(AlarmActions=[watch.topic + "-gone"])
    watch.put(11)
    found = watch.evaluate()
    assert found["state"] == "ALARM"
    assert "not authorized to perform: SNS:Publish" in found["failed_actions"][0]["error"]


def test_actions__that_are_disabled_are_not_performed(watch: Watch) -> None:
    watch.alarm(ActionsEnabled=False)
    watch.put(11)
    assert watch.state() == "ALARM"
    assert watch.sent() == []
    watch.cloudwatch.enable_alarm_actions(AlarmNames=[watch.name])
    assert watch.state(hours_ahead=1) == "OK"
    assert watch.state() == "ALARM"
    assert len(watch.sent()) == 1


def test_subject__of_a_long_name_is_cut(watch: Watch) -> None:
    watch.name += "x" * 200
    watch.alarm()
    watch.put(11)
    assert "failed_actions" not in watch.evaluate()
    (sent,) = watch.sent()
    assert (len(sent["subject"]), sent["subject"][-3:]) == (100, "...")


def test_set_alarm_state__performs_the_actions_until_the_next_evaluation(watch: Watch) -> None:
    watch.alarm()
    for _ in range(2):
        watch.cloudwatch.set_alarm_state(
            AlarmName=watch.name, StateValue="ALARM", StateReason="a test"
        )
    assert watch.described()["StateReason"] == "a test"
    (sent,) = watch.sent()
    assert (sent["message"]["NewStateReason"], sent["message"]["OldStateValue"]) == (
        "a test",
        "INSUFFICIENT_DATA",
    )
    assert watch.state() == "OK"
    with pytest.raises(ClientError, match="ResourceNotFound"):
        watch.cloudwatch.set_alarm_state(AlarmName="none", StateValue="OK", StateReason="x")
