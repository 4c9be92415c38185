"""Differences of dates and timestamps: Spark's intervals of days to seconds.

Their SQL is a whole number of microseconds, so that they compare and sort as Spark's do, which an
INTERVAL of DuckDB does not: it takes 30 days for a month. No column can hold one.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from medallion import duckdb_sql
from medallion.errors import ConfigError
from medallion.sparksql import sqltypes
from medallion.sparksql.dialect import shown
from medallion.sparksql.sqltypes import Piece

SPAN = "INTERVAL SPAN"
# Between two dates; as a number it is days, where the other is seconds.
DAYS = "INTERVAL SPAN DAYS"
# What an INTERVAL in the text of a query is, if it can stand beside a span.
_WRITTEN = {"INTERVAL DAYS": DAYS, "INTERVAL TIME": SPAN}
_DAY = 86_400_000_000
_PARTS = {"DAY": (_DAY, None), "HOUR": (3_600_000_000, 24), "MINUTE": (60_000_000, 60)}
# What DuckDB multiplies with 19 digits.
_MAX_DIGITS = 18
COLUMN = (
    "an interval, which no column can hold; write CAST(end - start AS BIGINT) for seconds (for "
    "days of two dates), or timestampdiff(MINUTE, start, end)"
)


def is_span(kind: str) -> bool:
    """Whether the type is a difference of dates or timestamps."""
    return kind in (SPAN, DAYS)


def between(end: Piece, start: Piece) -> Piece:
    """Write the difference of two dates or timestamps."""
    if end.kind == start.kind == "DATE":
        return Piece(f"(CAST({end} - {start} AS BIGINT) * {_DAY})", DAYS)
    return Piece(f"({_micros(end)} - {_micros(start)})", SPAN)


def _micros(time: Piece) -> str:
    return f"epoch_us({sqltypes.as_kind(time, 'TIMESTAMP')})"


def alike(values: Sequence[Piece]) -> list[Piece]:
    """Make spans of the intervals that stand beside spans, all of one type."""
    if not any(is_span(value.kind) for value in values):
        return list(values)
    spans = [
        Piece(f"epoch_us({value})", _WRITTEN[value.kind]) if value.kind in _WRITTEN else value
        for value in values
    ]
    kinds = {value.kind for value in spans} - {sqltypes.NULL}
    if kinds <= {SPAN, DAYS}:
        kind = DAYS if kinds == {DAYS} else SPAN
        return [value if value.kind == sqltypes.NULL else Piece(value.sql, kind) for value in spans]
    return spans


def calculate(node: exp.Expr, operator: str, sides: Sequence[Piece]) -> Piece:
    """Write a calculation with spans, one at least."""
    left, right = alike(sides)
    if operator in "+*" and not is_span(left.kind):
        left, right = right, left
    found = None
    if operator in "+-":
        found = _added(left, operator, right)
    elif operator == "*":
        found = _multiplied(left, right)
    elif operator == "/" and is_span(left.kind):
        found = _quotient(left, right)
    if found is not None:
        return found
    raise ConfigError(
        f"'{shown(node)}' calculates with an interval between two times: add it to a time or to "
        "another such interval, multiply it, or divide it by a whole number or a double"
    )


def _added(left: Piece, operator: str, right: Piece) -> Piece | None:
    if is_span(left.kind) and is_span(right.kind):
        return Piece(f"({left} {operator} {right})", left.kind)
    span, time = (left, right) if operator == "+" else (right, left)
    if time.kind == "DATE" and span.kind == DAYS:
        days = f"CAST({span} // {_DAY} AS INTEGER)"
        return sqltypes.cast(f"({time} {operator} {days})", "DATE")
    if time.kind in ("DATE", "TIMESTAMP"):
        return Piece(f"({time} {operator} to_microseconds({span}))", "TIMESTAMP")
    return None


def _multiplied(span: Piece, number: Piece) -> Piece | None:
    if duckdb_sql.is_integer(number.kind):
        return Piece(f"({span} * {number})", SPAN)
    if number.kind == sqltypes.DOUBLE:
        return sqltypes.cast(f"round({span} * {number})", "BIGINT").of(SPAN)
    if duckdb_sql.is_decimal(number.kind) and sqltypes.digits(number.kind)[0] <= _MAX_DIGITS:
        product = f"CAST({span} AS DECIMAL(19,0)) * {number}"
        return sqltypes.cast(f"round({product})", "BIGINT").of(SPAN)
    return None


def _quotient(span: Piece, number: Piece) -> Piece | None:
    if duckdb_sql.is_integer(number.kind):
        return divided(span.sql, number.sql)
    if number.kind == sqltypes.DOUBLE:
        return sqltypes.cast(f"round({span} / {_divisor(number.sql)})", "BIGINT").of(SPAN)
    return None


def divided(span: str, number: str) -> Piece:
    """Divide by a whole number, and round half away from zero."""
    over = f"CAST(abs({_divisor(number)}) AS HUGEINT)"
    whole = f"(2 * CAST(abs({span}) AS HUGEINT) + {over}) // (2 * {over})"
    return sqltypes.cast(f"({whole} * sign({span}) * sign({number}))", "BIGINT").of(SPAN)


def _divisor(number: str) -> str:
    # Spark fails, too.
    return f"CASE WHEN {number} = 0 THEN error('an interval is divided by 0') ELSE {number} END"


def number(span: Piece) -> str:
    """Write a span as a whole number: of days between dates, else of seconds."""
    return f"({span} // {_DAY if span.kind == DAYS else 1_000_000})"


def part(node: exp.Expr, span: Piece) -> Piece:
    """Write a part of a span, as extract gives it; all parts of a negative one are negative."""
    name = node.name.upper().rstrip("S")
    if name == "SECOND":
        return sqltypes.cast(f"({span} % 60000000) / 1000000::DECIMAL(7,0)", "DECIMAL(8,6)")
    if name not in _PARTS:
        raise ConfigError(f"'{shown(node)}': extract DAY, HOUR, MINUTE or SECOND of an interval")
    unit, count = _PARTS[name]
    whole = f"({span} // {unit})"
    return sqltypes.cast(whole if count is None else f"({whole} % {count})", "INTEGER")
