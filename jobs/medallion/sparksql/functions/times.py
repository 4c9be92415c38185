"""Functions of Spark SQL on dates and timestamps, written for DuckDB (see spark_sql).

Timestamps have no zone and are in UTC; the session's zone is UTC in both engines.
"""

from __future__ import annotations

import re

from sqlglot import exp

from medallion import datatypes, duckdb_sql
from medallion.errors import ConfigError
from medallion.sparksql import sqltypes
from medallion.sparksql.dialect import shown
from medallion.sparksql.operators import of
from medallion.sparksql.sqltypes import Piece
from medallion.sparksql.translator import Handler, Translator

_UNITS = {
    "YEAR": "year",
    "QUARTER": "quarter",
    "MONTH": "month",
    "WEEK": "week",
    "DAY": "day",
    "HOUR": "hour",
    "MINUTE": "minute",
    "SECOND": "second",
    "MILLISECOND": "millisecond",
    "MICROSECOND": "microsecond",
}
_TRUNCATION = {
    **_UNITS,
    **dict.fromkeys(("YYYY", "YY"), "year"),
    **dict.fromkeys(("MON", "MM"), "month"),
    "DD": "day",
}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_INTERVALS = {
    **dict.fromkeys(_MONTHS, "INTERVAL MONTHS"),
    **dict.fromkeys(("week", "day"), "INTERVAL DAYS"),
}
_DATE_TRUNCATION = ("year", "quarter", "month", "week")
_PARTS = {
    "YEAR": "year({this})",
    "QUARTER": "quarter({this})",
    "MONTH": "month({this})",
    "WEEK": "week({this})",
    "DAY": "day({this})",
    "DAYOFWEEK": "(dayofweek({this}) + 1)",
    "DOW": "(dayofweek({this}) + 1)",
    "DOY": "dayofyear({this})",
    "HOUR": "hour({this})",
    "MINUTE": "minute({this})",
}
# Of dates and times in texts, as Spark reads them.
_DIGITS, _PART = "[0-9]{4,7}", "[0-9]{1,2}"
_YEAR = f"[+]?{_DIGITS}"
_ZONE = "(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)"
_TIME = f"([01]?[0-9]|2[0-3])(:{_PART}(:{_PART}([.][0-9]*)?( ?{_ZONE})?)?)?"
# DuckDB writes infinity and years before 1 as texts, too, which Spark does not read.
_FIRST, _LAST = "TIMESTAMP '0001-01-01'", "TIMESTAMP '9999-12-31 23:59:59.999999'"
_DATE = datatypes.parse("date")
_TIMESTAMP = datatypes.parse("timestamp")
# What a Spark pattern may hold, once sqlglot has rewritten it for strptime.
_DIRECTIVE = re.compile(r"%-?([A-Za-z%])(?:strict)?")
_DIRECTIVES = "YymdHIMSfgpjbBaA"


def from_text(sql: str, target: datatypes.DataType) -> Piece:
    """Read a text as Spark reads a date or a timestamp: 2013, 2013-1 and 2013-1-5 are dates.

    A time of day may lack minutes and seconds; a zone after seconds is Z, UTC or an offset of two
    or four digits. Spark knows further zones, and years before 1, which are NULL here.
    """
    # Most texts are written in full, which is seen without regular expressions.
    kind, text = target.duckdb, duckdb_sql.trimmed(sql)
    full = f"{sql} LIKE '____-__-__' AND {sql} >= '0'"
    if target.base == "date":
        read = f"regexp_extract({text}, '^{_YEAR}(-{_PART}(-{_PART}([ T].*)?)?)?$')"
        read = f"regexp_replace({read}, '[ T].*', '')"
        read = f"TRY_CAST({_whole_day(read)} AS DATE)"
    else:
        value = f"TRY_CAST({sql} AS TIMESTAMP)"
        full = f"CAST({value} AS VARCHAR) = {sql} AND {value} BETWEEN {_FIRST} AND {_LAST}"
        read = f"regexp_extract({text}, '^{_YEAR}(-{_PART}(-{_PART}([ T]{_TIME})?)?)?$')"
        read = f"regexp_replace({read}, ' ?(Z|UTC)$', '')"
        read = rf"regexp_replace({read}, '([ T]{_PART})$', '\1:0')"
        read = rf"regexp_replace({_whole_day(read)}, ' ([+-])', '\1')"
        read = f"CAST(TRY_CAST({read} AS TIMESTAMPTZ) AS TIMESTAMP)"
    return Piece(f"(CASE WHEN {full} THEN TRY_CAST({sql} AS {kind}) ELSE {read} END)", kind)


def _whole_day(sql: str) -> str:
    """Write a year as its first month, and a month as its first day; without a plus."""
    month = rf"regexp_replace(ltrim({sql}, '+'), '^{_DIGITS}$', '\0-1')"
    return rf"regexp_replace({month}, '^{_DIGITS}-{_PART}$', '\0-1')"


def _time(t: Translator, node: exp.Expr) -> Piece:
    return t.time(node, "timestamp")


def _date(t: Translator, node: exp.Expr) -> Piece:
    return t.time(node, "date")


def _weekday(t: Translator, node: exp.Expr) -> Piece:
    if len(node.expressions) != 1:
        raise ConfigError(f"'{shown(node)}' takes one argument")
    return sqltypes.cast(f"(isodow({_date(t, node.expressions[0])}) - 1)", "INTEGER")


def _extract(t: Translator, node: exp.Expr) -> str:
    part = node.name.upper()
    if part not in _PARTS:
        raise ConfigError(f"'{shown(node)}': extract one of {', '.join(_PARTS)}")
    return _PARTS[part].format(this=_time(t, node.expression))


def _unit(node: exp.Expr, units: dict[str, str]) -> str:
    """Read the unit of a function, such as MINUTE."""
    unit = node.args.get("unit")
    name = unit.name.upper() if unit is not None else "DAY"
    found = units.get(name) or units.get(name.rstrip("S"))
    if found is None:
        raise ConfigError(f"'{shown(node)}': unknown unit '{name}'; known: {', '.join(units)}")
    return found


def _interval_of(unit: str, number: str) -> str:
    """Write an interval of so many units; the number may be a column."""
    if unit == "quarter":
        return f"to_months(CAST(3 * {number} AS INTEGER))"
    whole = "INTEGER" if unit in ("year", "month", "week", "day") else "BIGINT"
    if unit == "second":
        return f"to_microseconds(CAST(round({number} * 1000000) AS BIGINT))"
    return f"to_{unit}s(CAST({number} AS {whole}))"


def _interval(t: Translator, node: exp.Expr) -> Piece:
    if node.args.get("unit") is None:
        raise ConfigError(f"'{shown(node)}': write it as INTERVAL 1 DAY + INTERVAL 2 HOURS")
    unit = _unit(node, _UNITS)
    number = node.this
    if number.is_string and not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", number.name):
        raise ConfigError(f"'{shown(node)}': {number.name!r} is not a number")
    count = number.name if number.is_string else str(t.sql(number))
    return Piece(_interval_of(unit, count), _INTERVALS.get(unit, "INTERVAL TIME"))


def _make_interval(t: Translator, node: exp.Expr) -> str:
    parts = []
    for unit in ("year", "month", "week", "day", "hour", "minute", "second"):
        number = node.args.get(unit)
        if isinstance(number, exp.Kwarg):
            raise ConfigError(f"'{shown(node)}': give the numbers in order, without names")
        if number is not None and number.name != "0":
            parts.append(_interval_of(unit, str(t.sql(number))))
    return f"({' + '.join(parts) or _interval_of('day', '0')})"


def _timestamp_add(t: Translator, node: exp.Expr) -> str:
    interval = _interval_of(_unit(node, _UNITS), str(t.sql(node.expression)))
    return f"({_time(t, node.this)} + {interval})"


def _date_diff(t: Translator, node: exp.Expr) -> Piece:
    if node.args.get("unit") is not None:
        return _timestamp_diff(t, node)
    days = f"date_diff('day', {_date(t, node.expression)}, {_date(t, node.this)})"
    return sqltypes.cast(days, "INTEGER")


def _timestamp_diff(t: Translator, node: exp.Expr) -> Piece:
    # Whole units that have passed, where DuckDB's date_diff counts boundaries.
    unit = _unit(node, _UNITS)
    start, end = _time(t, node.expression), _time(t, node.this)
    if unit not in _MONTHS:
        return Piece(f"date_sub('{unit}', {start}, {end})", "BIGINT")
    # date_sub lets a month end on the last day of a shorter one. Spark does as Java: a day that is
    # not complete does not count, and then months are compared as numbers of 32 days.
    first, last = (f"CAST({time} AS DATE)" for time in (start, end))
    earlier, later = (
        f"{last} {sign} {first} AND CAST({end} AS TIME) {other} CAST({start} AS TIME)"
        for sign, other in (("<", ">"), (">", "<"))
    )
    last = f"({last} + CASE WHEN {later} THEN -1 WHEN {earlier} THEN 1 ELSE 0 END)"
    until, since = (
        f"((year({day}) * 12 + month({day})) * 32 + day({day}))" for day in (last, first)
    )
    return Piece(f"(({until} - {since}) // {32 * _MONTHS[unit]})", "BIGINT")


def _months_between(t: Translator, node: exp.Expr) -> str:
    sides = [node.this, node.expression]
    are_days = all(t.sql(side).kind == "DATE" for side in sides)
    end, start = (_date(t, side) if are_days else _time(t, side) for side in sides)
    months = f"date_diff('month', {start}, {end})"
    # Equal days of the month, or both the last: the time of day does not count.
    same = (
        f"(day({start}) = day({end}) OR ({start} >= last_day({start}) "
        f"AND {end} >= last_day({end})))"
    )
    seconds = f"(day({end}) - day({start})) * 86400"
    if not are_days:
        first, last = (
            f"date_diff('second', date_trunc('day', {time}), {time})" for time in (start, end)
        )
        seconds = f"({seconds} + {last} - {first})"
    part = f"{months} + {seconds} / 2678400"
    rounded = t.optional(node, "roundoff", "true")
    if rounded == "true":
        part = f"floor(({part}) * 100000000 + 0.5::DOUBLE) / 100000000"
    elif rounded != "false":
        raise ConfigError(f"'{shown(node)}': the third argument is true or false")
    return f"(CASE WHEN {same} THEN CAST({months} AS DOUBLE) ELSE {part} END)"


def _date_trunc(t: Translator, node: exp.Expr) -> str:
    # Of whole days DuckDB makes a date.
    return f"CAST(date_trunc('{_unit(node, _TRUNCATION)}', {_time(t, node.this)}) AS TIMESTAMP)"


def _trunc(t: Translator, node: exp.Expr) -> str:
    unit = _unit(node, _TRUNCATION)
    if unit not in _DATE_TRUNCATION:
        raise ConfigError(f"'{shown(node)}': truncate a date to {', '.join(_DATE_TRUNCATION)}")
    return f"CAST(date_trunc('{unit}', {_date(t, node.this)}) AS DATE)"


def _make_date(t: Translator, node: exp.Expr) -> Piece:
    parts = ", ".join(f"CAST({part} AS BIGINT)" for part in t.arguments(node, 3, 3))
    return Piece(f"TRY(make_date({parts}))", "DATE")


def _make_timestamp(t: Translator, node: exp.Expr) -> str:
    names = ("year", "month", "day", "hour", "min", "sec")
    if any(node.args.get(name) is None for name in names) or node.args.get("zone") is not None:
        raise ConfigError(f"'{shown(node)}' needs year, month, day, hour, minute, second")
    parts = [t.sql(node.args[name]) for name in names]
    whole = ", ".join(f"CAST({part} AS BIGINT)" for part in parts[:5])
    # DuckDB takes 24:00 for the next day; Spark has no such time and gives null.
    hour = parts[3]
    made = f"TRY(make_timestamp({whole}, CAST({parts[5]} AS DOUBLE)))"
    return f"(CASE WHEN {hour} < 24 THEN {made} END)"


def _format(node: exp.Expr) -> str:
    """Read a Spark pattern, most of which sqlglot has rewritten for strptime."""
    written = node.args["format"]
    if not written.is_string:
        raise ConfigError(f"'{shown(node)}': the pattern must be a text in quotes")
    text = _DIRECTIVE.sub(lambda found: found[0].replace("strict", ""), written.name)
    # What it leaves: fractions of a second, and texts in quotes such as 'T'.
    text = re.sub("S{6}", "%f", text)
    text = re.sub("SSS", "%g", text)
    text = re.sub("'([^'%]*)'", r"\1", text)
    unknown = re.sub(f"%-?[{_DIRECTIVES}]|[^A-Za-z%']|(?<=%d)T(?=%H)", "", text)
    if unknown:
        raise ConfigError(
            f"'{shown(node)}': the pattern is not supported; it may hold yyyy MM dd HH hh mm "
            "ss SSS SSSSSS a E MMM and signs between them"
        )
    return duckdb_sql.literal(text)


def _parse_time(t: Translator, node: exp.Expr) -> str:
    value = t.sql(node.this)
    if value.kind != "VARCHAR":
        return str(_time(t, node.this))
    return f"CAST({_parsed(value, node)} AS TIMESTAMP)"


def _to_date(t: Translator, node: exp.Expr) -> str:
    value = t.sql(node.this)
    if node.args.get("format") is None or value.kind != "VARCHAR":
        return str(_date(t, node.this))
    return f"CAST({_parsed(value, node)} AS DATE)"


def _parsed(value: Piece, node: exp.Expr) -> str:
    """Read a text by a pattern: without a year it is of 1970, with two digits of 2000 to 2099."""
    pattern = _format(node)
    if "%y" not in pattern.lower():
        return f"try_strptime('1970 ' || {value}, '%Y ' || {pattern})"
    parsed = f"try_strptime({value}, {pattern})"
    if "%y" not in pattern:
        return parsed
    return f"({parsed} + to_years(CASE WHEN year({parsed}) < 2000 THEN 100 ELSE 0 END))"


def _write_time(t: Translator, node: exp.Expr) -> str:
    return f"strftime({_time(t, node.this)}, {_format(node)})"


def _unix_timestamp(t: Translator, node: exp.Expr) -> str:
    value = t.sql(node.this)
    is_text = value.kind == "VARCHAR"
    time = _parse_time(t, node) if is_text else sqltypes.as_kind(value, "TIMESTAMP")
    return f"(epoch_us({time}) // 1000000)"


def _from_seconds(t: Translator, node: exp.Expr) -> Piece:
    seconds = t.arguments(node, 1, 1)[0]
    return Piece(f"make_timestamp(CAST({seconds} * 1000000 AS BIGINT))", "TIMESTAMP")


def _from_utc(t: Translator, node: exp.Expr) -> str:
    return f"(({_time(t, node.this.this)} AT TIME ZONE 'UTC') AT TIME ZONE {_zone(t, node)})"


def _to_utc(t: Translator, node: exp.Expr) -> str:
    time, zone = _time(t, node.this.this), _zone(t, node)
    plain = f"(({time} AT TIME ZONE {zone}) AT TIME ZONE 'UTC')"
    # An hour that comes twice when clocks go back is the first one in Spark, by the offset of the
    # day before; for DuckDB it is the second.
    day = "INTERVAL 1 DAY"
    first = f"((({time} - {day}) AT TIME ZONE {zone}) AT TIME ZONE 'UTC' + {day})"
    local = f"(({first} AT TIME ZONE 'UTC') AT TIME ZONE {zone})"
    return f"(CASE WHEN {local} = {time} THEN {first} ELSE {plain} END)"


def _zone(t: Translator, node: exp.Expr) -> str:
    return str(t.sql(node.args["zone"]))


HANDLERS: dict[type[exp.Expr], Handler] = {
    exp.Interval: _interval,
    exp.DateDiff: _date_diff,
    exp.TimestampDiff: _timestamp_diff,
    **of(
        "INTEGER",
        {
            exp.Year: "year({this:date})",
            exp.Quarter: "quarter({this:date})",
            exp.Month: "month({this:date})",
            exp.WeekOfYear: "week({this:date})",
            exp.Day: "day({this:date})",
            exp.DayOfMonth: "day({this:date})",
            # 1 is Sunday in Spark, 0 is in DuckDB.
            exp.DayOfWeek: "(dayofweek({this:date}) + 1)",
            exp.DayOfYear: "dayofyear({this:date})",
            exp.Hour: "hour({this:timestamp})",
            exp.Minute: "minute({this:timestamp})",
            exp.Second: "second({this:timestamp})",
            exp.Extract: _extract,
        },
    ),
    **of(
        "DATE",
        {
            exp.LastDay: "last_day({this:date})",
            exp.TsOrDsAdd: "({this:date} + CAST({expression} AS INTEGER))",
            exp.AddMonths: ("CAST({this:date} + to_months(CAST({expression} AS INTEGER)) AS DATE)"),
            exp.DateTrunc: _trunc,
            exp.TsOrDsToDate: _to_date,
        },
    ),
    **of(
        "TIMESTAMP",
        {
            exp.TimestampAdd: _timestamp_add,
            exp.TimestampTrunc: _date_trunc,
            exp.TimestampFromParts: _make_timestamp,
            exp.StrToTime: _parse_time,
            exp.TimeStrToTime: "{this:timestamp}",
            exp.AtTimeZone: _from_utc,
            exp.FromTimeZone: _to_utc,
        },
    ),
    **of("INTERVAL", {exp.MakeInterval: _make_interval}),
    **of("VARCHAR", {exp.TimeToStr: _write_time}),
    **of("BIGINT", {exp.StrToUnix: _unix_timestamp}),
    **of("DOUBLE", {exp.MonthsBetween: _months_between}),
}

# Functions that sqlglot leaves as it finds them, by name.
NAMED: dict[str, Handler] = {
    "make_date": _make_date,
    "weekday": _weekday,
    "timestamp_seconds": _from_seconds,
}

NAMES = (
    *("add_months", "date_add", "date_format", "date_sub", "date_trunc", "dateadd", "datediff"),
    *("day", "dayofmonth", "dayofweek", "dayofyear", "extract", "from_utc_timestamp", "hour"),
    *("last_day", "make_date", "make_interval", "make_timestamp", "minute", "month"),
    *("months_between", "quarter"),
    *("second", "timestamp_seconds", "timestampadd", "timestampdiff", "to_date"),
    *("to_timestamp", "to_utc_timestamp", "trunc", "unix_timestamp", "weekday", "weekofyear"),
    "year",
)
