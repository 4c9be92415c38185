"""What the models of examples/bookings must say, worked out with pandas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pandas as pd

from tests.oracles.bookings_files import bronze
from tests.oracles.bookings_tables import TYPES
from tests.oracles.compare import half_up, plain, typed

Tables = Mapping[str, pd.DataFrame]

_FARES = {"Economy": 1, "Comfort": 2, "Business": 3}
_ZERO = Decimal("0.00")


def expected(processed: Tables) -> dict[str, pd.DataFrame]:
    """Give every model, typed."""
    found = bronze({name: plain(frame) for name, frame in processed.items()})
    found |= _dimensions(found)
    found |= _facts(found)
    found |= {
        "airport_delays": _delays(found),
        "itineraries": _itineraries(found),
        "orphans": _orphans(found),
        "route_days": _route_days(found),
        "route_revenue": _revenue(found),
        "routes": _routes(found),
    }
    return {name: typed(found[name], types) for name, types in TYPES.items()}


def _percent(part: float, whole: float, digits: int = 1) -> float | None:
    return _rounded(100 * part / whole, digits) if whole else None


def _rounded(value: float, digits: int = 1) -> float | None:
    [found] = half_up([value], digits)
    return None if found is None else float(found)


def _each(frame: pd.DataFrame, columns: list[str], function: Callable[..., Any]) -> list[Any]:
    """Give what a function makes of some columns of each row; NaN is None."""
    rows = frame[columns].itertuples(index=False)
    return [function(*(None if pd.isna(value) else value for value in row)) for row in rows]


def _by(frame: pd.DataFrame, keys: list[str]) -> Iterable[tuple[dict[str, Any], pd.DataFrame]]:
    for values, rows in frame.groupby(keys, dropna=False):
        yield dict(zip(keys, values, strict=True)), rows


def _lists(values: Iterable[Any]) -> list[Any]:
    """Give what pandas has no type for as a column."""
    return list(values)


def _dimensions(found: Tables) -> dict[str, pd.DataFrame]:
    aircraft, airports = found["bronze_aircrafts"], found["bronze_airports"]
    flights = found["bronze_flights"]
    fares = {
        code: list(rows["fare_conditions"])
        for code, rows in found["bronze_seats"].groupby("aircraft_code")
    }
    seats = [fares.get(code, []) for code in aircraft["aircraft_code"]]
    departure = flights["scheduled_departure"]
    known = set(airports["airport_code"])
    return {
        "dim_aircraft": aircraft.assign(
            model=[names["en"] for names in aircraft["model"]],
            model_de=[names["de"] for names in aircraft["model"]],
            seats=[len(one) for one in seats],
            business_seats=[one.count("Business") for one in seats],
            fares=_lists(sorted(set(one)) or None for one in seats),
        ),
        "dim_airport": airports.assign(
            airport=[names["en"] for names in airports["airport_name"]],
            airport_de=[names["de"] for names in airports["airport_name"]],
            city=[names["en"] for names in airports["city"]],
            city_de=[names["de"] for names in airports["city"]],
        ),
        "dim_flight": flights.assign(
            flight_date=departure.dt.date,
            day_of_week=departure.dt.dayofweek + 1,
            day_name=departure.dt.day_name().str[:3],
            has_known_aircraft=flights["aircraft_code"].isin(aircraft["aircraft_code"]),
            has_known_airports=flights["departure_airport"].isin(known)
            & flights["arrival_airport"].isin(known),
        ),
        "dim_passenger": _passengers(found),
    }


def _passengers(found: Tables) -> pd.DataFrame:
    bookings = found["bronze_bookings"][["book_ref", "booked_at"]]
    tickets = found["bronze_tickets"].merge(bookings, "left", "book_ref")
    # The last booking first; one without a time comes after all others.
    tickets = tickets.sort_values(
        ["booked_at", "ticket_no"], ascending=False, na_position="last", kind="stable"
    )
    rows = []
    for passenger, own in tickets.groupby("passenger_id", sort=False):
        told = {name: list(own[name].dropna()) for name in ("phone", "email", "passenger_name")}
        rows.append(
            {
                "passenger_id": passenger,
                **{name: values[0] if values else None for name, values in told.items()},
                "emails": sorted(set(told["email"])),
                "tickets": len(own),
                "bookings": own["book_ref"].nunique(),
                "first_booked_at": own["booked_at"].min(),
                "last_booked_at": own["booked_at"].max(),
            }
        )
    return pd.DataFrame(rows)


def _facts(found: Tables) -> dict[str, pd.DataFrame]:
    flights = found["dim_flight"]
    days = flights[["flight_id", "flight_no", "flight_date"]]
    tickets = found["bronze_tickets"][["ticket_no", "book_ref", "passenger_id"]]
    sales = (
        found["bronze_ticket_flights"]
        .merge(tickets, "left", "ticket_no")
        .merge(found["bronze_bookings"][["book_ref", "booked_at", "booked_on"]], "left", "book_ref")
        .merge(days, "left", "flight_id")
    )
    sales = sales.assign(
        days_ahead=(
            pd.to_datetime(sales["flight_date"]) - pd.to_datetime(sales["booked_on"])
        ).dt.days,
        has_known_ticket=sales["book_ref"].notna(),
        has_known_booking=sales["booked_at"].notna(),
        has_known_flight=sales["flight_no"].notna(),
        has_known_fare=sales["fare_conditions"].isin(_FARES),
        sale_month=sales["booked_at"].dt.strftime("%Y-%m").fillna("unknown"),
    )
    paid = found["bronze_ticket_flights"].rename(columns={"fare_conditions": "paid_fare"})
    seats = found["bronze_seats"].rename(columns={"fare_conditions": "seat_fare"})
    boardings = (
        found["bronze_boarding_passes"]
        .merge(flights[["flight_id", "flight_no", "flight_date", "aircraft_code"]], "left")
        .merge(seats[["aircraft_code", "seat_no", "seat_fare"]], "left")
        .merge(paid[["ticket_no", "flight_id", "paid_fare"]], "left")
    )

    def upgraded(seat_fare: str | None, paid_fare: str | None) -> bool | None:
        seat, paid = _FARES.get(seat_fare or ""), _FARES.get(paid_fare or "")
        return None if seat is None or paid is None else seat > paid

    boardings = boardings.assign(
        is_upgraded=_each(boardings, ["seat_fare", "paid_fare"], upgraded),
        has_known_seat=boardings["seat_fare"].notna(),
        has_known_sale=boardings["paid_fare"].notna(),
    )
    return {
        "fact_ticket_sale": sales,
        "fact_boarding": boardings,
        "fact_flight": _flights(found, sales, boardings),
    }


def _flights(found: Tables, sales: pd.DataFrame, boardings: pd.DataFrame) -> pd.DataFrame:
    own = ["flight_id", "flight_date"]
    flights = found["bronze_flights"].merge(found["dim_flight"][own], "left", "flight_id")
    seats = dict(_pairs(found["dim_aircraft"], "aircraft_code", "seats"))
    came = boardings["flight_id"].value_counts().to_dict()
    up = boardings.loc[boardings["is_upgraded"].eq(True), "flight_id"].value_counts().to_dict()
    amounts: dict[Any, list[Any]] = sales.groupby("flight_id")["amount"].agg(list).to_dict()
    keys = flights["flight_id"]
    late = flights["actual_arrival"] - flights["scheduled_arrival"]
    flights = flights.assign(
        is_late=[None if pd.isna(delay) else delay > timedelta(minutes=15) for delay in late],
        seats=flights["aircraft_code"].map(seats),
        tickets=[len(amounts.get(key, [])) for key in keys],
        revenue=_lists(sum(amounts.get(key, []), _ZERO) for key in keys),
        boarded=[came.get(key, 0) for key in keys],
        upgraded=[up.get(key, 0) for key in keys],
    )

    def occupancy(left_at: object, boarded: int, seats: int | None) -> float | None:
        return None if left_at is None or seats is None else _percent(boarded, seats)

    columns = ["actual_departure", "boarded", "seats"]
    return flights.assign(occupancy_percent=_each(flights, columns, occupancy))


def _pairs(frame: pd.DataFrame, key: str, value: str) -> Iterable[tuple[Any, Any]]:
    return zip(frame[key], frame[value], strict=True)


def _both(found: Tables) -> pd.DataFrame:
    """Give the flights with what dimension, fact and bronze say of them."""
    flights = found["dim_flight"]
    for other in (found["fact_flight"], found["bronze_flights"]):
        new = [name for name in other if name == "flight_id" or name not in flights]
        flights = flights.merge(other[new], "left", "flight_id")
    return flights


def _delays(found: Tables) -> pd.DataFrame:
    names = dict(_pairs(found["dim_airport"], "airport_code", "airport"))
    rows = []
    for keys, flights in _by(_both(found), ["departure_airport"]):
        delays = flights["departure_delay_minutes"].dropna()
        late = int((delays > 15).sum())
        rows.append(
            {
                **keys,
                "airport": names.get(keys["departure_airport"]),
                "flights": len(flights),
                "cancelled": int((flights["status"] == "Cancelled").sum()),
                "departed": len(delays),
                "late": late,
                "late_percent": _percent(late, len(delays)),
                "mean_delay_minutes": _rounded(delays.mean()),
                "median_delay_minutes": delays.median(),
                "longest_delay_minutes": delays.max(),
            }
        )
    return pd.DataFrame(rows)


def _itineraries(found: Tables) -> pd.DataFrame:
    sales = found["fact_ticket_sale"]
    known = sales.loc[
        sales["has_known_ticket"], ["ticket_no", "passenger_id", "flight_id", "amount"]
    ]
    sold = known.merge(found["dim_flight"], "inner", "flight_id").sort_values("scheduled_departure")
    rows = []
    for keys, legs in _by(sold, ["ticket_no", "passenger_id"]):
        start, end = legs["departure_airport"].tolist(), legs["arrival_airport"].tolist()
        lasted = legs["scheduled_arrival"].max() - legs["scheduled_departure"].min()
        columns = ["scheduled_departure", "flight_no", "departure_airport", "arrival_airport"]
        fields = ("departs_at", "flight_no", "origin", "destination")
        values = legs[columns].itertuples(index=False)
        rows.append(
            {
                **keys,
                "legs": [dict(zip(fields, leg, strict=True)) for leg in values],
                "flights": len(legs),
                "path": " - ".join([*start, end[-1]]),
                "is_round_trip": start[0] == end[-1],
                "is_by_frankfurt": "FRA" in {*start, *end},
                "departs_at": legs["scheduled_departure"].min(),
                "seconds": lasted.total_seconds(),
                "amount": sum(legs["amount"], _ZERO),
            }
        )
    return pd.DataFrame(rows)


def _orphans(found: Tables) -> pd.DataFrame:
    flags = {
        "dim_flight": {"aircraft": "has_known_aircraft", "airport": "has_known_airports"},
        "fact_ticket_sale": {
            name: f"has_known_{name}" for name in ("ticket", "booking", "flight", "fare")
        },
        "fact_boarding": {"seat": "has_known_seat", "sale": "has_known_sale"},
    }
    return pd.DataFrame(
        {
            "refers_to": kind,
            "in_table": table,
            "all_rows": len(found[table]),
            "orphans": (unknown := int((~found[table][flag]).sum())),
            "orphans_percent": _percent(unknown, len(found[table]), 2),
        }
        for table, kinds in flags.items()
        for kind, flag in kinds.items()
    )


def _route_days(found: Tables) -> pd.DataFrame:
    rows = []
    for keys, flights in _by(_both(found), ["flight_no", "day_of_week"]):
        left = flights[flights["occupancy_percent"].notna()]
        rows.append(
            {
                **keys,
                "day_name": flights["day_name"].iloc[0],
                "flights": len(flights),
                "revenue": sum(flights["revenue"], _ZERO),
                "occupancy_percent": _percent(left["boarded"].sum(), left["seats"].sum()),
            }
        )
    return pd.DataFrame(rows)


def _revenue(found: Tables) -> pd.DataFrame:
    route = ["departure_airport", "arrival_airport"]
    sold = found["fact_ticket_sale"].merge(
        found["dim_flight"][["flight_id", *route]], "inner", "flight_id"
    )
    rows = []
    for keys, sales in _by(sold, [*route, "fare_conditions"]):
        total = sum(sales["amount"], _ZERO)
        [mean] = half_up([float(total) / len(sales)], 2)
        rows.append(
            {
                **keys,
                "tickets": len(sales),
                "passengers": sales["passenger_id"].nunique(),
                "revenue": total,
                "mean_amount": mean,
                "mean_days_ahead": _rounded(sales["days_ahead"].mean()),
            }
        )
    fares = pd.DataFrame(rows)
    whole = fares.groupby(route)["revenue"].transform(lambda amounts: sum(amounts, _ZERO))
    ranks = [
        1 + sum(amount > own for amount in fares.loc[fares["fare_conditions"] == fare, "revenue"])
        for fare, own in _pairs(fares, "fare_conditions", "revenue")
    ]
    pairs = zip(fares["revenue"], whole, strict=True)
    shares: list[Any] = [_percent(float(own), float(all_)) for own, all_ in pairs]
    return fares.assign(percent_of_route=shares, rank_in_fare=ranks)


def _routes(found: Tables) -> pd.DataFrame:
    cities = dict(_pairs(found["dim_airport"], "airport_code", "city"))
    rows = []
    for keys, flights in _by(_both(found), ["flight_no", "departure_airport", "arrival_airport"]):
        names = dict(_pairs(flights, "day_of_week", "day_name"))
        rows.append(
            {
                **keys,
                "departure_city": cities.get(keys["departure_airport"]),
                "arrival_city": cities.get(keys["arrival_airport"]),
                "flights": len(flights),
                "aircraft_codes": sorted(set(flights["aircraft_code"])),
                "days_of_week": sorted(names),
                "day_names": " ".join(names[day] for day in sorted(names)),
                "is_daily": len(names) == 7,
                "planned_seconds": _mean(flights["planned_seconds"]),
                "actual_seconds": _mean(flights["actual_seconds"]),
            }
        )
    return pd.DataFrame(rows)


def _mean(seconds: pd.Series[Any]) -> int | None:
    """Give the mean, rounded down to whole seconds from what is rounded to microseconds."""
    known = seconds.dropna()
    if known.empty:
        return None
    [micros] = half_up([Decimal(int(known.sum()) * 10**6) / len(known)], 0)
    assert micros is not None
    return int(micros) // 10**6
