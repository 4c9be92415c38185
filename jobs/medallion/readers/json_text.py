"""JSON files: an array, one record a line, or single objects; all values as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import simplejson
from simplejson import RawJSON

from medallion.contract.contract import Contract
from medallion.errors import FileRefused
from medallion.readers import json_records
from medallion.readers.archives import Member
from medallion.readers.column_names import check_reserved, listed, snake
from medallion.readers.json_records import Record
from medallion.readers.rows import Batch, RefusedRow
from medallion.readers.text_stream import open_text

_BATCH_ROWS = 10_000
_BATCH_CHARACTERS = 8 << 20
_HEAD = 1 << 16
# More than any table has: beyond it the keys are data.
_MAX_NAMES = 2_000
_LOOKS_LIKE_JSON = re.compile(rb"\s*(\{|\[\s*([\[\]{\"0-9-]|true|false|null))")
_LINE_OF_JSON = re.compile(rb"^\s*[{\[]", re.MULTILINE)
_LAYOUTS = {
    "array": json_records.array,
    "line": json_records.lines,
    "lines": json_records.lines,
    "objects": json_records.objects,
}
_KINDS = {bool: "true or false", str: "a text", list: "an array", RawJSON: "a number"}


def looks_like_json(head: bytes) -> bool:
    """Tell JSON from delimited text by its first characters."""
    return bool(_LOOKS_LIKE_JSON.match(head))


class JsonReader:
    """Reads the records of one JSON file, however they are laid out."""

    def __init__(self, member: Member, contract: Contract) -> None:
        self._member = member
        self._encoding = contract.encoding
        self._expected = [column.name for column in contract.columns]
        # The keys met so far, and the columns that they become.
        self._names: dict[str, str] = {}
        with open_text(member, self._encoding) as stream:
            head = stream.peek(_HEAD)
            if not _LINE_OF_JSON.search(head):
                raise FileRefused(
                    f"the content is not JSON (it begins with {_beginning(head)!r}), but the "
                    f'dataset has format = "{contract.format}": set what the file is, or "auto"'
                )
            self._layout = json_records.layout(stream)
        self.format = self.kind = "ndjson" if self._layout in ("line", "lines") else "json"
        wrong = {"ndjson": "array", "json": "lines"}.get(contract.format)
        if self._layout == wrong:
            raise FileRefused(
                f'the content is {self.format}, but the dataset has format = "{contract.format}": '
                f'set format = "{self.format}" or "auto"'
            )

    def extras(self) -> set[str]:
        first = next(self.batches(()), None)
        return set(first.unknown) if first else set()

    def warnings(self) -> list[str]:
        missing = [name for name in self._expected if name not in self._names.values()]
        if missing:
            return [f"no record has {listed(missing)}: null in every row"]
        return []

    def batches(self, extras: Sequence[str]) -> Iterator[Batch]:
        """Yield all records; what is not a proper record comes as refused.

        Raises
        ------
        FileRefused
            When an array is broken, a record is too long, or no key is one of the contract's.
        """
        columns = [*self._expected, *extras]
        with open_text(self._member, self._encoding) as stream:
            building = _Building(columns, self._name)
            for number, record in enumerate(_LAYOUTS[self._layout](stream), start=1):
                building.add(number, record)
                if building.is_full():
                    yield building.batch()
                    building = _Building(columns, self._name)
            if not building.is_empty():
                yield building.batch()
        if self._names and not set(self._expected) & set(self._names.values()):
            raise FileRefused(
                f"no record has a column of the contract; found {listed(self._names)}; "
                f"expected {listed(self._expected)}"
            )

    def _name(self, key: str) -> str:
        name = self._names.get(key)
        if name is None:
            check_reserved(key)
            name = snake(key)
            if not name:
                raise FileRefused(
                    f"the key {key!r} cannot become a column's name: use latin letters or digits"
                )
            self._names[key] = name
            if len(self._names) > _MAX_NAMES:
                raise FileRefused(
                    f"the records have more than {_MAX_NAMES:,} different keys: keys must be names "
                    f"of columns, not data (the last one is {key[:80]!r})"
                )
        return name


class _Building:
    """Collects records into the columns of a batch."""

    def __init__(self, columns: Sequence[str], name_of: Callable[[str], str]) -> None:
        self._name_of = name_of
        self._values: dict[str, list[str | None]] = {name: [] for name in columns}
        self._rows: list[int] = []
        self._refused: list[RefusedRow] = []
        self._unknown: set[str] = set()
        self._characters = 0

    def is_empty(self) -> bool:
        return not (self._rows or self._refused)

    def is_full(self) -> bool:
        return (
            len(self._rows) + len(self._refused) >= _BATCH_ROWS
            or self._characters >= _BATCH_CHARACTERS
        )

    def add(self, number: int, record: Record) -> None:
        self._characters += len(record.text)
        problem = record.problem
        row: dict[str, str | None] = {}
        if not problem and not isinstance(record.value, dict):
            kind = _KINDS.get(type(record.value), "null")
            problem = f"the record is {kind}, not an object"
        if not problem:
            for key, value in record.value.items():
                name = self._name_of(key)
                if name in row:
                    problem = f"two keys of the record become {name!r}, one of them {key!r}"
                    break
                row[name] = _as_text(value)
        # Only an escape can bring half of a surrogate pair, which no UTF-8 text may have.
        if not problem and "\\ud" in record.text.lower() and not _is_encodable(row):
            problem = "a \\u escape is half of a character (a lone surrogate)"
        if problem:
            self._refused.append(RefusedRow(number, problem, record.text))
            return
        self._rows.append(number)
        for name, values in self._values.items():
            values.append(row.pop(name, None))
        self._unknown.update(row)

    def batch(self) -> Batch:
        return Batch(
            {name: pa.array(values, pa.string()) for name, values in self._values.items()},
            pa.array(self._rows, pa.int64()),
            self._refused,
            frozenset(self._unknown),
        )


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, RawJSON):
        return str(value.encoded_json)
    if isinstance(value, bool):
        return "true" if value else "false"
    return simplejson.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _is_encodable(row: dict[str, str | None]) -> bool:
    try:
        for value in row.values():
            (value or "").encode()
    except UnicodeEncodeError:
        return False
    return True


def _beginning(head: bytes) -> str:
    return head[:40].decode(errors="ignore").strip().split("\n", 1)[0]
