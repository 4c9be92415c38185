"""The oracle of the countries on their own file gives the numbers that the example's page tells."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from ops import examples
from tests.oracles import countries

EXAMPLE = examples.load("countries")
PAGE = (EXAMPLE.folder / "README.md").read_text(encoding="utf-8")


def number(text: str) -> int:
    return int(text.replace(",", ""))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("web")
    EXAMPLE.publish(folder)
    return countries.texts(folder / "cities.zip")


def test_rows__on_the_page__are_those_of_the_oracle(rows: pd.DataFrame) -> None:
    told = re.findall(r"^\| (\w+) \| ([\d,]+) \|", PAGE, re.MULTILINE)
    wrong = int(countries.refused(rows).sum())
    towns = countries.cities(rows)
    assert {name: number(count) for name, count in told} == {
        "raw": len(rows),
        "duplicate": len(rows) - wrong - len(towns),
        "refused": wrong,
        "processed": len(towns),
    }
    assert number(PAGE.split("\n\n")[1].split(" ")[0]) == rows["geoname_id"].nunique()
    without = towns["country"].isna()
    assert f"its {without.sum()} towns" in PAGE
    assert set(towns[without]["country_code"]) == {"XK"}
    assert f"and {towns['country'].nunique() - 1} more" in PAGE
    repeated = len(rows) - rows["geoname_id"].nunique()
    assert f"repeats the {repeated:,} towns" in PAGE
    assert f"{len(towns) + wrong - rows['geoname_id'].nunique()} towns that are spoilt" in PAGE


def test_models__on_the_page__are_those_of_the_oracle(rows: pd.DataFrame) -> None:
    told = re.findall(r"^\| mart \| (\w+) \|.* \| ([\d,]+) \|$", PAGE, re.MULTILINE)
    found = countries.expected(rows)
    assert {name: number(count) for name, count in told} == {
        name: len(frame) for name, frame in found.items()
    }
    for name, frame in found.items():
        assert not frame.duplicated(countries.KEYS[name]).any(), f"{name} has a key twice"
