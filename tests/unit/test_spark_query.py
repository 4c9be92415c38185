"""Whole queries of Spark SQL on DuckDB: the same columns, types and rows as Spark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from medallion import datatypes
from medallion.errors import ConfigError
from medallion.sparksql import model_sql, select_rows, sqltypes
from medallion.sparksql import query as query_write

SPARK: dict[str, Any] = json.loads(
    Path(__file__).with_name("spark_queries.json").read_text(encoding="utf-8")
)
FILE = "config/models/m.sql"
TABLES = {
    name: {column: datatypes.parse(kind).duckdb for column, kind in table["columns"].items()}
    for name, table in SPARK["tables"].items()
}
ANSWERED = [query for query, answer in SPARK["queries"].items() if "error" not in answer]
REFUSED_BY_SPARK = [query for query, answer in SPARK["queries"].items() if "error" in answer]


@pytest.fixture(scope="module")
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables that Spark was asked about."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET preserve_insertion_order = false")
        for name, columns in TABLES.items():
            view = model_sql.view_name(name)
            typed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            connection.execute(f"CREATE TABLE {view} ({typed})")
            for row in SPARK["tables"][name]["rows"]:
                connection.execute(f"INSERT INTO {view} VALUES ({', '.join('?' * len(row))})", row)
        yield connection


def _describe(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, str]:
    try:
        found = connection.execute(f"DESCRIBE {sql}").fetchall()
    except duckdb.Error as error:
        raise ConfigError(str(error)) from error
    return {name: kind for name, kind, *_ in found}


def _translate(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    translator = query_write.QueryTranslator(lambda sql: _describe(connection, sql))
    return translator.translate(model_sql.parse_model(query, FILE), TABLES)


@pytest.mark.parametrize("query", ANSWERED)
def test_query__as_spark(query: str, lake: duckdb.DuckDBPyConnection) -> None:
    answer = SPARK["queries"][query]
    sql = _translate(lake, query)
    found = _describe(lake, sql)
    names = [name for name, _ in answer["columns"]]
    kinds = [kind for _, kind in answer["columns"]]
    assert list(found) == names, sql
    assert list(map(sqltypes.normal, found.values())) == [
        datatypes.parse_column(kind).duckdb for kind in kinds
    ], sql
    texts = ", ".join(map(_text, names, kinds))
    rows = lake.execute(f"SELECT {texts} FROM ({sql})").fetchall()
    expected = _comparable(answer["rows"], kinds)
    assert _comparable(rows, kinds) == expected, sql


def _text(name: str, kind: str) -> str:
    is_nested = kind.startswith(("array", "struct"))
    return f'CAST({"to_json" if is_nested else ""}("{name}") AS VARCHAR)'


def _comparable(rows: list[Any], kinds: list[str]) -> list[tuple[object, ...]]:
    """Make rows comparable: in any order, doubles to 12 digits and decimals to the last."""
    made = [tuple(map(_value, kinds, row)) for row in rows]
    return sorted(made, key=str)


def _value(kind: str, text: str | None) -> object:
    if text is None:
        return None
    if kind.startswith("decimal"):
        return Decimal(text)
    if kind.startswith(("array", "struct")):
        return json.dumps(json.loads(text))
    return f"{float(text) + 0.0:.11e}" if kind == "double" else text


@pytest.mark.parametrize("query", REFUSED_BY_SPARK)
def test_query__refused_as_spark_does(query: str, lake: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(ConfigError, match=f"^{FILE}, line 1: "):
        _translate(lake, query)


def test_queries__every_function_is_tested() -> None:
    text = " ".join(SPARK["queries"]).lower()
    expressions = Path(__file__).with_name("spark_expressions.json").read_text(encoding="utf-8")
    known = f"{text} {expressions.lower()}"
    assert [name for name in select_rows.function_names() if f"{name}(" not in known] == []


REFUSED = [
    ("SELECT nn FROM processed.t", 1, "unknown column 'nn' (did you mean 'n'?); the columns are: "),
    ("SELECT n,\n t.aa\nFROM processed.t", 2, "unknown column 't.aa' (did you mean 'a'?); the col"),
    ("SELECT n\nFROM processed.t\nWHERE z.n = 1", 3, "'z.n': no table 'z' in FROM; there are: t"),
    ("SELECT n\nFROM processed.t JOIN processed.u\nON t.k = u.k AND a = 1", 3, "'a' is ambiguous"),
    ("SELECT n FROM processed.t\nLIMIT 5", 1, "LIMIT without ORDER BY gives other rows each time"),
    ("SELECT n, a + 1\nFROM processed.t", 1, "'a + 1' has no name; give it a name with AS"),
    ("SELECT n, a AS n FROM processed.t", 1, "two columns are called 'n'; give one another name"),
    ("SELECT * FROM processed.t JOIN processed.u ON t.k = u.k", 1, "two columns are called 'k'"),
    ("SELECT n, NULL AS z FROM processed.t", 1, "column 'z' is never anything but NULL; give it"),
    ("SELECT k, n\nFROM processed.t\nGROUP BY k", 1, "'n' is neither in GROUP BY nor in an aggre"),
    ("SELECT collect_list(a) AS l FROM processed.t", 1, "depends on the order in which rows arri"),
    ("SELECT first(a) AS l FROM processed.t", 1, "depends on the order in which rows arrive"),
    ("SELECT any_value(a) AS l FROM processed.t", 1, "depends on the order in which rows arrive"),
    ("SELECT max_by(a, n) AS l FROM processed.t", 1, "depends on the order in which rows arrive"),
    (
        "SELECT approx_count_distinct(a) AS l FROM processed.t",
        1,
        "is not supported; known: any, ar",
    ),
    ("SELECT n,\n rand() AS r FROM processed.t", 2, "'RAND()' changes from run to run"),
    ("SELECT current_date() AS r FROM processed.t", 1, "changes from run to run"),
    (
        "SELECT n FROM processed.t WHERE sum(a) > 1",
        1,
        "an aggregate function cannot stand in WHERE",
    ),
    ("SELECT sum(max(a)) AS z FROM processed.t", 1, "or in another aggregate"),
    (
        "SELECT n FROM processed.t WHERE rank() OVER (ORDER BY n) = 1",
        1,
        "cannot stand in WHERE; co",
    ),
    (
        "SELECT row_number() OVER (PARTITION BY k) AS r FROM processed.t",
        1,
        "needs OVER (… ORDER BY",
    ),
    (
        "SELECT sum(a) OVER (ORDER BY n RANGE 2 PRECEDING) AS r FROM processed.t",
        1,
        "counted in ROWS",
    ),
    ("SELECT sum(a) OVER (ROWS 2 PRECEDING) AS r FROM processed.t", 1, "ROWS needs ORDER BY"),
    (
        "SELECT n IN (SELECT a FROM processed.u) AS i FROM processed.t",
        1,
        "in WHERE and HAVING only",
    ),
    (
        "SELECT n FROM processed.t UNION SELECT k FROM processed.u",
        1,
        "column 1 ('n') is INTEGER on ",
    ),
    (
        "SELECT n FROM processed.t UNION SELECT a, k FROM processed.u",
        1,
        "UNION of 1 columns and of",
    ),
    ("SELECT n FROM processed.t NATURAL JOIN processed.u", 1, "only INNER, LEFT, RIGHT, FULL"),
    ("SELECT 1 AS a FROM processed.t JOIN processed.t ON true", 1, "two tables in FROM are called"),
    ("SELECT n FROM processed.t TABLESAMPLE (10 PERCENT)", 1, "SAMPLE is not supported in FROM"),
    ("SELECT b FROM processed.t\nLATERAL VIEW explode(k) q AS z", 2, "k is VARCHAR, not an array"),
    ("SELECT n FROM processed.t DISTRIBUTE BY n", 1, "DISTRIBUTE is not supported"),
    ("SELECT v FROM range(5)", 1, "cannot stand in FROM"),
    ("SELECT n, count(*) AS c FROM processed.t GROUP BY ALL", 1, "GROUP BY ALL is not supported"),
    (
        "SELECT k FROM processed.t GROUP BY k GROUPING SETS ((k), ())",
        1,
        "GROUPING SETS is not suppor",
    ),
    ("SELECT *\nFROM processed.u GROUP BY 1", 2, "1 is the place of no column"),
    (
        "SELECT k FROM processed.t GROUP BY ROLLUP(k)\nHAVING grouping(a) = 1",
        2,
        "'GROUPING(a)' takes one column of GROUP BY: k",
    ),
    ("SELECT date_part('HOUR', ts) AS z FROM processed.t", 1, "unknown function 'date_part'"),
    (
        "SELECT n, collect_set(a) AS l\nFROM processed.t GROUP BY n",
        1,
        "write sort_array(COLLECT_SET(a))",
    ),
    (
        "SELECT array_join(collect_list(s), ',') AS l FROM processed.t",
        1,
        "depends on the order in wh",
    ),
    (
        "SELECT collect_list(a) OVER (ORDER BY n) AS l FROM processed.t",
        1,
        "depends on the order in w",
    ),
    (
        "SELECT collect_set(a) OVER (ORDER BY n ROWS 1 PRECEDING) AS l FROM processed.t",
        1,
        "depends",
    ),
    ("SELECT explode(array(a)) AS v, explode(array(b)) AS w FROM processed.t", 1, "explodes once"),
    (
        "SELECT k, explode(collect_list(a)) AS v FROM processed.t GROUP BY k",
        1,
        "depends on the orde",
    ),
    (
        "SELECT k, explode(sort_array(collect_list(a))) AS v FROM processed.t GROUP BY k",
        1,
        "in a sub",
    ),
    (
        "SELECT n, y FROM processed.t LATERAL VIEW json_tuple(s, 'a') e AS y",
        1,
        "LATERAL VIEW [OUTER]",
    ),
    ("SELECT ts - ts AS v FROM processed.t", 1, "CAST(end - start AS BIGINT) for seconds"),
    ("SELECT concat('x', ts - ts) AS v FROM processed.t", 1, "stands where a string is wanted"),
    ("SELECT CAST(array(a) AS STRING) AS v FROM processed.t", 1, "to_json or array_join"),
    ("SELECT array(a) = array(b) AS v FROM processed.t", 1, "compares arrays or structs"),
    ("SELECT max(array(a)) AS v FROM processed.t", 1, "take an element or field"),
    ("SELECT get_json_object(s, '$.*') AS v FROM processed.t", 1, "'$.phones[0].number'"),
    ("SELECT get_json_object(s, '$..a') AS v FROM processed.t", 1, "'$.phones[0].number'"),
    (
        "SELECT get_json_object(s, '$[0][*]') AS v FROM processed.t",
        1,
        "explode(from_json(text, 'AR",
    ),
    (
        "SELECT get_json_object(s, '$[*][*]') AS v FROM processed.t",
        1,
        "explode(from_json(text, 'AR",
    ),
    ("SELECT get_json_object(s, k) AS v FROM processed.t", 1, "the path is a text in quotes"),
    ("SELECT from_json(s, 'a INT') AS v FROM processed.t", 1, "the schema is 'name STRING, …'"),
    ("SELECT n,\n s:city AS v FROM processed.t", 2, "write get_json_object(s, '$.city')"),
    ("SELECT s:a.b[0].c AS v FROM processed.t", 1, "write get_json_object(s, '$.a.b[0].c')"),
    ("SELECT n FROM processed.t\nWHERE Nvl(s, 1) = 'x'", 2, "'NVL(s, 1)' gives a string or INTEGE"),
    ("SELECT n,\n z.* FROM processed.t", 2, "no table 'z' in FROM"),
    ("SELECT k FROM processed.t\nGROUP BY 1, 2", 2, "2 is the place of no column"),
    ("SELECT Mean(t.s) AS z FROM processed.t", 1, "'MEAN(t.s)' is of VARCHAR"),
    ("SELECT s || a - 1 AS z FROM processed.t", 1, "'s || a - 1': put what is after || in brack"),
    ("SELECT `S` + 1 AS z FROM processed.t", 1, "'`S` + 1' calculates with a string"),
    (
        "SELECT n FROM processed.t\nWHERE s = 1 + (SELECT max(a) FROM processed.u)",
        2,
        "'s = 1 + (SELECT MAX(a) FROM processed.u)' puts a string beside INTEGER",
    ),
    ("SELECT k\nFROM processed.t JOIN processed.u USING (v)", 2, "unknown column 'v'"),
    ("SELECT ts - ts AS i FROM processed.t", 1, "is an interval, which no column can hold"),
    ("SELECT interval 1 day AS i FROM processed.t", 1, "is an interval, which no column can hold"),
    ("SELECT s + 1 AS i FROM processed.t", 1, "calculates with a string; cast it first"),
    ("SELECT s = 1 AS i FROM processed.t", 1, "puts a string beside INTEGER; cast one of them"),
    ("SELECT sum(s) AS i FROM processed.t", 1, "is of VARCHAR, not of a number"),
    (
        "SELECT lengthh(s) AS i FROM processed.t",
        1,
        "unknown function 'lengthh' (did you mean 'leng",
    ),
    ("SELECT * EXCEPT (n) FROM processed.t", 1, "is not known to Spark; name the columns"),
    ("SELECT n FROM processed.t WHERE a", 1, "'a' is INTEGER; a condition must be a boolean"),
    ("WITH c AS (SELECT n FROM processed.t), c AS (SELECT 1 AS x) SELECT n FROM c", 1, "'c' twice"),
    ("WITH c AS (SELECT n + 1 FROM processed.t) SELECT * FROM c", 1, "has no name; give it a name"),
    (
        "SELECT n FROM processed.t WHERE a = (SELECT a, k FROM processed.u)",
        1,
        "has 2 columns where",
    ),
    (
        "SELECT n, (SELECT u.a FROM processed.u WHERE u.k = t.k) AS v FROM processed.t",
        1,
        "has to give an aggregate function such as max(), or be written as a JOIN",
    ),
    (
        "SELECT n FROM processed.t WHERE EXISTS (SELECT t.a + u.a AS z FROM processed.u)",
        1,
        "such columns may stand in WHERE only",
    ),
    (
        "SELECT n FROM processed.t WHERE (a, n) IN (SELECT a, 1 FROM processed.u)",
        1,
        "'(a, n)' is no",
    ),
    ("SELECT x div 2 AS d FROM processed.t", 1, "divides doubles by div; cast them to bigint"),
]


@pytest.mark.parametrize(("query", "line", "problem"), REFUSED)
def test_query__refused(
    query: str, line: int, problem: str, lake: duckdb.DuckDBPyConnection
) -> None:
    with pytest.raises(ConfigError) as error:
        _translate(lake, query)
    assert str(error.value).startswith(f"{FILE}, line {line}: "), error.value
    assert problem in str(error.value)


def test_columns__of_a_type_that_sql_cannot_use() -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE raw__r (a INTEGER, l MAP(INTEGER, INTEGER), z TIMESTAMPTZ, u UINTEGER, "
            's STRUCT(x UINTEGER, "select" TIMESTAMP_S[])[])'
        )
        tables = {"raw.r": _describe(connection, "FROM raw__r")}
        translator = query_write.QueryTranslator(lambda sql: _describe(connection, sql))

        def translate(query: str) -> dict[str, str]:
            model = model_sql.parse_model(query, FILE)
            return _describe(connection, translator.translate(model, tables))

        assert translate("SELECT a, z, u FROM raw.r") == {
            "a": "INTEGER",
            "z": "TIMESTAMP",
            "u": "BIGINT",
        }
        kind = 'STRUCT(x BIGINT, "select" TIMESTAMP[])[]'
        assert translate("SELECT s, a FROM raw.r") == {"s": kind, "a": "INTEGER"}
        for query in ("SELECT l FROM raw.r", "SELECT * FROM raw.r"):
            with pytest.raises(
                ConfigError, match=r"column 'l' is MAP\(INTEGER, INTEGER\), which ca"
            ):
                translate(query)


def test_doubles__sum_the_same_whatever_the_threads() -> None:
    query = (
        "SELECT g, sum(x) AS s, avg(x) AS a, stddev(x) AS d, corr(x, y) AS c, var_pop(x) AS v "
        "FROM raw.r GROUP BY g"
    )
    answers = set()
    for threads in (1, 4, 4):
        with duckdb.connect(config={"threads": threads}) as connection:
            connection.execute("SET preserve_insertion_order = false")
            connection.execute(
                "CREATE TABLE raw__r AS SELECT i % 3 AS g, sin(i) * 10 ** (i % 17) AS x, "
                "cos(i) AS y FROM range(400000) r(i) ORDER BY hash(i)"
            )
            translator = query_write.QueryTranslator(
                lambda sql, c=connection: _describe(c, sql)  # type: ignore[misc]
            )
            tables = {"raw.r": _describe(connection, "FROM raw__r")}
            sql = translator.translate(model_sql.parse_model(query, FILE), tables)
            answers.add(str(sorted(connection.execute(sql).fetchall())))
    assert len(answers) == 1, answers


def test_ties__are_broken_by_all_columns(lake: duckdb.DuckDBPyConnection) -> None:
    first = (
        "SELECT n, row_number() OVER (ORDER BY k) AS r, lag(n) OVER (ORDER BY k) AS l "
        "FROM VALUES (3, 'a'), (1, 'a'), (2, 'a') AS v(n, k)"
    )
    rows = lake.execute(_translate(lake, first)).fetchall()
    assert sorted(rows) == [(1, 1, None), (2, 2, 1), (3, 3, 2)]
    picked = (
        "SELECT n, first_value(n) OVER (ORDER BY k) AS f, last_value(n) OVER (ORDER BY k RANGE "
        "BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS l "
        "FROM VALUES (3, 'a'), (1, 'a'), (2, 'a') AS v(n, k)"
    )
    rows = lake.execute(_translate(lake, picked)).fetchall()
    assert sorted(rows) == [(1, 1, 3), (2, 1, 3), (3, 1, 3)]
    limited = "SELECT k, n FROM processed.t ORDER BY k LIMIT 1"
    assert lake.execute(_translate(lake, limited)).fetchall() == [(None, 5)]


@pytest.mark.parametrize(
    "select",
    [
        "SELECT n, row_number() OVER (ORDER BY k) AS r FROM raw.r",
        "SELECT lag(n) OVER (ORDER BY k) AS l, v FROM raw.r",
        "SELECT v, avg(x) OVER (ORDER BY k ROWS 2 PRECEDING) AS a FROM raw.r WHERE n > 300",
        "SELECT ntile(7) OVER (ORDER BY k) AS a, row_number() OVER (ORDER BY v DESC) AS b, "
        "row_number() OVER (PARTITION BY v ORDER BY k) AS c FROM raw.r",
        "SELECT row_number() OVER (ORDER BY k) AS a, "
        "(SELECT max(o.x) FROM raw.r AS o WHERE o.n = r.n) AS x FROM raw.r AS r",
        "SELECT x, lag(n) OVER (ORDER BY r.k) AS l FROM raw.r JOIN raw.r AS o USING (n, x)",
        "SELECT a.r, a.v, b.v AS w FROM (SELECT v, row_number() OVER (ORDER BY k) AS r FROM raw.r) "
        "AS a JOIN (SELECT v, row_number() OVER (ORDER BY k) AS r FROM raw.r) AS b ON a.r = b.r",
    ],
)
def test_ties__the_same_answer_whatever_the_order_of_rows(select: str) -> None:
    answers = set()
    for seed in range(4):
        with duckdb.connect() as connection:
            connection.execute(
                "CREATE TABLE raw__r AS SELECT i AS n, i // 9000 AS k, i % 7 AS v, i / 8 AS x "
                f"FROM range(18000) AS r(i) ORDER BY hash(i + {seed})"
            )
            translator = query_write.QueryTranslator(
                lambda sql, c=connection: _describe(c, sql)  # type: ignore[misc]
            )
            tables = {"raw.r": _describe(connection, "FROM raw__r")}
            sql = translator.translate(model_sql.parse_model(select, FILE), tables)
            answers.add(str(sorted(connection.execute(sql).fetchall(), key=str)))
    assert len(answers) == 1
