"""Bad files, and the words with which they are refused."""

from __future__ import annotations

import bz2
import gzip
from typing import Any

import pyarrow as pa
import pytest

from medallion.errors import FileRefused
from tests.unit.files import Read, parquet_of, zip_of


def encrypted_zip() -> bytes:
    data = bytearray(zip_of(**{"a.csv": "id,name\n1,x\n"}))
    central = data.index(b"PK\x01\x02")
    data[6] |= 1
    data[central + 8] |= 1
    return bytes(data)


def damaged_zip() -> bytes:
    data = bytearray(zip_of(**{"a.csv": "id,name\n" + "1,x\n" * 50}))
    start = data.index(b"a.csv") + len(b"a.csv")
    data[start + 8] ^= 0xFF
    return bytes(data)


def misplaced_zip() -> bytes:
    """A zip whose end says that its list of members is further on than it is."""
    data = bytearray(zip_of(**{"a.csv": "id,name\n1,x\n"}))
    end = data.index(b"PK\x05\x06")
    data[end + 16] += 1
    return bytes(data)


def nameless_zip() -> bytes:
    """A zip with a member whose name ends where it begins."""
    return zip_of(ZZZZ="id,name\n1,x\n").replace(b"ZZZZ", b"\0ZZZ")


BIG_GZIP = gzip.compress("".join(f"{n},{n * 7919}\n" for n in range(20_000)).encode())

NO_UTF_8 = pa.array([b"\xff"], pa.binary()).view(pa.string())
NESTED_NO_UTF_8 = pa.StructArray.from_arrays([NO_UTF_8], ["text"])

REFUSED: dict[str, tuple[bytes, dict[str, Any], list[str]]] = {
    "empty": (b"", {}, ["empty"]),
    "empty gzip": (gzip.compress(b""), {}, ["the file is empty"]),
    "blank lines": (b"\n \n\n", {}, ["only blank lines"]),
    "header only": (b"id,name\n", {}, ["no data rows"]),
    "byte order mark only": (b"\xef\xbb\xbf", {}, ["only blank lines"]),
    "every row ragged": (
        b"id,name\n1\n2,x,y\n3\n",
        {},
        ["none of the 3 rows", "1 fields where the header has 2"],
    ),
    "wrong pinned delimiter": (
        b"id;name\n1;x\n",
        {"delimiter": ","},
        ["missing columns 'id', 'name'", "found 'id;name'", "set delimiter = ';'"],
    ),
    "comma in a tsv dataset": (b"id,name\n1,x\n", {"format": "tsv"}, ["','", 'format = "auto"']),
    "Latin-1": (
        "id,name\n1,Café\n".encode("latin-1"),
        {},
        ["byte 0xe9 at offset 13 (line 2)", "Café", 'encoding = "latin-1"'],
    ),
    "cp1252": ("id,name\n1,5 €\n".encode("cp1252"), {}, ['encoding = "cp1252"']),
    "UTF-8 cut within a character": ("id,name\n1,é".encode()[:-1], {}, ["offset 10", "line 2"]),
    "UTF-16 without a mark": (
        "id,name\n1,x\n".encode("utf-16-le"),
        {},
        ["without a byte order mark", 'encoding = "utf-16-le"'],
    ),
    "UTF-16 without a mark, pinned as UTF-16": (
        "id,name\n1,x\n".encode("utf-16-le"),
        {"encoding": "utf-16"},
        ["no byte order mark", 'encoding = "utf-16-le" (or -be)'],
    ),
    "UTF-16 with half a character": (
        b"\xff\xfe" + "id,name\n1,".encode("utf-16-le") + b"\x00\xd8",
        {},
        ["offset 22 (line 2) is not utf-16-le", "set the dataset's encoding"],
    ),
    "NUL": (b"id,name\n1,a\0b\n", {}, ["line 2", "NUL character"]),
    "open quote": (b'id,name\n1,x\n2,"y\n3,z\n', {}, ["quote", "data row 2", "never closed"]),
    "open quote at the end": (b'id,name\n1,x\n2,"', {}, ["data row 2", "never closed"]),
    "column missing": (
        b"id,nom\n1,x\n",
        {},
        ["missing column 'name'", "found 'id', 'nom'", "expected 'id', 'name'"],
    ),
    "column twice": (b"id,name,name\n1,x,y\n", {}, ["'name' appears 2 times"]),
    "columns that collide": (
        b"id,name,Some Key,someKey\n1,x,y,z\n",
        {},
        ["'Some Key', 'someKey'", "'some_key'"],
    ),
    "reserved column": (b"id,name,Ingest Date\n1,x,y\n", {}, ["'Ingest Date'", "reserved"]),
    "column that DuckDB has itself": (b"id,name,File Index\n1,x,7\n", {}, ["'File Index'"]),
    "reserved column as it is": (
        b"id,name,_source_row\n1,x,y\n",
        {},
        ["'_source_row'", "reserved"],
    ),
    "truncated gzip": (BIG_GZIP[:-30], {}, ["broken or cut off"]),
    "damaged gzip": (BIG_GZIP[:200] + b"xxxx" + BIG_GZIP[204:], {}, ["broken or cut off"]),
    "gzip with a tail": (gzip.compress(b"id,name\n1,x\n") + b"tail", {}, ["broken or cut off"]),
    "zip cut off": (zip_of(**{"a.csv": "id,name\n1,x\n"})[:-30], {}, ["zip is broken or cut off"]),
    "zip with damaged data": (damaged_zip(), {}, ["zip member 'a.csv'", "broken or cut off"]),
    "zip with a broken offset": (
        misplaced_zip(),
        {},
        ["zip member 'a.csv': it cannot be unpacked", "send the zip again"],
    ),
    "zip with a member without a name": (nameless_zip(), {}, ["without a name"]),
    "zip without members": (zip_of(), {}, ["no data file"]),
    "zip with junk only": (
        zip_of(**{"__MACOSX/a.csv": "x", ".DS_Store": "x"}),
        {},
        ["no data file"],
    ),
    "zip with empty members": (zip_of(**{"a.csv": "", "b.csv": ""}), {}, ["all files in the zip"]),
    "zip that climbs out": (
        zip_of(**{"a.csv": "id,name\n1,x\n", "../../b.csv": "id,name\n2,y\n"}),
        {},
        ["'../../b.csv'", "leads out of the archive"],
    ),
    "zip with an absolute path": (zip_of(**{"/etc/b.csv": "id,name\n2,y\n"}), {}, ["'/etc/b.csv'"]),
    "zip with a drive": (zip_of(**{"C:\\b.csv": "id,name\n2,y\n"}), {}, ["leads out"]),
    "encrypted zip": (encrypted_zip(), {}, ["'a.csv' is encrypted", "without a password"]),
    "zip in a zip": (
        zip_of(**{"inner.zip": zip_of(**{"a.csv": "id,name\n1,x\n"})}),
        {},
        ["'inner.zip'", "archive inside an archive"],
    ),
    "gzip in a gzip": (gzip.compress(gzip.compress(b"id,name\n1,x\n")), {}, ["inside an archive"]),
    "zip with one bad member": (
        zip_of(**{"a.csv": "id,name\n1,x\n", "b.csv": "id\n1\n"}),
        {},
        ["zip member 'b.csv': missing column 'name'"],
    ),
    "Excel": (
        zip_of(**{"[Content_Types].xml": "<x/>"}),
        {},
        ["Office document", "export it as CSV"],
    ),
    "bzip2": (bz2.compress(b"id,name\n1,x\n"), {}, ["bzip2", ".gz or as .zip"]),
    "tar": (b"\0" * 257 + b"ustar" + b"\0" * 300, {}, ["tar archive"]),
    "Parquet in a text dataset": (
        parquet_of(pa.table({"id": ["1"], "name": ["x"]})),
        {},
        ["content is Parquet", 'set format = "parquet"'],
    ),
    "CSV in a Parquet dataset": (
        b"id,name\n1,x\n",
        {"format": "parquet"},
        ["content is not Parquet", 'set format = "auto"'],
    ),
    "Parquet without its footer": (
        parquet_of(pa.table({"id": ["1"], "name": ["x"]}))[:-20],
        {"format": "parquet"},
        ["cut off", "footer"],
    ),
    "Parquet with a text that is no UTF-8": (
        parquet_of(pa.table({"id": ["1"], "name": NO_UTF_8})),
        {"format": "parquet"},
        ["column 'name' has a broken value in rows 1 to 1", "Invalid UTF8"],
    ),
    "Parquet with a nested text that is no UTF-8": (
        parquet_of(pa.table({"id": ["1"], "name": ["x"], "more": NESTED_NO_UTF_8})),
        {"format": "parquet"},
        ["column 'more' has a broken value in rows 1 to 1", "Invalid UTF8"],
    ),
    "Parquet with a column whose name is no UTF-8": (
        parquet_of(pa.table({"id": ["1"], "name": ["x"], "ZZ": ["y"]})).replace(b"ZZ", b"Z\xff"),
        {"format": "parquet"},
        ["the Parquet file is damaged", "can't decode byte 0xff"],
    ),
    "Parquet without rows": (
        parquet_of(pa.table({"id": pa.array([], pa.string()), "name": pa.array([], pa.string())})),
        {"format": "parquet"},
        ["no data rows"],
    ),
    "JSON in a CSV dataset": (
        b'[{"id": 1}]',
        {"format": "csv"},
        ["content is JSON", 'format = "csv"', 'format = "auto"'],
    ),
    "CSV in a JSON dataset": (
        b"id,name\n1,x\n",
        {"format": "ndjson"},
        ["not JSON", "begins with 'id,name'", 'format = "ndjson"'],
    ),
    "array in an NDJSON dataset": (b'[{"id": 1}]', {"format": "ndjson"}, ["content is json"]),
    "NDJSON in a JSON dataset": (
        b'{"id": 1}\n{"id": 2}\n',
        {"format": "json"},
        ["content is ndjson", 'set format = "ndjson"'],
    ),
    "array cut off after a record": (b'[{"id": 1}', {}, ["cut off after record 1"]),
    "array cut off within a record": (b'[{"id": 1}, {"id": 2', {}, ["record 2", "cut off"]),
    "array cut off after a comma": (b'[{"id": 1},', {}, ["cut off", "record 2"]),
    "array with a broken record": (
        b'[{"id": 1}, {"id": tru}, {"id": 3}]',
        {},
        ["JSON record 2 is broken at character 20", "Expecting value"],
    ),
    "array without a comma": (b'[{"id": 1} {"id": 2}]', {}, ["after JSON record 1 comes '{'"]),
    "array with a comma too many": (b'[{"id": 1},]', {}, ["record 2"]),
    "array with a tail": (b'[{"id": 1}] []', {}, ["after the end of the JSON array"]),
    "array without records": (b"[ ]", {}, ["no data rows"]),
    "JSON of other columns": (b'{"x": 1}\n', {}, ["no record has a column", "found 'x'"]),
    "JSON that is nested too deep": (b"[" * 200_000, {}, ["nested too deep"]),
    "JSON with a reserved key": (b'{"id": 1, "_source_file": 2}\n', {}, ["reserved"]),
    "JSON with a key of no letters": ('{"id": 1, "日本": 2}\n'.encode(), {}, ["'日本'", "latin"]),
    "every JSON line bad": (b'{"id": \n{"id": \n', {}, ["none of the 2 rows", "not valid JSON"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_file__refused_with_a_reason(case: str, read: Read) -> None:
    data, settings, words = REFUSED[case]
    with pytest.raises(FileRefused) as refused:
        read(data, **settings)
    for word in words:
        assert word in refused.value.reason
    assert len(refused.value.reason) < 1000
