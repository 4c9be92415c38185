"""From one file, as it was dropped, to one Parquet file for raw/."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from medallion.contract.contract import Contract
from medallion.errors import AccountingError, FileRefused
from medallion.lake.local_disk import ParquetWriter
from medallion.readers.archives import PARQUET, Member, members, naming, unpack
from medallion.readers.column_names import listed
from medallion.readers.delimited import DelimitedReader
from medallion.readers.json_text import JsonReader, looks_like_json
from medallion.readers.parquet_files import ParquetReader
from medallion.readers.rows import Batch, Reader, RefusedRow
from medallion.readers.text_stream import open_text

logger = logging.getLogger(__name__)

_PROGRESS_SECONDS = 10
_HEAD = 1 << 12
_REFUSED_TYPES: dict[str, pa.DataType] = {
    "_source_file": pa.string(),
    "_source_row": pa.int64(),
    "_reason": pa.string(),
    "_line": pa.string(),
}
_REFUSED_SCHEMA = pa.schema(_REFUSED_TYPES)


@dataclass
class RawObject:
    """What a file has become; `refused` is the Parquet file of refused rows, if there are any."""

    path: Path
    refused: Path | None = None
    # What the readers say of how they read it, and the short names that count it.
    formats: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    compression: str | None = None
    rows_in: int = 0
    rows_out: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)

    @property
    def rows_refused(self) -> int:
        """How many rows could not be read."""
        return sum(self.reasons.values())


@dataclass(frozen=True)
class _Source:
    """A file or a member of a zip: what `_source_file` says of it, and how it is read."""

    file: str
    member: Member
    reader: Reader


def build(path: Path, source_file: str, contract: Contract, directory: Path) -> RawObject:
    """Read a local file and write its rows, as the contract says, to Parquet in `directory`.

    Parameters
    ----------
    path
        The file; its content decides how it is read, not its name.
    source_file
        What `_source_file` says; for a member of a zip, `#member` is added.
    directory
        Where temporary files may be written; the caller removes it.

    Raises
    ------
    FileRefused
        When the file cannot be read, or has no row; its reason is written for whoever sent it.
    DiskFull
        When there is no room on the disk.
    """
    sources: list[_Source] = []
    warnings: list[str] = []
    extras: set[str] = set()
    for number, member in enumerate(members(path)):
        with naming(member):
            if member.name and _is_empty(member):
                warnings.append(f"zip member {member.name!r} is empty")
                continue
            name = f"{source_file}#{member.name}" if member.name else source_file
            reader = _reader(member, contract, directory / f"member-{number}")
            extras |= reader.extras()
            sources.append(_Source(name, member, reader))
    if not sources:
        raise FileRefused("all files in the zip are empty")
    while True:
        # New keys may show anywhere in JSON: when one comes late, the file is read once more.
        raw, unknown = _write(sources, contract, sorted(extras), directory)
        if not unknown:
            break
        extras |= unknown
    _check_rows(raw)
    if extras:
        warnings.append(f"not in the contract, kept as text: {listed(sorted(extras))}")
    for source in sources:
        label = f"{source.member.name}: " if len(sources) > 1 else ""
        warnings.extend(f"{label}{warning}" for warning in source.reader.warnings())
    raw.warnings = warnings
    raw.formats = sorted({source.reader.format for source in sources})
    raw.kinds = sorted({source.reader.kind for source in sources})
    raw.compression = _compression(sources[0].member)
    return raw


def _reader(member: Member, contract: Contract, scratch: Path) -> Reader:
    with member.open() as stream:
        head = stream.read(len(PARQUET))
    if not head:
        raise FileRefused("the file is empty")
    is_parquet = head == PARQUET
    if contract.format == "parquet":
        if not is_parquet:
            raise FileRefused(
                'the content is not Parquet, but the dataset has format = "parquet": drop Parquet '
                'files, or set format = "auto" for CSV and JSON'
            )
        return ParquetReader(member.path or unpack(member, scratch), contract)
    if is_parquet:
        raise FileRefused(
            f'the content is Parquet, but the dataset has format = "{contract.format}", which is '
            'for text: set format = "parquet", or drop CSV or JSON'
        )
    if contract.format in ("json", "ndjson"):
        return JsonReader(member, contract)
    with open_text(member, contract.encoding) as text:
        is_json = looks_like_json(text.peek(_HEAD))
    if is_json and contract.format == "auto":
        return JsonReader(member, contract)
    try:
        return DelimitedReader(member, contract)
    except FileRefused as error:
        if is_json:
            raise FileRefused(
                f'the content is JSON, but the dataset has format = "{contract.format}": set '
                'format = "auto", or drop delimited text'
            ) from error
        raise


def _write(
    sources: Sequence[_Source], contract: Contract, extras: Sequence[str], directory: Path
) -> tuple[RawObject, set[str]]:
    """Write all rows with these extra columns; return also the columns that came up besides."""
    text_only = contract.format != "parquet"
    types: dict[str, pa.DataType] = {
        **{c.name: pa.string() if text_only else c.type.arrow for c in contract.columns},
        **{name: pa.string() for name in extras},
        "_source_file": pa.string(),
        "_source_row": pa.int64(),
    }
    schema = pa.schema(types)
    raw = RawObject(directory / "raw.parquet")
    refused_path = directory / "refused.parquet"
    unknown: set[str] = set()
    progress = _Progress()
    with (
        ThreadPoolExecutor(1) as ahead,
        ParquetWriter(raw.path, schema, ahead=ahead) as writer,
        ParquetWriter(refused_path, _REFUSED_SCHEMA) as refused_writer,
    ):
        for source in sources:
            last = 0
            with naming(source.member):
                for batch in source.reader.batches(extras):
                    unknown |= batch.unknown
                    last = max(last, batch.last_row)
                    raw.rows_out += len(batch.rows)
                    raw.reasons.update(row.reason for row in batch.refused)
                    progress.show(source.file, raw)
                    if not unknown:
                        writer.write(_table(batch, source.file, schema))
                        refused_writer.write(_refused_table(batch.refused, source.file))
            raw.rows_in += last
    raw.refused = refused_path if raw.reasons else None
    if not unknown and writer.rows != raw.rows_out:
        raise AccountingError(f"{raw.rows_out} rows were read, but {writer.rows} written")
    return raw, unknown


def _table(batch: Batch, source_file: str, schema: pa.Schema) -> pa.Table:
    count = len(batch.rows)
    columns = {
        **batch.columns,
        "_source_file": pa.repeat(pa.scalar(source_file, pa.string()), count),
        "_source_row": batch.rows,
    }
    # A member of a zip may lack a column that another one has.
    arrays = [
        columns[column.name] if column.name in columns else pa.nulls(count, column.type)
        for column in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _refused_table(rows: Sequence[RefusedRow], source_file: str) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "_source_file": source_file,
                "_source_row": row.row,
                "_reason": f"row {row.row}: {row.reason}",
                "_line": row.line,
            }
            for row in rows
        ],
        schema=_REFUSED_SCHEMA,
    )


def _check_rows(raw: RawObject) -> None:
    if raw.rows_in != raw.rows_out + raw.rows_refused:
        raise AccountingError(
            f"{raw.rows_in} rows came in, but {raw.rows_out} went out "
            f"and {raw.rows_refused} were refused"
        )
    if raw.rows_in == 0:
        raise FileRefused("the file has no data rows")
    if raw.rows_out == 0:
        reason, times = raw.reasons.most_common(1)[0]
        raise FileRefused(
            f"none of the {raw.rows_in:,} rows can be read; most often ({times:,}): {reason}"
        )


def _compression(member: Member) -> str | None:
    if member.name:
        return "zip"
    return None if member.path else "gz"


def _is_empty(member: Member) -> bool:
    with member.open() as stream:
        return not stream.read(1)


class _Progress:
    """Says every few seconds how far a long file has come."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _PROGRESS_SECONDS

    def show(self, source_file: str, raw: RawObject) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _PROGRESS_SECONDS
            logger.info(
                "reading %s: %s rows so far, %s refused",
                source_file,
                f"{raw.rows_out:,}",
                f"{raw.rows_refused:,}",
            )
