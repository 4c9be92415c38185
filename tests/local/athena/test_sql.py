"""Trino's answers from DuckDB: each function that is let through is run here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from local.athena.analysis import plan
from local.athena.errors import QueryFailedError, from_engine
from local.athena.functions import FUNCTIONS, MACROS, UNEMULATED_HINT, strftime_of_joda
from local.athena.sql import bind, parse, table_references
from local.athena.types import catalog_type, duckdb_type, result_column, text
from local.errors import AwsError
from tests.local.athena.cases import EXPRESSIONS, FAILURES, QUERIES, REFUSALS

COLUMNS = {
    "id": "bigint",
    "a": "int",
    "b": "int",
    "d": "decimal(10,2)",
    "f": "double",
    "s": "string",
    "ok": "boolean",
    "ts": "timestamp",
    "dt": "date",
    "arr": "array<int>",
    "m": "map<string,int>",
    "r": "struct<x:int,y:string>",
    "p": "string",
}
ROWS = """
    (1, 7, 2, 1.50, 0.5, 'hello,world', true, timestamp '2024-02-29 13:45:06.789',
     date '2024-02-29', [3, 1, 2], map {'k': 1}, {'x': 1, 'y': 'q'}, '2024'),
    (2, -7, 2, 2.25, 1e10, 'abc', false, timestamp '2023-12-31 00:00:00', date '2023-12-31',
     [5], map {'k': 2}, {'x': 2, 'y': 'z'}, '2023'),
    (3, null, 2, null, null, null, null, null, null, null, null, null, '2023')
"""


@pytest.fixture(scope="module")
def engine() -> Any:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for macro in MACROS:
        connection.execute(macro)
    columns = ", ".join(f"{n} {duckdb_type(catalog_type(t, n))}" for n, t in COLUMNS.items())
    connection.execute(f"CREATE SCHEMA db; CREATE TABLE db.t ({columns})")
    connection.execute(f"INSERT INTO db.t VALUES {ROWS}")
    yield connection
    connection.close()


def run(engine: Any, sql: str, *parameters: str) -> tuple[list[str], list[str], list[list[Any]]]:
    """Run a query and return names, types and rows as Athena's texts."""
    tree = bind(sql, parameters)
    references = table_references(tree, "db")
    types = {n: catalog_type(t, n) for n, t in COLUMNS.items()}
    tables = {(r.db, r.name): types for r in references}
    planned = plan(tree, references, tables, {name: ["p"] for name in tables})
    cursor = engine.execute(planned.sql)
    names = planned.names or [f"_col{i}" for i in range(len(cursor.description))]
    columns = [
        result_column(name, str(d[1])) for name, d in zip(names, cursor.description, strict=True)
    ]
    rows = [
        [text(v, c.type) for v, c in zip(row, columns, strict=True)] for row in cursor.fetchall()
    ]
    return [c.name for c in columns], [c.type for c in columns], rows


@pytest.mark.parametrize(("expression", "expected", "kind"), EXPRESSIONS)
def test_expression__gives_athenas_text_and_type(
    engine: Any, expression: str, expected: str | None, kind: str
) -> None:
    _, types, rows = run(engine, f"SELECT {expression} FROM t WHERE id = 1")
    assert (rows, types) == ([[expected]], [kind])


@pytest.mark.parametrize(("sql", "expected"), QUERIES)
def test_query__gives_trinos_rows(engine: Any, sql: str, expected: list[list[str]]) -> None:
    assert run(engine, sql)[2] == expected


def test_functions__are_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "aws-differences.md").read_text()
    assert {f for f in FUNCTIONS if f"`{f}`" not in page} == set()


def test_functions__each_is_run_by_a_test() -> None:
    text_of_all = " ".join([e[0] for e in EXPRESSIONS] + [q[0] for q in QUERIES]).lower()
    without = {f for f in FUNCTIONS if not re.search(rf"\b{f}\b", text_of_all)}
    assert not without
    assert not FUNCTIONS & set(UNEMULATED_HINT)


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        (
            "SELECT a, a + 1, CAST(b AS bigint), count(*) AS N FROM t GROUP BY a, b",
            ["a", "_col1", "_col2", "N"],
        ),
        ("SELECT r.x, t.p FROM t", ["x", "p"]),
        ("SELECT *, 1 FROM t", [*COLUMNS, "_col13"]),
        ("SELECT 1 UNION ALL SELECT 2", ["_col0"]),
        ("VALUES 1", ["_col0"]),
    ],
)
def test_names__are_athenas(engine: Any, sql: str, names: list[str]) -> None:
    assert run(engine, sql)[0] == names


@pytest.mark.parametrize(("sql", "reason"), FAILURES)
def test_query__fails_in_trinos_words(engine: Any, sql: str, reason: str) -> None:
    with pytest.raises((QueryFailedError, duckdb.Error)) as caught:
        run(engine, sql)
    error = caught.value
    failure = error if isinstance(error, QueryFailedError) else from_engine(str(error))
    assert re.match(reason, failure.reason), failure.reason


@pytest.mark.parametrize(("sql", "message"), REFUSALS)
def test_text__that_athena_does_not_parse_is_refused(sql: str, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        parse(sql)
    assert caught.value.code == "InvalidRequestException"
    assert message in caught.value.message


def test_parameters__are_bound_in_textual_order(engine: Any) -> None:
    sql = """
        WITH c AS (SELECT id FROM t WHERE id > ?) SELECT id FROM c WHERE id <> ?
        UNION ALL SELECT id FROM t WHERE p = ? ORDER BY 1"""
    assert run(engine, sql, "1", "-3", "'2024'")[2] == [["1"], ["2"], ["3"]]


@pytest.mark.parametrize(
    ("sql", "parameters", "message"),
    [
        ("SELECT ? FROM t", ["1"], "only in a WHERE clause"),
        ("SELECT id FROM t WHERE id = ?", [], "expected 1 but found 0"),
        ("SELECT id FROM t WHERE id = ?", ["1", "2"], "expected 1 but found 2"),
        ("SELECT id FROM t WHERE id = ?", ["1 OR true"], "not an SQL literal"),
        ("SELECT id FROM t WHERE id = ?", ["(SELECT 1)"], "not an SQL literal"),
    ],
)
def test_parameters__that_athena_refuses(sql: str, parameters: list[str], message: str) -> None:
    with pytest.raises(AwsError) as caught:
        bind(sql, parameters)
    assert message in caught.value.message


def test_parameters__keep_their_type(engine: Any) -> None:
    with pytest.raises(QueryFailedError, match="TYPE_MISMATCH"):
        run(engine, "SELECT id FROM t WHERE id = ?", "'1'")


def test_joda__quotes_and_percent_signs_stay() -> None:
    assert strftime_of_joda("yyyy 'a%b' '' %dd") == "%Y a%%b ' %%%d"
