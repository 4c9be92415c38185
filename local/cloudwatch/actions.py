"""What follows a change of an alarm's state: its SNS actions, and an event."""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from local.cloudwatch.api import seconds
from local.events.bus import emit
from local.iam import authorisation, ledger
from local.iam.clients import client
from local.iam.principals import Principal
from local.operations import Json
from local.settings import ACCOUNT, settings

log = logging.getLogger(__name__)

_SERVICE = "cloudwatch.amazonaws.com"
_REGION_NAME = "US East (N. Virginia)"
_MOST_SUBJECT = 100


def stamp(since_1970: float) -> str:
    """Return a time as alarms write it."""
    text = datetime.fromtimestamp(since_1970, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "+0000")


@dataclass(frozen=True, slots=True)
class State:
    """The state of an alarm at a time."""

    value: str
    reason: str
    data: str | None
    when: float

    @classmethod
    def of(cls, alarm: Any) -> State:
        """Return the state of one of moto's alarms."""
        when = seconds(alarm.state_updated_timestamp)
        return cls(alarm.state_value, alarm.state_reason, alarm.state_reason_data, when)

    def described(self) -> Json:
        """Return the state as events have it."""
        data = {"reasonData": self.data} if self.data else {}
        return {"value": self.value, "reason": self.reason, **data, "timestamp": stamp(self.when)}


def changed(alarm: Any, before: State) -> None:
    """Perform the actions of an alarm's state and announce it, if it is another than before."""
    now = State.of(alarm)
    if now.value == before.value:
        return
    alarm.state_transitioned_timestamp = alarm.state_updated_timestamp
    alarm.failed_actions = []
    actions = {
        "OK": alarm.ok_actions,
        "ALARM": alarm.alarm_actions,
        "INSUFFICIENT_DATA": alarm.insufficient_data_actions,
    }
    for topic in actions[now.value] if alarm.actions_enabled else []:
        error = _publish(alarm, topic, message(alarm, before, now))
        if error:
            log.warning("alarm %s: action %s failed: %s", alarm.name, topic, error)
            alarm.failed_actions.append({"action": topic, "error": error})
    emit(
        "aws.cloudwatch",
        "CloudWatch Alarm State Change",
        _detail(alarm, before, now),
        [alarm.alarm_arn],
    )


def _publish(alarm: Any, topic: str, text: str) -> str | None:
    """Publish to a topic as CloudWatch may; return why that failed, as the history has it."""
    denied = authorisation.service_denial(_SERVICE, "sns:Publish", topic, alarm.alarm_arn)
    who = Principal("", f"arn:aws:iam::{ACCOUNT}:role/{_SERVICE}", alarm.name)
    ledger.record(who, "sns:Publish", [topic], "DENY" if denied else "ALLOW")
    if denied and settings().iam_enforced:
        return (
            f"Resource: {alarm.alarm_arn} is not authorized to perform: SNS:Publish on resource: "
            f"{topic}: {denied}"
        )
    subject = f'{alarm.state_value}: "{alarm.name}" in {_REGION_NAME}'
    if len(subject) > _MOST_SUBJECT:
        subject = f"{subject[: _MOST_SUBJECT - 3]}..."
    try:
        client("sns").publish(TopicArn=topic, Subject=subject, Message=text)
    except ClientError as error:
        return str(error)
    return None


def message(alarm: Any, before: State, now: State) -> str:
    """Return the text that CloudWatch sends to a topic."""
    return json.dumps(
        {
            "AlarmName": alarm.name,
            "AlarmDescription": alarm.description,
            "AWSAccountId": ACCOUNT,
            "AlarmConfigurationUpdatedTimestamp": stamp(
                seconds(alarm.configuration_updated_timestamp)
            ),
            "NewStateValue": now.value,
            "NewStateReason": now.reason,
            "StateChangeTime": stamp(now.when),
            "Region": _REGION_NAME,
            "AlarmArn": alarm.alarm_arn,
            "OldStateValue": before.value,
            "OKActions": alarm.ok_actions,
            "AlarmActions": alarm.alarm_actions,
            "InsufficientDataActions": alarm.insufficient_data_actions,
            "Trigger": _trigger(alarm),
        }
    )


def _trigger(alarm: Any) -> Json:
    queries = [_query(one) for one in alarm.metric_data_queries]
    periods = [one["MetricStat"]["Period"] for one in queries if "MetricStat" in one]
    trigger: Json = {
        "Period": periods[0] if periods else alarm.period,
        "EvaluationPeriods": alarm.evaluation_periods,
        "DatapointsToAlarm": alarm.datapoints_to_alarm,
        "ComparisonOperator": alarm.comparison_operator,
        "Threshold": float(alarm.threshold),
        "TreatMissingData": alarm.treat_missing_data or "missing",
        "EvaluateLowSampleCountPercentile": "",
    }
    if not alarm.datapoints_to_alarm:
        del trigger["DatapointsToAlarm"]
    if queries:
        return {**trigger, "Metrics": queries}
    return {
        "MetricName": alarm.metric_name,
        "Namespace": alarm.namespace,
        "StatisticType": "Statistic",
        "Statistic": alarm.statistic.upper(),
        "Unit": alarm.unit,
        "Dimensions": _dimensions(alarm.dimensions),
        **trigger,
    }


def _dimensions(dimensions: list[Any]) -> list[Json]:
    return [{"value": one.value, "name": one.name} for one in dimensions]


def _query(query: Any) -> Json:
    """Return one metric or expression of an alarm as its message has it."""
    found: Json = {"Id": query.id, "Label": query.label, "ReturnData": _returned(query)}
    if not query.label:
        del found["Label"]
    stat = query.metric_stat
    if stat is None:
        return {"Expression": query.expression, **found}
    measured = {
        "Dimensions": _dimensions(stat.metric.dimensions),
        "MetricName": stat.metric.metric_name,
        "Namespace": stat.metric.namespace,
    }
    found["MetricStat"] = {"Metric": measured, "Period": int(stat.period), "Stat": stat.stat}
    return found


def _returned(query: Any) -> bool:
    return query.return_data is None or bool(query.return_data)


def _detail(alarm: Any, before: State, now: State) -> Json:
    queries: list[Json] = []
    for query in alarm.metric_data_queries:
        one: Json = {"id": query.id, "returnData": _returned(query)}
        if query.label:
            one["label"] = query.label
        if query.metric_stat:
            stat = query.metric_stat
            one["metricStat"] = _event_stat(stat.metric, stat.period, stat.stat)
        else:
            one["expression"] = query.expression
        queries.append(one)
    if not queries:
        stat = _event_stat(alarm, alarm.period, alarm.statistic)
        queries = [{"id": str(uuid.uuid4()), "metricStat": stat, "returnData": True}]
    configuration: Json = {"metrics": queries}
    if alarm.description:
        configuration["description"] = alarm.description
    return {
        "alarmName": alarm.name,
        "configuration": configuration,
        "previousState": before.described(),
        "state": now.described(),
    }


def _event_stat(measured: Any, period: Any, statistic: str) -> Json:
    return {
        "metric": {
            "namespace": measured.namespace,
            "name": measured.metric_name,
            "dimensions": {one.name: one.value for one in measured.dimensions},
        },
        "period": int(period),
        "stat": statistic,
    }
