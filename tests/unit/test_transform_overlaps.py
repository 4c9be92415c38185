"""Transforms of one dataset at the same time: whatever the order, no row is lost."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

import transform
from ingest import Ingest
from medallion.contract.contract import Contract
from medallion.errors import InputsChanged, LakeError
from medallion.lake.objects import Lake, StoredObject
from medallion.runs import inputs_guard
from medallion.runs.inputs_guard import Inputs
from medallion.runs.report import Report
from tests.unit.model_fixtures import contents
from tests.unit.overlaps import Hooked, Turns, at, requests_of
from tests.unit.transform_fixtures import column

pytestmark = pytest.mark.slow

CONTRACT: dict[str, Any] = {
    "name": "things",
    "columns": [column("id", "int"), column("kind"), column("day", "date")],
    "key": ["id"],
    "order_by": ["day desc"],
    "partition_by": ["kind"],
}
FILES = {
    "a": b"id,kind,day\n1,old,2026-01-01\n2,both,2026-01-01\n3,moved,2026-01-01\n",
    "b": b"id,kind,day\n4,both,2026-01-02\n5,from_b,2026-01-02\nx,bad,2026-01-02\n",
    # 3 leaves its partition, which is gone then; 6 makes one.
    "c": b"id,kind,day\n3,both,2026-01-03\n6,from_c,2026-01-03\ny,bad,2026-01-03\n",
}
LAYERS = ("processed/", "quarantine/")


def ingest(lake: Lake, name: str) -> None:
    """Drop a file and ingest it."""
    key = f"incoming/things/{name}.csv"
    lake.client.put_object(Bucket=lake.bucket, Key=key, Body=FILES[name])
    contract = Contract.from_json(CONTRACT)
    Ingest(lake, contract, Report("ingest", "things", name)).run()


def run(lake: Lake, run_id: str = "r") -> Report:
    """Run the job in this process."""
    return transform.run(lake, "things", run_id, 256)


def reset(lake: Lake) -> None:
    """Put the table of file a, and the raw object of file b."""
    lake.delete(found.key for found in lake.list_objects(""))
    lake.put_json(lake.contract_key("things"), CONTRACT)
    ingest(lake, "a")
    run(lake, "a")
    ingest(lake, "b")


def state(lake: Lake) -> dict[str, bytes]:
    """What the jobs have published."""
    return {key: body for layer in LAYERS for key, body in contents(lake, layer).items()}


def undisturbed(lake: Lake) -> dict[str, bytes]:
    """What is published when one run comes after the other."""
    reset(lake)
    ingest(lake, "c")
    run(lake)
    found = state(lake)
    assert [key.split("/")[2] for key in found] == [
        *("kind=both", "kind=from_b", "kind=from_c", "kind=old", "rows"),
    ]
    return found


def second(lake: Lake) -> Callable[[], object]:
    """Another run, from the file to the table."""

    def running() -> None:
        ingest(lake, "c")
        run(lake, "second")

    return running


def overlapped(lake: Lake) -> list[dict[str, bytes]]:
    """Run a second run inside the first at each of its requests; give what is published then."""
    reset(lake)
    states: list[dict[str, bytes]] = []
    number = 1
    while True:
        hooked = Hooked(lake, at(number, second(lake)))
        run(hooked.lake, "first")
        if hooked.requests < number:
            return states
        states.append(state(lake))
        reset(lake)
        number += 1


def test_overlap__second_run_inside_the_first(lake: Lake) -> None:
    expected = undisturbed(lake)
    states = overlapped(lake)
    assert len(states) >= 15
    for number, found in enumerate(states, 1):
        assert found == expected, f"the second run came before request {number} of the first"


def test_overlap__without_the_guard_rows_are_lost(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the test above would find."""
    expected = undisturbed(lake)
    monkeypatch.setattr(Inputs, "changes", lambda self: "")
    states = overlapped(lake)
    lost = [found for found in states if expected.keys() - found.keys()]
    stale = [found for found in states if found != expected]
    assert len(stale) > len(lost) > 5


@pytest.mark.parametrize("seed", range(12))
def test_overlap__in_turns(lake: Lake, seed: int) -> None:
    expected = undisturbed(lake)
    reset(lake)

    def other(own: Lake) -> None:
        ingest(own, "c")
        run(own, "second")

    Turns(lake, seed).run(lambda own: run(own, "first"), other)
    assert state(lake) == expected


def test_repeat__counts_are_of_the_last_pass(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    reset(lake)
    calls = requests_of(lake, run)
    reset(lake)
    # All is published; what is left is the listing of raw, and the report.
    hooked = Hooked(lake, at(calls - 1, lambda: ingest(lake, "c")))
    with caplog.at_level(logging.WARNING):
        report = run(hooked.lake)
    assert report.rows.to_json() == {
        "in": 9,
        "out": 6,
        "refused": 2,
        "duplicate": 1,
        "filtered": 0,
    }
    assert report.reasons == {"column id: not an int": 2}
    (warning,) = report.warnings
    raw = [found.key for found in lake.list_objects("raw/things/")]
    assert warning == (
        "raw/things/ changed while it was read (objects: 1 added; the first is "
        f"{next(key for key in raw if '/c-' in key)}): pass 2 begins"
    )
    assert warning in caplog.text
    # First both and from_b; then both, from_c, and moved goes.
    assert (report.objects.written, report.objects.unchanged, report.objects.deleted) == (4, 2, 1)
    assert lake.get_json("runs/r/transform/things.json")["objects"] == {
        "written": 4,
        "unchanged": 2,
        "deleted": 1,
    }
    written = sum(
        size for key, size in _sizes(lake).items() if key.split("=")[1].startswith(("both", "from"))
    )
    assert report.objects.bytes > written, "the bytes of both passes"


def _sizes(lake: Lake) -> dict[str, int]:
    return {found.key: found.size for found in lake.list_objects("processed/")}


def test_repeat__ends_after_five_passes(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    reset(lake)
    passes = []
    changes = Inputs.changes

    def changing(self: Inputs) -> str:
        passes.append(self.fingerprint)
        lake.put_json(f"raw/things/_marker_{len(passes)}", {})
        return changes(self)

    monkeypatch.setattr(Inputs, "changes", changing)
    with pytest.raises(InputsChanged) as error:
        run(lake)
    assert isinstance(error.value, LakeError)
    assert str(error.value) == (
        "raw/things/ changed while it was read, 5 times in a row (at last objects: 1 added; the "
        "first is raw/things/_marker_5). The published table is whole, but may lack the newest "
        "rows: run the job again when nothing writes there"
    )
    assert len(set(passes)) == inputs_guard.MAX_PASSES == 5
    assert lake.head("runs/r/transform/things.json") is None
    assert len(_sizes(lake)) == 4


def test_repeat__object_that_vanishes(lake: Lake) -> None:
    reset(lake)
    (key,) = [found.key for found in lake.list_objects("raw/things/") if "/b-" in found.key]

    def vanish(request: int, operation: str) -> None:
        if operation == "GetObject" and lake.head(key) and len(served) == 2:
            lake.delete([key])
        if operation == "HeadObject":
            served.append(request)

    served: list[int] = []
    report = run(Hooked(lake, vanish).lake)
    assert report.rows.out == 3
    (warning,) = report.warnings
    assert f"objects: 1 gone; the first is {key}" in warning


def test_failure__is_passed_on_when_nothing_has_changed(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    reset(lake)
    downloads = []

    def gone(self: Lake, source: StoredObject, path: Any) -> None:
        downloads.append(source.key)
        raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadObject")

    monkeypatch.setattr(Lake, "download", gone)
    with pytest.raises(ClientError, match="404"):
        run(lake)
    assert len(downloads) == len(set(downloads)) > 0, "a second pass"


def test_failure__of_the_last_pass_is_told(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    reset(lake)
    downloads = []

    def failing(self: Lake, source: StoredObject, path: Any) -> None:
        downloads.append(source.key)
        lake.put_json(f"raw/things/_marker_{len(downloads)}", {})
        raise LakeError("no such thing")

    monkeypatch.setattr(Lake, "download", failing)
    with pytest.raises(InputsChanged) as error:
        run(lake)
    assert str(error.value).endswith(". The last pass failed: LakeError: no such thing")
    assert isinstance(error.value.__cause__, LakeError)


def test_failure__that_only_says_that_inputs_changed(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    reset(lake)
    monkeypatch.setattr(Inputs, "changes", lambda self: "objects: 1 added; the first is x")
    with pytest.raises(InputsChanged) as error:
        inputs_guard.until_unchanged(
            lake, ["raw/things/"], Report("transform", "things", "r"), Inputs.require_unchanged
        )
    assert str(error.value).endswith("run the job again when nothing writes there")


def test_inputs__what_a_change_is(lake: Lake) -> None:
    for name in "abc":
        lake.put_json(f"raw/things/{name}", {})
    lake.put_json("raw/things_2/a", {})
    inputs = Inputs(lake, ["raw/things/", "raw/others/"])
    assert inputs.changes() == ""
    inputs.require_unchanged()
    lake.put_json("raw/things_2/b", {})
    assert inputs.changes() == "", "another dataset"
    lake.put_json("raw/things/b", {"other": 1})
    lake.put_json("raw/others/d", {})
    lake.delete(["raw/things/c"])
    assert inputs.changes() == ("objects: 1 added, 1 changed, 1 gone; the first is raw/others/d")
    with pytest.raises(InputsChanged, match=r"raw/things/, raw/others/ changed while it was read"):
        inputs.require_unchanged()


def test_fingerprint__of_keys_etags_and_sizes(lake: Lake) -> None:
    lake.put_json("raw/things/a", {})
    first = Inputs(lake, ["raw/things/"]).fingerprint
    assert len(first) == 16
    assert int(first, 16) >= 0
    lake.put_json("raw/things/a", {})
    assert Inputs(lake, ["raw/things/"]).fingerprint == first, "the same bytes, put again"
    lake.put_json("raw/things/a", {"a": 1})
    second = Inputs(lake, ["raw/things/"]).fingerprint
    lake.put_json("raw/things/a", {"a": 2})
    other = Inputs(lake, ["raw/things/"]).fingerprint
    lake.put_json("raw/things/b", {})
    third = Inputs(lake, ["raw/things/"]).fingerprint
    assert len({first, second, other, third}) == 4


def test_inputs__object_that_was_away_for_a_while(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partition may be deleted by one run and made again by another, with the same bytes."""
    times = iter(dt.datetime(2026, 1, 1, 0, 0, second) for second in (0, 0, 1))
    monkeypatch.setattr(
        Lake,
        "list_objects",
        lambda self, prefix: iter([StoredObject(f"{prefix}a", 1, '"e"', next(times))]),
    )
    inputs = Inputs(lake, ["processed/things/"])
    assert inputs.changes() == ""
    assert inputs.changes() == "objects: 1 changed; the first is processed/things/a"
