"""Make the files of the bookings example: an airline's eight tables, as its systems send them.

`python examples/bookings/prepare.py <folder>` writes them to `<folder>/<dataset>/`. All is made up,
the same each time for a seed, and untidy: rows come twice, values are missing, JSON is cut off,
dates and amounts are none, codes are of nothing. BOOKINGS in the environment is how many bookings
are tried (default 4000), which all else grows with, and BOOKINGS_SEED another seed.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import random
import sys
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from typing import Any, TypeVar

Drops = list[tuple[str, Path]]
Row = dict[str, Any]
T = TypeVar("T")

# Code, model in English and German, range in km, and the last row of each fare, from the front.
AIRCRAFT: tuple[tuple[str, str, str, int, dict[str, int]], ...] = (
    ("319", "Airbus A319", "Airbus A319", 6700, {"Business": 4, "Economy": 24}),
    ("320", "Airbus A320", "Airbus A320", 5700, {"Business": 5, "Comfort": 9, "Economy": 29}),
    ("AT7", "ATR 72 turboprop", "ATR 72 Turboprop", 1500, {"Economy": 18}),
    ("E90", "Embraer 190", "Embraer 190", 4500, {"Business": 3, "Economy": 25}),
    ("77W", "Boeing 777", "Boeing 777", 13600, {"Business": 8, "Comfort": 14, "Economy": 45}),
)
FARES = {"Economy": 1.0, "Comfort": 1.6, "Business": 2.8}
# Of each hub its spokes: every flight begins or ends at a hub.
HUBS = {"FRA": ("BER", "CGN", "FCO", "HAM", "LIS", "MUC", "VIE"), "MUC": ("ATH", "CPH", "ZRH")}
FIRST_NAMES = ("ADA", "BRUNO", "CHIARA", "DMITRI", "ELIF", "FARID", "GRACE", "HANA", "JOÃO", "ZOË")
LAST_NAMES = ("ALMEIDA", "BROWN", "COSTA", "DUPONT", "ERIKSEN", "FISCHER", "GARCÍA", "O'NEILL")
START = datetime(2025, 3, 3)
HOUR = timedelta(hours=1)
NULL = "\\N"  # as PostgreSQL's COPY writes it
_AIRPORTS = Path(__file__).with_name("airports.csv").read_text(encoding="utf-8")
AIRPORTS = list(csv.DictReader(_AIRPORTS.splitlines()))


class Dice:
    """Chance that is the same for a seed on every Python."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random  # noqa: S311 - it is no secret

    def below(self, number: int) -> int:
        return int(self._random() * number)

    def one_of(self, values: Sequence[T]) -> T:
        return values[self.below(len(values))]

    def hits(self, share: float) -> bool:
        return self._random() < share


def prepare(folder: Path) -> Drops:
    """Write the files to drop under `folder`; return (dataset, file) pairs."""
    count, seed = os.environ.get("BOOKINGS", "4000"), os.environ.get("BOOKINGS_SEED", "42")
    if not (count.isdecimal() and seed.isdecimal() and int(count) >= 100):
        sys.exit(f"BOOKINGS={count} BOOKINGS_SEED={seed}: give whole numbers, from 100 and 0.")
    tables = Airline(int(count), int(seed)).tables()
    names = {"aircrafts": "json", "airports": "csv", "flights": "csv.gz", "tickets": "csv.gz"}
    drops = []
    for dataset, rows in tables.items():
        path = folder / dataset / f"{dataset}.{names.get(dataset, 'tsv.gz')}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_content(path.name, rows))
        drops.append((dataset, path))
    return drops


def _content(name: str, rows: Sequence[Row]) -> bytes:
    if name.endswith(".json"):
        return json.dumps(rows, ensure_ascii=False, indent=1).encode()
    text = io.StringIO()
    delimiter = "\t" if ".tsv" in name else ","
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    content = text.getvalue().encode()
    return gzip.compress(content, mtime=0) if name.endswith(".gz") else content


def seats_of(aircraft: str) -> dict[str, list[str]]:
    """Seats of an aircraft by fare."""
    rows = next((row[4] for row in AIRCRAFT if row[0] == aircraft), {})
    found, first = {}, 1
    for fare, last in rows.items():
        letters = "ACDF" if fare == "Business" or aircraft in ("AT7", "E90") else "ABCDEF"
        found[fare] = [f"{row}{letter}" for row in range(first, last + 1) for letter in letters]
        first = last + 1
    return found


@lru_cache
def kilometres(one: str, other: str) -> float:
    """Distance of two airports on the globe."""
    places = {row["airport_code"]: (row["longitude"], row["latitude"]) for row in AIRPORTS}
    (lon, lat), (lon2, lat2) = (
        (radians(float(degrees)) for degrees in places[code]) for code in (one, other)
    )
    part = sin((lat2 - lat) / 2) ** 2 + cos(lat) * cos(lat2) * sin((lon2 - lon) / 2) ** 2
    return 2 * 6371 * asin(sqrt(part))


def _at(time: datetime | None) -> str:
    return NULL if time is None else time.strftime("%Y-%m-%d %H:%M:%S+00:00")


class Airline:
    """An airline of two hubs, and who flies with it."""

    def __init__(self, bookings: int, seed: int) -> None:
        self._dice = Dice(seed)
        self._days = max(14, bookings // 160)
        # When the tables were sent: of later flights it is not known how they went.
        self._now = START + timedelta(days=self._days * 4 // 5, hours=12)
        self._flights: dict[int, Row] = {}
        self._left: dict[tuple[int, str], int] = {}
        self._departures: dict[tuple[str, str], list[tuple[datetime, int]]] = defaultdict(list)
        self._people = [self._person() for _ in range(max(10, bookings))]
        self._bookings: list[Row] = []
        self._tickets: list[Row] = []
        self._sales: list[Row] = []
        self._fly()
        references: set[str] = set()
        for _ in range(bookings):
            self._book(references)

    def tables(self) -> dict[str, list[Row]]:
        """Rows of each dataset, faults among them."""
        found = {
            "aircrafts": [
                {"aircraft_code": code, "model": {"en": en, "de": de}, "range": reach}
                for code, en, de, reach, _ in AIRCRAFT
            ],
            "airports": [self._airport(row) for row in AIRPORTS],
            "boarding_passes": self._boardings(),
            "bookings": self._bookings,
            "flights": [self._shown(flight) for flight in self._flights.values()],
            "seats": [
                {"aircraft_code": code, "seat_no": seat, "fare_conditions": fare}
                for code, *_ in AIRCRAFT
                for fare, seats in seats_of(code).items()
                for seat in seats
            ],
            "ticket_flights": self._sales,
            "tickets": self._tickets,
        }
        self._spoil(found)
        return found

    def _airport(self, row: Row) -> Row:
        name = {"en": row["name_en"], "de": row["name_de"]}
        city = {"en": row["city_en"], "de": row["city_de"]}
        return {
            "airport_code": row["airport_code"],
            "airport_name": json.dumps(name, ensure_ascii=False),
            "city": json.dumps(city),  # with escapes, as some write it
            "coordinates": f"({row['longitude']},{row['latitude']})",
            "timezone": row["timezone"],
        }

    def _person(self) -> Row:
        dice = self._dice
        first, last = dice.one_of(FIRST_NAMES), dice.one_of(LAST_NAMES)
        number = f"{dice.below(10000):04d} {dice.below(1000000):06d}"
        contact = {"phone": f"+49{dice.below(10**9):09d}"}
        if dice.hits(0.7):
            contact["email"] = f"{first}.{last[0]}{number[:4]}@example.org".lower()
        return {"passenger_id": number, "passenger_name": f"{first} {last}", "contact": contact}

    # Flights

    def _fly(self) -> None:
        dice, number = self._dice, 0
        for hub, spokes in HUBS.items():
            for spoke in spokes:
                aircraft = dice.one_of(("319", "320", "320", "AT7", "E90"))
                aircraft = "320" if kilometres(hub, spoke) > 1200 else aircraft
                weekdays = {dice.below(7) for _ in range(9)}
                start = timedelta(minutes=5 * dice.below(120) + 300)
                for route in ((hub, spoke), (spoke, hub)):
                    number += 1
                    self._route(f"MD{number:04d}", route, aircraft, weekdays, start)
                    start += timedelta(minutes=40) + self._planned(route)

    def _planned(self, route: tuple[str, str]) -> timedelta:
        return timedelta(minutes=5 * round(6 + kilometres(*route) / 780 * 12))

    def _route(
        self, name: str, route: tuple[str, str], aircraft: str, days: set[int], start: timedelta
    ) -> None:
        for day in range(self._days):
            if day % 7 not in days:
                continue
            departure = START + timedelta(days=day) + start
            key = len(self._flights) + 1
            self._flights[key] = {
                "flight_id": key,
                "flight_no": name,
                "departure_airport": route[0],
                "arrival_airport": route[1],
                "aircraft_code": aircraft,
                "scheduled_departure": departure,
                "scheduled_arrival": departure + self._planned(route),
                **self._outcome(departure, self._planned(route)),
            }
            self._departures[route].append((departure, key))
            for fare, seats in seats_of(aircraft).items():
                self._left[key, fare] = len(seats)

    def _outcome(self, departure: datetime, planned: timedelta) -> Row:
        dice, now = self._dice, self._now
        late = dice.below(240) if dice.hits(0.08) else dice.below(40) if dice.hits(0.2) else 0
        gone = departure + timedelta(minutes=late + dice.below(5))
        here = gone + planned + timedelta(minutes=dice.below(16) - 8)
        if dice.hits(0.02):
            return {"status": "Cancelled", "actual_departure": None, "actual_arrival": None}
        status = "Arrived" if here <= now else "Departed" if gone <= now else "Scheduled"
        return {
            "status": "Delayed" if status == "Scheduled" and departure <= now else status,
            "actual_departure": gone if gone <= now else None,
            "actual_arrival": here if here <= now else None,
        }

    def _shown(self, flight: Row) -> Row:
        return {k: _at(v) if v is None or isinstance(v, datetime) else v for k, v in flight.items()}

    # Sales

    def _book(self, references: set[str]) -> None:
        dice = self._dice
        hub = dice.one_of(("FRA", "FRA", "MUC"))
        start, end = dice.one_of(HUBS[hub]), dice.one_of((*HUBS[hub], hub))
        fare = dice.one_of(("Economy",) * 8 + ("Comfort", "Business"))
        people = [dice.one_of(self._people) for _ in range(dice.one_of((1, 1, 1, 2, 2, 3)))]
        people = list({person["passenger_id"]: person for person in people}.values())
        stops = [start, hub, end] if end not in (hub, start) else [start, hub]
        earliest = START + timedelta(days=dice.below(self._days - 7), hours=dice.below(24))
        legs = self._legs(stops, earliest, fare, len(people))
        if legs and dice.hits(0.6):
            back = legs[-1]["scheduled_arrival"] + timedelta(days=1 + dice.below(6))
            legs += self._legs(stops[::-1], back, fare, len(people)) or []
        reference = f"{dice.below(16**6):06X}"
        if not legs or reference in references:
            return
        references.add(reference)
        minutes = 60 + dice.below(45 * 1440)
        booked = legs[0]["scheduled_departure"] - timedelta(minutes=minutes)
        price = 0.8 + dice.below(60) / 100
        total = 0
        for person in people:
            ticket = f"{5430000001 + len(self._tickets):013d}"
            self._tickets.append(self._ticket(ticket, reference, person))
            for leg in legs:
                distance = kilometres(leg["departure_airport"], leg["arrival_airport"])
                cents = int(100 * (29 + distance * 0.11) * FARES[fare] * price)
                total += cents
                self._sales.append(
                    {
                        "ticket_no": ticket,
                        "flight_id": leg["flight_id"],
                        "fare_conditions": fare,
                        "amount": f"{cents / 100:.2f}",
                    }
                )
        amount = f"{total / 100:.2f}"
        self._bookings.append(
            {"book_ref": reference, "book_date": _at(booked), "total_amount": amount}
        )

    def _legs(self, stops: list[str], earliest: datetime, fare: str, n: int) -> list[Row] | None:
        """Find flights with room from stop to stop; they leave within a day of the one before."""
        legs: list[Row] = []
        latest = earliest + 7 * 24 * HOUR
        for route in pairwise(stops):
            departures = self._departures[route]
            place = bisect_left(departures, (earliest, 0))
            if place == len(departures) or departures[place][0] > latest:
                return None
            key = departures[place][1]
            if self._left.get((key, fare), 0) < n:
                return None
            legs.append(self._flights[key])
            earliest = self._flights[key]["scheduled_arrival"] + 2 * HOUR / 3
            latest = earliest + 24 * HOUR
        for leg in legs:
            self._left[leg["flight_id"], fare] -= n
        return legs

    def _ticket(self, number: str, reference: str, person: Row) -> Row:
        contact = {
            k: v for k, v in person["contact"].items() if k == "phone" or self._dice.hits(0.8)
        }
        return {
            "ticket_no": number,
            "book_ref": reference,
            "passenger_id": person["passenger_id"],
            "passenger_name": person["passenger_name"],
            "contact_data": json.dumps(contact),
        }

    def _boardings(self) -> list[Row]:
        """Boarding passes of flights that have left; not all come, and some sit further up."""
        free: dict[int, dict[str, list[str]]] = {}
        passes: list[Row] = []
        counted: dict[int, int] = defaultdict(int)
        for sale in self._sales:
            flight = self._flights[sale["flight_id"]]
            if flight["actual_departure"] is None or self._dice.hits(0.04):
                continue
            key, fare = flight["flight_id"], sale["fare_conditions"]
            seats = free.setdefault(key, seats_of(flight["aircraft_code"]))
            if self._dice.hits(0.02) and seats.get("Business"):
                fare = "Business"
            if not seats[fare]:
                continue
            counted[key] += 1
            seat = seats[fare].pop(self._dice.below(len(seats[fare])))
            row = {"ticket_no": sale["ticket_no"], "flight_id": key}
            passes.append({**row, "boarding_no": counted[key], "seat_no": seat})
        return passes

    # Faults

    def _spoil(self, tables: dict[str, list[Row]]) -> None:
        self._change(tables["bookings"], 0.003, book_date="2025-02-30 10:00:00+00:00")
        self._change(tables["bookings"], 0.002, total_amount="1.234,50")
        self._repeat(tables["bookings"], 0.01, lambda row: row | {"total_amount": "99.00"})
        self._change(tables["tickets"], 0.003, passenger_id=NULL)
        self._change(tables["tickets"], 0.01, contact_data=NULL)
        self._change(tables["tickets"], 0.005, contact_data='{"phone": "+4930')
        self._repeat(tables["tickets"], 0.01)
        self._change(tables["flights"], 0.01, aircraft_code="XXX")
        self._change(tables["flights"], 0.01, arrival_airport="GVX")
        self._change(tables["flights"], 0.01, scheduled_departure="0000-00-00 00:00:00")
        self._change(tables["flights"], 0.01, actual_arrival=_at(START))
        earlier = {"status": "Scheduled", "actual_departure": NULL, "actual_arrival": NULL}
        self._repeat(tables["flights"], 0.05, lambda row: row | earlier, before=True)
        self._change(tables["ticket_flights"], 0.002, amount="n/a")
        self._change(tables["ticket_flights"], 0.001, amount="-20.00")
        self._change(tables["ticket_flights"], 0.002, flight_id=9999999)
        self._change(tables["ticket_flights"], 0.002, fare_conditions="Premium")
        self._change(tables["ticket_flights"], 0.02, fare_conditions=" ECONOMY ")
        self._repeat(tables["ticket_flights"], 0.01)
        self._change(tables["boarding_passes"], 0.003, seat_no=NULL)
        self._change(tables["boarding_passes"], 0.002, seat_no="99Z")
        self._repeat(tables["boarding_passes"], 0.01)
        self._repeat(tables["seats"], 0.01)
        # A name is cut off of Lisbon, which comes again, and of Geneva, which does not.
        airports = {row["airport_code"]: row for row in tables["airports"]}
        geneva = airports.pop("GVA")
        cut = [
            row | {"airport_name": row["airport_name"][:-9]} for row in (geneva, airports["LIS"])
        ]
        tables["airports"] = [*cut, *airports.values()]
        tables["aircrafts"] += [
            tables["aircrafts"][1] | {"range": 6100},
            {"aircraft_code": None, "model": {"en": "Unknown"}, "range": 100},
        ]

    def _change(self, rows: list[Row], share: float, **values: Any) -> None:
        for place in self._places(rows, share):
            rows[place] = rows[place] | values

    def _repeat(
        self,
        rows: list[Row],
        share: float,
        change: Callable[[Row], Row] = dict,
        *,
        before: bool = False,
    ) -> None:
        for place in sorted(self._places(rows, share), reverse=True):
            rows.insert(place if before else len(rows), change(rows[place]))

    def _places(self, rows: list[Row], share: float) -> Iterable[int]:
        count = max(1, round(share * len(rows)))
        return {self._dice.below(len(rows)) for _ in range(count)}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"Usage: {sys.argv[0]} <folder>")
    for made_for, made in prepare(Path(sys.argv[1])):
        print(f"{made_for}: {made}")
