"""Calculation with decimals, to the last digit and with the types of Spark, written for DuckDB.

Where Spark's result has fewer digits than the exact one, it is rounded half up. Results that their
type has no room for are NULL, as in Spark; where even the exact result before rounding has more
than 38 digits, DuckDB raises an error.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Union

from medallion import duckdb_sql
from medallion.errors import ConfigError
from medallion.sparksql import sqltypes
from medallion.sparksql.sqltypes import Piece

Digits = tuple[int, int]

_MOST = 38
_SHORT = 300
# Up to these DuckDB calculates with 64 bits.
_FAST_DIGITS = 18
Number = Union[str, Piece]
Operation = Callable[[Number, Digits, Number, Digits], Piece]


def add(operator: str) -> Operation:
    """Write `+` or `-`."""

    def write(left: Number, of_left: Digits, right: Number, of_right: Digits) -> Piece:
        (p1, s1), (p2, s2) = of_left, of_right
        scale = max(s1, s2)
        precision = max(p1 - s1, p2 - s2) + scale + 1
        exact = sqltypes.decimal(precision, scale)
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
    if p1 + p2 > _FAST_DIGITS:
        # DuckDB multiplies in the longer of the two types, and fails beyond it.
        of_left = (max(p1, _FAST_DIGITS + 1), s1)
    sides = f"({_decimal(left, of_left)} * {_decimal(right, of_right)})"
    exact = sqltypes.decimal(p1 + p2, s1 + s2)
    return _fitted(sides, exact, sqltypes.adjusted(p1 + p2 + 1, s1 + s2))


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
    exact = f"CAST({whole} AS DECIMAL(38,0)) * {_unit(scale + 1)}"
    slow = rounded(f"({exact})", kind, 38)
    limit = _fast_limit(of_left, scale, shift)
    if limit < 1 or not _is_short(right, of_right):
        return slow
    # With 64 bits that is 20 times faster; most numbers are small enough.
    counter = _short_unscaled(left, (_FAST_DIGITS, of_left[1]))
    divisor = _short_unscaled(right, (of_right[0] + of_right[1], of_right[1]))
    whole = f"({counter} * {_power(shift, 'BIGINT')} // nullif({divisor}, 0))"
    exact = f"CAST({whole} AS DECIMAL({_FAST_DIGITS},0)) * {_unit(scale + 1)}"
    fast = rounded(f"({exact})", kind, _FAST_DIGITS)
    most = format(Decimal(limit).scaleb(-of_left[1]), "f")
    return Piece(f"(CASE WHEN abs({left}) <= {most} THEN {fast} ELSE {slow} END)", kind)


def _fast_limit(of_left: Digits, scale: int, shift: int) -> int:
    """Give the largest dividend, without its point, that is divided with 64 bits; 0 if none."""
    if max(scale + 1, shift, of_left[1]) >= _FAST_DIGITS:
        return 0
    return int(min(10 ** (_FAST_DIGITS - shift), 10 ** (_FAST_DIGITS - of_left[1]))) - 1


def _is_short(value: Number, of_value: Digits) -> bool:
    """Whether the digits of a number are a BIGINT, and so are they with the scale once more."""
    if of_value[1] == 0 and not (isinstance(value, Piece) and duckdb_sql.is_decimal(value.kind)):
        return True
    return sum(of_value) <= _FAST_DIGITS


def _short_unscaled(value: Number, of_value: Digits) -> str:
    """Write the digits of a short decimal as a BIGINT."""
    precision, scale = of_value
    if scale == 0:
        return f"CAST({value} AS BIGINT)"
    kind = f"DECIMAL({min(precision, _FAST_DIGITS)},{scale})"
    return f"CAST(CAST({value} AS {kind}) * {_power(scale, 'DECIMAL')} AS BIGINT)"


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
    short = len(value.sql) <= _SHORT
    return f"(CASE WHEN {is_sure} THEN {fast} ELSE {exact} END)" if short else exact


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
    digits = f"'1{'0' * exponent}'"
    if kind == "DECIMAL":
        return f"CAST({digits} AS DECIMAL({exponent + 1},0))"
    return f"CAST({digits} AS {kind})"


def _decimal(value: Number, of_value: Digits) -> str:
    """Make a whole number a decimal; decimals stay what they are."""
    kind = sqltypes.decimal(*of_value)
    return str(sqltypes.as_kind(value if isinstance(value, Piece) else Piece(value, ""), kind))


def _unit(scale: int) -> str:
    """Write the smallest decimal of a scale, which gives whole numbers this scale."""
    return f"CAST('0.{'0' * (scale - 1)}1' AS DECIMAL({scale},{scale}))"


def _fitted(sql: str, exact: str, kind: str) -> Piece:
    """Give a calculated decimal its type."""
    if sqltypes.digits(exact)[1] == sqltypes.digits(kind)[1]:
        return Piece(f"TRY_CAST({sql} AS {kind})", kind)
    return rounded(sql, kind, sqltypes.digits(exact)[0])
