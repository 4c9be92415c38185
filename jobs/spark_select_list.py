"""The select list of a query: its columns, their names, and what `*` stands for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from errors import ConfigError
from spark_query_rows import Scope
from spark_types import Piece


@dataclass(frozen=True)
class Item:
    """One column of a select list: a node, or what `*` stands for."""

    name: str
    node: exp.Expr
    piece: Piece | None = None


def by_name(items: list[Item]) -> dict[str, exp.Expr]:
    """Give the expressions of a select list by their names; the first of a name counts."""
    found: dict[str, exp.Expr] = {}
    for item in items:
        if item.piece is None and item.name:
            found.setdefault(item.name.lower(), item.node)
    return found


def items(node: exp.Select, scope: Scope, *, named: bool) -> Iterator[Item]:
    """Yield the columns of a select list, with those that `*` stands for."""
    seen: set[str] = set()
    for expression in node.expressions:
        for item in _expanded(expression, scope, named=named):
            if named and item.name.lower() in seen:
                raise ConfigError(
                    f"two columns are called '{item.name}'; give one another name with AS"
                )
            seen.add(item.name.lower())
            yield item


def _expanded(expression: exp.Expr, scope: Scope, *, named: bool) -> Iterator[Item]:
    table = ""
    star = expression
    if isinstance(expression, exp.Column) and isinstance(expression.this, exp.Star):
        star, table = expression.this, expression.table.lower()
    if isinstance(star, exp.Star):
        if any(star.args.values()):
            raise ConfigError(
                f"'{expression.sql('spark')}' is not known to Spark; name the columns"
            )
        if table and table not in scope.tables:
            raise ConfigError(f"'{expression.sql('spark')}': no table '{table}' in FROM")
        columns = scope.tables[table] if table else scope.columns
        if not columns:
            raise ConfigError("'*' without a table in FROM")
        for column in columns:
            yield Item(column.name, expression, column.piece)
        return
    if isinstance(expression, (exp.Alias, exp.Column)):
        yield Item(expression.alias_or_name, expression.unalias())
        return
    if named:
        raise ConfigError(f"'{expression.sql('spark')}' has no name; give it a name with AS")
    yield Item("_value", expression)
