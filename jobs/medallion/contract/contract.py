"""The contract of a dataset: what config/datasets/<name>.json says, checked and typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Union

from medallion.contract import source
from medallion.contract.fields import Fields
from medallion.contract.source import Source
from medallion.datatypes import DataType

ENGINES = ("duckdb", "spark")
FORMATS = ("auto", "csv", "tsv", "json", "ndjson", "parquet")
CLEANERS = ("trim", "lower", "upper", "title")
PARTITION_TYPES = ("string", "boolean", "int", "bigint", "date")
# The last two are what DuckDB calls the place of a row in a file, unless a column hides them.
RESERVED = ("_source_file", "_source_row", "ingest_date", "file_index", "file_row_number")
# What Python, DuckDB and Spark can all be told to read; %Z and locale forms are left out.
FORMAT_DIRECTIVES = "YymdHIpMSfjbBaAz%"

Scalar = Union[str, int, float, bool]


@dataclass(frozen=True)
class Column:
    """A column of the files."""

    name: str
    type: DataType
    required: bool
    clean: tuple[str, ...]
    format: str | None


@dataclass(frozen=True)
class Derived:
    """A column computed from a Spark SQL expression."""

    name: str
    type: DataType
    expression: str


@dataclass(frozen=True)
class OrderBy:
    """One term of order_by; nulls come last in either direction."""

    column: str
    descending: bool


@dataclass(frozen=True)
class RowCount:
    """Bounds of the number of processed rows, both inclusive."""

    min: int | None
    max: int | None


@dataclass(frozen=True)
class Approval:
    """Beyond which thresholds a person has to approve a table before it is published."""

    max_refused_percent: float | None
    max_row_change_percent: float | None
    timeout_hours: int


@dataclass(frozen=True)
class Checks:
    """What is asserted of the processed table, in Athena, once it is written."""

    not_null: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    accepted_values: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    row_count: RowCount = field(default_factory=lambda: RowCount(None, None))
    sql: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Contract:
    """A dataset's contract; the attributes are named as the keys of the JSON."""

    name: str
    engine: str
    source: Source
    format: str
    delimiter: str | None
    encoding: str
    null_values: tuple[str, ...]
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    order_by: tuple[OrderBy, ...]
    filter: str | None
    derive: tuple[Derived, ...]
    partition_by: tuple[str, ...]
    checks: Checks
    approval: Approval | None

    @classmethod
    def from_json(cls, document: object) -> Contract:
        """
        Check a contract and give it types.

        Parameters
        ----------
        document
            The parsed JSON. Keys that are absent or null have their defaults; `name` and
            `columns` are required.

        Raises
        ------
        ConfigError
            At the first thing wrong. The message names the dataset, the field, what was found
            and what is allowed. Expressions of `filter` and `derive` are not parsed here: that
            needs the engine (see statement).
        """
        top = Fields.top(document)
        name = top.name("name")
        top = top.of_dataset(name)
        top.only(*cls.__dataclass_fields__)
        columns = _columns(top)
        derive = _derive(top, columns)
        before = {column.name: column.type for column in columns}
        after = {**before, **{derived.name: derived.type for derived in derive}}
        return cls(
            name=name,
            engine=top.choice("engine", ENGINES, "duckdb"),
            source=source.parse(top),
            format=top.choice("format", FORMATS, "auto"),
            delimiter=_delimiter(top),
            encoding=top.encoding("encoding", "utf-8"),
            null_values=top.strings("null_values", ("",), blank=True),
            columns=columns,
            key=top.references("key", before),
            order_by=_order_by(top, before),
            filter=top.optional_text("filter"),
            derive=derive,
            partition_by=_partition_by(top, after),
            checks=_checks(top, after),
            approval=_approval(top),
        )

    @property
    def processed_types(self) -> dict[str, DataType]:
        """Columns of the processed table in order, partitions included."""
        types = {column.name: column.type for column in self.columns}
        types.update((derived.name, derived.type) for derived in self.derive)
        return types

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that must not be null: the ones that say so, and the key."""
        return tuple(c.name for c in self.columns if c.required or c.name in self.key)


def _delimiter(top: Fields) -> str | None:
    value = top.raw_text("delimiter")
    if value is None:
        return None
    # One byte is what Arrow takes.
    if len(value) != 1 or not value.isascii() or value.isalnum() or value in '"\r\n\0':
        top.fail(
            "delimiter",
            f"{value!r} is not allowed; one ASCII character that is no letter, digit, quote or "
            "line end, or null to have it found from the header among , ; tab |",
        )
    return value


def _columns(top: Fields) -> tuple[Column, ...]:
    found: dict[str, Column] = {}
    for fields in top.objects("columns"):
        fields.only("name", "type", "required", "clean", "format")
        name = fields.name("name", taken=found, reserved=RESERVED)
        kind = fields.type("type")
        clean = fields.strings("clean")
        for position, cleaner in enumerate(clean):
            if cleaner not in CLEANERS:
                fields.fail(
                    f"clean[{position}]",
                    f"unknown function '{cleaner}'; allowed: {', '.join(CLEANERS)}",
                )
        if clean and kind.base != "string":
            fields.fail(
                "clean",
                f"column '{name}' is {kind.with_article}, and only strings are cleaned; blanks "
                "around other values are trimmed anyway",
            )
        found[name] = Column(name, kind, fields.flag("required"), clean, _format(fields, kind))
    if not found:
        top.fail("columns", "no columns; a dataset needs at least one")
    return tuple(found.values())


def _format(fields: Fields, kind: DataType) -> str | None:
    value = fields.optional_text("format")
    if value is None:
        return None
    if kind.base not in ("date", "timestamp"):
        fields.fail("format", f"only for date and timestamp, not for {kind.with_article}")
    directives = re.findall("%(-?.?)", value)
    for directive in directives:
        if directive not in FORMAT_DIRECTIVES or not directive:
            fields.fail(
                "format",
                f"unknown directive '%{directive}' in '{value}'; allowed: "
                + " ".join(f"%{letter}" for letter in FORMAT_DIRECTIVES),
            )
    if not directives:
        fields.fail("format", f"'{value}' has no directive; an example is %d/%m/%Y")
    return value


def _order_by(top: Fields, known: Mapping[str, DataType]) -> tuple[OrderBy, ...]:
    terms = []
    for position, text in enumerate(top.strings("order_by")):
        column, *direction = text.split()
        if [word.lower() for word in direction] not in ([], ["asc"], ["desc"]):
            top.fail(
                f"order_by[{position}]",
                f"'{text}' is not allowed; write a column, or a column with asc or desc "
                "(nulls are always last)",
            )
        top.known(f"order_by[{position}]", column, known)
        terms.append(OrderBy(column, [word.lower() for word in direction] == ["desc"]))
    return tuple(terms)


def _derive(top: Fields, columns: tuple[Column, ...]) -> tuple[Derived, ...]:
    taken = [column.name for column in columns]
    derive = []
    for fields in top.objects("derive"):
        fields.only("name", "type", "expression")
        name = fields.name("name", taken=taken, reserved=RESERVED)
        taken.append(name)
        derive.append(Derived(name, fields.type("type"), fields.text("expression")))
    return tuple(derive)


def _partition_by(top: Fields, known: Mapping[str, DataType]) -> tuple[str, ...]:
    names = top.references("partition_by", known)
    for position, name in enumerate(names):
        if known[name].base not in PARTITION_TYPES:
            top.fail(
                f"partition_by[{position}]",
                f"column '{name}' is {known[name].with_article}; a partition column is one of "
                f"{', '.join(PARTITION_TYPES)}. Derive one, for example a date or a month",
            )
    if len(names) == len(known):
        top.fail("partition_by", "all columns are partition columns; one must stay in the files")
    return names


def _checks(top: Fields, known: Mapping[str, DataType]) -> Checks:
    checks = top.child("checks")
    checks.only("not_null", "unique", "accepted_values", "row_count", "sql")
    unique = []
    for position, columns in enumerate(checks.array("unique") or []):
        place = f"unique[{position}]"
        if not isinstance(columns, list) or not columns:
            checks.fail(place, 'expected a list of columns, such as ["order_id"]')
        for column in columns:
            checks.known(place, column, known)
        unique.append(tuple(columns))
    accepted = checks.child("accepted_values")
    for column, values in accepted.items():
        accepted.known(column, column, known)
        if not isinstance(values, list) or not values:
            accepted.fail(column, "expected a list of at least one value")
        for value in values:
            if not isinstance(value, (str, int, float)):
                accepted.fail(column, "a value is a text, a number, true or false")
    row_count = checks.child("row_count")
    row_count.only("min", "max")
    least, most = row_count.integer("min", minimum=0), row_count.integer("max", minimum=0)
    if least is not None and most is not None and most < least:
        row_count.fail("max", f"{most} is below min, which is {least}")
    sql = checks.child("sql")
    return Checks(
        not_null=checks.references("not_null", known),
        unique=tuple(unique),
        accepted_values={column: tuple(values) for column, values in accepted.items()},
        row_count=RowCount(least, most),
        sql={name: sql.text(name) for name, _ in sql.items()},
    )


def _approval(top: Fields) -> Approval | None:
    if not top.has("approval"):
        return None
    fields = top.child("approval")
    fields.only(*Approval.__dataclass_fields__)
    refused = fields.number("max_refused_percent", minimum=0, maximum=100)
    change = fields.number("max_row_change_percent", minimum=0)
    if refused is None and change is None:
        fields.fail(
            "",
            "no threshold; set max_refused_percent, max_row_change_percent or both, or leave the "
            "field null for a dataset that needs no approval",
        )
    hours = fields.integer("timeout_hours", minimum=1, maximum=72)
    return Approval(refused, change, 24 if hours is None else hours)
