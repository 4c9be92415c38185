"""What Spark thinks of SQL before it runs: types, and mistakes in words for their author."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import sqlglot
from pyspark.errors.exceptions.captured import AnalysisException, ParseException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name that Spark's manual uses

from medallion.engines.spark.texts import quoted
from medallion.errors import ConfigError
from medallion.sparksql import expression_rules, query_rules
from medallion.sparksql.dialect import Refused, WrittenSpark
from medallion.sparksql.model_sql import place

if TYPE_CHECKING:
    from medallion.engines.base import BoundTable
    from medallion.sparksql.model_sql import ModelSql

_PLACE = re.compile(r"[;.(]?\s*\(?line (\d+),? pos \d+\)?")
_CLASS = re.compile(r"^\[[A-Z0-9_.]+\] ?")


def kind_of(spark: SparkSession, expression: str, types: Mapping[str, str]) -> str:
    """
    Give the type of an expression over columns of given types.

    Raises
    ------
    ConfigError
        When Spark does not accept it, or it is not one value for each row.
    """
    _check_shape(expression)
    columns = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in types.items())
    frame = spark.sql(f"SELECT {columns}")
    try:
        # With the columns beside it an aggregate is a mistake, and not a query of its own.
        found = frame.select("*", F.expr(expression).alias("_value"))
    except (AnalysisException, ParseException) as error:
        raise ConfigError(message(error)) from error
    if len(found.columns) != len(types) + 1:
        raise ConfigError("it gives more than one value; an expression computes one")
    kind = str(dict(found.dtypes)["_value"])
    if kind.startswith(("array", "struct", "map")):
        raise ConfigError(
            f"it gives {kind}, which no column of a dataset can hold; take an element or a field, "
            "or make a string of it with array_join or to_json"
        )
    return kind


def _check_shape(expression: str) -> None:
    """Refuse what is no expression on the columns of one row, or is another one each day."""
    try:
        trees = sqlglot.parse(expression, read=WrittenSpark)
    except sqlglot.errors.SqlglotError:
        return  # Spark has the last word, and says it better.
    for node in (node for tree in trees if tree is not None for node in tree.walk()):
        # sqlglot tells these better than a plan does.
        problem = expression_rules.problem(node)
        if problem is not None:
            raise ConfigError(problem)


def spliced(model: ModelSql, tables: Mapping[str, BoundTable]) -> str:
    """Write a model's own text with the names of views in the places of its inputs' names."""
    parts, end = [], 0
    for reference in model.references:
        parts += [model.text[end : reference.start], quoted(tables[reference.name].view)]
        if reference.alias is None:
            parts.append(f" AS {quoted(reference.name.rsplit('.', 1)[-1])}")
        end = reference.end
    return "".join([*parts, model.text[end:]])


def check(spark: SparkSession, text: str, model: ModelSql) -> None:
    """Have Spark analyse a model's text, without running it; ConfigError names file and line."""
    try:
        query_rules.check(model.tree, query_rules.ORDERED)
    except Refused as error:
        raise ConfigError(f"{place(model.file, error.line)}{error}") from error
    try:
        columns = [name.lower() for name in spark.sql(text).columns]
    except (AnalysisException, ParseException) as error:
        line = _line(error)
        raise ConfigError(f"{model.file}, line {line}: {message(error)}") from error
    for name in columns:
        if columns.count(name) > 1:
            raise ConfigError(
                f"{model.file}, line 1: the query gives two columns the name '{name}'; "
                "give one of them another with AS"
            )


def message(error: AnalysisException | ParseException) -> str:
    """Give Spark's first useful line, without its class of error and the place."""
    lines = [line.strip() for line in str(error).strip().splitlines()]
    first = next((line for line in lines if line), "unknown error")
    return _CLASS.sub("", _PLACE.sub("", first)).strip(" ;") or first


def _line(error: AnalysisException | ParseException) -> int:
    found = _PLACE.search(str(error))
    return int(found[1]) if found else 1


def cause(error: Exception) -> str:
    """Give the innermost reason that Spark names for a failure."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    causes = [line for line in lines if line.startswith(("Caused by: ", ": "))]
    found = (causes or lines or ["unknown error"])[-1 if causes else 0]
    found = re.sub("^(Caused by)?: ", "", found)
    return found if len(found) <= 500 else found[:500] + "…"
