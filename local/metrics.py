"""Metrics: what services measure and clients put, for alarms and whoever reads CloudWatch.

Values are kept as CloudWatch keeps them: summed up by the minute, or by the second where a client
asks for that resolution. So sum, count, minimum and maximum of a time can be asked for, and no
percentile. All of it is in memory, and the oldest is forgotten where it gets too much.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

MINUTE = 60
# 15 days of minutes, which is how long CloudWatch keeps them.
_MOST_POINTS = 15 * 24 * 60
_MOST_METRICS = 5_000

Dimensions = tuple[tuple[str, str], ...]


class Metric(NamedTuple):
    """What identifies a metric; the dimensions are sorted by name."""

    namespace: str
    name: str
    dimensions: Dimensions


def metric(namespace: str, name: str, dimensions: Mapping[str, str]) -> Metric:
    """Return the metric of these names."""
    return Metric(namespace, name, tuple(sorted(dimensions.items())))


@dataclass(frozen=True, slots=True)
class Statistics:
    """A set of values, as far as CloudWatch remembers it."""

    count: float
    total: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, count: float = 1) -> Statistics:
        """Return the statistics of a value that was measured ``count`` times."""
        return cls(count, value * count, value, value)

    def __add__(self, other: Statistics) -> Statistics:
        """Return the statistics of both sets together."""
        return Statistics(
            self.count + other.count,
            self.total + other.total,
            min(self.low, other.low),
            max(self.high, other.high),
        )

    def get(self, statistic: str) -> float:
        """Return a statistic by the name that is one of ``STATISTICS``."""
        return _GETTERS[statistic](self)


_GETTERS: dict[str, Callable[[Statistics], float]] = {
    "Average": lambda known: known.total / known.count if known.count else 0.0,
    "Maximum": lambda known: known.high,
    "Minimum": lambda known: known.low,
    "SampleCount": lambda known: known.count,
    "Sum": lambda known: known.total,
}
STATISTICS = tuple(_GETTERS)

Reading = tuple[Metric, float, str]
Gauge = Callable[[], Iterable[Reading]]

_lock = threading.Lock()
_points: dict[Metric, dict[str, dict[int, Statistics]]] = {}  # by metric, unit and moment
_gauges: list[Gauge] = []


def put(
    namespace: str,
    name: str,
    value: float,
    dimensions: Mapping[str, str],
    unit: str = "Count",
) -> None:
    """Record a value that was measured now.

    Parameters
    ----------
    namespace
        For example ``AWS/States``.
    unit
        As CloudWatch names it, for example ``Milliseconds``.
    """
    record(metric(namespace, name, dimensions), Statistics.of(value), time.time(), unit)


def record(
    measured: Metric,
    statistics: Statistics,
    when: float,
    unit: str,
    resolution: int = MINUTE,
) -> None:
    """Add a set of values to a metric.

    Parameters
    ----------
    when
        Seconds since 1970.
    resolution
        Seconds that are kept together: 60, or 1.
    """
    _store(measured, unit, int(when // resolution * resolution), statistics, add=True)


def _store(measured: Metric, unit: str, moment: int, new: Statistics, *, add: bool) -> None:
    with _lock:
        if measured not in _points and len(_points) >= _MOST_METRICS:
            del _points[next(iter(_points))]
        points = _points.setdefault(measured, {}).setdefault(unit, {})
        points[moment] = points[moment] + new if add and moment in points else new
        if len(points) > _MOST_POINTS:
            del points[min(points)]


def gauge(read: Gauge) -> Gauge:
    """Register what a service measures once a minute, such as the length of a queue."""
    _gauges.append(read)
    return read


def readings() -> list[Reading]:
    """Read every gauge."""
    return [reading for read in _gauges for reading in read()]


def sample() -> list[Reading]:
    """Read every gauge and keep what it says as the value of the running minute."""
    found = readings()
    minute = int(time.time() // MINUTE * MINUTE)
    for measured, value, unit in found:
        _store(measured, unit, minute, Statistics.of(value), add=False)
    return found


def known() -> list[Metric]:
    """Return all metrics, the oldest first."""
    with _lock:
        return list(_points)


def units(measured: Metric) -> list[str]:
    """Return the units in which a metric was put."""
    with _lock:
        return list(_points.get(measured, ()))


def windows(
    measured: Metric, start: int, period: int, count: int, unit: str | None = None
) -> list[Statistics | None]:
    """Return what a metric was in each of ``count`` periods from ``start``, None without data.

    Parameters
    ----------
    start, period
        In seconds; the start since 1970.
    unit
        Only values of this unit; None for all.
    """
    found: list[Statistics | None] = [None] * count
    with _lock:
        for of_unit, points in _points.get(measured, {}).items():
            if unit not in (None, of_unit):
                continue
            for moment, values in points.items():
                place = (moment - start) // period
                if 0 <= place < count:
                    before = found[place]
                    found[place] = before + values if before else values
    return found
