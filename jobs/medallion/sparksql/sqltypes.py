"""Types of Spark SQL, by the names that DuckDB has for them, and how Spark combines them.

Besides the types of columns there are NULL (of what is never anything else) and intervals, which
only add to dates: INTERVAL MONTHS, INTERVAL DAYS (written whole days), INTERVAL TIME (days and
less) and INTERVAL (of make_interval).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from medallion import datatypes, duckdb_sql

NULL = "NULL"
DOUBLE = "DOUBLE"
_RANKS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", DOUBLE)
# Whole numbers as Spark takes them into calculations with decimals.
_WHOLE_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 20}
_MIN_SCALE = 6
_DECIMAL = re.compile(r"DECIMAL\(([0-9]+),([0-9]+)\)")
# What DuckDB reads from Parquet but SQL here does not calculate with: the type that Spark reads.
_READ_AS = {
    "UTINYINT": "SMALLINT",
    "USMALLINT": "INTEGER",
    "UINTEGER": "BIGINT",
    "UBIGINT": "DECIMAL(20,0)",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
}
_COLUMNS = frozenset((*_RANKS, "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP"))


@dataclass(frozen=True)
class Piece:
    """A piece of DuckDB SQL, and its type."""

    sql: str
    kind: str
    short: Short | None = None

    def __str__(self) -> str:
        """Give the SQL, to be written into more of it."""
        return self.sql

    def of(self, kind: str) -> Piece:
        """Give the same SQL as of another type, which DuckDB knows nothing of."""
        return Piece(self.sql, kind)


@dataclass(frozen=True)
class Short:
    """A product of decimals in 64 bits, where none of `tests` is true; else it is `slow`."""

    sql: str
    tests: tuple[str, ...]
    slow: Piece


def cast(sql: str | Piece, kind: str) -> Piece:
    """Write a cast that cannot fail, or may."""
    return Piece(f"CAST({sql} AS {kind})", kind)


def as_kind(piece: Piece, kind: str) -> Piece:
    """Give a piece another type, if it has not got it."""
    return piece if piece.kind == kind else cast(piece, kind)


def of_column(sql: str, kind: str) -> Piece | None:
    """Give the piece that reads a column of a table; None if SQL cannot use its type."""
    read = normal(kind, _READ_AS)
    if not is_column(read):
        return None
    return Piece(sql, read) if read == normal(kind) else cast(sql, read)


def normal(kind: str, others: Mapping[str, str] = MappingProxyType({})) -> str:
    """Spell a type with all fields in quotes, where DuckDB has some; `others` stand for parts."""
    if duckdb_sql.is_array(kind):
        return f"{normal(duckdb_sql.element(kind), others)}[]"
    if duckdb_sql.is_struct(kind):
        return duckdb_sql.struct((n, normal(of, others)) for n, of in duckdb_sql.fields(kind))
    return others.get(kind, kind)


def is_column(kind: str) -> bool:
    """Whether a column can have the type."""
    if duckdb_sql.is_array(kind):
        return is_column(duckdb_sql.element(kind))
    if duckdb_sql.is_struct(kind):
        return all(is_column(of) for _, of in duckdb_sql.fields(kind))
    return kind in _COLUMNS or duckdb_sql.is_decimal(kind)


def decimal(precision: int, scale: int) -> str:
    """Name a decimal type, cut off at 38 digits (Spark: DecimalType.bounded)."""
    most = datatypes.MAX_PRECISION
    return f"DECIMAL({min(precision, most)},{min(scale, most)})"


def adjusted(precision: int, scale: int) -> str:
    """Name the type of a calculated decimal: beyond 38 digits it gives up digits of its scale."""
    most = datatypes.MAX_PRECISION
    if precision <= most:
        return decimal(precision, scale)
    return decimal(most, max(most - (precision - scale), min(scale, _MIN_SCALE)))


def digits(kind: str) -> tuple[int, int]:
    """Give precision and scale of a decimal or of a whole number."""
    found = _DECIMAL.fullmatch(kind)
    if found:
        return int(found[1]), int(found[2])
    return _WHOLE_DIGITS.get(kind, 10), 0


def literal_kind(text: str) -> str:
    """Give the type of a number as it is written."""
    if "e" in text.lower():
        return DOUBLE
    if "." not in text:
        value = int(text)
        if value < 1 << 31:
            return "INTEGER"
        return "BIGINT" if value < 1 << 63 else decimal(len(str(value)), 0)
    return decimal(*literal_digits(text))


def literal_digits(text: str) -> tuple[int, int]:
    """Give precision and scale of a number as it is written."""
    _, found, exponent = Decimal(text).as_tuple()
    scale = -int(exponent)
    return max(len(found), scale), scale


def wider(kinds: Sequence[str]) -> str | None:
    """Give the type that values of several types have in common; None if there is none.

    Spark makes texts of what stands beside a text; that is not done here.
    """
    found = NULL
    for kind in kinds:
        both = _wider(found, kind)
        if both is None:
            return None
        found = both
    return found


def _wider(one: str, other: str) -> str | None:
    if NULL in (one, other) or one == other:
        return one if other == NULL else other
    if one in _RANKS and other in _RANKS:
        return _RANKS[max(_RANKS.index(one), _RANKS.index(other))]
    if duckdb_sql.is_number(one) and duckdb_sql.is_number(other):
        if duckdb_sql.is_floating(one) or duckdb_sql.is_floating(other):
            return DOUBLE
        (p1, s1), (p2, s2) = digits(one), digits(other)
        scale = max(s1, s2)
        return decimal(max(p1 - s1, p2 - s2) + scale, scale)
    if duckdb_sql.is_array(one) and duckdb_sql.is_array(other):
        element = _wider(duckdb_sql.element(one), duckdb_sql.element(other))
        return element and f"{element}[]"
    return "TIMESTAMP" if {one, other} == {"DATE", "TIMESTAMP"} else None
