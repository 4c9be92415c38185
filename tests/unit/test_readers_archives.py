"""gzip and zip, read as streams; bombs and full disks."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from medallion.errors import DiskFull, FileRefused
from medallion.readers import archives
from tests.unit.files import Read, zip_of


def test_gzip__members_one_after_the_other(read: Read) -> None:
    _, rows = read(gzip.compress(b"id,name\n1,x\n") + gzip.compress(b"2,y\n"))
    assert rows["id"].tolist() == ["1", "2"]


def test_zip__members_in_one_object(read: Read) -> None:
    data = zip_of(
        **{
            "a.csv": "id,name\n1,x\n2,y\n",
            "folder/": "",
            "folder/b.json": '[{"name": "z", "id": 3, "more": 1}]',
            "__MACOSX/folder/._b.csv": b"\0\1",
            "c.csv": "",
        }
    )
    raw, rows = read(data)
    file = "incoming/things/file"
    assert rows[["id", "name", "more", "_source_file", "_source_row"]].to_numpy().tolist() == [
        ["1", "x", pd.NA, f"{file}#a.csv", 1],
        ["2", "y", pd.NA, f"{file}#a.csv", 2],
        ["3", "z", "1", f"{file}#folder/b.json", 1],
    ]
    assert raw.formats == ["delimited by comma", "json"]
    assert "zip member 'c.csv' is empty" in raw.warnings


def test_zip__bomb_is_refused_before_it_fills_the_disk(
    read: Read, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("medallion.readers.archives._ALWAYS_ALLOWED", 1 << 20)
    bomb = zip_of(**{"a.csv": "id,name\n" + "1,x\n" * 5_000_000})
    with pytest.raises(FileRefused, match=r"zip member 'a.csv': .*unpacks to more than"):
        read(bomb)
    written = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert written < len(bomb) + archives._MAX_RATIO * len(bomb)


def test_disk__too_small_is_no_fault_of_the_file(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medallion.lake.local_disk._RESERVE_BYTES", 1 << 60)
    with pytest.raises(DiskFull, match=r"bytes free, and .* are needed: split the file"):
        read(b"id,name\n1,x\n")
