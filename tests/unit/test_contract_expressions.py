"""Spark SQL on DuckDB: the same answers as Spark, and clear words where there are none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from medallion import datatypes
from medallion.contract.statement import translate
from medallion.engines.duckdb.dialect import DUCKDB
from medallion.engines.duckdb.engine import DuckDbEngine
from medallion.errors import ConfigError
from medallion.sparksql import expressions
from tests.unit.transform_fixtures import column, contract, derived, engine_in

SPARK: dict[str, Any] = json.loads(
    Path(__file__).with_name("spark_expressions.json").read_text(encoding="utf-8")
)
TYPES = {name: datatypes.parse(kind).duckdb for name, kind in SPARK["columns"].items()}


@pytest.fixture(scope="module")
def spark_rows() -> Iterator[duckdb.DuckDBPyConnection]:
    """The rows that Spark was asked about."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        columns = ", ".join(f'"{name}" {kind}' for name, kind in TYPES.items())
        connection.execute(f"CREATE TABLE t (n INTEGER, {columns})")
        for number, row in enumerate(SPARK["rows"]):
            marks = ", ".join("?" * (len(row) + 1))
            connection.execute(f"INSERT INTO t VALUES ({marks})", [number, *row])
        yield connection


@pytest.mark.parametrize("expression", SPARK["expressions"])
def test_expression__as_spark(expression: str, spark_rows: duckdb.DuckDBPyConnection) -> None:
    kind, *expected = SPARK["expressions"][expression]

    def describe(sql: str) -> str:
        return str(spark_rows.execute(f"SELECT {sql} FROM t LIMIT 0").description[0][1])

    sql, found_kind = expressions.ExpressionTranslator(TYPES, describe).translate(expression)
    found = spark_rows.execute(f"SELECT CAST({sql} AS VARCHAR) FROM t ORDER BY n").fetchall()
    assert [_value(kind, v) for (v,) in found] == [_value(kind, v) for v in expected], sql
    assert found_kind == _duckdb(kind) or kind == "void", sql
    assert describe(sql) == found_kind, sql


def _value(kind: str, text: str | None) -> object:
    """Compare doubles to 12 digits and decimals to the last."""
    if text is None:
        return None
    if kind.startswith("decimal"):
        return Decimal(text)
    return f"{float(text) + 0.0:.12g}" if kind == "double" else text


def _duckdb(kind: str) -> str:
    return datatypes.parse(kind).duckdb if kind not in ("void", "tinyint") else kind


def test_expressions__every_function_is_tested() -> None:
    queries = Path(__file__).with_name("spark_queries.json").read_text(encoding="utf-8")
    text = " ".join([*SPARK["expressions"], *json.loads(queries)["queries"]]).lower()
    assert [name for name in expressions.function_names() if f"{name}(" not in text] == []


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDbEngine]:
    """An engine without data."""
    with engine_in(tmp_path_factory.mktemp("engine")) as engine:
        yield engine


COLUMNS = (column("a", "int"), column("s"), column("d", "date"), column("ts", "timestamp"))
KNOWN = "the columns are: a, s, d, ts"

REFUSED = [
    ("a +", "not a Spark SQL expression: something is missing near '+' (character 3)"),
    ("(a", "not a Spark SQL expression: Expecting ) near 'a' (character 2)"),
    ("'abc", "not a Spark SQL expression: Error tokenizing"),
    ("-- nothing", "expected one expression"),
    ("a > 1; DROP TABLE t", "expected one expression"),
    ("b > 1", f"unknown column 'b'; {KNOWN}"),
    ("tss = ts", f"unknown column 'tss' (did you mean 'ts'?); {KNOWN}"),
    ("raw.a > 1", "'raw.a': name columns without a table"),
    ("_source_file = 'x'", f"unknown column '_source_file'; {KNOWN}"),
    ("a IN (SELECT a FROM raw)", "IN needs a list of values, not a query"),
    ("(SELECT true)", "'(SELECT TRUE)' is a query; an expression computes one value from one row"),
    ("EXISTS (SELECT 1)", "is a query; an expression computes one value"),
    ("sum(a) > 1", "'SUM(a)' is an aggregate function; an expression computes one value"),
    ("row_number() OVER (ORDER BY a) = 1", "is a window function; an expression computes one"),
    ("a > 1 AS x", "is a name for its result; an expression computes one value"),
    ("*", "'*' is *; an expression computes one value"),
    ("rand() > 0.5", "'RAND()' changes from run to run; a transformation gives the same rows"),
    ("d < current_date()", "changes from run to run"),
    ("ts < now()", "changes from run to run"),
    ("uuid() = s", "changes from run to run"),
    ("strpo(s, 'x') > 0", "unknown function 'strpo'"),
    ("lengthh(s) > 0", "unknown function 'lengthh' (did you mean 'length'?); known: abs,"),
    ("read_text('/etc/passwd') = s", "unknown function 'read_text'"),
    ("getenv('HOME') = s", "unknown function 'getenv'"),
    ("levenshtein(s, s) > 1", "function 'levenshtein' in"),
    ("s > 1", "'s > 1' puts a string beside INTEGER; cast one of them"),
    ("s IN (1, 2)", "puts a string beside INTEGER; cast one of them"),
    ("s = d", "'s = d': s is not a date or timestamp such as '2013-01-31'"),
    ("d > 'yesterday'", "'yesterday' is not a date or timestamp such as '2013-01-31'"),
    ("a AND true", "'a' is INTEGER; a condition must be a boolean"),
    ("NOT s", "'s' is VARCHAR; a condition must be a boolean"),
    ("CASE WHEN a THEN true END", "'a' is INTEGER; a condition must be a boolean"),
    ("if(a > 1, 'x', 2) = 'x'", "gives a string or INTEGER; cast them to one type"),
    ("s + 1 > 2", "'s + 1' calculates with a string; cast it first"),
    ("ts - ts > 1", "'ts - ts > 1' compares an interval between two times with something else"),
    ("CAST(d AS int) > 1", "'CAST(d AS INT)': DATE cannot be cast to int"),
    ("CAST(a AS array<int>) IS NULL", "cast the elements of the array, where they are made"),
    ("CAST(a AS map<int, int>) IS NULL", "cast to one of string, boolean, int, bigint, double"),
    ("date_trunc('fortnight', ts) = ts", "unknown unit 'FORTNIGHT'; known: YEAR, QUARTER"),
    ("to_date(s, 'yyyy-MM-dd G') = d", "the pattern is not supported; it may hold yyyy MM dd"),
    ("to_date(s, s) = d", "the pattern must be a text in quotes"),
    ("interval '1 day 2 hours' + ts = ts", "write it as INTERVAL 1 DAY + INTERVAL 2 HOURS"),
    ("split(s, ',')[a] = 'x'", "only split(text, pattern)[number] is supported"),
    ("pmod(a) = 1", "has 1 arguments, not 2"),
    ("regexp_replace(s, 'a', s) = s", "the replacement must be a text in quotes"),
    ("upper(s)", "it gives VARCHAR; a filter must be true or false"),
    (
        "get_json_object(s, '$.a', 'b') = s",
        "'GET_JSON_OBJECT(s, '$.a')': 3 arguments are given to get_json_object, which takes 2",
    ),
]


@pytest.mark.parametrize(("expression", "problem"), REFUSED)
def test_filter__refused(expression: str, problem: str, engine: DuckDbEngine) -> None:
    wanted = contract(*COLUMNS, filter=expression)
    with pytest.raises(ConfigError) as error:
        translate(wanted, engine.describe, DUCKDB)
    assert str(error.value).startswith(f"dataset 'things', field 'filter': in \"{expression}\": ")
    assert problem in str(error.value)


@pytest.mark.parametrize(
    ("kind", "expression", "problem"),
    [
        ("int", "later + 1", "unknown column 'later'; the columns are: a, s, d, ts, first"),
        ("date", "a", "it gives INTEGER, which is never a date; change the type or cast"),
        ("boolean", "a", "it gives INTEGER, which is never a boolean"),
        ("int", "ts", "it gives TIMESTAMP, which is never an int"),
        ("double", "a / ", "not a Spark SQL expression: something is missing"),
    ],
)
def test_derive__refused(kind: str, expression: str, problem: str, engine: DuckDbEngine) -> None:
    wanted = contract(
        *COLUMNS,
        derive=[
            derived("first", "int", "a"),
            derived("x", kind, expression),
            derived("later", "int", "a"),
        ],
    )
    with pytest.raises(ConfigError) as error:
        translate(wanted, engine.describe, DUCKDB)
    place = f"dataset 'things', field 'derive[1].expression' (column 'x'): in \"{expression}\": "
    assert str(error.value).startswith(place)
    assert problem in str(error.value)


def test_filter__column_names_know_no_case(engine: DuckDbEngine) -> None:
    found = translate(contract(*COLUMNS, filter="A = 1 AND `Ts` IS NULL"), engine.describe, DUCKDB)
    assert found.filter == '(("a" = 1) AND ("ts" IS NULL))'
