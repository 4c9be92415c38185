"""What Athena makes of the partition folders of our jobs, once a crawler has been there."""

from __future__ import annotations

import pyarrow as pa
import pytest

from medallion.lake import table_layer
from tests.local.conftest import Aws, aws
from tests.local.lake import Lake

__all__ = ["aws"]

# What may stand in a text of every day.
PLAIN = ["a b", "ü-ñ", "10:30", "o'clock", 'he said "no"', "x+y", "a^b]", None]
# What cannot stand in a folder's name as it is, and how it is shown where crawlers do not decode.
ENCODED = {"a/b": "a%2Fb", "50%": "50%25", "a=b": "a%3Db", "what?": "what%3F", "#1": "%231"}


@pytest.fixture(scope="module")
def lake(aws: Aws) -> Lake:
    lake = Lake(aws)
    for number, value in enumerate([*PLAIN, *ENCODED]):
        folder = table_layer.partition_folder(("k",), (value,))
        lake.put(f"raw/t/{folder}part-0.parquet", pa.table({"n": [number]}))
    assert lake.crawl(lake.crawler("raw/t/"))["Status"] == "SUCCEEDED"
    return lake


def test_query__gives_the_values_of_partitions(lake: Lake) -> None:
    found = [row[0] for row in lake.rows("SELECT k FROM t ORDER BY n")]
    assert found == [*PLAIN, *ENCODED.values()]


@pytest.mark.parametrize("value", ["10:30", "o'clock"])
def test_query__finds_a_partition_by_its_value(lake: Lake, value: str) -> None:
    quoted = value.replace("'", "''")
    assert lake.rows(f"SELECT n FROM t WHERE k = '{quoted}'") == [[str(PLAIN.index(value))]]
