"""Resolves the names of a model's query: sqlglot's `qualify`, and what Spark sees differently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.qualify_columns import qualify_columns, quote_identifiers
from sqlglot.optimizer.scope import find_all_in_scope
from sqlglot.schema import MappingSchema

from medallion.errors import ConfigError
from medallion.sparksql import generators, query_rules
from medallion.sparksql.dialect import WrittenSpark, at, note_spelling, spelling

# What sqlglot says of a query.
_PROBLEMS = {
    "Cannot automatically join": "unknown column '{}': USING takes columns of both sides",
    "Unknown table": "no table '{}' in FROM",
    "Unknown output column": "the select list has no column {}",
}
Tables = Mapping[str, Mapping[str, str]]


@dataclass
class Resolved:
    """A query whose columns name their tables, without `*` and names of the select list.

    `using` are the columns of each JOIN … USING, by the id of the join; `listed` the names that
    `AS c (a, b)` gives to the columns of a query, by the id of the query.
    """

    tree: exp.Query
    using: dict[int, list[str]] = field(default_factory=dict)
    listed: dict[int, list[str]] = field(default_factory=dict)


def resolve(tree: exp.Query, tables: Tables) -> Resolved:
    """Check a query and resolve its names, for which `tables` has their columns.

    Raises ConfigError if a rule of query_rules refuses it; the tree stays as it is.
    """
    query_rules.check(tree, query_rules.WRITTEN)
    found = Resolved(_prepared(tree.copy()))
    for join in found.tree.find_all(exp.Join):
        if join.args.get("using"):
            found.using[id(join)] = [key.name.lower() for key in join.args["using"]]
    for named in found.tree.find_all(exp.CTE, exp.Subquery):
        if named.alias_column_names:
            names = [spelling(name) or name.name for name in named.args["alias"].columns]
            found.listed[id(named.this.unnest())] = names
    columns: dict[str, object] = {}
    for name, kinds in tables.items():
        layer, table = name.split(".")
        columns.setdefault(layer, {})[table] = dict.fromkeys(kinds, "UNKNOWN")  # type: ignore[index]
    schema = MappingSchema(columns, dialect=WrittenSpark)
    try:
        qualify(
            found.tree,
            dialect=WrittenSpark,
            schema=schema,
            expand_alias_refs=False,
            allow_partial_qualification=True,
            validate_qualify_columns=False,
        )
        _hide_from_where(found.tree)
        qualify_columns(found.tree, schema, allow_partial_qualification=True)
    except sqlglot.errors.OptimizeError as error:
        what, _, name = str(error).partition(": ")
        node = next((n for n in found.tree.find_all(exp.Identifier) if n.name == name), found.tree)
        with at(node):
            raise ConfigError(_PROBLEMS.get(what, f"{what}: '{{}}'").format(name)) from error
    quote_identifiers(found.tree, dialect=WrittenSpark)
    query_rules.check(found.tree, query_rules.RESOLVED)
    return found


def _prepared(tree: exp.Query) -> exp.Query:
    """Write alike what can be written in several ways."""
    note_spelling(tree)
    for hint in list(tree.find_all(exp.Hint)):
        hint.pop()
    for values in tree.find_all(exp.Values):
        _name_columns(values)
    for join in tree.find_all(exp.Join):
        if not join.side and join.kind in ("", "CROSS"):
            is_tied = join.args.get("on") or join.args.get("using")
            join.set("kind", None if is_tied else "CROSS")
    for group in tree.find_all(exp.Group):
        _plain_group(group)
    for select in tree.find_all(exp.Select):
        generators.in_laterals(select)
    for query in list(tree.find_all(exp.Select, exp.SetOperation)):
        is_made_first = isinstance(query, exp.SetOperation) or query.args.get("distinct")
        if query.args.get("order") and is_made_first:
            tree = _ordered_apart(query, tree)
    while isinstance(tree, exp.Subquery):
        tree = tree.this
    return tree


def _name_columns(values: exp.Values) -> None:
    alias = values.args.get("alias") or exp.TableAlias()
    if not alias.columns:
        width = len(values.expressions[0].expressions)
        alias.set("columns", [exp.to_identifier(f"col{n}") for n in range(1, width + 1)])
    values.set("alias", alias)


def _plain_group(group: exp.Group) -> None:
    """Write `a, b WITH ROLLUP` as ROLLUP(a, b), and the columns that ROLLUP and the like count."""
    for part, kind in (("rollup", exp.Rollup), ("cube", exp.Cube)):
        if group.args.get(part):
            group.set("expressions", [kind(expressions=group.expressions)])
            group.set(part, None)
    select = group.find_ancestor(exp.Select)
    for sets in group.find_all(*query_rules.GROUPING_SETS):
        for number in sets.expressions:
            if select is not None and number.is_int:
                number.replace(select.selects[int(number.name) - 1].unalias().copy())


def _ordered_apart(query: exp.Query, tree: exp.Query) -> exp.Query:
    """Put what is DISTINCT or a UNION in order in a SELECT of its own, by its own columns."""
    outer = exp.select("*")
    for part in ("order", "limit", "offset"):
        found = query.args.get(part)
        if found is not None:
            outer.set(part, found.pop())
    if query is tree:
        tree = outer
    else:
        query.replace(outer)
    outer.set("from_", exp.From(this=exp.Subquery(this=query, alias=exp.to_identifier("_of"))))
    return tree


def _hide_from_where(tree: exp.Query) -> None:
    """Make what WHERE names in vain no column: there Spark knows no names of the select list."""
    for select in tree.find_all(exp.Select):
        where = select.args.get("where")
        for column in list(find_all_in_scope(where, exp.Column)) if where is not None else ():
            if not column.table:
                hidden = exp.Var(this=column.name)
                hidden.update_positions(column.this)
                column.replace(hidden)
