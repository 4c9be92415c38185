"""Tables that were downloaded: they are used again as long as they are what the bucket has."""

from __future__ import annotations

from pathlib import Path

import pytest

from medallion.engines.duckdb.local_tables import LocalTables
from medallion.lake.objects import Lake, StoredObject
from tests.unit.model_fixtures import put_table

PREFIX = "analytics/things/"


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys that were downloaded."""
    found: list[str] = []
    download = Lake.download

    def counted(self: Lake, stored: StoredObject, path: Path) -> None:
        found.append(stored.key[len(PREFIX) :])
        download(self, stored, path)

    monkeypatch.setattr(Lake, "download", counted)
    return found


@pytest.mark.parametrize("how", ["added", "changed", "gone"])
def test_fetch__again_after_a_change(
    lake: Lake, tmp_path: Path, downloads: list[str], how: str
) -> None:
    tables = LocalTables(lake, tmp_path)
    put_table(lake, f"{PREFIX}a", {"n": [1]})
    put_table(lake, f"{PREFIX}b", {"n": [1]})
    assert [file.rows for file in tables.fetch(PREFIX)] == [1, 1]
    tables.release()
    tables.fetch(PREFIX)
    assert sorted(downloads) == ["a", "b"]
    tables.release()
    if how == "gone":
        lake.delete([f"{PREFIX}a"])
    else:
        put_table(lake, PREFIX + ("c" if how == "added" else "b"), {"n": [1, 2]})
    found = tables.fetch(PREFIX)
    expected = {"added": [1, 1, 2], "changed": [1, 2], "gone": [1]}[how]
    assert [file.rows for file in found] == expected
    assert all(file.path.exists() for file in found)
    assert len(list(tmp_path.iterdir())) == 1, "the old files take room"


def test_fetch__what_is_in_use_stays(lake: Lake, tmp_path: Path, downloads: list[str]) -> None:
    """A view may read its files; that the table has changed is seen when it is published."""
    tables = LocalTables(lake, tmp_path)
    put_table(lake, f"{PREFIX}a", {"n": [1]})
    first = tables.fetch(PREFIX)
    put_table(lake, f"{PREFIX}b", {"n": [1]})
    assert tables.fetch(PREFIX) == first
    assert first[0].path.exists()
    assert downloads == ["a"]
