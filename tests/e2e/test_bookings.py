"""The bookings example end to end: JSON, arrays and durations, equal to what pandas gets."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from ops import examples, parity
from tests.e2e.arrivals import settled
from tests.e2e.lake import ROOT, SPARK_VENV, Lake, Run, deployed
from tests.oracles import bookings as oracle
from tests.oracles import bookings_files, compare
from tests.oracles.bookings_files import KEYS as DATASETS
from tests.oracles.bookings_tables import KEYS

pytestmark = pytest.mark.xdist_group("bookings")

EXAMPLE = ROOT / "examples/bookings"
STAGES = ("bronze", "dimension", "fact", "complex")
WINDOW_SECONDS = 10
# The processed tables, and how many rows had which outcome.
Made = tuple[dict[str, pd.DataFrame], dict[str, Counter[str]]]


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that are dropped."""
    folder = tmp_path_factory.mktemp("bookings-files")
    subprocess.run([sys.executable, EXAMPLE / "prepare.py", folder], check=True)
    return folder


@pytest.fixture(scope="session")
def processed(files: Path) -> Made:
    """The processed tables and the outcomes of rows, of the files alone."""
    return bookings_files.processed(bookings_files.raw(files))


@pytest.fixture(scope="session")
def bookings(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lake, Run]]:
    """The example deployed and run once over its own files."""
    variables = {"name": "bookings", "arrival_window_seconds": WINDOW_SECONDS}
    folder = tmp_path_factory.mktemp("bookings")
    with deployed(folder, variables, var_file=EXAMPLE / "bookings.tfvars") as lake:
        lake.local("DELETE", "calls")
        # Early in a window, or the files would be those of two runs.
        while not 0.5 < time.time() % WINDOW_SECONDS < WINDOW_SECONDS / 2:
            time.sleep(0.1)
        for path in sorted(files.rglob("*.*")):
            lake.drop(path.parent.name, path.name, path.read_bytes())
        [run] = settled(lake, "bookings", *DATASETS)
        assert run.status == "SUCCEEDED", run.cause
        yield lake, run


@pytest.fixture
def lake(bookings: tuple[Lake, Run]) -> Lake:
    return bookings[0]


def test_rows__are_refused_with_reasons__and_accounted_for_as_pandas_does(
    bookings: tuple[Lake, Run],
    processed: Made,
) -> None:
    lake, run = bookings
    frames, counts = processed
    for dataset, frame in frames.items():
        report = run.dataset(dataset)
        rows = report["transform"]["rows"]
        assert {name: rows[name] for name in counts[dataset]} == counts[dataset], dataset
        assert rows["in"] == sum(rows[k] for k in ("out", "refused", "duplicate", "filtered"))
        assert report["checks"] == "PASSED"
        compare.assert_equal(frame, lake.frame(f"processed/{dataset}/"), DATASETS[dataset])
    refused = lake.frame("quarantine/airports/rows/")
    assert len(refused) == counts["airports"]["refused"] == 1
    assert 'column languages: the expression gives \'{"en": "Geneva' in refused["_reason"][0]


def test_models__equal_pandas(
    bookings: tuple[Lake, Run],
    processed: Made,
) -> None:
    lake, run = bookings
    assert [stage["stage"] for stage in run.result["stages"]] == list(STAGES)
    assert run.result["model_checks"]["passed"] == len(KEYS)
    for name, frame in oracle.expected(processed[0]).items():
        compare.assert_equal(frame, lake.frame(f"analytics/{name}/"), KEYS[name])


def test_arrays_and_structs__are_those_of_athena(lake: Lake, processed: Made) -> None:
    database = lake.outputs["database_names"]["analytics"]

    def kinds(name: str) -> dict[str, str]:
        table = lake.glue.get_table(DatabaseName=database, Name=name)["Table"]
        return {c["Name"]: c["Type"] for c in table["StorageDescriptor"]["Columns"]}

    assert kinds("routes")["days_of_week"] == "array<int>"
    assert kinds("dim_passenger")["emails"] == "array<string>"
    assert kinds("bronze_airports")["city"] == "struct<en:string,de:string>"
    assert kinds("itineraries")["legs"] == (
        "array<struct<departs_at:timestamp,flight_no:string,origin:string,destination:string>>"
    )
    models = oracle.expected(processed[0])
    routes = models["routes"].sort_values(["flight_no", "arrival_airport"])
    found = lake.query(
        "SELECT flight_no, days_of_week, array_join(days_of_week, ''), cardinality(days_of_week) "
        f"FROM {database}.routes ORDER BY flight_no, arrival_airport"
    )
    days = [[int(day) for day in row] for row in routes["days_of_week"]]
    assert [row[1:] for row in found] == [
        (str(row), "".join(map(str, row)), str(len(row))) for row in days
    ]
    flights = Counter(day for row in days for day in row)
    found = lake.query(
        f"SELECT day, count(*) FROM {database}.routes CROSS JOIN UNNEST(days_of_week) AS t (day) "
        "GROUP BY day ORDER BY day"
    )
    assert found == [(str(day), str(count)) for day, count in sorted(flights.items())]
    found = lake.query(
        f"SELECT element_at(legs, -1).destination, count(*) FROM {database}.itineraries "
        "GROUP BY 1 ORDER BY 1"
    )
    ends = Counter(legs[-1]["destination"] for legs in models["itineraries"]["legs"])
    assert found == [(end, str(count)) for end, count in sorted(ends.items())]
    assert lake.query(f"SELECT city.de FROM {database}.bronze_airports WHERE city.en = 'Munich'")[
        0
    ] == ("München",)


def test_queries__of_the_example__have_answers(lake: Lake) -> None:
    queries = examples.load("bookings").queries()
    assert len(queries) == 4
    for title, sql in queries:
        assert lake.query(sql), title


@pytest.mark.parametrize("stage", STAGES)
def test_stage__asked_for_alone__is_the_only_one_that_runs__and_writes_nothing(
    stage: str, lake: Lake
) -> None:
    versions = lake.versions("analytics/")
    run = lake.run(**{"from": "model", "stages": [stage]})
    assert run.status == "SUCCEEDED", run.cause
    assert [item["stage"] for item in run.result["stages"]] == [stage]
    assert lake.versions("analytics/") == versions


def test_calls__are_all_allowed(lake: Lake) -> None:
    assert [call for call in lake.local("GET", "calls") if call["decision"] == "DENY"] == []


def test_engines__make_the_same_tables__and_those_of_spark_equal_pandas(
    lake: Lake, processed: Made
) -> None:
    found = parity.compare_engines(lake.endpoint, lake.bucket, SPARK_VENV, keep=True)
    assert [item.table for item in found if not item.same] == []
    assert len(found) == len(DATASETS) + len(KEYS)
    bucket = parity.scratch_buckets(lake.bucket)["spark"]
    for name, frame in processed[0].items():
        compare.assert_equal(frame, lake.frame(f"processed/{name}/", bucket), DATASETS[name])
    for name, frame in oracle.expected(processed[0]).items():
        compare.assert_equal(frame, lake.frame(f"analytics/{name}/", bucket), KEYS[name])
    lake.remove(*parity.scratch_buckets(lake.bucket).values())
