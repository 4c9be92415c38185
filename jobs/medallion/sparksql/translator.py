"""What writes the pieces of an expression: the handlers of nodes are given one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from sqlglot import exp

from medallion.datatypes import DataType
from medallion.sparksql.sqltypes import Piece


class Translator(Protocol):
    """Translates a node and all below it; whoever handles a kind of node asks it for the parts."""

    def sql(self, node: exp.Expr) -> Piece:
        """Translate a node and all below it."""

    def column(self, node: exp.Column) -> Piece:
        """Translate the name of a column."""

    def optional(self, node: exp.Expr, argument: str, default: str) -> str:
        """Translate an argument that may be absent."""

    def arguments(self, node: exp.Expr, least: int, most: int) -> list[Piece]:
        """Translate the arguments of a function that sqlglot knows nothing of."""

    def text(self, piece: Piece) -> Piece:
        """Make a piece a string, as Spark does by itself where it wants one."""

    def time(self, node: exp.Expr, name: str) -> Piece:
        """Translate what Spark makes a date or a timestamp by itself."""

    def cast(self, piece: Piece, target: DataType, node: exp.Expr) -> Piece:
        """Cast as Spark does."""


class RowTranslator(Translator, Protocol):
    """Translates the expressions of one SELECT."""

    windows: Mapping[str, exp.Expr]

    def row_columns(self) -> list[str]:
        """Give what tells rows, or groups, apart."""


Handler = Callable[[Translator, exp.Expr], Piece]
