"""Types: Hive's in the catalog, DuckDB's in the engine, Athena's in results; values as text."""

from __future__ import annotations

import datetime as dt
import math
import re
import struct
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlglot import exp
from sqlglot.errors import ParseError

from local.athena.errors import QueryFailedError, not_emulated


def catalog_type(text: str, column: str) -> exp.DataType:
    """Return the type that a catalog column's type text stands for.

    Raises
    ------
    QueryFailedError
        When the text is no type that Athena reads.
    """
    try:
        return exp.DataType.build(text.replace("timestamp_ntz", "timestamp"), dialect="hive")
    except (ParseError, ValueError) as error:
        raise QueryFailedError(
            "HIVE_UNSUPPORTED_FORMAT", f"column {column}: {text!r} is not a type of the catalog"
        ) from error


def duckdb_type(kind: exp.DataType) -> str:
    """Return the DuckDB type of a catalog type."""
    return kind.sql(dialect="duckdb")


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a result: its name and its type as ``ColumnInfo`` shows them."""

    name: str
    type: str
    precision: int = 0
    scale: int = 0

    def info(self) -> dict[str, Any]:
        """Return the ``ColumnInfo`` of GetQueryResults."""
        return {
            "CatalogName": "hive",
            "SchemaName": "",
            "TableName": "",
            "Name": self.name,
            "Label": self.name,
            "Type": self.type,
            "Precision": self.precision,
            "Scale": self.scale,
            "Nullable": "UNKNOWN",
            "CaseSensitive": self.type in ("varchar", "char"),
        }


_RESULT_TYPES = {
    "BIGINT": ("bigint", 19, 0),
    "BLOB": ("varbinary", 1073741824, 0),
    "BOOLEAN": ("boolean", 0, 0),
    "DATE": ("date", 0, 0),
    "DOUBLE": ("double", 17, 0),
    "FLOAT": ("float", 17, 0),
    "HUGEINT": ("bigint", 19, 0),  # DuckDB's sum of integers; Trino's is a bigint
    "INTEGER": ("integer", 10, 0),
    "JSON": ("json", 0, 0),
    "SMALLINT": ("smallint", 5, 0),
    "TIME": ("time", 3, 0),
    "TIMESTAMP": ("timestamp", 3, 0),
    "TIMESTAMP WITH TIME ZONE": ("timestamp with time zone", 3, 0),
    "TINYINT": ("tinyint", 3, 0),
    "VARCHAR": ("varchar", 2147483647, 0),
    '"NULL"': ("unknown", 0, 0),
}


def result_column(name: str, engine_type: str) -> ResultColumn:
    """Return the result column for a DuckDB type.

    Raises
    ------
    QueryFailedError
        When the type has no counterpart that the local AWS knows how to show.
    """
    if engine_type in _RESULT_TYPES:
        return ResultColumn(name, *_RESULT_TYPES[engine_type])
    if decimal := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", engine_type):
        return ResultColumn(name, "decimal", int(decimal[1]), int(decimal[2]))
    for sign, kind in (("[]", "array"), ("MAP(", "map"), ("STRUCT(", "row")):
        if engine_type.endswith(sign) or engine_type.startswith(sign):
            return ResultColumn(name, kind)
    raise not_emulated(
        f"column {name}: a result of type {engine_type}",
        "cast it to varchar or, for an interval, use date_diff",
    )


def text(value: Any, column_type: str = "") -> str | None:  # noqa: PLR0911 one return a type
    """Return a value as Athena writes it; None for null."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return _java_float(value, single=column_type == "float")
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dt.datetime):
        zone = " UTC" if value.tzinfo else ""
        return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}" + zone
    if isinstance(value, bytes):
        return " ".join(f"{byte:02x}" for byte in value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_inner(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}={_inner(v)}" for k, v in value.items()) + "}"
    return str(value)


def _inner(value: Any) -> str:
    return "null" if value is None else str(text(value))


def _java_float(value: float, *, single: bool) -> str:
    """Return a number as Java's ``Double.toString`` or ``Float.toString`` does."""
    if math.isnan(value):
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    shortest = repr(value)
    if not single and (value == 0 or 1e-3 <= abs(value) < 1e7):
        return shortest  # Python and Java agree here
    if single:
        shortest = next(
            digits
            for precision in range(1, 10)
            if struct.pack("f", float(digits := f"{value:.{precision}g}"))
            == struct.pack("f", value)
        )
    sign, numerals, exponent = Decimal(shortest).normalize().as_tuple()
    mantissa = "".join(map(str, numerals))
    point = len(mantissa) + int(exponent)
    prefix = "-" if sign else ""
    if mantissa == "0":
        return prefix + "0.0"
    if -3 < point <= 7:
        padded = mantissa.zfill(len(mantissa) + max(0, 1 - point)) if point <= 0 else mantissa
        at = max(point, 1)
        whole, part = padded[:at].ljust(at, "0"), padded[at:]
        return f"{prefix}{whole}.{part or '0'}"
    return f"{prefix}{mantissa[0]}.{mantissa[1:] or '0'}E{point - 1}"
