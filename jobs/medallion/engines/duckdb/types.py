"""What the types of DuckDB are in the lake."""

from __future__ import annotations

import re

from medallion import datatypes, duckdb_sql
from medallion.datatypes import DataType
from medallion.errors import ConfigError

_TYPES = {
    "VARCHAR": "string",
    "BOOLEAN": "boolean",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "DOUBLE": "double",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
}
# What a column of another type is best cast to; for those that are not here, to a string.
_NEAREST = {
    "TINYINT": "int",
    "SMALLINT": "int",
    "UTINYINT": "int",
    "USMALLINT": "int",
    "UINTEGER": "bigint",
    "UBIGINT": "decimal(20,0)",
    "HUGEINT": "decimal(38,0)",
    "UHUGEINT": "decimal(38,0)",
    "FLOAT": "double",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}


def lake_type(column: str, kind: str) -> DataType:
    """
    Give the lake's name of a DuckDB type.

    Raises
    ------
    ConfigError
        When the lake has no such type; names the column and what to cast it to.
    """
    if kind in _TYPES:
        return DataType(_TYPES[kind])
    if duckdb_sql.is_array(kind):
        return datatypes.array(lake_type(column, duckdb_sql.element(kind)))
    if duckdb_sql.is_struct(kind):
        fields = [(name, lake_type(column, of)) for name, of in duckdb_sql.fields(kind)]
        try:
            return datatypes.struct(fields)
        except ValueError as error:
            raise ConfigError(f"column '{column}': {error}") from error
    decimal = re.fullmatch(r"DECIMAL\(([0-9]+),([0-9]+)\)", kind)
    if decimal:
        return DataType("decimal", int(decimal[1]), int(decimal[2]))
    nearest = _NEAREST.get(kind, "string")
    raise ConfigError(
        f"column '{column}' is of type {kind.lower()}, which a table cannot have (allowed: "
        f"{datatypes.NAMES}): cast it, for example CAST({column} AS {nearest})"
    )
