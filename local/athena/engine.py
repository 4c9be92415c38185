"""Running one query on DuckDB, over local copies of the tables' files."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

from local.athena.analysis import TableName, plan
from local.athena.errors import QueryFailedError, from_engine
from local.athena.functions import MACROS
from local.athena.sql import table_references
from local.athena.tables import (
    DataFile,
    Partition,
    Reader,
    Table,
    cache_directory,
    check_column,
    footer,
    key_values,
)
from local.athena.types import ResultColumn, catalog_type, duckdb_type, result_column, text


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of a query as Athena's texts."""

    columns: list[ResultColumn]
    rows: list[list[str | None]]


class Cancellation:
    """Stops a running query from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self.requested = False

    def attach(self, connection: duckdb.DuckDBPyConnection | None) -> None:
        """Say which connection to interrupt; None when the query is over."""
        with self._lock:
            self._connection = connection

    def cancel(self) -> None:
        """Interrupt the query."""
        with self._lock:
            self.requested = True
            if self._connection is not None:
                self._connection.interrupt()

    def check(self) -> None:
        """Raise when the query was cancelled."""
        if self.requested:
            raise QueryFailedError("", "Query cancelled by user", state="CANCELLED")


def run(
    tree: exp.Query,
    database: str,
    reader: Reader,
    *,
    scan_limit: int | None,
    cancellation: Cancellation,
    scanned: Callable[[int], None],
) -> Result:
    """Run a bound query.

    Parameters
    ----------
    database
        Where names without a database are looked up.
    scan_limit
        Bytes that the query may read; None for no limit.
    scanned
        Told the bytes that the query reads, before it runs.

    Raises
    ------
    QueryFailedError
        With the reason and the final state.
    """
    references = table_references(tree, database)
    tables: dict[TableName, Table] = {}
    for name in sorted({(r.db, r.name) for r in references}):
        tables[name] = reader.table(*name)
    planned = plan(
        tree,
        references,
        {name: table.types() for name, table in tables.items()},
        {name: list(table.keys) for name, table in tables.items()},
    )
    with contextlib.closing(connect(cache_directory())) as connection:
        cancellation.attach(connection)
        try:
            total = 0
            for name, table in tables.items():
                cancellation.check()
                partitions = _prune(connection, table, reader, planned.filters.get(name, []))
                files = reader.files(partitions)
                total += _register(connection, table, planned.columns[name], files)
            scanned(min(total, scan_limit) if scan_limit else total)
            if scan_limit and total > scan_limit:
                raise QueryFailedError("", "Bytes scanned limit was exceeded", state="CANCELLED")
            cancellation.check()
            return _execute(connection, planned.sql, planned.names)
        except duckdb.InterruptException:
            cancellation.check()
            raise
        except duckdb.Error as error:
            raise from_engine(str(error)) from error
        finally:
            cancellation.attach(None)


def connect(directory: Path) -> duckdb.DuckDBPyConnection:
    """Return an engine that reads files of one directory and of no other place."""
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "temp_directory": str(directory / "spill"),
            "threads": max(1, min(4, os.cpu_count() or 1)),
        }
    )
    allowed = str(directory).replace("'", "''")
    connection.execute(f"SET allowed_directories = ['{allowed}/']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET TimeZone = 'UTC'")
    for macro in MACROS:
        connection.execute(macro)
    connection.execute("SET lock_configuration = true")
    return connection


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _prune(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    reader: Reader,
    filters: list[str | None],
) -> list[Partition]:
    """Return the partitions that the query's conditions on partition keys leave."""
    partitions = reader.partitions(table)
    if not partitions or not filters or not all(filters):
        return partitions
    condition = " OR ".join(f"({one})" for one in filters)
    keys = ", ".join(
        f"CAST({_quoted(k)} AS {duckdb_type(catalog_type(t, k))}) AS {_quoted(k)}"
        for k, t in table.keys.items()
    )
    rows = ", ".join("(" + ", ".join("?" * (1 + len(p.values))) + ")" for p in partitions)
    names = ", ".join(["__number", *(_quoted(key) for key in table.keys)])
    found = connection.execute(
        # Names and types come from the catalog and are quoted; values are bound.
        f"SELECT __number FROM (SELECT __number, {keys} "  # noqa: S608
        f"FROM (VALUES {rows}) AS v ({names})) WHERE {condition}",
        [value for number, p in enumerate(partitions) for value in (number, *key_values(p.values))],
    ).fetchall()
    return [partitions[row[0]] for row in sorted(found)]


def _register(
    connection: duckdb.DuckDBPyConnection, table: Table, used: set[str], files: list[DataFile]
) -> int:
    """Make a view of the used columns of a table; return the bytes that reading them takes."""
    schema, name = _quoted(table.database), _quoted(table.name)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    present = {
        column
        for column in sorted(used & table.columns.keys())
        if [file for file in files if check_column(table, column, file)]
    }
    outputs = []
    for column, kind in {**table.columns, **table.keys}.items():
        if column in used:
            source = f"p.{_quoted(column)}" if column in table.keys else f"f.{_quoted(column)}"
            if not files or (column in table.columns and column not in present):
                source = "NULL"
            target = duckdb_type(catalog_type(kind, column))
            outputs.append(f"CAST({source} AS {target}) AS {_quoted(column)}")
    projection = ", ".join(outputs) or "1 AS __rows"
    if not files:
        connection.execute(f"CREATE VIEW {schema}.{name} AS SELECT {projection} WHERE false")
        return 0
    parts = _quoted(f"{table.database}.{table.name}")
    keys = "".join(f", {_quoted(key)} VARCHAR" for key in table.keys)
    connection.execute(f"CREATE TABLE {parts} (filename VARCHAR{keys})")
    connection.executemany(
        f"INSERT INTO {parts} VALUES ({', '.join('?' * (1 + len(table.keys)))})",  # noqa: S608
        [[str(file.path), *key_values(file.values)] for file in files],
    )
    paths = ", ".join("'" + str(file.path).replace("'", "''") + "'" for file in files)
    # Not every file has every column: union_by_name gives null where one is missing.
    reading = f"read_parquet([{paths}], union_by_name=true, filename=true, hive_partitioning=false)"
    join = f" JOIN {parts} AS p ON f.filename = p.filename" if table.keys else ""
    connection.execute(
        f"CREATE VIEW {schema}.{name} AS SELECT {projection} FROM {reading} AS f{join}"  # noqa: S608
    )
    return sum(footer(file).sizes.get(column, 0) for file in files for column in present)


def _execute(connection: duckdb.DuckDBPyConnection, sql: str, names: list[str] | None) -> Result:
    cursor = connection.execute(sql)
    description: list[tuple[Any, ...]] = list(cursor.description or [])
    found = names or [f"_col{position}" for position in range(len(description))]
    columns = [
        result_column(name, str(described[1]))
        for name, described in zip(found, description, strict=True)
    ]
    kinds = [column.type for column in columns]
    rows: list[list[str | None]] = []
    while batch := cursor.fetchmany(10_000):
        rows += [[text(v, kind) for v, kind in zip(row, kinds, strict=True)] for row in batch]
    return Result(columns, rows)
