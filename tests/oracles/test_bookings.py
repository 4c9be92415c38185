"""The bookings' oracle on the example's own files gives the numbers that its page tells."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from tests.oracles import bookings, bookings_files
from tests.oracles.bookings_tables import KEYS

EXAMPLE = Path(__file__).parents[2] / "examples/bookings"
PAGE = (EXAMPLE / "README.md").read_text(encoding="utf-8")
Made = tuple[dict[str, pd.DataFrame], dict[str, Counter[str]]]


def number(text: str) -> int:
    return int(text.replace(",", ""))


def made(folder: Path, **environ: str) -> Path:
    """Make the files, with nothing else in the environment."""
    command = [sys.executable, str(EXAMPLE / "prepare.py"), str(folder)]
    subprocess.run(command, check=True, env=environ, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def processed(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The processed tables and the outcomes of rows."""
    files = made(tmp_path_factory.mktemp("bookings"))
    return bookings_files.processed(bookings_files.raw(files))


@pytest.fixture(scope="module")
def models(processed: Made) -> dict[str, pd.DataFrame]:
    """Every model."""
    return bookings.expected(processed[0])


def test_rows_of_datasets__on_the_page__are_those_of_the_oracle(processed: Made) -> None:
    told = re.findall(r"^\| (\w+) \| `\1\..*?` \| ([\d,]+) \| ([\d,]+) \|", PAGE, re.MULTILINE)
    assert {name: (number(rows), number(kept)) for name, rows, kept in told} == {
        name: (count["in"], count["out"]) for name, count in processed[1].items()
    }


def test_rows_of_models__on_the_page__are_those_of_the_oracle(
    models: dict[str, pd.DataFrame],
) -> None:
    stages = "bronze|dimension|fact|complex"
    told = re.findall(rf"^\| (?:{stages}) \| (\w+) \|.* \| ([\d,]+) \|$", PAGE, re.MULTILINE)
    assert {name: number(rows) for name, rows in told} == {
        name: len(frame) for name, frame in models.items()
    }


def test_faults__of_every_kind__are_there(processed: Made, models: dict[str, pd.DataFrame]) -> None:
    counts = processed[1]
    assert {name for name, count in counts.items() if not count["duplicate"]} == set()
    refused = {name for name, count in counts.items() if count["refused"]}
    assert refused == set(counts) - {"seats"}
    assert counts["flights"]["filtered"] > 0
    assert counts["ticket_flights"]["filtered"] > 0
    assert set(models["bronze_tickets"]["contact"]) == {"given", "none", "malformed"}
    unknown = models["orphans"].set_index("refers_to")["orphans"]
    assert [kind for kind, count in unknown.items() if not count] == []


def test_keys__are_unique_in_every_model(models: dict[str, pd.DataFrame]) -> None:
    for name, frame in models.items():
        assert not frame.duplicated(KEYS[name]).any(), f"{name} has a key twice"


def test_files__grow_with_the_variable__and_are_the_same_for_a_seed(tmp_path: Path) -> None:
    small, again, other = (
        {
            path.relative_to(folder): path.read_bytes()
            for path in made(folder, BOOKINGS="200", **environ).rglob("*.*")
        }
        for folder, environ in (
            (tmp_path / "small", {"PYTHONHASHSEED": "1"}),
            (tmp_path / "again", {"PYTHONHASHSEED": "2"}),
            (tmp_path / "other", {"BOOKINGS_SEED": "7"}),
        )
    )
    assert small == again
    assert small.keys() == other.keys()
    assert small != other
    rows = bookings_files.raw(tmp_path / "small")
    assert 100 < len(rows["bookings"]) <= 210


@pytest.mark.parametrize("count", ["many", "99", "-5", "1.5"])
def test_number_of_bookings__that_is_none__is_refused(count: str, tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        made(tmp_path, BOOKINGS=count)
    assert f"BOOKINGS={count}" in caught.value.stderr.decode()
    assert list(tmp_path.iterdir()) == []
