"""Expressions inside a query: whose columns they may name, and what may stand where.

RowTranslator writes expressions over the rows of FROM, GroupTranslator those over the groups of
GROUP BY, where every aggregate becomes a column of the grouped rows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

import datatypes
import spark_aggregates
import spark_sql
import spark_types
import spark_windows
from errors import ConfigError
from spark_operators import Handler
from spark_types import Piece

# Where Spark takes IN and EXISTS with a query.
_FILTERS = ("WHERE", "HAVING")


@dataclass(frozen=True)
class Column:
    """A column of a relation: its name as Spark has it, and the piece that reads it."""

    name: str
    piece: Piece


@dataclass(frozen=True)
class Relation:
    """A query in DuckDB SQL, with its columns; the pieces are their quoted names."""

    sql: str
    columns: tuple[Column, ...]


@dataclass
class Scope:
    """
    What the columns of FROM are called.

    Attributes
    ----------
    tables
        The columns of each table, by its alias in lower case; None is a sub-select without one.
    columns
        All columns without what USING has made one: the columns of `*`.
    """

    tables: dict[str, tuple[Column, ...]] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()

    def find(self, node: exp.Column) -> list[Piece]:
        """Give what a name may mean: one piece, or none, or several."""
        name, table = node.name.lower(), node.table.lower()
        columns = self.tables.get(table, ()) if table else self.columns
        return [column.piece for column in columns if column.name.lower() == name]


class Places:
    """Remembers which node is being translated, for messages."""

    def __init__(self) -> None:
        self._nodes: list[exp.Expr] = []

    @contextlib.contextmanager
    def at(self, node: exp.Expr) -> Iterator[None]:
        """Note a node; when its translation fails it stays noted."""
        self._nodes.append(node)
        yield
        self._nodes.pop()

    def attempt(self, write: Callable[[exp.Expr], Piece], node: exp.Expr) -> Piece | None:
        """Translate a node; None if that fails."""
        depth = len(self._nodes)
        try:
            return write(node)
        except ConfigError:
            del self._nodes[depth:]
            return None

    @property
    def line(self) -> int:
        """The line of the innermost node that has one."""
        for node in reversed(self._nodes):
            lines = [found.meta["line"] for found in node.walk() if "line" in found.meta]
            if lines:
                return int(min(lines))
        return 1


class RowTranslator(spark_sql.Translator):
    """
    Writes expressions over the rows of FROM.

    Parameters
    ----------
    scope
        The columns that it may name.
    subquery
        Translates a query that stands in an expression; it may name the columns of `self`.
    places
        Where messages point.
    outer
        The translator of the query around this one, if columns of that may be named.
    """

    def __init__(
        self,
        scope: Scope,
        subquery: Callable[[exp.Query, RowTranslator], Relation],
        places: Places,
        outer: RowTranslator | None = None,
    ) -> None:
        super().__init__({}, lambda _: "")
        self.scope = scope
        self.outer = outer
        self.correlated = False
        self.subquery_correlated = False
        self.clause = "SELECT"
        self.windows: Mapping[str, exp.Expr] = {}
        # Names of the select list that expressions after them may use.
        self.aliases: dict[str, exp.Expr] = {}
        self.subquery = subquery
        self.places = places

    def sql(self, node: exp.Expr) -> Piece:
        """Translate a node and all below it."""
        with self.places.at(node):
            return super().sql(node)

    def handler(self, node: exp.Expr) -> Handler | None:
        """Find what translates a node."""
        if isinstance(node, exp.Window):
            return _window
        if spark_aggregates.is_aggregate(node):
            return _aggregate
        if isinstance(node, exp.Exists):
            return _exists
        if isinstance(node, exp.In) and node.args.get("query"):
            return _in_query
        if isinstance(node, exp.Query):
            return _scalar
        return super().handler(node)

    def refusal(self, node: exp.Expr) -> str:
        """Say why a node is not translated."""
        if isinstance(node, exp.Star):
            return "'*' stands for all columns in SELECT and in count(*) only"
        return spark_sql.refusal(node, function_names())

    def column(self, node: exp.Column) -> Piece:
        """Translate the name of a column."""
        found = self.local(node)
        if found is not None:
            return found
        if self.outer is not None:
            above = self.outer.visible(node)
            if above is not None:
                if self.clause != "WHERE":
                    raise ConfigError(
                        f"'{node.sql('spark')}' is of the query around this one; such columns may "
                        "stand in WHERE only"
                    )
                self.correlated = True
                return above
        alias = self.aliases.get(node.name.lower())
        if alias is not None and not node.table:
            with self._without(node.name.lower()):
                return self.sql(alias)
        raise ConfigError(self._unknown(node))

    def local(self, node: exp.Column) -> Piece | None:
        """Find a column of FROM; None if there is none of the name."""
        if not isinstance(node.this, exp.Identifier):
            raise ConfigError(self.refusal(node.this))
        if len(node.parts) > 2:
            raise ConfigError(f"'{node.sql('spark')}': name a column by its table's alias or name")
        found = self.scope.find(node)
        if len(found) > 1:
            raise ConfigError(
                f"'{node.sql('spark')}' is ambiguous: more than one table in FROM has it; write "
                "it with the table's name"
            )
        if found:
            demand_usable(node.name, found[0])
        return found[0] if found else None

    def visible(self, node: exp.Column) -> Piece | None:
        """Give what a column means to a query inside this one; None if there is none."""
        return self.local(node)

    def row_columns(self) -> list[str]:
        """Give what tells rows apart."""
        return [column.piece for column in self.scope.columns]

    def _unknown(self, node: exp.Column) -> str:
        table = node.table.lower()
        if table and table not in self.scope.tables:
            known = ", ".join(self.scope.tables) or "none"
            return f"'{node.sql('spark')}': no table '{node.table}' in FROM; there are: {known}"
        columns = self.scope.tables[table] if table else self.scope.columns
        names = list(dict.fromkeys(column.name.lower() for column in columns))
        return spark_sql.unknown_column(node.name, names, node.sql("spark"))

    @contextlib.contextmanager
    def _without(self, alias: str) -> Iterator[None]:
        """Keep a name of the select list from meaning itself."""
        node = self.aliases.pop(alias)
        yield
        self.aliases[alias] = node


class GroupTranslator(RowTranslator):
    """
    Writes expressions over groups.

    Parameters
    ----------
    rows
        Writes expressions over the rows that are grouped.
    keys
        What they are grouped by.
    source
        What the grouped rows are called.
    """

    def __init__(self, rows: RowTranslator, keys: list[exp.Expr], source: str) -> None:
        super().__init__(rows.scope, rows.subquery, rows.places, rows.outer)
        self.windows = rows.windows
        self.rows = rows
        self.source = source
        self.inner: list[str] = []
        self._keys: dict[str, Piece] = {}
        self._types = {type(key.unnest()) for key in keys}
        for key in keys:
            piece = rows.sql(key.unnest())
            if piece not in self._keys:
                self._keys[piece] = self._keep(piece)
        self.key_sql = list(self._keys)

    def sql(self, node: exp.Expr) -> Piece:
        """Translate a node and all below it."""
        bare = node.unnest()
        if type(bare) in self._types:
            piece = self.places.attempt(self.rows.sql, bare)
            if piece is not None and piece in self._keys:
                return self._keys[piece]
        return super().sql(node)

    def aggregate(self, node: exp.Expr) -> Piece:
        """Make an aggregate a column of the grouped rows."""
        return self._keep(spark_aggregates.write(self.rows, node))

    def local(self, node: exp.Column) -> Piece | None:
        """Refuse a column that has many values in a group."""
        found = super().local(node)
        if found is not None:
            raise ConfigError(
                f"'{node.sql('spark')}' is neither in GROUP BY nor in an aggregate function; add it"
                " to GROUP BY, or take for example min() of it"
            )
        return None

    def visible(self, node: exp.Column) -> Piece | None:
        """Give what a column means to a query inside this one; None if there is none."""
        return None if self.rows.local(node) is None else self.sql(node)

    def row_columns(self) -> list[str]:
        """Give what tells groups apart."""
        return list(self._keys.values())

    def _keep(self, piece: Piece) -> Piece:
        name = f'"_{len(self.inner) + 1}"'
        if piece.kind == spark_types.NULL:
            piece = Piece(piece, "INTEGER")
        self.inner.append(f"{piece} AS {name}")
        return Piece(f'"{self.source}".{name}', piece.kind)


def demand_usable(name: str, piece: Piece) -> None:
    """Refuse columns of types that SQL here cannot use, such as lists."""
    if piece.kind != spark_types.NULL and not spark_types.is_column(piece.kind):
        raise ConfigError(
            f"column '{name}' is {piece.kind}, which cannot be used; name columns of "
            f"{datatypes.NAMES} only"
        )


def function_names() -> list[str]:
    """List the functions that queries may use, by their names in Spark."""
    names = {*spark_sql.function_names(), *spark_aggregates.NAMES, *spark_windows.NAMES}
    return sorted(names)


def _window(t: spark_sql.Translator, node: exp.Expr) -> Piece:
    if not isinstance(t, RowTranslator) or t.clause != "SELECT":
        clause = getattr(t, "clause", "")
        raise ConfigError(
            f"'{node.sql('spark')}': a window function cannot stand in {clause}; compute it in a "
            "sub-select, and use its column"
        )
    clause, t.clause = t.clause, "a window function"
    piece = spark_windows.write(t, node)
    t.clause = clause
    return piece


def _aggregate(t: spark_sql.Translator, node: exp.Expr) -> Piece:
    if isinstance(t, GroupTranslator):
        return t.aggregate(node)
    clause = getattr(t, "clause", "")
    raise ConfigError(
        f"'{node.sql('spark')}': an aggregate function cannot stand in {clause} "
        "or in another aggregate; use HAVING, or compute it in a sub-select"
    )


def _query(t: spark_sql.Translator, node: exp.Expr) -> Relation:
    if not isinstance(t, RowTranslator) or not isinstance(node, exp.Query):
        raise ConfigError(f"'{node.sql('spark')}' is no query")
    return t.subquery(node, t)


def _filters_only(t: spark_sql.Translator, node: exp.Expr) -> None:
    if getattr(t, "clause", "") not in _FILTERS:
        raise ConfigError(
            f"'{node.sql('spark')}': a query after IN or EXISTS can stand in WHERE and HAVING only"
        )


def _exists(t: spark_sql.Translator, node: exp.Expr) -> Piece:
    _filters_only(t, node)
    return Piece(f"(EXISTS ({_query(t, node.this).sql}))", "BOOLEAN")


def _in_query(t: spark_sql.Translator, node: exp.Expr) -> Piece:
    _filters_only(t, node)
    relation = _query(t, node.args["query"])
    value = t.sql(node.this)
    column = _only_column(relation, node)
    kind = spark_types.wider([value.kind, column.piece.kind])
    if kind is None:
        raise ConfigError(
            f"'{node.sql('spark')}' compares {value.kind} with {column.piece.kind}; cast one"
        )
    listed = relation.sql
    if column.piece.kind != kind:
        typed = spark_types.as_kind(column.piece, kind)
        listed = f"SELECT {typed} FROM ({listed})"
    return Piece(f"({spark_types.as_kind(value, kind)} IN ({listed}))", "BOOLEAN")


def _scalar(t: spark_sql.Translator, node: exp.Expr) -> Piece:
    relation = _query(t, node)
    return Piece(f"({relation.sql})", _only_column(relation, node).piece.kind)


def _only_column(relation: Relation, node: exp.Expr) -> Column:
    if len(relation.columns) != 1:
        raise ConfigError(
            f"'{node.sql('spark')}' has {len(relation.columns)} columns where one is needed"
        )
    return relation.columns[0]
