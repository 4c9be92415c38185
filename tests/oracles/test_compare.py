"""The comparison finds what differs, and says where."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.oracles.compare import assert_equal, half_up, plain, read_objects, typed

TYPES = {
    "id": "bigint",
    "day": "date",
    "name": "string",
    "amount": "decimal(10,2)",
    "rate": "double",
    "late": "boolean",
    "at": "timestamp",
    "items": "int",
}
KEYS = ["id", "day"]
ROWS: list[list[Any]] = [
    [1, date(2013, 1, 1), "a", Decimal("1.50"), 0.1, True, datetime(2013, 1, 1, 5, 17), 3],
    [1, date(2013, 1, 2), None, None, None, None, None, None],
    [2, date(2013, 1, 1), "", Decimal("0.00"), 0.0, False, datetime(2013, 1, 1), 0],
]


def table(rows: Sequence[Sequence[Any]] = ROWS, **types: str) -> pd.DataFrame:
    wanted = {**TYPES, **types}
    return typed(pd.DataFrame(rows, columns=list(TYPES), dtype=object), wanted)


def changed(row: int, column: str, value: Any) -> pd.DataFrame:
    rows = [list(r) for r in ROWS]
    rows[row][list(TYPES).index(column)] = value
    return table(rows)


def test_equal__in_another_order_of_rows_and_columns() -> None:
    assert_equal(table(), table(ROWS[::-1])[list(TYPES)[::-1]], KEYS)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("name", "A"),
        ("amount", Decimal("1.51")),
        ("rate", 0.1000001),
        ("late", False),
        ("at", datetime(2013, 1, 1, 5, 17, 0, 1)),
        ("items", 4),
    ],
)
def test_changed_value__is_found(column: str, value: Any) -> None:
    with pytest.raises(AssertionError) as failure:
        assert_equal(table(), changed(0, column, value), KEYS)
    message = str(failure.value)
    assert f"{column} differs in 1 of 3 rows" in message
    assert str(value) in message, "the value found is not shown"
    assert str(ROWS[0][list(TYPES).index(column)]) in message, "the value expected is not shown"
    assert "2013-01-01" in message, "the row's key is not shown"


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        (2, "name", None),  # an empty text is no null
        (2, "amount", None),
        (2, "rate", None),
        (2, "late", None),
        (2, "at", None),
        (2, "items", None),
        (1, "name", ""),
        (1, "rate", 0.0),
        (1, "items", 0),
        (1, "late", False),
    ],
)
def test_null_beside_a_value__is_found(row: int, column: str, value: Any) -> None:
    with pytest.raises(AssertionError, match=f"{column} differs in 1 of 3 rows"):
        assert_equal(table(), changed(row, column, value), KEYS)


def test_nan__is_no_null() -> None:
    column = pd.Series(
        pa.array([0.1, float("nan"), 0.0], from_pandas=False), dtype=pd.ArrowDtype(pa.float64())
    )
    with pytest.raises(AssertionError, match="rate differs in 1 of 3 rows"):
        assert_equal(table(), table().assign(rate=column), KEYS)


def test_doubles__are_equal_to_one_in_a_thousand_million() -> None:
    assert_equal(table(), changed(0, "rate", 0.1 * (1 + 9e-10)), KEYS)
    with pytest.raises(AssertionError, match="rate differs"):
        assert_equal(table(), changed(0, "rate", 0.1 * (1 + 2e-9)), KEYS)
    with pytest.raises(AssertionError, match="rate differs"):
        assert_equal(table(), changed(2, "rate", 1e-300), KEYS)


def test_missing_row__is_found() -> None:
    with pytest.raises(AssertionError, match=r"3 rows expected, 2 got; 1 are missing") as failure:
        assert_equal(table(), table(ROWS[:2]), KEYS)
    assert "2 2013-01-01" in " ".join(str(failure.value).split())


def test_extra_row__is_found() -> None:
    more = [*ROWS, [3, date(2013, 1, 3), *ROWS[0][2:]]]
    with pytest.raises(AssertionError, match="1 are too many") as failure:
        assert_equal(table(), table(more), KEYS)
    assert "3 2013-01-03" in " ".join(str(failure.value).split())


@pytest.mark.parametrize("side", ["expected", "got"])
def test_key_that_is_not_unique__is_found(side: str) -> None:
    twice = table([*ROWS, ROWS[0]])
    frames = (twice, table()) if side == "expected" else (table(), twice)
    with pytest.raises(AssertionError, match=f"{side} has 2 rows whose key is not unique"):
        assert_equal(*frames, KEYS)


@pytest.mark.parametrize(
    ("column", "kind"),
    [("items", "bigint"), ("amount", "decimal(12,2)"), ("id", "double"), ("at", "string")],
)
def test_another_type__is_found(column: str, kind: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(f"{column}: expected {kind}, got ")):
        assert_equal(_retyped(column, kind), table(), KEYS)


def _retyped(column: str, kind: str) -> pd.DataFrame:
    frame = table()
    values = pd.Series([str(v) for v in frame[column]]) if kind == "string" else frame[column]
    return typed(plain(frame.assign(**{column: values})), {**TYPES, column: kind})


def test_column_missing_or_too_much__is_found() -> None:
    with pytest.raises(AssertionError, match="items: expected int, got none"):
        assert_equal(table(), table().drop(columns="items"), KEYS)
    with pytest.raises(AssertionError, match="items: expected none, got int"):
        assert_equal(table().drop(columns="items"), table(), KEYS)


def test_typed__does_not_round() -> None:
    with pytest.raises(pa.ArrowInvalid):
        changed(0, "items", 1.5)
    with pytest.raises(pa.ArrowInvalid):
        changed(0, "amount", Decimal("1.505"))


def test_half_up__goes_by_the_digits() -> None:
    found = half_up([2.675, -2.675, 0.125, None, float("nan"), Decimal("1.005")], 2)
    expected = ["2.68", "-2.68", "0.13", None, None, "1.01"]
    assert [None if value is None else str(value) for value in found] == expected


def test_objects__are_read_with_their_folders() -> None:
    def stored(value: int) -> bytes:
        buffer = io.BytesIO()
        pq.write_table(pa.table({"id": pa.array([value], pa.int64())}), buffer)
        return buffer.getvalue()

    objects = [
        ("analytics/t/month=2013-01/by=a%2Fb/part-0.parquet", stored(1)),
        ("analytics/t/month=2013-02/by=__HIVE_DEFAULT_PARTITION__/part-0.parquet", stored(2)),
    ]
    expected = typed(
        pd.DataFrame({"id": [1, 2], "month": ["2013-01", "2013-02"], "by": ["a/b", None]}),
        {"id": "bigint", "month": "string", "by": "string"},
    )
    assert_equal(expected, read_objects(objects, "analytics/t/"), ["id"])


@pytest.mark.parametrize(
    ("kind", "value", "others"),
    [
        ("array<int>", [1, 2], ([2, 1], [1], [1, None], [], None)),
        ("array<string>", [], (None, [None])),
        ("struct<en:string,de:string>", {"en": "a", "de": None}, ({"en": "a", "de": ""}, None)),
        ("array<struct<x:int>>", [{"x": 1}], ([{"x": 2}], [None], [{"x": None}])),
    ],
)
def test_nested_value__is_the_same_or_found(kind: str, value: Any, others: Sequence[Any]) -> None:
    def one(found: Any) -> pd.DataFrame:
        return typed(pd.DataFrame({"id": [1], "v": [found]}), {"id": "bigint", "v": kind})

    assert_equal(one(value), one(value), ["id"])
    for other in others:
        with pytest.raises(AssertionError, match="v differs in 1 of 1 rows"):
            assert_equal(one(value), one(other), ["id"])
    with pytest.raises(AssertionError, match="columns are v: expected"):
        assert_equal(one(value), one(value).assign(v=["[1, 2]"]), ["id"])
