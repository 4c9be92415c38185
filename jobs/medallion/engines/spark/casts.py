"""Spark SQL that turns values of one type into another, with the results of casts.

Spark's own casts differ from DuckDB's: they read more texts, wrap numbers around (ANSI mode is
off, as for users' expressions), and write doubles and small decimals in other ways.
"""

from __future__ import annotations

from medallion.datatypes import DataType
from medallion.engines.spark import strptime
from medallion.engines.spark.texts import literal, trimmed

_INTEGERS = ("tinyint", "smallint", "int", "bigint")
_TIMESTAMPS = ("timestamp", "timestamp_ntz")
_TRUE = "('true', 't', 'yes', 'y', '1')"
_FALSE = "('false', 'f', 'no', 'n', '0')"
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIMESTAMP = (
    rf"({_DATE})(?:[T ]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]{{1,9}}))?)?"
    r"(?:Z|([+-])([0-9]{2})(?::?([0-9]{2}))?)?)?"
)
_DAY_SECONDS = 86_400
# The first double above all bigints; Spark takes it for one of them.
_BEYOND_BIGINT = "9223372036854775808D"


def is_integer(kind: str) -> bool:
    """Whether the type holds whole numbers only."""
    return kind in _INTEGERS


def is_decimal(kind: str) -> bool:
    """Whether the type is a decimal."""
    return kind.startswith("decimal")


def is_floating(kind: str) -> bool:
    """Whether the type is a binary floating point number."""
    return kind in ("double", "float")


def is_number(kind: str) -> bool:
    """Whether the type is a number."""
    return is_integer(kind) or is_decimal(kind) or is_floating(kind)


def as_text(sql: str, source: str) -> str:
    """Write a value as a text, in the way of DuckDB."""
    if is_floating(source):
        return _double_text(sql)
    # try_cast never writes a decimal with an exponent.
    return sql if source == "string" else f"try_cast({sql} AS string)"


def _double_text(sql: str) -> str:
    """Write the shortest text of a double: 1e+16 for Java's 1.0E16, 12345678.9 for 1.23456789E7."""
    java = f"CAST({sql} AS string)"
    plain = f"try_cast(CAST({java} AS decimal(38, 20)) AS string)"
    fraction = rf"regexp_replace({plain}, '(\\.[0-9]+?)0*$', '$1')"
    digits = rf"regexp_replace(regexp_replace({java}, 'E.*', ''), '\\.0$', '')"
    exponent = f"CAST(regexp_extract({java}, 'E(.*)', 1) AS int)"
    written = f"format_string('%+03d', {exponent})"
    return (
        f"(CASE WHEN {sql} IS NULL THEN NULL WHEN isnan({sql}) THEN 'nan' "
        f"WHEN {java} = 'Infinity' THEN 'inf' WHEN {java} = '-Infinity' THEN '-inf' "
        f"WHEN NOT contains({java}, 'E') THEN {java} "
        f"WHEN abs({sql}) >= 1e-4D AND abs({sql}) < 1e16D THEN {fraction} "
        f"ELSE {digits} || 'e' || {written} END)"
    )


def from_text(sql: str, target: DataType, pattern: str | None = None) -> str:
    """Read a text as a value of a type; see casts.from_text."""
    if target.base == "string":
        return sql
    text = trimmed(sql)
    if pattern is not None:
        parsed = strptime.parsed(text, pattern)
        return parsed if target.base == "timestamp" else f"CAST({parsed} AS date)"
    return _READERS[target.base](text, target)


def _read_boolean(text: str, _: DataType) -> str:
    return (
        f"CASE WHEN lower({text}) IN {_TRUE} THEN true "
        f"WHEN lower({text}) IN {_FALSE} THEN false END"
    )


def _read_integer(text: str, target: DataType) -> str:
    return _if_matches(text, "[+-]?[0-9]+", f"try_cast({text} AS {target.name})")


def _read_double(text: str, _: DataType) -> str:
    number = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
    return _finite(_if_matches(text, number, f"try_cast({text} AS double)"))


def _read_decimal(text: str, target: DataType) -> str:
    scale = target.scale
    plain = (
        rf"[+-]?([0-9]+(\.[0-9]{{0,{scale}}}0*)?|\.[0-9]{{1,{scale}}}0*)"
        if scale
        else r"[+-]?[0-9]+(\.0*)?"
    )
    return _if_matches(text, plain, f"try_cast({text} AS {target.name})")


def _read_date(text: str, _: DataType) -> str:
    return _if_matches(text, _DATE, f"try_cast({text} AS date)")


def _read_timestamp(text: str, _: DataType) -> str:
    def number(index: int) -> str:
        return f"coalesce(CAST(g[{index}] AS bigint), 0L)"

    seconds = f"{number(2)} * 3600 + {number(3)} * 60 + {number(4)}"
    offset = f"({number(7)} * 3600 + {number(8)} * 60)"
    seconds += f" + CASE WHEN g[6] = '-' THEN {offset} ELSE -{offset} END"
    days = "unix_date(try_cast(g[1] AS date))"
    micros = "CAST(rpad(left(g[5], 6), 6, '0') AS int)"
    moment = f"timestamp_micros(({days} * {_DAY_SECONDS}L + {seconds}) * 1000000 + {micros})"
    far = strptime.matched(text, f"^{_TIMESTAMP}\\z", 8, moment)
    # Spark takes no offset beyond 18 hours, DuckDB takes any.
    return _if_matches(text, _TIMESTAMP, f"coalesce(try_cast({text} AS timestamp), {far})")


_READERS = {
    "boolean": _read_boolean,
    "int": _read_integer,
    "bigint": _read_integer,
    "double": _read_double,
    "decimal": _read_decimal,
    "date": _read_date,
    "timestamp": _read_timestamp,
}


def strict(sql: str, source: str, target: DataType) -> str | None:
    """Convert a typed value without loss; see casts.strict. `source` is as Spark spells it."""
    if source == "string":
        return from_text(sql, target)
    if source == "void":
        return f"CAST({sql} AS {target.name})"
    if source == target.name and target.base != "double":
        return sql
    return _converted(sql, source, target) if _castable(source, target) else None


def _converted(sql: str, source: str, target: DataType) -> str:
    if target.base == "string":
        return as_text(sql, source)
    if is_number(source):
        return _number(sql, source, target)
    cast = f"try_cast({sql} AS {target.name})"
    if target.base == "date":
        return f"CASE WHEN {sql} = date_trunc('DAY', {sql}) THEN {cast} END"
    return cast


def _number(sql: str, source: str, target: DataType) -> str:
    """Convert a number to a type that holds numbers, without loss."""
    cast = f"try_cast({sql} AS {target.name})"
    if target.base == "double":
        return _finite(cast)
    if is_integer(source):
        return cast
    if target.base == "decimal":
        if is_decimal(source):
            return f"CASE WHEN {cast} = {sql} THEN {cast} END"
        # The shortest text of the double is the number that its author meant.
        exact = f"try_cast(CAST({sql} AS string) AS {target.name})"
        return f"CASE WHEN CAST({exact} AS double) = {sql} THEN {exact} END"
    if is_decimal(source):
        return f"CASE WHEN {sql} = floor({sql}) THEN {cast} END"
    return f"CASE WHEN {sql} = rint({sql}) AND {sql} < {_BEYOND_BIGINT} THEN {cast} END"


def _castable(source: str, target: DataType) -> bool:
    known = is_number(source) or source in ("boolean", "date", *_TIMESTAMPS)
    if target.base == "string":
        return known
    if target.base == "boolean":
        return source == "boolean"
    if target.base in ("int", "bigint", "double", "decimal"):
        return is_number(source) or source == "boolean"
    if target.base == "date":
        return source in _TIMESTAMPS
    return source == "date" or source in _TIMESTAMPS


def _if_matches(text: str, pattern: str, result: str) -> str:
    # rlike looks for the pattern anywhere, and $ also stands before a last line end.
    whole = rf"^({pattern})\z"
    return f"CASE WHEN {text} RLIKE {literal(whole)} THEN {result} END"


def _finite(sql: str) -> str:
    return f"CASE WHEN abs({sql}) < double('Infinity') THEN {sql} END"
