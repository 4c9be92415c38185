"""Models of an airline's bookings: JSON, arrays, structs and durations, alike on both engines."""

from __future__ import annotations

import datetime as dt
import json
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from medallion.engines.opening import open_engine
from medallion.errors import ConfigError
from medallion.lake.objects import Lake
from tests.spark import runs
from tests.spark.conftest import SparkFailed, SparkProcess
from tests.spark.test_spark_engine import get, put

pytestmark = pytest.mark.xdist_group("spark-engine")

CONTACTS = [{"phone": "+70127117011"}, {"email": "a@b.c", "phone": "+7"}, None, {"email": "x@y.z"}]
MODELS: dict[str, tuple[tuple[str, ...], str]] = {
    "airports": (
        ("processed.airports",),
        "SELECT airport_code, get_json_object(airport_name, '$.en') AS airport_name,\n"
        "from_json(airport_name, 'en STRING, ru STRING') AS names FROM processed.airports",
    ),
    "passengers": (
        ("processed.tickets",),
        "SELECT passenger_id, phone, email FROM (\n"
        "  SELECT passenger_id, get_json_object(contact_data, '$.phone') AS phone,\n"
        "    get_json_object(contact_data, '$.email') AS email,\n"
        "    row_number() OVER (PARTITION BY passenger_id ORDER BY ticket_no DESC) AS place\n"
        "  FROM processed.tickets) WHERE place = 1",
    ),
    "routes": (
        ("processed.flights",),
        "SELECT flight_no,\n"
        "  sort_array(collect_set(dayofweek(scheduled_departure))) AS days_of_week,\n"
        "  array_join(sort_array(collect_set(date_format(scheduled_departure, 'E'))), ',')\n"
        "    AS days,\n"
        "  sort_array(collect_list(struct(scheduled_departure AS at, aircraft))) AS flown,\n"
        "  CAST(avg(scheduled_arrival - scheduled_departure) AS BIGINT) AS planned_seconds,\n"
        "  CAST(max(actual_arrival - actual_departure) AS BIGINT) AS longest_seconds,\n"
        "  count_if(actual_arrival - scheduled_arrival > INTERVAL 15 MINUTES) AS late\n"
        "FROM processed.flights GROUP BY flight_no",
    ),
    "route_days": (
        ("analytics.routes", "analytics.airports"),
        "SELECT r.flight_no, d.place, d.day, r.flown[d.place].aircraft AS aircraft,\n"
        "  size(r.flown) AS flights, a.names.ru AS ru, a.names, r.flown.at AS times\n"
        "FROM analytics.routes AS r LEFT JOIN analytics.airports AS a\n"
        "  ON a.airport_code = r.flown[0].aircraft\n"
        "LATERAL VIEW OUTER posexplode(r.days_of_week) d AS place, day",
    ),
}


def _put_sources(lake: Lake) -> None:
    names = [{"en": "Yakutsk", "ru": "Якутск"}, {"en": 'O\'Hare "x"'}, None]
    put(
        lake,
        "processed/airports/part-0.parquet",
        {
            "airport_code": ["YKS", "SU9", None],
            "airport_name": [None if n is None else json.dumps(n) for n in names],
        },
    )
    put(
        lake,
        "processed/tickets/part-0.parquet",
        {
            "ticket_no": ["1", "2", "3", "4"],
            "passenger_id": ["p1", "p1", "p2", "p3"],
            "contact_data": [None if c is None else json.dumps(c) for c in CONTACTS],
        },
    )
    start = dt.datetime(2017, 8, 14, 9, 30)
    hours = [0, 24, 0, 168, 3]
    times = pa.timestamp("us")
    gone = [start + dt.timedelta(hours=hour) for hour in hours]
    here = [time + dt.timedelta(minutes=95) for time in gone]
    really: list[Any] = [here[0] + dt.timedelta(minutes=16), here[1], None, here[3], None]
    put(
        lake,
        "processed/flights/part-0.parquet",
        pa.table(
            {
                "flight_no": ["PG1", "PG1", "PG2", "PG1", None],
                "aircraft": ["SU9", None, "YKS", "SU9", "773"],
                "scheduled_departure": pa.array([*gone[:4], None], times),
                "scheduled_arrival": pa.array(here, times),
                "actual_departure": pa.array(gone, times),
                "actual_arrival": pa.array(really, times),
            }
        ),
    )


def test_models__of_bookings(on_spark: SparkProcess, lake: Lake, tmp_path: Path) -> None:
    """Spark finds each table as DuckDB has written it, byte for byte."""
    _put_sources(lake)
    with open_engine("duckdb", lake, tmp_path, memory_mb=256) as engine:
        for name, (inputs, text) in MODELS.items():
            assert runs.build(engine, text, inputs, name)["written"] == 1, name
    for name, (inputs, text) in MODELS.items():
        found = on_spark("build", text, inputs, name)
        assert (found["written"], found["unchanged"]) == (0, 1), name
    passengers = get(lake, "analytics/passengers/part-0.parquet").to_pylist()
    assert passengers[0] == {"passenger_id": "p1", "phone": "+7", "email": "a@b.c"}
    routes = get(lake, "analytics/routes/part-0.parquet")
    assert routes.schema.field("days_of_week").type == pa.list_(pa.field("element", pa.int32()))
    by_number = {row["flight_no"]: row for row in routes.to_pylist()}
    flown = by_number["PG1"]
    assert (flown["days_of_week"], flown["days"]) == ([2, 3], "Mon,Tue")
    assert (flown["planned_seconds"], flown["longest_seconds"], flown["late"]) == (5700, 6660, 1)
    assert by_number[None]["days_of_week"] == []
    days = get(lake, "analytics/route_days/part-0.parquet").to_pylist()
    assert [(row["place"], row["day"], row["aircraft"]) for row in days[:2]] == [
        (0, 2, "SU9"),
        (1, 3, None),
    ]
    assert days[0]["names"] == {"en": 'O\'Hare "x"', "ru": None}


def test_tables__arrays_are_in_one_order(
    on_spark: SparkProcess, lake: Lake, tmp_path: Path
) -> None:
    """Nulls in arrays, and arrays that others begin with, sort alike on both engines."""
    values = [
        ["a", None],
        None,
        ["a"],
        [],
        [None],
        ["a", "b"],
        [None, "a"],
        ["Z"],
        ["é"],
        ["a", None],
    ]
    put(lake, "processed/things/part-0.parquet", {"l": values, "n": [1] * len(values)})
    text = (
        "SELECT l, n, struct(l[1] AS a, l[0] AS b) AS s, array(struct(l AS deep)) AS d\n"
        "FROM processed.things"
    )
    with open_engine("duckdb", lake, tmp_path, memory_mb=256) as engine:
        assert runs.build(engine, text, ["processed.things"], "things")["written"] == 1
    found = on_spark("build", text, ["processed.things"], "things")
    assert (found["written"], found["unchanged"]) == (0, 1)


def test_collect_list__is_refused_on_spark_too(on_spark: SparkProcess, lake: Lake) -> None:
    put(lake, "processed/things/part-0.parquet", {"n": [1]})
    text = "SELECT 1 AS a,\n collect_list(n) AS l FROM processed.things"
    with pytest.raises(
        SparkFailed, match=r"m.sql, line 2: .*write sort_array\(COLLECT_LIST\(n\)\)"
    ):
        on_spark("answer", text, {"processed.things": {}})


@pytest.mark.parametrize("kind", ["duckdb", "spark"])
def test_struct__of_names_that_not_all_readers_know(
    kind: str, on_spark: SparkProcess, lake: Lake, tmp_path: Path
) -> None:
    put(lake, "processed/things/part-0.parquet", {"n": [1]})
    text = "SELECT array(struct(n AS `Big One`)) AS l FROM processed.things"
    inputs: dict[str, dict[str, str]] = {"processed.things": {}}
    message = "column 'l': the field 'Big One' of a struct has to be lower-case letters"
    with open_engine("duckdb", lake, tmp_path, memory_mb=256) as engine:
        answer = partial(on_spark, "answer") if kind == "spark" else partial(runs.answer, engine)
        with pytest.raises((ConfigError, SparkFailed), match=message):
            answer(text, inputs)
