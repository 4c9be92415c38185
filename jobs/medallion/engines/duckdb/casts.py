"""DuckDB SQL that turns values of one type into another; what does not fit becomes NULL.

DuckDB's own casts are lenient: '1.5' becomes the bigint 2, '1_000' and '0x1F' are numbers, and
the zone of a timestamp is dropped. Nothing here rounds, and nothing guesses.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from medallion.datatypes import BLANKS, MAX_PRECISION, DataType
from medallion.duckdb_sql import (
    finite,
    if_matches,
    is_decimal,
    is_integer,
    is_number,
    literal,
    matches,
    trimmed,
)
from medallion.sparksql.casts import READERS, castable

_SPECIAL = "('epoch', 'infinity', '-infinity')"
_INTEGER = "[+-]?[0-9]+"
# DuckDB takes 100 times longer to read a decimal of more digits.
_FAST_DIGITS = 18
_PLAIN_DATE = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"
_PLAIN_TIMESTAMP = rf"{_PLAIN_DATE}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{{1,6}})?Z?"


def may_be_one_of(sql: str, texts: Collection[str]) -> str:
    """Tell cheaply which texts can be one of `texts` between blanks: all that are, and few more."""
    ranges = [("\u00a0", "\u00a1")]
    ranges += [(text, f"{text}\u00a1") for text in {text.strip(BLANKS) for text in texts} if text]
    within = [
        f"({sql} >= {literal(low)} AND {sql} < {literal(high)})" for low, high in sorted(ranges)
    ]
    return " OR ".join([f"{sql} < '!'", *within])


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
        "date": matches(sql, _PLAIN_DATE),
        "timestamp": matches(sql, _PLAIN_TIMESTAMP),
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


def _read_integer(text: str, target: DataType) -> str:
    return if_matches(text, _INTEGER, f"TRY_CAST({text} AS {target.duckdb})")


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
    return if_matches(text, plain, cast)


_READERS = {**READERS, "int": _read_integer, "bigint": _read_integer, "decimal": _read_decimal}


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
    if not castable(source, target) or (target.base == "boolean" and source != "BOOLEAN"):
        return None
    cast = f"TRY_CAST({sql} AS {target.duckdb})"
    if target.base == "date":
        return f"CASE WHEN {sql} = date_trunc('day', {sql}) THEN {cast} END"
    return _number(sql, source, target) if is_number(source) else cast


def _number(sql: str, source: str, target: DataType) -> str:
    """Convert a number to a type that holds numbers or texts, without loss."""
    cast = f"TRY_CAST({sql} AS {target.duckdb})"
    if target.base == "double":
        return finite(cast)
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
