"""The SQL of a model: which tables it reads, where, and what is refused."""

from __future__ import annotations

import pytest

from medallion.errors import ConfigError
from medallion.sparksql.model_sql import ModelSql, TableReference, parse_model, view_name

FILE = "config/models/m.sql"


def parse(text: str) -> ModelSql:
    return parse_model(text, FILE)


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return str(caught.value)


def test_references__places_and_aliases() -> None:
    text = (
        "-- é: raw.in_a_comment 𝄞\n"
        "SELECT 'raw.in_a_string' AS t, s.*\n"
        "FROM `processed`.`sales` AS s\n"
        "LEFT JOIN Analytics . DIM d USING (k)\r\n"
        "WHERE EXISTS (SELECT 1 FROM processed.sales /* raw.x */ WHERE k = s.k)\n"
    )
    sql = parse(text)
    assert [(r.name, r.line, text[r.start : r.end], r.alias) for r in sql.references] == [
        ("processed.sales", 3, "`processed`.`sales`", "s"),
        ("analytics.dim", 4, "Analytics . DIM", "d"),
        ("processed.sales", 5, "processed.sales", None),
    ]
    assert sql.inputs == ("processed.sales", "analytics.dim")
    assert (sql.text, sql.file) == (text, FILE)


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("SELECT 1 AS one", ()),
        ("SELECT * FROM raw.x;", ("raw.x",)),
        ("(SELECT a FROM raw.x) UNION ALL (SELECT a FROM raw.y)", ("raw.x", "raw.y")),
        ("SELECT * FROM raw.x, raw.y JOIN raw.z ON true", ("raw.x", "raw.y", "raw.z")),
        ("SELECT * FROM (raw.x JOIN raw.y ON true)", ("raw.x", "raw.y")),
        ("SELECT (SELECT max(a) FROM raw.x) AS m", ("raw.x",)),
        ("SELECT a, e FROM raw.x LATERAL VIEW explode(b) t AS e", ("raw.x",)),
        ("SELECT a FROM VALUES (1), (2) AS t(a)", ()),
        ("SELECT id FROM range(10)", ()),
        (
            "SELECT /*+ BROADCAST(b), MERGE(c) */ * FROM raw.x a JOIN raw.y b ON true",
            ("raw.x", "raw.y"),
        ),
    ],
)
def test_inputs__where_tables_can_stand(text: str, inputs: tuple[str, ...]) -> None:
    assert parse(text).inputs == inputs


@pytest.mark.parametrize(
    "text",
    [
        "WITH a AS (SELECT 1 AS v), b AS (SELECT * FROM A) SELECT * FROM b JOIN a USING (v)",
        "WITH a AS (SELECT 1 AS v) SELECT * FROM a UNION ALL SELECT * FROM a",
        "WITH a AS (SELECT 1 AS v) SELECT 1 AS r WHERE EXISTS (WITH b AS (SELECT * FROM a) "
        "SELECT * FROM b)",
        "WITH a AS (WITH b AS (SELECT 1 AS v) SELECT * FROM b) SELECT * FROM a",
    ],
)
def test_cte__is_no_input(text: str) -> None:
    assert parse(text).references == ()


def test_cte__named_like_a_table_of_the_lake() -> None:
    text = "WITH sales AS (SELECT * FROM processed.sales) SELECT * FROM sales"
    assert parse(text).references == (TableReference("processed.sales", 1, 29, 44, None),)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("SELECT 1\nFROM sales", "sales"),
        ("SELECT 1 FROM raw.x u,\nu", "u"),
        ("WITH a AS (SELECT 1\nFROM b), b AS (SELECT 1) SELECT 1 FROM a", "b"),
        ("WITH a AS (SELECT 1\nFROM a) SELECT 1 FROM a", "a"),
        ("SELECT * FROM (WITH c AS (SELECT 1) SELECT * FROM c),\nc", "c"),
    ],
)
def test_table__unqualified_and_no_cte(text: str, name: str) -> None:
    assert refused(text) == (
        f"{FILE}, line 2: '{name}' is neither a CTE of the query nor a table of the lake: "
        "write raw.x, processed.x or analytics.x"
    )


@pytest.mark.parametrize("name", ["gold.x", "parquet.`s3://b/k`", "spark_catalog.raw.x"])
def test_table__of_no_layer(name: str) -> None:
    assert refused(f"SELECT 1\nFROM {name}") == (
        f"{FILE}, line 2: '{name}' is not in a layer of the lake (raw, processed, analytics): "
        "write raw.x, processed.x or analytics.x"
    )


@pytest.mark.parametrize("name", ["raw.f(1)", "raw.`f`(1)"])
def test_table__that_is_none(name: str) -> None:
    message = refused(f"SELECT 1\nFROM {name}")
    assert message.startswith(f"{FILE}, line 2: '"), message
    assert "is no table: write raw.x" in message


def test_column__qualified_with_its_layer() -> None:
    assert refused("SELECT 1,\nprocessed.sales.id FROM processed.sales") == (
        f"{FILE}, line 2: 'processed.sales.id': name a column by its table's alias or last name, "
        "here sales.id"
    )
    assert parse("SELECT x.processed.sales.id FROM processed.sales x").inputs


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("\nINSERT INTO raw.x SELECT 1", 2, "INSERT"),
        ("CREATE TABLE x AS SELECT 1", 1, "CREATE"),
        ("DROP TABLE x", 1, "DROP"),
        ("VALUES (1)", 1, "VALUES"),
        ("a + 1", 1, "ADD"),
    ],
)
def test_statement__that_is_no_query(text: str, line: int, found: str) -> None:
    assert refused(text).startswith(f"{FILE}, line {line}: found {found}; a model is one SELECT")


def test_statement__second() -> None:
    message = refused("SELECT 1;\n\nSELECT 2")
    assert message.startswith(f"{FILE}, line 3: a second statement begins here")


@pytest.mark.parametrize("text", ["", " \n", "-- SELECT 1\n"])
def test_statement__none(text: str) -> None:
    assert refused(text) == f"{FILE}, line 1: the file has no SQL; a model is one SELECT"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("SELECT\n(1", 2, "Expecting ) near '1'"),
        ("SELECT *\nFROM", 2, "something is missing near 'FROM'"),
        ("SELECT a FROM raw.x\nWHERE", 2, "something is missing near 'WHERE'"),
        ("SELECT\na b c FROM raw.x", 2, "Invalid expression / Unexpected token near 'c'"),
        ("SELECT 'a\nFROM raw.x\n\n", 2, "a ' is opened and never closed"),
        ("SELECT 1\n/* a", 2, "a /* is opened and never closed"),
    ],
)
def test_syntax_error__names_the_line(text: str, line: int, problem: str) -> None:
    assert refused(text) == f"{FILE}, line {line}: syntax error: {problem}"


def test_cast__as_spark_does_not_know_it() -> None:
    # sqlglot reads it, so a model would run on DuckDB and fail on Spark.
    assert refused("SELECT '::' AS t,\n a::int AS b FROM raw.x") == (
        f"{FILE}, line 2: '::' is not known to Spark 3.5: write CAST(value AS type)"
    )


def test_query__nested_too_deeply() -> None:
    assert refused("SELECT " + "(" * 5000 + "1" + ")" * 5000) == (
        f"{FILE}, line 1: the query is nested too deeply to be read"
    )


def test_view_name() -> None:
    assert view_name("processed.sales") == "processed__sales"
