"""What a run says of its files: one entry for each, counts by format, and few lines of many."""

from __future__ import annotations

import gzip
import logging
import threading
import time
from typing import Any

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError

from medallion.errors import ObjectNotFound
from medallion.lake.layout import cut_name
from medallion.lake.objects import Lake
from medallion.readers import raw_object, samples
from medallion.runs import progress
from medallion.runs.file_list import REFUSED, FileList, FileOutcome
from medallion.runs.report import Report
from tests.unit.files import MakeContract, parquet_of, zip_of
from tests.unit.ingest_fixtures import GOOD, Drop


@pytest.fixture
def drop(lake: Lake, make_contract: MakeContract) -> Drop:
    return Drop(lake, make_contract("id", "name"))


def denied(operation: str) -> bool:
    raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)


def test_files__an_entry_for_each(drop: Drop) -> None:
    drop.put("again.csv", GOOD)
    drop.run("earlier")
    drop.put("again.csv", GOOD)
    drop.put("ragged.csv", GOOD + b"3\n")
    drop.put("bad.csv", b"id\n1\n")
    document = drop.run("now")
    assert document["file_list"] == "runs/now/files/things.json"
    assert drop.lake.get_json(document["file_list"]).keys() == {"run_id", "dataset", "files"}
    again, bad, ragged = drop.files("now")
    raw, raw_ragged = drop.keys("raw/")
    archived, archived_ragged = drop.keys("archive/")
    quarantined = drop.keys("quarantine/things/files/")[0]
    assert again == {
        "file": "incoming/things/again.csv",
        "bytes": len(GOOD),
        "outcome": "unchanged",
        "raw": raw,
        "archive": archived,
    }
    assert bad == {
        "file": "incoming/things/bad.csv",
        "bytes": 5,
        "outcome": "refused",
        "reason": "missing column 'name'; found 'id'; expected 'id', 'name'",
        "moved_to": quarantined,
    }
    assert ragged == {
        "file": "incoming/things/ragged.csv",
        "bytes": len(GOOD) + 2,
        "outcome": "accepted",
        "formats": ["csv"],
        "rows": {"in": 3, "out": 2, "refused": 1},
        "raw": raw_ragged,
        "archive": archived_ragged,
    }


def test_files__none(drop: Drop) -> None:
    document = drop.run()
    assert "file_list" not in document
    assert (document["formats"], document["compressed"]) == ({}, {})
    assert drop.keys("runs/") == ["runs/run/ingest/things.json"]


def test_files__formats_are_counted(drop: Drop) -> None:
    record = b'{"id": 1, "name": "x"}'
    drop.put("1.csv", GOOD)
    drop.put("2.csv", GOOD.replace(b",", b";"))
    drop.put("3.tsv", GOOD.replace(b",", b"\t"))
    drop.put("4.json", b"[" + record + b"]")
    drop.put("5.json", record + b"\n" + record)
    drop.put("6.csv.gz", gzip.compress(GOOD))
    drop.put("7.zip", zip_of(**{"a.csv": GOOD, "b.csv": GOOD, "c.json": b"[" + record + b"]"}))
    drop.put("8.csv.gz", gzip.compress(b"id\n"))
    document = drop.run()
    assert document["formats"] == {"csv": 4, "json": 2, "ndjson": 1, "tsv": 1}
    assert document["compressed"] == {"gz": 1, "zip": 1}
    entries = {entry["file"][16:]: entry for entry in drop.files()}
    assert entries["7.zip"]["formats"] == ["csv", "json"]
    assert [name for name, entry in entries.items() if "compressed" in entry] == [
        "6.csv.gz",
        "7.zip",
    ]


def test_files__parquet(lake: Lake, make_contract: MakeContract) -> None:
    drop = Drop(lake, make_contract("id", "name", format="parquet"))
    table = pa.table({"id": ["1"], "name": ["x"]})
    drop.put("a.parquet", parquet_of(table))
    drop.put("b.parquet.gz", gzip.compress(parquet_of(table)))
    document = drop.run()
    assert (document["formats"], document["compressed"]) == ({"parquet": 2}, {"gz": 1})


def test_files__sample(lake: Lake, make_contract: MakeContract) -> None:
    source = {"type": "sample", "table": "sales", "rows": 10, "seed": 1}
    drop = Drop(lake, make_contract(*samples.COLUMNS["sales"], source=source))
    assert drop.run()["formats"] == {"csv": 1}
    (entry,) = drop.files()
    assert (entry["outcome"], entry["file"]) == ("accepted", entry["archive"])
    drop.run("again")
    assert [entry["outcome"] for entry in drop.files("again")] == ["unchanged"]


def test_files__run_that_failed_is_gone_on_with(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first attempt had done was in no report."""
    drop.put("a.csv", GOOD + b"3\n")
    drop.put("b.csv", b"bad")
    drop.put("c.csv", GOOD)
    inner, calls = Lake.copy, []

    def failing(*arguments: Any) -> bool:
        calls.append(arguments)
        return inner(*arguments) if len(calls) < 3 else denied("CopyObject")

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "copy", failing)
        with pytest.raises(ClientError):
            drop.run(threads=1)
    assert drop.keys("runs/") == ["runs/run/files/things.json"]
    assert len(drop.keys("raw/")) == 2
    document = drop.run()
    # c.csv came to raw/ before the failure, and is not there a second time.
    assert document["files"] == {"in": 3, "accepted": 2, "refused": 1, "unchanged": 0}
    assert document["rows"]["out"] == len(drop.rows()) == 4
    assert document["formats"] == {"csv": 2}
    assert document["refused_files"][0]["file"] == "incoming/things/b.csv"
    assert [entry["outcome"] for entry in drop.files()] == ["accepted", "refused", "accepted"]
    # What is whole is not gone on with.
    assert drop.run()["files"]["in"] == 0


def test_files__list_that_cannot_be_written_hides_no_failure(
    drop: Drop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    drop.run()
    drop.put("a.csv", GOOD)
    monkeypatch.setattr(Lake, "copy", lambda *_: denied("CopyObject"))
    monkeypatch.setattr(Lake, "put_json", lambda *_: denied("PutObject"))
    with pytest.raises(ClientError, match="CopyObject"):
        drop.run()
    assert "runs/run/files/things.json cannot be written" in caplog.text


def test_files__saved_while_the_run_goes_on(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_SAVE_SECONDS", 0)
    drop.put("a.csv", GOOD)
    drop.put("b.csv", GOOD)
    saved = []

    def spy(lake: Lake, key: str, document: Any) -> None:
        saved.append((key, len(document.get("files", ()))))

    monkeypatch.setattr(Lake, "put_json", spy)
    with pytest.raises(ObjectNotFound):
        drop.run(threads=1)
    assert [count for key, count in saved if "/files/" in key] == [1, 2, 2]


def test_files__failure_of_one_lets_no_other_begin(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        drop.put(f"{number:02d}.csv", GOOD)
    inner = Lake.put_new

    def failing(lake: Lake, key: str, *arguments: Any) -> bool:
        if "/00-" in key:
            denied("PutObject")
        time.sleep(0.05)
        return inner(lake, key, *arguments)

    monkeypatch.setattr(Lake, "put_new", failing)
    with pytest.raises(ClientError):
        drop.run()
    left = drop.keys("incoming/")
    assert "incoming/things/00.csv" in left
    assert len(left) > 10
    # What had begun is whole.
    assert len(drop.keys("raw/")) == len(drop.keys("archive/")) == 30 - len(left)


def test_files__one_is_read_at_a_time(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    """By one thread: eight that had read one after the other kept twice the memory."""
    inner, busy, met = raw_object.build, threading.Lock(), []
    readers = set()

    def alone(*arguments: Any) -> raw_object.RawObject:
        met.append(not busy.acquire(blocking=False))
        readers.add(threading.get_ident())
        time.sleep(0.01)
        raw = inner(*arguments)
        busy.release()
        return raw

    monkeypatch.setattr(raw_object, "build", alone)
    for number in range(10):
        drop.put(f"{number}.csv", GOOD)
    drop.run()
    assert met == [False] * 10
    assert len(readers) == 1


def test_files__many(drop: Drop, caplog: pytest.LogCaptureFixture) -> None:
    """The report of a burst says the same whatever order the threads come to their ends in."""
    expected = []
    for number in range(150):
        key = drop.put(f"{number:03d}.csv", b"bad" if number % 5 == 0 else GOOD + b"x\n")
        expected.append((key, "refused" if number % 5 == 0 else "accepted"))
    with caplog.at_level(logging.INFO):
        document = drop.run()
    assert [(entry["file"], entry["outcome"]) for entry in drop.files()] == expected
    assert document["files"] == {"in": 150, "accepted": 120, "refused": 30, "unchanged": 0}
    assert document["rows"] == {
        "in": 360,
        "out": 240,
        "refused": 120,
        "duplicate": 0,
        "filtered": 0,
    }
    assert [entry["file"] for entry in document["refused_files"]] == [
        key for key, outcome in expected if outcome == "refused"
    ][:20]
    assert "100 of 150 files: " in caplog.text
    assert len([r for r in caplog.records if r.levelno >= logging.WARNING]) == 20
    assert len(caplog.records) < 40


def test_files__ten_thousand_refused(lake: Lake) -> None:
    """The state machines read the report, and take 256 KiB at most."""
    report = Report("ingest", "things", "run")
    outcomes = FileList(lake, "run", "things")
    for number in range(10_000):
        name = "".join((f"{number:05d}", "\x01" * 40, "ä" * 200, '"' * 400, ".csv"))
        moved_to = f"quarantine/things/files/2026-01-01/{cut_name(name)}-0123456789abcdef.csv"
        warnings = ["\n" * 5000]
        outcomes.add(
            FileOutcome(
                f"incoming/things/{name}",
                number,
                REFUSED,
                reason=f"missing column {name!r}" * 9,
                moved_to=moved_to,
                warnings=warnings,
            )
        )
    for number in range(1000):
        report.reasons[f"{number} {'é' * 1000}"] = 1
    report.rows.in_ = report.rows.refused = 1000
    outcomes.fill(report)
    outcomes.save()
    stored = lake.head(report.write(lake))
    assert stored is not None
    assert stored.size < 32 << 10
    document = lake.get_json(stored.key)
    assert document["files"]["refused"] == 10_000
    assert len(document["refused_files"]) > 5
    assert document["refused_files"][0]["file"].startswith("incoming/things/00000")
    assert document["refused_files"][0]["reason"].endswith("…")
    entries = lake.get_json(document["file_list"])["files"]
    assert [entry["bytes"] for entry in entries] == list(range(10_000))
    assert len(entries[-1]["reason"]) > 6000
