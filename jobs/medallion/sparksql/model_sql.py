"""The SQL of a model: one query in the Spark dialect, and the tables of the lake that it reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from medallion.errors import ConfigError
from medallion.sparksql.dialect import WrittenSpark

LAYERS = ("raw", "processed", "analytics")
_WRITE = "write raw.x, processed.x or analytics.x"
# sqlglot names the end of the text by its own classes.
_END_MARKS = ("<Token", "<class")
# `:name.name[0]` behind a column; a type's name may stand behind the colon of a STRUCT.
_PATH = re.compile(r":([A-Za-z_]\w*(?:\.\w+|\[[0-9]+\])*)(?!\s*[<(])")
_UNCLOSED = re.compile("Missing (\\S+) from [0-9]")


@dataclass(frozen=True)
class TableReference:
    """
    One place where a query names a table of the lake.

    Attributes
    ----------
    name
        Layer and table in lower case, for example `processed.sales`.
    line
        Line of the name in the text, from 1.
    start, end
        Offsets of the qualified name in the text, `end` exclusive.
    alias
        The name that the query gives the table here, None if it gives none.
    """

    name: str
    line: int
    start: int
    end: int
    alias: str | None


@dataclass(frozen=True)
class ModelSql:
    """The parsed SQL of a model; `references` are in the order of the text."""

    text: str
    file: str
    tree: exp.Query
    references: tuple[TableReference, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The tables that the query reads, each once, in the order of the text."""
        return tuple(dict.fromkeys(reference.name for reference in self.references))


def view_name(table: str) -> str:
    """Give the name of the view by which an engine knows an input: `processed__sales`."""
    return table.replace(".", "__")


def parse_model(text: str, file: str) -> ModelSql:
    """
    Read the SQL of a model and find its inputs.

    Parameters
    ----------
    text
        One query in the Spark dialect.
    file
        What messages call the text, for example `config/models/fact_sales.sql`.

    Raises
    ------
    ConfigError
        If the text is not one query, or names a table that cannot be one of the lake. The message
        begins with file and line.
    """
    tree = _query(text, file)
    found = []
    for table in tree.find_all(exp.Table):
        if table.find_ancestor(exp.Hint):
            continue
        reference = _reference(table, text, file)
        if reference is not None:
            found.append(reference)
    found.sort(key=lambda reference: reference.start)
    _check_columns(tree, text, file, {reference.name for reference in found})
    return ModelSql(text, file, tree, tuple(found))


def place(file: str, line: int) -> str:
    """Begin a message about a line of a file."""
    return f"{file}, line {line}: "


def _query(text: str, file: str) -> exp.Query:
    try:
        _check_colons(text, file)
        trees = [tree for tree in sqlglot.parse(text, read=WrittenSpark) if tree is not None]
    except sqlglot.errors.ParseError as error:
        raise ConfigError(_syntax_error(error, file)) from error
    except sqlglot.errors.TokenError as error:
        raise ConfigError(_token_error(error, text, file)) from error
    except RecursionError as error:
        raise ConfigError(f"{place(file, 1)}the query is nested too deeply to be read") from error
    if not trees:
        raise ConfigError(f"{place(file, 1)}the file has no SQL; a model is one SELECT")
    if len(trees) > 1:
        raise ConfigError(
            f"{place(file, _first_line(trees[1], text))}a second statement begins here; a model is "
            "one SELECT (WITH and UNION are fine), so make another model of it"
        )
    tree = trees[0]
    if not isinstance(tree, exp.Query):
        kind = text.split(maxsplit=1)[0] if isinstance(tree, exp.Command) else tree.key
        raise ConfigError(
            f"{place(file, _first_line(tree, text))}found {kind.upper()}; a model is one SELECT "
            "(WITH and UNION are fine), whose answer becomes the table"
        )
    return tree


def _check_colons(text: str, file: str) -> None:
    """Refuse what other dialects write with colons."""
    tokens = sqlglot.tokenize(text, read=WrittenSpark) if ":" in text else []
    for before, token in zip(tokens, tokens[1:]):
        written = text[token.start : token.end + 1]
        if written == "::":
            raise ConfigError(
                f"{place(file, token.line)}'::' is not known to Spark 3.5: write "
                "CAST(value AS type)"
            )
        path = _PATH.match(text, token.start) if written == ":" else None
        if path is not None:
            raise ConfigError(
                f"{place(file, token.line)}'{path[0]}' is not known to Spark 3.5: write "
                f"get_json_object({text[before.start : before.end + 1]}, '$.{path[1]}')"
            )


def _reference(table: exp.Table, text: str, file: str) -> TableReference | None:
    """Give what a table node refers to; None for CTEs and for functions that make rows."""
    parts = table.parts
    start, end = _span(parts[0], text)[0], _span(parts[-1], text)[1]
    line = _line(text, start)
    named = text[start:end]
    if not all(isinstance(part, exp.Identifier) for part in parts):
        if isinstance(parts[-1], exp.Func) and len(parts) == 1:
            return None
        raise ConfigError(f"{place(file, line)}'{table.sql('spark')}' is no table: {_WRITE}")
    name = ".".join(part.name.lower() for part in parts)
    if len(parts) == 1:
        if name in visible_ctes(table):
            return None
        raise ConfigError(
            f"{place(file, line)}'{named}' is neither a CTE of the query nor a table of the lake: "
            f"{_WRITE}"
        )
    if len(parts) > 2 or parts[0].name.lower() not in LAYERS:
        raise ConfigError(
            f"{place(file, line)}'{named}' is not in a layer of the lake "
            f"({', '.join(LAYERS)}): {_WRITE}"
        )
    return TableReference(name, line, start, end, table.alias or None)


def visible_ctes(node: exp.Expr | None) -> Iterator[str]:
    """Yield the names of the CTEs that can be read where a node stands."""
    ancestors = []
    while node is not None:
        ancestors.append(node)
        node = node.parent
    for query in ancestors:
        if isinstance(query, exp.Query):
            for cte in query.ctes:
                # A CTE reads the ones before it.
                if any(cte is ancestor for ancestor in ancestors):
                    break
                yield cte.alias.lower()


def _check_columns(tree: exp.Query, text: str, file: str, inputs: set[str]) -> None:
    """Refuse `processed.sales.id`: engines know the table by its last name or its alias only."""
    for column in tree.find_all(exp.Column):
        *qualifier, last = column.parts
        name = ".".join(part.name.lower() for part in qualifier[:2])
        if name in inputs:
            table = qualifier[1].name
            raise ConfigError(
                f"{place(file, _first_line(column, text))}'{column.sql('spark')}': name a column "
                f"by its table's alias or last name, here {table}.{last.name}"
            )


def _span(node: exp.Expr, text: str) -> tuple[int, int]:
    """Give where a node stands in the text; end exclusive."""
    spans = [(n.meta["start"], n.meta["end"] + 1) for n in node.walk() if "start" in n.meta]
    if not spans:
        return 0, len(text)
    return min(start for start, _ in spans), max(end for _, end in spans)


def _first_line(node: exp.Expr, text: str) -> int:
    return _line(text, _span(node, text)[0])


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _syntax_error(error: sqlglot.errors.ParseError, file: str) -> str:
    first = error.errors[0]
    description = first["description"] or ""
    if any(mark in description for mark in _END_MARKS):
        description = "something is missing"
    near = str(first["highlight"] or "").strip()
    where = f" near '{near}'" if near else ""
    return f"{place(file, first['line'] or 1)}syntax error: {description}{where}"


def _token_error(error: sqlglot.errors.TokenError, text: str, file: str) -> str:
    """Explain a text that does not even consist of words."""
    cause = _UNCLOSED.match(str(error.__cause__))
    opened = cause[1] if cause else "/*" if "/*" in text else None
    problem = f"a {opened} is opened and never closed" if opened else str(error).splitlines()[0]
    return f"{place(file, _line(text, len(text.rstrip())))}syntax error: {problem}"
