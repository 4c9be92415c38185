"""JSON of every layout: numbers keep their text, bad records are kept apart."""

from __future__ import annotations

import io
import json

import pandas as pd
import pyarrow.parquet as pq
import pytest

from medallion.errors import FileRefused
from tests.unit.files import Read

RECORDS = """[
  {"id": 1.50, "name": "Größe", "ok": true, "list": [1.0, {"z": 1e5, "a": null}]},
  {"id": 12345678901234567890123, "name": null, "Arr Delay": -0.0},
  {"id": "007", "name": "\\u00e9\\ud83d\\ude00\\n", "ok": false, "list": {}}
]"""


@pytest.mark.parametrize("layout", ["array", "lines", "objects"])
def test_json__values_keep_their_text(layout: str, read: Read) -> None:
    texts = [line.strip().rstrip(",") for line in RECORDS.splitlines()[1:-1]]
    data = {
        "array": RECORDS,
        "lines": "\n\n".join(texts),
        "objects": "\n".join(text.replace(", ", ",\n  ") for text in texts),
    }[layout]
    raw, rows = read(data.encode())
    assert rows["id"].tolist() == ["1.50", "12345678901234567890123", "007"]
    assert rows["name"].tolist() == ["Größe", pd.NA, "é😀\n"]
    assert rows["ok"].tolist() == ["true", pd.NA, "false"]
    assert rows["arr_delay"].tolist() == [pd.NA, "-0.0", pd.NA]
    assert rows["list"].tolist() == ['[1.0,{"z":1e5,"a":null}]', pd.NA, "{}"]
    assert rows["_source_row"].tolist() == [1, 2, 3]
    assert raw.formats == ["ndjson" if layout == "lines" else "json"]


BAD_RECORDS = {
    '{"id": NaN}': "NaN is not a JSON value",
    '{"id": -Infinity}': "-Infinity is not a JSON value",
    '{"id": [1, {"a": NaN}]}': "NaN is not a JSON value",
    '{"id": 1, "id": 2}': "the key 'id' appears twice",
    '{"id": 1, "x": {"k": 1, "k": 2}}': "the key 'k' appears twice",
    '{"id": 1, "someKey": 2, "some key": 3}': "two keys of the record become 'some_key'",
    "[1]": "the record is an array, not an object",
    "1": "the record is a number, not an object",
    '"x"': "the record is a text, not an object",
    "null": "the record is null, not an object",
    '{"id": "\\ud800"}': "half of a character",
    '{"id": 1, "x": ["\\udc00"]}': "half of a character",
}
BROKEN_LINES = {
    '{"id": 1': "not valid JSON",
    '{"id": 1} {"id": 2}': "more text after the record",
    '{"id": "a\tb"}': "not valid JSON: Invalid control character",
    "{'id': 1}": "not valid JSON",
    "[" * 100_000: "nested too deep",
}


@pytest.mark.parametrize("layout", ["array", "lines"])
def test_json__bad_records_are_kept_apart(layout: str, read: Read) -> None:
    bad = {**BAD_RECORDS, **(BROKEN_LINES if layout == "lines" else {})}
    records = ['{"id": 1}', *bad, '{"id": 2}']
    data = "\n".join(records) if layout == "lines" else f"[{','.join(records)}]"
    raw, rows = read(data.encode(), "id")
    assert rows["id"].tolist() == ["1", "2"]
    assert rows["_source_row"].tolist() == [1, len(records)]
    assert raw.refused is not None
    refused = pq.read_table(raw.refused).to_pylist()
    assert [row["_line"] for row in refused] == list(bad)
    for row, reason in zip(refused, bad.values(), strict=True):
        assert row["_reason"].startswith(f"row {row['_source_row']}: ")
        assert reason in row["_reason"]


def test_json__first_line_bad_costs_one_row(read: Read) -> None:
    raw, rows = read(b'{"id": tru}\n{"id": 2}\n', format="ndjson")
    assert rows["id"].tolist() == ["2"]
    assert raw.rows_refused == 1


def test_json__key_that_comes_late_is_a_column(read: Read) -> None:
    records = [{"id": n} for n in range(25_000)]
    records[24_999] = {"id": 24_999, "late": 5}
    raw, rows = read("\n".join(map(json.dumps, records)).encode())
    assert rows["late"].dropna().tolist() == ["5"]
    assert len(rows) == 25_000
    assert "no record has 'name': null in every row" in raw.warnings


def test_json__keys_that_are_data(read: Read) -> None:
    data = json.dumps({"id": 1, **{f"user {n}": n for n in range(3000)}})
    with pytest.raises(FileRefused, match="more than 2,000 different keys"):
        read(data.encode())


def test_json__large_array_on_one_line_agrees_with_pandas(read: Read) -> None:
    records = [{"id": n, "name": f"name {n} é " + "x" * (n % 50)} for n in range(60_000)]
    data = json.dumps(records, ensure_ascii=False).encode()
    assert len(data) > 3 << 20
    _, rows = read(data)
    oracle = pd.read_json(io.BytesIO(data), dtype=False)
    assert rows["id"].astype(int).tolist() == oracle["id"].tolist()
    assert rows["name"].tolist() == oracle["name"].tolist()


def test_json__numbers_across_the_end_of_a_block(read: Read) -> None:
    with pytest.raises(FileRefused, match=r"none of the 130,000 rows.*a number, not an object"):
        read(json.dumps([1234567] * 130_000).encode())


def test_json__record_longer_than_a_block(read: Read) -> None:
    data = json.dumps([{"id": 1, "name": "x" * 5_000_000}, {"id": 2, "name": 2}])
    _, rows = read(data.encode())
    assert rows["name"].str.len().tolist() == [5_000_000, 1]


def test_json__record_too_long(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medallion.readers.json_records._MAX_RECORD", 2 << 20)
    with pytest.raises(FileRefused, match="JSON record 2 is longer than 2 MB"):
        read(json.dumps([{"id": 1}, {"id": "x" * (9 << 20)}]).encode())
