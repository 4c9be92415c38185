"""The Spark engine on a bucket: what it reads, what it writes, and how it says no."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medallion import datatypes
from medallion.engines.base import TableSource, TableTarget
from medallion.engines.opening import open_engine
from medallion.lake.objects import Lake
from medallion.runs.report import Report
from tests.spark.conftest import SparkFailed, SparkProcess

pytestmark = pytest.mark.xdist_group("spark-engine")

ALL_TYPES = (
    "SELECT CAST(id AS string) AS s, id > 1 AS b, CAST(id AS int) AS i, id AS l, id / 3D AS d, "
    "date_add(DATE '2013-01-01', CAST(id AS int)) AS day, "
    "timestamp_micros(id * 1000001) AS at, CAST(id AS decimal(10,2)) AS m, "
    "CAST(id AS decimal(38,0)) AS big, CAST(id AS decimal(5,1)) AS small FROM range(0, 5)"
)


def put(lake: Lake, key: str, table: pa.Table | Mapping[str, Any]) -> None:
    """Put a Parquet object."""
    body = io.BytesIO()
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(dict(table)), body)
    lake.client.put_object(Bucket=lake.bucket, Key=key, Body=body.getvalue())


def get(lake: Lake, key: str) -> pa.Table:
    """Read a Parquet object."""
    body = lake.client.get_object(Bucket=lake.bucket, Key=key)["Body"].read()
    return pq.ParquetFile(io.BytesIO(body)).read()


def keys(lake: Lake, prefix: str = "") -> list[str]:
    """List keys."""
    return [stored.key for stored in lake.list_objects(prefix)]


def test_write_table__types_are_those_of_arrow(on_spark: SparkProcess, lake: Lake) -> None:
    counts = on_spark("write", ALL_TYPES, "analytics/t/", [], ["l"])
    assert counts["written"] == 1, counts
    types = ["string", "boolean", "int", "bigint", "double", "date", "timestamp", "decimal(10,2)"]
    types += ["decimal(38,0)", "decimal(5,1)"]
    names = ("s", "b", "i", "l", "d", "day", "at", "m", "big", "small")
    wanted = [(name, datatypes.parse(kind).arrow) for name, kind in zip(names, types, strict=True)]
    found = get(lake, "analytics/t/part-0.parquet").schema.remove_metadata()
    assert found == pa.schema(wanted), "Spark's Parquet schema is not the one that Arrow writes"
    assert keys(lake) == ["analytics/t/part-0.parquet"], "something was left in the bucket"


def test_write_table__unchanged_objects_are_not_rewritten(
    on_spark: SparkProcess, lake: Lake
) -> None:
    select = (
        "SELECT id, CAST(id % 2 AS string) AS p, rpad(CAST(id * 7919 % 1000 AS string), 20, 'x') "
        "AS t FROM range(0, {}) ORDER BY hash(id, {})"
    )
    first = on_spark("write", select.format(2000, 2), "analytics/t/", ["p"], ["p", "id", "t"])
    assert (first["written"], first["unchanged"], first["deleted"]) == (2, 0, 0)
    names = ["analytics/t/p=0/part-0.parquet", "analytics/t/p=1/part-0.parquet"]
    assert keys(lake) == names
    written = lake.head(names[0])
    same = on_spark("write", select.format(2000, 3), "analytics/t/", ["p"], ["p", "id", "t"])
    assert (same["written"], same["unchanged"], same["bytes"]) == (0, 2, 0)
    assert lake.head(names[0]) == written, "an unchanged object was written again"
    ids = get(lake, names[0])["id"].to_pylist()
    assert ids == list(range(0, 2000, 2)), "rows are not in their order"
    fewer = on_spark(
        "write", select.format(2000, 2), "analytics/t/", ["p"], ["p", "id"], "p = '0' OR id = 5"
    )
    assert (fewer["written"], fewer["unchanged"], fewer["deleted"]) == (1, 1, 0)
    fewer = on_spark("write", select.format(2000, 2), "analytics/t/", ["p"], ["id"], "p = '0'")
    assert (fewer["unchanged"], fewer["deleted"]) == (1, 1)
    assert keys(lake) == names[:1]
    none = on_spark("write", select.format(2000, 2), "analytics/t/", ["p"], ["id"], "false")
    assert (none["deleted"], keys(lake)) == (1, [])


def test_write_table__partition_outgrows_an_object(on_spark: SparkProcess, lake: Lake) -> None:
    select = "SELECT id, md5(CAST(id AS string)) AS t, 'p' AS p FROM range(0, 40000)"
    counts = on_spark("write", select, "analytics/t/", ["p"], ["id"], max_object_bytes=300_000)
    names = [f"analytics/t/p=p/part-{number}.parquet" for number in range(counts["written"])]
    assert keys(lake) == names
    assert len(names) > 2
    rows = [row for name in names for row in get(lake, name)["id"].to_pylist()]
    assert rows == list(range(40_000)), "the parts are not in the order of their rows"
    fewer = on_spark("write", select, "analytics/t/", ["p"], ["id"])
    assert (fewer["written"], fewer["deleted"]) == (1, len(names) - 1)


def test_write_table__bytes_are_those_of_duckdb(
    on_spark: SparkProcess, lake: Lake, tmp_path: Path
) -> None:
    """A table that changes its engine stays as it is, object by object."""
    on_spark(
        "write", ALL_TYPES.replace("range(0, 5)", "range(0, 60000)"), "processed/t/", [], ["l"]
    )
    select = "SELECT *, CAST(CASE WHEN l % 3 < 2 THEN l % 3 END AS {}) AS p FROM t"
    partition_by, sort_by = ("b", "p"), ("at", "l", "s")
    with open_engine("duckdb", lake, tmp_path, max_object_bytes=100_000) as engine:
        engine.bind("t", TableSource("processed/t/", {}))
        types = engine.create("result", select.format("VARCHAR"))
        target = TableTarget("analytics/t/", types, partition_by, sort_by)
        engine.write_table("result", "l % 5 > 0", target, Report("model", "t", "r"))
    there = keys(lake, "analytics/t/")
    assert "analytics/t/b=true/p=__HIVE_DEFAULT_PARTITION__/part-1.parquet" in there
    counts = on_spark(
        "copy", "processed/t/", select.format("string"), "l % 5 > 0", "analytics/t/",
        partition_by, sort_by, max_object_bytes=100_000,
    )  # fmt: skip
    etags = {found.key: found.etag for found in lake.list_objects("analytics/t/")}
    unchanged = {"written": 0, "unchanged": len(there), "deleted": 0, "bytes": 0}
    assert counts == {**unchanged, "etags": etags}


def test_write_table__answer_that_is_read_once(on_spark: SparkProcess, lake: Lake) -> None:
    select = "SELECT id, CAST(id % 2 AS string) AS p FROM range(0, {})"
    rows, counts = on_spark("make", select.format(5), "analytics/t/", ["p"])
    assert (rows, counts["written"]) == (5, 2)
    there = [f"analytics/t/p={value}/part-0.parquet" for value in "01"]
    assert keys(lake, "analytics/t/") == there
    before = [lake.head(key) for key in there]
    # The rows of one partition are well; those of the other have no answer.
    wrong = "SELECT id, CASE WHEN id = 3 THEN raise_error('no') ELSE 'p' END AS p FROM range(0, 9)"
    with pytest.raises(SparkFailed, match="LakeError"):
        on_spark("make", wrong, "analytics/t/", ["p"])
    assert [lake.head(key) for key in there] == before, "a query that failed has changed the table"
    rows, counts = on_spark("make", select.format(0), "analytics/t/", ["p"])
    empty = "analytics/t/p=__HIVE_DEFAULT_PARTITION__/part-0.parquet"
    assert (rows, counts["written"], counts["deleted"]) == (0, 1, 2)
    assert keys(lake, "analytics/t/") == [empty]
    assert get(lake, empty).schema.names == ["id"]
    assert on_spark("make", select.format(0), "analytics/t/", ["p"])[1]["unchanged"] == 1


def test_write_table__partition_values_come_back(on_spark: SparkProcess, lake: Lake) -> None:
    values = ["a b", "a/b=c", "%41", "é#?", "__HIVE_DEFAULT_PARTITION__", "", None, "a:b", "x+y"]
    listed = ", ".join("NULL" if v is None else f"'{v}'" for v in values)
    select = (
        f"SELECT p, posexplode.pos AS n, CAST(posexplode.pos % 2 = 0 AS boolean) AS q FROM (SELECT "
        f"posexplode(array({listed})) AS (pos, p)) AS posexplode"
    )
    on_spark("write", select, "analytics/t/", ["p", "q"], ["n"])
    assert "analytics/t/p=a%2Fb%3Dc/q=false/part-0.parquet" in keys(lake)
    assert "analytics/t/p=__HIVE_DEFAULT_PARTITION__/q=true/part-0.parquet" in keys(lake)
    columns, counts, rows = on_spark(
        "bind", "analytics/t/", {"p": "string", "q": "boolean"}, "SELECT n, p, q FROM t ORDER BY n"
    )
    assert columns == {"n": "int", "p": "string", "q": "boolean"}
    expected = [None if value in ("", values[4]) else value for value in values]
    assert rows == [(n, value, n % 2 == 0) for n, value in enumerate(expected)]
    assert counts[:2] == (9, len(keys(lake)))


def test_write_object(on_spark: SparkProcess, lake: Lake) -> None:
    select = "SELECT id, timestamp_micros(id) AS t FROM range(0, 9, 1, 3)"
    for _ in range(2):
        on_spark("write_object", select, ["id"], "quarantine/x/rows/transform.parquet")
    assert keys(lake) == ["quarantine/x/rows/transform.parquet"]
    found = get(lake, "quarantine/x/rows/transform.parquet")
    assert found["id"].to_pylist() == list(range(9))
    assert found.schema.field("t").type == pa.timestamp("us")


def test_bind_raw__place_of_each_row(on_spark: SparkProcess, lake: Lake) -> None:
    old = {"a": [1, 2], "_source_file": ["f", "f"], "_source_row": [1, 2]}
    put(lake, "raw/x/ingest_date=2026-01-02/b.parquet", old)
    put(lake, "raw/x/ingest_date=2026-01-01/c%2B+d.parquet", {"B": ["t"], "a": [3]})
    put(lake, "raw/x/e.parquet", {"a": ["text"], "m": [1.0]})
    put(lake, "raw/x/_not.parquet", {"z": [1]})
    put(lake, "raw/x/.not.parquet", {"z": [1]})
    columns, counts, rows = on_spark(
        "bind_raw",
        "raw/x/",
        "SELECT _file, _row, ingest_date, _source_row, a, b, m FROM raw ORDER BY 1, 2",
    )
    assert counts[:2] == (4, 3)
    assert columns["a"] == "string", "types of different objects are widened as on DuckDB"
    assert columns["_row"] == "bigint"
    assert [row[1:] for row in rows] == [
        (0, None, None, "text", None, 1.0),
        (0, "2026-01-01", None, "3", "t", None),
        (0, "2026-01-02", 1, "1", None, None),
        (1, "2026-01-02", 2, "2", None, None),
    ], rows


def test_bind_raw__types_that_nothing_holds(on_spark: SparkProcess, lake: Lake) -> None:
    put(lake, "raw/x/a.parquet", {"a": pa.array([1], pa.date32())})
    put(lake, "raw/x/b.parquet", {"a": pa.array([1], pa.int64())})
    with pytest.raises(SparkFailed, match="column a of raw/x/ is bigint in one object and date"):
        on_spark("bind_raw", "raw/x/", "SELECT 1")


def test_bind_raw__without_objects(on_spark: SparkProcess) -> None:
    columns, counts, _ = on_spark("bind_raw", "raw/none/", "SELECT * FROM raw")
    assert counts == (0, 0, 0)
    assert set(columns) >= {"_file", "_row", "ingest_date", "_source_file", "_source_row"}


def test_bind__without_objects(on_spark: SparkProcess) -> None:
    with pytest.raises(
        SparkFailed, match=r"ObjectNotFound: s3://lake-.*/analytics/x/ has no objec"
    ):
        on_spark("bind", "analytics/x/", {})


def test_bind__again(on_spark: SparkProcess, lake: Lake) -> None:
    for key in ("processed/x/a.parquet", "elsewhere/b.parquet"):
        put(lake, key, {"a": [1, 2]})
    first, again, grown = on_spark(
        "bind_again", "processed/x/", ("elsewhere/b.parquet", "processed/x/b.parquet")
    )
    assert (first[0], first[2]) == (2, 2)
    assert again == (2, 0, 2), "a table whose objects are the same was read again"
    assert (grown[0], grown[2]) == (4, 4), "what has come since was not seen"


def test_bind__objects_with_other_columns(on_spark: SparkProcess, lake: Lake) -> None:
    put(lake, "processed/x/a.parquet", {"a": [1]})
    put(lake, "processed/x/b.parquet", {"a": [2], "b": ["t"]})
    columns, counts, rows = on_spark("bind", "processed/x/", {}, "SELECT * FROM t ORDER BY a")
    assert columns == {"a": "bigint", "b": "string"}
    assert counts[:2] == (2, 2)
    assert rows == [(1, None), (2, "t")]
