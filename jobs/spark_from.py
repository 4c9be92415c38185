"""FROM and JOIN of Spark SQL, written for DuckDB."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

import spark_types
from errors import ConfigError
from spark_operators import demand_boolean
from spark_query_rows import Column, Relation, RowTranslator, Scope
from spark_types import Piece

# sqlglot's side and kind of a join, and DuckDB's word for it.
_JOINS = {
    ("", ""): "JOIN",
    ("", "INNER"): "JOIN",
    ("", "CROSS"): "CROSS JOIN",
    ("LEFT", ""): "LEFT JOIN",
    ("LEFT", "OUTER"): "LEFT JOIN",
    ("RIGHT", ""): "RIGHT JOIN",
    ("RIGHT", "OUTER"): "RIGHT JOIN",
    ("FULL", ""): "FULL JOIN",
    ("FULL", "OUTER"): "FULL JOIN",
    ("", "OUTER"): "FULL JOIN",
    ("LEFT", "SEMI"): "SEMI JOIN",
    ("", "SEMI"): "SEMI JOIN",
    ("LEFT", "ANTI"): "ANTI JOIN",
    ("", "ANTI"): "ANTI JOIN",
}
_KEPT_LEFT = ("SEMI JOIN", "ANTI JOIN")


@dataclass(frozen=True)
class Reader:
    """
    What FROM needs of the query that it is in.

    Attributes
    ----------
    table
        Gives a table or CTE: what to read it from, and its columns.
    query
        Translates a sub-select.
    unique
        Gives an alias that no other table of the whole query has.
    rows
        Makes a translator for the columns of a scope.
    """

    table: Callable[[exp.Table], tuple[str, tuple[Column, ...]]]
    query: Callable[[exp.Query], Relation]
    unique: Callable[[str], str]
    rows: Callable[[Scope], RowTranslator]


@dataclass(frozen=True)
class _Source:
    sql: str
    alias: str
    columns: tuple[Column, ...]


def write(reader: Reader, select: exp.Select) -> tuple[str, Scope]:
    """Write FROM with its joins; a query without it has one row of no columns."""
    start = select.args.get("from_")
    if start is None:
        if select.args.get("joins"):
            raise ConfigError("a JOIN without FROM")
        return "", Scope()
    first = _source(reader, start.this)
    sql = f" FROM {first.sql}"
    scope = Scope({first.alias: first.columns}, first.columns)
    for join in select.args.get("joins") or ():
        with reader.rows(scope).places.at(join):
            sql, scope = _join(reader, sql, scope, join)
    return sql, scope


def _join(reader: Reader, sql: str, left: Scope, join: exp.Expr) -> tuple[str, Scope]:
    written = join.sql("spark")
    word = _JOINS.get((join.text("side").upper(), join.text("kind").upper()))
    if word is None or join.args.get("method"):
        raise ConfigError(
            f"'{written}': only INNER, LEFT, RIGHT, FULL, CROSS, LEFT SEMI and LEFT ANTI JOIN are "
            "supported"
        )
    right = _source(reader, join.this)
    if right.alias in left.tables:
        raise ConfigError(f"two tables in FROM are called '{right.alias}'; give one another alias")
    keys = [key.name.lower() for key in join.args.get("using") or ()]
    both = Scope({**left.tables, right.alias: right.columns}, left.columns + right.columns)
    condition = join.args.get("on")
    if keys:
        pairs = [
            (_key(reader, left, key), _key(reader, Scope(columns=right.columns), key))
            for key in keys
        ]
        for key, (one, other) in zip(keys, pairs):
            if spark_types.wider([one.kind, other.kind]) is None:
                raise ConfigError(
                    f"USING ({key}) compares {one.kind} with {other.kind}; cast one of them"
                )
        text = " AND ".join(f"({one} = {other})" for one, other in pairs)
        both.columns = _merged(left, right, word, dict(zip(keys, pairs)))
    elif condition is not None:
        rows = reader.rows(both)
        rows.clause = "ON"
        piece = rows.sql(condition)
        demand_boolean(piece, condition)
        text = piece
    elif word in ("JOIN", "CROSS JOIN"):
        return f"{sql} CROSS JOIN {right.sql}", both
    else:
        raise ConfigError(f"'{written}' needs ON or USING")
    if word == "CROSS JOIN":
        word = "JOIN"
    return f"{sql} {word} {right.sql} ON {text}", left if word in _KEPT_LEFT else both


def _key(reader: Reader, scope: Scope, key: str) -> Piece:
    return reader.rows(scope).column(exp.column(key))


def _merged(
    left: Scope, right: _Source, word: str, keys: dict[str, tuple[Piece, Piece]]
) -> tuple[Column, ...]:
    """Give the columns of `*` after USING: the keys once and first."""
    merged = []
    for key, (one, other) in keys.items():
        name = next(column.name for column in left.columns if column.name.lower() == key)
        piece = one
        if word == "RIGHT JOIN":
            piece = other
        elif word == "FULL JOIN":
            kind = str(spark_types.wider([one.kind, other.kind]))
            sides = [spark_types.as_kind(side, kind) for side in (one, other)]
            piece = Piece(f"coalesce({', '.join(sides)})", kind)
        merged.append(Column(name, piece))
    rest = [c for c in (*left.columns, *right.columns) if c.name.lower() not in keys]
    return (*merged, *rest)


def _source(reader: Reader, node: exp.Expr) -> _Source:
    """Write what stands in FROM or after JOIN."""
    with reader.rows(Scope()).places.at(node):
        _demand_plain(node)
        names = [name.name for name in node.args["alias"].columns] if node.args.get("alias") else []
        if isinstance(node, exp.Table):
            origin, columns = reader.table(node)
        elif isinstance(node, exp.Values):
            values = _values(reader, node)
            origin, columns = f"({values.sql})", values.columns
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            relation = reader.query(node.this)
            origin, columns = f"({relation.sql})", relation.columns
        else:
            raise ConfigError(
                f"'{node.sql('spark')}' cannot stand in FROM; read a table, a CTE, a sub-select or "
                "VALUES"
            )
        if names and len(names) != len(columns):
            raise ConfigError(f"{len(names)} names are given to {len(columns)} columns")
        alias = (node.alias_or_name if isinstance(node, exp.Table) else node.alias).lower()
        unique = reader.unique(alias or "_sub")
        given = names or [column.name for column in columns]
        read = tuple(
            Column(name, _read(Piece(f'"{unique}".{column.piece}', column.piece.kind)))
            for name, column in zip(given, columns)
        )
        return _Source(f'{origin} AS "{unique}"', alias or unique, read)


def _read(piece: Piece) -> Piece:
    """Read a column as Spark does; types that SQL cannot use are refused where it is named."""
    return spark_types.of_column(piece, piece.kind) or piece


def _demand_plain(node: exp.Expr) -> None:
    """Refuse TABLESAMPLE, PIVOT, LATERAL and the like."""
    extra = [
        name
        for name, value in node.args.items()
        if value and name not in ("this", "db", "alias", "expressions")
    ]
    if extra:
        raise ConfigError(
            f"'{node.sql('spark')}': {extra[0].strip('_').upper()} is not supported in FROM"
        )


def _values(reader: Reader, node: exp.Values) -> Relation:
    """Write a list of rows; each column has the type that its values have in common."""
    translator = reader.rows(Scope())
    translator.clause = "VALUES"
    rows = [
        [translator.sql(value) for value in (row.expressions if row.key == "tuple" else [row])]
        for row in node.expressions
    ]
    if len({len(row) for row in rows}) > 1:
        raise ConfigError("the rows of VALUES have different numbers of columns")
    kinds = []
    for number, values in enumerate(zip(*rows), 1):
        kind = spark_types.wider([value.kind for value in values])
        if kind is None:
            found = ", ".join(dict.fromkeys(value.kind for value in values))
            raise ConfigError(f"column {number} of VALUES holds {found}; cast them to one type")
        kinds.append(kind)
    texts = [
        "("
        + ", ".join(
            value if kind == spark_types.NULL else spark_types.cast(value, kind)
            for value, kind in zip(row, kinds)
        )
        + ")"
        for row in rows
    ]
    names = [f"col{number}" for number in range(1, len(kinds) + 1)]
    columns = tuple(Column(name, Piece(f'"{name}"', kind)) for name, kind in zip(names, kinds))
    listed = ", ".join(f'"{name}"' for name in names)
    return Relation(f"SELECT * FROM (VALUES {', '.join(texts)}) AS _values({listed})", columns)
