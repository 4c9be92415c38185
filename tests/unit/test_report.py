"""Reports of jobs: their JSON, their limits, and that they refuse to be wrong."""

from __future__ import annotations

import json
import logging
from collections import Counter

import pytest

from medallion.errors import AccountingError
from medallion.lake.objects import Lake
from medallion.runs.report import FileCounts, RefusedFile, Report, RowCounts


def test_row_counts__balance() -> None:
    RowCounts(in_=10, out=4, refused=3, duplicate=2, filtered=1).check()


@pytest.mark.parametrize("wrong", ["in_", "out", "refused", "duplicate", "filtered"])
def test_row_counts__do_not_balance(wrong: str) -> None:
    counts = RowCounts(in_=10, out=4, refused=3, duplicate=2, filtered=1)
    setattr(counts, wrong, getattr(counts, wrong) + 1)
    with pytest.raises(AccountingError, match=r"1\d rows came in, but 1\d are accounted for"):
        counts.check()


@pytest.mark.parametrize("wrong", ["in_", "accepted", "refused", "unchanged"])
def test_file_counts__do_not_balance(wrong: str) -> None:
    counts = FileCounts(in_=6, accepted=3, refused=2, unchanged=1)
    counts.check()
    setattr(counts, wrong, getattr(counts, wrong) + 1)
    with pytest.raises(AccountingError, match="files came in"):
        counts.check()


def test_report__as_json(lake: Lake) -> None:
    report = Report("ingest", "d", "r", files=FileCounts(in_=2, accepted=1, refused=1))
    report.rows = RowCounts(in_=3, out=2, refused=1)
    report.reasons.update(["b"])
    report.refused_files.append(RefusedFile("incoming/d/x", "quarantine/d/x", "why"))
    report.objects.written = 1
    report.objects.bytes = 5
    report.formats.update(["csv"])
    report.compressed.update(["gz"])
    report.file_list = "runs/r/files/d.json"
    key = report.write(lake)
    assert key == "runs/r/ingest/d.json"
    document = lake.get_json(key)
    assert document.pop("started_at").endswith("Z")
    assert document.pop("seconds") >= 0
    assert document == {
        "run_id": "r",
        "job": "ingest",
        "dataset": "d",
        "rows": {"in": 3, "out": 2, "refused": 1, "duplicate": 0, "filtered": 0},
        "reasons": [{"reason": "b", "rows": 1}],
        "files": {"in": 2, "accepted": 1, "refused": 1, "unchanged": 0},
        "formats": {"csv": 1},
        "compressed": {"gz": 1},
        "file_list": "runs/r/files/d.json",
        "refused_files": [{"file": "incoming/d/x", "moved_to": "quarantine/d/x", "reason": "why"}],
        "warnings": [],
        "objects": {"written": 1, "unchanged": 0, "deleted": 0},
        "bytes_written": 5,
    }


def test_report__without_files() -> None:
    document = Report("transform", "d", "r").to_json()
    for name in ("files", "refused_files", "formats", "compressed", "file_list", "held"):
        assert name not in document


def test_report__held() -> None:
    held = {"reasons": ["why"], "fingerprint": "0" * 16, "timeout_seconds": 3600}
    assert Report("transform", "d", "r", held=held).to_json()["held"] == held


def test_report__of_a_model(lake: Lake) -> None:
    report = Report(
        "model", "m", "r", engine="duckdb", stage="mart", inputs={"processed.d": 3, "raw.d": 0}
    )
    report.rows = RowCounts(in_=2, out=2)
    assert report.write(lake) == "runs/r/model/m.json"
    document = lake.get_json("runs/r/model/m.json")
    assert "dataset" not in document
    assert document["model"] == "m"
    assert (document["engine"], document["stage"]) == ("duckdb", "mart")
    assert document["inputs"] == {"processed.d": 3, "raw.d": 0}


def test_report__lists_are_cut() -> None:
    report = Report("ingest", "d", "r", files=FileCounts())
    for n in range(50):
        report.reasons[f"reason {n:02d}"] = 50 - n // 2
        report.refused_files.append(RefusedFile(str(n), str(n), "why"))
        report.warn(f"warning {n}")
    document = report.to_json()
    assert [entry["reason"] for entry in document["reasons"]] == [
        f"reason {n:02d}" for n in range(20)
    ]
    assert len(document["refused_files"]) == len(document["warnings"]) == 20


@pytest.mark.parametrize("character", ["x", "é", "\n", '"', "\x01", "日", "😀"])
def test_report__long_texts_are_cut(character: str) -> None:
    """Measured as they are stored: some characters take six bytes there."""
    report = Report("ingest", "d", "r", files=FileCounts())
    for length, kept in ((40, True), (400, False)):
        text = character * length
        report.reasons, report.warnings = Counter({text: 1}), [text]
        report.refused_files = [RefusedFile(text, text * 2, text)]
        document = report.to_json()
        texts = [
            document["reasons"][0]["reason"],
            document["warnings"][0],
            *document["refused_files"][0].values(),
        ]
        for shown, limit in zip(texts, (300, 300, 300, 600, 300), strict=True):
            assert len(json.dumps(shown, ensure_ascii=False).encode()) <= limit
            assert shown.startswith(character * 40)
            assert (shown[-1] == "…") is not kept


def test_report__warns_once(caplog: pytest.LogCaptureFixture) -> None:
    report = Report("ingest", "d", "r")
    with caplog.at_level(logging.WARNING):
        report.warn("twice")
        report.warn("twice")
    assert report.warnings == ["twice"]
    assert caplog.messages == ["twice"]


def test_report__unbalanced_is_not_written(lake: Lake) -> None:
    report = Report("ingest", "d", "r", rows=RowCounts(in_=1))
    with pytest.raises(AccountingError):
        report.write(lake)
    assert list(lake.list_objects("runs/")) == []
