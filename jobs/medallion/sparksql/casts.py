"""Casts of Spark SQL, written for DuckDB: NULL where they fail."""

from __future__ import annotations

from medallion.datatypes import DataType
from medallion.duckdb_sql import (
    finite,
    if_matches,
    is_decimal,
    is_floating,
    is_integer,
    is_number,
    is_timestamp,
    trim,
)

_TRUE = "('true', 't', 'yes', 'y', '1')"
_FALSE = "('false', 'f', 'no', 'n', '0')"
_DOUBLE = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIMESTAMP = (
    rf"{_DATE}([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{{1,9}})?)?"
    r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?"
)


def spark(sql: str, source: str, target: DataType) -> str | None:
    """
    Cast as Spark does without ANSI mode: NULL where it fails, truncation where it is inexact.

    Parameters
    ----------
    sql
        An expression of DuckDB type `source`; it may be evaluated more than once.
    source
        The DuckDB type, as DuckDB spells it.
    target
        The type wanted.

    Returns
    -------
    str or None
        An expression of type `target.duckdb`; None if Spark knows no such cast.
    """
    if source == "VARCHAR":
        return _spark_from_text(sql, target)
    whole = target.base in ("int", "bigint")
    if target.base == "timestamp" and is_integer(source):
        return f"make_timestamp(CAST({sql} AS BIGINT) * 1000000)"
    if whole and is_timestamp(source):
        value = f"floor(epoch({sql}))"
    elif not castable(source, target):
        return None
    elif whole and (is_floating(source) or is_decimal(source)):
        value = f"trunc({sql})"
    elif target.base == "decimal" and is_floating(source):
        value = f"CAST({sql} AS VARCHAR)"
    else:
        value = sql
    return f"TRY_CAST({value} AS {target.duckdb})"


def _spark_from_text(sql: str, target: DataType) -> str:
    if target.base == "string":
        return sql
    text = trim(sql)
    # regexp_extract gives '' for what does not match, and '' casts to NULL.
    if target.base in ("int", "bigint"):
        whole = rf"regexp_extract({text}, '^([+-]?[0-9]+)(?:\.[0-9]*)?$', 1)"
        return f"TRY_CAST({whole} AS {target.duckdb})"
    if target.base == "decimal":
        return if_matches(text, _DOUBLE, f"TRY_CAST({text} AS {target.duckdb})")
    return READERS[target.base](text, target)


def _read_boolean(text: str, _: DataType) -> str:
    return (
        f"CASE WHEN lower({text}) IN {_TRUE} THEN true "
        f"WHEN lower({text}) IN {_FALSE} THEN false END"
    )


def _read_double(text: str, _: DataType) -> str:
    return finite(if_matches(text, _DOUBLE, f"TRY_CAST({text} AS DOUBLE)"))


def _read_date(text: str, _: DataType) -> str:
    return if_matches(text, _DATE, f"TRY_CAST({text} AS DATE)")


def _read_timestamp(text: str, _: DataType) -> str:
    # DuckDB wants seconds where there is a zone, and forgets the zone of a plain TIMESTAMP.
    seconds = rf"regexp_replace({text}, '^(.{{10}}[T ].{{5}})(Z|[+-].*)$', '\1:00\2')"
    return if_matches(text, _TIMESTAMP, f"CAST(TRY_CAST({seconds} AS TIMESTAMPTZ) AS TIMESTAMP)")


# Types of whose texts Spark reads what a contract does.
READERS = {
    "boolean": _read_boolean,
    "double": _read_double,
    "date": _read_date,
    "timestamp": _read_timestamp,
}


def castable(source: str, target: DataType) -> bool:
    """Whether a typed value may be cast at all."""
    if target.base == "string" or source == target.duckdb:
        return True
    if target.base in ("int", "bigint", "double", "decimal", "boolean"):
        return is_number(source) or source == "BOOLEAN"
    if target.base == "date":
        return is_timestamp(source)
    return source == "DATE" or is_timestamp(source)
