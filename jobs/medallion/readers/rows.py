"""What the readers of files hand over: batches of rows, and rows that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class RefusedRow:
    """A row that cannot be read; `row` is its number in the file, 1 for the first data row."""

    row: int
    reason: str
    line: str


@dataclass(frozen=True)
class Batch:
    """Rows of a file, in order; `rows` has the number of each row of `columns`."""

    columns: dict[str, pa.Array[Any]]
    rows: pa.Int64Array
    refused: list[RefusedRow] = field(default_factory=list)
    # Columns that came up which the caller did not ask for: it has to ask again.
    unknown: frozenset[str] = frozenset()

    @property
    def last_row(self) -> int:
        """The highest row number in the batch; 0 when it is empty."""
        rows = [*self.rows[-1:].to_pylist(), *(row.row for row in self.refused)]
        return max((row for row in rows if row is not None), default=0)


def row_numbers(first: int, end: int) -> pa.Int64Array:
    """Return the numbers from `first` up to but without `end`."""
    ones: pa.Int64Array = pa.repeat(pa.scalar(1, pa.int64()), end - first)
    return pc.cumulative_sum(ones, start=pa.scalar(first - 1, pa.int64()))


class Reader(Protocol):
    """Reads one file, or one member of an archive; `batches` begins anew each time."""

    # How the file was read, for people, and what counts it: csv, tsv, json, ndjson or parquet.
    format: str
    kind: str

    def extras(self) -> set[str]:
        """Return the columns of the file that are not in the contract, as far as known yet."""

    def batches(self, extras: Sequence[str]) -> Iterator[Batch]:
        """Yield all rows: the contract's columns and `extras`, a column for each."""

    def warnings(self) -> list[str]:
        """Return what is odd about the file, once all batches have been read."""
