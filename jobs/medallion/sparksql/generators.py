"""explode and its kin, which make rows of an array: as LATERAL VIEW, and in a select list."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from medallion import duckdb_sql
from medallion.errors import ConfigError
from medallion.sparksql.dialect import at, function_name, shown
from medallion.sparksql.functions import aggregates
from medallion.sparksql.functions.arrays import demand_array
from medallion.sparksql.translator import Translator

NAMES = ("explode", "explode_outer", "posexplode", "posexplode_outer")
_KINDS = (exp.Explode, exp.Posexplode)
_COLUMNS = (exp.Alias, exp.Aliases)


def in_laterals(select: exp.Select) -> None:
    """Put what a select list explodes into a LATERAL VIEW, and name what a LATERAL VIEW makes.

    Raises ConfigError for what Spark refuses, or DuckDB would do in another order.
    """
    for number, lateral in enumerate(select.args.get("laterals") or ()):
        alias = lateral.args["alias"]
        if not alias.this:
            alias.set("this", exp.to_identifier(f"_lateral{number}"))
        if not alias.columns:
            alias.set("columns", list(map(exp.to_identifier, _default_names(lateral.this))))
    made = [item for item in select.expressions if isinstance(_inside(item), _KINDS)]
    for item in made:
        with at(item):
            _demand_alone(select, item, made)
            _replace(select, item)


def _inside(item: exp.Expr) -> exp.Expr:
    found: exp.Expr = item.this if isinstance(item, _COLUMNS) else item
    return found


def _default_names(generator: exp.Expr) -> tuple[str, ...]:
    return ("pos", "col") if isinstance(generator, exp.Posexplode) else ("col",)


def _demand_alone(select: exp.Select, item: exp.Expr, made: list[exp.Expr]) -> None:
    if len(made) > 1:
        raise ConfigError(f"'{shown(item)}': a select list explodes once; use LATERAL VIEW")
    parts = (*select.expressions, select.args.get("having"), select.args.get("order"))
    groups = any(True for part in parts if part is not None for _ in aggregates.find(part))
    if groups or select.args.get("group") or any(part.find(exp.Window) for part in parts if part):
        raise ConfigError(
            f"'{shown(item)}' stands beside groups or a window function; explode in a sub-select"
        )


def _replace(select: exp.Select, item: exp.Expr) -> None:
    """Replace an item of a select list by the columns of a LATERAL VIEW that nothing else names."""
    generator, names = _inside(item), list(_default_names(_inside(item)))
    wanted = (
        [item.args["alias"]]
        if isinstance(item, exp.Alias)
        else item.expressions
        if isinstance(item, exp.Aliases)
        else []
    )
    if len(wanted) not in (0, len(names)):
        raise ConfigError(
            f"'{shown(item)}' gives {len(names)} columns: name them AS ({', '.join(names)})"
        )
    hidden = [f"_{name}" for name in names]
    table = "_explode"
    columns = [
        exp.alias_(exp.column(own, table=table), wanted[place].copy() if wanted else names[place])
        for place, own in enumerate(hidden)
    ]
    place = select.expressions.index(item)
    select.set(
        "expressions", [*select.expressions[:place], *columns, *select.expressions[place + 1 :]]
    )
    alias = exp.TableAlias(
        this=exp.to_identifier(table), columns=list(map(exp.to_identifier, hidden))
    )
    lateral = exp.Lateral(this=generator, view=True, outer=False, alias=alias)
    select.append("laterals", lateral)


def lateral_views(select: exp.Expr) -> Iterator[exp.Lateral]:
    """Yield the LATERAL VIEWs of a SELECT."""
    yield from select.args.get("laterals") or ()


def strange(lateral: exp.Expr) -> str | None:
    """Name what a LATERAL VIEW calls, unless it is known."""
    call: exp.Expr = lateral.this
    return None if lateral.args.get("view") and isinstance(call, _KINDS) else shown(call)


def late_join(select: exp.Expr) -> exp.Expr | None:
    """Find a JOIN after a LATERAL VIEW, which Spark does not read."""
    starts = [_start(lateral) for lateral in lateral_views(select)]
    joins = select.args.get("joins") or ()
    return next((join for join in joins if starts and _start(join) > min(starts)), None)


def _start(node: exp.Expr) -> int:
    return min((int(n.meta["start"]) for n in node.walk() if "start" in n.meta), default=0)


def write(t: Translator, lateral: exp.Lateral) -> tuple[str, list[tuple[str, str]]]:
    """
    Write a LATERAL VIEW as what stands after CROSS JOIN.

    Returns
    -------
    tuple
        The SQL, and the names and types of its columns.
    """
    call, alias = lateral.this, lateral.args["alias"]
    with at(call):
        array = demand_array(t, call, call.this)
        kind = duckdb_sql.element(array.kind)
        is_outer = lateral.args.get("outer") or isinstance(call, exp.ExplodeOuter)
        made = [(f"{array}", kind)]
        if isinstance(call, exp.Posexplode):
            made.insert(0, (f"CAST(range(len({array})) AS INTEGER[])", "INTEGER"))
        names = [column.name for column in alias.columns]
        if len(names) != len(made):
            raise ConfigError(
                f"{function_name(call)} gives {len(made)} columns, not {', '.join(names)}"
            )
    columns = []
    for name, (values, of) in zip(names, made):
        # OUTER gives a row of nulls where there is nothing to explode.
        some = f"CASE WHEN len({array}) > 0 THEN {values} ELSE [CAST(NULL AS {of})] END"
        columns.append(f"unnest({some if is_outer else values}) AS {duckdb_sql.quoted(name)}")
    sql = f"LATERAL (SELECT {', '.join(columns)}) AS {duckdb_sql.quoted(alias.name)}"
    return sql, [(name, of) for name, (_, of) in zip(names, made)]


def join(select: exp.Select, written: list[str]) -> None:
    """Put what LATERAL VIEWs have become behind the tables of a SELECT."""
    if written and not select.args.get("from_"):
        select.set("from_", exp.From(this=exp.Var(this="(SELECT 1) AS _one")))
    for sql in written:
        select.append("joins", exp.Join(this=exp.Var(this=sql), kind="CROSS"))
    select.set("laterals", None)
