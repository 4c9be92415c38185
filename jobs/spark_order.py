"""ORDER BY and LIMIT of Spark SQL, written for DuckDB."""

from __future__ import annotations

from sqlglot import exp

from errors import ConfigError
from spark_query_rows import Column, Places, Relation, RowTranslator, Scope
from spark_types import Piece
from spark_windows import order_term


def finished(relation: Relation, node: exp.Query, places: Places) -> Relation:
    """Put the rows of a finished relation in order, by its own columns."""
    rows = RowTranslator(Scope(columns=relation.columns), _no_query, places)
    rows.clause = "ORDER BY of what is DISTINCT or a UNION"
    tail = clause(rows, node, relation.columns, [column.piece for column in relation.columns])
    if not tail:
        return relation
    return Relation(f"SELECT * FROM ({relation.sql}){tail}", relation.columns)


def clause(
    t: RowTranslator, node: exp.Query, columns: tuple[Column, ...], pieces: list[Piece]
) -> str:
    """
    Write ORDER BY, LIMIT and OFFSET of a query; empty if it has none.

    Parameters
    ----------
    t
        Translates what is no column of the answer.
    node
        The query.
    columns, pieces
        The columns of its answer, and what they are made of.
    """
    order, limit = node.args.get("order"), node.args.get("limit")
    offset = node.args.get("offset")
    if order is None:
        if limit is not None or offset is not None:
            raise ConfigError("LIMIT without ORDER BY gives other rows each time; add ORDER BY")
        return ""
    with t.places.at(order):
        terms = [
            order_term(lambda part: _term(t, part, columns, pieces), term)
            for term in order.expressions
        ]
    if limit is None and offset is None:
        return f" ORDER BY {', '.join(terms)}"
    # Rows that the order leaves equal are told apart by all columns.
    terms += [str(number) for number in range(1, len(columns) + 1)]
    tail = "".join(
        f" {word} {_number(word, part)}"
        for word, part in (("LIMIT", limit), ("OFFSET", offset))
        if part is not None
    )
    return f" ORDER BY {', '.join(terms)}{tail}"


def _term(
    t: RowTranslator, term: exp.Expr, columns: tuple[Column, ...], pieces: list[Piece]
) -> str:
    """Write a term of ORDER BY: a place, a name of the select list, or an expression."""
    if isinstance(term, exp.Literal) and not term.is_string:
        if not term.name.isdigit() or not 1 <= int(term.name) <= len(columns):
            raise ConfigError(f"ORDER BY {term.name}: there are {len(columns)} columns")
        return term.name
    if isinstance(term, exp.Column) and not term.table:
        places = [
            place
            for place, column in enumerate(columns, 1)
            if column.name.lower() == term.name.lower()
        ]
        if len({pieces[place - 1] for place in places}) > 1:
            raise ConfigError(f"ORDER BY {term.name} is ambiguous")
        if places:
            return str(places[0])
    before, t.clause = t.clause, "ORDER BY" if t.clause == "SELECT" else t.clause
    piece = t.sql(term)
    t.clause = before
    return piece


def _no_query(query: exp.Query, _: RowTranslator) -> Relation:
    raise ConfigError(f"'{query.sql('spark')}' cannot stand in ORDER BY")


def _number(word: str, part: exp.Expr) -> str:
    number = part.expression
    if not isinstance(number, exp.Literal) or not number.name.isdigit():
        raise ConfigError(f"{word} takes a number, not {number.sql('spark')}")
    return number.name
