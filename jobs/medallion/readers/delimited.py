"""CSV, TSV and their kin: all values as text, row by row, in bounded memory."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal, cast

import pyarrow as pa
import pyarrow.csv as arrow_csv

from medallion.contract.contract import Contract
from medallion.errors import FileRefused
from medallion.readers.archives import Member
from medallion.readers.column_names import check_complete, header_names, snake
from medallion.readers.rows import Batch, RefusedRow, row_numbers
from medallion.readers.text_stream import open_text

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_MAX_HEADER = 1 << 20
_MAX_HEADER_LINES = 1000
# Small, since each ragged row of it becomes Python objects of some hundred bytes.
_BLOCK = 1 << 20
# The block grows for rows that do not fit, up to this.
_MAX_ROW = 32 << 20
# How many line ends are tried for one that is not inside of quotes, before the block grows.
_TRIES = 4
# Stands behind the last row. When it is not what comes last, an open quote has swallowed it.
_SENTINEL = "\u2404"


class DelimitedReader:
    """Reads one delimited file; its delimiter is found from the header unless it is pinned."""

    def __init__(self, member: Member, contract: Contract) -> None:
        self._member = member
        self._encoding = contract.encoding
        self._expected = [column.name for column in contract.columns]
        self._delimiter, self._names, self._header_size = self._read_header(contract)
        kind = DELIMITERS.get(self._delimiter, repr(self._delimiter))
        self.format = f"delimited by {kind}"
        self.kind = "tsv" if self._delimiter == "\t" else "csv"

    def extras(self) -> set[str]:
        return set(self._names) - set(self._expected)

    def warnings(self) -> list[str]:
        return []

    def batches(self, extras: Sequence[str]) -> Iterator[Batch]:
        """Yield all rows; ragged ones come as refused.

        Raises
        ------
        FileRefused
            When a quote stays open, a row is too long, or bytes do not decode.
        """
        columns = [name for name in (*self._expected, *extras) if name in self._names]
        last = 0
        with open_text(self._member, self._encoding) as stream:
            stream.read(self._header_size)
            block, size = b"", _BLOCK
            while True:
                read = stream.read(size)
                block += read
                at_end = len(read) < size
                cut, parsed = self._parse_rows(block, at_end)
                if parsed.is_whole:
                    batch = parsed.batch(columns, last)
                    last += parsed.records
                    yield batch
                    if at_end:
                        return
                    block, size = block[cut:], _BLOCK
                elif at_end:
                    opened = last + parsed.records
                    raise FileRefused(f"the quote that opens in data row {opened} is never closed")
                elif len(block) >= _MAX_ROW:
                    raise FileRefused(
                        f"after data row {last} comes a row longer than {_MAX_ROW >> 20} MB, "
                        "or many that are: is a quote left open there?"
                    )
                else:
                    size = len(block)

    def _parse_rows(self, block: bytes, at_end: bool) -> tuple[int, _Parsed]:
        """Parse the whole rows with which the block begins; return also where they end.

        A line end may be inside of quotes, which only parsing tells: then the one before it is
        tried. Where none of the last ones will do, what is returned is not whole.
        """
        if at_end:
            return len(block), self._parse(block)
        cut = len(block) + 1
        for _ in range(_TRIES):
            cut = _line_end(block, cut - 1)
            if cut == 0:
                break
            parsed = self._parse(memoryview(block)[:cut])
            if parsed.is_whole:
                return cut, parsed
        return 0, _Parsed(pa.table({}), [], is_whole=False)

    def _parse(self, rows: bytes | memoryview) -> _Parsed:
        # Not open_csv, which reads ahead in a thread of its own: a reader that is given up before
        # its end may then wait for itself for ever when the process ends (pyarrow 21).
        ragged: list[Any] = []

        def keep(row: Any) -> Literal["skip"]:
            ragged.append(row)
            return "skip"

        sentinel = [_SENTINEL] * len(self._names)
        # Arrow passes over a byte order mark, which may also be how the first value begins.
        end = self._delimiter.join(sentinel).encode()
        data = b"".join((codecs.BOM_UTF8, rows, b"\n", end, b"\n"))
        table = arrow_csv.read_csv(
            cast(IO[bytes], pa.BufferReader(data)),
            read_options=arrow_csv.ReadOptions(
                # In order, and with the numbers of ragged rows, which threads do not give.
                use_threads=False,
                block_size=len(data) + 1,
                column_names=self._names,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self._delimiter,
                newlines_in_values=True,
                invalid_row_handler=keep,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types={name: pa.string() for name in self._names},
                strings_can_be_null=False,
                check_utf8=False,  # TextStream has
            ),
        )
        is_whole = table.num_rows > 0 and _last_row(table) == sentinel
        return _Parsed(table.slice(0, table.num_rows - 1) if is_whole else table, ragged, is_whole)

    def _read_header(self, contract: Contract) -> tuple[str, list[str], int]:
        """Return the delimiter, the columns' names, and the bytes up to the first data row."""
        with open_text(self._member, self._encoding) as stream:
            head = stream.peek(_MAX_HEADER)
        text = head.decode(errors="ignore")
        pinned = contract.delimiter or ("\t" if contract.format == "tsv" else None)
        headers = {d: _header(text, d) for d in [pinned, *DELIMITERS] if d is not None}
        fitting = [d for d in headers if set(self._expected) <= set(map(snake, headers[d][0]))]
        hint = ""
        if pinned is None:
            # Of several that fit, the one that cuts most: the others leave delimiters in a name.
            delimiter = max(fitting or headers, key=lambda d: len(headers[d][0]))
        else:
            delimiter = pinned
            if fitting and pinned not in fitting:
                change = f"set delimiter = {fitting[0]!r}, or leave it out"
                if contract.delimiter is None:
                    change = 'set format = "auto"'
                hint = (
                    f"; the dataset asks for the delimiter {pinned!r}, but this header has "
                    f"{fitting[0]!r}: {change}"
                )
        fields, size = headers[delimiter]
        check_complete(fields, self._expected, hint)
        return delimiter, header_names(fields), size


def _header(text: str, delimiter: str) -> tuple[list[str], int]:
    """Return the fields of the first line that is not blank, and the bytes up to its end."""
    lines = list(itertools.islice(io.StringIO(text, newline=""), _MAX_HEADER_LINES))
    parser = csv.reader(lines, delimiter=delimiter)
    try:
        for fields in parser:
            if any(field.strip() for field in fields):
                return fields, len("".join(lines[: parser.line_num]).encode())
    except csv.Error as error:
        raise FileRefused(f"the header cannot be read: {error}") from error
    raise FileRefused("the file has only blank lines")


def _line_end(block: bytes, end: int) -> int:
    """Return the position after the last line end before `end`; 0 when there is none."""
    found = block.rfind(b"\n", 0, end)
    if found < 0:
        found = block.rfind(b"\r", 0, end)
    return found + 1


def _last_row(table: pa.Table) -> list[str | None]:
    return [column[-1].as_py() for column in table.columns]


@dataclass(frozen=True)
class _Parsed:
    """Rows as they were parsed; not whole when the last one swallowed what came after it."""

    good: pa.Table
    ragged: list[Any]
    is_whole: bool

    @property
    def records(self) -> int:
        return self.good.num_rows + len(self.ragged)

    def batch(self, columns: Sequence[str], before: int) -> Batch:
        """Return the rows with their numbers in the file, of which `before` came before."""
        pieces: list[pa.Int64Array] = []
        refused: list[RefusedRow] = []
        first = before + 1
        for row in self.ragged:
            number = before + row.number
            pieces.append(row_numbers(first, number))
            first = number + 1
            reason = f"{row.actual_columns} fields where the header has {row.expected_columns}"
            refused.append(RefusedRow(number, reason, row.text))
        pieces.append(row_numbers(first, before + self.records + 1))
        # Unlike a column's, a table's copies nothing where there is one chunk.
        good = self.good.combine_chunks()
        values = {name: cast("pa.Array[Any]", good.column(name).chunk(0)) for name in columns}
        return Batch(values, pa.concat_arrays(pieces), refused)
