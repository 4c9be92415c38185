"""Contracts and models give the same answers on both engines; the traps have a test each."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from medallion.engines.opening import open_engine
from medallion.lake.objects import Lake
from tests.spark import runs
from tests.spark.conftest import SparkFailed, SparkProcess
from tests.spark.test_spark_engine import get, keys, put
from tests.unit.transform_fixtures import column, derived, raw_table

pytestmark = pytest.mark.xdist_group("spark-engine")


def document(*columns: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A contract named `things`."""
    return {"name": "things", "columns": list(columns), **fields}


def put_raw(lake: Lake, *tables: pa.Table, dates: Sequence[str] = ()) -> None:
    """Put raw objects, whose keys are in the order of the tables if their dates are."""
    for number, table in enumerate(tables):
        date = dates[number] if dates else "2026-01-01"
        put(lake, f"raw/things/ingest_date={date}/{number}.parquet", table)


def both(spark: SparkProcess, lake: Lake, folder: Path, wanted: Any) -> list[dict[str, Any]]:
    """Give the outcomes, which must be the same on both engines."""
    found: list[dict[str, Any]] = spark("outcomes", wanted)
    with open_engine("duckdb", lake, folder, memory_mb=256) as engine:
        expected = runs.outcomes(engine, wanted)
    assert len(found) == len(expected)
    for number, (row, other) in enumerate(zip(found, expected, strict=True)):
        assert repr(row) == repr(other), f"row {number} on Spark is not what it is on DuckDB"
    return found


def test_outcomes__texts(on_spark: SparkProcess, lake: Lake, tmp_path: Path) -> None:
    texts: dict[str, Any] = {
        "k": ["a", "a ", "A", "b", "b", "", None, "\u00a0c\t", "c", "d" * 90, "é" * 60, "NA"],
        "n": ["1", "2", "x", "", "5", "1", "2", "-3", " 7 ", "8", "9", "10"],
        "t": [
            *("o'NEIL mary-jane  mcdonald", "straße ǆ ﬁn", "ΟΔΟΣ İstanbul", "\\ ' \" ` $1 %d", " "),
            *("ÀB", "a\x1fb", "tab\there", "x" * 41, "é" * 41, "𐐨", "ŉ ΐ ᾳ"),
        ],
        "w": ["2013-01-31", "2013-01-31", "31.01.2013", "bad", *["2013-02-01"] * 8],
    }
    wanted = document(
        column("k", clean=["trim", "lower"]),
        column("n", "int"),
        column("t", clean=["trim", "title"]),
        column("w", "date"),
        column("missing", "double"),
        null_values=["", "NA", " - "],
        key=["k"],
        order_by=["n desc", "t"],
        filter="n IS NULL OR n <> 8",
        derive=[
            derived("u", "string", "concat(t, '!')"),
            derived("half", "int", "n / 2"),
            derived("money", "decimal(4,1)", "n / 4"),
        ],
        partition_by=["k", "u"],
    )
    upper = document(column("t", clean=["upper"]), column("w", clean=["lower"]), null_values=[])
    tables = raw_table(texts), raw_table({"n": [1.5, 2.0, 3e9], "k": ["e", "f", "g"]}, "b")
    put_raw(lake, *tables, dates=["2026-01-02", "2026-01-03"])
    rows = both(on_spark, lake, tmp_path, wanted)
    outcomes = [row["_outcome"] for row in rows]
    assert set(outcomes) == {"out", "refused", "duplicate", "filtered"}, outcomes
    both(on_spark, lake, Path(tmp_path / "two").resolve(), upper)


def test_outcomes__typed_raw(on_spark: SparkProcess, lake: Lake, tmp_path: Path) -> None:
    doubles = [
        *(0.0, -0.0, 1.5, 0.1 + 0.2, 1e15, 1e16, 123456789.125, 1e-4, 9.9e-5, 3e-300, 1e300),
        *(math.nan, math.inf, -math.inf, 9.3e18, -9.2e18, 2147483648.0, 1e22, 0.07, None),
    ]
    count = len(doubles)
    noon = dt.datetime(2013, 1, 31, 12, 30, 5, 250000)
    table: dict[str, Any] = {
        "a": doubles, "b": doubles, "c": doubles, "d": doubles, "e": doubles, "f": doubles,
        "g": [*range(-10, count - 11), 2**62], "h": [True, False] * (count // 2),
        "i": [dt.date(2013, 1, 31)] * (count - 1) + [None],
        "j": [noon, noon.replace(hour=0, minute=0, second=0, microsecond=0)] * (count // 2),
        "k": [Decimal("1.50"), Decimal("-0.01")] * (count // 2),
        "l": pa.array([Decimal("0.0000000001"), Decimal(7)] * (count // 2), pa.decimal128(20, 10)),
    }  # fmt: skip
    kinds = {
        "a": "double", "b": "int", "c": "bigint", "d": "decimal(20,4)", "e": "string",
        "f": "boolean", "g": "int", "h": "bigint", "i": "timestamp", "j": "date", "k": "int",
        "l": "string",
    }  # fmt: skip
    data = pa.table(table)
    origin = raw_table({"x": [1] * count}).drop_columns("x")
    for name in origin.column_names:
        data = data.append_column(name, origin[name])
    put_raw(lake, data)
    both(on_spark, lake, tmp_path, document(*(column(n, kind) for n, kind in kinds.items())))
    texts = [column(name) for name in table]
    both(on_spark, lake, tmp_path / "texts", document(*texts, null_values=["1.5", "0.0"]))


MISTAKES = {
    "unknown column": ("x + nosuch", "nosuch"),
    "aggregate": ("sum(x)", "'SUM(x)' is an aggregate function; an expression computes"),
    "window": ("row_number() OVER (ORDER BY x)", "a window function"),
    "query": ("(SELECT 1)", "is a query"),
    "rows": ("explode(array(x))", "explode"),
    "changes": ("current_date()", "changes from run to run"),
    "syntax": ("x +", "derive[0].expression' (column 'y'): in \"x +\": "),
    "type": ("to_date('2013-01-01')", "it gives date, which is never an int; change"),
    "array": ("array(x)", "it gives array<int>, which no column of a dataset can hold; take an"),
    "names a column": ("x AS z", "is a name for its result"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_prepare__mistakes(mistake: str, on_spark: SparkProcess) -> None:
    expression, problem = MISTAKES[mistake]
    wanted = document(column("x", "int"), derive=[derived("y", "int", expression)])
    with pytest.raises(SparkFailed) as error:
        on_spark("prepare", wanted)
    assert error.value.kind == "ConfigError", error.value
    start = "dataset 'things', field 'derive[0].expression' (column 'y'): in \""
    assert error.value.message.startswith(start + expression + '": ')
    assert problem in error.value.message
    assert "\n" not in error.value.message, "more than one line"


def test_prepare__filter_that_is_not_true_or_false(on_spark: SparkProcess) -> None:
    with pytest.raises(SparkFailed, match="field 'filter': in \"x\": it gives int; a filter must"):
        on_spark("prepare", document(column("x", "int"), filter="x"))


# What each trap asks of an engine: expressions over a, b (int), m (decimal), d (date), t
# (timestamp), and the values that the row below must give.
ROW = {
    "a": ["7"], "b": ["2"], "m": ["10.25"], "d": ["2013-03-31"], "t": ["2013-02-28T23:30:00Z"],
}  # fmt: skip
TYPES = {"a": "int", "b": "int", "m": "decimal(10,2)", "d": "date", "t": "timestamp"}
TRAPS: dict[str, list[tuple[str, str, Any]]] = {
    "integer_division": [
        ("a / b", "double", 3.5),
        ("a DIV b", "bigint", 3),
        ("-a DIV b", "bigint", -3),
        ("a / 0", "double", None),
        ("-a % b", "int", -1),
    ],
    "dayofweek": [
        ("dayofweek(d)", "int", 1),
        ("weekday(d)", "int", 6),
        ("weekofyear(d)", "int", 13),
    ],
    "date_differences": [
        ("datediff(d, DATE '2013-03-01')", "int", 30),
        ("datediff(DATE '2013-03-01', t)", "int", 1),
        ("timestampdiff(MONTH, t, CAST(d AS timestamp))", "bigint", 1),
        ("timestampdiff(HOUR, t, t + INTERVAL 59 MINUTES)", "bigint", 0),
        ("add_months(d, -1)", "date", dt.date(2013, 2, 28)),
    ],
    "null_handling": [
        ("concat('x', CAST(NULL AS string))", "string", None),
        ("greatest(a, CAST(NULL AS int))", "int", 7),
        ("coalesce(nullif(a, 7), b)", "int", 2),
        ("CAST(NULL AS int) <=> NULL", "boolean", True),
    ],
    "decimals": [
        ("m * m", "decimal(21,4)", Decimal("105.0625")),
        ("m + a", "decimal(13,2)", Decimal("17.25")),
        ("round(m, 1)", "decimal(10,1)", Decimal("10.3")),
        ("CAST(m AS int)", "int", 10),
    ],
    "time_zones": [
        ("hour(t)", "int", 23),
        ("CAST(t AS date)", "date", dt.date(2013, 2, 28)),
        ("from_utc_timestamp(t, 'Europe/Berlin')", "timestamp", dt.datetime(2013, 3, 1, 0, 30)),
        ("unix_timestamp(t)", "bigint", 1362094200),
    ],
}
COLUMNS = [(trap, *case) for trap, cases in TRAPS.items() for case in cases]


@pytest.fixture(scope="module")
def trapped() -> dict[str, Any]:
    """What was computed once for all traps."""
    return {}


@pytest.fixture
def in_contract(trapped: dict[str, Any], on_spark: SparkProcess, lake: Lake, tmp_path: Path) -> Any:
    if "contract" not in trapped:
        put_raw(lake, raw_table(ROW))
        derive = [derived(f"c{n}", kind, sql) for n, (_, sql, kind, _) in enumerate(COLUMNS)]
        columns = [column(name, kind) for name, kind in TYPES.items()]
        trapped["contract"] = both(on_spark, lake, tmp_path, document(*columns, derive=derive))[0]
    return trapped["contract"]


@pytest.mark.parametrize("trap", TRAPS)
def test_trap__in_a_contract(trap: str, in_contract: dict[str, Any]) -> None:
    for number, (name, expression, kind, value) in enumerate(COLUMNS):
        if name == trap:
            assert in_contract[f"c{number}"] == value, f"{expression} as {kind}"


@pytest.fixture
def in_model(trapped: dict[str, Any], on_spark: SparkProcess, lake: Lake, tmp_path: Path) -> Any:
    if "model" not in trapped:
        table = pa.table({
            "a": pa.array([7], pa.int32()), "b": pa.array([2], pa.int32()),
            "m": pa.array([Decimal("10.25")], pa.decimal128(10, 2)),
            "d": pa.array([dt.date(2013, 3, 31)]),
            "t": pa.array([dt.datetime(2013, 2, 28, 23, 30)], pa.timestamp("us")),
        })  # fmt: skip
        put(lake, "processed/things/part-0.parquet", table)
        listed = ", ".join(f"{sql} AS c{n}" for n, (_, sql, _, _) in enumerate(COLUMNS))
        text = f"SELECT {listed}\nFROM processed.things"
        inputs: dict[str, dict[str, str]] = {"processed.things": {}}
        found = {"spark": on_spark("answer", text, inputs)}
        with open_engine("duckdb", lake, tmp_path, memory_mb=256) as engine:
            found["duckdb"] = runs.answer(engine, text, inputs)
        trapped["model"] = found
    return trapped["model"]


@pytest.mark.parametrize("engine", ["spark", "duckdb"])
@pytest.mark.parametrize("trap", TRAPS)
def test_trap__in_a_model(trap: str, engine: str, in_model: dict[str, Any]) -> None:
    types, rows = in_model[engine]
    for number, (name, expression, kind, value) in enumerate(COLUMNS):
        if name == trap:
            found = types[f"c{number}"], rows[0][number]
            assert found == (kind, value), f"{expression} on {engine}"


def test_model__order_of_nulls(on_spark: SparkProcess, lake: Lake, tmp_path: Path) -> None:
    put(lake, "processed/things/part-0.parquet", {"k": [1, 2, 3], "v": ["b", None, "a"]})
    text = (
        "SELECT k, row_number() OVER (ORDER BY v) AS up, row_number() OVER (ORDER BY v DESC) AS "
        "down, row_number() OVER (ORDER BY v DESC NULLS FIRST) AS first\nFROM processed.things"
    )
    found = on_spark("answer", text, {"processed.things": {}})
    assert sorted(found[1]) == [(1, 3, 1, 2), (2, 1, 3, 1), (3, 2, 2, 3)]
    with open_engine("duckdb", lake, tmp_path, memory_mb=256) as engine:
        other = runs.answer(engine, text, {"processed.things": {}})
    assert (other[0], sorted(other[1])) == (found[0], sorted(found[1]))


def test_model__runs_the_users_own_text(on_spark: SparkProcess, lake: Lake) -> None:
    put(lake, "processed/sales/month=2013-01/part-0.parquet", {"id": [1, 2]})
    put(lake, "analytics/dim/part-0.parquet", {"id": [1], "x": ["${x} -- no\n"]})
    text = """-- processed.sales in a comment
WITH sales_of AS (SELECT * FROM Processed.Sales WHERE 'processed.sales' <> month)
SELECT s.id, dim.x, s.month, '${y}' AS y, CAST(s.id AS tinyint) AS i, CAST(1 AS float) AS f
FROM sales_of s JOIN analytics.dim ON s.id = dim.id
JOIN `processed`.sales AS again ON again.id = s.id"""
    inputs = {"processed.sales": {"month": "string"}, "analytics.dim": {}}
    types, rows = on_spark("answer", text, inputs)
    assert rows == [(1, "${x} -- no\n", "2013-01", "${y}", 1, 1.0)]
    assert (types["i"], types["f"]) == ("int", "double")


BAD_MODELS = {
    "unknown column": ("SELECT id,\n  nosuch\nFROM processed.t", "line 2: ", "nosuch"),
    "unknown function": ("SELECT\n\n nosuch(id) AS x FROM processed.t", "line 3: ", "nosuch"),
    "void": ("SELECT NULL AS x FROM processed.t", "column 'x' is NULL of no type", "string, bool"),
    "interval": ("SELECT INTERVAL 1 DAY AS x FROM processed.t", "column 'x' is ", "interval"),
    "map": ("SELECT map(id, 1) AS x FROM processed.t", "column 'x' is map<bigint,int>", "cast it"),
    "twice": ("SELECT id, 1 AS ID FROM processed.t", "line 1: ", "two columns the name 'id'"),
}


@pytest.mark.parametrize("mistake", BAD_MODELS)
def test_model__mistakes(mistake: str, on_spark: SparkProcess, lake: Lake) -> None:
    put(lake, "processed/t/part-0.parquet", {"id": [1]})
    text, place, problem = BAD_MODELS[mistake]
    with pytest.raises(SparkFailed) as error:
        on_spark("answer", text, {"processed.t": {}})
    assert error.value.kind == "ConfigError", error.value
    assert place in error.value.message
    assert problem in error.value.message
    assert "\n" not in error.value.message, "more than one line"


def test_transform__runs_on_spark(on_spark: SparkProcess, lake: Lake) -> None:
    wanted = document(
        column("k", "int"), column("at", "timestamp"), key=["k"],
        derive=[derived("day", "date", "CAST(at AS date)")], partition_by=["day"],
    )  # fmt: skip
    lake.put_json("config/datasets/things.json", wanted)
    at = ["2013-01-31T12:00", "2013-02-01T12:00", "x", ""]
    put_raw(lake, raw_table({"k": ["1", "2", "3", "4"], "at": at}), raw_table({"k": ["1"]}, "z"))
    first = on_spark("transform", "things")
    assert first["rows"] == {"in": 5, "out": 3, "refused": 1, "duplicate": 1, "filtered": 0}
    assert [key for key in keys(lake) if key.startswith(("processed", "quarantine"))] == [
        "processed/things/day=2013-02-01/part-0.parquet",
        "processed/things/day=__HIVE_DEFAULT_PARTITION__/part-0.parquet",
        "quarantine/things/rows/transform.parquet",
    ]
    assert get(lake, "quarantine/things/rows/transform.parquet")["k"].to_pylist() == ["3"]
    again = on_spark("transform", "things")
    assert again["objects"] == {"written": 0, "unchanged": 2, "deleted": 0}
