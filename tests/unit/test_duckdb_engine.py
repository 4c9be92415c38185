"""The engine: what it can reach, how much it takes, and how it says what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medallion.engines.base import BoundTable
from medallion.engines.duckdb import engine as engine_module
from medallion.engines.duckdb.engine import DuckDbEngine, default_memory_mb
from medallion.errors import ConfigError, DiskFull, LakeError
from tests.unit.transform_fixtures import engine_in


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDbEngine]:
    """An engine of the smallest size in a folder of its own."""
    folder = tmp_path / "engine"
    folder.mkdir()
    with engine_in(folder, memory_mb=128) as engine:
        yield engine


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{outside}')",
        "SELECT * FROM read_text('{outside}')",
        "SELECT * FROM glob('{outside}*')",
        "COPY (SELECT 1) TO '{outside}'",
        "ATTACH '{outside}.db'",
        "SELECT * FROM read_parquet('https://example.com/a.parquet')",
        "SELECT * FROM read_parquet('{inside}/../secret.txt')",
        "INSTALL httpfs",
    ],
)
def test_engine__reaches_no_file_outside(sql: str, engine: DuckDbEngine, tmp_path: Path) -> None:
    outside = tmp_path / "secret.txt"
    outside.write_text("secret")
    with pytest.raises(LakeError, match=r"(disabled by configuration|not be loaded|Missing Ext)"):
        engine.execute(sql.format(outside=outside, inside=engine.folder))
    assert outside.read_text() == "secret"


@pytest.mark.parametrize(
    "setting", ["enable_external_access = true", "TimeZone = 'Asia/Tokyo'", "threads = 8"]
)
def test_engine__settings_are_locked(setting: str, engine: DuckDbEngine) -> None:
    with pytest.raises(LakeError, match=r"configuration has been locked"):
        engine.execute(f"SET {setting}")


def test_engine__spills_beyond_its_memory(engine: DuckDbEngine) -> None:
    # 1.3 M rows of 100 bytes, more than the limit, sorted by what is in no order.
    engine.execute(
        "CREATE TABLE t AS SELECT md5(i::VARCHAR) || repeat('x', 68) AS v FROM range(1300000) r(i)"
    )
    batches = engine.batches("SELECT v FROM t ORDER BY v", 65536)
    last, rows = "", 0
    for batch in batches:
        assert last < batch.column(0)[0].as_py()
        last = batch.column(0)[-1].as_py()
        rows += batch.num_rows
    assert rows == 1_300_000


def test_engine__out_of_memory_says_what_to_do(engine: DuckDbEngine) -> None:
    with pytest.raises(LakeError) as error:
        engine.rows("SELECT list(repeat('x', 1000) || i) FROM range(1000000) r(i)")
    assert "does not fit in 128 MB of memory: give the job more capacity" in str(error.value)
    assert "--memory-mb" in str(error.value)


def test_engine__disk_full(engine: DuckDbEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def execute(self, _: str) -> None:
            raise duckdb.IOException("IO Error: Could not write: No space left on device\nmore")

    monkeypatch.setattr(engine, "_connection", Full())
    with pytest.raises(DiskFull, match=r"^the local disk is full: IO Error: Could not write: No"):
        engine.execute("SELECT 1")
    monkeypatch.undo()


def test_engine__memory_too_small(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--memory-mb is 100; at least 128 MB are needed"):
        engine_in(tmp_path, memory_mb=100)


def test_engine__threads_follow_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    for memory_mb, threads in ((128, 1), (400, 3), (4000, 4)):
        folder = tmp_path / str(memory_mb)
        folder.mkdir()
        with engine_in(folder, memory_mb=memory_mb) as found:
            assert found.threads == threads


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("1073741824\n", 409), ("max\n", 6553), ("104857600", 128), ("99999999999999", 6553)],
)
def test_default_memory__of_the_container(
    limit: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "memory.max"
    file.write_text(limit)
    monkeypatch.setattr(engine_module, "_CGROUP_LIMITS", (str(tmp_path / "none"), str(file)))
    sizes = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 4 << 20}
    monkeypatch.setattr("os.sysconf", sizes.__getitem__)
    assert default_memory_mb() == expected


def test_describe__gives_types_and_words(engine: DuckDbEngine) -> None:
    assert engine.describe('"a" + 1', {"a": "BIGINT"}) == "BIGINT"
    with pytest.raises(ConfigError, match=r'^Binder Error: Referenced column "b" not found'):
        engine.describe('"b"', {"a": "BIGINT"})


def test_bind_raw__numbers_files_and_rows(tmp_path: Path) -> None:
    files = {}
    tables: tuple[tuple[str, dict[str, list[Any]]], ...] = (
        ("raw/t/ingest_date=2026-01-01/0.parquet", {"a": ["x", "y"], "ingest_date": ["no", "no"]}),
        ("raw/t/1.parquet", {"b": [1], "_source_file": ["f"], "_source_row": [9]}),
        ("raw/t/_2.parquet", {"a": ["not read"]}),
    )
    for number, (key, table) in enumerate(tables):
        files[key] = tmp_path / f"{number}.parquet"
        pq.write_table(pa.table(table), files[key])
    with engine_in(tmp_path, files) as engine:
        bound = engine.bind_raw("raw", "raw/t/")
        assert bound.columns == {
            "_file": "BIGINT",
            "_row": "BIGINT",
            "ingest_date": "VARCHAR",
            "a": "VARCHAR",
            "b": "BIGINT",
            "_source_file": "VARCHAR",
            "_source_row": "BIGINT",
        }
        size = sum(path.stat().st_size for path in list(files.values())[:2])
        assert (bound.view, bound.rows, bound.objects, bound.bytes) == ("raw", 3, 2, size)
        names = "_file, _row, ingest_date, a, b, _source_file, _source_row"
        assert engine.rows(f"SELECT {names} FROM raw ORDER BY _file, _row") == [
            (0, 0, "2026-01-01", "x", None, None, None),
            (0, 1, "2026-01-01", "y", None, None, None),
            (1, 0, None, None, 1, "f", 9),
        ]


def test_bind_raw__nothing_there(engine: DuckDbEngine) -> None:
    assert engine.bind_raw("raw", "raw/t/") == BoundTable("raw", {}, 0, 0, 0)
