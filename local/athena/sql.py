"""Athena's SQL, as text and as a tree: what it allows, its parameters, the tables it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import sqlglot
from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import ParseError, TokenError
from sqlglot.optimizer.scope import traverse_scope
from sqlglot.tokenizer_core import Token, TokenType

from local.athena.errors import QueryFailedError, malformed, not_emulated
from local.athena.functions import FUNCTIONS, UNEMULATED_HINT


class _Trino(Trino):
    """Trino's SQL; sqlglot would count subscripts from 0 where they are no columns."""

    INDEX_OFFSET = 0


DIALECT = _Trino
CATALOG = "awsdatacatalog"

# What sqlglot reads and Athena does not, by token and by node.
_FOREIGN_TOKENS = {
    TokenType.COLON: ":",
    TokenType.DCOLON: "::",
    TokenType.ILIKE: "ILIKE",
    TokenType.QUALIFY: "QUALIFY",
}
_PLACEHOLDER = TokenType.PLACEHOLDER
_CLAUSES = """
    all and any array as between by case cast cube distinct else end except exists extract filter
    from full group having in inner intersect is join lateral left like limit not nulls offset on or
    order ordinality over partition range recursive right rollup row rows select sets some then ties
    try_cast union unnest using values when where with within
"""
_CLAUSE_WORDS = frozenset(_CLAUSES.split())
_TYPE_WORDS = frozenset(
    ("char", "decimal", "interval", "map", "row", "time", "timestamp", "varbinary", "varchar")
)


def parse(sql: str) -> exp.Query:
    """Parse one query.

    Raises
    ------
    AwsError
        ``InvalidRequestException``, as Athena answers to text that does not parse, or that has a
        ``?`` elsewhere than in a WHERE clause.
    QueryFailedError
        For a function that is not emulated, or syntax that sqlglot reads and Athena does not.
    """
    try:
        tokens = sqlglot.tokenize(sql, read=DIALECT)
        statements = [s for s in sqlglot.parse(sql, read=DIALECT) if s is not None]
    except (ParseError, TokenError) as error:
        raise malformed(_parse_message(error)) from error
    if len(statements) != 1:
        raise malformed("Only one sql statement is allowed. Got: " + sql)
    tree = statements[0]
    if isinstance(tree, exp.Values):
        tree = _select_from(tree)
    if not isinstance(tree, exp.Query):
        raise malformed("line 1:1: Queries of this type are not supported")
    _refuse_foreign_tokens(tokens)
    _refuse_foreign_nodes(tree)
    _check_places(tree)
    _refuse_functions(tokens, tree)
    return tree


def _check_places(tree: exp.Query) -> None:
    for mark in tree.find_all(exp.Placeholder):
        if mark.find_ancestor(exp.Where) is None:
            raise malformed(
                "Parameters are allowed only in a WHERE clause; found ? outside of one. "
                "Compare in WHERE instead, for example SELECT … FROM (…) WHERE n <> ?"
            )


def _select_from(values: exp.Values) -> exp.Select:
    first = values.expressions[0]
    width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
    rows = ", ".join(row.sql(dialect=DIALECT) for row in values.expressions)
    names = ", ".join(f"_col{position}" for position in range(width))
    return sqlglot.parse_one(
        f"SELECT * FROM (VALUES {rows}) AS _values ({names})",  # noqa: S608 parsed, not run
        read=DIALECT,
        into=exp.Select,
    )


def _parse_message(error: ParseError | TokenError) -> str:
    details = getattr(error, "errors", None) or [{}]
    line, column = details[0].get("line"), details[0].get("col")
    found = details[0].get("highlight")
    where = f"line {line}:{column}: " if line else "line 1:1: "
    if "SENTINEL" in str(details[0].get("description")):
        return f"{where}mismatched input '<EOF>' after '{found}'"
    if found:
        return f"{where}mismatched input '{found}' ({details[0].get('description')})"
    return f"{where}{str(error).splitlines()[0]}"


def _refuse_foreign_tokens(tokens: list[Token]) -> None:
    for index, token in enumerate(tokens):
        at = f"line {token.line}:{token.col - len(token.text) + 1}"
        if token.token_type in _FOREIGN_TOKENS:
            raise malformed(f"{at}: mismatched input '{_FOREIGN_TOKENS[token.token_type]}'")
        if (
            token.token_type == TokenType.OFFSET
            and index >= 2
            and tokens[index - 2].token_type == TokenType.LIMIT
        ):
            raise malformed(f"{at}: mismatched input 'OFFSET'. Athena wants OFFSET before LIMIT")
        if token.token_type == TokenType.FROM and tokens[index - 1].token_type == TokenType.COMMA:
            raise malformed(f"{at}: mismatched input 'FROM'. Expecting: <expression>")


def _refuse_foreign_nodes(tree: exp.Query) -> None:
    for node in tree.walk():
        if isinstance(node, exp.Distinct) and node.args.get("on"):
            raise malformed("line 1:1: mismatched input 'ON'. DISTINCT ON is not in Athena's SQL")
        if isinstance(node, exp.Star) and any(node.args.get(k) for k in ("except_", "replace")):
            raise malformed("line 1:1: mismatched input. Athena has no * EXCEPT or * REPLACE")
        if isinstance(node, exp.Group) and node.args.get("all"):
            raise malformed("line 1:1: mismatched input 'ALL'. Athena has no GROUP BY ALL")
        if isinstance(node, exp.TableSample):
            raise not_emulated("TABLESAMPLE", "use LIMIT")
        if isinstance(node, exp.Into | exp.Pivot):
            raise malformed("line 1:1: mismatched input. Athena has no SELECT INTO and no PIVOT")
        if isinstance(node, exp.With) and node.args.get("recursive"):
            raise not_emulated("WITH RECURSIVE", "unroll the recursion")


def _refuse_functions(tokens: list[Token], tree: exp.Query) -> None:
    """Refuse each called name that is not in the tested list.

    Names are read from the text: in the tree, a function of another dialect looks the same as
    Trino's of that meaning.
    """
    aliases = {a.name.lower() for a in tree.find_all(exp.TableAlias)}
    for token, following in pairwise(tokens):
        name = token.text.lower()
        called = following.token_type == TokenType.L_PAREN and re.fullmatch(r"[a-z_]\w*", name)
        if not called or token.token_type in (TokenType.STRING, TokenType.IDENTIFIER):
            continue
        if name in FUNCTIONS or name in _CLAUSE_WORDS or name in _TYPE_WORDS or name in aliases:
            continue
        at = f"line {token.line}:{token.col - len(token.text) + 1}"
        if name in UNEMULATED_HINT:
            raise not_emulated(f"{at}: function {name}", UNEMULATED_HINT[name])
        raise QueryFailedError(
            "FUNCTION_NOT_FOUND",
            f"{at}: Function '{name}' not registered (or not emulated by the local AWS: "
            "local/athena/functions.py lists what is)",
        )


def bind(sql: str, parameters: Sequence[str]) -> exp.Query:
    """Parse a query with values in the place of its ``?``, first to first.

    Parameters
    ----------
    parameters
        SQL literals, as Athena's ExecutionParameters are: ``12``, ``'text'``, ``DATE '...'``.

    Raises
    ------
    AwsError
        When their number is not that of the ``?``, when a value is not a literal, or when the
        query does not parse.
    QueryFailedError
        See :func:`parse`.
    """
    tree = parse(sql)
    places = [t for t in sqlglot.tokenize(sql, read=DIALECT) if t.token_type == _PLACEHOLDER]
    if len(places) != len(parameters):
        raise malformed(
            f"Incorrect number of parameters: expected {len(places)} but found {len(parameters)}"
        )
    if not places:
        return tree
    for place, text in reversed(list(zip(places, parameters, strict=True))):
        _check_literal(text)
        sql = f"{sql[: place.start]}({text}){sql[place.end + 1 :]}"
    return parse(sql)


def _check_literal(text: str) -> None:
    try:
        value = sqlglot.parse_one(text, read=DIALECT)
    except (ParseError, TokenError) as error:
        raise malformed(f"Parameter {text!r} is not an SQL literal") from error
    inner = value.this if isinstance(value, exp.Neg | exp.Cast | exp.Paren) else value
    if not isinstance(inner, exp.Literal | exp.Boolean | exp.Null):
        raise malformed(
            f"Parameter {text!r} is not an SQL literal: write 12, 1.5, 'text', DATE '2024-01-31'"
        )


def table_references(tree: exp.Query, database: str) -> list[exp.Table]:
    """Return the references to catalog tables, with lower-case names and their database filled in.

    Names that a WITH clause defines are left out, each in its own scope.

    Raises
    ------
    QueryFailedError
        When a reference names another data catalog.
    """
    found: dict[int, exp.Table] = {}
    for scope in traverse_scope(tree):
        for source in scope.sources.values():
            if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
                found[id(source)] = source
    for table in found.values():
        if table.catalog and table.catalog.lower() != CATALOG:
            raise QueryFailedError("CATALOG_NOT_FOUND", f"Catalog '{table.catalog}' not found")
        alias = table.alias or table.name
        table.set("catalog", None)
        table.set("db", exp.to_identifier((table.db or database).lower(), quoted=True))
        table.set("this", exp.to_identifier(table.name.lower(), quoted=True))
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(alias.lower(), quoted=True)))
    return list(found.values())
