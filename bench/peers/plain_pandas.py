"""What the models of the flights example say, written in pandas: all but the mart of orphans."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd


def dimensions(folder: Path) -> dict[str, pd.DataFrame]:
    read = pd.read_parquet
    airlines = read(folder / "processed/airlines")[["carrier", "name"]]
    airports = read(folder / "processed/airports")
    planes = read(folder / "processed/planes")
    size = np.select(
        [planes["seats"] < 100, planes["seats"] < 200], ["small", "middle"], default="large"
    )
    aircraft = planes[["tailnum", "maker", "model", "type", "engine", "engines", "seats"]]
    return {
        "dim_airline": airlines.rename(columns={"name": "airline"}),
        "dim_airport": airports[
            ["faa", "name", "lat", "lon", "alt", "alt_m", "tz", "tzone"]
        ].rename(columns={"name": "airport", "alt": "altitude_feet"}),
        "dim_aircraft": aircraft.assign(
            size=size, built_in=planes["year"], age_in_2013=planes["age_in_2013"]
        ),
    }


def fact(folder: Path, dims: dict[str, pd.DataFrame]) -> pd.DataFrame:
    flights = pd.read_parquet(folder / "processed/flights")
    weather = pd.read_parquet(folder / "processed/weather")
    columns = ["origin", "time_hour", "precip", "visib", "temp_c", "wind_speed", "wind_from"]
    weather = weather[columns].assign(has_weather=True, origin=weather["origin"].astype(object))
    found = flights.merge(weather, how="left", on=["origin", "time_hour"])
    found["has_weather"] = found["has_weather"].notna()
    found["has_known_airline"] = found["carrier"].isin(dims["dim_airline"]["carrier"])
    found["has_known_destination"] = found["dest"].isin(dims["dim_airport"]["faa"])
    found["has_known_aircraft"] = found["tailnum"].isin(dims["dim_aircraft"]["tailnum"])
    found["outcome"] = np.select(
        [found["dep_delay"].isna(), found["arr_delay"].isna()],
        ["cancelled", "no arrival"],
        default="arrived",
    )
    found["weather"] = np.select(
        [~found["has_weather"], found["precip"] > 0.1, found["precip"] > 0, found["visib"] < 3],
        ["unknown", "heavy rain", "some rain", "fog"],
        default="fair",
    )
    found["flight_date"] = pd.to_datetime(found[["year", "month", "day"]].astype(int)).dt.date
    found["flight_month"] = found["sched_dep_at"].dt.strftime("%Y-%m")
    dropped = ["year", "month", "day", "dep_time", "sched_dep_time", "arr_time"]
    dropped += ["sched_arr_time", "hour", "minute", "time_hour"]
    renamed = {"precip": "precip_inches", "visib": "visibility_miles", "wind_speed": "wind_mph"}
    return found.drop(columns=dropped).rename(columns=renamed)


def punctuality(flights: pd.DataFrame, dims: dict[str, pd.DataFrame]) -> pd.DataFrame:
    flags = flights.assign(
        arrived=flights["outcome"] == "arrived",
        cancelled=flights["outcome"] == "cancelled",
        late=flights["is_late"].fillna(False).astype(bool),
    )
    found = flags.groupby(["flight_month", "carrier"], as_index=False).agg(
        flights=("flight", "size"),
        arrived=("arrived", "sum"),
        cancelled=("cancelled", "sum"),
        late=("late", "sum"),
        delayed=("arr_delay", "count"),
        mean_dep_delay=("dep_delay", "mean"),
        mean_arr_delay=("arr_delay", "mean"),
        longest_arr_delay=("arr_delay", "max"),
    )
    found["late_percent"] = (100 * found["late"] / found["delayed"]).round(1)
    ranks = found.groupby("flight_month")["late_percent"].rank("min", ascending=False)
    return found.assign(rank_in_month=ranks).merge(dims["dim_airline"], how="left", on="carrier")


def routes(flights: pd.DataFrame, dims: dict[str, pd.DataFrame]) -> pd.DataFrame:
    flags = flights.assign(
        arrived=flights["outcome"] == "arrived",
        late=flights["is_late"].fillna(False).astype(bool),
        known=flights["tailnum"].where(flights["has_known_aircraft"]),
        flown=flights["distance"].where(flights["air_time"].notna()),
    )
    found = flags.groupby(["origin", "dest"], as_index=False).agg(
        flights=("flight", "size"),
        carriers=("carrier", "nunique"),
        known_aircraft=("known", "nunique"),
        distance_miles=("distance", "max"),
        arrived=("arrived", "sum"),
        late=("late", "sum"),
        mean_arr_delay=("arr_delay", "mean"),
        mean_air_minutes=("air_time", "mean"),
        flown=("flown", "sum"),
        air_time=("air_time", "sum"),
    )
    of_origin = found.groupby("origin")["flights"].transform("sum")
    found["percent_of_origin"] = (100 * found["flights"] / of_origin).round(2)
    found["mean_speed_mph"] = (60 * found["flown"] / found["air_time"]).round(1)
    airports = dims["dim_airport"][["faa", "airport"]]
    return found.merge(airports, how="left", left_on="dest", right_on="faa")


def delays(flights: pd.DataFrame) -> pd.DataFrame:
    flags = flights.assign(
        cancelled=flights["outcome"] == "cancelled", long=flights["dep_delay"] > 60
    )
    found = flags.groupby(["origin", "weather"], as_index=False).agg(
        flights=("flight", "size"),
        departed=("dep_delay", "count"),
        cancelled=("cancelled", "sum"),
        mean_dep_delay=("dep_delay", "mean"),
        long=("long", "sum"),
        lowest_temp_c=("temp_c", "min"),
        highest_temp_c=("temp_c", "max"),
        strongest_wind_mph=("wind_mph", "max"),
    )
    found["over_an_hour_percent"] = (100 * found["long"] / found["departed"]).round(1)
    return found


def main(folder: Path, out: Path) -> None:
    started = time.monotonic()
    dims = dimensions(folder)
    flights = fact(folder, dims)
    flights.to_parquet(out / "fact_flight", partition_cols=["flight_month"], index=False)
    tables = {
        **dims,
        "carrier_punctuality": punctuality(flights, dims),
        "route_performance": routes(flights, dims),
        "delay_by_weather": delays(flights),
    }
    for name, table in tables.items():
        table.to_parquet(out / f"{name}.parquet", index=False)
    sys.stdout.write(json.dumps({"seconds": time.monotonic() - started}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
