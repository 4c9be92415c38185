"""Compare two answers to one question: the same columns, and the same rows in whatever order."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

TOLERANCE = 1e-9  # relative; sums of doubles hang on the order of their terms
SHOWN_PAIRS = 5
# Among so many rows of the other side the likeliest partner of a differing row is looked for.
_PARTNERS = 500

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Difference:
    """The columns and rows that two tables do not share.

    Attributes
    ----------
    columns
        What is wrong with the columns, a sentence each; rows are compared only when it is empty.
    rows
        How many rows have no partner: the greater of the two sides' counts.
    pairs
        The first of them as (left, right), each with the row that is most like it; None where
        the other side has no row left.
    names
        Names of the columns of the rows in `pairs`.
    """

    columns: tuple[str, ...] = ()
    rows: int = 0
    pairs: tuple[tuple[Row | None, Row | None], ...] = ()
    names: tuple[str, ...] = field(default=())

    def __bool__(self) -> bool:
        """Whether there is a difference."""
        return bool(self.columns or self.rows)


def compare(left: pa.Table, right: pa.Table, *, sides: tuple[str, str]) -> Difference:
    """
    Compare two tables as multisets of rows.

    Parameters
    ----------
    left, right
        The tables; the order of columns counts, the order of rows does not.
    sides
        What the messages call them.

    Returns
    -------
    Difference
        Empty when the names and types of the columns are the same and each row has a partner.
        Doubles may differ by 1e-9 of the greater one; all else is exact. Null equals null, NaN
        equals NaN, and -0.0 equals 0.0.
    """
    columns = tuple(_columns_that_differ(left.schema, right.schema, sides))
    if columns:
        return Difference(columns)
    only_left, only_right = _exact(left, right)
    doubles = [i for i, kind in enumerate(left.schema.types) if pa.types.is_floating(kind)]
    if doubles:
        only_left, only_right = _without_close(only_left, only_right, doubles)
    return Difference(
        (),
        max(len(only_left), len(only_right)),
        tuple(_pairs(only_left, only_right)),
        tuple(left.schema.names),
    )


def _columns_that_differ(
    left: pa.Schema, right: pa.Schema, sides: tuple[str, str]
) -> Iterator[str]:
    ours, theirs = ({name: str(s.field(name).type) for name in s.names} for s in (left, right))
    for name in {**ours, **theirs}:
        if name not in theirs or name not in ours:
            yield f"only {sides[name in theirs]} has the column {name}"
        elif ours[name] != theirs[name]:
            yield f"{name} is {ours[name]} in {sides[0]} and {theirs[name]} in {sides[1]}"
    if ours.keys() == theirs.keys() and left.names != right.names:
        yield (
            f"the columns have another order: {', '.join(left.names)} in {sides[0]}, "
            f"{', '.join(right.names)} in {sides[1]}"
        )


def _exact(left: pa.Table, right: pa.Table) -> tuple[list[Row], list[Row]]:
    """Rows of each side that the other does not have as often; nulls are equal here."""
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("l", left)
        connection.register("r", right)
        return (
            connection.execute("FROM l EXCEPT ALL FROM r ORDER BY ALL").fetchall(),
            connection.execute("FROM r EXCEPT ALL FROM l ORDER BY ALL").fetchall(),
        )


def _without_close(
    left: Sequence[Row], right: Sequence[Row], doubles: Sequence[int]
) -> tuple[list[Row], list[Row]]:
    """Take out the pairs whose doubles are close and whose other values are the same."""
    width = len((left or right or [()])[0])
    exact = [i for i in range(width) if i not in doubles]
    groups: dict[Row, list[Row]] = {}
    for row in right:
        groups.setdefault(tuple(row[i] for i in exact), []).append(row)
    for group in groups.values():
        # As `left` is within a group, so that partners are found near the beginning.
        group.sort(key=lambda row: [_order(row[i]) for i in doubles])
    rest: list[Row] = []
    for row in left:
        group = groups.get(tuple(row[i] for i in exact), [])
        place = _close_row(row, group, doubles)
        if place is None:
            rest.append(row)
        else:
            del group[place]
    return rest, [row for group in groups.values() for row in group]


def _close_row(row: Row, group: Sequence[Row], doubles: Sequence[int]) -> int | None:
    """Place of a row of the group, sorted by its doubles, that is close to `row`."""
    first = doubles[0]
    value = least = row[first]
    if value is not None and math.isfinite(value):
        least = value - 2 * TOLERANCE * abs(value)
    start = bisect_left(group, _order(least), key=lambda other: _order(other[first]))
    for place in range(start, len(group)):
        other = group[place]
        if all(_close(row[i], other[i]) for i in doubles):
            return place
        if not _close(value, other[first]) and _order(other[first]) > _order(value):
            break
    return None


def _order(value: float | None) -> tuple[int, float]:
    """Key that sorts null last and NaN before it."""
    if value is None:
        return (2, 0.0)
    return (1, 0.0) if math.isnan(value) else (0, value)


def _close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=0.0)


def _pairs(left: Sequence[Row], right: Sequence[Row]) -> Iterator[tuple[Row | None, Row | None]]:
    """Put rows without a partner side by side, those that are most alike."""
    rest = list(right[:_PARTNERS])
    shown = list(left[:SHOWN_PAIRS])
    for row in shown:
        if not rest:
            yield row, None
            continue
        likeness = [sum(a == b for a, b in zip(row, other, strict=True)) for other in rest]
        yield row, rest.pop(max(range(len(rest)), key=likeness.__getitem__))
    for row in rest[: SHOWN_PAIRS - len(shown)]:
        yield None, row
