"""Tables of two engines are compared as multisets of rows; each kind of difference is found."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from ops.comparison import Difference, compare

NAN = float("nan")
SIDES = ("duckdb", "spark")


def table(kinds: Mapping[str, Any], *rows: tuple[Any, ...]) -> pa.Table:
    schema = pa.schema(list(kinds.items()))
    return pa.Table.from_pylist([dict(zip(kinds, row, strict=True)) for row in rows], schema)


def values(*rows: tuple[Any, ...]) -> pa.Table:
    return table({"name": pa.string(), "mean": pa.float64()}, *rows)


def difference(left: pa.Table, right: pa.Table) -> Difference:
    found = compare(left, right, sides=SIDES)
    turned = compare(right, left, sides=SIDES)
    assert (found.rows, bool(found)) == (turned.rows, bool(turned)), "it hangs on the sides"
    return found


def test_compare__order_of_rows_is_nothing() -> None:
    kinds = {"n": pa.int32(), "t": pa.timestamp("us"), "d": pa.decimal128(9, 2), "x": pa.float64()}
    rows = [(n, datetime(2026, 1, 1, n % 24), Decimal(n), n / 7) for n in range(50)]
    shuffled = random.Random(1).sample(rows, len(rows))
    found = difference(table(kinds, *rows, rows[0]), table(kinds, rows[0], *shuffled))
    assert not found
    assert (found.rows, found.pairs, found.columns) == (0, (), ())


def test_compare__how_often_a_row_occurs_counts() -> None:
    found = difference(values(("a", 1.0), ("a", 1.0), ("b", 2.0)), values(("a", 1.0), ("b", 2.0)))
    assert found.rows == 1
    assert found.pairs == ((("a", 1.0), None),)


def test_compare__row_that_only_one_side_has() -> None:
    found = difference(values(), values(("a", 1.0), ("b", None)))
    assert found.rows == 2
    assert found.pairs == ((None, ("a", 1.0)), (None, ("b", None)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (None, None),
        (NAN, NAN),
        (0.0, -0.0),
        (0.1 + 0.2, 0.3),
        (-1e300, -1e300 * (1 + 0.9e-9)),
        (float("inf"), float("inf")),
    ],
)
def test_compare__doubles_that_count_as_equal(one: float | None, other: float | None) -> None:
    assert not difference(values(("a", one)), values(("a", other)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (None, 0.0),
        (NAN, None),
        (NAN, 1.0),
        (1.0, -1.0),
        (1.0, 1.0 + 1.1e-9),
        (0.0, 1e-300),
        (float("inf"), float("-inf")),
        (float("inf"), 1e308),
    ],
)
def test_compare__doubles_that_differ(one: float | None, other: float | None) -> None:
    found = difference(values(("a", one), ("b", 5.0)), values(("b", 5.0), ("a", other)))
    assert found.rows == 1
    assert [tuple(row[0] for row in pair if row) for pair in found.pairs] == [("a", "a")]


def test_compare__close_doubles_find_their_partners_whatever_their_order() -> None:
    # Sorted by the first double, the rows of the two sides stand in another order.
    kinds = {"x": pa.float64(), "y": pa.float64()}
    tiny = 2.5e-10
    left = table(kinds, (1.0, 5.0), (1.0 + tiny, 3.0), (None, 1.0), (NAN, 2.0))
    right = table(kinds, (1.0 + tiny, 5.0), (1.0, 3.0), (NAN, 2.0 + tiny), (None, 1.0))
    assert not difference(left, right)
    assert difference(left, right.slice(1)).rows == 1


def test_compare__close_doubles_of_rows_that_differ_elsewhere() -> None:
    found = difference(values(("a", 0.1 + 0.2)), values(("b", 0.3)))
    assert found.rows == 1


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (pa.string(), "a", "A"),
        (pa.string(), None, ""),
        (pa.decimal128(9, 2), Decimal("1.00"), Decimal("1.01")),
        (pa.int64(), 10**18, 10**18 + 1),
        (pa.date32(), date(2026, 1, 1), date(2026, 1, 2)),
        (pa.timestamp("us"), datetime(2026, 1, 1), datetime(2026, 1, 1, 0, 0, 0, 1)),
        (pa.bool_(), False, None),
    ],
)
def test_compare__all_but_doubles_is_exact(kind: pa.DataType, one: Any, other: Any) -> None:
    assert difference(table({"v": kind}, (one,)), table({"v": kind}, (other,))).rows == 1


def test_compare__differing_row_stands_beside_the_one_most_like_it() -> None:
    kinds = {"id": pa.int64(), "name": pa.string(), "n": pa.int64()}
    left = table(kinds, (1, "a", 1), (2, "b", 2), (3, "c", 3))
    right = table(kinds, (3, "c", 30), (2, "b", 2), (1, "a", 10))
    assert difference(left, right).pairs == (
        ((1, "a", 1), (1, "a", 10)),
        ((3, "c", 3), (3, "c", 30)),
    )


def test_compare__shows_the_first_and_counts_all() -> None:
    kinds = {"n": pa.int64()}
    found = difference(table(kinds, *((n,) for n in range(100))), table(kinds, (-1,)))
    assert found.rows == 100
    assert len(found.pairs) == 5


@pytest.mark.parametrize(
    ("right", "message"),
    [
        ({"a": pa.int64(), "b": pa.string()}, "a is int32 in duckdb and int64 in spark"),
        ({"a": pa.int32()}, "only duckdb has the column b"),
        (
            {"a": pa.int32(), "b": pa.string(), "c": pa.string()},
            "only spark has the column c",
        ),
        (
            {"b": pa.string(), "a": pa.int32()},
            "the columns have another order: a, b in duckdb, b, a in spark",
        ),
    ],
)
def test_compare__columns_that_differ_are_named(
    right: dict[str, pa.DataType], message: str
) -> None:
    found = compare(table({"a": pa.int32(), "b": pa.string()}), table(right), sides=SIDES)
    assert found
    assert found.columns == (message,)
    assert found.rows == 0


def test_compare__zone_of_a_timestamp_is_part_of_its_type() -> None:
    found = compare(
        table({"t": pa.timestamp("us")}), table({"t": pa.timestamp("us", "UTC")}), sides=SIDES
    )
    assert found.columns == ("t is timestamp[us] in duckdb and timestamp[us, tz=UTC] in spark",)


def test_compare__many_rows_that_differ_in_the_last_digit() -> None:
    count = 20_000
    dice = random.Random(2)
    left = [("g", dice.random()) for _ in range(count)]
    right = [(name, x * (1 + 1e-13)) for name, x in left]
    assert not compare(values(*left), values(*right), sides=SIDES)
