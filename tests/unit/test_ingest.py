"""The job as a whole, on S3: where files, rows, reasons and reports end up."""

from __future__ import annotations

import gzip
import io
import logging
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from medallion.contract.contract import Contract
from medallion.errors import AccountingError, ConfigError
from medallion.lake.objects import Lake, StoredObject
from medallion.readers import samples
from medallion.runs import originals
from tests.unit.files import MakeContract
from tests.unit.ingest_fixtures import EARLIER, GOOD, Drop


@pytest.fixture
def drop(lake: Lake, make_contract: MakeContract) -> Drop:
    return Drop(lake, make_contract("id", "name"))


def test_ingest__good_file_goes_to_raw_and_archive(drop: Drop) -> None:
    key = drop.put("2024/05/Some File.csv", GOOD)
    found = drop.lake.head(key)
    assert found is not None
    date = found.last_modified.strftime("%Y-%m-%d")
    document = drop.run()
    (raw,) = drop.keys("raw/")
    digest = raw[-len("0123456789abcdef.parquet") : -len(".parquet")]
    assert raw == f"raw/things/ingest_date={date}/Some_File-{digest}.parquet"
    assert drop.keys("archive/") == [f"archive/things/{date}/Some File-{digest}.csv"]
    assert drop.body(drop.keys("archive/")[0]) == GOOD
    assert drop.keys("incoming/") == []
    assert drop.keys("quarantine/") == []
    assert drop.rows() == [
        {"id": "1", "name": "x", "_source_file": key, "_source_row": 1},
        {"id": "2", "name": "y", "_source_file": key, "_source_row": 2},
    ]
    assert document["rows"] == {"in": 2, "out": 2, "refused": 0, "duplicate": 0, "filtered": 0}
    assert document["files"] == {"in": 1, "accepted": 1, "refused": 0, "unchanged": 0}
    assert document["objects"] == {"written": 1, "unchanged": 0, "deleted": 0}
    assert document["bytes_written"] == len(drop.body(raw))


NAMES = [
    "with space.csv",
    "plus+plus.csv",
    "ünïcode 日本.csv",
    "per%20cent.csv",
    "_hidden.csv",
    ".dot.csv",
    "no extension",
    "a=b/c&d?.csv",
    "sub//double.csv",
    "both ' and \" quotes.csv",
    "line\nbreak\r\n.csv",
    " blanks at both ends .csv ",
    "back\\slash #and* %2F;:@.csv",
    "control\x01\x1f.csv",
    "smile 😀.csv",
    "x" * 250 + ".csv",
    "é" * 450 + ".csv.gz",
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:9])
def test_ingest__any_name(name: str, drop: Drop) -> None:
    data = gzip.compress(GOOD) if name.endswith(".gz") else GOOD
    key = drop.put(name, data)
    drop.run()
    (raw,) = drop.keys("raw/")
    stem = raw.rpartition("/")[2]
    assert stem.isascii()
    assert stem[0] not in "_."
    (archived,) = drop.keys("archive/")
    assert drop.body(archived) == data
    assert archived.endswith(originals.split_name(key)[1])
    assert {row["_source_file"] for row in drop.rows()} == {key}
    assert drop.keys("incoming/") == []
    (entry,) = drop.files()
    assert (entry["file"], entry["raw"], entry["archive"]) == (key, raw, archived)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:9])
def test_ingest__any_name_of_a_refused_file(name: str, drop: Drop) -> None:
    key = drop.put(name, b"nonsense")
    document = drop.run()
    (entry,) = drop.files()
    assert (entry["file"], entry["outcome"]) == (key, "refused")
    assert drop.body(entry["moved_to"]) == b"nonsense"
    assert drop.lake.get_json(f"{entry['moved_to']}.reason.json")["file"] == key
    assert document["refused_files"][0]["reason"] == entry["reason"]
    assert drop.keys("incoming/") == []


def test_ingest__nothing_to_do(drop: Drop) -> None:
    drop.put("", b"")
    drop.put("folder/", b"")
    document = drop.run()
    assert document["files"] == {"in": 0, "accepted": 0, "refused": 0, "unchanged": 0}
    assert drop.keys("raw/") == []
    assert len(drop.keys("incoming/")) == 2


def test_ingest__refused_file_is_kept_and_the_others_go_on(drop: Drop) -> None:
    drop.put("a.csv", GOOD)
    bad = drop.put("b.csv", b"id,nom\n1,x\n")
    empty = drop.put("c.csv", b"")
    drop.put("d.csv", GOOD)
    document = drop.run("run-7")
    assert document["files"] == {"in": 4, "accepted": 2, "refused": 2, "unchanged": 0}
    assert document["rows"]["in"] == 4
    assert drop.keys("incoming/") == []
    assert len(drop.keys("raw/")) == len(drop.keys("archive/")) == 2
    refused = {entry["file"]: entry for entry in document["refused_files"]}
    assert set(refused) == {bad, empty}
    assert drop.body(refused[bad]["moved_to"]) == b"id,nom\n1,x\n"
    assert drop.lake.get_json(refused[bad]["moved_to"] + ".reason.json") == {
        "dataset": "things",
        "file": bad,
        "reason": "missing column 'name'; found 'id', 'nom'; expected 'id', 'name'",
        "run_id": "run-7",
    }
    assert refused[empty]["reason"] == "the file is empty (0 bytes)"


def test_ingest__refused_rows_are_kept(drop: Drop) -> None:
    key = drop.put("a.csv", GOOD + b"3\n4,z\n5,y,z\n")
    document = drop.run()
    assert document["rows"] == {"in": 5, "out": 3, "refused": 2, "duplicate": 0, "filtered": 0}
    assert document["reasons"] == [
        {"reason": "1 fields where the header has 2", "rows": 1},
        {"reason": "3 fields where the header has 2", "rows": 1},
    ]
    (refused,) = drop.keys("quarantine/")
    (raw,) = drop.keys("raw/")
    assert refused == f"quarantine/things/rows/ingest/{raw[-24:-8]}.parquet"
    assert pq.ParquetFile(io.BytesIO(drop.body(refused))).read().to_pylist() == [
        {
            "_source_file": key,
            "_source_row": 3,
            "_reason": "row 3: 1 fields where the header has 2",
            "_line": "3",
        },
        {
            "_source_file": key,
            "_source_row": 5,
            "_reason": "row 5: 3 fields where the header has 2",
            "_line": "5,y,z",
        },
    ]


def test_ingest__same_file_again_adds_no_row(drop: Drop) -> None:
    drop.put("a.csv", GOOD)
    drop.run()
    before = drop.state()
    drop.put("a.csv", GOOD)
    document = drop.run()
    assert document["files"] == {"in": 1, "accepted": 0, "refused": 0, "unchanged": 1}
    assert document["rows"]["in"] == 0
    assert drop.state() == before


def test_ingest__same_file_another_day_adds_no_row(drop: Drop) -> None:
    key = drop.put_of(EARLIER, "a.csv", GOOD)
    drop.run()
    (older,) = drop.keys("raw/things/ingest_date=2020-01-01/")
    drop.put("a.csv", GOOD)
    assert drop.run()["files"]["unchanged"] == 1
    assert drop.keys("raw/") == [older]
    assert {row["_source_file"] for row in drop.rows()} == {key}


def test_ingest__raw_object_that_was_deleted_comes_again(drop: Drop) -> None:
    drop.put_of(EARLIER, "a.csv", GOOD)
    drop.run()
    (raw,) = drop.keys("raw/")
    drop.lake.delete([raw])
    drop.put("a.csv", GOOD)
    assert drop.run()["files"]["accepted"] == 1
    assert drop.keys("raw/") == [raw]


@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
def test_ingest__takes_over_what_came_without_notes(twice: bool, drop: Drop) -> None:
    """Of a file under two dates, which runs without notes could leave, the first stays."""
    drop.put_of(EARLIER, "a.csv", GOOD)
    drop.put("b.csv", GOOD)
    drop.run()
    (first, _) = raw = drop.keys("raw/")
    if twice:
        later = first.replace("2020-01-01", "2020-01-02")
        drop.lake.client.put_object(Bucket=drop.lake.bucket, Key=later, Body=drop.body(first))
    drop.lake.delete(drop.keys("state/"))
    drop.put("a.csv", GOOD)
    document = drop.run()
    assert document["files"]["unchanged"] == 1
    assert document["objects"]["deleted"] == twice
    assert [later in warning for warning in document["warnings"] if twice] == [True] * twice
    assert drop.keys("raw/") == raw
    # The next one takes nothing over, and takes away nothing.
    drop.lake.client.put_object(Bucket=drop.lake.bucket, Key="raw/things/mine", Body=b"")
    assert drop.run()["objects"]["deleted"] == 0
    assert drop.keys("raw/") == sorted([*raw, "raw/things/mine"])


def test_ingest__other_content_or_other_name_is_another_file(drop: Drop) -> None:
    drop.put("a.csv", GOOD)
    drop.run()
    drop.put("a.csv", b"id,name\n3,z\n")
    drop.put("b.csv", GOOD)
    assert drop.run()["files"]["accepted"] == 2
    assert len(drop.keys("raw/")) == len(drop.keys("archive/")) == 3


# Three files: the first has a refused row, which put_file writes; the second is refused. put_json
# writes the reason, the list of files and the report.
CALLS = {
    "head": 1,
    "fetch": 3,
    "put_file": 1,
    "put_new": 2,
    "copy": 3,
    "put_json": 3,
    "delete_if_unchanged": 3,
}
STEPS = [(step, call) for step, calls in CALLS.items() for call in range(1, calls + 1)]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(("step", "call"), STEPS)
def test_ingest__dies_at_any_step_and_is_repeated(
    step: str, call: int, moment: str, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dying at any call to S3, and running again, ends where one run would have ended."""
    files = {"a.csv": GOOD + b"ragged\n", "b.csv": b"id\n1\n", "c.csv": GOOD}
    for name, data in files.items():
        drop.put(name, data)
    inner = getattr(Lake, step)
    calls = 0

    def dying(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and moment == "before":
            raise KeyboardInterrupt
        result = inner(*arguments)
        if calls == call:
            raise KeyboardInterrupt
        return result

    with monkeypatch.context() as patch:
        patch.setattr(Lake, step, dying)
        with pytest.raises(KeyboardInterrupt):
            drop.run(threads=1)
    drop.run()
    assert drop.keys("incoming/") == []
    assert sorted(drop.body(key) for key in drop.keys("archive/")) == sorted(
        [files["a.csv"], files["c.csv"]]
    )
    assert [(row["_source_file"][-5:], row["_source_row"]) for row in drop.rows()] == [
        ("a.csv", 1),
        ("a.csv", 2),
        ("c.csv", 1),
        ("c.csv", 2),
    ]
    quarantined = drop.keys("quarantine/")
    assert len(quarantined) == 3
    assert files["b.csv"] in [drop.body(key) for key in quarantined]
    assert quarantined[1] == f"{quarantined[0]}.reason.json"
    assert quarantined[2].startswith("quarantine/things/rows/ingest/")


def test_ingest__replaced_while_read(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = b"id,name\n9,new\n"
    key = drop.put("a.csv", GOOD)
    inner = Lake.fetch

    def replaced(lake: Lake, *arguments: Any) -> StoredObject | None:
        found = inner(lake, *arguments)
        drop.put("a.csv", newer)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "fetch", replaced)
        document = drop.run()
    assert "was replaced" in document["warnings"][0]
    assert drop.body(key) == newer
    assert [drop.body(archived) for archived in drop.keys("archive/")] == [GOOD]
    assert [row["id"] for row in drop.rows()] == ["1", "2"]
    drop.run()
    assert sorted(row["id"] for row in drop.rows()) == ["1", "2", "9"]
    assert drop.keys("incoming/") == []


def test_ingest__failure_of_aws_is_no_fault_of_the_file(
    drop: Drop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    key = drop.put("a.csv", GOOD)

    def denied(*arguments: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")

    monkeypatch.setattr(Lake, "put_new", denied)
    with pytest.raises(ClientError, match="AccessDenied"):
        drop.run()
    assert f"failed at {key}" in caplog.text
    assert drop.keys("incoming/") == [key]
    assert drop.keys("raw/") == drop.keys("archive/") == []


def test_ingest__lost_rows_fail_the_job(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    key = drop.put("a.csv", GOOD)
    monkeypatch.setattr("medallion.readers.rows.Batch.last_row", 5)
    with pytest.raises(AccountingError, match="5 rows came in, but 2 went out"):
        drop.run()
    assert drop.keys("incoming/") == [key]
    assert drop.keys("raw/") == drop.keys("archive/") == []


def test_ingest__says_what_it_does(drop: Drop, caplog: pytest.LogCaptureFixture) -> None:
    key = drop.put("a.csv", GOOD + b"3\n")
    bad = drop.put("b.csv", b"")
    with caplog.at_level(logging.INFO):
        drop.run()
    (raw,) = drop.keys("raw/")
    assert "things: 2 files (18 bytes) in s3://" in caplog.text
    assert f"reading {key} (18 bytes)" in caplog.text
    assert f"{key}: delimited by comma, 3 rows in, 2 out, 1 refused -> s3://" in caplog.text
    assert raw in caplog.text
    assert f"{key}: 1 rows refused: 1 fields where the header has 2" in caplog.text
    assert f"{bad} refused: the file is empty" in caplog.text
    assert "done in" in caplog.text


def sample_contract(make_contract: MakeContract, table: str, rows: int = 300) -> Contract:
    source = {"type": "sample", "table": table, "rows": rows, "seed": 42}
    return make_contract(*samples.COLUMNS[table], source=source)


@pytest.mark.parametrize("table", list(samples.COLUMNS))
def test_ingest_sample__goes_straight_to_the_archive(
    table: str, lake: Lake, make_contract: MakeContract
) -> None:
    drop = Drop(lake, sample_contract(make_contract, table))
    document = drop.run()
    assert document["files"] == {"in": 1, "accepted": 1, "refused": 0, "unchanged": 0}
    assert document["rows"]["out"] == 300
    (archived,) = drop.keys("archive/")
    (raw,) = drop.keys("raw/")
    digest = raw[-24:-8]
    assert archived == f"archive/things/2025-01-01/{table}-{digest}.csv"
    assert raw == f"raw/things/ingest_date=2025-01-01/{table}-{digest}.parquet"
    assert {row["_source_file"] for row in drop.rows()} == {archived}
    before = drop.state()
    assert drop.run()["files"]["unchanged"] == 1
    assert drop.state() == before


def test_ingest_sample__contract_that_does_not_fit(lake: Lake, make_contract: MakeContract) -> None:
    source = {"type": "sample", "table": "sales", "rows": 10, "seed": 1}
    drop = Drop(lake, make_contract("sale_id", "nonsense", source=source))
    with pytest.raises(ConfigError, match=r"does not fit the sample 'sales'.*'nonsense'"):
        drop.run()


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("incoming/d/flights.csv", ("flights", ".csv")),
        ("incoming/d/flights.csv.gz", ("flights", ".csv.gz")),
        ("incoming/d/flights.v1.2.csv", ("flights.v1.2", ".csv")),
        ("incoming/d/flights", ("flights", "")),
        ("incoming/d/.hidden", (".hidden", "")),
        ("incoming/d/a.zip", ("a", ".zip")),
    ],
)
def test_split_name(key: str, parts: tuple[str, str]) -> None:
    assert originals.split_name(key) == parts


def test_digest__is_of_key_and_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    first = originals.digest_of("a", path)
    assert len(first) == 16
    assert originals.digest_of("b", path) != first
    path.write_bytes(b"abd")
    assert originals.digest_of("a", path) != first
