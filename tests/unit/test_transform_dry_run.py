"""What would change no object needs no approval: the comparison that finds it out."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from medallion.lake import table_layer
from medallion.lake.objects import Lake
from tests.unit.test_transform import QUARANTINE, keys
from tests.unit.test_transform_approval import (
    CHANGE,
    REFUSED,
    fingerprint,
    published,
    put_contract,
    put_rows,
    run,
)


def test_unchanged__is_not_held_again(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    put_contract(lake, REFUSED)
    put_rows(lake, "a", 40, 20, "a")
    put_rows(lake, "b", 40, 0, "b")
    run(lake, approved=fingerprint(lake))
    before = published(lake)
    with caplog.at_level(logging.INFO, "transform"):
        report = run(lake, "r2")
    assert report.held is None
    assert report.rows.refused == 20
    assert (report.objects.written, report.objects.unchanged, report.objects.deleted) == (0, 2, 0)
    assert report.objects.bytes == 0
    assert published(lake) == before
    assert "things: no object would change: nothing is to be approved" in caplog.text


def test_unchanged__table_of_several_partitions_with_one_gone(lake: Lake) -> None:
    """All that is left stays the same, and still the table would change."""
    put_contract(lake, REFUSED)
    put_rows(lake, "a", 40, 20, "a")
    key = put_rows(lake, "b", 40, 0, "b")
    run(lake, approved=fingerprint(lake))
    before = published(lake)
    lake.delete([key])
    assert run(lake, "r2").held is not None
    assert published(lake) == before


def test_unchanged__but_for_the_refused_rows(lake: Lake) -> None:
    put_contract(lake, REFUSED)
    put_rows(lake, "a", 80, 20)
    run(lake, approved=fingerprint(lake))
    put_rows(lake, "b", 0, 1)
    report = run(lake, "r2")
    assert report.held is not None
    assert report.rows.out == 80


@pytest.mark.parametrize("what", ["table", "refused rows"])
def test_unchanged__but_someone_has_deleted(lake: Lake, what: str) -> None:
    put_contract(lake, REFUSED)
    put_rows(lake, "a", 80, 20)
    run(lake, approved=fingerprint(lake))
    lake.delete(
        [QUARANTINE] if what == "refused rows" else ["processed/things/kind=k/part-0.parquet"]
    )
    assert run(lake, "r2").held is not None


def test_unchanged__of_no_rows(lake: Lake) -> None:
    put_contract(lake, REFUSED)
    put_rows(lake, "a", 0, 3)
    run(lake, approved=fingerprint(lake))
    assert keys(lake) == []
    assert run(lake, "r2").held is None


def test_hold__ends_the_comparison_early(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    put_contract(lake, CHANGE)
    for number in range(60):
        put_rows(lake, f"{number}", 1, kind=f"{number:02}")
    run(lake, approved=fingerprint(lake))
    compared = []
    is_stored = table_layer._is_stored

    def counted(own: Lake, key: str, path: Any) -> bool:
        compared.append(key)
        return is_stored(own, key, path)

    monkeypatch.setattr(table_layer, "_is_stored", counted)
    put_rows(lake, "more", 100, kind="00")
    assert run(lake, "r2").held is not None
    assert "processed/things/kind=00/part-0.parquet" in compared
    assert len(compared) < 40, "the first partition was enough"
