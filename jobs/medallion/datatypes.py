"""Column types of a contract and their names in Spark, Athena, DuckDB and Arrow."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

NAMES = "string, boolean, int, bigint, double, date, timestamp, decimal(p,s)"
MAX_PRECISION = 38
# Blank characters at either end of a value never count: space, tab, line ends, no-break space.
BLANKS = " \t\n\r\x0b\x0c\u00a0"

_DUCKDB = {
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}
_ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "date": pa.date32(),
    # Microseconds without a zone, in UTC: what Athena reads as a timestamp.
    "timestamp": pa.timestamp("us"),
}
_DECIMAL = re.compile(r"decimal\( *([0-9]{1,2}) *, *([0-9]{1,2}) *\)")


@dataclass(frozen=True)
class DataType:
    """One type of a contract; `precision` and `scale` are 0 unless `base` is decimal."""

    base: str
    precision: int = 0
    scale: int = 0

    @property
    def name(self) -> str:
        """The name in a contract, which is the one that Spark and Athena use."""
        if self.base == "decimal":
            return f"decimal({self.precision},{self.scale})"
        return self.base

    @property
    def duckdb(self) -> str:
        """The name in DuckDB."""
        if self.base == "decimal":
            return f"DECIMAL({self.precision},{self.scale})"
        return _DUCKDB[self.base]

    @property
    def arrow(self) -> pa.DataType:
        """The type of the column in a Parquet file of the processed layer."""
        if self.base == "decimal":
            return pa.decimal128(self.precision, self.scale)
        return _ARROW[self.base]

    @property
    def with_article(self) -> str:
        """For messages: `a bigint`, `an int`."""
        return f"{'an' if self.base == 'int' else 'a'} {self.name}"


def parse(text: str) -> DataType:
    """
    Read a type's name.

    Raises
    ------
    ValueError
        If there is no such type; its text says what is allowed.
    """
    if text in _DUCKDB:
        return DataType(text)
    match = _DECIMAL.fullmatch(text)
    if match:
        precision, scale = int(match[1]), int(match[2])
        if not (1 <= precision <= MAX_PRECISION and scale <= precision):
            raise ValueError(
                f"{text!r} is out of range: decimal(p,s) needs 1 <= p <= {MAX_PRECISION} and s <= p"
            )
        return DataType("decimal", precision, scale)
    raise ValueError(f"unknown type {text!r}; allowed: {NAMES}")
