"""Aggregate functions of Spark SQL, written for DuckDB.

They give the same answer whatever the order in which rows arrive. Sums of doubles, which depend on
it in their last digits, are made of whole numbers: 2^-124 is the smallest part that counts, and
from 1e30 on they are plain sums. Other statistics of doubles take the values in their own order,
and for that hold those of a group in memory. Functions that pick what comes first are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlglot import exp

from medallion import duckdb_sql
from medallion.errors import ConfigError
from medallion.sparksql import spans, sqltypes
from medallion.sparksql.dialect import function_name, shown
from medallion.sparksql.functions import decimals
from medallion.sparksql.operators import demand_boolean, test
from medallion.sparksql.sqltypes import DOUBLE, NULL, Piece
from medallion.sparksql.translator import Translator

_UNORDERED: tuple[type[exp.Expr], ...] = (
    *(exp.First, exp.Last, exp.FirstValue, exp.LastValue, exp.AnyValue, exp.ArgMax, exp.ArgMin),
    exp.GroupConcat,
)
# 2^62: what is left of a double behind its point becomes a BIGINT with it.
_PART = "4611686018427387904::DOUBLE"
WRAPPERS = (exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup)


@dataclass(frozen=True)
class _Call:
    """A call of an aggregate: its arguments, and what DuckDB wants after the closing bracket."""

    node: exp.Expr
    arguments: list[Piece]
    distinct: str
    suffix: str

    def number(self, position: int = 0) -> Piece:
        """Give an argument that has to be a number."""
        piece = self.arguments[position]
        if piece.kind != NULL and not duckdb_sql.is_number(piece.kind):
            raise ConfigError(f"'{shown(self.node)}' is of {piece.kind}, not of a number")
        return sqltypes.cast(piece, DOUBLE) if piece.kind == NULL else piece

    def double(self, position: int = 0) -> Piece:
        """Give an argument as a double."""
        return sqltypes.as_kind(self.number(position), DOUBLE)

    def sum_of_doubles(self) -> str:
        """Write the sum of an argument, the same whatever the order of rows."""
        x = self.double()
        if self.distinct:
            return self.write("sum", x, order=True)
        scaled = f"(({x} - trunc({x})) * {_PART})"
        parts = (
            f"CAST({self.write('sum', f'TRY_CAST(trunc({part}) AS {kind})')} AS DOUBLE)"
            for part, kind in (
                (x, "HUGEINT"),
                (scaled, "BIGINT"),
                (f"({scaled} - trunc({scaled})) * {_PART}", "BIGINT"),
            )
        )
        whole, part, rest = parts
        return (
            f"(CASE WHEN {self.write('bool_or', f'NOT (abs({x}) < 1e30)')} "
            f"THEN {self.write('sum', x)} "
            f"ELSE {whole} + ({part} + {rest} / {_PART}) / {_PART} END)"
        )

    def write(self, name: str, *arguments: str | Piece, order: bool = False) -> str:
        """Write the call; with `order` the values are taken in their own order."""
        listed = ", ".join(map(str, arguments))
        ordered = f" ORDER BY {listed}" if order else ""
        return f"{name}({self.distinct}{listed}{ordered}){self.suffix}"


_Write = Callable[[_Call], Piece]


def _count(call: _Call) -> Piece:
    values = call.arguments
    if isinstance(call.node.this, exp.Star):
        return Piece(f"count(*){call.suffix}", "BIGINT")
    if len(values) == 1:
        return Piece(call.write("count", values[0]), "BIGINT")
    # Only what has no null among them counts.
    complete = " AND ".join(f"{value} IS NOT NULL" for value in values)
    return Piece(
        call.write("count", f"CASE WHEN {complete} THEN row({', '.join(map(str, values))}) END"),
        "BIGINT",
    )


def _count_if(call: _Call) -> Piece:
    condition = demand_boolean(call.arguments[0], call.node)
    return Piece(call.write("count", f"CASE WHEN {condition} THEN 1 END"), "BIGINT")


def _sum(call: _Call) -> Piece:
    if spans.is_span(call.arguments[0].kind):
        span = call.arguments[0]
        return sqltypes.cast(call.write("sum", span), "BIGINT").of(span.kind)
    value = call.number()
    if duckdb_sql.is_integer(value.kind):
        return sqltypes.cast(call.write("sum", value), "BIGINT")
    if duckdb_sql.is_decimal(value.kind):
        precision, scale = sqltypes.digits(value.kind)
        kind = sqltypes.decimal(precision + 10, scale)
        return Piece(f"TRY_CAST({call.write('sum', value)} AS {kind})", kind)
    return Piece(call.sum_of_doubles(), DOUBLE)


def _avg(call: _Call) -> Piece:
    if spans.is_span(call.arguments[0].kind):
        value = call.arguments[0]
        total, count = call.write("sum", value), call.write("count", value)
        return spans.divided(total, f"nullif({count}, 0)")
    value = call.number()
    if duckdb_sql.is_integer(value.kind):
        return Piece(call.write("avg", value), DOUBLE)
    if duckdb_sql.is_decimal(value.kind):
        precision, scale = sqltypes.digits(value.kind)
        return decimals.quotient(
            call.write("sum", value),
            (min(38, precision + 10), scale),
            call.write("count", value),
            (20, 0),
            sqltypes.decimal(precision + 4, scale + 4),
        )
    return Piece(f"({call.sum_of_doubles()} / {call.write('count', value)})", DOUBLE)


def _extreme(name: str) -> _Write:
    def write(call: _Call) -> Piece:
        value = call.arguments[0]
        if duckdb_sql.is_nested(value.kind):
            raise ConfigError(f"'{shown(call.node)}' is of {value.kind}; take an element or field")
        return Piece(call.write(name, value), value.kind)

    return write


def _collect(call: _Call) -> Piece:
    """Write collect_list and collect_set, without nulls; query_rules sees to their order."""
    value = call.arguments[0]
    if len(call.arguments) != 1 or value.kind == NULL:
        raise ConfigError(f"'{shown(call.node)}' takes one column of a known type")
    # A group without values gives the empty array.
    found = f"coalesce({call.write('list', value)}, [])"
    found = f"list_filter({found}, lambda _c: _c IS NOT NULL)"
    if isinstance(call.node, exp.ArrayUniqueAgg):
        found = f"list_distinct({found})"
    return Piece(found, f"{value.kind}[]")


def _statistic(name: str, count: int = 1) -> _Write:
    def write(call: _Call) -> Piece:
        values = [call.double(position) for position in range(count)]
        if count == 1:
            return Piece(call.write(name, *values, order=True), DOUBLE)
        # Where nothing varies, Spark has no correlation and DuckDB has NaN.
        called = call.write(name, *values, order=True)
        return Piece(f"nullif({called}, CAST('nan' AS DOUBLE))", DOUBLE)

    return write


def _logical(name: str) -> _Write:
    def write(call: _Call) -> Piece:
        condition = demand_boolean(call.arguments[0], call.node)
        return Piece(call.write(name, condition), "BOOLEAN")

    return write


def _percentile(call: _Call) -> Piece:
    share = "0.5"
    if not isinstance(call.node, exp.Median):
        if len(call.arguments) != 2:
            raise ConfigError(f"'{shown(call.node)}': percentile takes a column and a share")
        written = call.node.args.get("quantile", call.node.this)
        share = written.name
        if not isinstance(written, exp.Literal) or not re.fullmatch(r"0?\.[0-9]+|[01]", share):
            raise ConfigError(
                f"'{shown(call.node)}': the share is a number from 0 to 1 such as 0.5"
            )
    if call.distinct:
        raise ConfigError(f"'{shown(call.node)}': DISTINCT is not supported here")
    return Piece(call.write("quantile_cont", call.double(), share), DOUBLE)


_WRITERS: dict[type[exp.Expr], _Write] = {
    exp.Count: _count,
    exp.CountIf: _count_if,
    exp.Sum: _sum,
    exp.Avg: _avg,
    exp.Min: _extreme("min"),
    exp.Max: _extreme("max"),
    exp.Stddev: _statistic("stddev_samp"),
    exp.StddevSamp: _statistic("stddev_samp"),
    exp.StddevPop: _statistic("stddev_pop"),
    exp.Variance: _statistic("var_samp"),
    exp.VariancePop: _statistic("var_pop"),
    exp.Corr: _statistic("corr", 2),
    exp.CovarSamp: _statistic("covar_samp", 2),
    exp.CovarPop: _statistic("covar_pop", 2),
    exp.LogicalAnd: _logical("bool_and"),
    exp.LogicalOr: _logical("bool_or"),
    exp.Any: _logical("bool_or"),
    exp.Median: _percentile,
    exp.Quantile: _percentile,
    exp.PercentileCont: _percentile,
    exp.ArrayAgg: _collect,
    exp.ArrayUniqueAgg: _collect,
}
# Functions that sqlglot leaves as it finds them, by name.
_NAMED: dict[str, _Write] = {
    "mean": _avg,
    "std": _statistic("stddev_samp"),
    "every": _logical("bool_and"),
    "some": _logical("bool_or"),
}
NAMES = (
    *("any", "array_agg", "avg", "bool_and", "bool_or", "collect_list", "collect_set"),
    *("corr", "count", "count_if", "covar_pop"),
    *("covar_samp", "every", "grouping", "grouping_id", "max", "mean", "median", "min"),
    *(
        "percentile",
        "percentile_cont",
        "some",
        "std",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "sum",
        "var_pop",
        "var_samp",
    ),
    "variance",
)


def is_aggregate(node: exp.Expr) -> bool:
    """Whether a node is a call of an aggregate function, allowed or not."""
    if isinstance(node, WRAPPERS):
        return is_aggregate(node.this)
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in _NAMED
    return isinstance(node, (exp.AggFunc, *_WRITERS))


def find(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the outermost aggregates of an expression, but not those that are window functions."""
    if isinstance(node, exp.Query):
        return
    if isinstance(node, exp.Window):
        function = node.this
        while isinstance(function, WRAPPERS):
            function = function.this
        parts = [*function.iter_expressions(), *node.args.get("partition_by", ())]
        order = node.args.get("order")
        for part in [*parts, *([order] if order else [])]:
            yield from find(part)
    elif is_aggregate(node):
        yield node
    else:
        for part in node.iter_expressions():
            yield from find(part)


def write(t: Translator, node: exp.Expr, over: str = "") -> Piece:
    """
    Write an aggregate.

    Parameters
    ----------
    t
        Translates the arguments.
    node
        The call.
    over
        What makes it a window function: ` OVER (…)`.
    """
    condition = ""
    if isinstance(node, exp.Filter):
        condition, node = f" FILTER (WHERE {test(t, node.expression.this)})", node.this
    order = None
    if isinstance(node, exp.WithinGroup):
        order, node = node.expression, node.this
    writer = _NAMED.get(node.name.lower()) if isinstance(node, exp.Anonymous) else None
    writer = writer or _WRITERS.get(type(node))
    if writer is None or isinstance(node, exp.PercentileCont) != (order is not None):
        raise ConfigError(_refusal(node))
    arguments, distinct = _arguments(node, order)
    if distinct and over:
        raise ConfigError(f"'{shown(node)}': a window function knows no DISTINCT")
    return writer(_Call(node, [t.sql(part) for part in arguments], distinct, condition + over))


def _arguments(node: exp.Expr, order: exp.Expr | None) -> tuple[list[exp.Expr], str]:
    """Give the arguments of a call, and the word DISTINCT if it is there."""
    if order is not None:
        terms = order.expressions
        if len(terms) != 1 or terms[0].args.get("desc"):
            raise ConfigError(f"'{shown(node)}': order by one column, ascending")
        return [terms[0].this, node.this], ""
    if isinstance(node, exp.Anonymous):
        found = list(node.expressions)
    else:
        found = [part for part in node.iter_expressions() if not isinstance(part, exp.Star)]
    if len(found) == 1 and isinstance(found[0], exp.Distinct):
        return list(found[0].expressions), "DISTINCT "
    if not found and not isinstance(node.this, exp.Star):
        raise ConfigError(f"'{shown(node)}' has no argument; to count rows write count(*)")
    return found, ""


def _refusal(node: exp.Expr) -> str:
    text = shown(node)
    if type(node) in _UNORDERED:
        return (
            f"'{text}' depends on the order in which rows arrive; a model gives the same rows each "
            "time, so use min, max, or a row picked by row_number() OVER (… ORDER BY …)"
        )
    return (
        f"aggregate function '{function_name(node)}' in '{text}' is not supported; "
        f"known: {', '.join(NAMES)}"
    )
