"""Compare every table with the expected answers: rows, and each column by a digest of its values.

The answers lie in expected.json, made by tests/oracles/make_conform_answers.py with pandas, from
the files alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import query
from ops.display import step
from ops.errors import OpsError
from ops.target import Target

EXPECTED = Path(__file__).with_name("expected.json")
_ALL = 1_000_000

Row = Sequence[str | None]


@dataclass(frozen=True)
class Answer:
    """How a table compares: what differs, as text; nothing when it is the same."""

    table: str
    expected_rows: int
    rows: int | None
    differs: str

    @property
    def same(self) -> bool:
        return not self.differs


def digests(columns: Sequence[str], key: Sequence[str], rows: Sequence[Row]) -> dict[str, str]:
    """Digest of each column, of its values in the order of the key."""
    places = [columns.index(name) for name in key]
    ordered = sorted(rows, key=lambda row: [_text(row[place]) for place in places])
    return {
        name: hashlib.sha256("\n".join(_text(row[n]) for row in ordered).encode()).hexdigest()[:16]
        for n, name in enumerate(columns)
    }


def _text(value: str | None) -> str:
    return "\\N" if value is None else value.replace("\\", "\\\\").replace("\n", "\\n")


def canonical(kind: str, value: str | None) -> str | None:
    """Value as Athena writes it, with doubles in one way."""
    if value is not None and kind in ("double", "float", "real"):
        return repr(float(value))
    return value


def expected() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(EXPECTED.read_text(encoding="utf-8"))
    return found


def compare(target: Target) -> list[Answer]:
    """Ask Athena for every table, and compare."""
    known = {*target.outputs.dataset_names, *target.outputs.model_names}
    wanted = {table: one for table, one in expected().items() if table.split(".")[1] in known}
    with step("tables compared with the expected answers") as line:
        found = list(_compared(target, wanted))
        same = sum(answer.same for answer in found)
        line.text = f"{same} of {len(found)} tables are as expected"
    return found


def _compared(target: Target, wanted: dict[str, Any]) -> Iterator[Answer]:
    for table, answer in wanted.items():
        layer, _, name = table.partition(".")
        columns = list(answer["columns"])
        listed = ", ".join(f'"{column}"' for column in columns)
        database = target.outputs.database_names[layer]
        sql = f'SELECT {listed} FROM "{database}"."{name}"'  # noqa: S608 - names of a file of ours
        try:
            found = query.ask(target, sql, limit=_ALL)
        except OpsError as error:
            yield Answer(table, answer["rows"], None, error.message)
            continue
        rows = [
            [canonical(kind, value) for kind, value in zip(found.types, row, strict=True)]
            for row in found.rows
        ]
        got = digests(columns, answer["key"], rows)
        other = [name for name, digest in answer["columns"].items() if got[name] != digest]
        differs = f"columns {', '.join(other)}" if other else ""
        if len(rows) != answer["rows"]:
            differs = f"{len(rows):,} rows instead of {answer['rows']:,}"
        yield Answer(table, answer["rows"], len(rows), differs)
