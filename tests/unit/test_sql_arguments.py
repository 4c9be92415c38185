"""Arguments that Spark does not take are refused: for some functions sqlglot drops them."""

from __future__ import annotations

import itertools

import pytest
import sqlglot

from medallion.errors import ConfigError
from medallion.sparksql import model_sql, select_rows
from medallion.sparksql.dialect import WrittenSpark, surplus
from medallion.sparksql.query import QueryTranslator

# Their second argument is true or false, and says what the call is.
SWITCHES = ("first", "first_value", "last", "last_value")


def translate(text: str) -> str:
    model = model_sql.parse_model(text, "config/models/m.sql")
    columns = {"n": "BIGINT", "a": "VARCHAR"}
    return QueryTranslator(lambda _: columns).translate(model, {"processed.t": columns})


def test_functions__lose_no_argument() -> None:
    for name, count in itertools.product(select_rows.function_names(), range(1, 7)):
        call = f"{name}({', '.join(f'c{n}' for n in range(count))})"
        try:
            tree = sqlglot.parse_one(call, read=WrittenSpark)
        except sqlglot.errors.ParseError:
            continue
        # Units such as DAY are no columns.
        kept = {node.name.lower() for node in tree.walk()}
        lost = [f"c{n}" for n in range(count) if f"c{n}" not in kept]
        refused = any(map(surplus, tree.walk()))
        assert refused or not lost or name in SWITCHES, f"{call} loses {lost}"


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (
            "get_json_object(a, '$.b', 'c')",
            "3 arguments are given to get_json_object, which takes 2",
        ),
        ("upper(get_json_object(a, '$.b', 'c'))", "3 arguments are given to get_json_object"),
        (
            "max(date_format(a, 'yyyy', 'MM'))",
            "3 arguments are given to date_format, which takes 2",
        ),
        ("named_struct('x', n, 'y').x", "3 arguments are given to named_struct, which takes pairs"),
        ("percentile(n, 0.5, 2)", "(3) is greater than the maximum number"),
        ("initcap(a, '-', '.')", "(3) is greater than the maximum number"),
    ],
)
def test_model__with_an_argument_too_many__is_refused(call: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=r"^config/models/m.sql, line 2: ") as error:
        translate(f"SELECT\n {call} AS x FROM processed.t")
    assert problem in str(error.value)


@pytest.mark.parametrize(
    "call",
    ["get_json_object(a, '$.b')", "percentile(n, 0.5)", "initcap(a)", "ceil(n)", "floor(n)"],
)
def test_model__with_the_arguments_that_spark_takes__is_written(call: str) -> None:
    assert translate(f"SELECT {call} AS x FROM processed.t")
