"""The retail sample: the same for a seed everywhere, and untidy in all the ways that it says."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from medallion.readers import samples

ROOT = Path(__file__).parents[2]
# Seed 42, 1,000 rows. Another digest means other data for everybody who has ingested the sample.
DIGESTS = {
    "customers": "6bf40159f7c7dd73",
    "products": "d54927dfbe97edac",
    "sales": "ed9b5ad21415bb5b",
}
SIZES = {"customers": 1000, "products": 200, "sales": 5000}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    found = {}
    for table, rows in SIZES.items():
        path = tmp_path_factory.mktemp("samples") / table
        samples.write_csv(path, table, rows, 42)
        found[table] = pd.read_csv(path, dtype=str, keep_default_na=False)
    return found


@pytest.mark.parametrize("table", list(DIGESTS))
def test_sample__is_the_same_on_this_python(table: str, tmp_path: Path) -> None:
    samples.write_csv(tmp_path / "x", table, 1000, 42)
    assert hashlib.sha256((tmp_path / "x").read_bytes()).hexdigest()[:16] == DIGESTS[table]


def test_sample__is_the_same_on_the_python_of_the_jobs(job_python: str, tmp_path: Path) -> None:
    program = (
        "import pathlib; from medallion.readers import samples\n"
        "for table in samples.COLUMNS:\n"
        f"    samples.write_csv(pathlib.Path({str(tmp_path)!r}) / table, table, 1000, 42)\n"
    )
    subprocess.run([job_python, "-c", program], cwd=ROOT / "jobs", check=True)
    for table, digest in DIGESTS.items():
        assert hashlib.sha256((tmp_path / table).read_bytes()).hexdigest()[:16] == digest


def test_sample__other_seed_is_other_data(tmp_path: Path) -> None:
    for seed in (1, 2):
        samples.write_csv(tmp_path / str(seed), "sales", 100, seed)
    assert (tmp_path / "1").read_bytes() != (tmp_path / "2").read_bytes()


@pytest.mark.parametrize(("table", "rows"), SIZES.items())
def test_sample__has_its_columns_and_rows(
    table: str, rows: int, tables: dict[str, pd.DataFrame]
) -> None:
    assert tuple(tables[table].columns) == samples.COLUMNS[table]
    assert len(tables[table]) == rows


@pytest.mark.parametrize("table", list(SIZES))
def test_sample__repeats_keys_with_later_states(
    table: str, tables: dict[str, pd.DataFrame]
) -> None:
    frame = tables[table]
    key = frame.columns[0]
    repeated = frame[frame.duplicated(key, keep=False)]
    assert 0.01 < frame.duplicated(key).mean() < 0.08
    for _, states in repeated.groupby(key):
        assert states["updated_at"].is_monotonic_increasing
        assert states["updated_at"].is_unique


def test_customers__are_untidy(tables: dict[str, pd.DataFrame]) -> None:
    frame = tables["customers"]
    assert (frame["first_name"] != frame["first_name"].str.strip()).any()
    assert (frame["last_name"] != frame["last_name"].str.title()).any()
    status = frame["status"].str.strip().str.lower()
    assert set(status) == {"active", "inactive"}
    assert 0.05 < (status == "inactive").mean() < 0.15
    email = frame["email"].str.strip().str.lower()
    bad = ~email.str.fullmatch(r"[^@ ]+@[^@ ]+[.][a-z]+")
    assert 0.01 < bad.mean() < 0.06
    countries = {"DE", "FR", "GB", "IT", "NL", "PT", "US"}
    assert set(frame["country"].str.strip().str.upper()) == countries
    assert pd.to_datetime(frame["signup_date"], errors="coerce").isna().sum() > 0
    assert pd.to_datetime(frame["updated_at"], errors="coerce").notna().all()


def test_products__are_untidy(tables: dict[str, pd.DataFrame]) -> None:
    frame = tables["products"]
    assert set(frame["category"].str.strip().str.title()) == {
        "Books", "Clothing", "Electronics", "Garden", "Home", "Toys",
    }  # fmt: skip
    price = pd.to_numeric(frame["price"], errors="coerce")
    assert price.isna().any()
    assert (price.dropna() >= 0).all()
    assert frame["name"].str.contains(",").all()


def test_sales__are_untidy(tables: dict[str, pd.DataFrame]) -> None:
    frame = tables["sales"]
    quantity = pd.to_numeric(frame["quantity"], errors="coerce")
    sold_at = pd.to_datetime(frame["sold_at"], errors="coerce")
    assert 0 < quantity.isna().sum() < 50
    assert 0 < sold_at.isna().sum() < 50
    assert (quantity < 0).any()
    assert set(sold_at.dropna().dt.year) == {2024}
    assert set(sold_at.dropna().dt.month) == set(range(1, 13))
    orphans = ~frame["customer_id"].isin(tables["customers"]["customer_id"])
    assert 0 < orphans.mean() < 0.03
    known = set(tables["products"]["product_id"])
    assert frame["product_id"].isin(known).all()
    assert (frame["channel"] == "").any()
    assert set(frame["channel"].str.strip().str.lower()) == {"store", "web", "app", ""}
