"""Column types of a contract and their names in Spark, Athena, DuckDB and Arrow."""

from __future__ import annotations

import re
from collections.abc import Iterable
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
# Athena and Spark know columns and fields in lower case.
_FIELD = re.compile("[a-z_][a-z0-9_]*")


@dataclass(frozen=True)
class DataType:
    """
    One type of a column.

    Attributes
    ----------
    base
        The name without what is in brackets, such as `decimal`.
    precision, scale
        Of a decimal, 0 of others.
    fields
        Names and types of what a struct holds; of an array one, `element`. Only columns of models
        have such types.
    """

    base: str
    precision: int = 0
    scale: int = 0
    fields: tuple[tuple[str, DataType], ...] = ()

    @property
    def name(self) -> str:
        """The name in a contract, which is the one that Spark and Athena use."""
        if self.base == "array":
            return f"array<{self.fields[0][1].name}>"
        if self.base == "struct":
            return f"struct<{','.join(f'{name}:{kind.name}' for name, kind in self.fields)}>"
        if self.base == "decimal":
            return f"decimal({self.precision},{self.scale})"
        return self.base

    @property
    def duckdb(self) -> str:
        """The name in DuckDB."""
        if self.base == "array":
            return f"{self.fields[0][1].duckdb}[]"
        if self.base == "struct":
            named = (f'"{name}" {kind.duckdb}' for name, kind in self.fields)
            return f"STRUCT({', '.join(named)})"
        if self.base == "decimal":
            return f"DECIMAL({self.precision},{self.scale})"
        return _DUCKDB[self.base]

    @property
    def arrow(self) -> pa.DataType:
        """The type of the column in a Parquet file."""
        if self.base == "array":
            return pa.list_(pa.field("element", self.fields[0][1].arrow))
        if self.base == "struct":
            return pa.struct([(name, kind.arrow) for name, kind in self.fields])
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


def array(element: DataType) -> DataType:
    """Give the type of an array."""
    return DataType("array", fields=(("element", element),))


def struct(fields: Iterable[tuple[str, DataType]]) -> DataType:
    """
    Give the type of a struct.

    Raises
    ------
    ValueError
        If a field has a name that not all who read the table know it by.
    """
    found = tuple(fields)
    for name, _ in found:
        if not _FIELD.fullmatch(name):
            raise ValueError(
                f"the field {name!r} of a struct has to be lower-case letters, digits and _: give "
                "it such a name with AS"
            )
    return DataType("struct", fields=found)


def parse_column(text: str) -> DataType:
    """Read the name of a column's type, which may be `array<…>` or `struct<name:…,…>` as well."""
    if text.startswith("array<"):
        return array(parse_column(text[6:-1]))
    if text.startswith("struct<"):
        named = (field.partition(":") for field in split(text[7:-1]))
        return struct((name, parse_column(kind)) for name, _, kind in named)
    return parse(text)


def split(text: str) -> list[str]:
    """Split a list at its commas, but not at those in brackets or quotes."""
    parts, depth, is_quoted = [""], 0, False
    for sign in text:
        is_quoted ^= sign == '"'
        depth += (sign in "<([") - (sign in ">)]") if not is_quoted else 0
        if sign == "," and not depth and not is_quoted:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]
