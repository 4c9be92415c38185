"""A dataset whose raw files, contract and table are as they were: it is not transformed again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import transform
from medallion.engines import opening
from medallion.lake.objects import Lake
from medallion.runs.last_build import LastBuild
from medallion.runs.report import Report
from tests.unit.model_fixtures import contents, put_text
from tests.unit.test_transform import PROCESSED, QUARANTINE, put_contract, put_raw

CODE = "s3://lake/code/1a2b/"
ROWS = {
    "id": ["1", "2", "2", "x", "4"],
    "kind": ["a", "b", "b", "c", "z"],
    "at": ["2013-01-31T23:59:59", "2013-02-01", "2013-02-01", "2013-02-01", "2013-03-01"],
}
JANUARY = f"{PROCESSED}month=2013-01/part-0.parquet"
APPROVAL = {"max_refused_percent": 1}


@pytest.fixture
def filled(lake: Lake) -> Lake:
    put_contract(lake)
    put_raw(lake, ROWS)
    return lake


def run(lake: Lake, run_id: str, **more: Any) -> Report:
    more = {"software": CODE, **more}
    return transform.run(lake, "things", run_id, 256, **more)


def published(lake: Lake) -> dict[str, bytes]:
    return {**contents(lake, "processed/"), **contents(lake, "quarantine/")}


def test_unchanged__opens_no_engine_and_says_what_the_table_has(
    filled: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_raw(filled, {"id": ["8"], "extra": ["?"]}, "b")
    first = run(filled, "r1")
    before = published(filled)
    monkeypatch.setattr(opening, "open_engine", lambda *_, **__: 1 / 0)
    again = run(filled, "r2")
    assert published(filled) == before
    assert (first.unchanged_since, again.unchanged_since) == (None, "r1")
    assert again.rows == first.rows
    assert again.rows.refused == 1
    assert (again.reasons, again.warnings) == (first.reasons, first.warnings)
    assert len(again.warnings) == 1
    assert (again.objects.written, again.objects.unchanged) == (0, first.objects.written)
    found = filled.get_json("runs/r2/transform/things.json")
    assert found["unchanged_since"] == "r1"
    assert found["reasons"] == filled.get_json("runs/r1/transform/things.json")["reasons"]


CHANGES: dict[str, tuple[Callable[[Lake], object], bool]] = {
    "nothing": (lambda _: None, False),
    "a further file": (lambda lake: put_raw(lake, {"id": ["9"]}, "b"), True),
    "a file that is gone": (lambda lake: lake.delete([put_raw(lake, ROWS)]), True),
    "the contract": (lambda lake: put_contract(lake, filter="kind <> 'a'"), True),
    "an object of the table that is gone": (lambda lake: lake.delete([JANUARY]), True),
    "an object of another": (lambda lake: put_text(lake, JANUARY, "others"), True),
    "an object too many": (lambda lake: put_text(lake, f"{JANUARY}2", "others"), True),
    "refused rows that are gone": (lambda lake: lake.delete([QUARANTINE]), True),
    "refused rows of another": (lambda lake: put_text(lake, QUARANTINE, "others"), True),
    "the record": (
        lambda lake: put_text(lake, "state/built/processed/things.json", "{"),
        True,
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change__is_noticed_and_the_table_is_right(filled: Lake, change: str) -> None:
    make, expected = CHANGES[change]
    run(filled, "r1")
    make(filled)
    assert (run(filled, "r2").unchanged_since is None) == expected
    found = published(filled)
    assert run(filled, "r3", software=None).unchanged_since is None
    assert published(filled) == found


@pytest.mark.parametrize("more", [{"software": "s3://lake/code/3c4d/"}, {"max_object_bytes": 1}])
def test_change__of_what_makes_the_table(filled: Lake, more: dict[str, Any]) -> None:
    run(filled, "r1")
    assert run(filled, "r2", **more).unchanged_since is None


def test_nothing_refused_any_more__a_new_object_there_is_noticed(lake: Lake) -> None:
    put_contract(lake)
    put_raw(lake, {"id": ["1"]})
    run(lake, "r1")
    assert run(lake, "r2").unchanged_since == "r1"
    put_text(lake, QUARANTINE, "others")
    assert run(lake, "r3").unchanged_since is None
    assert contents(lake, "quarantine/") == {}


def test_held__is_judged_again_and_what_was_approved_is_kept(filled: Lake) -> None:
    put_contract(filled, approval=APPROVAL)
    held = [run(filled, run_id).held for run_id in ("r1", "r2")]
    assert None not in held
    assert held[0] is not None
    done = run(filled, "r3", approved=held[0]["fingerprint"])
    assert (done.held, done.objects.written) == (None, 3)
    again = run(filled, "r4")
    assert (again.held, again.unchanged_since) == (None, "r3")


def test_killed_before_the_record__is_made_again(
    filled: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(LastBuild, "keep", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(filled, "r1")
    again = run(filled, "r2")
    assert (again.unchanged_since, again.objects.written) == (None, 0)


def test_files_that_come_while_it_runs__are_in_the_record(
    filled: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = transform.Transform._publish

    def published_late(self: Any, *arguments: Any, **more: Any) -> bool:
        done = publish(self, *arguments, **more)
        put_raw(filled, {"id": ["9"]}, "late")
        return done

    with monkeypatch.context() as patch:
        patch.setattr(transform.Transform, "_publish", published_late)
        first = run(filled, "r1")
    assert len(first.warnings) == 1
    again = run(filled, "r2")
    assert (again.unchanged_since, again.rows, again.warnings) == ("r1", first.rows, [])
