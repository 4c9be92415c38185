"""Window functions of Spark SQL, written for DuckDB."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from medallion import duckdb_sql
from medallion.errors import ConfigError
from medallion.sparksql import sqltypes
from medallion.sparksql.dialect import shown
from medallion.sparksql.functions import aggregates
from medallion.sparksql.sqltypes import Piece
from medallion.sparksql.translator import RowTranslator

_RANKS: dict[type[exp.Expr], tuple[str, str]] = {
    exp.RowNumber: ("row_number", "INTEGER"),
    exp.Rank: ("rank", "INTEGER"),
    exp.DenseRank: ("dense_rank", "INTEGER"),
    exp.Ntile: ("ntile", "INTEGER"),
    exp.PercentRank: ("percent_rank", "DOUBLE"),
    exp.CumeDist: ("cume_dist", "DOUBLE"),
}
_SHIFTS: dict[type[exp.Expr], str] = {exp.Lag: "lag", exp.Lead: "lead"}
_PICKS: dict[type[exp.Expr], str] = {
    exp.FirstValue: "first_value",
    exp.First: "first_value",
    exp.LastValue: "last_value",
    exp.Last: "last_value",
    exp.NthValue: "nth_value",
}
# Rows that the order leaves equal are put in one by all columns read, or the answer would change.
_SENSITIVE = (exp.RowNumber, exp.Ntile, exp.Lag, exp.Lead)
_FROM_THE_START = "RANGE BETWEEN UNBOUNDED PRECEDING"
NAMES = (
    *("cume_dist", "dense_rank", "first", "first_value", "lag", "last", "last_value", "lead"),
    *("nth_value", "ntile", "percent_rank", "rank", "row_number"),
)


def write(t: RowTranslator, node: exp.Expr) -> Piece:
    """Write a window function with its OVER."""
    function, nulls = node.this, ""
    if isinstance(function, (exp.IgnoreNulls, exp.RespectNulls)):
        nulls = " IGNORE NULLS" if isinstance(function, exp.IgnoreNulls) else ""
        function = function.this
    window = _definition(t, node)
    order = window.args.get("order")
    terms = [] if order is None else order.expressions
    if not terms and isinstance(function, (*_RANKS, *_SHIFTS, *_PICKS)):
        raise ConfigError(f"'{shown(node)}': this function needs OVER (… ORDER BY …)")
    frame = _frame(window)
    if frame and isinstance(function, (*_RANKS, *_SHIFTS)):
        raise ConfigError(f"'{shown(node)}': this function takes no ROWS or RANGE")
    total = _is_sensitive(function, nulls, frame)
    if frame.startswith("ROWS") and not terms:
        raise ConfigError(f"'{shown(node)}': a frame of ROWS needs ORDER BY")
    over = _over(t, window, terms, frame, total=total)
    if type(function) in _RANKS:
        name, kind = _RANKS[type(function)]
        count = _literal(function, function.this) if isinstance(function, exp.Ntile) else ""
        called = f"{name}({count}){over}"
        return sqltypes.cast(called, kind) if kind == "INTEGER" else Piece(called, kind)
    if type(function) in _SHIFTS:
        return _shift(t, function, nulls, over)
    if type(function) in _PICKS:
        value = t.sql(function.this)
        place = function.args.get("offset")
        listed = value if place is None else f"{value}, {_literal(function, place)}"
        return Piece(f"{_PICKS[type(function)]}({listed}{nulls}){over}", value.kind)
    if isinstance(function, exp.Filter):
        raise ConfigError(f"'{shown(node)}': a window function knows no FILTER; use CASE")
    if nulls or not aggregates.is_aggregate(function):
        raise ConfigError(
            f"'{shown(node)}' is no window function; known: "
            f"{', '.join((*NAMES, *aggregates.NAMES))}"
        )
    return aggregates.write(t, function, over)


def _shift(t: RowTranslator, function: exp.Expr, nulls: str, over: str) -> Piece:
    value = t.sql(function.this)
    offset, default = function.args.get("offset"), function.args.get("default")
    listed = f"{value}, {'1' if offset is None else _literal(function, offset)}"
    if default is not None:
        other = t.sql(default)
        fits = duckdb_sql.is_decimal(value.kind) and duckdb_sql.is_integer(other.kind)
        if not fits and sqltypes.wider([value.kind, other.kind]) != value.kind:
            raise ConfigError(
                f"'{shown(function)}': the default is {other.kind}, the column {value.kind}; "
                "cast one of them"
            )
        listed += f", {sqltypes.as_kind(other, value.kind)}"
    return Piece(f"{_SHIFTS[type(function)]}({listed}{nulls}){over}", value.kind)


def _literal(function: exp.Expr, node: exp.Expr) -> str:
    if not isinstance(node, exp.Literal) or node.is_string or not node.name.isdigit():
        raise ConfigError(f"'{shown(function)}': {shown(node)} has to be a number such as 1")
    return node.name


def _definition(t: RowTranslator, node: exp.Expr) -> exp.Expr:
    """Give what OVER says, or the window of the WINDOW clause that it names."""
    name = node.args.get("alias")
    if name is None:
        return node
    if node.args.get("order") or node.args.get("partition_by") or node.args.get("spec"):
        raise ConfigError(f"'{shown(node)}': write a named window as OVER {name.name}")
    found = t.windows.get(name.name.lower())
    if found is None:
        raise ConfigError(f"'{shown(node)}': there is no window '{name.name}'")
    return found


def _over(
    t: RowTranslator, window: exp.Expr, terms: Sequence[exp.Expr], frame: str, *, total: bool
) -> str:
    parts = []
    partition = [str(t.sql(part)) for part in window.args.get("partition_by") or ()]
    if partition:
        parts.append(f"PARTITION BY {', '.join(partition)}")
    if terms:
        ordered = [_order_term(t, term) for term in terms]
        if total:
            known = {*partition, *(str(t.sql(term.this)) for term in terms)}
            ordered += [piece for piece in t.row_columns() if piece not in known]
        parts.append(f"ORDER BY {', '.join(ordered)}")
    if frame:
        parts.append(frame)
    return f" OVER ({' '.join(parts)})"


def _is_sensitive(function: exp.Expr, nulls: str, frame: str) -> bool:
    """Whether the order of equal rows counts, and does not change which rows a frame has."""
    if isinstance(function, _SENSITIVE) or frame.startswith("ROWS"):
        return True
    if _PICKS.get(type(function)) == "first_value" and not nulls:
        return not frame or frame.startswith(("RANGE UNBOUNDED", f"{_FROM_THE_START} "))
    return type(function) in _PICKS and frame == f"{_FROM_THE_START} AND UNBOUNDED FOLLOWING"


def _order_term(t: RowTranslator, term: exp.Expr) -> str:
    """Write a term of ORDER BY with the places of nulls, which the engines see differently."""
    direction = "DESC" if term.args.get("desc") else "ASC"
    nulls = "FIRST" if term.args.get("nulls_first") else "LAST"
    return f"{t.sql(term.this)} {direction} NULLS {nulls}"


def _frame(window: exp.Expr) -> str:
    spec = window.args.get("spec")
    if spec is None:
        return ""
    if spec.args.get("exclude"):
        raise ConfigError(f"'{shown(window)}': EXCLUDE is not known to Spark")
    kind = spec.text("kind").upper()
    start = _bound(spec, kind, "start")
    if spec.args.get("end") is None:
        return f"{kind} {start}"
    return f"{kind} BETWEEN {start} AND {_bound(spec, kind, 'end')}"


def _bound(spec: exp.Expr, kind: str, which: str) -> str:
    bound, side = spec.args[which], spec.args.get(f"{which}_side")
    if not isinstance(bound, exp.Expr):
        return f"{bound} {side}" if side else str(bound)
    if kind != "ROWS" or not isinstance(bound, exp.Literal) or not bound.name.isdigit():
        raise ConfigError(
            f"'{shown(spec)}': a frame is counted in ROWS, with numbers such as 2 PRECEDING; "
            "RANGE takes UNBOUNDED and CURRENT ROW only"
        )
    return f"{bound.name} {side}"
