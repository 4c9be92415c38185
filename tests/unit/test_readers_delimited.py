"""CSV and its kin: every value as it was, ragged rows apart."""

from __future__ import annotations

import csv
import gzip
import io
import random
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from medallion.errors import FileRefused
from medallion.readers import archives, delimited
from medallion.readers.delimited import DelimitedReader
from tests.unit.files import MakeContract, Read

VALUES = ["1.50", "007", "1e5", "", " blank ", "NA", "null", "-0", "Größe", "a;b|c", "'x'", "1,5"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimited__text_is_kept_as_it_is(delimiter: str, read: Read) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(["Id", "Customer Name"])
    writer.writerows(enumerate(VALUES))
    data = buffer.getvalue().encode()
    raw, rows = read(data, "id", "customer_name")
    oracle = pd.read_csv(io.BytesIO(data), sep=delimiter, dtype=str, keep_default_na=False)
    assert rows["customer_name"].tolist() == oracle["Customer Name"].tolist() == VALUES
    assert rows["_source_row"].tolist() == list(range(1, len(VALUES) + 1))
    assert set(rows["_source_file"]) == {"incoming/things/file"}
    assert raw.refused is None


def test_delimited__short_ragged_rows_come_in_bounded_batches(
    tmp_path: Path, make_contract: MakeContract
) -> None:
    """A 30 MB file of nothing else took 1.3 GB, more than the smallest job has."""
    path = tmp_path / "file"
    path.write_bytes(b"id,name\n" + b"1,2,3\n" * 250_000)
    (member,) = archives.members(path)
    reader = DelimitedReader(member, make_contract("id", "name"))
    sizes = [len(batch.refused) for batch in reader.batches(())]
    assert sum(sizes) == 250_000
    assert max(sizes) < 200_000


def test_delimited__mark_at_the_start_of_a_block_is_kept(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arrow took U+FEFF off the first value of each block, and lost the row if that was all."""
    monkeypatch.setattr(delimited, "_BLOCK", 16)
    values = ["\ufeff", "\ufeffa", "a\ufeff"] * 20
    _, rows = read("\n".join(["id", *values]).encode(), "id", delimiter=",")
    assert rows["id"].tolist() == values


@pytest.mark.parametrize(
    ("encoding", "setting"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-8"),
        ("utf-32", "utf-8"),
        ("utf-16", "latin-1"),
        ("utf-16-be", "utf-16-be"),
        ("latin-1", "latin-1"),
        ("cp1252", "cp1252"),
        ("shift_jis", "shift_jis"),
    ],
)
def test_encoding__read(encoding: str, setting: str, read: Read) -> None:
    name = "日本" if encoding == "shift_jis" else "Café"
    # Longer than a block, so that characters lie across its end.
    lines = "".join(f"{n},{name} {n}\n" for n in range(120_000))
    _, rows = read(f"id,name\n{lines}".encode(encoding), encoding=setting)
    assert len(rows) == 120_000
    assert rows["name"].tolist() == [f"{name} {n}" for n in range(120_000)]


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_encoding__characters_across_the_end_of_a_block(shift: int, read: Read) -> None:
    names = [("日本語" * 100_000)[n:] for n in range(4)]
    lines = "".join(f"{n},{name}\n" for n, name in enumerate(names))
    _, rows = read(f"id,name{'x' * shift}\n{lines}".encode(), "id", f"name{'x' * shift}")
    assert rows[f"name{'x' * shift}"].tolist() == names


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("block", [97, 1000, 4 << 20])
def test_delimited__random_text_comes_back(
    block: int, line_end: str, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever lies at the end of a block: quotes, line ends within them, parts of characters."""
    monkeypatch.setattr("medallion.readers.delimited._BLOCK", block)
    dice = random.Random(7)
    alphabet = ["a", '"', ",", "\n", "é", " ", "\r\n", "", "'", "\\", "\t", "x" * 50]
    table = [["".join(dice.choices(alphabet, k=4)) for _ in range(3)] for _ in range(1000)]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b", "c"])
    writer.writerows(table)
    _, rows = read(buffer.getvalue().encode(), "a", "b", "c")
    assert rows[["a", "b", "c"]].to_numpy().tolist() == table
    assert rows["_source_row"].tolist() == list(range(1, 1001))


def test_delimited__ragged_rows_are_kept_apart(read: Read) -> None:
    good = 100_000
    lines = [f"{n},name {n} {'x' * 60}" for n in range(1, good + 1)]
    bad = {1: "only one", 2: "a,b,c", 50_000: '"q,r"', 99_999: ",,", good: "last"}
    for number, line in bad.items():
        lines[number - 1] = line
    raw, rows = read(("id,name\n" + "\n\n".join(lines)).encode())
    assert raw.rows_in == good
    expected = [n for n in range(1, good + 1) if n not in bad]
    assert rows["_source_row"].tolist() == expected
    assert rows["id"].astype(int).tolist() == expected
    assert raw.refused is not None
    refused = pq.read_table(raw.refused).to_pylist()
    assert {row["_source_row"]: row["_line"] for row in refused} == bad
    assert refused[1]["_reason"] == "row 2: 3 fields where the header has 2"
    assert raw.reasons == {
        "1 fields where the header has 2": 3,
        "3 fields where the header has 2": 2,
    }


def test_delimited__many_ragged_rows_do_not_pile_up(
    make_contract: MakeContract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medallion.readers.delimited._BLOCK", 1 << 16)
    path = tmp_path / "original"
    lines = ["ragged"] * 100_000
    for position in (0, 50_000, 99_999):
        lines[position] = "1,x"
    path.write_text("id,name\n" + "\n".join(lines))
    (member,) = archives.members(path)
    reader = DelimitedReader(member, make_contract("id", "name"))
    batches = list(reader.batches([]))
    assert max(len(batch.refused) for batch in batches) < 20_000
    refused = [row.row for batch in batches for row in batch.refused]
    good = [number for batch in batches for number in batch.rows.to_pylist() if number]
    assert good == [1, 50_001, 100_000]
    assert sorted(refused + good) == list(range(1, 100_001))


BAD_AT_THE_END = "".join(f"{n},name {n * 7919}\n" for n in range(500_000)).encode()


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (b"1,\xff\n", r"byte 0xff at offset 1\d{7} \(line 500002\) is not utf-8"),
        (b"1,\0\n", r"line 500002 contains a NUL"),
        (b'1,"open\n' * 3, r"opens in data row 500002 is never closed"),
    ],
)
def test_delimited__damage_far_into_the_file(tail: bytes, reason: str, read: Read) -> None:
    data = b"id,name\n" + BAD_AT_THE_END + tail
    with pytest.raises(FileRefused, match=reason):
        read(data)
    with pytest.raises(FileRefused, match=reason):
        read(gzip.compress(data, 1))


def test_delimited__row_longer_than_a_block(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medallion.readers.delimited._BLOCK", 1 << 16)
    monkeypatch.setattr("medallion.readers.delimited._MAX_ROW", 8 << 20)
    lines = [f"{n},x" for n in range(90_000)]
    lines[20] = "ragged"
    lines[60_000] = f'60000,"{"long " * 1_200_000}"'
    lines[80_000] = "ragged,ragged,ragged"
    raw, rows = read(("id,name\n" + "\n".join(lines)).encode())
    assert raw.rows_in == 90_000
    assert raw.rows_refused == 2
    assert rows["name"].str.len().max() == 6_000_000
    good = [n for n in range(90_000) if n not in (20, 80_000)]
    assert rows["id"].astype(int).tolist() == good
    assert (rows["_source_row"] - 1).tolist() == good


def test_delimited__row_without_end_is_named(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medallion.readers.delimited._BLOCK", 1 << 20)
    monkeypatch.setattr("medallion.readers.delimited._MAX_ROW", 2 << 20)
    rows = b"".join(b"%d,x\n" % n for n in range(300_000))
    data = b"id,name\n" + rows + b'2,"' + b"open\n" * 1_500_000
    with pytest.raises(FileRefused, match=r"after data row \d{6} comes a row longer than 2 MB"):
        read(data)


def test_delimited__column_too_many_is_kept_with_a_warning(read: Read) -> None:
    raw, rows = read(b"zeta,Name,,id,Arr Delay\n1,x,2,7,3\n")
    assert rows.columns.tolist() == [
        "id", "name", "arr_delay", "column_3", "zeta", "_source_file", "_source_row",
    ]  # fmt: skip
    assert rows.iloc[0].tolist()[:5] == ["7", "x", "3", "2", "1"]
    assert raw.warnings == ["not in the contract, kept as text: 'arr_delay', 'column_3', 'zeta'"]


def test_delimited__one_column(read: Read) -> None:
    _, rows = read(b'id\n1\n\n""\n2', "id")
    assert rows["id"].tolist() == ["1", "", "2"]


def test_delimited__header_after_blank_lines_and_with_line_breaks(read: Read) -> None:
    _, rows = read(b'\n \r\n"id","the\nname"\r\n1,x\r\n', "id", "the_name")
    assert rows["the_name"].tolist() == ["x"]


def test_raw_object__same_file_gives_the_same_bytes(read: Read) -> None:
    data = ("id,name\n" + "".join(f"{n},x\n" for n in range(50_000)) + "bad\n").encode()
    first, _ = read(data)
    assert first.refused is not None
    kept = first.path.read_bytes(), first.refused.read_bytes()
    second, _ = read(data)
    assert second.refused is not None
    assert (second.path.read_bytes(), second.refused.read_bytes()) == kept
