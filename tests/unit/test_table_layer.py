"""Tables written and read again: partitions, parts, bytes that stay, and processes that die."""

from __future__ import annotations

import datetime as dt
import io
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import transform
from medallion import datatypes
from medallion.datatypes import DataType
from medallion.engines.base import TableSource, TableTarget
from medallion.engines.duckdb import local_tables
from medallion.engines.duckdb.engine import DuckDbEngine
from medallion.errors import ConfigError, DiskFull, LakeError, ObjectNotFound
from medallion.lake.objects import Lake, StoredObject
from medallion.lake.table_layer import NULL_PARTITION
from medallion.runs.report import Report

ROOT = Path(__file__).parents[2]
PREFIX = "analytics/things/"
ODD = ["a b", "50%", "ü/ñ", "a=b", "", None, NULL_PARTITION, "%2F", "x:y?*", "日本", "'q'", "\n"]
WRITER = """
import os, sys
sys.path.insert(0, "jobs")
from pathlib import Path
from medallion.datatypes import DataType
from medallion.engines.base import TableTarget
from medallion.engines.duckdb.engine import DuckDbEngine
from medallion.lake import table_layer
from medallion.lake.objects import Lake, s3_client
from medallion.runs.report import Report

class Stepwise(Lake):
    def put_if_changed(self, key, path):
        written = super().put_if_changed(key, path)
        os.write(1, f"{key}\\n".encode())  # whole, whatever the other thread writes
        os.read(0, 1)  # goes on when it is told to, or when nobody can
        return written

table_layer._UPLOADS = 2
folder = Path(sys.argv[2])
folder.mkdir()
with DuckDbEngine(Stepwise(s3_client(), sys.argv[1]), folder, 128) as engine:
    engine.create("result", "SELECT CAST(i AS VARCHAR) AS p, 'new' AS v FROM range(10, 40) r(i)")
    types = {"p": DataType("string"), "v": DataType("string")}
    target = TableTarget("analytics/things/", types, ("p",), ("p", "v"))
    engine.write_table("result", "true", target, Report("model", "things", "r"))
"""

Write = Callable[..., Report]


@pytest.fixture
def engine(lake: Lake, tmp_path: Path) -> Iterator[DuckDbEngine]:
    """An engine on an empty lake, whose objects are small."""
    folder = tmp_path / "engine"
    folder.mkdir()
    with DuckDbEngine(lake, folder, 256, max_object_bytes=40_000) as engine:
        yield engine


@pytest.fixture
def write(engine: DuckDbEngine) -> Write:
    """Make the table what a query says: `write(select, "partition", "columns", where="true")`."""

    def writing(select: str, *partition_by: str, where: str = "true") -> Report:
        types = engine.create("result", select)
        report = Report("model", "things", "r")
        target = TableTarget(PREFIX, types, partition_by, tuple(types))
        engine.write_table("result", where, target, report)
        return report

    return writing


def keys(lake: Lake) -> list[str]:
    return [found.key[len(PREFIX) :] for found in lake.list_objects(PREFIX)]


def read(lake: Lake, key: str) -> pa.Table:
    body = lake.client.get_object(Bucket=lake.bucket, Key=PREFIX + key)["Body"].read()
    return pq.ParquetFile(io.BytesIO(body)).read()


def source(**partitions: str) -> TableSource:
    return TableSource(PREFIX, {name: datatypes.parse(kind) for name, kind in partitions.items()})


def put(lake: Lake, key: str, table: pa.Table) -> None:
    body = io.BytesIO()
    pq.write_table(table, body)
    lake.client.put_object(Bucket=lake.bucket, Key=PREFIX + key, Body=body.getvalue())


def quoted(text: str | None) -> str:
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


def test_write_table__odd_partitions_come_back(engine: DuckDbEngine, write: Write) -> None:
    values = ", ".join(f"({quoted(text)}, {n})" for n, text in enumerate(ODD))
    write(f"SELECT p, p AS q, n FROM (VALUES {values}) t(p, n)", "p", "q")
    bound = engine.bind("things", source(p="string", q="string"))
    # Three texts are null to Hive, and lie in one partition.
    assert (bound.rows, bound.objects) == (len(ODD), len(ODD) - 2)
    assert bound.columns == {"n": "INTEGER", "p": "VARCHAR", "q": "VARCHAR"}
    nulls = ("", None, NULL_PARTITION)
    assert engine.rows("SELECT p, q, n FROM things ORDER BY n") == [
        (*[None if text in nulls else text] * 2, n) for n, text in enumerate(ODD)
    ]


def test_bind__types_of_partitions(engine: DuckDbEngine, write: Write) -> None:
    write(
        "SELECT 1 AS n, 2013 AS y, 9876543210 AS b, DATE '2013-02-01' AS d, true AS t UNION ALL "
        "SELECT 2, NULL, NULL, NULL, NULL",
        *("y", "b", "d", "t"),
    )
    bound = engine.bind("things", source(y="int", b="bigint", d="date", t="boolean"))
    assert list(bound.columns.values()) == ["INTEGER", "INTEGER", "BIGINT", "DATE", "BOOLEAN"]
    assert engine.rows("SELECT * FROM things ORDER BY n") == [
        (1, 2013, 9876543210, dt.date(2013, 2, 1), True),
        (2, None, None, None, None),
    ]


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("y=x/part-0.parquet", "partition y is 'x', which is not an int; delete the object"),
        ("part-0.parquet", "the folders are '', where y=… is expected"),
        ("z=1/part-0.parquet", "the folders are 'z=1', where y=… is expected"),
    ],
)
def test_bind__folders_that_do_not_fit(
    key: str, problem: str, lake: Lake, engine: DuckDbEngine
) -> None:
    put(lake, key, pa.table({"n": [1]}))
    with pytest.raises(LakeError) as error:
        engine.bind("things", source(y="int"))
    assert str(error.value).startswith(f"s3://{lake.bucket}/{PREFIX}{key}: {problem}")


def test_bind__moments_become_timestamps_and_columns_are_united(
    lake: Lake, engine: DuckDbEngine
) -> None:
    at = dt.datetime(2013, 1, 1, 12)
    zoned = pa.array([at.replace(tzinfo=dt.UTC)], pa.timestamp("us", "UTC"))
    put(lake, "a.parquet", pa.table({"at": zoned, "n": [1]}))
    put(lake, "b.parquet", pa.table({"m": ["x"], "at": pa.array([at], pa.timestamp("us"))}))
    bound = engine.bind("things", source())
    assert bound.columns == {"at": "TIMESTAMP", "n": "BIGINT", "m": "VARCHAR"}
    assert engine.rows("SELECT things.at, n, m FROM things ORDER BY n") == [
        (at, 1, None),
        (at, None, "x"),
    ]


def test_bind__no_objects(lake: Lake, engine: DuckDbEngine) -> None:
    with pytest.raises(ObjectNotFound, match=rf"no object lies under s3://{lake.bucket}/{PREFIX}"):
        engine.bind("things", source())
    columns = {"n": DataType("int"), "p": DataType("string")}
    bound = engine.bind("things", TableSource(PREFIX, {"p": columns["p"]}, columns))
    assert (bound.rows, bound.columns) == (0, {"n": "INTEGER", "p": "VARCHAR"})
    assert engine.rows("SELECT * FROM things") == []


def test_bind__downloads_once_until_rewritten(
    lake: Lake, engine: DuckDbEngine, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("SELECT 1 AS n")
    downloads = []
    download = Lake.download

    def counted(self: Lake, stored: StoredObject, path: Path) -> None:
        downloads.append(stored.key)
        download(self, stored, path)

    monkeypatch.setattr(Lake, "download", counted)
    for _ in range(2):
        assert engine.rows(f"SELECT n FROM {engine.bind('a', source()).view}") == [(1,)]
        engine.release()
    assert len(downloads) == 1
    write("SELECT 2 AS n")
    assert engine.rows(f"SELECT n FROM {engine.bind('a', source()).view}") == [(2,)]
    assert len(downloads) == 2


def test_bind__what_failed_leaves_no_files(lake: Lake, engine: DuckDbEngine) -> None:
    # Each model that reads a broken table downloads it again, and the disk would fill.
    put(lake, "part-0.parquet", pa.table({"n": [1]}))
    lake.put_json(f"{PREFIX}part-1.parquet", {})
    for _ in range(2):
        with pytest.raises(LakeError, match=r"part-1\.parquet is not a Parquet file"):
            engine.bind("v", source())
    assert list((engine.folder / "tables").iterdir()) == []


def test_bind__disk_is_short(
    lake: Lake, engine: DuckDbEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables that nothing uses make room; those in use do not."""
    put(lake, "x/a.parquet", pa.table({"n": [1]}))
    put(lake, "y/a.parquet", pa.table({"n": [2]}))
    x, y = TableSource(f"{PREFIX}x/", {}), TableSource(f"{PREFIX}y/", {})
    engine.bind("x", x)

    def require_free(folder: Path, size: int) -> None:
        if list(folder.rglob("*.parquet")):
            raise DiskFull("short")

    monkeypatch.setattr(local_tables, "require_free", require_free)
    with pytest.raises(DiskFull):
        engine.bind("y", y)
    assert engine.rows("SELECT n FROM x") == [(1,)]
    engine.release()
    engine.bind("y", y)
    assert engine.rows("SELECT n FROM y") == [(2,)]


def test_create__types(engine: DuckDbEngine) -> None:
    found = engine.create(
        "t",
        "SELECT 'a' AS s, true AS b, 1 AS i, CAST(1 AS BIGINT) AS l, CAST(1 AS DOUBLE) AS d, "
        "DATE '2013-01-01' AS day, TIMESTAMP '2013-01-01' AS at, CAST(1 AS DECIMAL(12,2)) AS m",
    )
    assert [(name, kind.name) for name, kind in found.items()] == [
        *[("s", "string"), ("b", "boolean"), ("i", "int"), ("l", "bigint"), ("d", "double")],
        *[("day", "date"), ("at", "timestamp"), ("m", "decimal(12,2)")],
    ]


@pytest.mark.parametrize(
    ("select", "problem"),
    [
        ("SELECT 1::TINYINT AS x", "column 'x' is of type tinyint, which a table cannot have"),
        ("SELECT 1::HUGEINT AS x", "for example CAST(x AS decimal(38,0))"),
        ("SELECT MAP {1: 2} AS x", "column 'x' is of type map(integer, integer), which"),
        ("SELECT INTERVAL 1 DAY AS x", "for example CAST(x AS string)"),
        ("SELECT 1 AS x, 2 AS X", "two columns are named 'X': give each a name of its own with AS"),
        ("SELECT y FROM (SELECT 1 AS x)", 'Binder Error: Referenced column "y" not found'),
        ("SELECT nope(1) AS x", "Catalog Error: Scalar Function with name nope does not exist"),
    ],
)
def test_create__refused(select: str, problem: str, engine: DuckDbEngine) -> None:
    with pytest.raises(ConfigError) as error:
        engine.create("t", select)
    assert problem in str(error.value)


def test_create__data_that_does_not_convert_is_no_mistake_of_the_query(
    engine: DuckDbEngine,
) -> None:
    with pytest.raises(LakeError, match="Could not convert string 'a'") as error:
        engine.create("t", "SELECT CAST(v AS INTEGER) AS x FROM (SELECT 'a' AS v)")
    assert not isinstance(error.value, ConfigError)


def test_release__drops_what_was_made(lake: Lake, engine: DuckDbEngine) -> None:
    put(lake, "a.parquet", pa.table({"n": [1]}))
    engine.bind("things", source())
    engine.create("result", "SELECT * FROM things")
    engine.release()
    assert engine.rows("SELECT count(*) FROM duckdb_tables()") == [(0,)]
    assert engine.rows("SELECT count(*) FROM duckdb_views() WHERE NOT internal") == [(0,)]


def test_write_table__outgrown_objects_go_on_in_another(
    lake: Lake, engine: DuckDbEngine, write: Write
) -> None:
    select = (
        "SELECT md5(CAST(i AS VARCHAR)) AS v, if(i < 100, 'few', 'many') AS p FROM range({}) r(i)"
    )
    report = write(select.format(30_000), "p")
    parts = [f"p=many/part-{n}.parquet" for n in range(4)]
    assert keys(lake) == ["p=few/part-0.parquet", *parts]
    assert report.objects.written == 5
    found = [str(value) for key in parts for value in read(lake, key)["v"].to_pylist()]
    assert (len(found), found) == (29_900, sorted(found))
    sizes = [stored.size for stored in lake.list_objects(f"{PREFIX}p=many/")]
    assert all(size >= 40_000 for size in sizes[:-1])
    again = write(select.format(30_000), "p")
    assert (again.objects.written, again.objects.unchanged, again.objects.bytes) == (0, 5, 0)
    # It shrinks: what was part-1 and so on goes.
    assert write(select.format(1000), "p").objects.deleted == 3
    assert keys(lake) == ["p=few/part-0.parquet", "p=many/part-0.parquet"]
    assert engine.bind("things", source(p="string")).rows == 1000


def test_write_table__same_rows_same_bytes(lake: Lake, tmp_path: Path) -> None:
    """However many threads there are, however short memory is, in whatever order rows come."""
    select = (
        "SELECT CAST(hash(i) % 50000 AS INTEGER) AS a, md5(CAST(i AS VARCHAR)) AS b, "
        "CAST(i % 3 AS VARCHAR) AS p FROM range(200000) r(i) ORDER BY hash(i + {})"
    )
    for number, memory_mb in enumerate((128, 1024, 256)):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        report = Report("model", "things", "r")
        with DuckDbEngine(lake, folder, memory_mb, 300_000) as engine:
            types = engine.create("result", select.format(number))
            target = TableTarget(PREFIX, types, ("p",), tuple(types))
            engine.write_table("result", "true", target, report)
            assert not list(folder.rglob("*.parquet"))
        assert report.objects.written == (0 if number else len(keys(lake)))
    assert len(keys(lake)) > 6


def test_write_table__where_and_no_rows(lake: Lake, write: Write) -> None:
    select = "SELECT i AS n FROM range(10) r(i)"
    write(select, where="n % 2 = 1")
    assert read(lake, "part-0.parquet")["n"].to_pylist() == [1, 3, 5, 7, 9]
    assert write(select, where="n > 10").objects.deleted == 1
    assert keys(lake) == []


def test_write_object__sorted_even_when_empty(lake: Lake, engine: DuckDbEngine) -> None:
    engine.create("t", "SELECT i AS n, -i AS m FROM range(20000) r(i)")
    engine.write_object("SELECT n, m FROM t", ["m", "n"], f"{PREFIX}a")
    assert read(lake, "a")["n"].to_pylist() == list(range(19_999, -1, -1))
    engine.write_object("SELECT n FROM t WHERE n < 0", ["n"], f"{PREFIX}a")
    assert read(lake, "a").to_pydict() == {"n": []}


def test_write_table__failed_upload_leaves_nothing_behind(
    lake: Lake, engine: DuckDbEngine, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next model is built by the same engine, on the same disk."""
    select = "SELECT CAST(i % 200 AS VARCHAR) AS p, i AS n FROM range(2000) r(i)"
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "put_if_changed", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write(select, "p")
    assert not list(engine.folder.rglob("*.parquet"))
    assert write(select, "p").objects.written == 200


def test_transform__engine_and_size_of_objects_are_given(lake: Lake) -> None:
    """And columns may be named as keywords."""
    names = ("at", "order", "select", "table")
    columns = [{"name": name, "type": "int"} for name in names]
    document = {"name": "things", "engine": "spark", "columns": columns}
    lake.put_json("config/datasets/things.json", document)
    values = [str(n * 7919 % 60_000) for n in range(60_000)]
    raw = pa.table({name: ["x", *values] for name in names})
    body = io.BytesIO()
    pq.write_table(raw, body)
    lake.client.put_object(Bucket=lake.bucket, Key="raw/things/a.parquet", Body=body.getvalue())
    report = transform.run(lake, "things", "r", 256, engine="duckdb", max_object_bytes=100_000)
    assert (report.rows.out, report.rows.refused) == (60_000, 1)
    assert [reason for reason, _ in sorted(report.reasons.items())] == [
        f"column {name}: not an int" for name in names
    ]
    stored = [found.key for found in lake.list_objects("processed/things/")]
    assert stored == [f"processed/things/part-{n}.parquet" for n in range(len(stored))]
    assert len(stored) > 2
    key = lake.transform_refused_rows_key("things")
    body = io.BytesIO(lake.client.get_object(Bucket=lake.bucket, Key=key)["Body"].read())
    (refused,) = pq.read_table(body).to_pylist()
    assert refused["order"] == "x"
    assert "column select: 'x' is not an int" in refused["_reason"]


def test_write_table__killed_half_way(served_lake: Lake, job_python: str, tmp_path: Path) -> None:
    """Each partition is old or new; the next run ends where this one would have."""
    old = [f"p={n}/part-0.parquet" for n in range(30)]
    for n, key in enumerate(old):
        put(served_lake, key, pa.table({"v": [f"old {n}"]}))
    command = [job_python, "-c", WRITER, served_lake.bucket]
    environment = {**os.environ, "PYTHONPATH": ""}
    first = [*command, str(tmp_path / "1")]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        first, cwd=ROOT, env=environment, bufsize=0, stdin=pipe, stdout=pipe
    ) as process:
        assert process.stdin
        assert process.stdout
        # Two are uploaded at a time.
        written = [process.stdout.readline() for _ in range(2)]
        process.stdin.write(b"..")
        written += [process.stdout.readline() for _ in range(2)]
        process.kill()
    assert process.returncode == -9
    assert all(line.startswith(b"analytics/things/p=") for line in written)
    assert set(old) <= set(keys(served_lake))
    values = {key: read(served_lake, key)["v"].to_pylist() for key in keys(served_lake)}
    assert all(v in ([f"old {key[2:-15]}"], ["new"]) for key, v in values.items())
    assert sum(v == ["new"] for v in values.values()) == 4
    again = [*command, str(tmp_path / "2")]
    subprocess.run(again, cwd=ROOT, env=environment, check=True, stdin=subprocess.DEVNULL)
    assert keys(served_lake) == [f"p={n}/part-0.parquet" for n in range(10, 40)]
    assert all(read(served_lake, key)["v"].to_pylist() == ["new"] for key in keys(served_lake))
