"""DuckDB SQL in small pieces: texts, and what is asked of types and values."""

from __future__ import annotations

import re
from collections.abc import Iterable

from medallion.datatypes import BLANKS, split

_INTEGERS = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
)
_FIELD = re.compile('(?:"((?:[^"]|"")*)"|([^ ]+)) (.*)')
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


def is_array(duckdb_type: str) -> bool:
    """Whether the type is an array."""
    return duckdb_type.endswith("[]")


def is_struct(duckdb_type: str) -> bool:
    """Whether the type is a struct."""
    return duckdb_type.startswith("STRUCT(") and duckdb_type.endswith(")")


def is_nested(duckdb_type: str) -> bool:
    """Whether the type is made of others."""
    return is_array(duckdb_type) or is_struct(duckdb_type)


def element(duckdb_type: str) -> str:
    """Give the type of an array's elements."""
    return duckdb_type[:-2]


def fields(duckdb_type: str) -> list[tuple[str, str]]:
    """Give the names and types of a struct's fields."""
    found = (_FIELD.fullmatch(field) for field in split(duckdb_type[7:-1]))
    return [(name[2] or name[1].replace('""', '"'), name[3]) for name in found if name is not None]


def struct(named: Iterable[tuple[str, str]]) -> str:
    """Name the type of a struct."""
    return f"STRUCT({', '.join(f'{quoted(name)} {kind}' for name, kind in named)})"


def order_key(sql: str, duckdb_type: str, depth: int = 0) -> str:
    """Write what sorts as Spark sorts the values of a type: nulls inside of them come first."""
    if is_array(duckdb_type):
        e = f"_k{depth}"
        part = _part_key(e, element(duckdb_type), depth + 1)
        return f"list_transform({sql}, lambda {e}: {part})"
    if is_struct(duckdb_type):
        parts = (
            f"'_{number}': {_part_key(f'({sql}).{quoted(name)}', kind, depth)}"
            for number, (name, kind) in enumerate(fields(duckdb_type))
        )
        return f"CASE WHEN {sql} IS NOT NULL THEN {{{', '.join(parts)}}} END"
    return sql


def _part_key(sql: str, duckdb_type: str, depth: int) -> str:
    return f"{{'_n': {sql} IS NOT NULL, '_v': {order_key(sql, duckdb_type, depth)}}}"


def quoted(name: str) -> str:
    """Write a name."""
    return '"' + name.replace('"', '""') + '"'


def if_matches(text: str, pattern: str, result: str) -> str:
    return f"CASE WHEN {matches(text, pattern)} THEN {result} END"


def matches(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {literal(pattern)})"


def finite(sql: str) -> str:
    return f"CASE WHEN isfinite({sql}) THEN {sql} END"
