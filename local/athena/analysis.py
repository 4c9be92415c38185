"""From a bound Trino query and the catalog's types to a plan that DuckDB can run."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import OptimizeError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.resolver import Resolver
from sqlglot.optimizer.scope import traverse_scope
from sqlglot.schema import MappingSchema

from local.athena.errors import QueryFailedError
from local.athena.rewrite import rewrite
from local.athena.sql import DIALECT
from local.athena.typecheck import check_types

TableName = tuple[str, str]
_UNNAMED = "__unnamed_"
_TIMESTAMP = exp.DataType.build("timestamp")

# What sqlglot leaves untyped and the rewrites have to know.
_METADATA: dict[Any, Any] = {
    **Trino.EXPRESSION_METADATA,
    exp.DateTrunc: {"annotator": lambda self, e: self._annotate_by_args(e, "this")},
    exp.StrToTime: {"annotator": lambda self, e: self._set_type(e, _TIMESTAMP)},
    exp.TimestampTrunc: {"annotator": lambda self, e: self._annotate_by_args(e, "this")},
    **{
        texts: {"annotator": lambda self, e: self._set_type(e, exp.DataType.Type.VARCHAR)}
        for texts in (
            exp.GroupConcat,
            exp.JSONExtractScalar,
            exp.Pad,
            exp.RegexpExtract,
            exp.RegexpReplace,
            exp.Replace,
            exp.Reverse,
            exp.SplitPart,
        )
    },
}


@dataclass(frozen=True, slots=True)
class Plan:
    """A query ready for DuckDB.

    Attributes
    ----------
    sql
        The text for DuckDB.
    names
        Names of the result's columns, as Athena gives them; None when the engine's count decides.
    columns
        The columns that the query reads of each table.
    filters
        For each table, one condition for each place that names it, as DuckDB SQL over its
        partition keys; None where a place reads every partition.
    """

    sql: str
    names: list[str] | None
    columns: Mapping[TableName, set[str]]
    filters: Mapping[TableName, list[str | None]]


def plan(
    tree: exp.Query,
    references: list[exp.Table],
    columns: Mapping[TableName, Mapping[str, exp.DataType]],
    partition_keys: Mapping[TableName, list[str]],
) -> Plan:
    """Resolve, check and translate a query.

    Parameters
    ----------
    references
        From :func:`local.athena.sql.table_references`.
    columns
        Name and type of every column of each table, partition keys last.
    partition_keys
        Names of the partition keys of each table.

    Raises
    ------
    QueryFailedError
        In Trino's words: COLUMN_NOT_FOUND, TYPE_MISMATCH, AMBIGUOUS_NAME and others.
    """
    written = {p.alias_or_name.lower(): p.alias_or_name for p in tree.selects}
    _name_unnamed(tree)
    schema = MappingSchema(dialect=DIALECT)
    for (database, table), types in columns.items():
        quoted = exp.to_table(f'"{database}"."{table}"', dialect=DIALECT)
        schema.add_table(quoted, dict(types), dialect=DIALECT, match_depth=False)
    try:
        tree = _qualify(tree, schema)
    except OptimizeError as error:
        raise _resolution_error(str(error), references, columns) from error
    except SqlglotError as error:
        raise QueryFailedError("SYNTAX_ERROR", str(error)) from error
    _resolve_having(tree, schema)
    try:
        tree = annotate_types(tree, schema=schema, expression_metadata=_METADATA, dialect=DIALECT)
    except SqlglotError as error:
        raise QueryFailedError("SYNTAX_ERROR", str(error)) from error
    check_types(tree)
    used = _used_columns(tree, references)
    names = [
        f"_col{position}" if name.lower().startswith(_UNNAMED) else written.get(name.lower(), name)
        for position, name in enumerate(p.alias_or_name for p in tree.selects)
    ]
    tree = rewrite(tree)
    filters: dict[TableName, list[str | None]] = defaultdict(list)
    for place in tree.find_all(exp.Table):
        name = (place.db, place.name)
        if name in columns:
            filters[name].append(_partition_filter(place, partition_keys[name]))
    return Plan(tree.sql(dialect="duckdb"), names or None, used, filters)


def _name_unnamed(tree: exp.Query) -> None:
    """Name each unnamed output: sqlglot would call CAST(a AS date) a, and Athena does not."""
    count = 0
    for select in tree.find_all(exp.Select):
        for projection in select.expressions:
            named = (exp.Alias, exp.Column, exp.Star, exp.Dot)
            if not isinstance(projection, named):
                projection.replace(exp.alias_(projection.copy(), f"{_UNNAMED}{count}"))
                count += 1


def _qualify(tree: exp.Query, schema: MappingSchema) -> exp.Query:
    return qualify(
        tree,
        dialect=DIALECT,
        schema=schema,
        expand_alias_refs=False,  # Trino knows select aliases in ORDER BY only
        quote_identifiers=True,
        validate_qualify_columns=True,
    )


def _resolution_error(
    message: str,
    references: list[exp.Table],
    columns: Mapping[TableName, Mapping[str, exp.DataType]],
) -> QueryFailedError:
    found = re.search(r"[Cc]olumn:? '?\"?([^'\".]+)\"?'?", message)
    name = found[1] if found else ""
    place = re.search(r"Line: (\d+), Col: (\d+)", message)
    at = f"line {place[1]}:{int(place[2]) - len(name) + 1}: " if place else ""
    holders = [r for r in references if name.lower() in columns[r.db, r.name]]
    if "mbiguous" in message or len(holders) > 1:
        return QueryFailedError("AMBIGUOUS_NAME", f"{at}Column '{name}' is ambiguous")
    if "could not be resolved" in message or message.startswith("Unknown column"):
        return QueryFailedError("COLUMN_NOT_FOUND", f"{at}Column '{name}' cannot be resolved")
    return QueryFailedError("SYNTAX_ERROR", message)


def _resolve_having(tree: exp.Query, schema: MappingSchema) -> None:
    """Give the columns of HAVING their tables, which sqlglot leaves out; Trino knows no aliases."""
    for scope in traverse_scope(tree):
        having = scope.expression.args.get("having")
        for column in having.find_all(exp.Column) if having else ():
            if column.table or column.find_ancestor(exp.Select) is not scope.expression:
                continue
            table = Resolver(scope, schema).get_table(column)
            if table is None:
                raise QueryFailedError(
                    "COLUMN_NOT_FOUND", f"Column '{column.name}' cannot be resolved"
                )
            column.set("table", table.copy())


def _used_columns(tree: exp.Query, references: list[exp.Table]) -> dict[TableName, set[str]]:
    """Return the columns read of each table; by alias, so rather one too many than too few."""
    by_alias: dict[str, set[str]] = defaultdict(set)
    for column in tree.find_all(exp.Column):
        by_alias[column.table.lower()].add(column.name)
    used: dict[TableName, set[str]] = {(t.db, t.name): set() for t in references}
    for table in tree.find_all(exp.Table):
        if (table.db, table.name) in used:
            used[table.db, table.name] |= by_alias[table.alias_or_name.lower()]
    return used


def _partition_filter(table: exp.Table, keys: list[str]) -> str | None:
    """Return the part of the WHERE above a table that only its partition keys decide."""
    select = table.find_ancestor(exp.Select)
    joins = select.args.get("joins") or [] if select else []
    where = select.args.get("where") if select else None
    if where is None or not keys or any(join.side for join in joins):
        return None
    alias = table.alias_or_name
    conditions: list[Any] = []
    for condition in where.this.flatten() if isinstance(where.this, exp.And) else [where.this]:
        columns = list(condition.find_all(exp.Column))
        local = all(c.table == alias and c.name in keys for c in columns)
        if columns and local and not condition.find(exp.Query, exp.Subquery):
            conditions.append(condition.copy())
    if not conditions:
        return None
    for condition in conditions:
        for column in condition.find_all(exp.Column):
            column.set("table", None)
    return exp.and_(*conditions).sql(dialect="duckdb")
