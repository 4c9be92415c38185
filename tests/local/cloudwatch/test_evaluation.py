"""The rules by which an alarm's state follows from data points, against AWS's own examples."""

from __future__ import annotations

import pytest

from local.cloudwatch.evaluation import Point, Rule, judge
from local.cloudwatch.math import UnsupportedMathError, parse

MINUTE = 1_767_225_600  # 01/01/26 00:00:00


def points(*values: float | None) -> list[Point]:
    """Return points of one minute each, the newest first; the values come the oldest first."""
    return [Point(MINUTE + 60 * n, value) for n, value in enumerate(values)][::-1]


def rule(
    periods: int = 1,
    to_alarm: int | None = None,
    missing: str = "missing",
    comparison: str = "GreaterThanThreshold",
    threshold: float = 10.0,
) -> Rule:
    return Rule(comparison, threshold, periods, to_alarm, missing)


# From "Configuring how CloudWatch alarms treat missing data": five periods are looked at, the
# oldest first; 0 does not breach, X does, - is missing. Then the states by treatment.
OK, ALARM, INSUFFICIENT, SAME = "OK", "ALARM", "INSUFFICIENT_DATA", None
THREE_OF_THREE = [
    ("0-X-X", OK, OK, OK, OK),
    ("0----", OK, OK, OK, OK),
    ("-----", INSUFFICIENT, SAME, ALARM, OK),
    ("0XX-X", ALARM, ALARM, ALARM, ALARM),
    ("--X--", ALARM, SAME, ALARM, OK),
    ("----X", INSUFFICIENT, SAME, ALARM, OK),
    ("X----", ALARM, SAME, ALARM, OK),
]
TWO_OF_THREE = [
    ("0-X-X", ALARM, ALARM, ALARM, ALARM),
    ("00X0X", ALARM, ALARM, ALARM, ALARM),
    ("0-X--", OK, OK, ALARM, OK),
    ("----0", OK, OK, ALARM, OK),
    ("---X-", ALARM, SAME, ALARM, OK),
    ("----X", INSUFFICIENT, SAME, ALARM, OK),
]


@pytest.mark.parametrize(
    ("to_alarm", "drawn", "states"),
    [(3, row[0], row[1:]) for row in THREE_OF_THREE]
    + [(2, row[0], row[1:]) for row in TWO_OF_THREE],
)
def test_judge__as_the_tables_of_aws_say(
    to_alarm: int, drawn: str, states: tuple[str | None, ...]
) -> None:
    found = points(*({"0": 0.0, "X": 99.0, "-": None}[one] for one in drawn))
    treatments = ("missing", "ignore", "breaching", "notBreaching")
    got = tuple(judge(found, rule(3, to_alarm, one)).state for one in treatments)
    assert got == states


@pytest.mark.parametrize(
    ("comparison", "states"),
    [
        ("GreaterThanOrEqualToThreshold", (OK, ALARM, ALARM)),
        ("GreaterThanThreshold", (OK, OK, ALARM)),
        ("LessThanOrEqualToThreshold", (ALARM, ALARM, OK)),
        ("LessThanThreshold", (ALARM, OK, OK)),
    ],
)
def test_judge__compares_around_the_threshold(comparison: str, states: tuple[str, ...]) -> None:
    got = tuple(judge(points(v), rule(comparison=comparison)).state for v in (9.0, 10.0, 11.0))
    assert got == states


@pytest.mark.parametrize(
    ("values", "asked", "reason"),
    [
        (
            (11.5,),
            rule(),
            "Threshold Crossed: 1 datapoint [11.5 (01/01/26 00:00:00)] was greater than the "
            "threshold (10.0).",
        ),
        (
            (1.0, 2.0),
            rule(2),
            "Threshold Crossed: 2 datapoints [2.0 (01/01/26 00:01:00), 1.0 (01/01/26 00:00:00)] "
            "were not greater than the threshold (10.0).",
        ),
        (
            (11.0,),
            rule(1, 1),
            "Threshold Crossed: 1 out of the last 1 datapoints [11.0 (01/01/26 00:00:00)] was "
            "greater than the threshold (10.0) (minimum 1 datapoint for OK -> ALARM transition).",
        ),
        (
            (1.0, None, None),
            rule(3, 3, "notBreaching"),
            "Threshold Crossed: 1 out of the last 3 datapoints [1.0 (01/01/26 00:00:00)] was not "
            "greater than the threshold (10.0) and 2 missing datapoints were treated as "
            "[NonBreaching] (minimum 1 datapoint for ALARM -> OK transition).",
        ),
        (
            (None, None),
            rule(2, missing="breaching"),
            "Threshold Crossed: no datapoints were received for 2 periods and 2 missing "
            "datapoints were treated as [Breaching].",
        ),
        (
            (None,),
            rule(missing="notBreaching"),
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint "
            "was treated as [NonBreaching].",
        ),
        ((None, None, None), rule(3), "Insufficient Data: 3 datapoints were unknown."),
        ((None,), rule(), "Insufficient Data: 1 datapoint was unknown."),
    ],
)
def test_judge__gives_the_reason_in_the_words_of_aws(
    values: tuple[float | None, ...], asked: Rule, reason: str
) -> None:
    assert judge(points(*values), asked).reason == reason


def test_judge__many_points_are_named_behind_the_sentence() -> None:
    reason = judge(points(*[0.0] * 5), rule(5, 5, comparison="LessThanThreshold")).reason
    assert reason.startswith(
        "Threshold Crossed: 5 out of the last 5 datapoints were less than the threshold (10.0). "
        "The most recent datapoints which crossed the threshold: [0.0 (01/01/26 00:04:00), "
    )
    assert reason.endswith("(minimum 5 datapoints for OK -> ALARM transition).")


# ------------------------------------------------------------------------------------------ math


@pytest.mark.parametrize(
    ("expression", "a", "b", "expected"),
    [
        ("a + b", 1.0, 2.0, 3.0),
        ("a+b", 1.0, None, 1.0),  # a missing value counts as 0
        ("a + b", None, None, None),
        ("a + 2.5", 1.0, None, 3.5),
        ("a + 2.5", None, None, None),
        ("FILL(a, 0) + b", None, None, 0.0),
        ("FILL( a,0 )", 4.0, None, 4.0),
        ("a + a", 4.0, None, 8.0),
    ],
)
def test_sum(expression: str, a: float | None, b: float | None, expected: float | None) -> None:
    assert parse(expression, {"a", "b"}).evaluate({"a": a, "b": b}) == expected


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("a - b", "'a - b'"),
        ("a / b", "'a / b'"),
        ("SUM([a, b])", "'SUM([a, b])'"),
        ("SUM(METRICS())", "'SUM(METRICS())'"),
        ("FILL(a, 1) + b", "'FILL(a, 1)'"),
        ("FILL(a, REPEAT)", "'FILL(a, REPEAT)'"),
        ("a + c", "'c'"),
        ("a + ", "''"),
        ("5", "names no metric"),
        ("SELECT AVG(x) FROM y", "'SELECT AVG(x) FROM y'"),
    ],
)
def test_sum__other_math_is_refused_by_name(expression: str, named: str) -> None:
    with pytest.raises(UnsupportedMathError) as caught:
        parse(expression, {"a", "b"})
    assert named in str(caught.value)
