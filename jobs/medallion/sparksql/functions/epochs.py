"""Times of Spark SQL as numbers since 1970, and written intervals of several units, for DuckDB."""

from __future__ import annotations

import re

from sqlglot import exp

from medallion import duckdb_sql
from medallion.errors import ConfigError
from medallion.sparksql import spans, sqltypes
from medallion.sparksql.dialect import shown
from medallion.sparksql.functions import times
from medallion.sparksql.operators import of
from medallion.sparksql.sqltypes import Piece
from medallion.sparksql.translator import Handler, Translator

_UNITS = ("DAY", "HOUR", "MINUTE", "SECOND")
_MICROS = dict(zip(_UNITS, (86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000)))
_LIMITS = dict(zip(_UNITS[1:], (24, 60, 60)))
_MAX_DAYS = 106_751_991


def _whole(t: Translator, node: exp.Expr, part: exp.Expr) -> Piece:
    value = t.sql(part)
    if not duckdb_sql.is_integer(value.kind):
        raise ConfigError(f"'{shown(node)}': {shown(part)} is {value.kind}, not a whole number")
    return sqltypes.as_kind(value, "BIGINT")


def _from_unixtime(t: Translator, node: exp.Expr) -> Piece:
    _whole(t, node, node.this)
    time = exp.Anonymous(this="timestamp_seconds", expressions=[node.this.copy()])
    return t.sql(exp.TimeToStr(this=time, format=node.args["format"].copy()))


def _of_number(factor: int) -> Handler:
    def write(t: Translator, node: exp.Expr) -> Piece:
        t.arguments(node, 1, 1)
        return Piece(
            f"make_timestamp({_whole(t, node, node.expressions[0])} * {factor})", "TIMESTAMP"
        )

    return write


def _floored(factor: int) -> str:
    """Write whole units; `//` of DuckDB rounds towards zero."""
    micros = "epoch_us({this:timestamp})"
    return f"({micros} // {factor} - CASE WHEN {micros} % {factor} < 0 THEN 1 ELSE 0 END)"


def _unix_date(t: Translator, node: exp.Expr) -> Piece:
    return sqltypes.cast(f"({t.time(node.this, 'date')} - DATE '1970-01-01')", "INTEGER")


def _date_from(t: Translator, node: exp.Expr) -> Piece:
    days = sqltypes.cast(_whole(t, node, node.this), "INTEGER")
    return sqltypes.cast(f"(DATE '1970-01-01' + {days})", "DATE")


def _extract(t: Translator, node: exp.Expr) -> Piece:
    if isinstance(node.expression.unnest(), exp.Sub):
        value = t.sql(node.expression)
        if spans.is_span(value.kind):
            return spans.part(node, value)
    return times.HANDLERS[exp.Extract](t, node)


def _interval(t: Translator, node: exp.Expr) -> Piece:
    """Write INTERVAL '1 02:30' DAY TO MINUTE; of one unit as always."""
    unit = node.args.get("unit")
    if not isinstance(unit, exp.IntervalSpan):
        return times.HANDLERS[exp.Interval](t, node)
    first, last = unit.this.name.upper(), unit.expression.name.upper()
    found = None
    if first in _UNITS and last in _UNITS and _UNITS.index(first) < _UNITS.index(last):
        units = _UNITS[_UNITS.index(first) : _UNITS.index(last) + 1]
        pattern = ("([0-9]+) " if first == "DAY" else "") + ":".join(
            "([0-9]+)" for unit in units if unit != "DAY"
        )
        fraction = r"(?:[.]([0-9]{1,6}))?" if last == "SECOND" else "()"
        found = re.fullmatch(f"([+-]?){pattern}{fraction}", node.this.name)
    if found is None:
        raise ConfigError(f"'{shown(node)}': write it as INTERVAL '1 02:30:00' DAY TO SECOND")
    sign, *numbers, fraction = found.groups()
    micros = int(f"{fraction or ''}000000"[:6])
    for name, number in zip(units, map(int, numbers)):
        if number >= (_MAX_DAYS if name == first else _LIMITS[name]):
            raise ConfigError(f"'{shown(node)}': {number} is too much for a {name}")
        micros += number * _MICROS[name]
    return Piece(f"to_microseconds({sign}{micros})", "INTERVAL TIME")


HANDLERS: dict[type[exp.Expr], Handler] = {
    exp.DateFromUnixDate: _date_from,
    exp.Extract: _extract,
    exp.Interval: _interval,
    exp.UnixDate: _unix_date,
    exp.UnixToStr: _from_unixtime,
    **of(
        "BIGINT",
        {
            exp.UnixMicros: "epoch_us({this:timestamp})",
            exp.UnixMillis: _floored(1000),
            exp.UnixSeconds: _floored(1_000_000),
        },
    ),
}
NAMED: dict[str, Handler] = {
    "timestamp_micros": _of_number(1),
    "timestamp_millis": _of_number(1000),
}
NAMES = (
    *("date_from_unix_date", "from_unixtime", "timestamp_micros", "timestamp_millis"),
    *("to_unix_timestamp", "unix_date", "unix_micros", "unix_millis", "unix_seconds"),
)
