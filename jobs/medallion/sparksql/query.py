"""Queries of Spark SQL, written for DuckDB with exactly Spark's meaning and result types.

sqlglot resolves the names (see query_resolve) and writes what surrounds expressions; these are
written one by one with their types (see query_rows), from the inner queries to the outer ones.
What is not known to mean the same is refused with its line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, ScopeType, traverse_scope

from medallion.errors import ConfigError, LakeError
from medallion.sparksql import generators, query_rules, spans, sqltypes
from medallion.sparksql.dialect import Refused, at, is_using, shown, spelling, written_as
from medallion.sparksql.model_sql import ModelSql, place, view_name
from medallion.sparksql.operators import demand_boolean
from medallion.sparksql.resolve import Resolved, Tables, resolve
from medallion.sparksql.select_rows import Column, Inner, Rows, Source, quoted, typed
from medallion.sparksql.sqltypes import Piece


class QueryTranslator:
    """
    Writes the queries of models for DuckDB.

    Parameters
    ----------
    describe
        Gives the columns of a DuckDB SELECT and their DuckDB types; raises ConfigError when DuckDB
        does not accept it. The views that models read have to be there.
    """

    def __init__(self, describe: Callable[[str], Mapping[str, str]]) -> None:
        self._describe = describe

    def translate(self, model: ModelSql, tables: Tables) -> str:
        """
        Translate a model.

        Parameters
        ----------
        model
            The model's SQL in the Spark dialect.
        tables
            The DuckDB types of the columns of the model's inputs, by name: `processed.sales`.

        Returns
        -------
        str
            A SELECT over the views of the inputs, whose columns have the names and the types
            that Spark gives the query.

        Raises
        ------
        ConfigError
            Begins with the file and the line of what is not right.
        """
        try:
            sql, columns = _Writer(resolve(model.tree, tables), tables).write()
            found = self._describe(sql)
        except LakeError as error:
            line = error.line if isinstance(error, Refused) else 1
            raise ConfigError(place(model.file, line) + str(error)) from error
        except RecursionError as error:
            raise ConfigError(f"{place(model.file, 1)}the query is nested too deeply") from error
        if [(column.name, column.kind) for column in columns] == list(found.items()):
            return sql
        return typed(sql, [Column(name, kind) for name, kind in found.items()], columns)


class _Writer:
    """Writes the queries of a model in place."""

    def __init__(self, resolved: Resolved, tables: Tables) -> None:
        self._resolved = resolved
        self._tables = tables
        # By the ids of their queries.
        self._columns: dict[int, list[Column]] = {}
        self._rows: dict[int, Rows] = {}

    def write(self) -> tuple[str, list[Column]]:
        """Write the model; gives its columns, too."""
        tree = self._resolved.tree
        for scope in traverse_scope(tree):
            node = scope.expression
            if isinstance(node, exp.Lateral):
                continue  # Its SELECT writes it.
            with at(node):
                if isinstance(node, exp.Select):
                    columns = self._select(node, self._rows_of(scope))
                elif isinstance(node, exp.SetOperation):
                    columns = self._set(node)
                elif isinstance(node, exp.Values):
                    columns = self._values(node)
                else:
                    raise ConfigError(f"'{shown(node)}' is no SELECT")
                self._columns[id(node)] = self._named(node, columns)
        result = self._inner(tree)
        for column in result.columns:
            if column.kind == sqltypes.NULL:
                raise ConfigError(
                    f"column '{column.name}' is never anything but NULL; give it a type, for "
                    f"example CAST(NULL AS string) AS {column.name}"
                )
        return result.sql, result.columns

    def _inner(self, query: exp.Expr) -> Inner:
        """Give a query that is written."""
        query = query.unnest()
        sql = query.sql("duckdb", comments=False)
        return Inner(sql, self._columns[id(query)], self._rows.get(id(query)))

    def _named(self, node: exp.Expr, columns: list[Column]) -> list[Column]:
        """Give columns the names that `AS c (a, b)` lists; names of a table have to differ."""
        listed = self._resolved.listed.get(id(node))
        columns = columns if listed is None else _renamed(columns, listed)
        names = [column.name.lower() for column in columns]
        twice = [column.name for column in columns if names.count(column.name.lower()) > 1]
        if twice and query_rules.is_table(node):
            raise ConfigError(f"two columns are called '{twice[0]}'; give one another name with AS")
        return columns

    def _rows_of(self, scope: Scope) -> Rows:
        node, outer = scope.expression, scope.parent
        if id(node) not in self._rows:
            is_inside = scope.scope_type == ScopeType.SUBQUERY and outer is not None
            sources = [self._source(scope, source) for source in query_rules.sources(node)]
            around = self._rows_of(outer) if is_inside and outer is not None else None
            rows = self._rows[id(node)] = Rows(sources, around, self._inner)
            for lateral in generators.lateral_views(node):
                sql, made = generators.write(rows, lateral)
                rows.laterals.append(sql)
                columns = {name.lower(): Column(name, kind) for name, kind in made}
                sources.append(Source(lateral.alias, None, [], columns))
        return self._rows[id(node)]

    def _source(self, scope: Scope, node: exp.Expr) -> Source:
        """Give the columns of what stands in FROM; tables become views."""
        source = scope.sources[node.alias_or_name]
        if isinstance(source, exp.Table):
            name = f"{source.db}.{source.name}"
            columns = [Column(column, kind) for column, kind in self._tables[name].items()]
            source.set("db", None)
            source.set("this", exp.to_identifier(view_name(name), quoted=True))
        else:
            columns = self._columns[id(source.expression)]
        if isinstance(node, exp.Table) and node.alias_column_names:
            with at(node):
                columns = _renamed(columns, _spellings(node))
        join = node.parent if isinstance(node.parent, exp.Join) else None
        using = self._resolved.using.get(id(join), [])
        return Source(node.alias_or_name, join, using, {c.name.lower(): c for c in columns})

    def _select(self, select: exp.Select, rows: Rows) -> list[Column]:
        # Nodes and what they become, once all is translated.
        written: list[tuple[exp.Expr, object]] = []
        rows.named |= _named_columns(select, rows)
        rows.windows = {w.name.lower(): w for w in select.args.get("windows") or ()}
        for source in rows.sources:
            condition = source.join.args.get("on") if source.join is not None else None
            if condition is not None and source.join is not None:
                with at(source.join):
                    on = rows.using(source) if source.using else _test(rows, condition)
                written.append((condition, on))
        group, having = select.args.get("group"), select.args.get("having")
        if select.args.get("where"):
            condition = select.args["where"].this
            written.append((condition, _test(rows, condition)))
        if group is not None or query_rules.has_aggregates(select):
            keys = list(_keys(group))
            written += [(key, rows.sql(key)) for key in keys]
            rows.has_grouping_sets = group is not None and bool(
                group.find(*query_rules.GROUPING_SETS)
            )
            rows.keys = {key.unnest(): rows.sql(key) for key in keys}
        pieces = [_item(rows, item) for item in select.expressions]
        columns = [
            Column(_spelled(item, rows), piece.kind)
            for item, piece in zip(select.expressions, pieces)
        ]
        names = [item.alias_or_name for item in select.expressions]
        for item, piece, name in zip(select.expressions, pieces, names):
            if isinstance(item, exp.Alias):
                written.append((item.this, piece))
            else:
                written.append((item, f"{piece} AS {quoted(name)}"))
        rows.aliases = dict(zip(reversed(names), reversed(pieces)))
        if having is not None:
            written.append((having.this, _test(rows, having.this)))
        if select.args.get("order"):
            written += _order(select, rows, names)
        rows.aliases = {}
        for node, text in written:
            node.replace(written_as(node, str(text)))
        select.set("windows", None)
        generators.join(select, rows.laterals)
        return columns

    def _set(self, node: exp.SetOperation) -> list[Column]:
        sides = [(side, self._inner(side)) for side in (node.left, node.right)]
        left, right = (inner.columns for _, inner in sides)
        word = type(node).__name__.upper()
        if len(left) != len(right):
            raise ConfigError(
                f"{word} of {len(left)} columns and of {len(right)}; both sides need as many"
            )
        columns = []
        for number, (one, other) in enumerate(zip(left, right), 1):
            kind = sqltypes.wider([one.kind, other.kind])
            if kind is None:
                raise ConfigError(
                    f"{word}: column {number} ('{one.name}') is {one.kind} on one side and "
                    f"{other.kind} on the other; cast one of them"
                )
            columns.append(Column(one.name, kind))
        for side, inner in sides:
            if [column.kind for column in inner.columns] != [column.kind for column in columns]:
                side.replace(written_as(side, typed(inner.sql, inner.columns, columns)))
        return columns

    def _values(self, values: exp.Values) -> list[Column]:
        rows = Rows([], None, self._inner)
        table = [[rows.sql(value) for value in row.expressions] for row in values.expressions]
        if len({len(row) for row in table}) > 1:
            raise ConfigError("the rows of VALUES have different numbers of columns")
        columns = []
        for number, pieces in enumerate(zip(*table), 1):
            kind = sqltypes.wider([piece.kind for piece in pieces])
            if kind is None:
                found = ", ".join(dict.fromkeys(piece.kind for piece in pieces))
                raise ConfigError(f"column {number} of VALUES holds {found}; cast them to one type")
            columns.append(Column(f"col{number}", kind))
        for row, values_of_row in zip(values.expressions, table):
            for node, piece, column in zip(row.expressions, values_of_row, columns):
                node.replace(written_as(node, str(sqltypes.as_kind(piece, column.kind))))
        return _renamed(columns, _spellings(values))


def _named_columns(select: exp.Select, rows: Rows) -> set[str]:
    """Give the names of columns that a SELECT reads."""
    windows = set()
    for window in select.find_all(exp.Window):
        definition = window.copy()
        definition.set("this", exp.Null())
        windows.add(definition.sql())
    if len(windows) > 1:
        # Each may put rows that are equal here in another order, so none may be equal.
        return {name for source in rows.sources for name in source.columns}
    return {column.name for column in select.find_all(exp.Column)}


def _spellings(node: exp.Expr) -> list[str]:
    """Give the names that `AS t (a, b)` lists."""
    return [spelling(name) or name.name for name in node.args["alias"].columns]


def _renamed(columns: list[Column], names: list[str]) -> list[Column]:
    if len(names) != len(columns):
        raise ConfigError(f"{len(names)} names are given to {len(columns)} columns")
    return [Column(name, column.kind) for name, column in zip(names, columns)]


def _keys(group: exp.Expr | None) -> Iterator[exp.Expr]:
    """Yield what a GROUP BY names, but for places in the select list."""
    for part in group.expressions if group is not None else ():
        if isinstance(part, (*query_rules.GROUPING_SETS, exp.Tuple)):
            yield from _keys(part)
        elif not part.is_int:
            yield part


def _test(rows: Rows, node: exp.Expr) -> Piece:
    """Write a condition."""
    piece = rows.sql(node)
    if piece.kind == sqltypes.NULL:
        raise ConfigError(f"'{shown(node)}' is never true")
    demand_boolean(piece, node)
    return piece


def _item(rows: Rows, item: exp.Expr) -> Piece:
    """Write a column of a select list."""
    piece = rows.sql(item.unalias())
    if piece.kind.startswith("INTERVAL"):
        with at(item):
            raise ConfigError(f"'{shown(item.unalias())}' is {spans.COLUMN}")
    return piece


def _spelled(item: exp.Expr, rows: Rows) -> str:
    """Give the name of a column as Spark spells it."""
    column = item.unalias()
    if is_using(column):
        column = column.this
    name = spelling(item.args.get("alias"))
    if name is None and isinstance(column, exp.Column):
        sources = [source.columns for source in rows.sources if source.alias == column.table]
        of_star = sources[0][column.name].name if sources else None
        name = spelling(column.this) or of_star
    return name or str(item.alias_or_name)


def _order(select: exp.Select, rows: Rows, names: list[str]) -> list[tuple[exp.Expr, object]]:
    """Write ORDER BY; a table has no order, so it counts with LIMIT only."""
    written: list[tuple[exp.Expr, object]] = []
    order = select.args["order"]
    for term in order.expressions:
        value = term.this
        if isinstance(value, exp.Column) and not value.table and value.name in names:
            written.append((value, names.index(value.name) + 1))
        elif not value.is_int:
            written.append((value, rows.sql(value)))
    if select.args.get("limit") or select.args.get("offset"):
        # Rows that the order leaves equal are told apart by all columns.
        for number in range(1, len(names) + 1):
            order.append("expressions", exp.Ordered(this=exp.Literal.number(number)))
        return written
    select.set("order", None)
    return []
