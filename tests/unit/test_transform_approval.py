"""The transform job when a person has to approve what it would publish."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

import transform
from medallion.lake.objects import Lake
from medallion.runs.inputs_guard import Inputs
from medallion.runs.report import Report
from tests.unit.model_fixtures import contents
from tests.unit.overlaps import Hooked
from tests.unit.test_transform import QUARANTINE, ROOT, keys, put_raw
from tests.unit.transform_fixtures import column

REFUSED = {"max_refused_percent": 10}
CHANGE = {"max_row_change_percent": 50}
BOTH = {**REFUSED, **CHANGE}


def put_contract(lake: Lake, approval: dict[str, Any] | None, **changes: Any) -> None:
    """Put a contract with or without approval."""
    columns = [column("id", "int"), column("kind")]
    lake.put_json(
        lake.contract_key("things"),
        {
            "name": "things",
            "columns": columns,
            "partition_by": ["kind"],
            "approval": approval,
            **changes,
        },
    )


def put_rows(lake: Lake, name: str, good: int, bad: int = 0, kind: str = "k") -> str:
    """Put a raw object with so many good rows and bad ones."""
    ids = [str(n) for n in range(good)] + ["x"] * bad
    return put_raw(lake, {"id": ids, "kind": [kind] * len(ids)}, name)


def put_ingest_report(lake: Lake, run_id: str, in_: int, refused: int) -> None:
    """Put what this run's ingest says."""
    rows = {"in": in_, "out": in_ - refused, "refused": refused, "duplicate": 0, "filtered": 0}
    lake.put_json(f"runs/{run_id}/ingest/things.json", {"rows": rows})


def run(lake: Lake, run_id: str = "r", approved: str | None = None, **more: Any) -> Report:
    """Run the job in this process."""
    return transform.run(lake, "things", run_id, 256, approved=approved, **more)


def published(lake: Lake) -> dict[str, bytes]:
    """All that the job publishes."""
    return {**contents(lake, "processed/"), **contents(lake, "quarantine/")}


def fingerprint(lake: Lake) -> str:
    """What raw/ is now."""
    return Inputs(lake, ["raw/things/"]).fingerprint


@pytest.mark.parametrize("rules", [REFUSED, CHANGE, BOTH])
def test_first_load__exactly_at_the_threshold(lake: Lake, rules: dict[str, Any]) -> None:
    put_contract(lake, rules)
    put_rows(lake, "a", 90, 10)
    report = run(lake)
    assert (report.held, report.rows.out, report.objects.written) == (None, 90, 1)
    assert "held" not in lake.get_json("runs/r/transform/things.json")


def test_refused__above_the_threshold(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    put_contract(lake, REFUSED)
    put_rows(lake, "a", 90, 10)
    run(lake)
    before = published(lake)
    key = put_rows(lake, "b", 85, 14, "other")
    with caplog.at_level(logging.WARNING, "transform"):
        run(lake, "r2")
    document = lake.get_json("runs/r2/transform/things.json")
    assert document["held"] == {
        "reasons": ["refused rows are 12.07 % of 199, and 10 % are allowed"],
        "fingerprint": fingerprint(lake),
        "timeout_seconds": 86400,
    }
    assert document["rows"] == {
        "in": 199,
        "out": 175,
        "refused": 24,
        "duplicate": 0,
        "filtered": 0,
    }
    assert document["reasons"] == [{"reason": "column id: not an int", "rows": 24}]
    assert document["objects"] == {"written": 0, "unchanged": 0, "deleted": 0}
    assert document["bytes_written"] == 0
    assert published(lake) == before
    assert [record.getMessage() for record in caplog.records[-3:]] == [
        "things: refused 24 rows: column id: not an int",
        "things: held: refused rows are 12.07 % of 199, and 10 % are allowed",
        "things: nothing was published; run the job with --approved "
        f"{fingerprint(lake)} to publish it",
    ]
    lake.delete([key])
    assert run(lake, "r3").held is None


def test_refused__first_load_is_held(lake: Lake) -> None:
    put_contract(lake, REFUSED)
    put_rows(lake, "a", 89, 11)
    report = run(lake)
    assert report.held is not None
    assert report.held["reasons"] == ["refused rows are 11.00 % of 100, and 10 % are allowed"]
    assert published(lake) == {}


def test_refused__by_this_runs_ingest(lake: Lake) -> None:
    put_contract(lake, REFUSED)
    put_rows(lake, "a", 100)
    put_ingest_report(lake, "r", 1000, 100)
    assert run(lake, "r").held is None, "exactly at the threshold"
    put_rows(lake, "b", 100, kind="other")
    put_ingest_report(lake, "r", 2000, 201)
    report = run(lake, "r")
    assert report.held is not None
    assert report.held["reasons"] == [
        "refused rows of this run's ingest are 10.05 % of 2,000, and 10 % are allowed"
    ]
    assert run(lake, "another").held is None, "another run has another ingest"


def test_row_change__at_the_threshold_and_above(lake: Lake) -> None:
    put_contract(lake, CHANGE)
    put_rows(lake, "a", 60, kind="a")
    put_rows(lake, "b", 40, kind="b")
    run(lake)
    put_rows(lake, "c", 50, kind="c")
    assert run(lake, "r2").held is None, "from 100 to 150"
    before = published(lake)
    put_rows(lake, "d", 76, kind="d")
    report = run(lake, "r3")
    assert report.held is not None
    assert report.held["reasons"] == [
        "the number of rows changes by 50.67 %, from 150 to 226, and 50 % are allowed"
    ]
    assert published(lake) == before


@pytest.mark.parametrize("bad", [0, 1])
@pytest.mark.parametrize("how", ["no object", "no row", "all filtered"])
def test_row_change__table_that_would_be_empty(lake: Lake, how: str, bad: int) -> None:
    put_contract(lake, {**CHANGE, "timeout_hours": 1})
    key = put_rows(lake, "a", 100, bad)
    run(lake)
    before = published(lake)
    if how == "all filtered":
        put_contract(lake, {**CHANGE, "timeout_hours": 1}, filter="false")
    else:
        lake.delete([key])
    if how == "no row":
        put_raw(lake, {"id": [], "kind": []})
    held = run(lake, "r2").held
    assert held is not None
    assert held["reasons"] == [
        "the number of rows changes by 100.00 %, from 100 to 0, and 50 % are allowed"
    ]
    assert held["timeout_seconds"] == 3600
    assert published(lake) == before
    report = run(lake, "r3", held["fingerprint"])
    assert (report.held, report.objects.deleted) == (None, 1)
    assert keys(lake) == []


@pytest.mark.parametrize("rules", [REFUSED, CHANGE, BOTH])
def test_empty__before_and_after(lake: Lake, rules: dict[str, Any]) -> None:
    put_contract(lake, rules)
    report = run(lake)
    assert (report.held, report.rows.in_) == (None, 0)
    put_rows(lake, "a", 100)
    assert run(lake, "r2").held is None, "a table that had no rows"


def test_both__passed(lake: Lake) -> None:
    put_contract(lake, BOTH)
    put_rows(lake, "a", 1000)
    run(lake)
    put_rows(lake, "b", 800, 600, "b")
    held = run(lake, "r2").held
    assert held is not None
    assert held["reasons"] == [
        "refused rows are 25.00 % of 2,400, and 10 % are allowed",
        "the number of rows changes by 80.00 %, from 1,000 to 1,800, and 50 % are allowed",
    ]


def test_no_approval__configured(lake: Lake) -> None:
    put_contract(lake, None)
    put_rows(lake, "a", 1, 99)
    report = run(lake, approved="0123456789abcdef")
    assert (report.held, report.objects.written) == (None, 1)
    assert lake.head(QUARANTINE)


def test_approved__is_published(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    put_contract(lake, BOTH)
    put_rows(lake, "a", 10)
    run(lake)
    put_rows(lake, "b", 80, 20, "b")
    held = run(lake, "r2").held
    assert held is not None
    with caplog.at_level(logging.INFO, "transform"):
        report = run(lake, "r2", held["fingerprint"])
    assert (report.held, report.objects.written, report.rows.refused) == (None, 1, 20)
    assert keys(lake) == ["kind=b/part-0.parquet", "kind=k/part-0.parquet"]
    assert lake.head(QUARANTINE)
    assert "held" not in lake.get_json("runs/r2/transform/things.json")
    assert f"things: publishing was approved ({held['fingerprint']})" in caplog.text


def test_approved__raw_has_changed_since(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    put_contract(lake, REFUSED)
    put_rows(lake, "a", 80, 20)
    held = run(lake).held
    assert held is not None
    put_rows(lake, "b", 1, kind="b")
    with caplog.at_level(logging.INFO, "transform"):
        again = run(lake, "r2", held["fingerprint"]).held
    assert again is not None
    assert again["fingerprint"] == fingerprint(lake) != held["fingerprint"]
    assert published(lake) == {}
    assert (
        f"things: what was approved ({held['fingerprint']}) is not what is in raw/ now "
        f"({again['fingerprint']})"
    ) in caplog.text
    put_rows(lake, "c", 200, kind="c")
    report = run(lake, "r3", held["fingerprint"])
    assert (report.held, report.objects.written) == (None, 3), "no threshold is passed any more"


def test_approved__what_comes_before_it_is_published(lake: Lake) -> None:
    """It was listed after the approval was looked at, and would have been published with it."""
    put_contract(lake, REFUSED)
    put_rows(lake, "a", 80, 20)
    held = run(lake).held
    assert held is not None
    listings: list[int] = []

    def grow(request: int, operation: str) -> None:
        if operation == "ListObjectsV2":
            listings.append(request)
            if len(listings) == 2:
                put_rows(lake, "b", 0, 1, "b")

    report = run(Hooked(lake, grow).lake, "r2", held["fingerprint"])
    assert report.held is not None
    assert report.rows.in_ == 101
    assert report.held["fingerprint"] == fingerprint(lake)
    assert published(lake) == {}
    (warning,) = report.warnings
    assert warning.startswith("raw/things/ changed while it was read (objects: 1 added; ")


def test_approved__then_more_comes_while_it_is_published(lake: Lake) -> None:
    put_contract(lake, REFUSED)
    put_rows(lake, "a", 80, 20)
    held = run(lake).held
    assert held is not None

    def grow(request: int, operation: str) -> None:
        if operation == "PutObject" and fingerprint(lake) == held["fingerprint"]:
            put_rows(lake, "b", 0, 1, "b")

    report = run(Hooked(lake, grow).lake, "r2", held["fingerprint"])
    assert report.held is not None
    assert report.held["fingerprint"] == fingerprint(lake)
    assert report.rows.refused == 21
    assert report.objects.written == 1, "what was approved is published"
    assert keys(lake) == ["kind=k/part-0.parquet"]


def test_held__until_better_rows_come_meanwhile(lake: Lake) -> None:
    put_contract(lake, REFUSED)
    put_rows(lake, "a", 80, 20)
    listings: list[int] = []

    def grow(request: int, operation: str) -> None:
        if operation == "ListObjectsV2" and not any(lake.list_objects("processed/")):
            listings.append(request)
            # The guard and the engine have listed; now the guard does again.
            if len(listings) == 3:
                put_rows(lake, "b", 200, kind="b")

    report = run(Hooked(lake, grow).lake)
    assert len(listings) > 3
    assert (report.held, report.rows.in_, report.objects.written) == (None, 300, 2)
    assert len(report.warnings) == 1


@pytest.fixture
def footers_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The prefixes whose rows were counted."""
    counted: list[str] = []

    def count(lake: Lake, prefix: str) -> int:
        counted.append(prefix)
        return 1000

    monkeypatch.setattr("medallion.runs.approval.count_rows", count)
    return lambda: counted


def test_footers__are_read_only_for_the_row_change(
    lake: Lake, footers_of: Callable[[], list[str]]
) -> None:
    put_rows(lake, "a", 1000)
    put_contract(lake, REFUSED)
    run(lake)
    put_contract(lake, None)
    run(lake)
    assert footers_of() == []
    put_contract(lake, CHANGE)
    run(lake)
    run(lake, approved=fingerprint(lake))
    assert footers_of() == ["processed/things/"], "what is approved is not judged"


def test_ingest_report__is_read_only_for_refused_rows(lake: Lake) -> None:
    put_contract(lake, CHANGE)
    put_rows(lake, "a", 10)
    lake.put_json("runs/r/ingest/things.json", {})
    assert run(lake).held is None


def test_approval__as_a_script(served_lake: Lake, job_python: str) -> None:
    lake = served_lake
    put_contract(lake, BOTH)
    put_rows(lake, "a", 10)
    run(lake)
    before = published(lake)
    put_rows(lake, "b", 80, 20, "b")
    arguments = ["--bucket", lake.bucket, "--dataset", "things", "--run-id", "r"]
    command = [job_python, "-W", "ignore", str(ROOT / "jobs/transform.py"), *arguments]

    def done(*more: str) -> Any:
        ended = subprocess.run([*command, *more], capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, ""), "held or not, the job has done its work"
        return lake.get_json("runs/r/transform/things.json").get("held")

    held = done()
    assert held["reasons"] == [
        "refused rows are 18.19 % of 110, and 10 % are allowed",
        "the number of rows changes by 800.00 %, from 10 to 90, and 50 % are allowed",
    ]
    assert published(lake) == before
    # Glue adds arguments of its own.
    assert done("--approved", held["fingerprint"], "--job-language", "python") is None
    assert keys(lake) == ["kind=b/part-0.parquet", "kind=k/part-0.parquet"]
    assert done() is None, "nothing has changed"
