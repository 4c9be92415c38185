"""Spark SQL expressions of a contract, written for DuckDB with the meaning that Spark gives them.

sqlglot reads the text; the tree is then written by hand, node by node, because the two engines
share many names but not their meaning: `/` of integers, `dayofweek`, casts, nulls in `concat`,
division by zero. Only what is known to agree is let through, so an expression means the same on
both engines, or is refused before a row is read.

Known differences: an overflow refuses the row, where Spark wraps around; a quotient of decimals is
good to 15 digits; a double written as a text has 1e-05 for Spark's 1.0E-5; patterns of dates accept
digits without leading zeros; regular expressions are RE2's, not Java's.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping

import sqlglot
from sqlglot import exp

import casts
import spark_functions
import spark_operators
import spark_times
from datatypes import DataType
from errors import ConfigError

_HANDLERS = {**spark_operators.HANDLERS, **spark_functions.HANDLERS, **spark_times.HANDLERS}
_NAMED = {**spark_functions.NAMED, **spark_times.NAMED}
_NEVER: tuple[tuple[type[exp.Expr], str], ...] = (
    (exp.Query, "a query"),
    (exp.SubqueryPredicate, "a query"),
    (exp.Window, "a window function"),
    (exp.AggFunc, "an aggregate function"),
    (exp.Star, "*"),
    (exp.Alias, "a name for its result"),
)
_CHANGING = (
    exp.Rand,
    exp.Randn,
    exp.Uuid,
    exp.CurrentDate,
    exp.CurrentTimestamp,
    exp.CurrentTime,
    exp.CurrentDatetime,
    exp.Localtimestamp,
)
_CHANGING_NAMES = frozenset(("now", "curdate", "monotonically_increasing_id", "random"))


class Translator:
    """
    Writes Spark SQL expressions for DuckDB.

    Parameters
    ----------
    columns
        The columns that expressions may name. The mapping is read at each translation, so it
        may grow.
    describe
        Gives the DuckDB type of a DuckDB expression over those columns, or raises ConfigError.
    """

    def __init__(self, columns: Mapping[str, object], describe: Callable[[str], str]) -> None:
        self._columns = columns
        self._describe = describe

    def translate(self, text: str) -> tuple[str, str]:
        """
        Translate one expression.

        Returns
        -------
        tuple of str
            The DuckDB SQL and its DuckDB type.

        Raises
        ------
        ConfigError
            If the text is no expression, names an unknown column or function, or uses something
            that is not allowed. The message does not say where: the caller knows.
        """
        try:
            trees = sqlglot.parse(text, read="spark")
        except sqlglot.errors.SqlglotError as error:
            raise ConfigError(f"not a Spark SQL expression: {_problem(error)}") from error
        if len(trees) != 1 or trees[0] is None:
            raise ConfigError("expected one expression")
        sql = self.sql(trees[0])
        return sql, self.type_of(sql)

    def type_of(self, sql: str) -> str:
        """Give the DuckDB type of a piece that has been translated."""
        return self._describe(sql)

    def sql(self, node: exp.Expr) -> str:
        """Translate a node and all below it."""
        handler = _HANDLERS.get(type(node))
        if handler is None and isinstance(node, exp.Anonymous):
            handler = _NAMED.get(node.name.lower())
        if handler is None:
            raise ConfigError(_refusal(node))
        return handler(self, node)

    def optional(self, node: exp.Expr, argument: str, default: str) -> str:
        """Translate an argument that may be absent."""
        found = node.args.get(argument)
        return default if found is None else self.sql(found)

    def arguments(self, node: exp.Expr, least: int, most: int) -> list[str]:
        """Translate the arguments of a function that sqlglot knows nothing of."""
        if not least <= len(node.expressions) <= most:
            count = str(least) if least == most else f"{least} to {most}"
            raise ConfigError(
                f"'{node.sql('spark')}' has {len(node.expressions)} arguments, not {count}"
            )
        return [self.sql(argument) for argument in node.expressions]

    def column(self, node: exp.Column) -> str:
        """Translate the name of a column; Spark does not tell cases apart."""
        name = node.name.lower()
        if len(node.parts) > 1:
            raise ConfigError(f"'{node.sql('spark')}': name columns without a table")
        if name not in self._columns:
            near = difflib.get_close_matches(name, list(self._columns), 1)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            raise ConfigError(
                f"unknown column '{node.name}'{hint}; the columns are: {', '.join(self._columns)}"
            )
        return f'"{name}"'

    def text(self, sql: str) -> str:
        """Make a piece a string, as Spark does by itself where it wants one."""
        return sql if self.type_of(sql) == "VARCHAR" else f"CAST({sql} AS VARCHAR)"

    def cast(self, sql: str, target: DataType, node: exp.Expr) -> str:
        """Cast as Spark does."""
        source = self.type_of(sql)
        result = casts.spark(sql, source, target)
        if result is None:
            raise ConfigError(f"'{node.sql('spark')}': {source} cannot be cast to {target.name}")
        return result


def _refusal(node: exp.Expr) -> str:
    """Say why a node is not translated, and what to do."""
    text = node.sql("spark")
    for kind, what in _NEVER:
        if isinstance(node, kind):
            return f"'{text}' is {what}; an expression computes one value from one row's columns"
    if isinstance(node, _CHANGING) or node.name.lower() in _CHANGING_NAMES:
        return (
            f"'{text}' changes from run to run; a transformation gives the same rows each time, "
            "so take the value from a column"
        )
    if isinstance(node, exp.Anonymous):
        near = difflib.get_close_matches(node.name.lower(), function_names(), 1)
        hint = f" (did you mean '{near[0]}'?)" if near else ""
        return f"unknown function '{node.name}'{hint}; known: {', '.join(function_names())}"
    if isinstance(node, exp.Func):
        return (
            f"function '{node.sql_name().lower()}' in '{text}' is not supported; "
            f"known: {', '.join(function_names())}"
        )
    return f"'{text}' is not supported in an expression"


def function_names() -> list[str]:
    """List the functions that expressions may use, by their names in Spark."""
    names = {*spark_functions.NAMES, *spark_times.NAMES}
    return sorted(names)


def _problem(error: sqlglot.errors.SqlglotError) -> str:
    details = getattr(error, "errors", None)
    if details:
        first = details[0]
        # sqlglot names its own classes where an operand is missing.
        what = "something is missing" if "<class" in first["description"] else first["description"]
        return f"{what} near '{first['highlight']}' (character {first['col']})"
    return str(error).splitlines()[0]
