"""Parity of engines: tables as they lie in the bucket, failures, the worker, what is shown."""

from __future__ import annotations

import io
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from medallion.lake.objects import Lake
from ops import arrivals, deploy, display, localaws, parity, parity_command
from ops.comparison import Difference
from ops.errors import OpsError, RunFailed
from ops.parity import Side, TableComparison

MODELS = {
    "stages": ["dimension", "fact"],
    "models": {
        "fact_flight": {"stage": "fact", "engine": "duckdb"},
        "dim_plane": {"stage": "dimension", "engine": "spark"},
        "dim_airline": {"stage": "dimension", "engine": "duckdb"},
    },
}
PLAN = {
    "datasets": [{"name": "flights"}, {"name": "planes"}],
    "stages": [{"name": "dimension"}, {"name": "fact"}],
}


@pytest.fixture
def configured(lake: Lake) -> Lake:
    lake.put_json("config/pipeline.json", PLAN)
    lake.put_json("config/models.json", MODELS)
    return lake


def put(lake: Lake, key: str, columns: dict[str, Any], bucket: str | None = None) -> None:
    body = io.BytesIO()
    pq.write_table(pa.table(columns), body)
    lake.client.put_object(Bucket=bucket or lake.bucket, Key=key, Body=body.getvalue())


def test_tables__datasets_then_models_in_the_order_of_their_stages(configured: Lake) -> None:
    assert parity.tables(configured.client, configured.bucket) == [
        "processed.flights",
        "processed.planes",
        "analytics.dim_airline",
        "analytics.dim_plane",
        "analytics.fact_flight",
    ]


def test_tables__lake_without_models(lake: Lake) -> None:
    lake.put_json("config/pipeline.json", {"datasets": [{"name": "sales"}]})
    assert parity.tables(lake.client, lake.bucket) == ["processed.sales"]


def test_read_table__folders_are_columns_and_hidden_objects_are_not_read(lake: Lake) -> None:
    put(lake, "analytics/m/a=x%2Fy/part-0.parquet", {"n": [1, 2]})
    put(lake, "analytics/m/a=__HIVE_DEFAULT_PARTITION__/part-0.parquet", {"n": [3]})
    put(lake, "analytics/m_other/part-0.parquet", {"n": [9]})
    lake.client.put_object(Bucket=lake.bucket, Key="analytics/m/_SUCCESS", Body=b"")
    found = parity.read_table(lake.client, lake.bucket, "analytics/m/")
    rows = {(row["n"], row["a"]) for row in found.to_pylist()}
    assert rows == {(1, "x/y"), (2, "x/y"), (3, None)}


def test_read_table__objects_with_other_columns_are_refused(lake: Lake) -> None:
    put(lake, "processed/t/part-0.parquet", {"n": [1]})
    put(lake, "processed/t/part-1.parquet", {"n": ["1"]})
    with pytest.raises(OpsError, match=r"part-1\.parquet has other columns"):
        parity.read_table(lake.client, lake.bucket, "processed/t/")


def built(lake: Lake, engine: str, model: str, values: list[int]) -> str:
    """Table of a model in the scratch bucket of an engine, with its report."""
    bucket = parity.scratch_buckets(lake.bucket)[engine]
    lake.client.create_bucket(Bucket=bucket)
    put(lake, f"analytics/{model}/part-0.parquet", {"n": values}, bucket)
    report = {"seconds": 1.5, "rows": {"out": len(values)}}
    Lake(lake.client, bucket).put_json(f"runs/parity/model/{model}.json", report)
    return bucket


def test_compare_table__counts_the_rows_that_differ(lake: Lake) -> None:
    buckets = {
        "duckdb": built(lake, "duckdb", "m", [1, 2, 3]),
        "spark": built(lake, "spark", "m", [3, 2, 0]),
    }
    none: dict[str, dict[str, str]] = {"duckdb": {}, "spark": {}}
    found = parity.compare_table(lake.client, buckets, "analytics.m", none)
    assert not found.same
    assert (found.duckdb, found.spark) == (Side(3, 1.5), Side(3, 1.5))
    assert found.difference.rows == 1
    assert found.difference.pairs == (((1,), (0,)),)


def test_compare_table__failed_on_one_engine_is_not_the_same(lake: Lake) -> None:
    buckets = {
        "duckdb": built(lake, "duckdb", "m", [1]),
        "spark": built(lake, "spark", "m", [1]),
    }
    errors = {"duckdb": {}, "spark": {"analytics.m": "LakeError: no memory"}}
    found = parity.compare_table(lake.client, buckets, "analytics.m", errors)
    assert not found.same
    assert found.spark == Side(None, 1.5, "LakeError: no memory")
    assert found.duckdb.rows == 1


def test_failures__models_of_a_failed_stage_have_their_own_reasons(configured: Lake) -> None:
    named = {"model": "dim_plane", "status": "failed", "error": "ConfigError", "cause": "no x"}
    configured.put_json("runs/parity/stages/dimension.json", {"failures": [named]})
    configured.put_json("runs/parity/model/dim_airline.json", {})
    configured.put_json("runs/parity/model/dim_plane.json", {"rows": {"out": 1}})
    steps = {
        "processed.planes": "LakeError: broken",
        "stage dimension": "ModelsFailed: 1 of 2",
        "stage fact": "ConfigError: a cycle",
    }
    assert parity._failures(configured.client, configured.bucket, steps) == {
        "processed.planes": "LakeError: broken",
        "analytics.dim_airline": "ModelsFailed: 1 of 2",  # its report is empty: not built
        "analytics.dim_plane": "ConfigError: no x",
        "analytics.fact_flight": "ConfigError: a cycle",
    }


def test_copy_lake__what_jobs_read_and_nothing_of_an_earlier_comparison(configured: Lake) -> None:
    put(configured, "raw/t/part-0.parquet", {"n": [1]})
    put(configured, "processed/t/part-0.parquet", {"n": [1]})
    scratch = parity.scratch_buckets(configured.bucket)["spark"]
    for _ in range(2):
        parity._copy_lake(configured.client, configured.bucket, scratch)
        keys = parity._keys(configured.client, scratch, "")
        assert keys == ["config/models.json", "config/pipeline.json", "raw/t/part-0.parquet"]
        put(configured, "processed/t/part-0.parquet", {"n": [2]}, scratch)
    parity._drop_bucket(configured.client, scratch)
    parity._drop_bucket(configured.client, scratch)
    assert scratch not in [b["Name"] for b in configured.client.list_buckets()["Buckets"]]


def test_copy_lake__asks_nobody_for_an_approval(configured: Lake) -> None:
    scratch = f"{configured.bucket}-approval"
    key = "config/datasets/sales.json"
    contract = {"name": "sales", "approval": {"max_refused_percent": 0}}
    configured.put_json(key, contract)
    parity._copy_lake(configured.client, configured.bucket, scratch)
    assert Lake(configured.client, scratch).get_json(key) == {"name": "sales"}
    assert configured.get_json(key) == contract


def test_scratch_buckets__names_fit_whatever_the_lake_is_called() -> None:
    names = parity.scratch_buckets("b" * 63)
    assert list(names) == ["duckdb", "spark"]
    assert all(len(name) <= 63 for name in names.values())
    assert names != parity.scratch_buckets("a" * 63)


def worker(code: str) -> list[str]:
    return [sys.executable, "-c", code, "--engine", "spark"]


def test_build__steps_are_told_and_failures_kept(tmp_path: Path) -> None:
    steps = [
        {"step": "processed.t", "seconds": 1.0, "error": None},
        {"step": "stage fact", "seconds": 2.0, "error": "ModelsFailed: 1"},
    ]
    told: list[str] = []
    code = f"print({chr(10).join(map(json.dumps, steps))!r})"
    errors = parity._build(worker(code), {}, tmp_path / "log", told.append)
    assert told == ["spark: processed.t, 1.0 s", "spark: stage fact, 2.0 s"]
    assert errors == {"stage fact": "ModelsFailed: 1"}


def test_build__worker_that_dies_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="The worker of spark ended with exit code 3") as caught:
        parity._build(
            worker("import sys; print('no jar', file=sys.stderr); sys.exit(3)"),
            {},
            tmp_path / "log",
            lambda _: None,
        )
    assert "no jar" in caught.value.details


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    text = io.StringIO()
    console = Console(file=text, width=120, highlight=False)
    for module in (display, parity_command):
        monkeypatch.setattr(module, "console", console)
    return text


SAME = TableComparison("processed.t", Side(3, 1.0), Side(3, 2.0), Difference())


def words(screen: io.StringIO) -> str:
    return " ".join(screen.getvalue().split())


def test_show__rows_that_differ_stand_side_by_side(screen: io.StringIO) -> None:
    names = ("id", "day", "name", "mean", "unit")
    pair = ((7, "mon", "a", 0.5, "m"), (7, "mon", "a ", 0.25, "m"))
    difference = Difference((), 12, (pair, (None, (8, "tue", "b", None, "m"))), names)
    parity_command.show([SAME, TableComparison("analytics.m", Side(9), Side(9), difference)])
    shown = words(screen)
    assert "processed.t 3 3 1.0 s 2.0 s 0" in shown
    assert "analytics.m 9 9 - - 12" in shown
    assert "id 7 7 day 'mon' 'mon' name 'a' 'a ' mean 0.5 0.25" in shown
    assert "unit" not in shown.split("mean 0.5 0.25")[0], "a column that is the same is left out"
    assert "mean (no row) null unit (no row) 'm'" in shown
    assert "and 10 rows more" in shown
    assert "✘ 1 of 2 tables differ" in shown


def test_show__columns_and_failures(screen: io.StringIO) -> None:
    columns = Difference(("n is int32 in duckdb and int64 in spark",))
    parity_command.show(
        [
            TableComparison("analytics.a", Side(1), Side(1), columns),
            TableComparison(
                "analytics.b", Side(1), Side(None, None, "LakeError: no"), Difference()
            ),
        ]
    )
    shown = words(screen)
    assert "analytics.a 1 1 - - columns" in shown
    assert "n is int32 in duckdb and int64 in spark" in shown
    assert "analytics.b 1 - - - not built" in shown
    assert "spark: LakeError: no" in shown


@pytest.mark.parametrize(("found", "code"), [([SAME], 0), ([], 0)])
def test_run__stops_its_own_local_aws_and_tells_by_the_exit_code(
    screen: io.StringIO, monkeypatch: pytest.MonkeyPatch, found: list[TableComparison], code: int
) -> None:
    assert run(monkeypatch, found) == (code, [parity_command.OWN_STATE])


def test_run__difference_is_exit_code_1(
    screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    differs = TableComparison("analytics.m", Side(1), Side(2), Difference((), 1))
    assert run(monkeypatch, [SAME, differs])[0] == 1
    assert "The run failed; the engines are compared" in words(screen)


def run(
    monkeypatch: pytest.MonkeyPatch, found: list[TableComparison]
) -> tuple[int, list[Path | None]]:
    """Run the command with stand-ins for all that takes time; also give what was stopped."""

    class Target:
        session = localaws.Session(0, 1, "flights", None)

        class outputs:  # noqa: N801 - as targets have it
            bucket_name = "lake"

    def fail(*_arguments: object, **_named: object) -> None:
        raise RunFailed("a model failed")

    stopped: list[Path | None] = []
    monkeypatch.setattr(deploy, "bring_up", lambda *_a, **_k: Target)
    monkeypatch.setattr(arrivals, "load", fail)
    monkeypatch.setattr(parity_command, "compare_engines", lambda *_a, **_k: found)
    monkeypatch.setattr(signal, "signal", lambda *_a: None)
    monkeypatch.setattr(localaws, "stop", stopped.append)
    return parity_command.run("flights"), stopped
