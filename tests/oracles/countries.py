"""What examples/countries must make of the file it fetches, worked out with pandas."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.oracles.compare import half_up, typed

KEYS = {"country_summary": ["country_code"], "time_zones": ["timezone"]}
CITIES = {
    "geoname_id": "bigint",
    **dict.fromkeys(("name", "country_code", "country_name", "admin1_code"), "string"),
    **dict.fromkeys(("latitude", "longitude"), "decimal(8,5)"),
    "population": "bigint",
    "timezone": "string",
    "country": "string",
    "inhabitants": "bigint",
    "hemisphere": "string",
}
TYPES = {
    "country_summary": {
        **dict.fromkeys(("country_code", "country"), "string"),
        **dict.fromkeys(("towns", "towns_of_a_million", "towns_of_unknown_size"), "bigint"),
        "inhabitants": "bigint",
        "largest_town": "string",
        "largest_inhabitants": "bigint",
        "largest_percent": "double",
        "time_zones": "bigint",
        **dict.fromkeys(("northernmost", "southernmost"), "decimal(8,5)"),
    },
    "time_zones": {
        **dict.fromkeys(("timezone", "region"), "string"),
        **dict.fromkeys(("towns", "countries", "inhabitants"), "bigint"),
        "mean_latitude": "double",
    },
}
_MILLION = 1_000_000


def texts(path: Path) -> pd.DataFrame:
    """Every row of the zip, as texts."""
    with zipfile.ZipFile(path) as archive:
        parts = []
        for name in archive.namelist():
            with archive.open(name) as file:
                parts.append(pd.read_csv(file, sep=";", dtype=str, keep_default_na=False))
    rows = pd.concat(parts, ignore_index=True)
    return rows.rename(columns=lambda name: name.lower().replace(" ", "_"))


def refused(rows: pd.DataFrame) -> pd.Series[bool]:
    """Which of the rows do not fit the contract."""
    number = r"-?\d+(\.\d+)?"
    fits = rows["name"].ne("") & rows["population"].str.fullmatch(r"\d+")
    for column in ("latitude", "longitude"):
        fits &= rows[column].str.fullmatch(number)
    return ~fits


def cities(rows: pd.DataFrame) -> pd.DataFrame:
    """Give the processed table of the rows, typed."""
    kept = rows[~refused(rows)].drop_duplicates("geoname_id").copy()
    kept["geoname_id"] = kept["geoname_id"].astype("int64")
    for name in ("country_name", "admin1_code"):
        kept[name] = [None if text in ("", "00") else text for text in kept[name]]
    kept["country"] = [name and name.replace("\u2019", "'") for name in kept["country_name"]]
    kept["population"] = kept["population"].astype("int64")
    known = kept["population"] > 0
    kept["inhabitants"] = kept["population"].where(known).astype("Int64")
    for name in ("latitude", "longitude"):
        kept[name] = pd.Series(half_up(kept[name], 5), kept.index)
    kept["hemisphere"] = ["south" if value < 0 else "north" for value in kept["latitude"]]
    return typed(kept, CITIES)


def expected(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Give every model of the rows, typed."""
    towns = cities(rows).astype({"inhabitants": "Int64", "geoname_id": "int64"})
    models = {
        "country_summary": pd.DataFrame(
            [_country(code, group) for code, group in towns.groupby("country_code")]
        ),
        "time_zones": pd.DataFrame(
            [_zone(zone, group) for zone, group in towns.groupby("timezone")]
        ),
    }
    return {name: typed(models[name], types) for name, types in TYPES.items()}


def _sum(values: pd.Series[Any]) -> int | None:
    return int(values.sum()) if values.notna().any() else None


def _country(code: object, towns: pd.DataFrame) -> dict[str, object]:
    sizes = towns["inhabitants"]
    all_of_them = _sum(sizes)
    largest = None
    if all_of_them is not None:
        largest = towns[sizes.notna()].sort_values(
            ["inhabitants", "geoname_id"], ascending=[False, True]
        ).iloc[0]  # fmt: skip
    share = [100 * largest["inhabitants"] / all_of_them if largest is not None else None]
    percent = half_up(share, 1)[0]
    return {
        "country_code": code,
        "country": towns["country"].iloc[0],
        "towns": len(towns),
        "towns_of_a_million": int((sizes >= _MILLION).sum()),
        "towns_of_unknown_size": int(sizes.isna().sum()),
        "inhabitants": all_of_them,
        "largest_town": None if largest is None else largest["name"],
        "largest_inhabitants": None if largest is None else int(largest["inhabitants"]),
        "largest_percent": np.nan if percent is None else float(percent),
        "time_zones": towns["timezone"].nunique(),
        "northernmost": max(towns["latitude"]),
        "southernmost": min(towns["latitude"]),
    }


def _zone(zone: object, towns: pd.DataFrame) -> dict[str, object]:
    latitudes = [float(value) for value in towns["latitude"]]
    return {
        "timezone": zone,
        "region": str(zone).split("/", maxsplit=1)[0],
        "towns": len(towns),
        "countries": towns["country_code"].nunique(),
        "inhabitants": _sum(towns["inhabitants"]),
        "mean_latitude": float(half_up([np.mean(latitudes)], 2)[0] or 0),
    }
