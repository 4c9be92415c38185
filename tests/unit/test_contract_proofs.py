"""What cheap tests prove is what the whole way gives, for every text, refusals included."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medallion import duckdb_sql
from medallion.contract.contract import Contract
from medallion.contract.dialect import Dialect
from medallion.engines.duckdb import casts
from medallion.engines.duckdb.dialect import DuckDb
from tests.unit.transform_fixtures import column, contract, engine_in, raw_table, transformed

BLANKS = ["", "", "", " ", "\t", "\n", "\r\n", "\x0b", "\x0c", "\u00a0", "\u2003", "\u200b", "\x00"]
# Pieces of which texts around the edges of a type are made.
PIECES: dict[str, list[str]] = {
    "int": [
        *("", "+", "-", "--", "0", "00", "7", "2147483647", "2147483648", "9223372036854775807"),
        *("9223372036854775808", "_", "1_0", "0x1F", "0b1", ".", ".0", "e", "e1", "E2", ",", "x"),
        "\u0661",
    ],
    "decimal": [
        *("", "+", "-", "0", "00", "1", "9", "999", "99999999999999999999", ".", ".0", ".5", ".05"),
        *(".005", ".995", "0000", "e", "e2", "E-1", "_", ",", "inf", "nan"),
    ],
    "double": [
        *("", "+", "-", "0", "1", "17", "9007199254740993", ".", ".5", ".10", "e", "e5", "E-5"),
        *("e309", "e-400", "_", "inf", "-infinity", "nan", "NaN", "1_000", "d", "f", ",", "\\N"),
    ],
    "boolean": ["", "t", "T", "true", "TRUE", "yes", "Y", "no", "N", "f", "1", "0", "01", "on"],
    "date": [
        *("", "2013", "0000", "0001", "9999", "10000", "13", "-", "-01", "-1", "-02", "-12", "-13"),
        *("-28", "-29", "-30", "-31", "-00", "/", "01", "T00:00", " (BC)", "+", "epoch"),
        "infinity",
    ],
    "format": [
        *("", "1", "01", "31", "32", "/", "/02", "/2", "/12", "/13", "/2012", "/12", "/0000", "-"),
        *("epoch", "Infinity", "/9999", "x", "Jan"),
    ],
    "timestamp": [
        *("2013-01-31", "2012-02-29", "2013-02-29", "9999-12-31", "0001-01-01", "0000-01-01", "T"),
        *(" ", "t", "12:30", "12:30:05", "23:59:59", "24:00:00", "12:60:00", ":61", ".5"),
        *("+02",".1234567", ".", ".123456", "Z", "z", "-02:30", "+0230", "-1559", "+25:00"),
        "infinity",
    ],
}  # fmt: skip
KINDS = {
    "int": ["int", "bigint"],
    "decimal": ["decimal(5,2)", "decimal(4,0)", "decimal(3,3)", "decimal(38,2)", "decimal(18,18)"],
    "double": ["double"],
    "boolean": ["boolean"],
    "date": ["date"],
    "format": ["date %d/%m/%Y", "timestamp %d/%m/%y", "date  %d/%m/%Y ", "date %j/%Y"],
    "timestamp": ["timestamp"],
}
WHOLE = {
    "date": ["2013-01-31", "0001-01-01", "0000-01-01", "9999-12-31", "2012-02-29", "2013-02-29"],
    "timestamp": ["2013-01-31 12:30:05", "2013-01-31T12:30:05Z", "9999-12-31T23:59:59.999999Z"],
    "format": ["31/01/2013", "29/02/2012", "29/02/2013", "31/12/9999", "031/2013"],
}
NULLS = [
    [],
    [""],
    ["", "NA", "-", "\\N"],
    ["", "0", "-9", "1.5", "2013-01-31"],
    [" - ", "31/01/2013"],
]


def texts(group: str, seed: int, nulls: Sequence[str]) -> list[str]:
    """Texts of pieces, most without blanks, and nulls in odd case and between blanks."""
    random = np.random.default_rng(seed)
    whole = [*PIECES[group], *WHOLE.get(group, []), *nulls, *map(str.lower, nulls)]
    found = []
    for _ in range(1500):
        size = int(random.integers(1, 5))
        core = "".join(random.choice(PIECES[group], size)) if size > 1 else random.choice(whole)
        found.append(f"{random.choice(BLANKS)}{core}{random.choice(BLANKS)}")
    return found


def numbers(group: str, seed: int) -> list[str]:
    """Numbers as programs write them, of all sizes."""
    random = np.random.default_rng(seed)
    if group not in ("int", "decimal", "double"):
        return []
    values = random.normal(size=300) * 10.0 ** random.integers(-6, 20, 300)
    forms = ["{:.0f}", "{:.1f}", "{:.2f}", "{:.3f}", "{:g}", "{!r}", "{:e}", "{:+.2f}", "{:08.2f}"]
    return [random.choice(forms).format(float(value)) for value in values]


def judged(folder: Path, wanted: Contract, table: pa.Table) -> pa.Table:
    """What the statement makes of a raw object; pandas has no year 0."""
    folder.mkdir()
    raw = folder / "raw.parquet"
    pq.write_table(table, raw)
    files = {"raw/things/ingest_date=2026-01-01/a.parquet": raw}
    (folder / "engine").mkdir()
    with engine_in(folder / "engine", files) as engine:
        statement = engine.prepare(wanted).statement(engine.bind_raw("raw", "raw/things/"))
        return pa.Table.from_batches(engine.batches(f"{statement} ORDER BY _row", 2048))


@pytest.mark.parametrize("group", sorted(PIECES))
@pytest.mark.parametrize("nulls", NULLS, ids=repr)
def test_proof__gives_what_the_whole_way_gives(
    group: str, nulls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [*texts(group, len(nulls), nulls), *numbers(group, len(nulls))]
    columns = []
    for number, kind in enumerate(KINDS[group]):
        name, _, pattern = kind.partition(" ")
        columns.append(column(f"c{number}", name, format=pattern or None, required=number == 0))
    columns += [column("s"), column("st", clean=["trim"]), column("su", clean=["upper", "trim"])]
    table = raw_table({each["name"]: values for each in columns})
    wanted = contract(*columns, null_values=nulls)
    fast = judged(tmp_path / "fast", wanted, table)
    assert fast.num_rows == len(values)

    monkeypatch.setattr(DuckDb, "proven", None)
    monkeypatch.setattr(DuckDb, "trimmed", staticmethod(duckdb_sql.trim))
    monkeypatch.setattr(DuckDb, "is_one_of", Dialect.is_one_of)
    monkeypatch.setattr(casts, "trimmed", duckdb_sql.trim)
    slow = judged(tmp_path / "slow", wanted, table)
    for name in fast.column_names:
        pairs = zip(fast[name].cast(pa.string()), slow[name].cast(pa.string()), strict=True)
        differing = [
            (text, fast_way, slow_way)
            for text, (fast_way, slow_way) in zip(values, pairs, strict=True)
            if fast_way != slow_way
        ]
        assert not differing, name


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *[("bigint", text) for text in ("7", "-7", "9223372036854775807")],
        *[("int", text) for text in ("0", "-2147483648")],
        *[("decimal(15,2)", text) for text in ("17.00", "17", "0.5", "-3.", "9999999999999.99")],
        *[("double", text) for text in ("17", "-0.50", "12.10", "1e5", ".5")],
        *[("date", text) for text in ("2013-01-31", "9999-12-31")],
        *[("date %d/%m/%Y", text) for text in ("31/01/2013", "1/1/2013")],
        *[("timestamp", text) for text in ("2013-01-31 12:30:05", "2013-01-31T12:30:05.25Z")],
        ("timestamp %Y%m%d%H%M", "201301311230"),
    ],
)
def test_proof__covers_the_usual_forms(kind: str, text: str, tmp_path: Path) -> None:
    """The whole way is never asked here: it would be the slow one."""
    name, _, pattern = kind.partition(" ")
    wanted = contract(column("x", name, format=pattern or None), null_values=["", "NA"])
    proof = casts.proven("x", wanted.columns[0].type, pattern or None, wanted.null_values)
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {proof} FROM (SELECT ? AS x)", [text]).fetchone()
    assert found is not None
    assert found[0] is not None
    row = transformed(tmp_path, wanted, raw_table({"x": [text]})).iloc[0]
    assert (row["_outcome"], row["x"]) == ("out", found[0])
