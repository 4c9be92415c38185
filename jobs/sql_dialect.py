"""What a contract's statement (see contract_sql) says differently on each engine."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import casts
import spark_functions
from datatypes import DataType


class Dialect(abc.ABC):
    """Writes the pieces of SQL that the engines spell, or mean, in their own ways."""

    text: str
    boolean: str

    @abc.abstractmethod
    def type_name(self, kind: DataType) -> str:
        """Give the engine's name of a type."""

    @abc.abstractmethod
    def quoted(self, name: str) -> str:
        """Write the name of a column."""

    @abc.abstractmethod
    def literal(self, text: str) -> str:
        """Write a text."""

    @abc.abstractmethod
    def trimmed(self, sql: str) -> str:
        """Take the blanks off both ends of a text."""

    @abc.abstractmethod
    def cleaned(self, cleaner: str, sql: str) -> str:
        """Apply one of contract.CLEANERS to a text."""

    @abc.abstractmethod
    def as_text(self, sql: str, source: str) -> str:
        """Write a value of the engine's type `source` as a text."""

    @abc.abstractmethod
    def size(self, sql: str) -> str:
        """Count the bytes of a text in UTF-8."""

    @abc.abstractmethod
    def from_text(self, sql: str, target: DataType, pattern: str | None = None) -> str:
        """Read a text as a value (see casts.from_text)."""

    @abc.abstractmethod
    def strict(self, sql: str, source: str, target: DataType) -> str | None:
        """Convert a value without loss (see casts.strict)."""

    @abc.abstractmethod
    def attempt(self, expression: str) -> str:
        """Write an expression of a user so that a row on which it fails stops nothing."""

    @abc.abstractmethod
    def attempted(self, attempt: str) -> str:
        """Write the value of an attempt that was given a name."""

    @abc.abstractmethod
    def failed(self, attempt: str) -> str | None:
        """Write whether an attempt failed; None where expressions never do."""

    @abc.abstractmethod
    def derived(self, columns: Sequence[tuple[str, str, str]]) -> list[str]:
        """Write the stages from `kept` to `d<n>`, with n derived columns in order.

        A column is its expression, the cast that makes it of `_value`, and its name. The first
        attempt is named `_a1`.
        """


class DuckDb(Dialect):
    """DuckDB, whose expressions fail on overflow."""

    text = "VARCHAR"
    boolean = "BOOLEAN"

    def type_name(self, kind: DataType) -> str:
        return kind.duckdb

    def quoted(self, name: str) -> str:
        return f'"{name}"'

    def literal(self, text: str) -> str:
        return casts.literal(text)

    def trimmed(self, sql: str) -> str:
        return casts.trimmed(sql)

    def cleaned(self, cleaner: str, sql: str) -> str:
        if cleaner == "trim":
            return casts.trimmed(sql)
        return spark_functions.initcap(sql) if cleaner == "title" else f"{cleaner}({sql})"

    def as_text(self, sql: str, source: str) -> str:  # noqa: ARG002
        return f"CAST({sql} AS VARCHAR)"

    def size(self, sql: str) -> str:
        return f"strlen({sql})"

    def from_text(self, sql: str, target: DataType, pattern: str | None = None) -> str:
        return casts.from_text(sql, target, pattern)

    def strict(self, sql: str, source: str, target: DataType) -> str | None:
        return casts.strict(sql, source, target)

    def attempt(self, expression: str) -> str:
        # {v: value}, or NULL where the expression fails, which a plain TRY would not tell.
        return f"TRY({{'v': {expression}}})"

    def attempted(self, attempt: str) -> str:
        return f"{attempt}.v"

    def failed(self, attempt: str) -> str | None:
        return f"{attempt} IS NULL"

    def derived(self, columns: Sequence[tuple[str, str, str]]) -> list[str]:
        stages, last = [], "kept"
        for number, (expression, cast, name) in enumerate(columns, 1):
            attempt = f"_a{number}"
            # One stage for the attempt, one for its value, so that a cast names it cheaply.
            stages += [
                f"e{number} AS (SELECT *, {self.attempt(expression)} AS {attempt} FROM {last})",
                f"v{number} AS (SELECT *, {attempt}.v AS _value FROM e{number})",
                f'd{number} AS (SELECT * EXCLUDE (_value), {cast} AS "{name}" FROM v{number})',
            ]
            last = f"d{number}"
        return stages


DUCKDB = DuckDb()
