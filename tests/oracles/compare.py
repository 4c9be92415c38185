"""Tables as the tests compare them: typed columns, rows found by key, and the first differences."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from medallion import datatypes

RELATIVE = 1e-9
_SHOWN = 5
_NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"
_NAMES = {pa.int32(): "int", pa.int64(): "bigint", pa.float64(): "double", pa.bool_(): "boolean"}


def read_objects(objects: Iterable[tuple[str, bytes]], prefix: str) -> pd.DataFrame:
    """Read a table from its Parquet objects, with Arrow's types.

    Parameters
    ----------
    objects
        Key and content of each object.
    prefix
        That of the table, such as `analytics/fact_sales/`; the folders below it become columns of
        strings, as in Athena.
    """
    parts = []
    for key, content in objects:
        part = pq.ParquetFile(io.BytesIO(content)).read()
        for folder in key.removeprefix(prefix).split("/")[:-1]:
            name, _, value = folder.partition("=")
            found = None if value == _NULL_FOLDER else unquote(value)
            part = part.append_column(name, pa.array([found] * part.num_rows, pa.string()))
        parts.append(part)
    return pa.concat_tables(parts).to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Give a table in NumPy's types, whatever types it has: what the oracles calculate with."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return table.to_pandas(ignore_metadata=True, coerce_temporal_nanoseconds=True)


def typed(frame: pd.DataFrame, types: Mapping[str, str]) -> pd.DataFrame:
    """Give the columns of `types`, by their names in the lake, in Arrow's types; NaN is null.

    A value that does not fit its type raises; nothing is rounded.
    """
    columns = {}
    for name, kind in types.items():
        parsed = datatypes.parse_column(kind)
        wanted = parsed.arrow
        # Arrow cuts 1.5 to an int without a word where it is given the type, but does not cast it.
        is_nested = bool(parsed.fields)
        values = pa.array(frame[name], wanted if is_nested else None, from_pandas=True).cast(wanted)
        columns[name] = pd.Series(values, dtype=pd.ArrowDtype(wanted))
    return pd.DataFrame(columns)


def half_up(values: Iterable[Any], digits: int) -> list[Decimal | None]:
    """Round as SQL does, by the decimal digits of a number: 2.675 becomes 2.68. NaN is null."""
    unit = Decimal(1).scaleb(-digits)
    return [
        None if pd.isna(value) else Decimal(str(value)).quantize(unit, ROUND_HALF_UP)
        for value in values
    ]


def assert_equal(expected: pd.DataFrame, got: pd.DataFrame, keys: Sequence[str]) -> None:
    """
    Assert that two tables have the same columns, types and rows, in any order.

    Values are equal exactly, doubles to `RELATIVE`; null equals null only.

    Raises
    ------
    AssertionError
        With the first rows that differ, are missing or are too many.
    """
    left = pa.Table.from_pandas(expected, preserve_index=False)
    right = pa.Table.from_pandas(got, preserve_index=False)
    kinds, found = _kinds(left), _kinds(right)
    assert found == kinds, f"columns are {_changes(kinds, found)}"
    for name, table in (("expected", left), ("got", right)):
        rows = _rows(table, keys)
        twice = rows[rows.duplicated(list(keys), keep=False)]
        assert twice.empty, f"{name} has {len(twice)} rows whose key is not unique{_show(twice)}"
    pairs = _rows(left, keys).merge(
        _rows(right, keys), "outer", list(keys), suffixes=("_left", "_right"), indicator="_in"
    )
    missing = pairs.loc[pairs["_in"] == "left_only", list(keys)]
    extra = pairs.loc[pairs["_in"] == "right_only", list(keys)]
    assert len(missing) + len(extra) == 0, (
        f"{left.num_rows} rows expected, {right.num_rows} got; "
        f"{len(missing)} are missing{_show(missing)}\n{len(extra)} are too many{_show(extra)}"
    )
    left = left.take(pairs["_row_left"].astype("int64").to_numpy())
    right = right.take(pairs["_row_right"].astype("int64").to_numpy())
    problems = []
    for name in kinds:
        differs = _differs(left[name], right[name])
        if differs.any():
            places = np.flatnonzero(differs)
            rows = pairs.loc[differs, list(keys)].head(_SHOWN)
            shown = rows.assign(
                **{
                    "(expected)": [str(left[name][int(i)].as_py()) for i in places[:_SHOWN]],
                    "(got)": [str(right[name][int(i)].as_py()) for i in places[:_SHOWN]],
                }
            )
            problems.append(f"{name} differs in {len(places)} of {len(pairs)} rows{_show(shown)}")
    assert not problems, "\n".join(problems)


def _kinds(table: pa.Table) -> dict[str, str]:
    """Name the columns' types as the lake does; how Arrow lays a text out is not compared."""
    return {field.name: _kind(field.type) for field in sorted(table.schema, key=lambda f: f.name)}


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "string"
    if pa.types.is_timestamp(kind):
        return f"timestamp with zone {kind.tz}" if kind.tz else "timestamp"
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    return _NAMES.get(kind, str(kind))


def _changes(expected: Mapping[str, str], got: Mapping[str, str]) -> str:
    names = sorted(expected.keys() | got.keys())
    return "; ".join(
        f"{name}: expected {expected.get(name, 'none')}, got {got.get(name, 'none')}"
        for name in names
        if expected.get(name) != got.get(name)
    )


def _rows(table: pa.Table, keys: Sequence[str]) -> pd.DataFrame:
    frame = table.select(list(keys)).to_pandas(
        ignore_metadata=True, date_as_object=True, integer_object_nulls=True
    )
    return frame.assign(_row=np.arange(len(frame)))


def _differs(left: Any, right: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell which of the values of two Arrow columns, side by side, are not the same."""
    nulls, others = (np.asarray(side.is_null(), dtype=bool) for side in (left, right))
    if pa.types.is_floating(left.type):
        a, b = (side.fill_null(0.0).to_numpy() for side in (left, right))
        same = np.isclose(a, b, rtol=RELATIVE, atol=0.0, equal_nan=True)
    elif pa.types.is_nested(left.type):
        pairs = zip(left.to_pylist(), right.to_pylist(), strict=True)
        same = np.array([one == other for one, other in pairs], dtype=bool)
    else:
        equal: Any = pc.equal(left, right)
        same = np.asarray(equal.fill_null(False), dtype=bool) | nulls
    differs: np.ndarray[Any, np.dtype[np.bool_]] = (nulls != others) | ~same
    return differs


def _show(rows: pd.DataFrame) -> str:
    shown = rows.drop(columns="_row", errors="ignore").head(_SHOWN)
    return "" if rows.empty else f", the first:\n{shown.to_string(index=False)}"
