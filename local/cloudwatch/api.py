"""CloudWatch metrics: what clients put and ask for, on the store of ``local.metrics``.

The operations are replaced behind moto's wire formats, of which CloudWatch has three.
Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.exceptions import CloudWatchException

from local import metrics, symbols
from local.cloudwatch.math import UnsupportedMathError, parse
from local.metrics import Metric, Statistics
from local.operations import Json

_MODELS = "moto.cloudwatch.models"
_MOST_DATA, _MOST_VALUES, _MOST_DIMENSIONS, _MOST_POINTS = 1_000, 150, 30, 1_440
_LARGEST = 2.0**360
_PAST, _FUTURE = 14 * 86_400, 2 * 3_600
_SUB_MINUTE = (1, 5, 10, 20, 30)
_SIZES = [
    f"{scale}{one}" for one in ("bytes", "bits") for scale in ("", "kilo", "mega", "giga", "tera")
]
_RATED = [*(size.capitalize() for size in _SIZES), "Count"]
UNITS = (
    *("Seconds", "Microseconds", "Milliseconds", "Percent", "None"),
    *_RATED,
    *(f"{one}/Second" for one in _RATED),
)


def invalid(message: str, code: str = "InvalidParameterValue") -> CloudWatchException:
    """Return an error of CloudWatch, in a form that moto puts on the wire."""
    return CloudWatchException(code, message)


def seconds(moment: datetime) -> float:
    """Return seconds since 1970 of a time that, when it names no zone, is in UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def moment(since_1970: float) -> datetime:
    """Return a time in the form that moto writes into its answers."""
    return datetime.fromtimestamp(since_1970, UTC).replace(tzinfo=None)


def metric_of(namespace: str, name: str, dimensions: Iterable[Json]) -> Metric:
    """Return the metric that a request names."""
    return metrics.metric(namespace, name, {one["Name"]: one["Value"] for one in dimensions})


# ---------------------------------------------------------------------------------------- put


def _check_text(text: str | None, parameter: str, most: int) -> str:
    if text is None:
        raise invalid(f"The parameter {parameter} is required.", "MissingParameter")
    if not text:
        raise invalid(f"The parameter {parameter} must not be empty.")
    if len(text) > most:
        raise invalid(f"The parameter {parameter} must be shorter than {most + 1} characters.")
    return text


def _check_size(items: list[Any], parameter: str, most: int) -> None:
    if len(items) > most:
        raise invalid(f"The collection {parameter} must not have a size greater than {most}.")


def _number(value: Any, parameter: str) -> float:
    number = float(value)
    if not math.isfinite(number) or abs(number) > _LARGEST:
        raise invalid(f"The value {number} for parameter {parameter} is invalid.")
    return number


def _values(datum: Json, place: str) -> list[Statistics]:
    """Return what a datum measures; it is one of a value, values with counts, or statistics."""
    given = [name for name in ("Value", "Values", "StatisticValues") if datum.get(name) is not None]
    if len(given) > 1:
        raise invalid(
            f"The parameters {place}.{given[0]} and {place}.{given[1]} are mutually exclusive and "
            "you have specified both.",
            "InvalidParameterCombination",
        )
    if not given:
        raise invalid(f"The parameter {place}.Value is required.", "MissingParameter")
    if given == ["Value"]:
        return [Statistics.of(_number(datum["Value"], f"{place}.Value"))]
    if given == ["StatisticValues"]:
        names = ("SampleCount", "Sum", "Minimum", "Maximum")
        found: dict[str, float] = {}
        for name in names:
            at = f"{place}.StatisticValues.{name}"
            if name not in datum["StatisticValues"]:
                raise invalid(f"The parameter {at} is required.", "MissingParameter")
            found[name] = _number(datum["StatisticValues"][name], at)
        if found["Minimum"] > found["Maximum"] or found["SampleCount"] <= 0:
            raise invalid(f"The value of parameter {place}.StatisticValues is invalid.")
        return [Statistics(*found.values())]
    values, counts = datum["Values"], datum.get("Counts") or [1] * len(datum["Values"])
    _check_size(values, f"{place}.Values", _MOST_VALUES)
    if len(values) != len(counts):
        raise invalid(f"The parameters {place}.Values and {place}.Counts must be of the same size.")
    return [
        Statistics.of(_number(value, f"{place}.Values"), _number(count, f"{place}.Counts"))
        for value, count in zip(values, counts, strict=True)
        if count
    ]


def _when(datum: Json, place: str) -> float:
    now = time.time()
    given = datum.get("Timestamp")
    when = seconds(given) if given else now
    if when < now - _PAST:
        raise invalid(
            f"The parameter {place}.Timestamp must specify a time within the past two weeks."
        )
    if when > now + _FUTURE:
        raise invalid(
            f"The parameter {place}.Timestamp must specify a time no more than two hours in the "
            "future."
        )
    return when


def _one_of(value: Any, allowed: Iterable[Any], parameter: str) -> Any:
    if value not in allowed:
        listed = ", ".join(map(str, allowed))
        raise invalid(f"The parameter {parameter} must be a value in the set [ {listed} ].")
    return value


def _datum(namespace: str, datum: Json, place: str) -> list[tuple[Any, ...]]:
    name = _check_text(datum.get("MetricName"), f"{place}.MetricName", 255)
    dimensions = datum.get("Dimensions") or []
    _check_size(dimensions, f"{place}.Dimensions", _MOST_DIMENSIONS)
    for number, one in enumerate(dimensions, 1):
        at = f"{place}.Dimensions.member.{number}"
        _check_text(one.get("Name"), f"{at}.Name", 255)
        _check_text(one.get("Value"), f"{at}.Value", 1024)
    measured = metric_of(namespace, name, dimensions)
    unit = _one_of(datum.get("Unit") or "None", UNITS, f"{place}.Unit")
    resolution = _one_of(
        datum.get("StorageResolution") or 60, (1, 60), f"{place}.StorageResolution"
    )
    when = _when(datum, place)
    return [(measured, values, when, unit, resolution) for values in _values(datum, place)]


# The parameters of these have the names of the methods that they replace.
def _put_metric_data(self: Any, namespace: str, metric_data: list[Json]) -> None:  # noqa: ARG001
    _check_text(namespace, "Namespace", 255)
    if namespace.startswith(("AWS/", ":")):
        raise invalid(f"The value {namespace} for parameter Namespace is invalid.")
    if not metric_data:
        raise invalid("The parameter MetricData is required.", "MissingParameter")
    _check_size(metric_data, "MetricData", _MOST_DATA)
    checked = [
        found
        for number, datum in enumerate(metric_data, 1)
        for found in _datum(namespace, datum, f"MetricData.member.{number}")
    ]
    for found in checked:  # all or nothing
        metrics.record(*found)


# --------------------------------------------------------------------------------------- read


def check_statistic(statistic: str | None) -> str:
    """Return a statistic, and refuse those that need more than sums.

    Raises
    ------
    CloudWatchException
        ``ValidationError``.
    """
    if statistic not in metrics.STATISTICS:
        raise invalid(
            f"the local AWS knows the statistics {', '.join(metrics.STATISTICS)}, and no "
            f"percentiles or other extended ones: {statistic}",
            "ValidationError",
        )
    return statistic


def check_period(period: int) -> int:
    """Return a period in seconds that CloudWatch has.

    Raises
    ------
    CloudWatchException
        ``InvalidParameterValue``.
    """
    if period not in _SUB_MINUTE and (period < 60 or period % 60):
        raise invalid(
            "The parameter Period must be a value in the set [ 1, 5, 10, 20, 30 ] or a multiple "
            f"of 60: {period}"
        )
    return period


def _span(start: datetime, end: datetime, period: int) -> tuple[int, int]:
    """Return where the periods begin and how many there are, the start rounded as AWS does."""
    if not start < end:
        raise invalid("The parameter StartTime must be less than the parameter EndTime.")
    step = min(period, 60)
    first = int(seconds(start) // step * step)
    return first, math.ceil((seconds(end) - first) / period)


def _get_metric_data(
    self: Any,  # noqa: ARG001
    queries: list[Json],
    start_time: datetime,
    end_time: datetime,
    scan_by: str = "TimestampAscending",
) -> list[Json]:
    metrics.sample()
    series: dict[str, list[float | None]] = {}
    spans: dict[str, tuple[int, int]] = {}
    for query in (one for one in queries if one.get("MetricStat")):
        stat = query["MetricStat"]
        asked, period = stat["Metric"], check_period(int(stat["Period"]))
        first, count = _span(start_time, end_time, period)
        measured = metric_of(asked["Namespace"], asked["MetricName"], asked.get("Dimensions") or [])
        name = check_statistic(stat["Stat"])
        found = metrics.windows(measured, first, period, count, stat.get("Unit"))
        series[query["Id"]] = [one.get(name) if one else None for one in found]
        spans[query["Id"]] = (first, period)
    inputs = dict(series)
    for query in (one for one in queries if not one.get("MetricStat")):
        values, span = _computed(query["Expression"], inputs, spans)
        series[query["Id"]], spans[query["Id"]] = values, span
    return [
        _result(query, series[query["Id"]], spans[query["Id"]], scan_by)
        for query in queries
        if query.get("ReturnData", True)
    ]


def _computed(
    expression: str, series: dict[str, list[float | None]], spans: dict[str, tuple[int, int]]
) -> tuple[list[float | None], tuple[int, int]]:
    try:
        total = parse(expression, series)
    except UnsupportedMathError as error:
        raise invalid(str(error), "ValidationError") from error
    if len({spans[one] for one in total.ids}) > 1:
        raise invalid(
            f"the local AWS adds metrics of one period only; those of {expression!r} differ",
            "ValidationError",
        )
    rows = zip(*(series[one] for one in total.ids), strict=True)
    values = [total.evaluate(dict(zip(total.ids, row, strict=True))) for row in rows]
    return values, spans[total.ids[0]]


def _result(query: Json, values: list[float | None], span: tuple[int, int], scan_by: str) -> Json:
    first, period = span
    found = [(first + period * n, value) for n, value in enumerate(values) if value is not None]
    if scan_by == "TimestampDescending":
        found.reverse()
    asked = query.get("MetricStat")
    return {
        "id": query["Id"],
        "label": query.get("Label") or (asked["Metric"]["MetricName"] if asked else query["Id"]),
        "timestamps": [moment(when) for when, _ in found],
        "values": [value for _, value in found],
        "status_code": "Complete",
    }


def _get_metric_statistics(  # noqa: PLR0917
    self: Any,  # noqa: ARG001
    namespace: str,
    metric_name: str,
    start_time: datetime,
    end_time: datetime,
    period: int,
    stats: list[str],
    dimensions: list[Json],
    unit: str | None = None,
) -> list[Json]:
    if not stats:
        raise invalid("the local AWS has no ExtendedStatistics", "ValidationError")
    names = [check_statistic(name) for name in stats]
    first, count = _span(start_time, end_time, check_period(period))
    if count > _MOST_POINTS:
        raise invalid(
            f"You have requested up to {count:,} datapoints, which exceeds the limit of "
            f"{_MOST_POINTS:,}. You may reduce the datapoints requested by increasing Period, or "
            "decreasing the time range.",
            "InvalidParameterCombination",
        )
    metrics.sample()
    measured = metric_of(namespace, metric_name, dimensions)
    return [
        {
            "timestamp": moment(first + period * number),
            "unit": of_unit,
            **{name: found.get(name) for name in names},
        }
        for of_unit in ([unit] if unit else metrics.units(measured))
        for number, found in enumerate(metrics.windows(measured, first, period, count, of_unit))
        if found
    ]


def _get_filtered_metrics(
    self: Any,  # noqa: ARG001
    metric_name: str | None,
    namespace: str | None,
    dimensions: list[Json],
) -> list[Any]:
    metrics.sample()
    wanted = [(one["Name"], one.get("Value")) for one in dimensions or []]
    datum = symbols.resolve(f"{_MODELS}:MetricDatumBase")
    found = []
    for one in metrics.known():
        own = dict(one.dimensions)
        if namespace not in (None, one.namespace) or metric_name not in (None, one.name):
            continue
        if all(name in own and value in (None, own[name]) for name, value in wanted):
            pairs = [{"Name": name, "Value": value} for name, value in one.dimensions]
            found.append(datum(one.namespace, one.name, pairs, None))
    return found


def install() -> None:
    """Replace moto's metrics, which know no periods, no limits and no exact dimensions."""
    for name, function in (
        ("get_filtered_metrics", _get_filtered_metrics),
        ("get_metric_data", _get_metric_data),
        ("get_metric_statistics", _get_metric_statistics),
        ("put_metric_data", _put_metric_data),
    ):
        symbols.replace(f"{_MODELS}:CloudWatchBackend.{name}", function)
