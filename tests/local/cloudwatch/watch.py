"""An alarm to watch, for the tests of CloudWatch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.local.conftest import ACCOUNT, Aws, allow, unique


@dataclass
class Watch:
    """An alarm over a metric of its own, and a topic that it may publish to."""

    aws: Aws
    name: str = field(default_factory=lambda: unique("alarm"))
    namespace: str = field(default_factory=lambda: unique("Test"))
    topic: str = ""

    def __post_init__(self) -> None:
        self.cloudwatch = self.aws.client("cloudwatch")
        self.topic = self.aws.client("sns").create_topic(Name=unique("topic"))["TopicArn"]
        self.let("cloudwatch.amazonaws.com")

    def let(self, service: str) -> None:
        """Let one service publish to the topic, and no other."""
        condition = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
        statement = allow(
            "sns:Publish", self.topic, Principal={"Service": service}, Condition=condition
        )
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.aws.client("sns").set_topic_attributes(
            TopicArn=self.topic, AttributeName="Policy", AttributeValue=policy
        )

    def alarm(self, **more: Any) -> None:
        """Put the alarm: more than 10 rows in five minutes; None takes a setting away."""
        given: dict[str, Any] = {
            "AlarmName": self.name,
            "AlarmDescription": "Too many. Runbook: look.",
            "ComparisonOperator": "GreaterThanThreshold",
            "EvaluationPeriods": 1,
            "MetricName": "Rows",
            "Namespace": self.namespace,
            "Dimensions": [{"Name": "Pipeline", "Value": "p"}],
            "Period": 300,
            "Statistic": "Sum",
            "Threshold": 10,
            "TreatMissingData": "notBreaching",
            "AlarmActions": [self.topic],
            **more,
        }
        given = {name: value for name, value in given.items() if value is not None}
        self.cloudwatch.put_metric_alarm(**given)

    def put(self, value: float, name: str = "Rows") -> None:
        datum = {"MetricName": name, "Value": value}
        datum["Dimensions"] = [{"Name": "Pipeline", "Value": "p"}]
        self.cloudwatch.put_metric_data(Namespace=self.namespace, MetricData=[datum])

    def evaluate(self, hours_ahead: float | None = None) -> dict[str, Any]:
        """Evaluate all alarms; what is said of this one."""
        query = "" if hours_ahead is None else f"?hours_ahead={hours_ahead}"
        status, alarms = self.aws.get(f"/_local/alarms/evaluate{query}", "POST")
        assert status == 200, alarms
        (mine,) = [one for one in alarms if one["name"] == self.name]
        found: dict[str, Any] = mine
        return found

    def state(self, hours_ahead: float | None = None) -> str:
        return str(self.evaluate(hours_ahead)["state"])

    def described(self) -> dict[str, Any]:
        found = self.cloudwatch.describe_alarms(AlarmNames=[self.name])["MetricAlarms"]
        (alarm,) = found
        described: dict[str, Any] = alarm
        return described

    def sent(self) -> list[dict[str, Any]]:
        """Return what was published to the topic, messages as JSON."""
        _, found = self.aws.get(f"/_local/notifications?topic={self.topic}")
        return [{**one, "message": json.loads(one["message"])} for one in found]
