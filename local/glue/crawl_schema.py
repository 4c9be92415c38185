"""What a crawler makes of files: Parquet types in Hive's words, merged columns, table names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.types as pt

from local.errors import LocalAwsError


class CrawlError(LocalAwsError):
    """A crawl that ends FAILED, with the message that LastCrawl shows."""


_SIMPLE: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pt.is_boolean, "boolean"),
    (pt.is_int8, "tinyint"),
    (pt.is_int16, "smallint"),
    (pt.is_uint8, "smallint"),
    (pt.is_int32, "int"),
    (pt.is_uint16, "int"),
    (pt.is_int64, "bigint"),
    (pt.is_uint32, "bigint"),
    (pt.is_float32, "float"),
    (pt.is_float64, "double"),
    (pt.is_date, "date"),
    (pt.is_timestamp, "timestamp"),
    (pt.is_string, "string"),
    (pt.is_large_string, "string"),
    (pt.is_binary, "binary"),
    (pt.is_large_binary, "binary"),
    (pt.is_fixed_size_binary, "binary"),
    (pt.is_null, "string"),
)


def glue_type(kind: pa.DataType) -> str:
    """Return the Hive type of a Parquet column, read as an Arrow type.

    Raises
    ------
    CrawlError
        For a type that Hive has no name for, such as an unsigned 64-bit integer or nanoseconds.
    """
    if pt.is_dictionary(kind):
        return glue_type(kind.value_type)
    if pt.is_timestamp(kind) and kind.unit == "ns":
        raise CrawlError("timestamps in nanoseconds: Athena reads ms and us; write those")
    for test, name in _SIMPLE:
        if test(kind):
            return name
    if pt.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pt.is_list(kind) or pt.is_large_list(kind):
        return f"array<{glue_type(kind.value_type)}>"
    if pt.is_map(kind):
        return f"map<{glue_type(kind.key_type)},{glue_type(kind.item_type)}>"
    if pt.is_struct(kind):
        fields = (kind.field(position) for position in range(kind.num_fields))
        return "struct<" + ",".join(f"{f.name.lower()}:{glue_type(f.type)}" for f in fields) + ">"
    raise CrawlError(f"the type {kind}: the catalog has no type for it")


def column_types(schema: pa.Schema, key: str) -> dict[str, str]:
    """Return name (lower case) and Hive type of each column of a file, in the file's order.

    Raises
    ------
    CrawlError
        Naming the object, when a type has no name or two columns differ in case only.
    """
    columns: dict[str, str] = {}
    for column in schema:
        name = column.name.lower()
        if name in columns:
            raise CrawlError(f"{key}: two columns are both named {name} in lower case")
        try:
            columns[name] = glue_type(column.type)
        except CrawlError as error:
            raise CrawlError(f"{key}: column {name} has {error}") from error
    return columns


@dataclass(slots=True)
class MergedColumns:
    """The union of the columns of a table's files, and which file each type comes from."""

    types: dict[str, str] = field(default_factory=dict)
    _from: dict[str, str] = field(default_factory=dict)

    def add(self, columns: dict[str, str], key: str) -> None:
        """Add the columns of one file.

        Raises
        ------
        CrawlError
            When a column has another type than in a file before. AWS does not say what its
            crawlers make of that, so this does not guess.
        """
        for name, kind in columns.items():
            known = self.types.setdefault(name, kind)
            source = self._from.setdefault(name, key)
            if known != kind:
                raise CrawlError(
                    f"column {name} is {known} in {source} and {kind} in {key}: write one type "
                    "(what a crawler on AWS makes of such files is not documented)"
                )


def table_name(location: str, prefix: str) -> str:
    """Return the name of the table for a folder: its last part, in what a name may hold."""
    last = location.rstrip("/").rsplit("/", 1)[-1].lower()
    return prefix.lower() + re.sub(r"[^a-z0-9_]", "_", last)


@dataclass(frozen=True, slots=True)
class FoundObject:
    """An object under a target."""

    key: str
    size: int
    etag: str


@dataclass(slots=True)
class FoundTable:
    """A table that a target holds: its folder, partition keys, and objects by partition values."""

    location: str
    keys: tuple[str, ...]
    partitions: dict[tuple[str, ...], list[FoundObject]] = field(default_factory=dict)

    @property
    def objects(self) -> list[FoundObject]:
        """All objects of the table."""
        return [found for partition in self.partitions.values() for found in partition]


_GLOBS = {"**": ".*", "*": "[^/]*", "?": "[^/]"}


def excluded(relative: str, exclusions: Iterable[str]) -> bool:
    """Return whether a crawler passes over an object.

    Exclusions are glob patterns relative to the target; ``*`` stays within a folder, ``**`` does
    not.
    """
    if any(part.startswith(("_", ".")) for part in relative.split("/")):
        return True
    for pattern in exclusions:
        translated = "".join(
            _GLOBS.get(piece) or re.escape(piece) for piece in re.split(r"(\*\*|\*|\?)", pattern)
        )
        if re.fullmatch(translated, relative):
            return True
    return False


def find_tables(root: str, objects: Iterable[FoundObject]) -> list[FoundTable]:
    """Group the objects under a target into tables.

    A table's folder is the one above the first ``key=value`` folder or, without any, the target
    itself.

    Parameters
    ----------
    root
        Prefix of the target, ending in ``/``.

    Raises
    ------
    CrawlError
        When the folders of one table name different keys or lie at different depths, or are not
        named ``key=value``.
    """
    tables: dict[str, FoundTable] = {}
    first_of: dict[str, str] = {}
    for found in objects:
        folders = found.key[len(root) :].split("/")[:-1]
        first = next((i for i, name in enumerate(folders) if "=" in name), None)
        if first is None and folders:
            raise CrawlError(
                f"{found.key}: the folder {'/'.join(folders)} below the target {root} is no "
                "key=value folder. Name it key=value, or give it a target of its own (a crawler on "
                "AWS would make it a table or a partition_0, by how alike the files are)"
            )
        above, below = folders[:first], folders[first:] if first is not None else []
        pairs = [name.partition("=") for name in below]
        if not all(equals for _, equals, _ in pairs):
            raise CrawlError(f"{found.key}: the folders {'/'.join(below)} are not all key=value")
        location = root + "".join(f"{name}/" for name in above)
        keys = tuple(name.lower() for name, _, _ in pairs)
        table = tables.setdefault(location, FoundTable(location, keys))
        other = first_of.setdefault(location, found.key)
        if table.keys != keys:
            raise CrawlError(
                f"{other} is partitioned by {', '.join(table.keys) or 'nothing'} and {found.key} "
                f"by {', '.join(keys) or 'nothing'}: the files of a table have the same keys"
            )
        values = tuple(value for _, _, value in pairs)
        table.partitions.setdefault(values, []).append(found)
    return list(tables.values())
