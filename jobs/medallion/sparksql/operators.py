"""Literals, conditions and choices of Spark SQL, written for DuckDB (see spark_sql)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Union

from sqlglot import exp

from medallion import datatypes, duckdb_sql
from medallion.errors import ConfigError
from medallion.sparksql import spans, sqltypes
from medallion.sparksql.dialect import shown
from medallion.sparksql.sqltypes import Piece
from medallion.sparksql.translator import Handler, Translator

# How DuckDB writes something: by a template (see `of`), or by a function.
Writer = Union[str, Callable[[Translator, exp.Expr], str]]


class _Arguments(dict[str, object]):
    """Writes the arguments of a node into a template."""

    def __init__(self, t: Translator, node: exp.Expr) -> None:
        self._t, self._node = t, node

    def __missing__(self, name: str) -> _Argument:
        return _Argument(self._t, self._node.args.get(name))


@dataclass(frozen=True)
class _Argument:
    t: Translator
    node: exp.Expr | None

    def __format__(self, how: str) -> str:
        if self.node is None:
            return how
        if how in ("date", "timestamp"):
            return str(self.t.time(self.node, how))
        piece = self.t.sql(self.node)
        return str(self.t.text(piece) if how == "text" else piece)


def of(kind: str, writers: Mapping[type[exp.Expr], Writer]) -> dict[type[exp.Expr], Handler]:
    """
    Make handlers of nodes whose results all have one type.

    Parameters
    ----------
    kind
        The type.
    writers
        What DuckDB calls each node. A template names arguments of sqlglot's node: {this} is
        written as it is, {this:text}, {this:date} and {this:timestamp} are converted as Spark does
        by itself, {x:1} is 1 where the argument is absent.
    """
    return {node: _typed(kind, writer) for node, writer in writers.items()}


def _typed(kind: str, writer: Writer) -> Handler:
    def write(t: Translator, node: exp.Expr) -> Piece:
        template = writer if isinstance(writer, str) else None
        sql = writer(t, node) if callable(writer) else str(template).format_map(_Arguments(t, node))
        # Of whole numbers DuckDB gives back longer ones than Spark.
        return sqltypes.cast(sql, kind) if kind == "INTEGER" else Piece(sql, kind)

    return write


_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
}
_TIME = re.compile(
    "([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2})(?:[ T]([0-9]{1,2})"
    "(?::([0-9]{1,2})(?::([0-9]{1,2})(?:[.]([0-9]*))?)?)?)?)?)?"
)
_CASTS = {
    exp.DType.TEXT: "string",
    exp.DType.BOOLEAN: "boolean",
    exp.DType.INT: "int",
    exp.DType.BIGINT: "bigint",
    exp.DType.DOUBLE: "double",
    exp.DType.DATE: "date",
    exp.DType.TIMESTAMP: "timestamp",
    exp.DType.TIMESTAMPTZ: "timestamp",
    exp.DType.TIMESTAMPNTZ: "timestamp",
}


def _column(t: Translator, node: exp.Expr) -> Piece:
    if not isinstance(node, exp.Column):
        raise ConfigError(f"'{shown(node)}' is not a column")
    return t.column(node)


def _literal(_: Translator, node: exp.Expr) -> Piece:
    if node.is_string:
        return Piece(duckdb_sql.literal(node.name), "VARCHAR")
    kind = sqltypes.literal_kind(node.name)
    # DuckDB counts the 0 before the point as a digit.
    return sqltypes.cast(node.name, kind) if duckdb_sql.is_decimal(kind) else Piece(node.name, kind)


def _paren(t: Translator, node: exp.Expr) -> Piece:
    inner = t.sql(node.this)
    return replace(inner, sql=f"({inner})")


def _logical(operator: str) -> Writer:
    return lambda t, node: f"({test(t, node.this)} {operator} {test(t, node.expression)})"


def test(t: Translator, node: exp.Expr) -> Piece:
    """Translate a condition."""
    return demand_boolean(t.sql(node), node)


def demand_boolean(piece: Piece, node: exp.Expr) -> Piece:
    """Refuse what is no condition."""
    if piece.kind not in ("BOOLEAN", sqltypes.NULL):
        raise ConfigError(f"'{shown(node)}' is {piece.kind}; a condition must be a boolean")
    return piece


def _comparison(operator: str) -> Writer:
    def write(t: Translator, node: exp.Expr) -> str:
        sides = demand_alike(t, node, [node.this, node.expression])
        return f"({sides[0]} {operator} {sides[1]})"

    return write


def demand_alike(t: Translator, node: exp.Expr, parts: list[exp.Expr]) -> list[Piece]:
    """Translate values that are compared; texts are not compared with anything else.

    The engines convert them differently. Only a date or a timestamp written as a text is taken:
    that is what people write, and both engines read it alike.
    """
    values = spans.alike([t.sql(part) for part in parts])
    kinds = [value.kind for value in values]
    if any(map(duckdb_sql.is_nested, kinds)):
        raise ConfigError(
            f"'{shown(node)}' compares arrays or structs; compare their elements or fields, or "
            "their texts from to_json"
        )
    others = sorted(set(kinds) - {"VARCHAR", sqltypes.NULL})
    if any(map(spans.is_span, others)) and len(set(kinds) - {sqltypes.NULL}) > 1:
        raise ConfigError(
            f"'{shown(node)}' compares an interval between two times with something else; write "
            "for example INTERVAL 90 MINUTES"
        )
    if "VARCHAR" not in kinds or not others:
        return values
    if not all(kind == "DATE" or duckdb_sql.is_timestamp(kind) for kind in others):
        raise ConfigError(
            f"'{shown(node)}' puts a string beside {' and '.join(others)}; cast one of them"
        )
    for index, (part, kind) in enumerate(zip(parts, kinds)):
        if kind != "VARCHAR":
            continue
        written = _written_time(part.name) if part.is_string else None
        if written is None:
            raise ConfigError(
                f"'{shown(node)}': {shown(part)} is not a date or timestamp such as "
                "'2013-01-31' or '2013-01-31 17:30:00'"
            )
        # Beside a timestamp DuckDB casts the date of each row.
        day, _, time = written.partition(" ")
        is_day = others == ["DATE"] and time == "00:00:00"
        text = duckdb_sql.literal(day if is_day else written)
        values[index] = sqltypes.cast(text, "DATE" if is_day else "TIMESTAMP")
    return values


def _written_time(text: str) -> str | None:
    """Give a date or timestamp in full; None if the text is none, or has a zone."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    *parts, fraction = found.groups()
    year, month, day, hour, minute, second = (
        int(part or least) for part, least in zip(parts, (1, 1, 1, 0, 0, 0))
    )
    micros = int(f"{fraction or ''}000000"[:6])
    try:
        return str(datetime(year, month, day, hour, minute, second, micros))
    except ValueError:
        return None


def _is(t: Translator, node: exp.Expr) -> str:
    if isinstance(node.expression, exp.Null):
        return f"({t.sql(node.this)} IS NULL)"
    return f"({test(t, node.this)} IS {t.sql(node.expression)})"


def _between(t: Translator, node: exp.Expr) -> str:
    parts = [node.this, node.args["low"], node.args["high"]]
    value, low, high = demand_alike(t, node, parts)
    return f"({value} BETWEEN {low} AND {high})"


def _in(t: Translator, node: exp.Expr) -> str:
    if node.args.get("query") or not node.expressions:
        raise ConfigError(f"'{shown(node)}': IN needs a list of values, not a query")
    value, *listed = demand_alike(t, node, [node.this, *node.expressions])
    return f"({value} IN ({', '.join(map(str, listed))}))"


def _maybe_not(template: str) -> Callable[[Translator, exp.Expr], str]:
    """Write a test that sqlglot negates by an argument of its node."""

    def write(t: Translator, node: exp.Expr) -> str:
        written = template.format_map(_Arguments(t, node))
        return f"(NOT {written})" if node.args.get("negate") else written

    return write


def _like(operator: str) -> Writer:
    def write(t: Translator, node: exp.Expr) -> str:
        pattern = node.expression
        # Backslash is the escape character unless another one is named; without one DuckDB is
        # faster.
        is_plain = isinstance(pattern, exp.Literal) and "\\" not in pattern.name
        escape = "" if is_plain else " ESCAPE '\\'"
        return _maybe_not(f"({{this:text}} {operator} {{expression:text}}{escape})")(t, node)

    return write


def _case(t: Translator, node: exp.Expr) -> Piece:
    branches = node.args["ifs"]
    subject = node.args.get("this")
    default = node.args.get("default") or exp.Null()
    conditions: list[str] = []
    for branch in branches:
        if subject is None:
            conditions.append(str(test(t, branch.this)))
        else:
            sides = demand_alike(t, node, [subject, branch.this])
            conditions.append(" = ".join(map(str, sides)))
    *values, otherwise = same_kind(t, node, [*(b.args["true"] for b in branches), default])
    whens = " ".join(f"WHEN {when} THEN {then}" for when, then in zip(conditions, values))
    return Piece(f"(CASE {whens} ELSE {otherwise} END)", otherwise.kind)


def _if(t: Translator, node: exp.Expr) -> Piece:
    condition = test(t, node.this)
    parts = [node.args["true"], node.args.get("false") or exp.Null()]
    then, otherwise = same_kind(t, node, parts)
    return Piece(f"(CASE WHEN {condition} THEN {then} ELSE {otherwise} END)", then.kind)


def same_kind(t: Translator, node: exp.Expr, parts: list[exp.Expr]) -> list[Piece]:
    """Translate values of which one is chosen, all to the type that they have in common.

    A choice between texts and others is refused.
    """
    values = spans.alike([t.sql(part) for part in parts])
    kind = sqltypes.wider([value.kind for value in values])
    if kind is None:
        kinds = {value.kind for value in values} - {sqltypes.NULL}
        text, others = kinds & {"VARCHAR"}, sorted(kinds - {"VARCHAR"})
        found = f"a string or {' or '.join(others)}" if text else " or ".join(others)
        raise ConfigError(f"'{shown(node)}' gives {found}; cast them to one type")
    return values if kind == sqltypes.NULL else [sqltypes.as_kind(v, kind) for v in values]


def _cast(t: Translator, node: exp.Expr) -> Piece:
    wanted = node.args["to"]
    if wanted.this == exp.DType.DECIMAL:
        numbers = [int(parameter.name) for parameter in wanted.expressions] or [10, 0]
        name = f"decimal({numbers[0]},{numbers[1] if len(numbers) > 1 else 0})"
    else:
        name = _CASTS.get(wanted.this, "")
    try:
        target = datatypes.parse(name)
    except ValueError as error:
        raise ConfigError(
            f"'{shown(node)}': cast to one of {datatypes.NAMES}, not {shown(wanted)}"
        ) from error
    return t.cast(t.sql(node.this), target, node)


HANDLERS: dict[type[exp.Expr], Handler] = {
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Null: lambda *_: Piece("NULL", sqltypes.NULL),
    exp.Paren: _paren,
    exp.Case: _case,
    exp.If: _if,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    **of(
        "BOOLEAN",
        {
            exp.Boolean: lambda _, node: "true" if node.this else "false",
            exp.And: _logical("AND"),
            exp.Or: _logical("OR"),
            exp.Not: lambda t, node: f"(NOT {test(t, node.this)})",
            **{kind: _comparison(operator) for kind, operator in _COMPARISONS.items()},
            exp.Is: _is,
            exp.Between: _between,
            exp.In: _in,
            exp.Like: _like("LIKE"),
            exp.ILike: _like("ILIKE"),
            exp.RegexpLike: _maybe_not("regexp_matches({this:text}, {expression})"),
        },
    ),
}
