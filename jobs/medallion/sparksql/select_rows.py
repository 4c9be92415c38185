"""The expressions of one SELECT: whose columns they may name, over rows or over groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlglot import exp

from medallion import datatypes
from medallion.errors import ConfigError
from medallion.sparksql import expressions, query_rules, sqltypes
from medallion.sparksql.dialect import at, is_added, is_using, shown
from medallion.sparksql.functions import aggregates, windows
from medallion.sparksql.sqltypes import Piece
from medallion.sparksql.translator import Handler


@dataclass(frozen=True)
class Column:
    """A column of a query: its name as Spark spells it, and its type."""

    name: str
    kind: str


@dataclass(frozen=True)
class Source:
    """A table in FROM: its alias, how it is joined, and its columns by name in lower case.

    `using` are the columns that its join makes one of several.
    """

    alias: str
    join: exp.Join | None
    using: list[str]
    columns: Mapping[str, Column]

    @property
    def is_hidden(self) -> bool:
        """Whether only its join may name its columns."""
        return self.join is not None and bool(self.join.is_semi_or_anti_join)

    def read(self, name: str) -> Piece | None:
        """Write a column; None if there is none of the name."""
        if name not in self.columns:
            return None
        sql, kind = f"{quoted(self.alias)}.{quoted(name)}", self.columns[name].kind
        return sqltypes.of_column(sql, kind) or Piece(sql, kind)


@dataclass(frozen=True)
class Inner:
    """A query that is written and stands in an expression; `rows` if it is a SELECT."""

    sql: str
    columns: list[Column]
    rows: Rows | None


class Rows(expressions.ExpressionTranslator):
    """Writes the expressions of one SELECT over `sources`, in the order of FROM.

    `outer` writes the SELECT in whose expression it stands, `inner` gives one in its own.
    """

    def __init__(
        self, sources: list[Source], outer: Rows | None, inner: Callable[[exp.Expr], Inner]
    ) -> None:
        super().__init__({}, lambda _: "")
        self.sources = sources
        self.outer = outer
        self.inner = inner
        self.windows: Mapping[str, exp.Expr] = {}
        # What LATERAL VIEWs have become.
        self.laterals: list[str] = []
        # What rows are grouped by; None where they are not.
        self.keys: dict[exp.Expr, Piece] | None = None
        self.has_grouping_sets = False
        self.is_correlated = False
        # The names that the SELECT, or a query in one of its expressions, reads.
        self.named: set[str] = set()
        # The select list by name, for HAVING and ORDER BY.
        self.aliases: dict[str, Piece] = {}
        self._in_aggregate = False

    def sql(self, node: exp.Expr) -> Piece:
        """Translate a node and all below it."""
        with at(node):
            key = None if self.keys is None or self._in_aggregate else self.keys.get(node.unnest())
            return super().sql(node) if key is None else key

    def handler(self, node: exp.Expr) -> Handler | None:
        """Find what translates a node."""
        for kinds, handler in _HANDLERS:
            if isinstance(node, kinds):
                return handler
        if aggregates.is_aggregate(node):
            return lambda _, call: self.aggregate(call)
        if isinstance(node, exp.In) and node.args.get("query"):
            return _in_query
        return _column if is_using(node) else super().handler(node)

    def refusal(self, node: exp.Expr) -> str:
        """Say why a node is not translated."""
        if isinstance(node, exp.Star):
            return "'*' stands for all columns in SELECT and in count(*) only"
        return expressions.refusal(node, function_names())

    def column(self, node: exp.Expr) -> Piece:
        """Translate the name of a column."""
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Identifier):
            raise ConfigError(self.refusal(node.this))
        if node.name in self.aliases and not node.text("table"):
            return self.aliases[node.name]
        found = self.local(node)
        if found is None and self.outer is not None and self.outer.local(node) is not None:
            if is_added(node.args.get("table")):
                self.merged(node, self._visible(node))  # May be ambiguous.
            if query_rules.clause(node) != "WHERE":
                raise ConfigError(
                    f"'{shown(node)}' is of the query around this one; such columns may stand in "
                    "WHERE only"
                )
            self.is_correlated = True
            self.outer.named.add(node.name)
            return self.outer.sql(node)
        if found is None:
            raise ConfigError(self._unknown(node))
        if found.kind != sqltypes.NULL and not sqltypes.is_column(found.kind):
            raise ConfigError(
                f"column '{node.name}' is {found.kind}, which cannot be used; name columns of "
                f"{datatypes.NAMES} only"
            )
        if self.keys is not None and not self._in_aggregate:
            raise ConfigError(
                f"'{shown(node)}' is neither in GROUP BY nor in an aggregate function; add it to "
                "GROUP BY, or take for example min() of it"
            )
        return found

    def local(self, node: exp.Expr) -> Piece | None:
        """Find a column of FROM."""
        table = node.text("table")
        if not table:
            return self.merged(node, self._visible(node))
        found = (s.read(node.name) for s in self._visible(node) if s.alias == table)
        return next(found, None)

    def merged(self, node: exp.Expr, sources: list[Source]) -> Piece | None:
        """Give what a name without a table stands for, as USING makes one column of several."""
        found: list[Piece] = []
        for source in sources:
            piece = source.read(node.name)
            side = source.join.side if source.join is not None else ""
            if piece is None:
                continue
            if node.name not in source.using or not found:
                found.append(piece)
            elif side == "RIGHT":
                found[0] = piece
            elif side == "FULL":
                kind = str(sqltypes.wider([found[0].kind, piece.kind]))
                sides = [sqltypes.as_kind(one, kind) for one in (found[0], piece)]
                found[0] = Piece(f"coalesce({sides[0]}, {sides[1]})", kind)
        if len(found) > 1:
            raise ConfigError(
                f"'{shown(node)}' is ambiguous: more than one table in FROM has it; write it with "
                "the table's name"
            )
        return found[0] if found else None

    def using(self, source: Source) -> str:
        """Write the condition of a JOIN … USING."""
        before = [s for s in self.sources[: self.sources.index(source)] if not s.is_hidden]
        conditions = []
        for key in map(exp.column, source.using):
            one, other = self.merged(key, before), source.read(key.name)
            if one is None or other is None:
                raise ConfigError(self._unknown(key))
            if sqltypes.wider([one.kind, other.kind]) is None:
                raise ConfigError(
                    f"USING ({key.name}) compares {one.kind} with {other.kind}; cast one of them"
                )
            conditions.append(f"({one} = {other})")
        return " AND ".join(conditions)

    def row_columns(self) -> list[str]:
        """Give what tells rows, or groups, apart."""
        if self.keys is not None:
            return list(dict.fromkeys(map(str, self.keys.values())))
        # Of rows that differ in nothing that is read, no one sees which comes first.
        shown_sources = [source for source in self.sources if not source.is_hidden]
        return [str(s.read(n)) for s in shown_sources for n in s.columns if n in self.named]

    def aggregate(self, node: exp.Expr) -> Piece:
        """Translate an aggregate, which is of rows."""
        self._in_aggregate = True
        piece = aggregates.write(self, node)
        self._in_aggregate = False
        return piece

    def _visible(self, node: exp.Expr) -> list[Source]:
        """Give the tables whose columns a node may name: in ON those up to its join."""
        part = query_rules.around(node)[-1]
        here = next((n for n, s in enumerate(self.sources) if s.join is part), len(self.sources))
        return [s for n, s in enumerate(self.sources[: here + 1]) if not s.is_hidden or n == here]

    def _unknown(self, node: exp.Expr) -> str:
        table, sources = node.text("table"), self._visible(node)
        if table and table not in [source.alias for source in sources]:
            known = ", ".join(source.alias for source in sources) or "none"
            return f"'{shown(node)}': no table '{table}' in FROM; there are: {known}"
        names = [n for s in sources if not table or s.alias == table for n in s.columns]
        return expressions.unknown_column(node.name, list(dict.fromkeys(names)), shown(node))


def function_names() -> list[str]:
    """List the functions that queries may use, by their names in Spark."""
    names = {*expressions.function_names(), *aggregates.NAMES, *windows.NAMES}
    return sorted(names)


def quoted(name: str) -> str:
    """Write a name for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def typed(sql: str, found: list[Column], wanted: list[Column]) -> str:
    """Give the columns of a query other names and types."""
    inner = [Piece(f"_{number}", column.kind) for number, column in enumerate(found)]
    columns = (
        f"{sqltypes.as_kind(piece, column.kind)} AS {quoted(column.name)}"
        for piece, column in zip(inner, wanted)
    )
    return f"SELECT {', '.join(columns)} FROM ({sql}) AS _s({', '.join(map(str, inner))})"


def _column(t: Any, node: exp.Expr) -> Piece:
    """Write a column that sqlglot knows no table of, or several after USING."""
    name = exp.column(node.this.name if is_using(node) else node.name)
    name.parent, name.arg_key = node.parent, node.arg_key
    return cast("Piece", t.column(name))


def _grouping(t: Rows, node: exp.Expr) -> Piece:
    """Write whether ROLLUP and the like have summed up a column."""
    keys, wanted = list(t.keys or ()), [part.unnest() for part in node.expressions]
    if not t.has_grouping_sets:
        raise ConfigError(f"'{shown(node)}' needs GROUP BY with ROLLUP, CUBE or GROUPING SETS")
    is_id = isinstance(node, exp.GroupingId)
    if (wanted and wanted != keys) if is_id else (len(wanted) != 1 or wanted[0] not in keys):
        takes = "all columns of GROUP BY in their order" if is_id else "one column of GROUP BY"
        raise ConfigError(f"'{shown(node)}' takes {takes}: {', '.join(map(shown, keys))}")
    listed = ", ".join(str(t.sql(key)) for key in (keys if is_id else wanted))
    return sqltypes.cast(f"GROUPING({listed})", "BIGINT" if is_id else "TINYINT")


def _exists(t: Rows, node: exp.Expr) -> Piece:
    return Piece(f"EXISTS ({t.inner(node.this).sql})", "BOOLEAN")


def _in_query(t: Any, node: exp.Expr) -> Piece:
    value, (listed, column) = t.sql(node.this), _one_column(t, node.args["query"])
    kind = sqltypes.wider([value.kind, column.kind])
    if kind is None:
        raise ConfigError(f"'{shown(node)}' compares {value.kind} with {column.kind}; cast one")
    if column.kind != kind:
        listed = typed(listed, [column], [Column(column.name, kind)])
    return Piece(f"({sqltypes.as_kind(value, kind)} IN ({listed}))", "BOOLEAN")


def _scalar(t: Rows, node: exp.Expr) -> Piece:
    sql, column = _one_column(t, node)
    rows = t.inner(node).rows
    # Spark wants to know that there is one row, and knows it of aggregates alone.
    if rows is not None and rows.is_correlated and (t.keys is not None or rows.keys != {}):
        raise ConfigError(
            f"'{shown(node)}' names columns of the query around it, so it has to give an aggregate "
            "function such as max(), or be written as a JOIN; neither query may have GROUP BY"
        )
    return Piece(f"({sql})", column.kind)


def _one_column(t: Rows, node: exp.Expr) -> tuple[str, Column]:
    inner = t.inner(node)
    if len(inner.columns) != 1:
        raise ConfigError(f"'{shown(node)}' has {len(inner.columns)} columns where one is needed")
    return inner.sql, inner.columns[0]


_HANDLERS: tuple[tuple[Any, Callable[[Any, exp.Expr], Piece]], ...] = (
    (exp.Window, windows.write),
    (exp.Exists, _exists),
    (exp.Query, _scalar),
    ((exp.Grouping, exp.GroupingId), _grouping),
    (exp.Var, _column),
)
