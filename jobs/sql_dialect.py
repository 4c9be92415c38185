"""What a contract's statement (see contract_sql) says differently on each engine."""

from __future__ import annotations

import abc
import re
from collections.abc import Callable, Collection, Sequence
from typing import ClassVar

import casts
import spark_functions
from datatypes import DataType


class Dialect(abc.ABC):
    """Writes the pieces of SQL that the engines spell, or mean, in their own ways."""

    text: str
    boolean: str
    # Reads a text in its usual form, if there is a quick way (see casts.proven).
    proven: ClassVar[Callable[..., str | None] | None] = None
    # Whether rows that share their key are better found before the window that ranks them.
    rivals_first: ClassVar[bool] = False

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

    def is_one_of(self, sql: str, texts: Collection[str]) -> str:
        """Tell whether a text is one of `texts`, whatever blanks are around it."""
        listed = ", ".join(map(self.literal, texts))
        trimmed = f"{self.trimmed(sql)} IN ({listed})"
        if all(text == text.strip(casts.BLANKS) for text in texts):
            return trimmed
        return f"({sql} IN ({listed}) OR {trimmed})"

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

    def derived(self, columns: Sequence[tuple[str, str, str]], last: str) -> list[str]:
        """Write the stages from `last` to `d<n>`, with n derived columns in order.

        A column is its expression, the cast that makes it of `_value`, and its name. The first
        attempt is named `_a1`. Columns that do not build on each other share a stage: planning
        takes its time, and Spark's analysis as many rounds as stages are nested, up to a limit.
        """
        stages, named = [], set[str]()
        attempts: list[str] = []
        values: list[str] = []

        def close(number: int) -> str:
            stages.append(f"e{number} AS (SELECT *, {', '.join(attempts)} FROM {last})")
            stages.append(f"d{number} AS (SELECT *, {', '.join(values)} FROM e{number})")
            for found in (attempts, values, named):
                found.clear()
            return f"d{number}"

        for number, (expression, cast, name) in enumerate(columns, 1):
            if named.intersection(re.findall("[a-z0-9_]+", expression.lower())):
                last = close(number - 1)
            attempt = f"_a{number}"
            attempts.append(f"{self.attempt(expression)} AS {attempt}")
            value = cast.replace("_value", self.attempted(attempt))
            values.append(f"{value} AS {self.quoted(name)}")
            named.add(name)
        close(len(columns))
        return stages


class DuckDb(Dialect):
    """DuckDB, whose expressions fail on overflow."""

    text = "VARCHAR"
    boolean = "BOOLEAN"
    rivals_first = True
    literal = staticmethod(casts.literal)
    trimmed = staticmethod(casts.trimmed)
    from_text = staticmethod(casts.from_text)
    proven = staticmethod(casts.proven)
    strict = staticmethod(casts.strict)

    def type_name(self, kind: DataType) -> str:
        return kind.duckdb

    def quoted(self, name: str) -> str:
        return f'"{name}"'

    def is_one_of(self, sql: str, texts: Collection[str]) -> str:
        possible = casts.may_be_one_of(sql, texts)
        return f"CASE WHEN {possible} THEN {super().is_one_of(sql, texts)} ELSE false END"

    def cleaned(self, cleaner: str, sql: str) -> str:
        if cleaner == "trim":
            return casts.trimmed(sql)
        return spark_functions.initcap(sql) if cleaner == "title" else f"{cleaner}({sql})"

    def as_text(self, sql: str, source: str) -> str:  # noqa: ARG002
        return f"CAST({sql} AS VARCHAR)"

    def size(self, sql: str) -> str:
        return f"strlen({sql})"

    def attempt(self, expression: str) -> str:
        # {v: value}, or NULL where the expression fails, which a plain TRY would not tell.
        return f"TRY({{'v': {expression}}})"

    def attempted(self, attempt: str) -> str:
        return f"{attempt}.v"

    def failed(self, attempt: str) -> str | None:
        return f"{attempt} IS NULL"


DUCKDB = DuckDb()
