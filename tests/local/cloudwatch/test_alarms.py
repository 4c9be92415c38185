"""CloudWatch alarms: which state follows from metrics, and which alarms are refused."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.cloudwatch.watch import Watch
from tests.local.conftest import Aws, unique


@pytest.fixture
def watch(aws: Aws) -> Watch:
    return Watch(aws)


# --------------------------------------------------------------------------------------- states


def test_new_alarm__has_insufficient_data_and_an_update_keeps_the_state(watch: Watch) -> None:
    watch.alarm()
    new = watch.described()
    assert (new["StateValue"], new["StateReason"]) == (
        "INSUFFICIENT_DATA",
        "Unchecked: Initial alarm creation",
    )
    watch.put(11)
    assert watch.state() == "ALARM"
    watch.alarm(Threshold=20)
    assert watch.described()["StateValue"] == "ALARM"
    assert watch.state() == "OK"


@pytest.mark.parametrize(
    ("statistic", "value"),
    [("Sum", 6.0), ("Average", 2.0), ("Maximum", 3.0), ("Minimum", 1.0), ("SampleCount", 3.0)],
)
def test_statistics(watch: Watch, statistic: str, value: float) -> None:
    more = {"Statistic": statistic, "ComparisonOperator": "GreaterThanOrEqualToThreshold"}
    for given in (1, 2, 3):
        watch.put(given)
    watch.alarm(Threshold=value, **more)
    assert watch.state() == "ALARM"
    watch.alarm(Threshold=value + 0.1, **more)
    assert watch.state() == "OK"


@pytest.mark.parametrize(
    ("treatment", "state"),
    [
        ("missing", "INSUFFICIENT_DATA"),
        ("ignore", "ALARM"),
        ("breaching", "ALARM"),
        ("notBreaching", "OK"),
        (None, "INSUFFICIENT_DATA"),
    ],
)
def test_missing_data(watch: Watch, treatment: str | None, state: str) -> None:
    watch.alarm(TreatMissingData=treatment)
    watch.put(11)
    assert watch.state() == "ALARM"
    assert watch.state(hours_ahead=1) == state


def test_periods__are_looked_at_one_by_one(watch: Watch) -> None:
    watch.alarm(EvaluationPeriods=2, Threshold=0)
    watch.put(1)
    assert watch.state() == "OK"  # the period before had none
    watch.alarm(EvaluationPeriods=2, DatapointsToAlarm=1, Threshold=0)
    assert watch.state() == "ALARM"


# ------------------------------------------------------------------------- the project's alarms


def test_sum_of_metrics(watch: Watch) -> None:
    def metric(query_id: str, name: str) -> dict[str, Any]:
        named = {
            "Namespace": watch.namespace,
            "MetricName": name,
            "Dimensions": [{"Name": "Pipeline", "Value": "p"}],
        }
        stat = {"Metric": named, "Period": 300, "Stat": "Sum"}
        return {"Id": query_id, "MetricStat": stat, "ReturnData": False}

    total = {"Id": "bad", "Expression": "failed + aborted", "Label": "Bad", "ReturnData": True}
    queries = [total, metric("failed", "Failed"), metric("aborted", "Aborted")]
    single = dict.fromkeys(("MetricName", "Namespace", "Dimensions", "Period", "Statistic"))
    watch.alarm(Metrics=queries, Threshold=0, **single)
    assert watch.state() == "OK"
    watch.put(1, "Aborted")
    assert watch.state() == "ALARM"
    trigger = watch.sent()[-1]["message"]["Trigger"]
    assert "MetricName" not in trigger
    assert trigger["Period"] == 300
    assert trigger["Metrics"][0] == total
    assert trigger["Metrics"][2] == {
        "Id": "aborted",
        "MetricStat": {
            "Metric": {
                "Dimensions": [{"value": "p", "name": "Pipeline"}],
                "MetricName": "Aborted",
                "Namespace": watch.namespace,
            },
            "Period": 300,
            "Stat": "Sum",
        },
        "ReturnData": False,
    }


def test_freshness__alarms_when_the_hours_are_over(watch: Watch) -> None:
    watch.alarm(
        ComparisonOperator="LessThanThreshold",
        DatapointsToAlarm=26,
        EvaluationPeriods=26,
        Period=3600,
        Threshold=1,
        TreatMissingData="breaching",
    )
    watch.put(1)
    assert watch.state() == "OK"
    assert watch.state(hours_ahead=25) == "OK"
    found = watch.evaluate(hours_ahead=26)
    assert (found["state"], found["reason"]) == (
        "ALARM",
        "Threshold Crossed: no datapoints were received for 26 periods and 26 missing datapoints "
        "were treated as [Breaching].",
    )
    assert watch.state() == "OK"


def test_dead_letters__follow_the_length_of_the_queue(watch: Watch) -> None:
    sqs, queue = watch.aws.client("sqs"), unique("dead")
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    watch.alarm(
        Dimensions=[{"Name": "QueueName", "Value": queue}],
        MetricName="ApproximateNumberOfMessagesVisible",
        Namespace="AWS/SQS",
        Statistic="Maximum",
        Threshold=0,
    )
    assert watch.state() == "OK"
    for body in ("a", "b"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    found = watch.evaluate()
    assert (found["state"], "[2.0 (" in found["reason"]) == ("ALARM", True)
    assert watch.state(hours_ahead=5) == "ALARM"  # the messages are still there by then
    for _ in range(2):
        (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert watch.state(hours_ahead=5) == "OK"


# ------------------------------------------------------------------------------------ endpoints


def test_list__names_the_alarms_without_evaluating_them(watch: Watch) -> None:
    watch.alarm()
    watch.put(11)
    status, alarms = watch.aws.get("/_local/alarms")
    assert status == 200
    assert {
        "name": watch.name,
        "state": "INSUFFICIENT_DATA",
        "reason": "Unchecked: Initial alarm creation",
    } in alarms


@pytest.mark.parametrize("hours", ["soon", "-1", "nan", "inf"])
def test_evaluate__hours_that_are_none(aws: Aws, hours: str) -> None:
    status, answer = aws.get(f"/_local/alarms/evaluate?hours_ahead={hours}", "POST")
    assert (status, answer["error"]) == (
        400,
        f"hours_ahead is {hours!r}; it has to be a number from 0 up",
    )


def test_delete__forgets_the_tags(watch: Watch) -> None:
    tags = [{"Key": "k", "Value": "v"}]
    watch.alarm(Tags=tags)
    arn = watch.described()["AlarmArn"]
    assert watch.cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == tags
    watch.cloudwatch.delete_alarms(AlarmNames=[watch.name])
    watch.alarm()
    assert watch.cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == []


# ----------------------------------------------------------------------------------- refusals

_STAT = {
    "Metric": {"Namespace": "N", "MetricName": "m"},
    "Period": 300,
    "Stat": "Sum",
}
_NO_METRIC = dict.fromkeys(("MetricName", "Namespace", "Dimensions", "Period", "Statistic"))


def math_alarm(expression: str) -> dict[str, Any]:
    queries = [
        {"Id": "e", "Expression": expression, "ReturnData": True},
        {"Id": "m", "MetricStat": _STAT, "ReturnData": False},
    ]
    return {"Metrics": queries, **_NO_METRIC}


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"Statistic": None, "ExtendedStatistic": "p99"}, "alarms with ExtendedStatistic"),
        (math_alarm("MAX(m)"), "'MAX(m)' of the expression"),
        (math_alarm("m - 1"), "does no other metric math than sums"),
        (
            {"Metrics": [{"Id": "m", "MetricStat": _STAT}]},
            "Metrics and MetricName or Period must not be given together",
        ),
        (
            {"AlarmActions": ["arn:aws:lambda:us-east-1:123456789012:function:f"]},
            "performs no actions but SNS: arn:aws:lambda:",
        ),
        ({"OKActions": ["arn:aws:automate:us-east-1:ec2:stop"]}, "no actions but SNS"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "GreaterThanUpperThreshold"),
        ({"DatapointsToAlarm": 2}, "DatapointsToAlarm must be 1 to EvaluationPeriods"),
        ({"TreatMissingData": "fine"}, "TreatMissingData must be one of"),
        ({"AlarmDescription": "x" * 1025}, "at most 1024 characters"),
        ({"Threshold": None}, "The parameter Threshold is required"),
        ({"Namespace": None}, "The parameter Namespace is required"),
        ({"Period": 90}, "The parameter Period must be"),
        ({"EvaluationPeriods": 289}, "across more than a day"),
        ({"EvaluationPeriods": 169, "Period": 3600}, "than a week (604800)"),
    ],
)
def test_put__what_is_not_evaluated_is_refused(
    watch: Watch, more: dict[str, Any], text: str
) -> None:
    with pytest.raises(ClientError) as caught:
        watch.alarm(**more)
    assert text in caught.value.response["Error"]["Message"]
    assert watch.cloudwatch.describe_alarms(AlarmNames=[watch.name])["MetricAlarms"] == []


@pytest.mark.parametrize(
    "more", [{"EvaluationPeriods": 288}, {"EvaluationPeriods": 168, "Period": 3600}]
)
def test_put__as_long_as_aws_allows(watch: Watch, more: dict[str, Any]) -> None:
    watch.alarm(**more)
    assert watch.state() == "OK"
