"""What queries of models must not hold, and why, in tables.

PARTS says which parts of sqlglot's nodes are known at all. The other rules test a node: what a test
finds is named in the reason, beside the node. WRITTEN is for the query as it stands in the file,
RESOLVED for the one whose names are resolved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from medallion.errors import ConfigError
from medallion.sparksql import generators
from medallion.sparksql.dialect import at, shown, surplus
from medallion.sparksql.functions import aggregates
from medallion.sparksql.model_sql import visible_ctes

Rule = tuple[tuple[type[exp.Expr], ...], Callable[[exp.Expr], object], str]

GROUPING_SETS = (exp.Rollup, exp.Cube, exp.GroupingSets)
_SIDES = ("LEFT", "RIGHT", "FULL")
_JOINS = ("", "INNER", "CROSS", "OUTER", "SEMI", "ANTI", "LEFT SEMI", "LEFT ANTI")
_CLAUSES = {
    "from_": "VALUES",
    "joins": "ON",
    "where": "WHERE",
    "group": "GROUP BY",
    "having": "HAVING",
    "order": "ORDER BY",
}


def check(tree: exp.Expr, rules: tuple[Rule, ...]) -> None:
    """Raise ConfigError for the first node that a rule refuses."""
    for node in tree.walk():
        for kinds, test, reason in rules:
            found = test(node) if isinstance(node, kinds) else None
            if found:
                where = found if isinstance(found, exp.Expr) else node
                with at(where):
                    named = shown(found) if isinstance(found, exp.Expr) else found
                    raise ConfigError(reason.format(sql=shown(node), found=named))


def clause(node: exp.Expr) -> str:
    """Give the clause of its query that a node stands in."""
    return _CLAUSES.get(str(around(node)[-1].arg_key), "SELECT")


def around(node: exp.Expr) -> list[exp.Expr]:
    """Give a node and what is around it in its query, to the clause."""
    found = [node]
    while found[-1].parent is not None and not isinstance(found[-1].parent, exp.Query):
        found.append(found[-1].parent)
    return found


def sources(select: exp.Expr) -> Iterator[exp.Expr]:
    """Yield what a SELECT reads from."""
    start = select.args.get("from_")
    for part in (*([start] if start else []), *(select.args.get("joins") or ())):
        yield part.this


def has_aggregates(select: exp.Expr) -> bool:
    """Whether a SELECT makes groups of its rows by a function."""
    parts = [*select.expressions, select.args.get("having"), select.args.get("order")]
    return any(True for part in parts if part is not None for _ in aggregates.find(part))


def is_table(query: exp.Expr) -> bool:
    """Whether the columns of a query become those of a table, and need names of their own."""
    while isinstance(query.parent, (exp.SetOperation, exp.Subquery)):
        if query.arg_key == "expression":
            return False
        query = query.parent
    return query.parent is None or isinstance(query.parent, (exp.CTE, exp.From, exp.Join))


def _parts(*known: str) -> Callable[[exp.Expr], str | None]:
    def test(node: exp.Expr) -> str | None:
        other = (part for part, value in node.args.items() if value and part not in known)
        return next((part.strip("_").replace("_", " ").upper() for part in other), None)

    return test


def _strange_source(node: exp.Expr) -> exp.Expr | None:
    source: exp.Expr = node.this
    known = ((exp.Table, exp.Identifier), (exp.Subquery, exp.Query), (exp.Values, object))
    is_known = any(isinstance(source, one) and isinstance(source.this, of) for one, of in known)
    return None if is_known else source


def _source_twice(select: exp.Expr) -> str | None:
    found = (*sources(select), *generators.lateral_views(select))
    names = [source.alias_or_name.lower() for source in found if source.alias_or_name]
    return next((name for name in names if names.count(name) > 1), None)


def _strange_join(node: exp.Expr) -> bool:
    side, kind = node.text("side").upper(), node.text("kind").upper()
    outer = side in _SIDES and kind in ("", "OUTER")
    return not outer and f"{side} {kind}".strip() not in _JOINS


def _loose_join(node: exp.Expr) -> bool:
    is_tied = node.args.get("on") or node.args.get("using")
    return not is_tied and bool(
        node.text("side") or node.text("kind") not in ("", "INNER", "CROSS")
    )


def _unnamed(select: exp.Expr) -> exp.Expr | None:
    query = select.parent if isinstance(select.parent, (exp.Subquery, exp.CTE)) else None
    if not is_table(select) or (query is not None and query.alias_column_names):
        return None
    named = (exp.Alias, exp.Aliases, exp.Column, exp.Dot, exp.Star)
    return next((item for item in select.expressions if not isinstance(item, named)), None)


def _no_place(node: exp.Expr) -> exp.Expr | None:
    """Find a number in GROUP BY or ORDER BY that is the place of no column."""
    query = node.find_ancestor(exp.Query)
    is_order = isinstance(node, exp.Order)
    if query is None or (is_order and node.parent is not query):
        return None
    has_star = any(item.is_star for item in query.selects)
    parts: list[exp.Expr] = [t.this if is_order else t for t in node.expressions]
    for part in parts:
        is_place = part.name.isdigit() and 1 <= int(part.name) <= len(query.selects)
        is_number = isinstance(part, exp.Literal) and not part.is_string
        if is_number and not (is_order if has_star else is_place):
            return part
    return None


def _is_over_group(node: exp.Expr) -> bool:
    """Whether a node is an aggregate over a group, not over a window."""
    call = node
    while isinstance(call.parent, aggregates.WRAPPERS):
        call = call.parent
    is_over_window = isinstance(call.parent, exp.Window) and call.arg_key == "this"
    return aggregates.is_aggregate(node) and not is_over_window


def _misplaced_aggregate(node: exp.Expr) -> str | None:
    if not _is_over_group(node) or isinstance(node.parent, aggregates.WRAPPERS):
        return None
    nested = any(map(_is_over_group, around(node)[1:]))
    return clause(node) if nested or clause(node) not in ("SELECT", "HAVING", "ORDER BY") else None


def _misplaced_window(node: exp.Expr) -> str | None:
    for outer in around(node)[1:]:
        if isinstance(outer, exp.Window) or aggregates.is_aggregate(outer):
            return "a window function or an aggregate"
    return None if clause(node) == "SELECT" else clause(node)


# What gives the same whatever the order of an array, and what leaves that to whoever reads it.
_ORDERING = (exp.ArraySort, exp.ArraySize, exp.ArrayContains, exp.ArrayMax, exp.ArrayMin)
_KEEPING = (exp.ArrayDistinct, exp.ArrayRemove, exp.Flatten, exp.Paren, *aggregates.WRAPPERS)


def _unordered(node: exp.Expr) -> bool:
    """Whether the elements that an aggregate collects are in no order of their own."""
    part, outer = node, node.parent
    while isinstance(outer, (*_KEEPING, exp.Window)) and part.arg_key == "this":
        window = outer.args if isinstance(outer, exp.Window) else {}
        spec = window.get("spec")
        if window.get("order") and spec is not None and spec.text("kind").upper() == "ROWS":
            return isinstance(node, exp.ArrayUniqueAgg)
        part, outer = outer, outer.parent
    is_called = isinstance(outer, exp.Anonymous) and outer.name.lower() == "cardinality"
    return not is_called and (not isinstance(outer, _ORDERING) or part.arg_key != "this")


# What holds for both engines.
ORDERED: tuple[Rule, ...] = (
    (
        (exp.ArrayAgg, exp.ArrayUniqueAgg),
        _unordered,
        "'{sql}' depends on the order in which rows arrive, another one each time; write "
        "sort_array({sql}), or sort_array(collect_list(struct(key, value))).value for the order "
        "of a key",
    ),
)
_WHOLE = (
    "{found} is not supported; a query may have WITH, SELECT [DISTINCT], FROM, JOIN, WHERE, "
    "GROUP BY, HAVING, WINDOW, UNION, INTERSECT, EXCEPT, ORDER BY and LIMIT"
)
_KNOWN_JOINS = "only INNER, LEFT, RIGHT, FULL, CROSS, LEFT SEMI and LEFT ANTI JOIN are supported"
PARTS: tuple[Rule, ...] = (
    (
        (exp.Select,),
        _parts(
            *("expressions", "from_", "joins", "where", "group", "having", "windows", "distinct"),
            *("order", "limit", "offset", "with_", "hint", "laterals"),
        ),
        _WHOLE,
    ),
    (
        (exp.SetOperation,),
        _parts("this", "expression", "distinct", "order", "limit", "offset", "with_"),
        _WHOLE,
    ),
    ((exp.Subquery,), _parts("this", "alias", "with_"), _WHOLE),
    ((exp.With, exp.Distinct), _parts("expressions"), _WHOLE),
    (
        (exp.Table, exp.Values),
        _parts("this", "db", "alias", "expressions"),
        "'{sql}': {found} is not supported in FROM",
    ),
    (
        (exp.Lateral,),
        generators.strange,
        "'{found}' cannot stand after LATERAL; known are LATERAL VIEW [OUTER] explode(…) and "
        "posexplode(…)",
    ),
    ((exp.Join,), _parts("this", "on", "using", "side", "kind"), f"'{{sql}}': {_KNOWN_JOINS}"),
    (
        (exp.Group,),
        _parts("expressions", "rollup", "cube"),
        "GROUP BY {found} is not supported; name the columns, or write GROUP BY ROLLUP (…), "
        "CUBE (…) or GROUPING SETS (…)",
    ),
    ((exp.Star,), _parts(), "'{sql}' is not known to Spark; name the columns"),
)
WRITTEN: tuple[Rule, ...] = (
    (
        (exp.From, exp.Join),
        _strange_source,
        "'{found}' cannot stand in FROM; read a table, a CTE, a sub-select or VALUES",
    ),
    *PARTS,
    *ORDERED,
    ((exp.Expr,), surplus, "'{sql}': {found}"),
    (
        (exp.CTE,),
        lambda node: node.alias.lower() in visible_ctes(node) and node.alias,
        "WITH names '{found}' twice; give one of them another name",
    ),
    (
        (exp.Select,),
        _source_twice,
        "two tables in FROM are called '{found}'; give one another alias",
    ),
    ((exp.Join,), _strange_join, f"'{{sql}}': {_KNOWN_JOINS}"),
    ((exp.Join,), _loose_join, "'{sql}' needs ON or USING"),
    (
        (exp.Select,),
        generators.late_join,
        "'{found}' comes after LATERAL VIEW, where Spark takes no JOIN; put it before, or into a "
        "sub-select",
    ),
    ((exp.Select,), _unnamed, "'{found}' has no name; give it a name with AS"),
    (
        (exp.Group, exp.Order, *GROUPING_SETS),
        _no_place,
        "'{sql}': {found} is the place of no column of the select list; name the column",
    ),
    (
        (exp.Select,),
        lambda node: (
            node.args.get("having") and not node.args.get("group") and not has_aggregates(node)
        ),
        "HAVING needs GROUP BY or an aggregate function; use WHERE",
    ),
    (
        (exp.Limit, exp.Offset),
        lambda node: not node.expression.is_int and node.expression,
        "LIMIT and OFFSET take a number, not {found}",
    ),
    (
        (exp.Select, exp.SetOperation),
        lambda node: not node.args.get("order") and any(map(node.args.get, ("limit", "offset"))),
        "LIMIT without ORDER BY gives other rows each time; add ORDER BY",
    ),
)
RESOLVED: tuple[Rule, ...] = (
    (
        (exp.Expr,),
        _misplaced_aggregate,
        "'{sql}': an aggregate function cannot stand in {found} or in another aggregate; use "
        "HAVING, or compute it in a sub-select",
    ),
    (
        (exp.Window,),
        _misplaced_window,
        "'{sql}': a window function cannot stand in {found}; compute it in a sub-select, and use "
        "its column",
    ),
    (
        (exp.Exists, exp.In),
        lambda node: (
            (isinstance(node, exp.Exists) or node.args.get("query"))
            and clause(node) not in ("WHERE", "HAVING")
        ),
        "'{sql}': a query after IN or EXISTS can stand in WHERE and HAVING only",
    ),
)
