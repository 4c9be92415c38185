"""CloudWatch alarms: what may be asked of them, and their evaluation on demand."""

from __future__ import annotations

import json
import math
import threading
import time
from dataclasses import dataclass
from typing import Any

from local import metrics, symbols
from local.backends import backend
from local.cloudwatch import actions, api
from local.cloudwatch.api import check_period, check_statistic, invalid
from local.cloudwatch.evaluation import COMPARISONS, INSUFFICIENT, TREATMENTS, Point, Rule, judge
from local.cloudwatch.math import Sum, UnsupportedMathError, parse
from local.endpoints import endpoint
from local.errors import AwsError
from local.metrics import Metric, Reading, Statistics
from local.operations import Json

_MODELS, _RESPONSES = "moto.cloudwatch.models", "moto.cloudwatch.responses"
_DAY, _WEEK = 86_400, 604_800
_MOST_ACTIONS = 5
_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")
_UNSUPPORTED = ("ExtendedStatistic", "ThresholdMetricId", "EvaluationCriteria", "AlarmRule")
_lock = threading.RLock()


# ---------------------------------------------------------------------------------- what to watch


@dataclass(frozen=True, slots=True)
class Query:
    """One metric, by one statistic."""

    metric: Metric
    statistic: str
    unit: str | None


@dataclass(frozen=True, slots=True)
class Watched:
    """What an alarm compares: a metric, or the sum of several."""

    period: int
    queries: dict[str, Query]
    total: Sum

    def points(self, count: int, now: float, shown: list[Reading]) -> list[Point]:
        """Return the values of the latest ``count`` periods, the newest first.

        The latest period ends with the minute that runs at ``now``, so the answer is the one
        that AWS has when that minute is over, and what has just happened is in it. AWS moves the
        periods by minutes too. It also looks at some periods before them, how many is not
        documented, so that an alarm that lives on missing data changes later there: this one
        looks at its evaluation periods, and no further.

        Parameters
        ----------
        shown
            What gauges say, for the minute of ``now``.
        """
        step = min(self.period, 60)
        end = int(now // step + 1) * step
        start = end - count * self.period
        series = {
            one: self._values(query, start, count, now, shown)
            for one, query in self.queries.items()
        }
        found = [
            Point(
                start + self.period * number,
                self.total.evaluate({one: values[number] for one, values in series.items()}),
            )
            for number in range(count)
        ]
        return found[::-1]

    def _values(
        self, query: Query, start: int, count: int, now: float, shown: list[Reading]
    ) -> list[float | None]:
        found = metrics.windows(query.metric, start, self.period, count, query.unit)
        for measured, value, unit in shown:
            place = int(now - start) // self.period
            if measured == query.metric and query.unit in (None, unit) and place < count:
                new, old = Statistics.of(value), found[place]
                found[place] = old + new if old else new
        return [one.get(query.statistic) if one else None for one in found]


def watched(alarm: Any) -> Watched:
    """Return what one of moto's alarms watches."""
    if not alarm.metric_data_queries:
        dimensions = tuple(sorted((one.name, one.value) for one in alarm.dimensions))
        one = Metric(alarm.namespace, alarm.metric_name, dimensions)
        queries = {"m1": Query(one, alarm.statistic, alarm.unit)}
        return Watched(int(alarm.period), queries, parse("m1", queries))
    queries, period, expression = {}, 0, ""
    for query in alarm.metric_data_queries:
        stat = query.metric_stat
        if stat is None:
            expression = query.expression
            continue
        period = int(stat.period)
        dimensions = tuple(sorted((one.name, one.value) for one in stat.metric.dimensions))
        one = Metric(stat.metric.namespace, stat.metric.metric_name, dimensions)
        queries[query.id] = Query(one, stat.stat, stat.unit)
    return Watched(period, queries, parse(expression or next(iter(queries)), queries))


# ---------------------------------------------------------------------------------------- checks


def _unsupported(message: str) -> Exception:
    return invalid(message, "ValidationError")


def _check_metrics(request: Json) -> int:
    """Return the period of the metrics of an alarm, after a look at what it watches."""
    queries = request.get("Metrics") or []
    if not queries:
        for name in ("MetricName", "Namespace", "Period"):
            if not request.get(name):
                raise invalid(f"The parameter {name} is required.", "MissingParameter")
        check_statistic(request.get("Statistic"))
        return check_period(int(request["Period"]))
    if request.get("MetricName") or request.get("Period"):
        raise _unsupported("Metrics and MetricName or Period must not be given together")
    stats = {one["Id"]: one["MetricStat"] for one in queries if one.get("MetricStat")}
    for stat in stats.values():
        check_statistic(stat["Stat"])
    periods = {check_period(int(stat["Period"])) for stat in stats.values()}
    expressions = [one for one in queries if not one.get("MetricStat")]
    returned = [one for one in queries if one.get("ReturnData", True)]
    if len(periods) != 1 or len(expressions) > 1 or returned != (expressions or queries):
        raise _unsupported(
            "the local AWS takes alarms of one metric, or of one expression over metrics of one "
            "period; the expression alone has to have ReturnData"
        )
    for one in expressions:
        try:
            parse(one["Expression"], stats)
        except UnsupportedMathError as error:
            raise _unsupported(str(error)) from error
    return periods.pop()


def _check_actions(request: Json) -> None:
    for kind in _ACTIONS:
        named = request.get(kind) or []
        if len(named) > _MOST_ACTIONS:
            raise _unsupported(f"The collection {kind} must not have a size greater than 5.")
        for action in named:
            if action.split(":")[2:3] != ["sns"]:
                raise _unsupported(f"the local AWS performs no actions but SNS: {action}")


def check(request: Json) -> None:
    """Refuse an alarm that AWS refuses, or that the local AWS cannot evaluate.

    Raises
    ------
    CloudWatchException
        Mostly ``ValidationError``.
    """
    for name in _UNSUPPORTED:
        if request.get(name):
            raise _unsupported(f"the local AWS does not evaluate alarms with {name}")
    if not 1 <= len(request.get("AlarmName") or "") <= 255:
        raise _unsupported("AlarmName must have 1 to 255 characters")
    if len(request.get("AlarmDescription") or "") > 1024:
        raise _unsupported("AlarmDescription must have at most 1024 characters")
    periods = int(request.get("EvaluationPeriods") or 0)
    to_alarm = int(request.get("DatapointsToAlarm") or periods)
    if not 1 <= to_alarm <= periods:
        raise _unsupported("DatapointsToAlarm must be 1 to EvaluationPeriods")
    if request.get("ComparisonOperator") not in COMPARISONS:
        raise _unsupported(
            f"the local AWS compares by {', '.join(COMPARISONS)}: "
            f"{request.get('ComparisonOperator')}"
        )
    if request.get("Threshold") is None:
        raise invalid("The parameter Threshold is required.", "MissingParameter")
    if (request.get("TreatMissingData") or "missing") not in TREATMENTS:
        raise _unsupported(f"TreatMissingData must be one of {', '.join(TREATMENTS)}")
    period = _check_metrics(request)
    if period * periods > (_WEEK if period >= 3600 else _DAY):
        raise _unsupported(
            "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be "
            "<= 86400), or than a week (604800) when the period is an hour or more"
        )
    _check_actions(request)


# The parameters of these have the names of the methods that they replace.
def _put_metric_alarm(self: Any) -> Any:
    check(self.params)
    name = self.params["AlarmName"]
    with _lock:
        alarms = self.cloudwatch_backend.alarms
        before = alarms.get(name)
        if before:
            self.params.pop("Tags", None)  # AWS reads them only when it makes the alarm
        answer = _originals["put"](self)
        alarm = alarms[name]
        kept = before or alarm
        alarm.state_transitioned_timestamp = getattr(
            before, "state_transitioned_timestamp", alarm.state_updated_timestamp
        )
        alarm.state_value = before.state_value if before else INSUFFICIENT
        alarm.state_reason = kept.state_reason
        alarm.state_reason_data = before.state_reason_data if before else None
        alarm.state_updated_timestamp = kept.state_updated_timestamp
        alarm.failed_actions = getattr(before, "failed_actions", [])
    return answer


def _set_alarm_state(
    self: Any, alarm_name: str, reason: str, reason_data: str | None, state_value: str
) -> None:
    with _lock:
        alarm = self.alarms.get(alarm_name)
        before = actions.State.of(alarm) if alarm else None
        _originals["set_state"](self, alarm_name, reason, reason_data, state_value)
        if before:
            actions.changed(alarm, before)


def _delete_alarms(self: Any, alarm_names: list[str]) -> None:
    for name in alarm_names:
        if name in self.alarms:
            self.tagger.delete_all_tags_for_resource(self.alarms[name].alarm_arn)
    _originals["delete"](self, alarm_names)


# ------------------------------------------------------------------------------------ evaluation


def evaluate(alarm: Any, now: float, shown: list[Reading]) -> None:
    """Set the state of an alarm to what its metrics call for, with what that entails."""
    rule = Rule(
        alarm.comparison_operator,
        float(alarm.threshold),
        int(alarm.evaluation_periods),
        int(alarm.datapoints_to_alarm) if alarm.datapoints_to_alarm else None,
        alarm.treat_missing_data or "missing",
    )
    what = watched(alarm)
    verdict = judge(what.points(rule.periods, now, shown), rule)
    before = actions.State.of(alarm)
    if verdict.state is None or (verdict.state, verdict.reason) == (before.value, before.reason):
        return
    data: Json = {
        "version": "1.0",
        "queryDate": actions.stamp(now),
        "startDate": actions.stamp(verdict.points[-1].start) if verdict.points else None,
        "statistic": alarm.statistic,
        "period": what.period,
        "recentDatapoints": [point.value for point in reversed(verdict.points)],
        "threshold": rule.threshold,
        "evaluatedDatapoints": [
            {"timestamp": actions.stamp(point.start), "value": point.value}
            for point in verdict.points
        ],
    }
    text = json.dumps({name: value for name, value in data.items() if value is not None})
    alarm.update_state(verdict.reason, text, verdict.state)
    actions.changed(alarm, before)


def _described() -> list[Json]:
    described = []
    for name, alarm in sorted(backend("cloudwatch").alarms.items()):
        one: Json = {"name": name, "state": alarm.state_value, "reason": alarm.state_reason}
        if alarm.failed_actions:
            one["failed_actions"] = alarm.failed_actions
        described.append(one)
    return described


@endpoint("POST", "/_local/alarms/evaluate")
def evaluate_all(query: dict[str, str]) -> list[Json]:
    """Evaluate every alarm now, or ``hours_ahead`` hours from now, and perform its actions."""
    text = query.get("hours_ahead", "0")
    try:
        ahead = float(text)
    except ValueError:
        ahead = -1.0
    if not (math.isfinite(ahead) and ahead >= 0):
        raise AwsError("BadRequest", f"hours_ahead is {text!r}; it has to be a number from 0 up")
    shown = metrics.sample()
    with _lock:
        for alarm in list(backend("cloudwatch").alarms.values()):
            # The readings are in the store for the present minute, and not for one to come.
            evaluate(alarm, time.time() + ahead * 3600, shown if ahead else [])
    return _described()


@endpoint("GET", "/_local/alarms")
def alarms(query: dict[str, str]) -> list[Json]:
    """List the alarms with their state, its reason, and the actions that failed."""
    del query
    return _described()


_originals: dict[str, Any] = {}


def install() -> None:
    """Replace what moto does with alarms: it takes any, and they never change by themselves."""
    api.install()
    symbols.resolve(f"{_MODELS}:Alarm.update_state")
    backend_class = f"{_MODELS}:CloudWatchBackend"
    _originals.update(
        delete=symbols.replace(f"{backend_class}.delete_alarms", _delete_alarms),
        put=symbols.replace(f"{_RESPONSES}:CloudWatchResponse.put_metric_alarm", _put_metric_alarm),
        set_state=symbols.replace(f"{backend_class}.set_alarm_state", _set_alarm_state),
    )
