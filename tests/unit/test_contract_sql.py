"""Text to types, nulls, cleaning, refusals, duplicates, filters and derived columns."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests.unit.transform_fixtures import (
    Table,
    column,
    contract,
    derived,
    raw_table,
    transformed,
)

DAY, NOON = dt.date(2013, 1, 31), dt.datetime(2013, 1, 31, 12, 30, 5)
BIGGEST = 2**63 - 1

TEXTS: list[tuple[str, str | None, str, Any]] = [
    *[("bigint", None, text, value) for text, value in {
        "1": 1, "-1": -1, "+5": 5, " 7\t": 7, "007": 7, "\u00a08": 8,
        str(BIGGEST): BIGGEST, str(BIGGEST + 1): None, "1.5": None, "1.0": None, "1e3": None,
        "1_000": None, "0x1F": None, "1,000": None, "--1": None, "abc": None, "\u0661": None,
    }.items()],
    *[("int", None, text, value) for text, value in {
        "2147483647": 2147483647, "-2147483648": -2147483648, "2147483648": None, "2.0": None,
    }.items()],
    *[("double", None, text, value) for text, value in {
        "1.5": 1.5, "-.5": -0.5, "5.": 5.0, "+1e3": 1000.0, "1E-2": 0.01, " 2 ": 2.0,
        "NaN": None, "inf": None, "-Infinity": None, "1e999": None, "1_0.5": None, "1,5": None,
        ".": None, "1d": None,
    }.items()],
    *[("decimal(5,2)", None, text, value) for text, value in {
        "1.23": Decimal("1.23"), "-0.5": Decimal("-0.50"), ".5": Decimal("0.50"),
        "1.2300": Decimal("1.23"), "999.99": Decimal("999.99"), "1000": None, "1.234": None,
        "1.005": None, "1e2": None, "abc": None,
    }.items()],
    ("decimal(5,0)", None, "12.0", Decimal(12)),
    ("decimal(5,0)", None, "12.5", None),
    ("decimal(38,2)", None, "123456789012345678901234.56", Decimal("123456789012345678901234.56")),
    ("decimal(38,2)", None, "0.07", Decimal("0.07")),
    ("decimal(38,2)", None, "0.071", None),
    *[("boolean", None, text, value) for text, value in {
        "true": True, "T": True, "Yes": True, "y": True, "1": True, " TRUE ": True,
        "false": False, "F": False, "no": False, "N": False, "0": False,
        "on": None, "2": None, "truee": None,
    }.items()],
    *[("date", None, text, value) for text, value in {
        "2013-01-31": DAY, " 2013-01-31 ": DAY, "2013-02-30": None, "2013-1-31": None,
        "31/01/2013": None, "2013-01-31T00:00:00": None, "20130131": None,
    }.items()],
    ("date", "%d/%m/%Y", "31/01/2013", DAY),
    ("date", "%d/%m/%Y", "31/02/2013", None),
    ("date", "%d/%m/%Y", "2013-01-31", None),
    # strptime of DuckDB takes these for 1900-01-01, in any format.
    *[("date", "%d/%m/%Y", text, None) for text in ("infinity", "-Infinity", "epoch")],
    ("date", "%d %b %Y", "31 Jan 2013", DAY),
    *[("timestamp", None, text, value) for text, value in {
        "2013-01-31T12:30:05": NOON, "2013-01-31 12:30:05": NOON, "2013-01-31T12:30:05Z": NOON,
        "2013-01-31T14:30:05+02:00": NOON, "2013-01-31 10:00:05-0230": NOON,
        "2013-01-31 07:30:05-05": NOON, "2013-01-31T14:30+02:00": NOON.replace(second=0),
        "2013-01-31 12:30": NOON.replace(second=0), "2013-01-31T12:30Z": NOON.replace(second=0),
        "2013-01-31": dt.datetime(2013, 1, 31),
        "2013-01-31 12:30:05.25": NOON.replace(microsecond=250000),
        "2013-01-31T12:30:05.123456789Z": NOON.replace(microsecond=123456),
        "2013-01-31 24:00:00": None, "2013-01-31 12:60": None, "2013-02-30 12:00": None,
        "2013-01-31 12": None, "12:30": None, "2013-01-31T12:30:05 CET": None,
    }.items()],
    ("timestamp", "%d.%m.%Y %H:%M", "31.01.2013 12:30", NOON.replace(second=0)),
    ("timestamp", "%Y-%m-%d %H:%M:%S %z", "2013-01-31 14:30:05 +0200", NOON),
    ("timestamp", "%Y-%m-%d", "2013-01-31", dt.datetime(2013, 1, 31)),
]  # fmt: skip


@pytest.mark.parametrize("kind", sorted({kind for kind, *_ in TEXTS}))
def test_cast__text(kind: str, tmp_path: Path) -> None:
    for pattern in {pattern for k, pattern, *_ in TEXTS if k == kind}:
        cases = [(text, value) for k, p, text, value in TEXTS if (k, p) == (kind, pattern)]
        found = transformed(
            tmp_path,
            contract(column("x", kind, format=pattern)),
            raw_table({"x": [text for text, _ in cases]}),
        )
        for (text, value), (_, row) in zip(cases, found.iterrows(), strict=True):
            where = f"{kind} {pattern}: {text!r}"
            if value is None:
                assert row["_outcome"] == "refused", where
                assert f"column x: '{text}' is not a" in row["_reason"], where
            else:
                assert (row["_outcome"], row["x"]) == ("out", value), where


def test_cast__reason_says_what_is_allowed(tmp_path: Path) -> None:
    found = transformed(
        tmp_path,
        contract(
            column("a", "bigint"), column("b", "int"), column("d", "decimal(5,2)"),
            column("t", "date", format="%d/%m/%Y"), column("s", required=True),
        ),
        raw_table({"a": ["abc", "1"], "b": ["x" * 50, "2"], "d": ["1.234", "1"],
                   "t": ["1.1.13", "01/02/2013"], "s": ["", "s"]}),
    )  # fmt: skip
    assert found["_outcome"].tolist() == ["refused", "out"]
    assert found["_reason"][0] == (
        "column a: 'abc' is not a bigint (a whole number from -2^63 to 2^63-1); "
        f"column b: '{'x' * 40}…' is not an int (a whole number from -2147483648 to 2147483647); "
        "column d: '1.234' is not a decimal(5,2) (at most 3 digits before the point and 2 after "
        "it); column t: '1.1.13' is not a date (format %d/%m/%Y); column s: empty, but required"
    )
    assert found["_categories"][0].split("\x1f") == [
        "column a: not a bigint",
        "column b: not an int",
        "column d: not a decimal(5,2)",
        "column t: not a date",
        "column s: empty, but required",
    ]
    assert found["_reason"][1] is None


def test_cast__typed_raw_takes_the_same_path(tmp_path: Path) -> None:
    table: Table = {
        "same": [1, None], "whole": [2.0, 2.5], "money": [1.25, 0.1 + 0.2], "text": [7, None],
        "day": [dt.datetime(2013, 1, 31), NOON], "at": [DAY, None], "real": [1.5, float("nan")],
    }  # fmt: skip
    found = transformed(
        tmp_path,
        contract(
            column("same", "bigint"), column("whole", "int"), column("money", "decimal(5,2)"),
            column("text", clean=["trim"]), column("day", "date"), column("at", "timestamp"),
            column("real", "double"), null_values=["", "7"],
        ),
        raw_table(table),
    )  # fmt: skip
    assert found["_outcome"].tolist() == ["out", "refused"]
    row = found.iloc[0]
    assert (row["same"], row["whole"], row["money"]) == (1, 2, Decimal("1.25"))
    assert (row["text"], row["day"], row["at"]) == (None, DAY, dt.datetime(2013, 1, 31))
    assert found["_categories"][1].split("\x1f") == [
        "column whole: not an int",
        "column money: not a decimal(5,2)",
        "column day: not a date",
        "column real: not a double",
    ]


def test_cast__zone_of_a_typed_timestamp_becomes_utc(tmp_path: Path) -> None:
    zoned = pa.array([NOON], pa.timestamp("ns", "Europe/Berlin"))
    table = raw_table({"x": ["-"]}).set_column(0, "x", zoned)
    found = transformed(tmp_path, contract(column("x", "timestamp")), table)
    assert found["x"].tolist() == [NOON]


def test_raw__objects_are_united_by_name(tmp_path: Path) -> None:
    found = transformed(
        tmp_path,
        contract(column("a", "int"), column("b", "int"), column("c")),
        raw_table({"a": ["1"]}),
        raw_table({"b": [5], "a": [2], "unknown": ["x"]}),
        raw_table({"b": ["x"], "a": ["3"]}),
    )
    assert found["_outcome"].tolist() == ["out", "out", "refused"]
    assert found["a"].tolist() == [1, 2, 3]
    assert found["c"].tolist() == [None] * 3


def test_columns__may_have_any_name(tmp_path: Path) -> None:
    """Words of SQL, and the names of the statement's own stages, are names like any other."""
    names = ["select", "order", "raw", "texts", "kept", "e1", "v1", "d1", "v", "closed", "month"]
    wanted = contract(
        *(column(name, "int") for name in names), key=["order"], filter="`select` > 0 AND d1 > 0",
        derive=[derived("group", "int", "`order` + e1"), derived("from", "int", "`group` + v")],
    )  # fmt: skip
    found = transformed(tmp_path, wanted, raw_table({name.upper(): ["1"] for name in names}))
    assert found["_outcome"].tolist() == ["out"]
    assert found[[*names, "group", "from"]].iloc[0].tolist() == [*[1] * len(names), 2, 3]


@pytest.mark.parametrize(
    ("null_values", "null", "kept"),
    [
        ([""], ["", "  ", None], ["NA", "-"]),
        (["", "NA"], ["", "NA", " NA\t"], ["na", "N A"]),
        ([], [None], ["", " ", "NA"]),
        ([" - "], [" - "], ["-", " -", ""]),
    ],
)
def test_null_values(
    null_values: list[str], null: list[str], kept: list[str], tmp_path: Path
) -> None:
    wanted = contract(column("x"), null_values=null_values)
    found = transformed(tmp_path, wanted, raw_table({"x": [*null, *kept]}))
    assert found["x"].tolist() == [*[None] * len(null), *kept]


def test_null_values__come_before_clean(tmp_path: Path) -> None:
    wanted = contract(column("x", clean=["trim", "upper"]), null_values=["", "na"])
    found = transformed(tmp_path, wanted, raw_table({"x": ["na", "NA", " nA ", "  "]}))
    assert found["x"].tolist() == [None, "NA", "NA", None]


@pytest.mark.parametrize(
    ("clean", "text", "cleaned"),
    [
        (["trim"], "\t a  b\u00a0\r\n", "a  b"),
        (["lower"], " ÀB ", " àb "),
        (["upper"], "rue é1", "RUE É1"),
        (["title"], "o'NEIL mary-jane  mcdonald", "O'neil Mary-jane  Mcdonald"),
        (["trim", "title"], " \tnew york ", "New York"),
        ([], " a ", " a "),
    ],
)
def test_clean(clean: list[str], text: str, cleaned: str, tmp_path: Path) -> None:
    found = transformed(tmp_path, contract(column("x", clean=clean)), raw_table({"x": [text]}))
    assert found["x"].tolist() == [cleaned]


def test_duplicates__order_by_then_newest(tmp_path: Path) -> None:
    wanted = contract(
        column("k"), column("v", "int"), column("n"), key=["k"], order_by=["v desc", "n"]
    )
    old = {
        "k": ["a", "a", "b", "b", "c", "d", "d", "e", "e"],
        "v": ["1", "2", "", "-5", "1", "1", "1", "3", "x"],
        "n": ["old"] * 9,
    }
    new = {"k": ["c", "d", "d"], "v": ["1", "1", "1"], "n": ["old", "", "old"]}
    found = transformed(
        tmp_path, wanted, raw_table(new), raw_table(old), dates=["2026-01-02", "2026-01-01"]
    )
    kept = found[found["_outcome"] == "out"]
    # a: the higher v. b: nulls are last. c: the newest. d: n is null in one, and the newest of
    # the others is its last row. e: a refused row hides no good one.
    assert list(zip(kept["k"], kept["_file"], kept["_row"], strict=True)) == [
        *[("c", 0, 0), ("d", 0, 2), ("a", 1, 1), ("b", 1, 3), ("e", 1, 7)],
    ]
    assert found["_outcome"].value_counts().to_dict() == {"duplicate": 6, "out": 5, "refused": 1}


def test_duplicates__ties_are_broken_by_file_then_row(tmp_path: Path) -> None:
    wanted = contract(column("k"), key=["k"])
    tables = [
        raw_table({"k": ["a", "a"]}, "incoming/things/b.csv"),
        raw_table({"k": ["a", "a"]}, "incoming/things/b.csv"),
        raw_table({"k": ["a"]}, "incoming/things/a.csv"),
    ]
    found = transformed(tmp_path, wanted, *tables)
    kept = found[found["_outcome"] == "out"]
    assert list(zip(kept["_file"], kept["_row"], strict=True)) == [(1, 1)]


def test_duplicates__refused_row_hides_no_good_one(tmp_path: Path) -> None:
    wanted = contract(column("k"), column("v", "int"), key=["k"])
    found = transformed(tmp_path, wanted, raw_table({"k": ["a", "a"], "v": ["1", "x"]}))
    assert found["_outcome"].tolist() == ["out", "refused"]


def test_key__null_is_refused(tmp_path: Path) -> None:
    found = transformed(
        tmp_path, contract(column("k"), key=["k"]), raw_table({"k": ["", None, "a"]})
    )
    assert found["_outcome"].tolist() == ["refused", "refused", "out"]
    assert found["_reason"][0] == "column k: empty, but required"


def test_filter__comes_after_duplicates(tmp_path: Path) -> None:
    wanted = contract(
        column("k"), column("ok", "boolean"), key=["k"], order_by=["ok desc"], filter="NOT ok"
    )
    table = raw_table({"k": ["a", "a", "b", "c"], "ok": ["true", "false", "false", ""]})
    found = transformed(tmp_path, wanted, table)
    assert found["_outcome"].tolist() == ["filtered", "duplicate", "out", "filtered"]


def test_filter__expression_that_fails_refuses_the_row(tmp_path: Path) -> None:
    wanted = contract(column("a", "int"), filter="a * 1000 > 5")
    found = transformed(tmp_path, wanted, raw_table({"a": ["1", "2147483647", ""]}))
    assert found["_outcome"].tolist() == ["out", "refused", "filtered"]
    assert found["_reason"][1] == (
        "filter: its expression fails on this row (for example an overflow)"
    )


def test_derive__in_order_and_strict(tmp_path: Path) -> None:
    wanted = contract(
        column("a", "int"),
        derive=[
            derived("half", "double", "a / 2"),
            derived("whole", "int", "half"),
            derived("big", "int", "a * 1000000"),
            derived("money", "decimal(6,2)", "half"),
            derived("text", "string", "concat('#', whole)"),
        ],
    )
    found = transformed(tmp_path, wanted, raw_table({"a": ["4", "5", "9999", ""]}))
    assert found["_outcome"].tolist() == ["out", "refused", "refused", "out"]
    assert found[["half", "whole", "big", "money", "text"]].iloc[0].tolist() == [
        *(2.0, 2, 4000000, Decimal("2.00"), "#2"),
    ]
    assert found["_reason"][1] == (
        "column whole: the expression gives '2.5', not an int "
        "(a whole number from -2147483648 to 2147483647)"
    )
    assert found["_categories"][2].split("\x1f") == [
        "column whole: not an int",
        "column big: its expression fails on this row (for example an overflow)",
    ]
    assert np.isnan(found["half"][3])
    assert found["text"][3] is None


def test_derive__decimal_of_fewer_digits(tmp_path: Path) -> None:
    # DuckDB's own cast finds no room for numbers within one of the largest of the type.
    wanted = contract(
        column("a", "decimal(9,3)"),
        column("w", "decimal(38,10)"),
        derive=[derived("short", "decimal(3,1)", "a"), derived("long", "decimal(30,2)", "w")],
    )
    most, beyond = f"{'9' * 28}.99", f"{'9' * 28}.9999999999"
    rows = {"a": ["99.900", "-99.9", "99.95", "100", "1.5"], "w": [most, "0", "1", "1", beyond]}
    found = transformed(tmp_path, wanted, raw_table(rows))
    assert found["_outcome"].tolist() == ["out", "out", "refused", "refused", "refused"]
    assert found["short"].tolist()[:2] == [Decimal("99.9"), Decimal("-99.9")]
    assert found["long"][0] == Decimal(most)
    assert [text.split(":")[0] for text in found["_reason"][2:]] == [
        *("column short", "column short", "column long"),
    ]


def test_derive__only_where_the_row_is_kept(tmp_path: Path) -> None:
    wanted = contract(
        column("a", "int"), filter="a <> 9999", derive=[derived("b", "int", "a * 1000000")]
    )
    found = transformed(tmp_path, wanted, raw_table({"a": ["1", "9999", "8888"]}))
    assert found["_outcome"].tolist() == ["out", "filtered", "refused"]


@pytest.mark.parametrize("seed", range(8))
def test_accounting__as_pandas(seed: int, tmp_path: Path) -> None:
    """Random tables; pandas says what becomes of each row, in its own way."""
    random = np.random.default_rng(seed)
    size = int(random.integers(1, 400))
    numbers = ["", "NA", "x", "1.5", *map(str, range(-3, 4)), " 2 "]
    values = {"k": ["a", "b", "c", "", "A "], "j": numbers, "v": numbers}
    frames = [
        pd.DataFrame({name: random.choice(some, size) for name, some in values.items()})
        for _ in range(int(random.integers(1, 4)))
    ]
    dates = [f"2026-01-0{random.integers(1, 4)}" for _ in frames]
    wanted = contract(
        column("k", clean=["trim", "lower"]), column("j", "int"), column("v", "int"),
        null_values=["", "NA"], key=["k", "j"], order_by=["v desc"], filter="v IS NULL OR v >= 0",
        derive=[derived("w", "int", "10 / v")],
    )  # fmt: skip
    tables = [
        raw_table({name: frame[name].tolist() for name in ("k", "j", "v")}, f"f{n % 2}")
        for n, frame in enumerate(frames)
    ]
    found = transformed(tmp_path, wanted, *tables, dates=dates)
    assert found["_outcome"].tolist() == _expected(frames, dates)


def _expected(frames: list[pd.DataFrame], dates: list[str]) -> list[str]:
    parts = [
        frame.assign(date=dates[n], source=f"f{n % 2}", row=range(len(frame)), file=n)
        for n, frame in enumerate(frames)
    ]
    rows = pd.concat(parts, ignore_index=True)
    outcome = pd.Series("out", index=rows.index)
    bad = pd.Series(data=False, index=rows.index)
    for name in ("j", "v"):
        text = rows[name].str.strip()
        text = text.mask(text.isin(["", "NA"]))
        number = pd.to_numeric(text, errors="coerce")
        bad |= text.notna() & (number.isna() | (number % 1 != 0))
        rows[name] = number
    rows["k"] = rows["k"].str.strip().str.lower()
    rows["k"] = rows["k"].mask(rows["k"] == "")
    bad |= rows["k"].isna() | rows["j"].isna()
    outcome[bad] = "refused"
    good = rows[~bad].sort_values(
        ["v", "date", "source", "row", "file"], ascending=False, na_position="last", kind="stable"
    )
    later = good.duplicated(["k", "j"])
    outcome[later[later].index] = "duplicate"
    single = good[~later]
    outcome[single[single["v"] < 0].index] = "filtered"
    quotient = 10 / single["v"].replace(0, np.nan)
    failing = (single["v"] >= 0) & quotient.notna() & (quotient % 1 != 0)
    outcome[single[failing].index] = "refused"
    return outcome.tolist()
