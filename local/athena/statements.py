"""Statements other than queries: EXECUTE, SHOW and DESCRIBE; the rest is declined by name."""

from __future__ import annotations

import re
from dataclasses import dataclass

import sqlglot
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import TokenType

from local.athena.engine import Result
from local.athena.errors import malformed
from local.athena.sql import DIALECT
from local.athena.tables import Reader
from local.athena.types import ResultColumn
from local.errors import AwsError

_NAME = r'[`"]?([A-Za-z_][\w-]*)[`"]?'
_TABLE = rf"(?:{_NAME}\.)?{_NAME}"
_UTILITIES = (
    ("databases", r"SHOW\s+(?:DATABASES|SCHEMAS)(?:\s+LIKE\s+'([^']*)')?"),
    ("tables", rf"SHOW\s+TABLES(?:\s+IN\s+{_NAME})?(?:\s+'([^']*)')?"),
    ("partitions", rf"SHOW\s+PARTITIONS\s+{_TABLE}"),
    ("columns", rf"SHOW\s+COLUMNS\s+(?:IN|FROM)\s+{_TABLE}"),
    ("describe", rf"(?:DESCRIBE|DESC)\s+{_TABLE}"),
)
_QUERY_STARTS = ("SELECT", "WITH", "VALUES", "(", "TABLE")


@dataclass(frozen=True, slots=True)
class Utility:
    """A SHOW or DESCRIBE statement."""

    kind: str
    arguments: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Execute:
    """EXECUTE of a prepared statement, with the values of its USING clause."""

    statement: str
    values: tuple[str, ...]


def classify(sql: str) -> Utility | Execute | None:
    """Return what a statement is; None for a query.

    Raises
    ------
    AwsError
        For a statement that only AWS runs.
    """
    stripped = re.sub(r"\A(?:\s|--[^\n]*\n|/\*.*?\*/)+", "", sql, flags=re.S).rstrip().rstrip(";")
    first = re.match(r"\(|\w+", stripped)
    word = first[0].upper() if first else ""
    if word in _QUERY_STARTS:
        return None
    if word == "EXECUTE":
        return _execute(stripped)
    for kind, pattern in _UTILITIES:
        if found := re.fullmatch(pattern, stripped, flags=re.I):
            return Utility(kind, found.groups())
    if word in ("SHOW", "DESCRIBE", "DESC"):
        raise AwsError(
            "InvalidRequestException",
            f"{stripped.split()[0]} in this form is not emulated by the local AWS; it knows SHOW "
            "DATABASES, SHOW TABLES, SHOW PARTITIONS, SHOW COLUMNS and DESCRIBE",
        )
    known = ("ALTER", "ANALYZE", "CREATE", "DEALLOCATE", "DELETE", "DROP", "EXPLAIN", "INSERT")
    if word in (*known, "MERGE", "MSCK", "OPTIMIZE", "PREPARE", "UNLOAD", "UPDATE", "VACUUM"):
        raise AwsError(
            "InvalidRequestException",
            f"{word} statements are not emulated by the local AWS: it runs SELECT, EXECUTE, SHOW "
            "and DESCRIBE. Jobs and crawlers write the tables; CreatePreparedStatement prepares",
        )
    raise malformed(f"line 1:1: mismatched input '{word or stripped[:10]}'")


def _execute(sql: str) -> Execute:
    found = re.fullmatch(rf"EXECUTE\s+{_NAME}(?:\s+USING\s+(.*))?", sql, flags=re.I | re.S)
    if not found:
        raise malformed("line 1:9: EXECUTE wants a statement name and, optionally, USING values")
    return Execute(found[1], _split_values(found[2] or ""))


def _split_values(using: str) -> tuple[str, ...]:
    """Split the values of USING at the commas outside of texts and parentheses."""
    if not using.strip():
        return ()
    try:
        tokens = sqlglot.tokenize(using, read=DIALECT)
    except TokenError as error:
        raise malformed(f"USING: {error}") from error
    values, depth, start = [], 0, 0
    for token in tokens:
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
        if token.token_type == TokenType.COMMA and depth == 0:
            values.append(using[start : token.start].strip())
            start = token.end + 1
    return (*values, using[start:].strip())


def _texts(name: str, rows: list[str]) -> Result:
    return Result([ResultColumn(name, "string")], [[row] for row in rows])


def run_utility(statement: Utility, database: str, reader: Reader) -> Result:
    """Run a SHOW or DESCRIBE statement with the permissions of the reader."""
    first = (statement.arguments[0] or "").lower()
    if statement.kind == "databases":
        names = reader.databases()
        return _texts("database_name", [n for n in names if not first or _like(n, first)])
    if statement.kind == "tables":
        pattern = (statement.arguments[1] or "").lower()
        tables = reader.tables(first or database)
        return _texts("tab_name", [n for n in tables if not pattern or _like(n, pattern)])
    table = reader.table(first or database, str(statement.arguments[1]).lower())
    if statement.kind == "partitions":
        values = [
            "/".join(f"{k}={v}" for k, v in zip(table.keys, p.values, strict=True))
            for p in reader.partitions(table)
            if table.keys
        ]
        return _texts("partition", sorted(values))
    if statement.kind == "columns":
        return _texts("field", [*table.columns, *table.keys])
    lines = [f"{n:<20}\t{t:<20}\t{'':<20}" for n, t in {**table.columns, **table.keys}.items()]
    if table.keys:
        heading = [f"{'':<20}\t{'':<20}\t{'':<20}", "# Partition Information"]
        columns = f"{'# col_name':<20}\t{'data_type':<20}\t{'comment':<20}"
        keys = [f"{n:<20}\t{t:<20}\t{'':<20}" for n, t in table.keys.items()]
        lines += [*heading, columns, *keys]
    return _texts("col_name", lines)


def _like(name: str, pattern: str) -> bool:
    regex = "".join(".*" if c in "*%" else "|" if c == "|" else re.escape(c) for c in pattern)
    return re.fullmatch(regex, name) is not None
