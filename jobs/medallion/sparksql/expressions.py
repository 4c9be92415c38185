"""Spark SQL expressions of a contract, written for DuckDB with the meaning that Spark gives them.

sqlglot reads the text; the tree is then written by hand, node by node, because the two engines
share many names but not their meaning: `/` of integers, `dayofweek`, casts, nulls in `concat`,
division by zero. Only what is known to agree is let through, so an expression means the same on
both engines, or is refused before a row is read.

Each piece carries its type, which is Spark's: of year() an int, of decimals as many digits as Spark
counts. DuckDB is asked once, when a whole expression has been written.

Known differences: an overflow of whole numbers fails, where Spark wraps around; so do decimals that
need more than 38 digits on the way; a double written as a text has 1e-05 for Spark's 1.0E-5;
patterns of dates accept digits without leading zeros; regular expressions are RE2's, not Java's.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping

import sqlglot
from sqlglot import exp

from medallion import datatypes, duckdb_sql
from medallion.datatypes import DataType
from medallion.errors import ConfigError
from medallion.sparksql import casts, expression_rules, operators, spans, sqltypes
from medallion.sparksql.dialect import WrittenSpark, function_name, shown, surplus
from medallion.sparksql.functions import (
    arithmetic,
    arrays,
    decimals,
    epochs,
    json,
    scalars,
    times,
)
from medallion.sparksql.sqltypes import Piece
from medallion.sparksql.translator import Handler

_MODULES = (arithmetic, scalars, times, arrays, epochs, json)
_HANDLERS = dict(operators.HANDLERS)
_NAMED: dict[str, Handler] = {}
for _module in _MODULES:
    _HANDLERS.update(_module.HANDLERS)
    _NAMED.update(_module.NAMED)


class ExpressionTranslator:
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
            trees = sqlglot.parse(text, read=WrittenSpark)
        except sqlglot.errors.SqlglotError as error:
            raise ConfigError(f"not a Spark SQL expression: {_problem(error)}") from error
        if len(trees) != 1 or trees[0] is None:
            raise ConfigError("expected one expression")
        for node in trees[0].walk():
            if found := surplus(node):
                raise ConfigError(f"'{shown(node)}': {found}")
        piece = self.sql(trees[0])
        found = self._describe(piece.sql)
        if piece.kind == sqltypes.NULL:
            return piece.sql, found
        if duckdb_sql.is_nested(piece.kind):
            raise ConfigError(
                f"it gives {piece.kind}, which no column of a dataset can hold; take an element or "
                "a field, or make a string of it with array_join or to_json"
            )
        if not sqltypes.is_column(piece.kind):
            raise ConfigError(f"it gives {spans.COLUMN}")
        return sqltypes.as_kind(Piece(piece.sql, found), piece.kind).sql, piece.kind

    def sql(self, node: exp.Expr) -> Piece:
        """Translate a node and all below it."""
        handler = self.handler(node)
        if handler is None:
            raise ConfigError(self.refusal(node))
        return handler(self, node)

    def handler(self, node: exp.Expr) -> Handler | None:
        """Find what translates a node."""
        handler = _HANDLERS.get(type(node))
        if handler is None and isinstance(node, exp.Anonymous):
            handler = _NAMED.get(node.name.lower())
        return handler

    def refusal(self, node: exp.Expr) -> str:
        """Say why a node is not translated, and what to do."""
        return expression_rules.problem(node) or refusal(node, function_names())

    def optional(self, node: exp.Expr, argument: str, default: str) -> str:
        """Translate an argument that may be absent."""
        found = node.args.get(argument)
        return default if found is None else self.sql(found).sql

    def arguments(self, node: exp.Expr, least: int, most: int) -> list[Piece]:
        """Translate the arguments of a function that sqlglot knows nothing of."""
        if not least <= len(node.expressions) <= most:
            count = str(least) if least == most else f"{least} to {most}"
            raise ConfigError(f"'{shown(node)}' has {len(node.expressions)} arguments, not {count}")
        return [self.sql(argument) for argument in node.expressions]

    def column(self, node: exp.Column) -> Piece:
        """Translate the name of a column; Spark does not tell cases apart."""
        name = node.name.lower()
        if len(node.parts) > 1:
            raise ConfigError(f"'{shown(node)}': name columns without a table")
        if name not in self._columns:
            raise ConfigError(unknown_column(node.name, list(self._columns)))
        kind = str(self._columns[name])
        piece = sqltypes.of_column(f'"{name}"', kind)
        if piece is None:
            raise ConfigError(
                f"column '{node.name}' is {kind}, which cannot be used; name columns of "
                f"{datatypes.NAMES} only"
            )
        return piece

    def text(self, piece: Piece) -> Piece:
        """Make a piece a string, as Spark does by itself where it wants one."""
        if spans.is_span(piece.kind) or duckdb_sql.is_nested(piece.kind):
            raise ConfigError(
                f"{piece.kind} stands where a string is wanted; make one with array_join or to_json"
            )
        return sqltypes.as_kind(piece, "VARCHAR")

    def time(self, node: exp.Expr, name: str) -> Piece:
        """Translate what Spark makes a date or a timestamp by itself."""
        if isinstance(node, (exp.TsOrDsToDate, exp.TimeStrToTime)) and not node.args.get("format"):
            node = node.this
        piece, kind = self.sql(node), datatypes.parse(name)
        return piece if piece.kind == kind.duckdb else self.cast(piece, kind, node)

    def cast(self, piece: Piece, target: DataType, node: exp.Expr) -> Piece:
        """Cast as Spark does."""
        is_number = spans.is_span(piece.kind) and target.base in ("int", "bigint")
        if piece.kind == sqltypes.NULL or is_number:
            number = spans.number(piece) if is_number else piece
            return sqltypes.cast(number, target.duckdb)
        if piece.kind == "VARCHAR" and target.base in ("date", "timestamp"):
            return times.from_text(piece.sql, target)
        if piece.kind == "VARCHAR" and target.base not in ("string", "boolean"):
            return _number_of_text(piece.sql, target)
        rounded = decimals.cast(piece, target.duckdb) if target.base == "decimal" else None
        if rounded is not None:
            return rounded
        if piece.kind == "BIGINT" and target.base == "int":
            # What does not fit wraps around, as in Spark.
            low = f"xor({piece} & 4294967295, 2147483648) - 2147483648"
            return sqltypes.cast(f"({low})", target.duckdb)
        is_plain = not (spans.is_span(piece.kind) or duckdb_sql.is_nested(piece.kind))
        result = casts.spark(piece.sql, piece.kind, target) if is_plain else None
        if result is None:
            hint = "" if is_plain else "; take a part of it, or to_json or array_join of an array"
            raise ConfigError(
                f"'{shown(node)}': {piece.kind} cannot be cast to {target.name}{hint}"
            )
        return Piece(result, target.duckdb)


def _number_of_text(sql: str, target: DataType) -> Piece:
    """Read a text as a number; what DuckDB reads as Spark does needs no regular expression."""
    value, slow = f"TRY_CAST({sql} AS {target.duckdb})", casts.spark(sql, "VARCHAR", target)
    # It also takes underscores, infinity, and what is no number.
    is_plain = f"{sql} >= '-' AND {sql} < ':' AND NOT contains({sql}, '_') AND isfinite({value})"
    if target.base != "double":
        is_plain = f"starts_with(CAST({value} AS VARCHAR), {sql})"
    if target.base in ("int", "bigint"):
        is_plain = f"CAST({value} AS VARCHAR) = {sql}"
    return Piece(f"(CASE WHEN {is_plain} THEN {value} ELSE {slow} END)", target.duckdb)


def unknown_column(name: str, known: list[str], shown: str | None = None) -> str:
    """Say that there is no such column, and which there are."""
    near = difflib.get_close_matches(name.lower(), known, 1)
    hint = f" (did you mean '{near[0]}'?)" if near else ""
    return f"unknown column '{shown or name}'{hint}; the columns are: {', '.join(known)}"


def refusal(node: exp.Expr, known: list[str]) -> str:
    """Say why something that is no query is not translated, and what to do."""
    text, changing = shown(node), expression_rules.changing(node)
    if changing is not None:
        return changing
    if isinstance(node, exp.Anonymous):
        near = difflib.get_close_matches(node.name.lower(), known, 1)
        hint = f" (did you mean '{near[0]}'?)" if near else ""
        return f"unknown function '{node.name}'{hint}; known: {', '.join(known)}"
    if isinstance(node, exp.Func):
        return (
            f"function '{function_name(node)}' in '{text}' is not supported; "
            f"known: {', '.join(known)}"
        )
    return f"'{text}' is not supported"


def function_names() -> list[str]:
    """List the functions that expressions may use, by their names in Spark."""
    names = {name for module in _MODULES for name in module.NAMES}
    return sorted(names)


def _problem(error: sqlglot.errors.SqlglotError) -> str:
    details = getattr(error, "errors", None)
    if details:
        first = details[0]
        # sqlglot names its own classes where an operand is missing.
        what = "something is missing" if "<class" in first["description"] else first["description"]
        return f"{what} near '{first['highlight']}' (character {first['col']})"
    return str(error).splitlines()[0]
