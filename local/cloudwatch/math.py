"""Metric math, as far as the local AWS does it: sums of metrics and numbers.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

_ID = r"[a-z][a-zA-Z0-9_]*"
_NUMBER = re.compile(r"\d+(\.\d*)?|\.\d+")
_FILL = re.compile(rf"FILL\(\s*({_ID})\s*,\s*0+(?:\.0*)?\s*\)")


class UnsupportedMathError(Exception):
    """An expression is not a sum of metrics that the request has."""


@dataclass(frozen=True, slots=True)
class Sum:
    """A parsed expression: ids of metrics, those whose gaps are 0, and the sum of its numbers."""

    ids: tuple[str, ...]
    filled: frozenset[str]
    constant: float

    def evaluate(self, values: Mapping[str, float | None]) -> float | None:
        """Return the sum for one point in time, None when there is none.

        A metric without a value counts as 0 where another has one, as CloudWatch documents it of
        its arithmetic; where no metric has a value there is a sum only when one is filled.
        """
        present = [value for one in self.ids if (value := values[one]) is not None]
        if not present and not self.filled:
            return None
        return sum(present) + self.constant


def parse(expression: str, ids: Collection[str]) -> Sum:
    """Parse a sum such as ``failed + FILL(aborted, 0) + 1``.

    Parameters
    ----------
    ids
        Ids of the metrics of the request.

    Raises
    ------
    UnsupportedMathError
        For anything else, naming the part that is not understood.
    """
    used: list[str] = []
    filled: set[str] = set()
    constant = 0.0
    for part in (text.strip() for text in expression.split("+")):
        fill = _FILL.fullmatch(part)
        name = fill[1] if fill else part
        if _NUMBER.fullmatch(part):
            constant += float(part)
            continue
        if name not in ids:
            raise UnsupportedMathError(
                f"the local AWS does no other metric math than sums of metrics, of FILL(id, 0) "
                f"and of numbers; {part!r} of the expression {expression!r} is none of them. The "
                f"metrics of the request are: {', '.join(sorted(ids)) or 'none'}."
            )
        used.append(name)
        if fill:
            filled.add(name)
    if not used:
        raise UnsupportedMathError(f"the expression {expression!r} names no metric")
    return Sum(tuple(used), frozenset(filled), constant)
