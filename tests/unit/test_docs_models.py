"""docs/models.md and the examples' pages say what the models are and what their SQL may be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from medallion import datatypes
from medallion.errors import ConfigError
from medallion.sparksql.functions import aggregates, windows
from medallion.sparksql.model_sql import parse_model, view_name
from medallion.sparksql.query import QueryTranslator
from medallion.sparksql.select_rows import function_names

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/models.md").read_text(encoding="utf-8")
EXAMPLES = ("bookings", "countries", "flights", "retail")
STAGES = "bronze|dimension|fact|mart|complex"
ROWS = "(VALUES (1, 'a', 1.5, DATE '2013-01-01'), (2, 'b', NULL, DATE '2013-01-02'))"

RUNS_ON_BOTH = {
    "DISTINCT": "SELECT DISTINCT name FROM processed.t",
    "WITH": "WITH a AS (SELECT id FROM processed.t), b AS (SELECT id FROM a) SELECT id FROM b",
    "UNION [ALL]": "SELECT id FROM processed.t UNION ALL SELECT id FROM processed.t",
    "INTERSECT": "SELECT id FROM processed.t INTERSECT SELECT id FROM processed.t",
    "EXCEPT": "SELECT id FROM processed.t EXCEPT SELECT id FROM processed.t",
    "FROM": "SELECT id FROM (SELECT id FROM processed.t) AS s",
    "WHERE … IN": "SELECT id FROM processed.t WHERE id IN (SELECT id FROM processed.t)",
    "EXISTS": "SELECT id FROM processed.t AS a "
    "WHERE EXISTS (SELECT 1 AS one FROM processed.t AS b WHERE b.id = a.id)",
    "VALUES": "SELECT n FROM VALUES (1), (2) AS v(n)",
    "ON": "SELECT a.id FROM processed.t AS a JOIN processed.t AS b ON a.id = b.id",
    "USING": "SELECT id FROM processed.t AS a LEFT JOIN processed.t AS b USING (id)",
    "right": "SELECT a.id FROM processed.t AS a RIGHT JOIN processed.t AS b ON a.id = b.id",
    "full": "SELECT a.id FROM processed.t AS a FULL JOIN processed.t AS b ON a.id = b.id",
    "cross": "SELECT a.id FROM processed.t AS a CROSS JOIN processed.t AS b",
    "left semi": "SELECT a.id FROM processed.t AS a LEFT SEMI JOIN processed.t AS b ON a.id = b.id",
    "left anti": "SELECT a.id FROM processed.t AS a LEFT ANTI JOIN processed.t AS b ON a.id = b.id",
    "HAVING": "SELECT name, count(*) AS n FROM processed.t GROUP BY name HAVING count(*) > 1",
    "WITH c (a, b) AS": "WITH c (a, b) AS (SELECT id, name FROM processed.t) SELECT a, b FROM c",
    "AS c (a, b)": "SELECT a, b FROM (SELECT id, name FROM processed.t) AS c (a, b)",
    "ROLLUP": "SELECT name, count(*) AS n FROM processed.t GROUP BY ROLLUP(name)",
    "CUBE": "SELECT name, count(*) AS n FROM processed.t GROUP BY CUBE(name)",
    "GROUPING SETS": "SELECT name, grouping_id(name) AS g FROM processed.t "
    "GROUP BY GROUPING SETS ((name), ())",
    "LIMIT": "SELECT id FROM processed.t ORDER BY id DESC LIMIT 1",
    "FILTER": "SELECT count(*) FILTER (WHERE id > 1) AS n FROM processed.t",
    "LATERAL VIEW [OUTER] explode(array)": "SELECT id, e FROM processed.t "
    "LATERAL VIEW OUTER explode(split(name, '')) x AS e",
    "`explode_outer`": "SELECT id, explode_outer(split(name, '')) AS e FROM processed.t",
    "get_json_object(payload,": "SELECT get_json_object(name, '$.phones[0].number') AS n FROM "
    "processed.t",
    "from_json(payload, 'en": "SELECT from_json(name, 'en STRING, ru STRING').ru AS n "
    "FROM processed.t",
    "from_json(payload, 'ARRAY": "SELECT from_json(name, 'ARRAY<STRING>') AS n FROM processed.t",
    "`size(collect_set(x))`": "SELECT size(collect_set(id)) AS n FROM processed.t",
    "`sort_array(collect_list(struct(at, x))).x`": "SELECT sort_array(collect_list("
    "struct(day, id))).id AS n FROM processed.t",
    "`CAST(avg(arrival - departure) AS BIGINT)`": "SELECT CAST(avg(day - day) AS BIGINT) AS n FROM "
    "processed.t",
    "RLIKE": "SELECT CASE WHEN name RLIKE '^a' THEN 1 END AS n FROM processed.t",
    "ROWS": "SELECT sum(id) OVER (PARTITION BY name ORDER BY id "
    "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS n FROM processed.t",
}
REFUSED = {
    "a second statement": "SELECT 1 AS a; SELECT 2 AS a",
    "recursive": "WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM a WHERE n < 3) "
    "SELECT n FROM a",
    "natural": "SELECT id FROM processed.t AS a NATURAL JOIN processed.t AS b",
    "lateral join": "SELECT t.id FROM processed.t, LATERAL (SELECT t.id AS e) AS x",
    "`inline`": "SELECT e FROM processed.t LATERAL VIEW inline(array(struct(id))) x AS e",
    "`json_tuple`": "SELECT e FROM processed.t LATERAL VIEW json_tuple(name, 'a') x AS e",
    "lambdas": "SELECT transform(array(id), x -> x + 1) AS a FROM processed.t",
    "`payload:city` is not known": "SELECT name:city AS c FROM processed.t",
    "whole arrays are not compared": "SELECT id FROM processed.t WHERE array(id) = array(1)",
    "`collect_list` has no order": "SELECT collect_list(id) AS l FROM processed.t",
    "No column can hold one": "SELECT day - day AS d FROM processed.t",
    "maps": "SELECT map(id, name) AS a FROM processed.t",
    "`PIVOT`": "SELECT * FROM processed.t PIVOT (count(*) FOR name IN ('a'))",
    "`rand()`": "SELECT rand() AS n FROM processed.t",
    "`now()`": "SELECT now() AS n FROM processed.t",
    "Every column has a name": "SELECT id + 1 FROM processed.t",
    "the names differ": "SELECT id AS n, id AS n FROM processed.t",
    "Strings and numbers are not compared": "SELECT id FROM processed.t WHERE name = 1",
}
TYPES = {
    "`count` is a bigint": ("count(*)", "bigint"),
    "`sum` of an int is a bigint": ("sum(id)", "bigint"),
    "`avg` of an int a double": ("avg(id)", "double"),
    "a decimal(22,2)": ("sum(CAST(amount AS DECIMAL(12,2)))", "decimal(22,2)"),
    "`CAST(sum(amount) AS DECIMAL(14,2))`": ("CAST(sum(amount) AS DECIMAL(14,2))", "decimal(14,2)"),
}


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A table `processed.t`, and the flights as far as the page's example reads them."""
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE VIEW processed__t AS FROM {ROWS} AS t(id, name, amount, day); CREATE VIEW "
            "analytics__fact_flight AS SELECT day AS flight_date, name AS origin, true AS is_late "
            "FROM processed__t"
        )
        yield connection


def translated(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """Write a model for DuckDB."""
    model = parse_model(sql, "config/models/m.sql")
    tables = {name: columns(connection, f"FROM {view_name(name)}") for name in model.inputs}
    return QueryTranslator(lambda select: columns(connection, select)).translate(model, tables)


def columns(connection: duckdb.DuckDBPyConnection, select: str) -> dict[str, str]:
    """Give the columns of a query and their DuckDB types."""
    try:
        found = connection.execute(f"DESCRIBE {select}").fetchall()
    except duckdb.Error as error:
        raise ConfigError(str(error)) from error
    return {row[0]: row[1] for row in found}


def listed(name: str, page: str = PAGE) -> set[str]:
    """Give the functions between two marks of a page."""
    between = page.split(f"<!-- {name}: begin -->")[1].split(f"<!-- {name}: end -->", maxsplit=1)[0]
    return set(re.findall(r"`(\w+)`", between))


def test_functions__on_the_page__are_those_that_models_may_use() -> None:
    expressions = listed("functions", (ROOT / "docs/datasets.md").read_text(encoding="utf-8"))
    assert listed("aggregates") == set(aggregates.NAMES)
    assert listed("windows") == set(windows.NAMES)
    assert expressions | listed("aggregates") | listed("windows") == set(function_names())


@pytest.mark.parametrize("clause", RUNS_ON_BOTH)
def test_clause__on_the_page__runs_on_duckdb(
    database: duckdb.DuckDBPyConnection, clause: str
) -> None:
    assert clause in _subset(), f"the page does not tell of {clause}"
    assert database.execute(translated(database, RUNS_ON_BOTH[clause])).fetchall() is not None


@pytest.mark.parametrize("clause", REFUSED)
def test_clause__that_the_page_rules_out__is_refused(
    database: duckdb.DuckDBPyConnection, clause: str
) -> None:
    assert clause in _subset(), f"the page does not rule out {clause}"
    with pytest.raises(ConfigError, match=r"^config/models/m.sql, line 1: "):
        translated(database, REFUSED[clause])


@pytest.mark.parametrize("claim", TYPES)
def test_type__on_the_page__is_the_result(database: duckdb.DuckDBPyConnection, claim: str) -> None:
    expression, kind = TYPES[claim]
    assert claim in " ".join(PAGE.split()), f"the page does not say {claim}"
    select = translated(database, f"SELECT {expression} AS n FROM processed.t")
    assert columns(database, select) == {"n": datatypes.parse(kind).duckdb}


def test_types__on_the_page__are_those_of_the_lake() -> None:
    named = datatypes.NAMES.replace("timestamp, decimal", "timestamp and decimal")
    assert named in " ".join(PAGE.split())


def test_example__of_the_page__is_a_model_with_its_checks(
    database: duckdb.DuckDBPyConnection,
) -> None:
    sql = PAGE.split("```sql\n")[1].split("```")[0]
    variables = PAGE.split("```hcl\n")[1].split("```")[0]
    select = translated(database, sql)
    made = columns(database, select)
    assert parse_model(sql, "busy_days.sql").inputs == ("analytics.fact_flight",)
    named = re.findall(r'(?:partition_by|not_null)\s*= \["(.*)"\]', variables)
    for name in [column for names in named for column in names.split('", "')]:
        assert name in made, f"the example's query gives no {name}"
    assert made["flight_year"] == "VARCHAR", "partition columns are strings"
    check = re.findall(r'late_is_a_part = "(.*)"', variables)
    database.execute(f"CREATE TABLE busy_days AS {select}")
    assert database.execute(check[0]).fetchall() == []


def test_limit__of_models_and_datasets__is_the_one_of_the_rules() -> None:
    rules = (ROOT / "modules/medallion/validation.tf").read_text(encoding="utf-8")
    limit = re.search(r"tables_limit\s*= (\d+)", rules)
    assert limit
    assert f"- {limit[1]} models and datasets together" in PAGE


@pytest.mark.parametrize("example", EXAMPLES)
def test_models__of_an_example__are_on_its_page_with_their_inputs(example: str) -> None:
    page = (ROOT / f"examples/{example}/README.md").read_text(encoding="utf-8")
    # Stage, model, what a row is, what it reads, rows.
    rows = re.findall(rf"^\| (?:{STAGES}) \| (.+) \| .+ \| (.+) \| .+ \|$", page, re.M)
    found = dict(rows)
    files = {path.stem: path for path in (ROOT / f"examples/{example}/models").glob("*.sql")}
    assert sorted(found) == sorted(files)
    for model, path in files.items():
        text = path.read_text(encoding="utf-8")
        assert text.startswith("-- One row: "), f"{path} does not begin with what a row is"
        for name in parse_model(text, path.name).inputs:
            table = name.removeprefix("analytics.")
            known = table in found[model] or "the dimensions" in found[model]
            assert known, f"README.md does not say that {model} reads {name}"


@pytest.mark.parametrize("example", EXAMPLES)
def test_key__that_a_model_tells__is_one_of_its_columns(example: str) -> None:
    for path in (ROOT / f"examples/{example}/models").glob("*.sql"):
        text = path.read_text(encoding="utf-8")
        comment = " ".join(re.findall(r"^-- (.*)$", text, re.MULTILINE))
        told = re.search(r"Key: ([a-z_, ]+?)(?:, its .*)?\.", comment)
        assert told, f"{path} does not tell its key"
        assert set(told[1].split(", ")) <= set(parse_model(text, path.name).tree.named_selects)


def _subset() -> str:
    """The part of the page on what both engines run."""
    found = PAGE.split("## The SQL that runs on both engines")[1].split("## DuckDB or Spark")[0]
    return " ".join(found.split())
