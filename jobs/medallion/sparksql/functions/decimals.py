"""Calculation with decimals, to the last digit and with the types of Spark, written for DuckDB.

Where Spark's result has fewer digits than the exact one, it is rounded half up. Results that their
type has no room for are NULL, as in Spark; where even the exact result before rounding has more
than 38 digits, DuckDB raises an error.
"""

from __future__ import annotations

from collections.abc import Callable

from medallion import duckdb_sql
from medallion.errors import ConfigError
from medallion.sparksql import sqltypes
from medallion.sparksql.functions import narrow
from medallion.sparksql.functions.narrow import FAST_DIGITS as _FAST_DIGITS
from medallion.sparksql.functions.narrow import Digits, Number
from medallion.sparksql.sqltypes import Piece

_MOST = 38
SHORT = 300
Operation = Callable[[Number, Digits, Number, Digits], Piece]


def add(operator: str) -> Operation:
    """Write `+` or `-`."""

    def write(left: Number, of_left: Digits, right: Number, of_right: Digits) -> Piece:
        (p1, s1), (p2, s2) = of_left, of_right
        scale = max(s1, s2)
        precision = max(p1 - s1, p2 - s2) + scale + 1
        exact = sqltypes.decimal(precision, scale)
        if precision <= _FAST_DIGITS:
            # DuckDB gives it the same type.
            sides = f"({_decimal(left, of_left)} {operator} {_decimal(right, of_right)})"
            return Piece(sides, exact)
        sides = f"(CAST({left} AS {exact}) {operator} CAST({right} AS {exact}))"
        return _fitted(sides, exact, sqltypes.adjusted(precision, scale))

    return write


def multiply(left: Number, of_left: Digits, right: Number, of_right: Digits) -> Piece:
    """Write `*`."""
    (p1, s1), (p2, s2) = of_left, of_right
    if s1 + s2 > _MOST:
        raise ConfigError(
            f"a product of {s1} and {s2} digits after the point has more than 38; cast a factor "
            "to a decimal with fewer"
        )
    exact = sqltypes.decimal(p1 + p2, s1 + s2)
    kind = sqltypes.adjusted(p1 + p2 + 1, s1 + s2)
    if p1 + p2 <= _FAST_DIGITS:
        return _fitted(f"({_decimal(left, of_left)} * {_decimal(right, of_right)})", exact, kind)
    # DuckDB multiplies in the longer of the two types, and fails beyond it.
    whole = left.short.slow if isinstance(left, Piece) and left.short is not None else left
    wide = _decimal(whole, (max(p1, _FAST_DIGITS + 1), s1))
    slow = _fitted(f"({wide} * {_decimal(right, of_right)})", exact, kind)
    return narrow.product(left, of_left, right, of_right, slow)


def divide(left: Number, of_left: Digits, right: Number, of_right: Digits) -> Piece:
    """Write `/`; NULL by 0."""
    (p1, s1), (p2, s2) = of_left, of_right
    scale = max(6, s1 + p2 + 1)
    return quotient(left, of_left, right, of_right, sqltypes.adjusted(p1 - s1 + s2 + scale, scale))


def quotient(left: Number, of_left: Digits, right: Number, of_right: Digits, kind: str) -> Piece:
    """Write a division whose result has a given type; NULL by 0."""
    # Whole numbers are divided, to one digit more than the result has: that digit rounds it.
    scale = sqltypes.digits(kind)[1]
    shift = scale + of_right[1] - of_left[1] + 1
    counter, divisor = unscaled(left, of_left), unscaled(right, of_right)
    whole = f"({counter} * {_power(shift)} // nullif({divisor}, 0))"
    exact = f"CAST({whole} AS DECIMAL(38,0)) * {narrow.unit(scale + 1)}"
    return narrow.quotient(left, of_left, right, of_right, rounded(f"({exact})", kind, _MOST))


def rounded(sql: Number, kind: str, digits: int) -> Piece:
    """Round a decimal of at most so many digits to a type; NULL if it has no room for it."""
    scale = sqltypes.digits(kind)[1]
    # In one step DuckDB finds no room for 9.9 in a DECIMAL(2,1).
    wide = f"CAST({sql} AS DECIMAL({_FAST_DIGITS if digits <= _FAST_DIGITS else _MOST},{scale}))"
    return Piece(f"TRY_CAST({wide} AS {kind})", kind)


def unless_tied(value: Piece, digits: int, fast: str, exact: str) -> str:
    """
    Write the rounding of a double by a fast way where it cannot differ from the exact one.

    Spark rounds the text of a double. A double times a power of ten is off by less than 1e-6 as
    long as it is below 1e9, so which way it rounds is sure if it is no nearer to a half.
    """
    scaled = f"({value} * 1e{digits})"
    is_sure = f"abs({scaled}) < 1e9 AND abs({scaled} - floor({scaled}) - 5e-1) > 1e-3"
    # The value is written six times; long ones are mostly of few rows, such as aggregates.
    short = len(value.sql) <= SHORT
    return f"(CASE WHEN {is_sure} THEN {fast} ELSE {exact} END)" if short else exact


def cast(value: Piece, kind: str) -> Piece | None:
    """Write the cast of what has to be rounded; None for what DuckDB casts as Spark does."""
    if duckdb_sql.is_decimal(value.kind):
        precision, scale = sqltypes.digits(value.kind)
        return rounded(value, kind, precision) if sqltypes.digits(kind)[1] < scale else None
    if value.kind != sqltypes.DOUBLE:
        return None
    # Spark rounds a double by its text, half up.
    exact = f"TRY_CAST(CAST({value} AS VARCHAR) AS {kind})"
    fast = f"TRY_CAST({value} AS {kind})"
    return Piece(unless_tied(value, sqltypes.digits(kind)[1], fast, exact), kind)


def remainder(left: Number, of_left: Digits, right: Number, of_right: Digits) -> Piece:
    """Write `%`: its sign is that of the dividend, and it is NULL when the divisor is 0."""
    (p1, s1), (p2, s2) = of_left, of_right
    scale = max(s1, s2)
    sides = f"({_decimal(left, of_left)} % nullif({_decimal(right, of_right)}, 0))"
    kind = sqltypes.adjusted(min(p1 - s1, p2 - s2) + scale, scale)
    return Piece(f"TRY_CAST({sides} AS {kind})", kind)


def whole_quotient(left: Number, of_left: Digits, right: Number, of_right: Digits) -> Piece:
    """Write `div`."""
    scale = max(of_left[1], of_right[1])
    counter = f"{unscaled(left, of_left)} * {_power(scale - of_left[1])}"
    divisor = f"{unscaled(right, of_right)} * {_power(scale - of_right[1])}"
    return Piece(f"CAST(({counter} // nullif({divisor}, 0)) AS BIGINT)", "BIGINT")


def unscaled(value: Number, of_value: Digits) -> str:
    """Write the digits of a decimal as a whole number."""
    precision, scale = of_value
    if scale == 0:
        return f"CAST({value} AS HUGEINT)"
    if precision + scale > _MOST:
        return f"CAST(replace(CAST({value} AS VARCHAR), '.', '') AS HUGEINT)"
    wide = f"DECIMAL({precision + scale},{scale})"
    return f"CAST(CAST({value} AS {wide}) * {_power(scale, 'DECIMAL')} AS HUGEINT)"


def _power(exponent: int, kind: str = "HUGEINT") -> str:
    """Write a power of ten."""
    return narrow.power(exponent) if kind == "DECIMAL" else f"CAST('1{'0' * exponent}' AS {kind})"


def _decimal(value: Number, of_value: Digits) -> str:
    """Make a whole number a decimal; decimals stay what they are."""
    kind = sqltypes.decimal(*of_value)
    return str(sqltypes.as_kind(value if isinstance(value, Piece) else Piece(value, ""), kind))


def _fitted(sql: str, exact: str, kind: str) -> Piece:
    """Give a calculated decimal its type."""
    if sqltypes.digits(exact)[1] == sqltypes.digits(kind)[1]:
        return Piece(f"TRY_CAST({sql} AS {kind})", kind)
    return rounded(sql, kind, sqltypes.digits(exact)[0])
