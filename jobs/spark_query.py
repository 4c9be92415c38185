"""Queries of Spark SQL, written for DuckDB with exactly Spark's meaning and result types.

A SELECT stays one SELECT, but for two things: groups are made in a SELECT of their own, so that
what stands over them (HAVING, window functions, ORDER BY) names its columns; and what is DISTINCT
is made before it is put in order. All columns are written with their table, all types and places of
nulls are written out. What is not known to mean the same is refused with its line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

import spark_aggregates
import spark_from
import spark_groups
import spark_order
import spark_select_list
import spark_types
from errors import ConfigError, LakeError
from spark_operators import demand_boolean
from spark_query_rows import (
    Column,
    GroupTranslator,
    Places,
    Relation,
    RowTranslator,
    Scope,
    demand_usable,
    function_names,
)
from spark_types import Piece
from sql_inputs import ModelSql, place, view_name

__all__ = ["QueryTranslator", "function_names"]

Tables = Mapping[str, Mapping[str, str]]
Ctes = Mapping[str, tuple[str, tuple[Column, ...]]]

_SELECT_PARTS = frozenset(
    (
        *("expressions", "from_", "joins", "where", "group", "having", "windows", "distinct"),
        *("order", "limit", "offset", "with_", "hint"),
    )
)
_SET_PARTS = frozenset(
    ("this", "expression", "distinct", "by_name", "order", "limit", "offset", "with_")
)


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
        places = Places()
        try:
            relation = _Query(tables, places).query(model.tree, {}, None, named=True)
            _check_output(relation)
            found = self._describe(relation.sql)
        except LakeError as error:
            raise ConfigError(place(model.file, places.line) + str(error)) from error
        except RecursionError as error:
            raise ConfigError(f"{place(model.file, 1)}the query is nested too deeply") from error
        kinds = [column.piece.kind for column in relation.columns]
        if kinds == list(found.values()):
            return relation.sql
        typed = (
            f"{spark_types.cast(c.piece, c.piece.kind)} AS {c.piece}" for c in relation.columns
        )
        return f"SELECT {', '.join(typed)} FROM ({relation.sql})"


def _check_output(relation: Relation) -> None:
    for column in relation.columns:
        if column.piece.kind == spark_types.NULL:
            raise ConfigError(
                f"column '{column.name}' is never anything but NULL; give it a type, for example "
                f"CAST(NULL AS string) AS {column.name}"
            )


class _Query:
    """Translates one query with all that is in it."""

    def __init__(self, tables: Tables, places: Places) -> None:
        self._tables = tables
        self._places = places
        self._aliases: set[str] = set()

    def query(
        self, node: exp.Query, ctes: Ctes, outer: RowTranslator | None, *, named: bool
    ) -> Relation:
        """Translate a query; `named` demands names of its columns, each its own."""
        with self._places.at(node):
            if isinstance(node, exp.Subquery):
                _demand_parts(node, frozenset(("this", "with_")))
                ctes, prefix = self._with(node, ctes)
                inner = self.query(node.this, ctes, outer, named=named)
                return Relation(prefix + inner.sql, inner.columns)
            ctes, prefix = self._with(node, ctes)
            if isinstance(node, exp.Select):
                relation = self._select(node, ctes, outer, named=named)
            elif isinstance(node, exp.SetOperation):
                relation = self._set(node, ctes, named=named)
            else:
                raise ConfigError(f"'{node.sql('spark')}' is no SELECT")
            return Relation(prefix + relation.sql, relation.columns)

    def _with(self, node: exp.Query, ctes: Ctes) -> tuple[Ctes, str]:
        clause = node.args.get("with_")
        if clause is None:
            return ctes, ""
        if clause.args.get("recursive"):
            raise ConfigError("WITH RECURSIVE is not known to Spark 3.5")
        known, written = dict(ctes), []
        for cte in clause.expressions:
            with self._places.at(cte):
                name = cte.alias.lower()
                if name in known:
                    raise ConfigError(f"WITH names '{name}' twice; give one of them another name")
                relation = self.query(cte.this, known, None, named=True)
                given = [column.name for column in cte.args["alias"].columns]
                columns = _renamed(relation.columns, given)
                unique = self._unique(name)
                listed = ", ".join(column.piece for column in columns)
                written.append(f'"{unique}"({listed}) AS ({relation.sql})')
                known[name] = (f'"{unique}"', columns)
        return known, f"WITH {', '.join(written)} "

    def _unique(self, alias: str) -> str:
        found, number = alias, 1
        while found in self._aliases:
            number += 1
            found = f"{alias}_{number}"
        self._aliases.add(found)
        return found

    def _table(self, node: exp.Table, ctes: Ctes) -> tuple[str, tuple[Column, ...]]:
        if not isinstance(node.this, exp.Identifier):
            raise ConfigError(f"'{node.sql('spark')}' cannot stand in FROM; read a table")
        if not node.db:
            found = ctes.get(node.name.lower())
            if found is None:
                raise ConfigError(f"there is no CTE '{node.name}'; write raw.x or processed.x")
            return found
        name = f"{node.db}.{node.name}".lower()
        if name not in self._tables:
            raise ConfigError(f"'{name}' is no input; there are: {', '.join(self._tables)}")
        columns = (
            Column(column, Piece(_quoted(column), kind))
            for column, kind in self._tables[name].items()
        )
        return _quoted(view_name(name)), tuple(columns)

    def _set(self, node: exp.SetOperation, ctes: Ctes, *, named: bool) -> Relation:
        _demand_parts(node, _SET_PARTS)
        if node.args.get("by_name"):
            raise ConfigError("UNION BY NAME is not known to Spark SQL")
        left = self.query(node.left, ctes, None, named=named)
        right = self.query(node.right, ctes, None, named=False)
        word = type(node).__name__.upper()
        if len(left.columns) != len(right.columns):
            raise ConfigError(
                f"{word} of {len(left.columns)} columns and of {len(right.columns)}; both sides "
                "need as many"
            )
        kinds = []
        for number, (one, other) in enumerate(zip(left.columns, right.columns), 1):
            kind = spark_types.wider([one.piece.kind, other.piece.kind])
            if kind is None:
                raise ConfigError(
                    f"{word}: column {number} ('{one.name}') is {one.piece.kind} on one side and "
                    f"{other.piece.kind} on the other; cast one of them"
                )
            kinds.append(kind)
        columns = tuple(
            Column(column.name, Piece(column.piece, kind))
            for column, kind in zip(left.columns, kinds)
        )
        distinct = "" if node.args.get("distinct") else " ALL"
        sql = f"({_typed(left, kinds)}) {word}{distinct} ({_typed(right, kinds)})"
        return spark_order.finished(Relation(sql, columns), node, self._places)

    def _select(
        self, node: exp.Select, ctes: Ctes, outer: RowTranslator | None, *, named: bool
    ) -> Relation:
        _demand_parts(node, _SELECT_PARTS)
        distinct = node.args.get("distinct")
        if distinct is not None and distinct.args.get("on"):
            raise ConfigError("DISTINCT ON is not known to Spark")

        def rows(scope: Scope) -> RowTranslator:
            return RowTranslator(
                scope,
                lambda query, t: self._subquery(query, ctes, t),
                self._places,
                outer,
            )

        reader = spark_from.Reader(
            lambda table: self._table(table, ctes),
            lambda query: self.query(query, ctes, None, named=True),
            self._unique,
            rows,
        )
        from_sql, scope = spark_from.write(reader, node)
        t = rows(scope)
        t.windows = {w.name.lower(): w for w in node.args.get("windows") or ()}
        from_sql += _condition(t, node.args.get("where"), "WHERE")
        items = list(spark_select_list.items(node, scope, named=named))
        where_sql = ""
        groups = None
        if node.args.get("group") or _has_aggregates(node):
            groups = spark_groups.translator(
                t, node, spark_select_list.by_name(items), self._unique("_groups")
            )
            t = groups
            where_sql = _condition(
                t, node.args.get("having"), "HAVING", spark_select_list.by_name(items)
            )
        elif node.args.get("having"):
            raise ConfigError("HAVING needs GROUP BY or an aggregate function; use WHERE")
        pieces = [self._item(t, item) for item in items]
        columns = tuple(
            Column(item.name, Piece(_quoted(item.name), piece.kind))
            for item, piece in zip(items, pieces)
        )
        select = ", ".join(f"{p} AS {c.piece}" for p, c in zip(pieces, columns))
        tail = ""
        if distinct is None:
            tail = spark_order.clause(t, node, columns, pieces)
        if groups is not None:
            from_sql = spark_groups.write(groups, node, from_sql)
        relation = Relation(
            f"SELECT {'DISTINCT ' if distinct else ''}{select}{from_sql}{where_sql}{tail}", columns
        )
        if outer is not None and (t.correlated or (groups and groups.rows.correlated)):
            outer.subquery_correlated = True
        return spark_order.finished(relation, node, self._places) if distinct else relation

    def _subquery(self, node: exp.Query, ctes: Ctes, t: RowTranslator) -> Relation:
        t.subquery_correlated = False
        relation = self.query(node, ctes, t, named=False)
        inner = node.unnest()
        if t.subquery_correlated and not isinstance(node.parent, (exp.Exists, exp.In)):
            if not isinstance(inner, exp.Select) or inner.args.get("group"):
                raise ConfigError(
                    f"'{node.sql('spark')}' names columns of the query around it, so it has to be "
                    "one SELECT of an aggregate function without GROUP BY"
                )
            if not _has_aggregates(inner):
                raise ConfigError(
                    f"'{node.sql('spark')}' names columns of the query around it, so it has to "
                    "give an aggregate function such as max(), or be written as a JOIN"
                )
        return relation

    def _item(self, t: RowTranslator, item: spark_select_list.Item) -> Piece:
        if item.piece is not None:
            demand_usable(item.name, item.piece)
            if isinstance(t, GroupTranslator):
                raise ConfigError("'*' cannot stand beside GROUP BY or an aggregate function")
            return item.piece
        piece = t.sql(item.node)
        if piece.kind.startswith("INTERVAL"):
            with self._places.at(item.node):
                raise ConfigError(
                    f"'{item.node.sql('spark')}' is an interval, which no column can hold"
                )
        if item.name:
            t.aliases.setdefault(item.name.lower(), item.node)
        return piece


def _has_aggregates(node: exp.Select) -> bool:
    parts = [*node.expressions, node.args.get("having"), node.args.get("order")]
    return any(True for part in parts if part is not None for _ in spark_aggregates.find(part))


def _condition(
    t: RowTranslator,
    clause: exp.Expr | None,
    word: str,
    aliases: Mapping[str, exp.Expr] | None = None,
) -> str:
    """Write WHERE or HAVING; both are WHERE once groups are made."""
    if clause is None:
        return ""
    t.clause, t.aliases = word, dict(aliases or {})
    piece = t.sql(clause.this)
    if piece.kind == spark_types.NULL:
        raise ConfigError(f"'{clause.this.sql('spark')}' is never true")
    demand_boolean(piece, clause.this)
    t.clause, t.aliases = "SELECT", {}
    return f" WHERE {piece}"


def _typed(relation: Relation, kinds: list[str]) -> str:
    """Give the columns of a relation other types, where they have not got them."""
    if [column.piece.kind for column in relation.columns] == kinds:
        return relation.sql
    typed = (
        f"{spark_types.as_kind(column.piece, kind)} AS {column.piece}"
        for column, kind in zip(relation.columns, kinds)
    )
    return f"SELECT {', '.join(typed)} FROM ({relation.sql})"


def _renamed(columns: tuple[Column, ...], names: list[str]) -> tuple[Column, ...]:
    if not names:
        return columns
    if len(names) != len(columns):
        raise ConfigError(f"{len(names)} names are given to {len(columns)} columns")
    return tuple(
        Column(name, Piece(_quoted(name), column.piece.kind))
        for name, column in zip(names, columns)
    )


def _demand_parts(node: exp.Query, known: frozenset[str]) -> None:
    for name, value in node.args.items():
        if value and name not in known:
            raise ConfigError(
                f"{name.strip('_').upper()} is not supported; a query may have WITH, SELECT "
                "[DISTINCT], FROM, JOIN, WHERE, GROUP BY, HAVING, WINDOW, UNION, INTERSECT, "
                "EXCEPT, ORDER BY and LIMIT"
            )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
