"""What a contract's statement (see statement) says differently on each engine."""

from __future__ import annotations

import abc
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import ClassVar

from medallion.datatypes import BLANKS, DataType

ALLOWED = {
    "string": "any text",
    "boolean": "true/false, t/f, yes/no, y/n or 1/0",
    "int": "a whole number from -2147483648 to 2147483647",
    "bigint": "a whole number from -2^63 to 2^63-1",
    "double": "a finite number such as -1.5 or 2e3",
    "date": "yyyy-mm-dd",
    "timestamp": "yyyy-mm-dd hh:mm[:ss[.ffffff]], with T or a blank, and Z or an offset if any",
}

# Gives the engine's type of an expression over columns of given types, or raises ConfigError.
Describe = Callable[[str, Mapping[str, str]], str]
# Gives an expression in the engine's SQL, and its type.
Translate = Callable[[str], "tuple[str, str]"]


def allowed(target: DataType, pattern: str | None = None) -> str:
    """Say which texts are a value of the type."""
    if pattern is not None:
        return f"format {pattern}"
    if target.base == "decimal":
        whole = target.precision - target.scale
        return f"at most {whole} digits before the point and {target.scale} after it"
    return ALLOWED[target.base]


class Dialect(abc.ABC):
    """Writes the pieces of SQL that the engines spell, or mean, in their own ways."""

    text: str
    boolean: str
    # Reads a text in its usual form, if there is a quick way (see engines.duckdb.casts.proven).
    proven: ClassVar[Callable[..., str | None] | None] = None
    # Whether rows that share their key are better found before the window that ranks them.
    rivals_first: ClassVar[bool] = False

    @abc.abstractmethod
    def translation(self, types: Mapping[str, str], describe: Describe) -> Translate:
        """Give what writes a user's expression over columns of these types, for the engine."""

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
        if all(text == text.strip(BLANKS) for text in texts):
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
        """Read a text as a value (see engines.duckdb.casts.from_text)."""

    @abc.abstractmethod
    def strict(self, sql: str, source: str, target: DataType) -> str | None:
        """Convert a value without loss (see engines.duckdb.casts.strict)."""

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
