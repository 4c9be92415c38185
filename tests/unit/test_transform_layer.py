"""The processed layer: names of partitions, and how rows are dealt out to files."""

from __future__ import annotations

import pyarrow as pa
import pytest

from medallion.errors import AccountingError
from medallion.lake.table_files import Rows
from medallion.lake.table_layer import NULL_PARTITION, partition_folder


@pytest.mark.parametrize(
    ("value", "folder"),
    [
        ("a", "p=a/"),
        (None, f"p={NULL_PARTITION}/"),
        ("", f"p={NULL_PARTITION}/"),
        ("a b/c=d:e%f", "p=a b%2Fc%3Dd:e%25f/"),
        ("é\n", "p=é%0A/"),
    ],
)
def test_partition_folder__escapes_as_hive(value: str | None, folder: str) -> None:
    assert partition_folder(("p",), (value,)) == folder


def test_partition_folder__in_order() -> None:
    assert partition_folder(("year", "month"), ("2013", "1")) == "year=2013/month=1/"


def test_rows__chunks_do_not_hang_on_batches() -> None:
    def batches(*sizes: int) -> Rows:
        start, made = 0, []
        for size in sizes:
            values = pa.array(range(start, start + size), pa.int64())
            made.append(pa.record_batch({"a": values}))
            start += size
        return Rows(iter(made))

    for rows in (batches(10), batches(1, 2, 3, 4), batches(0, 7, 0, 3)):
        assert next(rows.take(4))["a"].to_pylist() == [0, 1, 2, 3]
        [table] = rows.take(6)
        assert (table["a"].to_pylist(), table["a"].num_chunks) == ([4, 5, 6, 7, 8, 9], 1)
        with pytest.raises(AccountingError, match="1 rows fewer came from the engine"):
            next(rows.take(1))
