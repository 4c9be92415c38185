"""The transform job on a lake: what it writes, keeps, deletes and reports."""

from __future__ import annotations

import datetime as dt
import io
import json
import logging
import os
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

import transform
from medallion.errors import ConfigError, LakeError, ObjectNotFound
from medallion.lake.objects import Lake, Put
from medallion.lake.table_layer import NULL_PARTITION
from medallion.runs.report import Report
from tests.unit.transform_fixtures import Table, column, derived, raw_table

ROOT = Path(__file__).parents[2]
THINGS: dict[str, Any] = {
    "name": "things",
    "columns": [column("id", "int"), column("kind", clean=["trim"]), column("at", "timestamp")],
    "key": ["id"],
    "filter": "id <> 99",
    "derive": [derived("month", "string", "date_format(at, 'yyyy-MM')")],
    "partition_by": ["month"],
}
FIRST: Table = {
    "id": ["3", "1", "2", "99", "x", "1"],
    "kind": [" a ", "old", "c", "d", "e", "b"],
    "at": ["2013-02-01 10:00", "2013-01-05", "", "", "2013-01-01", "2013-01-31T23:59:59Z"],
}
PROCESSED = "processed/things/"
QUARANTINE = "quarantine/things/rows/transform.parquet"


def put_contract(lake: Lake, **changes: Any) -> None:
    """Put the contract of `things`."""
    lake.put_json(lake.contract_key("things"), {**THINGS, **changes})


def put_raw(lake: Lake, table: Table, name: str = "a", date: str = "2026-01-01") -> str:
    """Put one raw object and return its key."""
    body = io.BytesIO()
    pq.write_table(raw_table(table, f"incoming/things/{name}.csv"), body)
    key = f"raw/things/ingest_date={date}/{name}-0123456789abcdef.parquet"
    lake.client.put_object(Bucket=lake.bucket, Key=key, Body=body.getvalue())
    return key


def read(lake: Lake, key: str) -> pa.Table:
    """Read a Parquet object, without what its folders say."""
    body = lake.client.get_object(Bucket=lake.bucket, Key=key)["Body"].read()
    return pq.ParquetFile(io.BytesIO(body)).read()


def keys(lake: Lake, prefix: str = PROCESSED) -> list[str]:
    """List the keys below a prefix, without the prefix."""
    return [found.key[len(prefix) :] for found in lake.list_objects(prefix)]


def run(lake: Lake, run_id: str = "r1") -> Report:
    """Run the job in this process."""
    return transform.run(lake, "things", run_id, 256)


def test_transform__types_partitions_and_counts(lake: Lake) -> None:
    put_contract(lake)
    put_raw(lake, FIRST)
    report = run(lake)
    assert report.rows.to_json() == {
        "in": 6,
        "out": 3,
        "refused": 1,
        "duplicate": 1,
        "filtered": 1,
    }
    assert keys(lake) == [
        "month=2013-01/part-0.parquet",
        "month=2013-02/part-0.parquet",
        f"month={NULL_PARTITION}/part-0.parquet",
    ]
    january = read(lake, f"{PROCESSED}month=2013-01/part-0.parquet")
    assert [(field.name, str(field.type)) for field in january.schema] == [
        *[("id", "int32"), ("kind", "string"), ("at", "timestamp[us]")],
    ]
    assert january.to_pylist() == [
        {"id": 1, "kind": "b", "at": dt.datetime(2013, 1, 31, 23, 59, 59)}
    ]
    unknown = read(lake, f"{PROCESSED}month={NULL_PARTITION}/part-0.parquet")
    assert unknown.to_pylist() == [{"id": 2, "kind": "c", "at": None}]


def test_transform__report(lake: Lake) -> None:
    put_contract(lake)
    put_raw(lake, FIRST)
    run(lake)
    found = lake.get_json("runs/r1/transform/things.json")
    size = sum(stored.size for stored in lake.list_objects(PROCESSED))
    assert found.pop("seconds") >= 0
    assert dt.datetime.strptime(found.pop("started_at"), "%Y-%m-%dT%H:%M:%SZ")
    assert found == {
        "run_id": "r1",
        "job": "transform",
        "dataset": "things",
        "rows": {"in": 6, "out": 3, "refused": 1, "duplicate": 1, "filtered": 1},
        "reasons": [{"reason": "column id: not an int", "rows": 1}],
        "warnings": [],
        "objects": {"written": 3, "unchanged": 0, "deleted": 0},
        "bytes_written": size,
    }


def test_transform__refused_rows_are_kept_as_they_were(lake: Lake) -> None:
    put_contract(lake)
    key = put_raw(lake, FIRST)
    run(lake)
    assert read(lake, QUARANTINE).to_pylist() == [
        {
            "ingest_date": "2026-01-01",
            "id": "x",
            "kind": "e",
            "at": "2013-01-01",
            "_source_file": "incoming/things/a.csv",
            "_source_row": 5,
            "_reason": "column id: 'x' is not an int "
            "(a whole number from -2147483648 to 2147483647)",
        }
    ]
    lake.delete([key])
    put_raw(lake, {name: values[:4] for name, values in FIRST.items()})
    assert run(lake).rows.refused == 0
    assert keys(lake, "quarantine/") == []


def test_transform__partition_that_is_named_as_null_is(lake: Lake) -> None:
    """It had the key of the null partition, and one of the two objects was lost."""
    put_contract(lake, key=[], filter=None, derive=[], partition_by=["kind"])
    put_raw(lake, {"id": ["1", "2", "3"], "kind": ["", NULL_PARTITION, "a"], "at": [""] * 3})
    assert run(lake).rows.out == 3
    assert keys(lake) == [f"kind={NULL_PARTITION}/part-0.parquet", "kind=a/part-0.parquet"]
    null = read(lake, f"{PROCESSED}kind={NULL_PARTITION}/part-0.parquet")
    assert null["id"].to_pylist() == [1, 2]


def test_transform__partition_too_long_for_a_key(lake: Lake) -> None:
    """S3 refused the key, so one row kept the whole dataset from being written."""
    put_contract(lake, key=[], filter=None, derive=[], partition_by=["kind"])
    put_raw(lake, {"id": [*"123"], "kind": ["é" * 120, "é" * 121, "'" * 240], "at": [""] * 3})
    report = run(lake)
    assert (report.rows.out, report.rows.refused) == (2, 1)
    assert list(report.reasons) == ["column kind: over 240 bytes, too long for a partition"]
    assert all(len(f"{PROCESSED}{key}".encode()) < 1024 for key in keys(lake))


def test_transform__second_run_writes_nothing(lake: Lake) -> None:
    put_contract(lake)
    put_raw(lake, FIRST)
    run(lake)
    before = _versions(lake)
    report = run(lake, "r2")
    assert (report.objects.written, report.objects.unchanged, report.objects.deleted) == (0, 3, 0)
    assert report.objects.bytes == 0
    assert _versions(lake) == before


def test_transform__writes_only_what_changed(lake: Lake) -> None:
    put_contract(lake)
    put_raw(lake, FIRST)
    run(lake)
    put_raw(lake, {"id": ["3"], "kind": ["z"], "at": ["2013-01-02"]}, "b", "2026-01-02")
    report = run(lake, "r2")
    # 3 has moved from February to January.
    assert (report.objects.written, report.objects.unchanged, report.objects.deleted) == (1, 1, 1)
    assert keys(lake) == [
        "month=2013-01/part-0.parquet",
        f"month={NULL_PARTITION}/part-0.parquet",
    ]


def test_transform__same_rows_in_other_objects_are_the_same_bytes(lake: Lake) -> None:
    put_contract(lake)
    key = put_raw(lake, FIRST)
    run(lake)
    lake.delete([key])
    for row in range(6):
        put_raw(lake, {n: v[row : row + 1] for n, v in FIRST.items()}, f"part{row}")
    report = run(lake, "r2")
    assert (report.objects.written, report.objects.unchanged) == (0, 3)


def test_transform__other_partitions_replace_the_old_ones(lake: Lake) -> None:
    put_contract(lake)
    put_raw(lake, FIRST)
    run(lake)
    put_contract(lake, partition_by=[])
    report = run(lake, "r2")
    assert keys(lake) == ["part-0.parquet"]
    assert (report.objects.written, report.objects.deleted) == (1, 3)
    table = read(lake, f"{PROCESSED}part-0.parquet")
    assert table.column_names == ["id", "kind", "at", "month"]
    assert table["id"].to_pylist() == [1, 2, 3]


@pytest.mark.parametrize("how", ["no object", "no row", "not of this dataset"])
def test_transform__no_raw_rows(how: str, lake: Lake) -> None:
    put_contract(lake)
    key = put_raw(lake, FIRST)
    run(lake)
    lake.delete([key])
    if how == "no row":
        put_raw(lake, {name: [] for name in FIRST})
    if how == "not of this dataset":
        lake.put_json("raw/things/_SUCCESS", {})
        lake.put_json("raw/things/.part", {})
        lake.put_json("raw/things_2/ingest_date=2026-01-01/x.parquet", {})
    report = run(lake, "r2")
    assert report.rows.to_json() == {
        "in": 0,
        "out": 0,
        "refused": 0,
        "duplicate": 0,
        "filtered": 0,
    }
    assert report.objects.deleted == 3
    assert keys(lake) == []
    assert keys(lake, "quarantine/") == []
    assert lake.get_json("runs/r2/transform/things.json")["rows"]["in"] == 0


def test_transform__all_rows_filtered(lake: Lake) -> None:
    put_contract(lake)
    put_raw(lake, FIRST)
    run(lake)
    put_contract(lake, filter="false")
    report = run(lake, "r2")
    assert (report.rows.out, report.rows.filtered, report.objects.deleted) == (0, 4, 3)
    assert keys(lake) == []


def test_transform__neighbours_are_left_alone(lake: Lake) -> None:
    put_contract(lake)
    put_raw(lake, FIRST)
    others = ["processed/things_2/part-0.parquet", "processed/thing/part-0.parquet"]
    for key in others:
        lake.put_json(key, {})
    run(lake)
    assert all(lake.head(key) for key in others)


def test_transform__bad_expression_stops_before_any_row(lake: Lake) -> None:
    put_contract(lake, filter="idd > 1")
    lake.put_json("raw/things/ingest_date=2026-01-01/broken.parquet", {})
    with pytest.raises(ConfigError, match=r"unknown column 'idd' \(did you mean 'id'\?\)"):
        run(lake)


def test_transform__broken_raw_object_is_named(lake: Lake) -> None:
    put_contract(lake)
    put_raw(lake, FIRST)
    run(lake)
    lake.put_json("raw/things/ingest_date=2026-01-01/broken.parquet", {})
    with pytest.raises(LakeError) as error:
        run(lake, "r2")
    assert str(error.value).startswith(
        f"s3://{lake.bucket}/raw/things/ingest_date=2026-01-01/broken.parquet is not a Parquet file"
    )
    assert len(keys(lake)) == 3
    assert lake.head("runs/r2/transform/things.json") is None


def test_transform__no_contract(lake: Lake) -> None:
    with pytest.raises(ObjectNotFound, match=r"config/datasets/things\.json does not exist"):
        run(lake)


def test_transform__contract_of_another_name(lake: Lake) -> None:
    put_contract(lake, name="other")
    with pytest.raises(ConfigError, match="is the contract of 'other', not of 'things'"):
        run(lake)


def test_transform__columns_that_differ_are_warned_of(lake: Lake) -> None:
    put_contract(lake)
    put_raw(lake, {"id": ["1"], "kind": ["a"], "colour": ["red"]})
    assert run(lake).warnings == [
        "column at of the contract is in no raw object: it is null",
        "column colour of raw is not in the contract: it is left out",
    ]


def test_transform__killed_half_way(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each partition is old or new, and the next run ends where the first would have."""
    put_contract(lake)
    put_raw(lake, FIRST)
    run(lake)
    old = {key: read(lake, PROCESSED + key) for key in keys(lake)}
    more = {"id": ["3", "4", "5"], "kind": ["z"] * 3, "at": ["2013-03-01", "2013-01-01", ""]}
    put_raw(lake, more, "b", "2026-01-02")
    write = Lake.put_if_changed

    def fail_at_march(self: Lake, key: str, path: Path) -> Put:
        if "2013-03" in key:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")
        return write(self, key, path)

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "put_if_changed", fail_at_march)
        with pytest.raises(ClientError, match="AccessDenied"):
            run(lake, "r2")
    # Nothing is deleted before all is written.
    assert set(old) <= set(keys(lake))
    assert lake.head("runs/r2/transform/things.json") is None
    report = run(lake, "r3")
    assert report.rows.out == 5
    assert keys(lake) == [
        "month=2013-01/part-0.parquet",
        "month=2013-03/part-0.parquet",
        f"month={NULL_PARTITION}/part-0.parquet",
    ]
    found = [row["id"] for key in keys(lake) for row in read(lake, PROCESSED + key).to_pylist()]
    assert sorted(found) == [1, 2, 3, 4, 5]


def test_transform__many_partitions_of_many_rows(lake: Lake) -> None:
    size = 50_000
    put_contract(
        lake, columns=[column("id", "int"), column("p")], derive=[], filter=None,
        partition_by=["p"],
    )  # fmt: skip
    expected = pd.DataFrame({"id": range(size), "p": [f"p{i % 40:02}" for i in range(size)]})
    expected.loc[expected["id"] < 30_000, "p"] = "big"
    shuffled = expected.sample(frac=1, random_state=1)
    put_raw(lake, {"id": shuffled["id"].astype(str).tolist(), "p": shuffled["p"].tolist()})
    report = run(lake)
    assert (report.rows.out, report.objects.written) == (size, 41)
    for name, group in expected.groupby("p"):
        table = read(lake, f"{PROCESSED}p={name}/part-0.parquet")
        assert table["id"].to_pylist() == group["id"].tolist()


def test_transform__without_key_rows_keep_their_order(lake: Lake) -> None:
    put_contract(lake, key=[], partition_by=[], filter=None)
    put_raw(lake, {name: values[:4] for name, values in FIRST.items()})
    run(lake)
    assert read(lake, f"{PROCESSED}part-0.parquet")["id"].to_pylist() == [3, 1, 2, 99]


def test_transform__says_what_it_did(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    put_contract(lake)
    put_raw(lake, FIRST)
    with caplog.at_level(logging.INFO, "transform"):
        run(lake)
    text = "\n".join(record.getMessage() for record in caplog.records)
    for part in (
        "things: run r1 with 256 MB of memory for DuckDB",
        "things: read 6 rows from 1 object(s) of",
        "things: rows in 6, out 3, refused 1, duplicate 1, filtered 1 in",
        "things: refused 1 rows: column id: not an int",
        f"things: the 1 refused rows are in s3://{lake.bucket}/{QUARANTINE}",
        "things: 3 object(s) written (",
        f"0 unchanged, 0 deleted in s3://{lake.bucket}/{PROCESSED} in",
    ):
        assert part in text


def test_transform__as_a_script(served_lake: Lake, job_python: str) -> None:
    put_contract(served_lake)
    put_raw(served_lake, FIRST)
    command = [
        *(job_python, "-W", "ignore", str(ROOT / "jobs/transform.py")),
        *("--bucket", served_lake.bucket, "--dataset", "things", "--run-id", "r1"),
        # Glue adds arguments of its own.
        *("--memory-mb", "200", "--job-language", "python", "--enable-metrics"),
    ]
    environment = {**os.environ, "PYTHONPATH": ""}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "with 200 MB of memory" in done.stdout
    assert len(keys(served_lake)) == 3
    put_contract(served_lake, partition_by=["at"])
    failed = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith(
        "ConfigError: dataset 'things', field 'partition_by[0]': column 'at' is a timestamp;"
    )
    left = ["errors/transform-things.json", "transform/things.json"]
    assert json.loads(json.dumps(keys(served_lake, "runs/r1/"))) == left


def _versions(lake: Lake) -> list[tuple[str, str]]:
    found = lake.client.list_object_versions(Bucket=lake.bucket, Prefix=PROCESSED)["Versions"]
    return [(version["Key"], version["VersionId"]) for version in found]
