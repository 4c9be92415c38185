"""The transform job on Spark: inputs that change meanwhile, and tables that wait for approval."""

from __future__ import annotations

from typing import Any

import pytest

from medallion.lake.objects import Lake
from medallion.runs.inputs_guard import Inputs
from tests.spark.conftest import SparkProcess
from tests.spark.test_spark_engine import get, keys, put
from tests.unit.transform_fixtures import Table, column, raw_table

pytestmark = pytest.mark.xdist_group("spark-engine")

RAW = "raw/things/ingest_date=2026-01-01/"
QUARANTINE = "quarantine/things/rows/transform.parquet"


def put_raw(lake: Lake, name: str, table: Table, prefix: str = RAW) -> str:
    """Put a raw object and return its key."""
    put(lake, f"{prefix}{name}.parquet", raw_table(table, name))
    return f"{prefix}{name}.parquet"


def put_contract(lake: Lake, approval: dict[str, Any] | None = None) -> None:
    """Put a contract with or without approval."""
    columns = [column("id", "int"), column("kind")]
    document = {"name": "things", "columns": columns, "partition_by": ["kind"]}
    lake.put_json("config/datasets/things.json", {**document, "approval": approval})


def published(lake: Lake) -> list[tuple[str, str]]:
    """Keys and ETags of what the job publishes."""
    found = [*lake.list_objects("processed/"), *lake.list_objects("quarantine/")]
    return [(stored.key, stored.etag) for stored in found]


def test_transform__raw_grows_meanwhile(on_spark: SparkProcess, lake: Lake) -> None:
    put_contract(lake)
    put_raw(lake, "a", {"id": ["1", "2", "x"], "kind": ["a", "b", "b"]})
    away = put_raw(lake, "c", {"id": ["3", "y"], "kind": ["c", "c"]}, "elsewhere/")
    report = on_spark("transform", "things", arrives=(away, f"{RAW}c.parquet"))
    assert report["rows"] == {"in": 5, "out": 3, "refused": 2, "duplicate": 0, "filtered": 0}
    assert report["objects"] == {"written": 3, "unchanged": 2, "deleted": 0}
    assert report["warnings"] == [
        f"raw/things/ changed while it was read (objects: 1 added; the first is {RAW}c.parquet): "
        "pass 2 begins"
    ]
    assert keys(lake, "processed/") == [
        f"processed/things/kind={kind}/part-0.parquet" for kind in "abc"
    ]
    assert get(lake, QUARANTINE)["id"].to_pylist() == ["x", "y"]


def test_transform__raw_object_vanishes_meanwhile(on_spark: SparkProcess, lake: Lake) -> None:
    put_contract(lake)
    put_raw(lake, "a", {"id": ["1"], "kind": ["a"]})
    key = put_raw(lake, "b", {"id": ["2"], "kind": ["b"]})
    report = on_spark("transform", "things", vanishes=key)
    assert (report["rows"]["in"], report["rows"]["out"]) == (1, 1)
    (warning,) = report["warnings"]
    assert f"objects: 1 gone; the first is {key}" in warning
    assert keys(lake, "processed/") == ["processed/things/kind=a/part-0.parquet"]


def test_transform__held_then_approved_then_unchanged(on_spark: SparkProcess, lake: Lake) -> None:
    put_contract(lake, {"max_refused_percent": 50, "max_row_change_percent": 100})
    put_raw(lake, "a", {"id": ["1", "x"], "kind": ["a", "a"]})
    first = on_spark("transform", "things")
    assert "held" not in first, "exactly at the threshold"
    before = published(lake)
    put_raw(lake, "b", {"id": ["2", "3", "y", "z", "w"], "kind": ["b"] * 5})
    fingerprint = Inputs(lake, ["raw/things/"]).fingerprint
    held = on_spark("transform", "things", approved="0" * 16)
    assert held["held"] == {
        "reasons": [
            "refused rows are 57.15 % of 7, and 50 % are allowed",
            "the number of rows changes by 200.00 %, from 1 to 3, and 100 % are allowed",
        ],
        "fingerprint": fingerprint,
        "timeout_seconds": 86400,
    }
    assert held["objects"] == {"written": 0, "unchanged": 0, "deleted": 0}
    assert published(lake) == before
    approved = on_spark("transform", "things", approved=fingerprint)
    assert "held" not in approved
    assert approved["objects"] == {"written": 1, "unchanged": 1, "deleted": 0}
    assert get(lake, QUARANTINE)["id"].to_pylist() == ["x", "y", "z", "w"]
    before = published(lake)
    again = on_spark("transform", "things")
    assert "held" not in again, "it would change nothing"
    assert again["objects"] == {"written": 0, "unchanged": 2, "deleted": 0}
    lake.delete([QUARANTINE])
    assert "held" in on_spark("transform", "things"), "the refused rows would be put again"
    lake.delete([f"{RAW}a.parquet"])
    assert "held" in on_spark("transform", "things"), "a partition would go"
    assert published(lake) == [(key, etag) for key, etag in before if key != QUARANTINE]
