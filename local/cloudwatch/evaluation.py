"""How CloudWatch decides an alarm's state from data points, and the words in which it says why.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"
TREATMENTS = ("breaching", "notBreaching", "ignore", "missing")
_FILLED = {"breaching": "Breaching", "notBreaching": "NonBreaching"}
_COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
}
COMPARISONS = tuple(_COMPARISONS)
# From so many points on, the message names the most recent ones only.
_MANY = 5


class Point(NamedTuple):
    """One period: when it began, in seconds since 1970, and its value or None."""

    start: int
    value: float | None


@dataclass(frozen=True, slots=True)
class Rule:
    """What an alarm asks of its data points."""

    comparison: str
    threshold: float
    periods: int
    to_alarm: int | None
    missing: str

    @property
    def needed(self) -> int:
        """How many breaching points make an alarm."""
        return self.to_alarm or self.periods

    def breaches(self, value: float) -> bool:
        """Return whether a value is on the wrong side of the threshold."""
        return _COMPARISONS[self.comparison][0](value, self.threshold)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state that the points call for, None for the present one to stay, and the reason."""

    state: str | None
    reason: str
    points: tuple[Point, ...]


def judge(points: Sequence[Point], rule: Rule) -> Verdict:
    """Decide the state of an alarm.

    Parameters
    ----------
    points
        The periods that are looked at, the newest first: at least ``rule.periods``. Where there
        are more, an older point takes the place of a missing one, as on AWS.

    Notes
    -----
    Points that are missing are filled only as far as real ones do not reach. Where missing ones
    are not filled (``missing``, ``ignore``) and the real ones are too few for an alarm, all of
    them breaching, AWS still goes to ALARM when the oldest is at least as old as the number of
    points that make an alarm.
    """
    present = tuple(point for point in points if point.value is not None)[: rule.periods]
    breaching = tuple(p for p in present if p.value is not None and rule.breaches(p.value))
    gap = rule.periods - len(present)
    fill = gap if rule.missing == "breaching" else 0
    if rule.missing in _FILLED or not gap:
        state: str | None = ALARM if len(breaching) + fill >= rule.needed else OK
    elif len(breaching) >= rule.needed:
        state = ALARM
    elif len(breaching) < len(present):
        state = OK
    else:
        old_enough = bool(present) and list(points).index(present[-1]) + 1 >= rule.needed
        state = ALARM if old_enough else INSUFFICIENT
        state = None if rule.missing == "ignore" else state
    if state == INSUFFICIENT or not (present or rule.missing in _FILLED):
        unknown = _counted(rule.periods, "datapoint", "was", "were")
        return Verdict(state, f"Insufficient Data: {unknown} unknown.", present)
    return Verdict(state, _crossed(rule, state or OK, present, breaching, gap), present)


def _counted(number: int, noun: str, *verbs: str) -> str:
    """Return, for example, ``2 datapoints were``."""
    text = f"{number} {noun}{'' if number == 1 else 's'}"
    return f"{text} {verbs[number != 1]}" if verbs else text


def _shown(point: Point) -> str:
    moment = datetime.fromtimestamp(point.start, UTC)
    return f"{float(point.value or 0)} ({moment:%d/%m/%y %H:%M:%S})"


def _crossed(
    rule: Rule, state: str, present: tuple[Point, ...], breaching: tuple[Point, ...], gap: int
) -> str:
    told = breaching if state == ALARM else tuple(p for p in present if p not in breaching)
    filled = rule.missing in _FILLED and gap
    treated = ""
    if filled:
        missing = _counted(gap, "missing datapoint", "was", "were")
        treated = f" and {missing} treated as [{_FILLED[rule.missing]}]"
    if not told:
        periods = _counted(rule.periods, "period")
        if not present:
            received = "no datapoints were"
        else:
            received = _counted(len(present), "datapoint", "was", "were")
        return f"Threshold Crossed: {received} received for {periods}{treated}."
    count = len(told)
    if rule.to_alarm is None:
        head = _counted(count, "datapoint")
    else:
        head = f"{count} out of the last {rule.periods} datapoints"
    listed = ", ".join(map(_shown, told[:_MANY]))
    relation = "" if state == ALARM else "not "
    crossed = (
        f"{'was' if count == 1 else 'were'} {relation}{_COMPARISONS[rule.comparison][1]} "
        f"the threshold ({float(rule.threshold)})"
    )
    transition = ""
    if rule.to_alarm is not None:
        least = rule.needed if state == ALARM else rule.periods - rule.needed + 1
        change = "OK -> ALARM" if state == ALARM else "ALARM -> OK"
        transition = f" (minimum {_counted(least, 'datapoint')} for {change} transition)"
    if count < _MANY:
        return f"Threshold Crossed: {head} [{listed}] {crossed}{treated}{transition}."
    return (
        f"Threshold Crossed: {head} {crossed}{treated}. The most recent datapoints which crossed "
        f"the threshold: [{listed}]{transition}."
    )
