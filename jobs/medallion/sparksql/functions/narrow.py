"""Calculation with decimals in 64 bits, where it can be seen that they are enough.

DuckDB divides whole numbers of 128 bits a hundred times slower than those of 64, and multiplies
them ten times slower. Here is a fast way for usual numbers; all others go the slow way, in a branch
of a CASE, which DuckDB takes for those rows alone.

What a type proves needs no test. A test is never true of null, so that nulls go the fast way.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Union

from medallion import duckdb_sql
from medallion.sparksql import sqltypes
from medallion.sparksql.sqltypes import Piece, Short

Digits = tuple[int, int]
Number = Union[str, Piece]

# Up to these DuckDB calculates with 64 bits.
FAST_DIGITS = 18
# Operands are written several times; what is longer goes the slow way only.
_LONG = 4000
# A test that most numbers fail is worth nothing: so many digits before the point have to pass.
_USUAL_DIGITS = 4
# A division in more steps, or in shorter ones, is not faster.
_MOST_STEPS = 3
_LEAST_STEP = 3
_MOST = {"INTEGER": 1 << 31, "SMALLINT": 1 << 15, "TINYINT": 1 << 7}


def quotient(left: Number, of_left: Digits, right: Number, of_right: Digits, slow: Piece) -> Piece:
    """
    Write a division.

    Parameters
    ----------
    left, of_left, right, of_right
        The operands, with precision and scale.
    slow
        The whole way, whose type is the result's.
    """
    precision, scale = sqltypes.digits(slow.kind)
    (p1, s1), (p2, s2) = of_left, of_right
    # As on paper, in steps, to one digit more than the result has: that digit rounds it.
    shift = scale + 1 + s2 - s1
    if p1 + s1 <= FAST_DIGITS and p2 + max(s2, _LEAST_STEP) <= FAST_DIGITS:
        d1, d2 = p1, p2
    else:
        room = 2 * FAST_DIGITS - shift
        d2 = min(p2, FAST_DIGITS - s2, max(room // 2, room - p1))
        d1 = min(p1, FAST_DIGITS - s1, room - d2)
    steps = min(
        (
            _steps(shift, first, FAST_DIGITS - d2)
            for first in (FAST_DIGITS - s1 - d1, FAST_DIGITS - d1)
        ),
        key=len,
    )
    is_usual = _is_usual(of_left, d1) and _is_usual(of_right, d2)
    is_long = len(str(left)) + len(str(right)) > _LONG
    if is_long or not is_usual or not 0 < scale + 1 < FAST_DIGITS or len(steps) > _MOST_STEPS:
        return slow
    zeros = min(steps[0], FAST_DIGITS - s1 - d1)
    divisor, rest = _whole(right, s2, 0), _whole(left, s1, zeros)
    rest = rest if zeros == steps[0] else f"({rest} * {10 ** (steps[0] - zeros)})"
    first, left_over = f"({rest} // {divisor})", shift - steps[0]
    terms, after = [], left_over
    for step in steps[1:]:
        rest, after = f"(({rest} % {divisor}) * {10**step})", after - step
        terms.append(f"({rest} // {divisor}) * {10**after}")
    exact = _scaled(" + ".join([f"{first} * {10**left_over}", *terms]), scale + 1)
    fast = _to_kind(exact, scale + 1, slow.kind, precision, scale)
    if terms:
        # Usually the whole result has a place, too.
        most = 10 ** (FAST_DIGITS - left_over) - 1
        high = f"CAST({_scaled(first, scale + 1 - left_over)} AS DECIMAL(38,{scale}))"
        low = f"CAST({_scaled(' + '.join(terms), scale + 1)} AS DECIMAL({FAST_DIGITS},{scale}))"
        large = f"TRY_CAST({high} + {low} AS {slow.kind})"
        test = f"{first} NOT BETWEEN -{most} AND {most}"
        fast = f"CASE WHEN {test} THEN {large} ELSE {fast} END"
    return _either([*_unless(left, of_left, d1), *_unless(right, of_right, d2)], fast, slow)


def _scaled(sql: str, scale: int) -> str:
    """Put the point into a whole number of up to 18 digits."""
    if scale <= 0:
        return f"CAST({sql} AS DECIMAL(38,0)) * {power(-scale)}"
    return f"CAST({sql} AS DECIMAL({FAST_DIGITS},0)) * {unit(scale)}"


def _steps(shift: int, first: int, most: int) -> list[int]:
    """Split the zeros that are put to a dividend into those of each step."""
    steps = [min(shift, first)]
    while sum(steps) < shift:
        steps.append(min(shift - sum(steps), most))
    return steps


def product(left: Number, of_left: Digits, right: Number, of_right: Digits, slow: Piece) -> Piece:
    """Write a multiplication of numbers that together have more than 18 digits."""
    (p1, s1), (p2, s2) = of_left, of_right
    precision, scale = sqltypes.digits(slow.kind)
    # One digit is for a zero at the end: DuckDB widens faster with a digit to round.
    room = FAST_DIGITS - 1
    if scale != s1 + s2 or scale >= room or len(str(left)) + len(str(right)) > _LONG:
        return slow
    # One test is enough where the left one leaves room.
    d2 = min(p2, room - p1 if room - p1 - s2 >= _USUAL_DIGITS else max(room // 2, room - p1))
    most = min(10**d2, _MOST.get(right.kind if isinstance(right, Piece) else "", 10**d2))
    limit = 10**room // most
    d1 = p1 if 10**p1 <= limit else len(str(limit)) - 1
    if not (_is_usual(of_left, d1) and _is_usual(of_right, d2)):
        return slow
    tests: list[str] = []
    if isinstance(left, Piece) and left.short is not None:
        # Of a product the 64 bits go on.
        tests += left.short.tests
        left = Piece(left.short.sql, sqltypes.decimal(FAST_DIGITS, s1))
    if d1 < p1:
        tests.append(_outside(left, limit - 1, s1))
    tests += _unless(right, of_right, d2)
    sides = f"({_short(left, of_left)} * {_short(right, of_right)})"
    wide = f"{sides} * CAST('1.0' AS DECIMAL(2,1))"
    found = _either(tests, _to_kind(wide, scale + 1, slow.kind, precision, scale), slow)
    return replace(found, short=Short(sides, tuple(tests), slow))


def rounded(value: Piece, kind: str, slow: Piece) -> Piece:
    """Write the rounding of a long decimal to a type with fewer digits after the point."""
    precision, scale = sqltypes.digits(value.kind)
    whole, digits = sqltypes.digits(kind)
    d = min(precision, FAST_DIGITS)
    if precision <= FAST_DIGITS or not _is_usual((precision, scale), d) or len(value.sql) > _LONG:
        return slow
    short = f"CAST({value} AS DECIMAL({FAST_DIGITS},{scale}))"
    fast = _to_kind(short, scale, kind, whole, digits)
    return _either(_unless(value, (precision, scale), d), fast, slow)


def unit(scale: int) -> str:
    """Write the smallest decimal of a scale, which gives whole numbers this scale."""
    return f"CAST('0.{'0' * (scale - 1)}1' AS DECIMAL({scale},{scale}))"


def power(exponent: int) -> str:
    """Write a power of ten as a decimal."""
    return f"CAST('1{'0' * exponent}' AS DECIMAL({exponent + 1},0))"


def _is_usual(of_value: Digits, digits: int) -> bool:
    """Whether values of so many digits are most of a type's."""
    return digits == of_value[0] or digits - of_value[1] >= _USUAL_DIGITS


def _unless(value: Number, of_value: Digits, digits: int) -> list[str]:
    """Write the test for values of more digits, if the type has any."""
    return [_outside(value, 10**digits - 1, of_value[1])] if digits < of_value[0] else []


def _outside(value: Number, most: int, scale: int) -> str:
    limit = format(Decimal(most).scaleb(-scale), "f")
    return f"{value} NOT BETWEEN -{limit} AND {limit}"


def _either(tests: list[str], fast: str, slow: Piece) -> Piece:
    if not tests:
        return Piece(f"({fast})", slow.kind)
    *first, last = tests
    # One after another: what a later test calculates may be too large where an earlier one is true.
    test = "".join(f"WHEN {each} THEN true " for each in first)
    test = f"CASE {test}ELSE {last} END" if first else last
    return Piece(f"(CASE WHEN {test} THEN {slow} ELSE {fast} END)", slow.kind)


def _to_kind(sql: str, scale: int, kind: str, precision: int, digits: int) -> str:
    """Round a decimal of 18 digits to a type; NULL if it has no room for it."""
    if precision - digits > FAST_DIGITS - scale:
        return f"CAST({sql} AS {kind})"
    # In one step DuckDB finds no room for 9.9 in a DECIMAL(2,1).
    return f"TRY_CAST(CAST({sql} AS DECIMAL({FAST_DIGITS},{digits})) AS {kind})"


def _short(value: Number, of_value: Digits) -> str:
    """Write a number that is known to be short as a decimal of 64 bits."""
    precision, scale = of_value
    kind = sqltypes.decimal(min(precision, FAST_DIGITS), scale)
    return str(sqltypes.as_kind(value if isinstance(value, Piece) else Piece(value, ""), kind))


def _whole(value: Number, scale: int, shift: int) -> str:
    """Write the digits of a number that is known to be short, with zeros after them."""
    if scale == 0 and not (isinstance(value, Piece) and duckdb_sql.is_decimal(value.kind)):
        digits = f"CAST({value} AS BIGINT)"
        return f"({digits} * {10**shift})" if shift else digits
    precision = sqltypes.digits(value.kind)[0] if isinstance(value, Piece) else FAST_DIGITS + 1
    short = _short(value, (precision, scale))
    return f"CAST({short} * {power(scale + shift)} AS BIGINT)"
