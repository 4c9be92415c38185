"""Row groups that are written ahead: the same file, and the same end, as without."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medallion.errors import DiskFull, FileRefused
from medallion.lake import local_disk
from medallion.lake.local_disk import ParquetWriter
from tests.unit.files import Read

ROW = f"{'x' * 90}\n"


class SlowExecutor(ThreadPoolExecutor):
    """Runs one call, which takes its time; a second one beside it would take more memory."""

    def __init__(self) -> None:
        super().__init__(1)
        self.calls: list[Future[Any]] = []

    def submit(self, call: Callable[..., Any], /, *values: Any, **named: Any) -> Future[Any]:
        assert all(before.done() for before in self.calls)

        def slow() -> Any:
            time.sleep(0.02)
            return call(*values, **named)

        self.calls.append(super().submit(slow))
        return self.calls[-1]


@pytest.fixture(autouse=True)
def no_thread_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(local_disk, "ROW_GROUP_BYTES", 1 << 20)
    monkeypatch.setattr("medallion.readers.delimited._BLOCK", 1 << 16)
    before = threading.enumerate()
    yield
    assert threading.enumerate() == before


def written(path: Path, ahead: Executor | None, pause: float = 0) -> bytes:
    dice = random.Random(1)
    types: dict[str, pa.DataType] = {"a": pa.string(), "b": pa.int64()}
    schema = pa.schema(types)
    with ParquetWriter(path, schema, ahead=ahead) as writer:
        for _ in range(40):
            numbers = [dice.getrandbits(60) for _ in range(dice.randrange(10_000))]
            writer.write(pa.table({"a": [str(n) for n in numbers], "b": numbers}, schema=schema))
            time.sleep(pause)
    assert writer.rows == pq.ParquetFile(path).metadata.num_rows
    return path.read_bytes()


def test_ahead__same_file_whoever_waits_for_the_other(tmp_path: Path) -> None:
    expected = written(tmp_path / "plain", None)
    assert pq.ParquetFile(tmp_path / "plain").num_row_groups > 4
    with ThreadPoolExecutor(1) as quick:
        assert written(tmp_path / "quick", quick, pause=0.005) == expected
    with SlowExecutor() as slow:
        assert written(tmp_path / "slow", slow) == expected
    assert len(slow.calls) > 4


@pytest.mark.parametrize("rows", [9_000, 60_000])
def test_ahead__disk_full_comes_before_what_is_read_after_it(
    rows: int, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of one full row group, or of many, before the row for which it is refused."""
    data = f'id,name\n{"".join(f"{n},{ROW}" for n in range(rows))}1,"open\n'.encode()
    with pytest.raises(FileRefused, match=f"opens in data row {rows + 1} is never closed"):
        read(data)
    monkeypatch.setattr(local_disk, "_RESERVE_BYTES", 1 << 60)
    with pytest.raises(DiskFull, match=r"bytes free, and .* are needed: split the file"):
        read(data)
