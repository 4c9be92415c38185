"""Parquet files: read as the contract's types, or refused whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import simplejson

from medallion.contract.contract import Column, Contract
from medallion.errors import FileRefused
from medallion.readers.archives import PARQUET
from medallion.readers.column_names import check_complete, header_names
from medallion.readers.rows import Batch, row_numbers

_BATCH_ROWS = 65_536
_BUFFER = 1 << 20
# Arrow gives int96 moments before 1970 a negative time of day, and reads it back without the sign:
# from 1677 to 1970 become these 292 years. Nothing else in the file tells the two apart.
_INT96_DOUBTFUL = (datetime(2262, 4, 11), datetime(2554, 7, 22))


class ParquetReader:
    """Reads one Parquet file on the local disk."""

    format = kind = "parquet"

    def __init__(self, path: Path, contract: Contract) -> None:
        self._path = path
        self._columns = contract.columns
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - len(PARQUET)))
            if file.read() != PARQUET:
                raise FileRefused(
                    "the Parquet file is cut off (its footer is missing): send it again"
                )
        with _refusing(), self._open() as file:
            schema = file.schema_arrow
            self._written = schema.names
            self._doubtful = _doubtful_columns(file)
        self._names = header_names(self._written)
        expected = [column.name for column in contract.columns]
        check_complete(self._names, expected)
        self._extras = set(self._names) - set(expected)
        types = dict(zip(self._names, schema.types))
        for column in contract.columns:
            _check_readable(column, types[column.name])

    def extras(self) -> set[str]:
        return set(self._extras)

    def warnings(self) -> list[str]:
        return []

    def batches(self, extras: Sequence[str]) -> Iterator[Batch]:
        """Yield all rows in the contract's types, `extras` as text.

        Raises
        ------
        FileRefused
            When a value cannot be had in the contract's type without loss, or data is damaged.
        """
        last = 0
        with _refusing(), self._open() as file:
            for parsed in file.iter_batches(_BATCH_ROWS):
                found = dict(zip(self._names, parsed.columns))
                for name, values in zip(self._written, parsed.columns):
                    _check_values(name, values, last, doubtful=name in self._doubtful)
                columns = {
                    column.name: _cast(column, found[column.name], last) for column in self._columns
                }
                columns.update({name: _text(found[name]) for name in extras if name in found})
                rows = row_numbers(last + 1, last + 1 + parsed.num_rows)
                last += parsed.num_rows
                yield Batch(columns, rows)

    def _open(self) -> pq.ParquetFile:
        # A buffer and no look-ahead: a row group may be larger than the memory of the job.
        return pq.ParquetFile(
            self._path,
            buffer_size=_BUFFER,
            pre_buffer=False,
            # As nanoseconds, dates before 1677 and after 2262 would turn into others.
            coerce_int96_timestamp_unit="us",
        )


def _check_readable(column: Column, found: pa.DataType) -> None:
    """Raise FileRefused unless values of type `found` can be the contract's without loss."""
    value = found.value_type if pa.types.is_dictionary(found) else found
    is_ = pa.types
    integer = is_.is_integer(value)
    readable = {
        "string": is_.is_string(value) or is_.is_large_string(value) or is_.is_string_view(value),
        "boolean": is_.is_boolean(value),
        "int": integer or is_.is_floating(value) or is_.is_decimal(value),
        "bigint": integer or is_.is_floating(value) or is_.is_decimal(value),
        "double": integer or is_.is_floating(value),
        "date": is_.is_date(value),
        "timestamp": is_.is_timestamp(value) or is_.is_date(value),
        "decimal": integer or is_.is_decimal(value),
    }[column.type.base]
    if not (readable or is_.is_null(value)):
        raise FileRefused(
            f"column {column.name!r} is {value} in the file, which cannot be read as "
            f"{column.type.with_article}: write it as that type, or change the dataset's column"
        )


def _doubtful_columns(file: pq.ParquetFile) -> set[str]:
    """Return the int96 columns of a file that Arrow has written."""
    if not file.metadata.created_by.startswith("parquet-cpp"):
        return set()
    leaves = [file.schema.column(n) for n in range(len(file.schema.names))]
    return {leaf.path for leaf in leaves if leaf.physical_type == "INT96"}


def _check_values(name: str, values: pa.Array[Any], before: int, *, doubtful: bool) -> None:
    """Raise FileRefused when values are not what their type promises, or may be other ones."""
    rows = f"in rows {before + 1} to {before + len(values)}"
    try:
        # Else a text that is not UTF-8 would go to raw/, where no engine reads its column.
        values.validate(full=True)
    except pa.ArrowInvalid as error:
        raise FileRefused(
            f"column {name!r} has a broken value {rows} ({error}): write the file again"
        ) from error
    if doubtful:
        first, end = (pa.scalar(moment, pa.timestamp("us")) for moment in _INT96_DOUBTFUL)
        late = pc.and_(pc.greater_equal(values, first), pc.less(values, end))
        if pc.any(late).as_py():
            raise FileRefused(
                f"column {name!r} is int96 and has a moment {rows} that is either before 1970 or "
                "after 2262, which such files of Arrow do not tell apart: write it as "
                "timestamp[us], without use_deprecated_int96_timestamps"
            )


def _cast(column: Column, values: pa.Array[Any], before: int) -> pa.Array[Any]:
    if isinstance(values, pa.DictionaryArray):
        values = values.dictionary_decode()
    target, found = column.type.arrow, values.type
    try:
        if pa.types.is_integer(values.type) and pa.types.is_decimal(target):
            # Arrow asks for room for all integers of the type; what counts is the values.
            values = values.cast(pa.decimal128(38, target.scale))
        # Safe casts only: they refuse overflow, fractions, and nanoseconds that would be cut.
        return values.cast(target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise FileRefused(
            f"column {column.name!r} is {found} in the file and has a value in rows "
            f"{before + 1} to {before + len(values)} that is not {column.type.with_article} "
            f"without loss ({error})"
        ) from error


def _text(values: pa.Array[Any]) -> pa.Array[Any]:
    """Return the values of a column that the contract does not know as text; bytes become hex."""
    if isinstance(values, pa.DictionaryArray):
        values = values.dictionary_decode()
    if not (pa.types.is_nested(values.type) or _is_bytes(values.type)):
        return values.cast(pa.string())
    spelled: pa.Array[Any] = values.cast(_with_spelled_times(values.type))
    return pa.array([_json(value) for value in spelled.to_pylist()], pa.string())


def _is_bytes(kind: pa.DataType) -> bool:
    is_ = pa.types
    return is_.is_binary(kind) or is_.is_large_binary(kind) or is_.is_fixed_size_binary(kind)


def _with_spelled_times(kind: pa.DataType) -> pa.DataType:
    """Return the type with texts for times, since Python has neither nanoseconds nor all years."""
    if pa.types.is_temporal(kind):
        return pa.string()
    if isinstance(kind, pa.MapType):
        return pa.map_(_with_spelled_times(kind.key_type), _with_spelled_times(kind.item_type))
    if isinstance(kind, (pa.ListType, pa.LargeListType, pa.FixedSizeListType)):
        return pa.list_(_with_spelled_times(kind.value_type))
    if isinstance(kind, pa.StructType):
        return pa.struct([field.with_type(_with_spelled_times(field.type)) for field in kind])
    return kind


def _json(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        return value.hex()
    # Without an encoding bytes are not taken for text, and go to _plain.
    return simplejson.dumps(
        value, default=_plain, encoding=None, ensure_ascii=False, allow_nan=True
    )


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what pyarrow says of damaged data into FileRefused; a failing disk stays what it is."""
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise FileRefused(f"the Parquet file is damaged: {error}") from error
