"""Trino's functions that the local Athena runs, and the formats of their date patterns."""

from __future__ import annotations

import re

from local.athena.errors import not_emulated

# Each name here is run by a test that asserts Trino's answer.
_FUNCTIONS = """
    abs all_match any_match any_value approx_distinct approx_percentile arbitrary array_agg
    array_distinct array_join array_max array_min array_sort avg bool_and bool_or cardinality
    cast ceil ceiling coalesce concat contains corr count count_if cume_dist
    current_date date date_add date_diff date_format date_parse date_trunc day day_of_month
    day_of_week day_of_year degrees dense_rank dow doy element_at every exp extract filter
    first_value flatten floor format_datetime from_iso8601_date from_iso8601_timestamp
    from_unixtime greatest hour if json_extract_scalar lag last_day_of_month last_value lead
    least length listagg ln log10 log2 lower lpad ltrim max max_by min min_by minute mod month
    none_match now nth_value ntile nullif parse_datetime percent_rank pi pow power quarter
    radians rank regexp_extract regexp_like regexp_replace replace reverse round row_number rpad
    rtrim second sequence sign split split_part sqrt starts_with stddev stddev_pop stddev_samp
    strpos substr substring sum to_unixtime transform trim truncate try_cast upper
    var_pop var_samp variance week week_of_year year year_of_week
"""
FUNCTIONS = frozenset(_FUNCTIONS.split())

# Functions of Trino that users reach for and that DuckDB answers differently.
UNEMULATED_HINT = {
    "at_timezone": "timestamps are without a zone, in UTC",
    "format": "use concat and CAST",
    "histogram": "use GROUP BY and count(*)",
    "json_extract": "use json_extract_scalar",
    "json_format": "use json_extract_scalar",
    "json_parse": "use json_extract_scalar",
    "map_agg": "use array_agg",
    "multimap_agg": "use array_agg",
    "reduce": "use UNNEST and an aggregate",
    "try": "use try_cast or nullif",
    "typeof": "DESCRIBE shows the types of a table",
}

MACROS = (
    "CREATE MACRO trino_int_div(a, b) AS CASE WHEN b = 0 "
    "THEN error('DIVISION_BY_ZERO: Division by zero') ELSE a // b END",
    "CREATE MACRO trino_int_mod(a, b) AS CASE WHEN b = 0 "
    "THEN error('DIVISION_BY_ZERO: Division by zero') ELSE a % b END",
    "CREATE MACRO trino_divisor(b) AS CASE WHEN b = 0 "
    "THEN error('DIVISION_BY_ZERO: Division by zero') ELSE CAST(b AS DOUBLE) END",
    "CREATE MACRO trino_text_to_int(x, kind) AS CASE WHEN x IS NULL "
    r"OR regexp_full_match(x, '[+-]?\d+') THEN x "
    "ELSE error('INVALID_CAST_ARGUMENT: Cannot cast ''' || x || ''' to ' || kind) END",
    "CREATE MACRO trino_try_text_to_int(x) AS "
    r"CASE WHEN regexp_full_match(x, '[+-]?\d+') THEN x END",
    "CREATE MACRO trino_regexp_extract(x, pattern, part) AS "
    "CASE WHEN regexp_matches(x, pattern) THEN regexp_extract(x, pattern, part) END",
    "CREATE MACRO trino_json_scalar(x, path) AS CASE WHEN json_valid(x) "
    "AND json_type(x, path) NOT IN ('OBJECT', 'ARRAY', 'NULL') "
    "THEN json_extract_string(x, path) END",
    "CREATE MACRO trino_subscript(a, i) AS CASE WHEN i = 0 "
    "THEN error('INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1') "
    "WHEN i < 0 THEN error('INVALID_FUNCTION_ARGUMENT: Array subscript is negative: ' || i) "
    "WHEN i > len(a) THEN error('INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or "
    "equal to array length: ' || i || ' > ' || len(a)) ELSE list_extract(a, i) END",
    "CREATE MACRO trino_element_at(a, i) AS CASE WHEN i = 0 "
    "THEN error('INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1') "
    "ELSE list_extract(a, i) END",
    "CREATE MACRO trino_key(m, k) AS CASE WHEN NOT map_contains(m, k) "
    "THEN error('INVALID_FUNCTION_ARGUMENT: Key not present in map: ' || k) ELSE m[k] END",
    "CREATE MACRO trino_any(found) AS coalesce(list_bool_or(found), false)",
    "CREATE MACRO trino_all(found) AS coalesce(list_bool_and(found), true)",
    "CREATE MACRO trino_timestamp_text(x) AS strftime(x, '%Y-%m-%d %H:%M:%S.%g')",
)

_JODA = {
    "yyyy": "%Y",
    "yy": "%y",
    "MMMM": "%B",
    "MMM": "%b",
    "MM": "%m",
    "dd": "%d",
    "HH": "%H",
    "hh": "%I",
    "mm": "%M",
    "ss": "%S",
    "SSS": "%g",
    "EEEE": "%A",
    "EEE": "%a",
    "a": "%p",
    "DDD": "%j",
    "xxxx": "%G",
    "ww": "%V",
    "e": "%u",
}


def strftime_of_joda(pattern: str) -> str:
    """Return the strftime pattern of a Joda pattern, as format_datetime takes it.

    Raises
    ------
    QueryFailedError
        For a letter run that has no strftime counterpart of the same width.
    """
    parts: list[str] = []
    for found in re.finditer(
        r"'(?P<quoted>(?:[^']|'')*)'|(?P<letter>[A-Za-z])(?P=letter)*|.", pattern
    ):
        piece = found[0]
        if found["quoted"] is not None:
            parts.append(found["quoted"].replace("''", "'").replace("%", "%%") or "'")
        elif found["letter"] is None:
            parts.append(piece.replace("%", "%%"))
        elif piece in _JODA:
            parts.append(_JODA[piece])
        else:
            raise not_emulated(
                f"{piece!r} in the pattern {pattern!r}", f"known are {', '.join(_JODA)}"
            )
    return "".join(parts)
