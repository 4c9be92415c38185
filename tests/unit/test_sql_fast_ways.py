"""Fast ways of calculation: the answers of the whole ones, up to where one ends and beyond."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache
from itertools import product

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from medallion.sparksql import expressions, sqltypes

CONTEXT = Context(prec=400)
TYPES = {
    "a": "DECIMAL(10,2)",
    "b": "DECIMAL(12,2)",
    "c": "DECIMAL(18,4)",
    "d": "DECIMAL(4,2)",
    "e": "DECIMAL(22,6)",
    "i": "INTEGER",
    "l": "BIGINT",
    "x": "DOUBLE",
    "s": "VARCHAR",
    "day": "DATE",
    "until": "DATE",
}
CALCULATIONS = (
    *("a * i", "i * a", "a * b", "a * l", "c * d", "e * d", "a * a * d", "a * i * (1 - d)"),
    *("a * i * (1 - d) * 1.19", "a * b * i", "(a * i) * (d * i)"),
    *("a / i", "a / b", "a / d", "a / 1.19", "b / i", "d / a", "c / d", "e / i", "i / a", "l / d"),
    *("100 * (a - b) / a", "a / 3", "a / l", "a / b / d"),
    *("a + b", "a - d", "c + d", "a + 4.95", "a - i"),
    *("round(e, 2)", "round(a / i, 2)", "round(a * b, 1)", "round(e, 0)", "round(a / b, 3)"),
)
Operator = Callable[[Decimal, Decimal], Decimal]
OPERATORS: dict[type[exp.Expr], Operator] = {
    exp.Add: CONTEXT.add,
    exp.Sub: CONTEXT.subtract,
    exp.Mul: CONTEXT.multiply,
    exp.Div: CONTEXT.divide,
}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with an empty table of all columns."""
    with duckdb.connect() as found:
        found.execute("SET TimeZone = 'UTC'")
        found.execute(f"CREATE TABLE t (n INTEGER, {', '.join(map(' '.join, TYPES.items()))})")
        yield found


@pytest.fixture(scope="module")
def translate(connection: duckdb.DuckDBPyConnection) -> Callable[[str], tuple[str, str]]:
    """Give the DuckDB SQL of an expression, and its type."""

    def describe(sql: str) -> str:
        return str(connection.execute(f"SELECT {sql} FROM t").description[0][1])

    return cache(expressions.ExpressionTranslator(TYPES, describe).translate)


def _ask(
    connection: duckdb.DuckDBPyConnection, sql: str, rows: Sequence[Mapping[str, object]]
) -> list[object]:
    """Ask DuckDB for an expression over rows."""
    names = list(rows[0])
    texts = [[None if row[n] is None else str(row[n]) for row in rows] for n in names]
    columns = ", ".join(f"CAST(unnest(?) AS {TYPES[name]}) AS {name}" for name in names)
    query = f"SELECT {sql} FROM (SELECT {columns})"
    return [value for (value,) in connection.execute(query, texts).fetchall()]


def _values(kind: str) -> list[Decimal | None]:
    """Give what lies at the ends of a type, next to powers of ten, and to halves."""
    precision, scale = sqltypes.digits(kind)
    most = 10**precision - 1 if scale else 2 ** (31 if kind == "INTEGER" else 63) - 1
    units = [0, 1, 2, 3, 5, 6, 7, 15, 333, 46566128, 46566129, most, most // 2, most // 3]
    units += [10**n + k for n in range(1, precision + 1) for k in (-1, 0, 1, 4)]
    kept = sorted({sign * unit for unit in units if unit <= most for sign in (1, -1)})
    least = [] if scale else [-most - 1]
    return [None, *(Decimal(unit).scaleb(-scale, CONTEXT) for unit in (*least, *kept))]


@pytest.mark.parametrize("expression", CALCULATIONS)
def test_decimals__as_python_calculates(
    expression: str,
    connection: duckdb.DuckDBPyConnection,
    translate: Callable[[str], tuple[str, str]],
) -> None:
    tree = sqlglot.parse_one(expression, read="spark")
    names = sorted({column.name for column in tree.find_all(exp.Column)})
    every = list(product(*(_values(TYPES[name]) for name in names)))
    chosen = random.Random(1).sample(every, min(len(every), 2000))
    rows = [dict(zip(names, values, strict=True)) for values in chosen]

    def calculated(node: exp.Expr, row: dict[str, Decimal | None]) -> Decimal | None:
        """Calculate without limits, and round half up to Spark's type: null without room."""
        if isinstance(node, exp.Paren):
            return calculated(node.this, row)
        if isinstance(node, exp.Column):
            return row[node.name]
        if isinstance(node, exp.Literal):
            return Decimal(node.name)
        value = calculated(node.this, row)
        if not isinstance(node, exp.Round):
            other = calculated(node.expression, row)
            if value is None or other is None or (isinstance(node, exp.Div) and other == 0):
                return None
            value = OPERATORS[type(node)](value, other)
        precision, scale = sqltypes.digits(translate(node.sql("spark"))[1])
        return None if value is None else _rounded(value, precision, scale)

    found = _ask(connection, translate(expression)[0], rows)
    wrong = [
        (row, value, wanted)
        for row, value, wanted in zip(rows, found, (calculated(tree, r) for r in rows), strict=True)
        if value != wanted
    ]
    assert wrong[:3] == []


def _rounded(value: Decimal, precision: int, scale: int) -> Decimal | None:
    rounded = value.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, CONTEXT)
    return rounded if abs(rounded).scaleb(scale, CONTEXT) < 10**precision else None


DOUBLES = (
    *(0.0, -0.0, 1.0, 2.675, -2.675, 0.005, 0.015, 1.005, 0.285, 99.99, 99.994, 99.995, 99.996),
    *(999.9949, 999.995, 9999999.985, 9999999.995, 1e7 - 1e-9, 1e7, 1e7 + 0.005, 123456789.125),
    *(0.1 + 0.2, 1 / 3, 5e-324, 1e-9, 1e15, 1e16, 1.7976931348623157e308, 4503599627370497.5),
)
ODD_DOUBLES = (None, float("nan"), float("inf"), float("-inf"))


@pytest.mark.parametrize(("precision", "scale"), [(12, 2), (4, 2), (9, 0), (18, 9), (38, 6)])
def test_double_to_decimal__rounds_its_text(
    precision: int,
    scale: int,
    connection: duckdb.DuckDBPyConnection,
    translate: Callable[[str], tuple[str, str]],
) -> None:
    halves = [(2 * n + 1) / 2 / 10**scale for n in (0, 1, 7, 12345, 10**8 - 1)]
    edges = [10 ** (precision - scale) - n / 2 / 10**scale for n in range(-1, 4)]
    numbers = [sign * value for value in (*DOUBLES, *halves, *edges) for sign in (1, -1)]
    sql, kind = translate(f"CAST(x AS decimal({precision},{scale}))")
    found = _ask(connection, sql, [{"x": value} for value in (*numbers, *ODD_DOUBLES)])
    wanted = [_rounded(Decimal(repr(value)), precision, scale) for value in numbers]
    assert kind == f"DECIMAL({precision},{scale})"
    assert found == [*wanted, None, None, None, None]


def test_text_to_timestamp__full_texts_and_all_others(
    connection: duckdb.DuckDBPyConnection, translate: Callable[[str], tuple[str, str]]
) -> None:
    at = datetime(2013, 1, 5, 17, 30, 9)
    wanted: dict[str | None, datetime | None] = {
        "2013-01-05 17:30:09": at,
        "2013-01-05T17:30:09": at,
        " 2013-01-05 17:30:09 ": at,
        "2013-1-5 17:30:09": at,
        "2013-01-05 17:30:09.250": at.replace(microsecond=250000),
        "2013-01-05 17:30:09.25": at.replace(microsecond=250000),
        "2013-01-05 17:30:09Z": at,
        "2013-01-05 17:30:09+02:00": at - timedelta(hours=2),
        "2013-01-05 17:30": at.replace(second=0),
        "2013-01-05": at.replace(hour=0, minute=0, second=0),
        "2013-01-05 00:00:00": at.replace(hour=0, minute=0, second=0),
        "0001-01-01 00:00:00": datetime.min,
        "9999-12-31 23:59:59.999999": datetime.max,
        **dict.fromkeys(
            (
                *("infinity", "-infinity", "0044-01-01 (BC) 10:10:10", "epoch", "", "x"),
                *("2013-01-05 24:00:00", "2013-01-05 25:00:00", "2013-01-05 17:60:09"),
                *("2013-01-05  7:30:09", "2013-01-05 \t7:30:09", "2013-01-1T 10:10:10"),
                *("2013-01-05 17:30:60", "2013-02-30 17:30:09", "2013-13-05 17:30:09"),
            )
        ),
        None: None,
    }
    found = _ask(connection, translate("CAST(s AS timestamp)")[0], [{"s": text} for text in wanted])
    assert dict(zip(wanted, found, strict=True)) == wanted


def test_months_between__days_as_their_midnights(
    connection: duckdb.DuckDBPyConnection, translate: Callable[[str], tuple[str, str]]
) -> None:
    ends = [date(2019, 12, 31) + timedelta(days=n) for n in (*range(-2, 3), *range(57, 64), 90, 91)]
    rows: list[dict[str, object]] = [{"day": one, "until": other} for one in ends for other in ends]
    rows += [{"day": None, "until": ends[0]}, {"day": ends[0], "until": None}]
    days, midnights = (
        _ask(connection, translate(f"months_between({arguments})")[0], rows)
        for arguments in ("until, day", "CAST(until AS timestamp), CAST(day AS timestamp)")
    )
    assert days == midnights
    assert {None, 0.0, 2.0} < set(days)


@pytest.mark.parametrize(
    ("expression", "texts"),
    [
        ("s LIKE '%b_'", {"abc": True, "ab": False, "a\nbc": True, "": False, "bé": True}),
        ("s LIKE 'a%'", {"abc": True, "ba": False, "A": False, "a": True}),
        ("s LIKE '%100\\\\%'", {"100%": True, "1000": False, "100\\": False}),
        ("s NOT LIKE 'a'", {"a": False, "A": True}),
        ("split(s, '-')[1]", {"a-b-c": "b", "a": None, "a-": "", "--": "", "": None}),
        ("split(s, '\\\\|')[1]", {"a|b": "b", "ab": None, "a\\|b": "b"}),
        ("split(s, '.')[0]", {"ab": ""}),
        ("split(s, 'a|b')[1]", {"1a2b3": "2", "1a|b2": "|"}),
        ("upper(s)", {"aß": "ASS", "ß": "SS", "é": "É", "a": "A", "ẞ": "ẞ"}),
        ("day >= '2020-02-29'", {"2020-02-28": False, "2020-02-29": True, "2020-03-01": True}),
        ("day >= '2020-02-29 00:00:01'", {"2020-02-29": False, "2020-03-01": True}),
        ("day IN ('2020-2-9', '2020-02-10 01:00')", {"2020-02-09": True, "2020-02-10": False}),
    ],
)
def test_texts_and_days__as_spark(
    expression: str,
    texts: dict[str, object],
    connection: duckdb.DuckDBPyConnection,
    translate: Callable[[str], tuple[str, str]],
) -> None:
    name = "day" if expression.startswith("day") else "s"
    wanted: dict[str | None, object] = {None: None} | texts
    found = _ask(connection, translate(expression)[0], [{name: text} for text in wanted])
    assert dict(zip(wanted, found, strict=True)) == wanted
