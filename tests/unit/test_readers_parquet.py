"""Parquet: the contract's types without loss, or not at all."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import struct
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medallion.errors import FileRefused
from tests.unit.files import Read, parquet_of, zip_of

TYPES: list[dict[str, Any]] = [
    {"name": "text", "type": "string"},
    {"name": "flag", "type": "boolean"},
    {"name": "small", "type": "int"},
    {"name": "big", "type": "bigint"},
    {"name": "real", "type": "double"},
    {"name": "day", "type": "date"},
    {"name": "moment", "type": "timestamp"},
    {"name": "money", "type": "decimal(10,2)"},
]
MOMENT = dt.datetime(2013, 1, 1, 5, 17, 0, 123456)
SOURCE: dict[str, pa.Array[Any]] = {
    "Text": pa.array(["a", None]).dictionary_encode(),
    "flag": pa.array([True, None]),
    "small": pa.array([7.0, None], pa.float64()),
    "big": pa.array([2**40, None], pa.uint64()),
    "real": pa.array([3, None], pa.int32()),
    "day": pa.array([dt.date(2013, 1, 1), None]),
    "moment": pa.array([MOMENT, None], pa.timestamp("ns", "UTC")),
    "money": pa.array([12, None], pa.int64()),
}


def test_parquet__types_are_the_contracts(read: Read) -> None:
    extra = pa.array([[1, 2], None])
    data = parquet_of(pa.table({**SOURCE, "Extra List": extra, "blob": pa.array([b"\xff", None])}))
    raw, _ = read(data, *TYPES, format="parquet")
    table = pq.read_table(raw.path)
    types = {field.name: str(field.type) for field in table.schema}
    assert types == {
        "text": "string", "flag": "bool", "small": "int32", "big": "int64", "real": "double",
        "day": "date32[day]", "moment": "timestamp[us]", "money": "decimal128(10, 2)",
        "blob": "string", "extra_list": "string", "_source_file": "string", "_source_row": "int64",
    }  # fmt: skip
    first = table.to_pylist()[0]
    assert first["moment"] == MOMENT
    assert first["money"] == decimal.Decimal("12.00")
    assert (first["small"], first["big"], first["real"]) == (7, 2**40, 3.0)
    assert (first["extra_list"], first["blob"]) == ("[1, 2]", "ff")
    assert set(
        table.slice(1, 1).drop_columns(["_source_file", "_source_row"]).to_pylist()[0].values()
    ) == {None}


LOSSY: dict[str, tuple[str, pa.Array[Any], str]] = {
    "text for a number": ("big", pa.array(["7"]), "'big' is string in the file"),
    "number for a text": ("text", pa.array([7]), "'text' is int64 in the file"),
    "fraction": ("small", pa.array([1.5]), "not an int without loss"),
    "not a number": ("big", pa.array([float("nan")]), "not a bigint without loss"),
    "overflow": ("small", pa.array([2**40]), "not an int without loss"),
    "large number as double": ("real", pa.array([2**60 + 1]), "not a double without loss"),
    "decimal as double": ("real", pa.array([decimal.Decimal("1.1")]), "cannot be read as a double"),
    "moment for a day": ("day", pa.array([MOMENT]), "cannot be read as a date"),
    "nanoseconds": ("moment", pa.array([1], pa.timestamp("ns")), "not a timestamp without loss"),
    "scale": ("money", pa.array([decimal.Decimal("1.234")]), "not a decimal(10,2) without loss"),
    "precision": ("money", pa.array([10**9]), "not a decimal(10,2) without loss"),
    "nested": ("text", pa.array([["x"]]), "cannot be read as a string"),
    "number for a flag": ("flag", pa.array([1]), "cannot be read as a boolean"),
}  # fmt: skip


@pytest.mark.parametrize("case", LOSSY)
def test_parquet__lossy_type_is_refused(case: str, read: Read) -> None:
    name, values, words = LOSSY[case]
    columns = {key.lower(): array.slice(0, 1) for key, array in SOURCE.items()}
    columns[name] = values
    with pytest.raises(FileRefused) as refused:
        read(parquet_of(pa.table(columns)), *TYPES, format="parquet")
    assert words in refused.value.reason
    assert str(values.type).split("<")[0] in refused.value.reason


def test_parquet__int96_beyond_nanoseconds_and_many_row_groups(read: Read) -> None:
    moments = [dt.datetime(1500, 1, 1), dt.datetime(3000, 1, 1, 9, 30)] * 5
    table = pa.table({"moment": pa.array(moments, pa.timestamp("us"))})
    data = parquet_of(table, use_deprecated_int96_timestamps=True, row_group_size=3)
    _, rows = read(data, {"name": "moment", "type": "timestamp"}, format="parquet")
    assert rows["moment"].tolist() == moments
    assert rows["_source_row"].tolist() == list(range(1, 11))


def test_parquet__int96_of_spark(read: Read) -> None:
    """Spark floors to the day, so a time before 1970 has a positive time of day."""
    moments = [
        dt.datetime(1500, 3, 4, 5, 6, 7, 123456),
        dt.datetime(1969, 12, 31, 23, 59, 59, 999999),
        dt.datetime(1970, 1, 1),
        dt.datetime(2300, 1, 2, 3, 4, 5, 6),
        dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
    ]
    marks = [dt.datetime(2000, 1, 1 + day) for day in range(len(moments))]
    table = pa.table({"moment": pa.array(marks, pa.timestamp("us"))})
    data = parquet_of(
        table,
        use_deprecated_int96_timestamps=True,
        use_dictionary=False,
        write_statistics=False,
        compression="none",
    ).replace(b"parquet-cpp-arrow", b"parquet-mr-sparks")
    for mark, moment in zip(marks, moments, strict=True):
        assert data.count(_int96(mark)) == 1
        data = data.replace(_int96(mark), _int96(moment))
    _, rows = read(data, {"name": "moment", "type": "timestamp"}, format="parquet")
    assert rows["moment"].tolist() == moments


def _int96(moment: dt.datetime) -> bytes:
    """The nanoseconds of the day, and the Julian day."""
    since = moment - dt.datetime(1970, 1, 1)
    return struct.pack(
        "<qI", since.seconds * 10**9 + since.microseconds * 1000, since.days + 2440588
    )


@pytest.mark.parametrize("columns", [[{"name": "moment", "type": "timestamp"}], ["id"]])
def test_parquet__int96_of_arrow_before_1970_is_refused(columns: list[Any], read: Read) -> None:
    """1900 was read as 2484, since Arrow forgets the sign of what it wrote."""
    moments = pa.array([dt.datetime(1900, 1, 1, 0, 0, 0, 1)], pa.timestamp("us"))
    table = pa.table({"id": ["1"], "moment": moments})
    data = parquet_of(table, use_deprecated_int96_timestamps=True)
    with pytest.raises(FileRefused, match="'moment' is int96 and has a moment in rows 1 to 1 that"):
        read(data, *columns, format="parquet")


def test_parquet__columns_that_are_kept_as_text(read: Read) -> None:
    """Bytes were text or hex by what else was near them; nested times failed without pandas."""
    nested = pa.StructArray.from_arrays(
        [
            pa.array([1, 1001], pa.timestamp("ns")),
            pa.array([[1], None], pa.list_(pa.time64("ns"))),
            pa.array([{"b": b"ab"}, {"b": b"\xff"}]),
            pa.array([[("k", dt.date(2020, 1, 2))], []], pa.map_(pa.string(), pa.date32())),
        ],
        ["moment", "times", "bytes", "days"],
    )
    blob = pa.array([b"ab", b"cd"])
    far = pa.StructArray.from_arrays([pa.array([2**62, None], pa.timestamp("us"))], ["moment"])
    table = pa.table({"id": ["1", "2"], "nested": nested, "blob": blob, "far": far})
    _, rows = read(parquet_of(table), "id", format="parquet")
    assert rows["blob"].tolist() == ["6162", "6364"]
    assert [json.loads(text) for text in rows["nested"]] == [
        {
            "moment": "1970-01-01 00:00:00.000000001",
            "times": ["00:00:00.000000001"],
            "bytes": {"b": "6162"},
            "days": [["k", "2020-01-02"]],
        },
        {
            "moment": "1970-01-01 00:00:00.000001001",
            "times": None,
            "bytes": {"b": "ff"},
            "days": [],
        },
    ]
    assert str(2**62) in rows["far"][0]


def test_parquet__zipped(read: Read) -> None:
    data = zip_of(**{"a.parquet": parquet_of(pa.table({"id": ["1"]}))})
    _, rows = read(data, "id", format="parquet")
    assert rows["_source_file"].tolist() == ["incoming/things/file#a.parquet"]


def test_parquet__damaged_page(read: Read) -> None:
    data = bytearray(parquet_of(pa.table({"id": [str(n) for n in range(5000)]})))
    data[200:400] = bytes(200)
    with pytest.raises(FileRefused, match="the Parquet file is damaged"):
        read(bytes(data), "id", format="parquet")
