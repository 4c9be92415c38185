"""Arithmetic of Spark SQL with numbers, dates and intervals, written for DuckDB."""

from __future__ import annotations

from sqlglot import exp

from medallion import duckdb_sql
from medallion.errors import ConfigError
from medallion.sparksql import spans, sqltypes
from medallion.sparksql.dialect import shown
from medallion.sparksql.functions import decimals
from medallion.sparksql.sqltypes import Piece
from medallion.sparksql.translator import Handler, Translator

_DECIMALS: dict[str, decimals.Operation] = {
    "+": decimals.add("+"),
    "-": decimals.add("-"),
    "*": decimals.multiply,
    "/": decimals.divide,
    "%": decimals.remainder,
    "div": decimals.whole_quotient,
}
_MONTHS, _DAYS, _TIME = "INTERVAL MONTHS", "INTERVAL DAYS", "INTERVAL TIME"


def _negate(t: Translator, node: exp.Expr) -> Piece:
    value = t.sql(node.this)
    if not spans.is_span(value.kind):
        _demand_numbers(node, [value])
    return Piece(f"(- {value})", value.kind)


def _binary(operator: str) -> Handler:
    def write(t: Translator, node: exp.Expr) -> Piece:
        return calculate(t, node, operator, [node.this, node.expression])

    return write


def calculate(t: Translator, node: exp.Expr, operator: str, parts: list[exp.Expr]) -> Piece:
    """Write two operands and what is between them."""
    sides = [t.sql(part) for part in parts]
    kinds = [side.kind for side in sides]
    if "VARCHAR" in kinds:
        raise ConfigError(f"'{shown(node)}' calculates with a string; cast it first")
    if any(map(spans.is_span, kinds)):
        return spans.calculate(node, operator, sides)
    if operator in "+-*" and any(
        kind == "DATE" or duckdb_sql.is_timestamp(kind) or kind.startswith("INTERVAL")
        for kind in kinds
    ):
        return _with_times(node, operator, sides)
    _demand_numbers(node, sides)
    sides = _typed_nulls(sides)
    if any(duckdb_sql.is_decimal(side.kind) for side in sides) and not any(
        duckdb_sql.is_floating(side.kind) for side in sides
    ):
        left, right = sides
        of_left, of_right = (_digits(part, side.kind) for part, side in zip(parts, sides))
        return _DECIMALS[operator](left, of_left, right, of_right)
    if operator == "div" and any(duckdb_sql.is_floating(side.kind) for side in sides):
        raise ConfigError(f"'{shown(node)}' divides doubles by div; cast them to bigint")
    return _with_numbers(operator, sides)


def _with_numbers(operator: str, sides: list[Piece]) -> Piece:
    """Calculate with whole numbers and doubles."""
    if operator == "/":
        left, right = (sqltypes.as_kind(side, sqltypes.DOUBLE) for side in sides)
        return Piece(f"({left} / nullif({right}, 0))", sqltypes.DOUBLE)
    kind = str(sqltypes.wider([side.kind for side in sides]))
    left, right = (sqltypes.as_kind(side, kind) for side in sides)
    if operator == "div":
        # DuckDB's division of whole numbers by 0 is NULL, too.
        return sqltypes.cast(f"({left} // {right})", "BIGINT")
    if operator == "%" and not duckdb_sql.is_integer(kind):
        return Piece(f"({left} % nullif({right}, 0))", kind)
    return Piece(f"({left} {operator} {right})", kind)


def _typed_nulls(sides: list[Piece]) -> list[Piece]:
    """Give the word NULL the type of what is beside it."""
    kind = sqltypes.wider([side.kind for side in sides])
    if kind == sqltypes.NULL:
        kind = sqltypes.DOUBLE
    return [
        sqltypes.cast(side, str(kind)) if side.kind == sqltypes.NULL else side for side in sides
    ]


def _digits(node: exp.Expr, kind: str) -> tuple[int, int]:
    """Give precision and scale of a number as Spark takes it into calculations with decimals."""
    node = node.unnest()
    if isinstance(node, exp.Neg):
        node = node.this
    if isinstance(node, exp.Cast) and node.type is not None:
        # 10L, which sqlglot reads as a cast.
        node = node.this
    if isinstance(node, exp.Literal) and not node.is_string and not duckdb_sql.is_decimal(kind):
        return sqltypes.literal_digits(node.name)
    return sqltypes.digits(kind)


def _demand_numbers(node: exp.Expr, sides: list[Piece]) -> None:
    for side in sides:
        if side.kind != sqltypes.NULL and not duckdb_sql.is_number(side.kind):
            raise ConfigError(f"'{shown(node)}' calculates with {side.kind}; cast it first")


def _with_times(node: exp.Expr, operator: str, sides: list[Piece]) -> Piece:
    """Calculate with dates, timestamps and intervals."""
    kinds = [side.kind for side in sides]
    calculated = f"({sides[0]} {operator} {sides[1]})"
    if operator == "-" and all(kind == "DATE" or duckdb_sql.is_timestamp(kind) for kind in kinds):
        return spans.between(*sides)
    kind = _kind_of_times(operator, *kinds)
    if kind is None and operator != "-":
        kind = _kind_of_times(operator, *reversed(kinds))
    if kind is None:
        raise ConfigError(
            f"'{shown(node)}' is {kinds[0]} {operator} {kinds[1]}, which is not known; add "
            "days or an INTERVAL to a date or timestamp, multiply an INTERVAL by a whole number"
        )
    return sqltypes.cast(calculated, kind) if kind == "DATE" else Piece(calculated, kind)


def _kind_of_times(operator: str, left: str, right: str) -> str | None:
    """Give the type of a calculation; None if there is no such calculation."""
    if operator == "*":
        if not (left.startswith("INTERVAL ") and duckdb_sql.is_integer(right)):
            return None
        return _MONTHS if left == _MONTHS else _TIME
    if left == "DATE" and duckdb_sql.is_integer(right) and right != "BIGINT":
        return "DATE"
    if left in ("DATE", "TIMESTAMP") and right.startswith("INTERVAL"):
        return "TIMESTAMP" if right == _TIME else left
    if left == right and left in (_MONTHS, _DAYS, _TIME):
        return left
    return _TIME if {left, right} == {_DAYS, _TIME} else None


def _pmod(t: Translator, node: exp.Expr) -> Piece:
    t.arguments(node, 2, 2)
    rest = calculate(t, node, "%", node.expressions)
    right = t.sql(node.expressions[1])
    kind = rest.kind
    wrapped = f"CAST((({rest} + {right}) % {right}) AS {kind})"
    return Piece(f"(CASE WHEN {rest} < 0 THEN {wrapped} ELSE {rest} END)", kind)


HANDLERS: dict[type[exp.Expr], Handler] = {
    exp.Neg: _negate,
    exp.Add: _binary("+"),
    exp.Sub: _binary("-"),
    exp.Mul: _binary("*"),
    exp.Div: _binary("/"),
    exp.SafeDivide: _binary("/"),
    exp.IntDiv: _binary("div"),
    exp.Mod: _binary("%"),
}
NAMED: dict[str, Handler] = {"pmod": _pmod}
NAMES = ("mod", "pmod", "try_divide")
