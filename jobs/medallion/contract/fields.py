"""Typed access to the fields of a contract's JSON; whatever is wrong is said with its place."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from medallion import datatypes
from medallion.errors import ConfigError

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NAME_RULE = (
    "a name starts with a lower-case letter and goes on with lower-case letters, digits and _"
)


class Fields:
    """A JSON object of the contract; an absent field is the same as null."""

    def __init__(self, values: Mapping[str, Any], dataset: str, path: str = "") -> None:
        self._values = values
        self._dataset = dataset
        self._path = path

    @classmethod
    def top(cls, document: object) -> Fields:
        """Take the whole document, whose dataset is not known yet."""
        if not isinstance(document, Mapping):
            raise ConfigError(
                f"a contract is a JSON object, this is {_kind(document)}: "
                "look at config/datasets/<name>.json"
            )
        return cls(document, "?")

    def of_dataset(self, dataset: str) -> Fields:
        """Give the same fields, now naming the dataset in messages."""
        return Fields(self._values, dataset, self._path)

    def fail(self, key: str, problem: str) -> NoReturn:
        """Raise ConfigError about one field (or this object, if `key` is empty)."""
        place = ".".join(part for part in (self._path, key) if part)
        raise ConfigError(f"dataset '{self._dataset}', field '{place}': {problem}")

    def only(self, *known: str) -> None:
        """Refuse keys that nobody reads, which are mostly spelling mistakes."""
        for key in self._values:
            if key not in known:
                self.fail(str(key), f"unknown field; allowed: {', '.join(known)}")

    def has(self, key: str) -> bool:
        """Whether the field is there and not null."""
        return self._values.get(key) is not None

    def raw_text(self, key: str) -> str | None:
        """Read a text that may be null or made of blanks, such as a tab."""
        value = self._values.get(key)
        if value is not None and not isinstance(value, str):
            self.fail(key, f"expected a text, found {_kind(value)}")
        return value

    def optional_text(self, key: str) -> str | None:
        """Read a text that may be null but not blank."""
        value = self.raw_text(key)
        if value is not None and not value.strip():
            self.fail(key, "the text is blank; give one, or leave the field null")
        return value

    def text(self, key: str) -> str:
        """Read a text that must be there."""
        value = self.optional_text(key)
        if value is None:
            self.fail(key, "missing; a text is required")
        return value

    def name(self, key: str, taken: Iterable[str] = (), reserved: Iterable[str] = ()) -> str:
        """Read an identifier that is neither reserved nor used before."""
        value = self.text(key)
        reserved = tuple(reserved)
        if value in reserved:
            self.fail(
                key,
                f"'{value}' is reserved (reserved: {', '.join(reserved)}); choose another name",
            )
        if not _NAME.fullmatch(value):
            self.fail(key, f"'{value}' is not allowed: {_NAME_RULE}")
        if value in taken:
            self.fail(key, f"'{value}' is used twice; every column needs its own name")
        return value

    def type(self, key: str) -> datatypes.DataType:
        """Read a column type."""
        try:
            return datatypes.parse(self.text(key))
        except ValueError as error:
            self.fail(key, str(error))

    def flag(self, key: str) -> bool:
        """Read a boolean; null is false."""
        value = self._values.get(key)
        if value is not None and not isinstance(value, bool):
            self.fail(key, f"expected true or false, found {_kind(value)}")
        return bool(value)

    def integer(
        self, key: str, minimum: int | None = None, maximum: int | None = None
    ) -> int | None:
        """Read a whole number, or null."""
        value = self._values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.fail(key, f"expected a whole number, found {_kind(value)}")
        self._bounded(key, value, minimum, maximum)
        return value

    def number(
        self, key: str, minimum: int | None = None, maximum: int | None = None
    ) -> float | None:
        """Read a number, or null."""
        value = self._values.get(key)
        if value is None:
            return None
        # Python's reader of JSON takes NaN and Infinity.
        is_endless = isinstance(value, float) and not math.isfinite(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or is_endless:
            self.fail(key, f"expected a number, found {_kind(value)}")
        self._bounded(key, value, minimum, maximum)
        return value

    def _bounded(self, key: str, value: float, minimum: int | None, maximum: int | None) -> None:
        if minimum is not None and value < minimum:
            self.fail(key, f"{value} is too small; at least {minimum} is needed")
        if maximum is not None and value > maximum:
            self.fail(key, f"{value} is too large; at most {maximum} is allowed")

    def choice(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        """Read one of a few texts."""
        value = self.optional_text(key)
        if value is None and default is not None:
            return default
        if value not in allowed:
            self.fail(key, f"found {value!r}; allowed: {', '.join(allowed)}")
        return value

    def encoding(self, key: str, default: str) -> str:
        """Read the name of a text encoding that Python knows."""
        value = self.optional_text(key) or default
        try:
            # Not codecs.lookup, which also knows codecs that are for no text, such as base64.
            "".encode(value)
        except (LookupError, UnicodeError):
            self.fail(
                key, f"unknown encoding '{value}'; use a name such as utf-8, utf-16 or latin-1"
            )
        return value

    def strings(
        self, key: str, default: tuple[str, ...] = (), *, blank: bool = False
    ) -> tuple[str, ...]:
        """Read a list of different texts."""
        values = self.array(key)
        if values is None:
            return default
        for position, value in enumerate(values):
            if not isinstance(value, str):
                self.fail(f"{key}[{position}]", f"expected a text, found {_kind(value)}")
            if not blank and not value.strip():
                self.fail(f"{key}[{position}]", "the text is blank")
            if value in values[:position]:
                self.fail(f"{key}[{position}]", f"'{value}' is listed twice")
        return tuple(values)

    def references(self, key: str, known: Iterable[str]) -> tuple[str, ...]:
        """Read a list of column names, each of which must exist."""
        names = self.strings(key)
        for position, name in enumerate(names):
            self.known(f"{key}[{position}]", name, known)
        return names

    def known(self, key: str, name: str, known: Iterable[str]) -> None:
        """Refuse a column name that does not exist."""
        known = tuple(known)
        if name not in known:
            self.fail(key, f"unknown column '{name}'; the columns are: {', '.join(known)}")

    def array(self, key: str) -> list[Any] | None:
        """Read a list, or null."""
        value = self._values.get(key)
        if value is not None and not isinstance(value, list):
            self.fail(key, f"expected a list, found {_kind(value)}")
        return value

    def objects(self, key: str) -> list[Fields]:
        """Read a list of objects; null is the empty list."""
        return [
            self._child(f"{key}[{position}]", value)
            for position, value in enumerate(self.array(key) or [])
        ]

    def child(self, key: str) -> Fields:
        """Read an object; null is the empty one."""
        value = self._values.get(key)
        return self._child(key, {} if value is None else value)

    def items(self) -> list[tuple[str, Any]]:
        """Give the fields of an object whose keys the user chooses."""
        return list(self._values.items())

    def _child(self, key: str, value: object) -> Fields:
        if not isinstance(value, Mapping):
            self.fail(key, f"expected an object, found {_kind(value)}")
        return Fields(value, self._dataset, ".".join(p for p in (self._path, key) if p))


def _kind(value: object) -> str:
    """Describe a JSON value for a message."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        shown = value if len(value) <= 40 else value[:40] + "…"
        return f"the text {shown!r}"
    return "a list" if isinstance(value, list) else "an object"
