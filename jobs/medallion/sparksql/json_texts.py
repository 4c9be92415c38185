r"""JSON texts in DuckDB, read and written as Spark does.

Spark reads a text only as far as it needs to, takes texts in apostrophes and line ends in them, and
writes numbers as Java does. DuckDB takes commas before a closing bracket, and NaN. What both
see alike is told by a regular expression, and not looked at any further.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Union

from medallion.duckdb_sql import literal

# A name, or a place in an array.
Step = Union[str, int]

_TEXT = r'"(?:[^"\\]|\\.)*"'
_TEXT_OR_QUOTED = rf"{_TEXT}|'(?:[^'\\]|\\.)*'"
# Text in no quotes that DuckDB reads and Spark does not.
_LOOSE = r",\s*[\]}]|(?:^|[\s:\[,+-])(?i:nan|inf)"
_EVEN = r"((?:^|[^\\])(?:\\\\)*)"
_NULL = "CAST(_v AS VARCHAR) = 'null'"
# Numbers that Java writes in its own way, and letters that are two for Java.
_ASTRAL = r"[\x{10000}-\x{10FFFF}]"
_UNLIKE = rf"[0-9][.eE]|{_ASTRAL}"


def let(name: str, value: str, result: str) -> str:
    """Write an expression in which a name stands for a value, which is computed once."""
    return f"(list_transform([{value}], lambda {name}: {result})[1])"


def _each(parts: str, name: str, result: str) -> str:
    """Write the text that parts make, each of which becomes another one."""
    return f"array_to_string(list_transform({parts}, lambda {name}: {result}), '')"


def clean(sql: str, *, controls: bool = True) -> str:
    """
    Write what gives a JSON text as DuckDB reads it, and NULL for what Spark does not read.

    Parameters
    ----------
    sql
        The text.
    controls
        Whether texts in it may hold control characters, such as the end of a line.
    """
    parts = f"(?s){_TEXT_OR_QUOTED}|[\\[{{]|[\\]}}]|[^\"'\\[{{\\]}}]+|[\"']"
    # Where the first value ends: what is behind it does not count.
    depth = "_s.d + CASE WHEN _p.t IN ('[', '{') THEN 1 WHEN _p.t IN (']', '}') THEN -1 ELSE 0 END"
    after = (
        f"{{'t': '', 'i': _s.i + 1, 'd': {depth}, 'end': CASE WHEN _s.\"end\" = 0 AND {depth} = 0 "
        "AND _p.t IN (']', '}') THEN _s.i + 1 ELSE _s.\"end\" END}"
    )
    start = "{'t': '', 'i': 0, 'd': 0, 'end': 0}"
    states = "list_transform(_t, lambda _e: {'t': _e, 'i': 0, 'd': 0, 'end': 0})"
    end = f'list_reduce({states}, lambda _s, _p: {after}, {start})."end"'
    cut = f"_t[:CASE WHEN {end} = 0 THEN len(_t) ELSE {end} END]"
    outside = (
        f"regexp_replace(array_to_string(_c, ''), {literal('(?s)' + _TEXT_OR_QUOTED)}, '0', 'g')"
    )
    mended = _each("_c", "_p", _mended("_p", controls))
    valid = let("_m", mended, "CASE WHEN json_valid(_m) THEN _m END")
    is_strict = f"NOT regexp_matches({outside}, {literal(_LOOSE)})"
    slow = let("_c", cut, f"CASE WHEN {is_strict} THEN {valid} END")
    slow = let("_t", f"regexp_extract_all(_x, {literal(parts)})", slow)
    return let("_x", sql, f"CASE WHEN {is_plain('_x')} THEN _x WHEN _x <> '' THEN {slow} END")


def is_plain(sql: str) -> str:
    """Write whether a text is JSON for DuckDB and for Spark."""
    return f"json_valid({sql}) AND NOT regexp_matches({sql}, {literal(_LOOSE)})"


def fast(sql: str, path: Sequence[Step], slow: str) -> str:
    """Write how to get what most paths lead to, a text or a whole number, without looking twice."""
    place = literal(_duckdb_path(path))
    is_simple = f"json_type({sql}, {place}) IN ('VARCHAR', 'UBIGINT', 'BIGINT', 'BOOLEAN')"
    return (
        f"(CASE WHEN {is_plain(sql)} AND {is_simple} THEN json_extract_string({sql}, {place}) "
        f"ELSE {slow} END)"
    )


def _mended(part: str, controls: bool) -> str:
    """Write a text in the quotes and with the escapes that JSON wants."""
    quote = literal(rf'{_EVEN}"')
    # Twice, since what comes before a quote is looked at, too.
    inner = rf"replace({part}[2:-2], '\''', '''')"
    for _ in range(2):
        inner = rf"""regexp_replace({inner}, {quote}, '\1\\"', 'g')"""
    quoted = f"'\"' || {inner} || '\"'"
    apostrophe = literal(rf"{_EVEN}\\'")
    text = rf"regexp_replace({part}, {apostrophe}, '\1''', 'g')"
    fixed = f"CASE WHEN starts_with({part}, '''') THEN {quoted} ELSE {text} END"
    if controls:
        sign = r"CASE WHEN _k < ' ' THEN format('\u{:04x}', unicode(_k)) ELSE _k END"
        fixed = _each(f"regexp_extract_all({fixed}, '(?s).')", "_k", sign)
    return (
        f"CASE WHEN {part}[1] IN ('\"', '''') AND length({part}) > 1 THEN {fixed} ELSE {part} END"
    )


def found(json: str, path: Sequence[Step]) -> str:
    """Write the part of a clean JSON text at a path, as JSON; NULL where there is none."""
    first = f"json_extract({json}, {literal(_duckdb_path(path))})"
    names = [step for step in path if isinstance(step, str)]
    if not names:
        return first
    # Of names that come twice Spark takes the first one that leads to a value.
    is_null = f"(_v IS NULL OR {_NULL})" if isinstance(path[-1], str) else "_v IS NULL"
    twice = " OR ".join(
        f"len(string_split({json}, {literal(_quoted(name))})) > 2" for name in dict.fromkeys(names)
    )
    null = "CAST(NULL AS JSON)"
    candidates = f"[CAST({json} AS JSON)]"
    for step in path:
        candidates = _step(candidates, step)
    slow = f"{candidates}[1]"
    return let(
        "_v", first, f"CASE WHEN NOT {is_null} THEN _v WHEN {twice} THEN {slow} ELSE {null} END"
    )


def last(json: str, name: str) -> str:
    """Write the last value of a name in a clean JSON text, as JSON; NULL for null."""
    first = f"json_extract({json}, {literal(_duckdb_path([name]))})"
    all_values = f"{_values(json, name)}[-1]"
    is_twice = f"len(string_split({json}, {literal(_quoted(name))})) > 2"
    value = f"CASE WHEN {is_twice} THEN {all_values} ELSE {first} END"
    return let("_v", value, "CASE WHEN CAST(_v AS VARCHAR) <> 'null' THEN _v END")


def _step(candidates: str, step: Step) -> str:
    if isinstance(step, int):
        each = f"[json_extract(_a, '$[{step}]')]"
        kept = "_b IS NOT NULL"
    else:
        each, kept = _values("_a", step), "CAST(_b AS VARCHAR) <> 'null'"
    return (
        f"list_filter(flatten(list_transform({candidates}, lambda _a: {each})), lambda _b: {kept})"
    )


def _values(json: str, name: str) -> str:
    """Write all values of a name in an object."""
    pairs = f"list_zip(json_keys({json}), json_extract({json}, '$.*'))"
    kept = f"list_filter({pairs}, lambda _z: _z[1] = {literal(name)})"
    is_object = f"json_type({json}) = 'OBJECT'"
    return f"CASE WHEN {is_object} THEN list_transform({kept}, lambda _z: _z[2]) ELSE [] END"


def _quoted(name: str) -> str:
    return f'"{name}"'


def _duckdb_path(path: Sequence[Step]) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{_quoted(step)}" for step in path)
    return f"${''.join(steps)}"


def text(json: str) -> str:
    """Write a JSON value as Spark gives it: a text without its quotes, all else as JSON."""
    return let(
        "_w",
        f"CAST({json} AS VARCHAR)",
        "CASE WHEN starts_with(_w, '\"') THEN json_extract_string(_w, '$') "
        f"ELSE {copied('_w')} END",
    )


def copied(json: str) -> str:
    """Write the text of a JSON value as Java does."""
    number = f"CASE WHEN regexp_matches(_p, '[.eE]') THEN {_java('_p')} ELSE _p END"
    sign = let(
        "_u",
        "unicode(_k) - 65536",
        r"CASE WHEN _u < 0 THEN _k ELSE format('\u{:04X}\u{:04X}', 55296 + (_u >> 10), "
        "56320 + (_u & 1023)) END",
    )
    letters = _each("regexp_extract_all(_p, '(?s).')", "_k", sign)
    letters = f"CASE WHEN regexp_matches(_p, {literal(_ASTRAL)}) THEN {letters} ELSE _p END"
    is_number = "_p[1] BETWEEN '-' AND '9'"
    part = f"CASE WHEN _p[1] = '\"' THEN {letters} WHEN {is_number} THEN {number} ELSE _p END"
    tokens = rf'(?s){_TEXT}|-?[0-9][0-9.eE+-]*|[^"0-9-]+'
    slow = _each(f"regexp_extract_all({json}, {literal(tokens)})", "_p", part)
    return f"CASE WHEN regexp_matches({json}, {literal(_UNLIKE)}) THEN {slow} ELSE {json} END"


def _java(number: str) -> str:
    infinite = f"CASE WHEN starts_with({number}, '-') THEN '\"-Infinity\"' ELSE '\"Infinity\"' END"
    return let(
        "_d",
        f"CAST({number} AS DOUBLE)",
        f"CASE WHEN isfinite(_d) THEN {double('_d')} ELSE {infinite} END",
    )


def double(sql: str) -> str:
    """Write a double as Java does: 1.0E7 for DuckDB's 1e7."""
    digits = "rtrim(ltrim(_g, '0'), '0')"
    places = "length(split_part(split_part(_f, 'e', 1), '.', 1)) - 1"
    exponent = (
        f"coalesce(TRY_CAST(split_part(_f, 'e', 2) AS INTEGER), 0) + {places} "
        "- (length(_g) - length(ltrim(_g, '0')))"
    )
    rest = f"CASE WHEN length({digits}) > 1 THEN {digits}[2:] ELSE '0' END"
    sign = f"CASE WHEN {sql} < 0 THEN '-' ELSE '' END"
    scientific = f"{sign} || {digits}[1] || '.' || {rest} || 'E' || ({exponent})"
    scientific = let("_g", "replace(split_part(_f, 'e', 1), '.', '')", scientific)
    scientific = let("_f", f"CAST(abs({sql}) AS VARCHAR)", scientific)
    is_plain = f"{sql} = 0 OR (abs({sql}) >= 0.001 AND abs({sql}) < 10000000)"
    return f"CASE WHEN {is_plain} THEN CAST({sql} AS VARCHAR) ELSE {scientific} END"
