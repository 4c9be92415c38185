"""DuckDB SQL that turns values of one type into another; what does not fit becomes NULL.

DuckDB's own casts are lenient: '1.5' becomes the bigint 2, '1_000' and '0x1F' are numbers, and
the zone of a timestamp is dropped. Nothing here rounds, and nothing guesses.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from datatypes import MAX_PRECISION, DataType

# Blank characters at either end of a value never count: space, tab, line ends, no-break space.
BLANKS = " \t\n\r\x0b\x0c\u00a0"
_TRUE = "('true', 't', 'yes', 'y', '1')"
_FALSE = "('false', 'f', 'no', 'n', '0')"
_SPECIAL = "('epoch', 'infinity', '-infinity')"
_INTEGER = "[+-]?[0-9]+"
_DOUBLE = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
# DuckDB takes 100 times longer to read a decimal of more digits.
_FAST_DIGITS = 18
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIMESTAMP = (
    rf"{_DATE}([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{{1,9}})?)?"
    r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?"
)
_PLAIN_DATE = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"
_PLAIN_TIMESTAMP = rf"{_PLAIN_DATE}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{{1,6}})?Z?"
_INTEGERS = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
)
_TIMESTAMPS = (
    *("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"),
    "TIMESTAMP WITH TIME ZONE",
)

ALLOWED = {
    "string": "any text",
    "boolean": "true/false, t/f, yes/no, y/n or 1/0",
    "int": "a whole number from -2147483648 to 2147483647",
    "bigint": "a whole number from -2^63 to 2^63-1",
    "double": "a finite number such as -1.5 or 2e3",
    "date": "yyyy-mm-dd",
    "timestamp": "yyyy-mm-dd hh:mm[:ss[.ffffff]], with T or a blank, and Z or an offset if any",
}


def literal(text: str) -> str:
    """Write a text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def trimmed(sql: str) -> str:
    """Take the blanks off both ends of a text; `sql` is evaluated more than once."""
    # Trimming by a list of characters is slow, and few texts have anything to trim.
    clean = f"{sql} >= '!' AND {sql}[-1] >= '!' AND NOT contains({sql}, '\u00a0')"
    return f"CASE WHEN {clean} THEN {sql} ELSE {_trim(sql)} END"


def _trim(sql: str) -> str:
    return f"trim({sql}, {literal(BLANKS)})"


def may_be_one_of(sql: str, texts: Collection[str]) -> str:
    """Tell cheaply which texts can be one of `texts` between blanks: all that are, and few more."""
    ranges = [("\u00a0", "\u00a1")]
    ranges += [(text, f"{text}\u00a1") for text in {text.strip(BLANKS) for text in texts} if text]
    within = [
        f"({sql} >= {literal(low)} AND {sql} < {literal(high)})" for low, high in sorted(ranges)
    ]
    return " OR ".join([f"{sql} < '!'", *within])


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


def allowed(target: DataType, pattern: str | None = None) -> str:
    """Say which texts are a value of the type."""
    if pattern is not None:
        return f"format {pattern}"
    if target.base == "decimal":
        whole = target.precision - target.scale
        return f"at most {whole} digits before the point and {target.scale} after it"
    return ALLOWED[target.base]


def from_text(sql: str, target: DataType, pattern: str | None = None) -> str:
    """
    Read a text as a value of a type.

    Parameters
    ----------
    sql
        An expression of type VARCHAR; it is evaluated more than once.
    target
        The type wanted.
    pattern
        The strptime format of a date or timestamp; ISO 8601 if it is None.

    Returns
    -------
    str
        An expression of type `target.duckdb`, NULL where the text is no such value. Fractions
        of a second beyond microseconds are cut off; no other digit is ever lost.
    """
    if target.base == "string":
        return sql
    text = trimmed(sql)
    if pattern is not None:
        # With a zone in the pattern this is a TIMESTAMPTZ, which the session's UTC makes plain.
        parsed = f"CAST(try_strptime({text}, {literal(pattern)}) AS TIMESTAMP)"
        # These DuckDB takes for moments in any format.
        parsed = f"CASE WHEN lower({text}) NOT IN {_SPECIAL} THEN {parsed} END"
        return parsed if target.base == "timestamp" else f"CAST({parsed} AS DATE)"
    return _READERS[target.base](text, target)


def proven(sql: str, target: DataType, pattern: str | None, nulls: Collection[str]) -> str | None:
    """
    Read the texts that cheap tests show to be a value: most of them, in most files.

    Parameters
    ----------
    sql, target, pattern
        As for `from_text`.
    nulls
        Texts that stand for null, whatever blanks are around them.

    Returns
    -------
    str or None
        An expression that is what `from_text` gives, or NULL if that is not proven: as for what
        may be one of `nulls`. None: no cheap test is known.
    """
    value = f"TRY_CAST(nullif({sql}, '') AS {target.duckdb})"
    written = f"CAST({value} AS VARCHAR)"
    tests = {
        # DuckDB writes each number in one way, which is one that is read.
        "int": f"{written} = {sql}",
        "bigint": f"{written} = {sql}",
        "decimal": f"({written} = {sql} OR starts_with({written}, {sql}))",
        # DuckDB would also read underscores, two signs, inf and nan.
        "double": f"{sql} BETWEEN '-' AND ':' AND NOT contains({sql}, '_') AND isfinite({value})",
        "date": _matches(sql, _PLAIN_DATE),
        "timestamp": _matches(sql, _PLAIN_TIMESTAMP),
    }
    test = tests.get(target.base)
    if pattern is not None:
        test = f"{sql} BETWEEN '0' AND ':'" if pattern == pattern.strip(BLANKS) else None
    if pattern is not None or target.base == "date":
        # Functions, unlike casts, run only once for each text of a column's dictionary.
        parsed = f"try_strptime({sql}, {literal(pattern or '%Y-%m-%d')})"
        value = f"CAST({parsed} AS {target.duckdb})"
    # A text without digits is no value of these types.
    alike = [null for null in nulls if re.search("[0-9]", null)]
    if test is None or (alike and (pattern is not None or target.base == "double")):
        # The test of a double or a format passes over blanks, behind which a null can be.
        return None
    test = " AND ".join([test, *(f"{sql} <> {literal(null)}" for null in alike)])
    return f"CASE WHEN {test} THEN {value} END"


def _read_boolean(text: str, _: DataType) -> str:
    return (
        f"CASE WHEN lower({text}) IN {_TRUE} THEN true "
        f"WHEN lower({text}) IN {_FALSE} THEN false END"
    )


def _read_integer(text: str, target: DataType) -> str:
    return _if_matches(text, _INTEGER, f"TRY_CAST({text} AS {target.duckdb})")


def _read_double(text: str, _: DataType) -> str:
    return _finite(_if_matches(text, _DOUBLE, f"TRY_CAST({text} AS DOUBLE)"))


def _read_decimal(text: str, target: DataType) -> str:
    """Read a plain number that has no digit but 0 beyond the scale."""
    scale = target.scale
    plain = (
        rf"[+-]?([0-9]+(\.[0-9]{{0,{scale}}}0*)?|\.[0-9]{{1,{scale}}}0*)"
        if scale
        else r"[+-]?[0-9]+(\.0*)?"
    )
    cast = f"TRY_CAST({text} AS {target.duckdb})"
    if target.precision > _FAST_DIGITS >= scale:
        fast = f"TRY_CAST({text} AS DECIMAL({_FAST_DIGITS}, {scale}))"
        cast = f"coalesce(CAST({fast} AS {target.duckdb}), {cast})"
    return _if_matches(text, plain, cast)


def _read_date(text: str, _: DataType) -> str:
    return _if_matches(text, _DATE, f"TRY_CAST({text} AS DATE)")


def _read_timestamp(text: str, _: DataType) -> str:
    # DuckDB wants seconds where there is a zone, and forgets the zone of a plain TIMESTAMP.
    seconds = rf"regexp_replace({text}, '^(.{{10}}[T ].{{5}})(Z|[+-].*)$', '\1:00\2')"
    return _if_matches(text, _TIMESTAMP, f"CAST(TRY_CAST({seconds} AS TIMESTAMPTZ) AS TIMESTAMP)")


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
    """
    Convert a typed value without loss.

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
        An expression of type `target.duckdb`, NULL where the value does not fit exactly; None
        if no value of the source type ever could.
    """
    if source == "VARCHAR":
        return from_text(sql, target)
    if source == target.duckdb and target.base != "double":
        return sql
    if not _castable(source, target) or (target.base == "boolean" and source != "BOOLEAN"):
        return None
    cast = f"TRY_CAST({sql} AS {target.duckdb})"
    if target.base == "date":
        return f"CASE WHEN {sql} = date_trunc('day', {sql}) THEN {cast} END"
    return _number(sql, source, target) if is_number(source) else cast


def _number(sql: str, source: str, target: DataType) -> str:
    """Convert a number to a type that holds numbers or texts, without loss."""
    cast = f"TRY_CAST({sql} AS {target.duckdb})"
    if target.base == "double":
        return _finite(cast)
    if is_integer(source) or target.base == "string":
        return cast
    if target.base == "decimal":
        if is_decimal(source):
            return _decimal(sql, source, target)
        # The shortest text of the double is the number that its author meant.
        exact = f"TRY_CAST(CAST({sql} AS VARCHAR) AS {target.duckdb})"
        return f"CASE WHEN CAST({exact} AS DOUBLE) = {sql} THEN {exact} END"
    return f"CASE WHEN {sql} = trunc({sql}) THEN {cast} END"


def _decimal(sql: str, source: str, target: DataType) -> str:
    """Convert a decimal to one of other digits, without loss."""
    precision, scale = map(int, re.findall("[0-9]+", source))
    if target.scale >= scale:
        return f"TRY_CAST({sql} AS {target.duckdb})"
    # In one step DuckDB finds no room for 9.90 in a DECIMAL(2,1).
    digits = _FAST_DIGITS if precision <= _FAST_DIGITS else MAX_PRECISION
    cut = f"TRY_CAST(CAST({sql} AS DECIMAL({digits},{target.scale})) AS {target.duckdb})"
    least = "0." + "1".zfill(target.scale) if target.scale else "1"
    unit = f"CAST('{least}' AS DECIMAL({max(1, target.scale)},{target.scale}))"
    return f"CASE WHEN {sql} % {unit} = 0 THEN {cut} END"


def spark(sql: str, source: str, target: DataType) -> str | None:
    """
    Cast as Spark does without ANSI mode: NULL where it fails, truncation where it is inexact.

    The parameters and the result are those of `strict`.
    """
    if source == "VARCHAR":
        return _spark_from_text(sql, target)
    whole = target.base in ("int", "bigint")
    if target.base == "timestamp" and is_integer(source):
        return f"make_timestamp(CAST({sql} AS BIGINT) * 1000000)"
    if whole and is_timestamp(source):
        value = f"floor(epoch({sql}))"
    elif not _castable(source, target):
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
    text = _trim(sql)
    # regexp_extract gives '' for what does not match, and '' casts to NULL.
    if target.base in ("int", "bigint"):
        whole = rf"regexp_extract({text}, '^([+-]?[0-9]+)(?:\.[0-9]*)?$', 1)"
        return f"TRY_CAST({whole} AS {target.duckdb})"
    if target.base == "decimal":
        return _if_matches(text, _DOUBLE, f"TRY_CAST({text} AS {target.duckdb})")
    return _READERS[target.base](text, target)


def _castable(source: str, target: DataType) -> bool:
    """Whether a typed value may be cast at all."""
    if target.base == "string" or source == target.duckdb:
        return True
    if target.base in ("int", "bigint", "double", "decimal", "boolean"):
        return is_number(source) or source == "BOOLEAN"
    if target.base == "date":
        return is_timestamp(source)
    return source == "DATE" or is_timestamp(source)


def _if_matches(text: str, pattern: str, result: str) -> str:
    return f"CASE WHEN {_matches(text, pattern)} THEN {result} END"


def _matches(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {literal(pattern)})"


def _finite(sql: str) -> str:
    return f"CASE WHEN isfinite({sql}) THEN {sql} END"
