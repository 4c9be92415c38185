"""DuckDB SQL in small pieces: texts, and what is asked of types and values."""

from __future__ import annotations

from medallion.datatypes import BLANKS

_INTEGERS = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
)
_TIMESTAMPS = (
    *("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"),
    "TIMESTAMP WITH TIME ZONE",
)


def literal(text: str) -> str:
    """Write a text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def trimmed(sql: str) -> str:
    """Take the blanks off both ends of a text; `sql` is evaluated more than once."""
    # Trimming by a list of characters is slow, and few texts have anything to trim.
    clean = f"{sql} >= '!' AND {sql}[-1] >= '!' AND NOT contains({sql}, '\u00a0')"
    return f"CASE WHEN {clean} THEN {sql} ELSE {trim(sql)} END"


def trim(sql: str) -> str:
    return f"trim({sql}, {literal(BLANKS)})"


def is_integer(duckdb_type: str) -> bool:
    """Whether the type holds whole numbers only."""
    return duckdb_type in _INTEGERS


def is_decimal(duckdb_type: str) -> bool:
    """Whether the type is a DECIMAL."""
    return duckdb_type.startswith("DECIMAL")


def is_floating(duckdb_type: str) -> bool:
    """Whether the type is a binary floating point number."""
    return duckdb_type in ("DOUBLE", "FLOAT")


def is_number(duckdb_type: str) -> bool:
    """Whether the type is a number."""
    return is_integer(duckdb_type) or is_decimal(duckdb_type) or is_floating(duckdb_type)


def is_timestamp(duckdb_type: str) -> bool:
    """Whether the type is a timestamp, of any precision."""
    return duckdb_type in _TIMESTAMPS


def if_matches(text: str, pattern: str, result: str) -> str:
    return f"CASE WHEN {matches(text, pattern)} THEN {result} END"


def matches(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {literal(pattern)})"


def finite(sql: str) -> str:
    return f"CASE WHEN isfinite({sql}) THEN {sql} END"
