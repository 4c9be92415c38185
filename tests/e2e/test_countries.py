"""The countries example end to end: fetched, refused, without duplicates, and equal to pandas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from ops import examples, parity
from tests.e2e.lake import SPARK_VENV, Lake, Run, deployed
from tests.http_server import File, Server, serving
from tests.oracles import compare
from tests.oracles import countries as oracle

pytestmark = pytest.mark.xdist_group("countries")

EXAMPLE = examples.load("countries")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that is fetched."""
    folder = tmp_path_factory.mktemp("web")
    EXAMPLE.publish(folder)
    return folder / "cities.zip"


@pytest.fixture(scope="module")
def rows(archive: Path) -> pd.DataFrame:
    return oracle.texts(archive)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def countries(
    tmp_path_factory: pytest.TempPathFactory, server: Server, archive: Path
) -> Iterator[tuple[Lake, Run]]:
    """The example deployed with another URL and nothing else, and run once."""
    folder = tmp_path_factory.mktemp("countries")
    url = server.put("/cities.zip", File(archive.read_bytes()))
    assert EXAMPLE.var_file is not None
    text = EXAMPLE.var_file.read_text(encoding="utf-8")
    variables = folder / "countries.tfvars"
    variables.write_text(text.replace("https://data.example.com/cities.zip", url), encoding="utf-8")
    with deployed(folder, {"name": "countries"}, var_file=variables) as lake:
        run = lake.run()
        assert run.status == "SUCCEEDED", run.cause
        yield lake, run


def test_source__is_kept_as_it_came__and_every_row_is_in_raw(
    countries: tuple[Lake, Run], archive: Path, rows: pd.DataFrame
) -> None:
    lake, run = countries
    [original] = lake.keys("archive/cities/")
    assert lake.read(original) == archive.read_bytes()
    raw = lake.outputs["database_names"]["raw"]
    assert lake.query(f"SELECT count(*) FROM {raw}.cities") == [(str(len(rows)),)]
    assert run.dataset("cities")["ingest"]["rows"]["out"] == len(rows) > 200_000


def test_rows__are_refused_with_reasons__and_without_duplicates(
    countries: tuple[Lake, Run], rows: pd.DataFrame
) -> None:
    lake, run = countries
    report = run.dataset("cities")
    wrong = oracle.refused(rows)
    towns = rows[~wrong]["geoname_id"].nunique()
    assert report["transform"]["rows"] == {
        "in": len(rows),
        "out": towns,
        "refused": int(wrong.sum()),
        "duplicate": len(rows) - int(wrong.sum()) - towns,
        "filtered": 0,
    }
    assert int(wrong.sum()) > 50
    assert report["checks"] == "PASSED"
    held = lake.frame("quarantine/cities/rows/")
    assert sorted(held["geoname_id"]) == sorted(rows[wrong]["geoname_id"])
    reasons = {str(reason).split(":", maxsplit=1)[0] for reason in held["_reason"]}
    assert reasons == {f"column {name}" for name in ("latitude", "longitude", "name", "population")}


def test_partitions__are_read_by_athena_as_they_are(
    countries: tuple[Lake, Run], rows: pd.DataFrame
) -> None:
    lake, _ = countries
    found = lake.query("SELECT country, count(*) FROM cities GROUP BY country")
    counted = {country: int(towns or 0) for country, towns in found}
    names = [None if pd.isna(name) else str(name) for name in oracle.cities(rows)["country"]]
    assert counted == Counter(names)
    assert {"Côte d'Ivoire", "Åland Islands", "Korea (North)", "Trinidad & Tobago"} < counted.keys()
    assert lake.query("SELECT DISTINCT country_code FROM cities WHERE country IS NULL") == [("XK",)]
    asked = "SELECT count(*) FROM cities WHERE country = 'Côte d''Ivoire'"
    assert lake.query(asked) == [(str(counted["Côte d'Ivoire"]),)]
    keys = lake.glue.get_table(
        DatabaseName=lake.outputs["database_names"]["processed"], Name="cities"
    )["Table"]["PartitionKeys"]
    assert [item["Name"] for item in keys] == ["country"]


def test_tables__equal_pandas(countries: tuple[Lake, Run], rows: pd.DataFrame) -> None:
    lake, _ = countries
    compare.assert_equal(oracle.cities(rows), lake.frame("processed/cities/"), ["geoname_id"])
    for name, frame in oracle.expected(rows).items():
        compare.assert_equal(frame, lake.frame(f"analytics/{name}/"), oracle.KEYS[name])


def test_run__again_of_the_same_file__ends_after_ingest(
    countries: tuple[Lake, Run], server: Server
) -> None:
    lake, _ = countries
    before = lake.etags("raw/", "processed/", "analytics/")
    again = lake.run()
    assert (again.status, again.result["totals"]["datasets"]) == ("SUCCEEDED", 0)
    assert server.asked[-1].headers["if-none-match"] == '"1"'
    assert {"CrawlProcessed", "TransformDatasets"} & set(lake.entered(again.execution_arn)) == set()
    assert lake.etags("raw/", "processed/", "analytics/") == before


@pytest.fixture
def few(countries: tuple[Lake, Run]) -> Iterator[str]:
    """A bucket with the towns of some countries, whose names are odd or missing."""
    lake, _ = countries
    codes = ["AD", "AX", "CI", "KP", "TT", "XK"]
    bucket = lake.sample("few-countries", "cities", "country_code", codes)
    yield bucket
    lake.remove(bucket)


def test_engines__make_the_same_tables(countries: tuple[Lake, Run], few: str) -> None:
    # All countries are for `python -m ops parity`: they take Spark two minutes here.
    lake, _ = countries
    found = parity.compare_engines(lake.endpoint, few, SPARK_VENV)
    assert [item.table for item in found if not item.same] == []
    rows = {item.table: item.spark.rows for item in found}
    assert rows.keys() == {
        "processed.cities",
        "analytics.country_summary",
        "analytics.time_zones",
    }
    assert rows["analytics.country_summary"] == 6
