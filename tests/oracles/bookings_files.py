"""Tables of examples/bookings, worked out from its files: processed/, and the stage bronze."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pandas as pd

from tests.oracles.compare import typed

Row = dict[str, Any]

KEYS = {
    "aircrafts": ["aircraft_code"],
    "airports": ["airport_code"],
    "boarding_passes": ["ticket_no", "flight_id"],
    "bookings": ["book_ref"],
    "flights": ["flight_id"],
    "seats": ["aircraft_code", "seat_no"],
    "ticket_flights": ["ticket_no", "flight_id"],
    "tickets": ["ticket_no"],
}
TYPES = {
    "aircrafts": {
        "aircraft_code": "string",
        "model": "string",
        "range": "int",
        "languages": "int",
    },
    "airports": {
        **dict.fromkeys(("airport_code", "airport_name", "city", "coordinates"), "string"),
        "timezone": "string",
        "languages": "int",
        **dict.fromkeys(("longitude", "latitude"), "double"),
    },
    "boarding_passes": {
        "ticket_no": "string",
        "flight_id": "bigint",
        "boarding_no": "int",
        "seat_no": "string",
    },
    "bookings": {"book_ref": "string", "book_date": "timestamp", "total_amount": "decimal(10,2)"},
    "flights": {
        "flight_id": "bigint",
        **dict.fromkeys(("flight_no", "departure_airport", "arrival_airport"), "string"),
        "aircraft_code": "string",
        **dict.fromkeys(("scheduled_departure", "scheduled_arrival"), "timestamp"),
        "status": "string",
        **dict.fromkeys(("actual_departure", "actual_arrival"), "timestamp"),
    },
    "seats": dict.fromkeys(("aircraft_code", "seat_no", "fare_conditions"), "string"),
    "ticket_flights": {
        "ticket_no": "string",
        "flight_id": "bigint",
        "fare_conditions": "string",
        "amount": "decimal(10,2)",
    },
    "tickets": dict.fromkeys(
        ("ticket_no", "book_ref", "passenger_id", "passenger_name", "contact_data"), "string"
    ),
}
_MAY_BE_NULL = {"range", "actual_departure", "actual_arrival", "contact_data"}
_AS_THEY_ARE = {"model", "airport_name", "city", "coordinates", "timezone", "contact_data"}
_TITLES = {"status", "fare_conditions"}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


_PARSE: dict[str, Callable[[str], Any]] = {
    "string": str,
    "int": int,
    "bigint": int,
    "timestamp": _time,
    "decimal(10,2)": Decimal,
}


def raw(folder: Path) -> dict[str, list[dict[str, str]]]:
    """Rows of the files as texts, in their order; what is not there is an empty text."""
    found = {}
    for name in KEYS:
        [path] = (folder / name).iterdir()
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
        if path.suffix == ".json":
            found[name] = [{k: _text(v) for k, v in row.items()} for row in json.loads(text)]
        else:
            separator = "\t" if ".tsv" in path.name else ","
            frame = pd.read_csv(io.StringIO(text), sep=separator, dtype=str, keep_default_na=False)
            found[name] = [{str(k): str(v) for k, v in row.items()} for row in _records(frame)]
    return found


def _records(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    return frame.to_dict("records")


def _text(value: object) -> str:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return "" if value is None else str(value)


def processed(
    tables: Mapping[str, list[dict[str, str]]],
) -> tuple[dict[str, pd.DataFrame], dict[str, Counter[str]]]:
    """Give the tables in processed/, typed, and how many rows had which outcome."""
    frames, counts = {}, {}
    for name, texts in tables.items():
        outcomes: Counter[str] = Counter({"in": len(texts)})
        latest: dict[tuple[Any, ...], Row] = {}
        for row in (_read(name, row) for row in texts):
            if row is None:
                outcomes["refused"] += 1
                continue
            key = tuple(row[column] for column in KEYS[name])
            outcomes["duplicate"] += key in latest
            latest[key] = row
        kept = []
        for row in latest.values():
            if not _is_kept(row):
                outcomes["filtered"] += 1
            elif not _derive(row):
                outcomes["refused"] += 1
            else:
                kept.append(row)
        outcomes["out"] = len(kept)
        frames[name], counts[name] = typed(pd.DataFrame(kept), TYPES[name]), outcomes
    return frames, counts


def _read(table: str, texts: Mapping[str, str]) -> Row | None:
    """Give the values of a row; None when it is refused."""
    row: Row = {}
    for name, text in texts.items():
        try:
            row[name] = _value(name, TYPES[table][name], text)
        except (ValueError, InvalidOperation):
            return None
    return None if any(row[name] is None for name in row if name not in _MAY_BE_NULL) else row


def _value(name: str, kind: str, text: str) -> Any:
    if text.strip() in ("", "\\N"):
        return None
    if kind != "string" or name in _AS_THEY_ARE:
        return _PARSE[kind](text)
    return text.strip().title() if name in _TITLES else text.strip().upper()


def _is_kept(row: Row) -> bool:
    if "amount" in row:
        return bool(row["amount"] >= 0)
    here = row.get("actual_arrival")
    return here is None or (row["actual_departure"] is not None and here > row["actual_departure"])


def _derive(row: Row) -> bool:
    """Add the derived columns; False when they refuse the row."""
    if "coordinates" in row:
        place = re.fullmatch(r"\((.+),(.+)\)", row["coordinates"])
        assert place
        row |= {"longitude": float(place[1]), "latitude": float(place[2])}
    name = row.get("airport_name", row.get("model"))
    if name is not None:
        names = _loaded(name)
        if names is None:
            return False
        row["languages"] = len(names)
    return True


def _loaded(text: str | None) -> dict[str, str] | None:
    """Give what a JSON text holds; None for what is none."""
    try:
        found: dict[str, str] = json.loads(text or "")
    except ValueError:
        return None
    return found


def bronze(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Give the models of the first stage, of the processed tables in types of NumPy."""
    flights, seats = tables["flights"], tables["seats"]
    bookings, tickets = tables["bookings"], tables["tickets"]
    contacts = [None if text is None else _loaded(text) for text in tickets["contact_data"]]
    given = list(zip(tickets["contact_data"], contacts, strict=True))

    def told(name: str) -> list[Any]:
        return [(found or {}).get(name) for found in contacts]

    def names(table: str, column: str) -> list[Any]:
        found = [_loaded(text) or {} for text in tables[table][column]]
        return [{"en": one.get("en"), "de": one.get("de")} for one in found]

    return {
        "bronze_aircrafts": tables["aircrafts"].assign(
            model=names("aircrafts", "model"), range_km=tables["aircrafts"]["range"]
        ),
        "bronze_airports": tables["airports"].assign(
            airport_name=names("airports", "airport_name"),
            city=names("airports", "city"),
            time_zone=tables["airports"]["timezone"],
        ),
        "bronze_boarding_passes": tables["boarding_passes"],
        "bronze_bookings": bookings.assign(
            booked_at=bookings["book_date"], booked_on=bookings["book_date"].dt.date
        ),
        "bronze_flights": flights.assign(
            planned_seconds=_seconds(flights, "scheduled_arrival", "scheduled_departure"),
            actual_seconds=_seconds(flights, "actual_arrival", "actual_departure"),
            departure_delay_minutes=_minutes(
                _seconds(flights, "actual_departure", "scheduled_departure")
            ),
            arrival_delay_minutes=_minutes(
                _seconds(flights, "actual_arrival", "scheduled_arrival")
            ),
        ),
        "bronze_seats": seats.assign(
            seat_row=seats["seat_no"].str[:-1].astype(int), seat_letter=seats["seat_no"].str[-1]
        ),
        "bronze_ticket_flights": tables["ticket_flights"],
        "bronze_tickets": tickets.assign(
            phone=told("phone"),
            email=[email and email.lower() for email in told("email")],
            contact=[
                "none" if text is None else "given" if found else "malformed"
                for text, found in given
            ],
        ),
    }


def _seconds(frame: pd.DataFrame, end: str, start: str) -> pd.Series[Any]:
    return (frame[end] - frame[start]).dt.total_seconds()


def _minutes(seconds: pd.Series[Any]) -> list[Any]:
    """Give whole minutes, towards zero."""
    return [None if pd.isna(value) else int(value / 60) for value in seconds]
