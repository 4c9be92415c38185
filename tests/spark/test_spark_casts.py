"""Texts and values become the same values on both engines."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

import duckdb
import pytest

from medallion import datatypes
from medallion.engines.duckdb import casts
from tests.spark.conftest import SparkProcess

pytestmark = pytest.mark.xdist_group("spark-engine")

BLANKS = ["", " ", "\t", "\n", "\u00a0", "\u2003", "\u200b", "\r\n", "\x0b"]
NUMBERS = [
    *("0", "-0", "+0", "1", "-1", "+1", "007", "-007", "--1", "+-1", "1-", "1 2", "1_000", "1,000"),
    *(
        "0x1F",
        "1e3",
        "1E3",
        "1e+3",
        "1e-3",
        "1e",
        "e1",
        ".",
        "-.",
        "5.",
        ".5",
        "-.5",
        "+.5",
        "5.e2",
    ),
    *("1.0", "1.5", "1.005", "1.2300", "1.23000000000000000000000000000000000000000000000001"),
    *("0.000000000000000000001", "00000000000000000000000000000000000000000000000012.50"),
    *("999.99", "999.995", "1000", "-999.99", "12345678901234567890123456789012345678"),
    *("123456789012345678901234567890123456789", "0.1", "0.07", "2147483647", "2147483648"),
    *("-2147483648", "-2147483649", "9223372036854775807", "9223372036854775808"),
    *(
        "-9223372036854775808",
        "-9223372036854775809",
        "9007199254740993",
        "1e308",
        "1e309",
        "-1e309",
    ),
    *("1e-320", "1e-400", "1.7976931348623157e308", "4.9e-324", "2.2250738585072011e-308"),
    *("nan", "NaN", "inf", "-inf", "Infinity", "1d", "1f", "1D", "0x1p3", "1L", "true", "null"),
    *(
        "\u0661",
        "\u0661\u0662",
        "\uff11",
        "1\u0662",
        "½",
        "²",
        "Ⅷ",
        "1\u2009000",
        "$1",
        "1%",
        "(1)",
    ),
]
BOOLEANS = [
    *("true", "TRUE", "True", "t", "T", "yes", "Y", "1", "false", "f", "No", "n", "0", "on", "off"),
    *("2", "truee", "ja", "\uff54", "01", "+1", "-0", "\u0131", "trUe", "\u017f"),
]
DATES = [
    *("2013-01-31", "2013-1-31", "2013-02-29", "2012-02-29", "1900-02-29", "2000-02-29"),
    *("0000-01-01", "0001-01-01", "0000-02-29", "9999-12-31", "10000-01-01", "1582-10-04"),
    *("1582-10-10", "1582-10-15", "1500-02-29", "2013-13-01", "2013-00-10", "2013-01-00"),
    *(
        "2013-01-32",
        "-2013-01-01",
        "+2013-01-01",
        "13-01-31",
        "20130131",
        "2013/01/31",
        "31/01/2013",
    ),
    *(
        "2013-01-31 ",
        "2013-01-31T",
        "2013-01-31Z",
        "\uff12\uff10\uff11\uff13-01-31",
        "2013-01-31 (BC)",
        "epoch",
    ),
    *("infinity", "-infinity", "today", "now", "2013", "2013-01", "2013-031", "2013-W05-4"),
]
TIMES = [
    *("00:00", "12:30", "23:59", "24:00", "12:60", "12:30:05", "12:30:60", "12:30:05.", "9:30"),
    *("12:30:05.1", "12:30:05.123456", "12:30:05.123456789", "12:30:05.9999999", "23:59:59.999999"),
    *("12:30:05.1234567890", "12:30:05,5", "12", "12:3", "123005", "T12:30", "12:30 PM"),
]
ZONES = [
    *(
        "",
        "Z",
        "z",
        " Z",
        "+02",
        "+02:00",
        "+0200",
        "-02:30",
        "-0230",
        "+2",
        "+020",
        "+14:00",
        "-14",
    ),
    *("+15:59", "+16:00", "+18:00", "+18:01", "-19", "+23:59", "+24:00", "+99:99", "-99", "+02:60"),
    *("+02:00:00", "UTC", " CET", "[UTC]", "Europe/Berlin", "+2:00", "+00:00", "-00:00"),
]
DAYS = ["2013-01-31", "0000-01-01", "0001-01-01", "9999-12-31", "1969-12-31", "2013-02-30"]
STAMPS = [
    f"{day}{mark}{time}{zone}"
    for (day, mark), time, zone in itertools.product(
        [(DAYS[0], "T"), (DAYS[0], " "), *((day, "T") for day in DAYS[1:])],
        TIMES,
        ["", "Z", "+02:00"],
    )
] + [
    f"{day}{mark}{time}{zone}"
    for day, mark, time, zone in itertools.product(
        [DAYS[0], DAYS[1], DAYS[3]], ["T", " ", "", "  "], ["12:30", "12:30:05.25"], ZONES
    )
]
TYPES = [
    *("boolean", "int", "bigint", "double", "date", "timestamp", "decimal(5,2)", "decimal(5,0)"),
    *("decimal(18,6)", "decimal(38,0)", "decimal(38,10)", "decimal(38,38)", "decimal(1,1)"),
]
FORMATS = [
    *("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%y", "%Y%m%d", "%d%m%Y", "%y%m%d", "%d %b %Y", "%d %B %Y"),
    *("%d-%h-%y", "%a %d %b %Y", "%A, %d. %B %Y", "%b %d, %Y", "%B%d%Y", "%Y-%j", "%j-%Y", "%j %y"),
    *(
        "%y %j",
        "%Y%j",
        "%j",
        "%j %m %Y",
        "%m %j %Y",
        "%d %j %Y",
        "%Y",
        "%y",
        "%m/%Y",
        "%d",
        "%B",
        "%b %j",
    ),
    *("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M%p", "%I%p", "%H:%M %p", "%p %I", "%I:%M", "%H%M%S"),
    *("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f%z", "%d/%m/%Y %H:%M %z"),
    *(
        "%Y-%m-%dT%H:%M:%S%z",
        "%Y-%m-%d %I:%M:%S %p",
        "%S.%f",
        "%f",
        "%z %Y",
        "%z%Y",
        "%Y%z",
        "%%%d%%",
    ),
    *(
        "%Y  %m\t%d",
        " %Y",
        "%Y %Y",
        "%Y %y",
        "%y %Y",
        "%H %I",
        "%I %H %p",
        "%m %b",
        "%b %m",
        "(%d)[%m]",
    ),
    *(
        "%d.%m.%Y um %H Uhr",
        "Tag %d é %m",
        "%d|%m|%Y",
        "%d\\%m\\%Y",
        "%d$%m^%Y",
        "%d'%m\"%Y",
        "%f %S",
    ),
    *("%M %S %f", "%H:%M:%S %j %Y", "%a", "%A %d", "%p", "%d?%m*%Y+", "%d{%m}%Y"),
]


def _formatted() -> list[str]:
    """Write moments in all formats, most of them rightly."""
    chance = random.Random(7)
    number = chance.randint
    texts = []
    for pattern in FORMATS:
        for _ in range(6):
            parts = {
                "Y": chance.choice([number(0, 12000), number(1, 99), 1999, 2012]),
                "y": number(0, 110),
                "m": number(0, 13),
                "d": number(0, 32),
                "H": number(0, 25),
                "I": number(0, 13),
                "M": number(0, 61),
                "S": number(0, 61),
                "j": chance.choice([number(0, 370), 366, 60]),
            }
            text = pattern
            for letter, value in parts.items():
                width = chance.choice([1, {"Y": 4, "j": 3}.get(letter, 2), 4])
                text = text.replace(f"%{letter}", str(value).zfill(width))
            text = text.replace("%f", "".join(map(str, range(1, number(1, 8)))) or "0")
            text = text.replace("%p", chance.choice(["am", "PM", "Pm", "a.m.", "P"]))
            text = text.replace("%z", chance.choice([*ZONES, "+02:30:15", "+0230:15", "-023015"]))
            for letter in "bh":
                text = text.replace(
                    f"%{letter}", chance.choice(["Jan", "FEB", "mAr", "May", "Sept"])
                )
            text = text.replace("%B", chance.choice(["January", "MAY", "february", "Jan", "Mai"]))
            text = text.replace("%a", chance.choice(["Mon", "sun", "Tues", "Xyz"]))
            text = text.replace("%A", chance.choice(["Monday", "sunday", "Mon"]))
            text = text.replace("%%", "%")
            texts.append(
                chance.choice([text] * 6 + [text + "0", text.replace(" ", "   "), "0" + text])
            )
    return texts


def _on_duckdb(
    texts: Sequence[str], readings: Sequence[tuple[str, str | None]]
) -> list[tuple[Any, ...]]:
    # As numbers: Python has no year 0.
    counted = {"timestamp": "epoch_us({})", "date": "date_diff('day', DATE '1970-01-01', {})"}
    columns = ", ".join(
        counted.get(kind, "{}").format(casts.from_text("x", datatypes.parse(kind), pattern))
        for kind, pattern in readings
    )
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE TABLE texts (n INTEGER, x VARCHAR)")
        connection.executemany("INSERT INTO texts VALUES (?, ?)", list(enumerate(texts)))
        return connection.execute(f"SELECT {columns} FROM texts ORDER BY n").fetchall()


def _shown(value: Any) -> Any:
    """Make values comparable: 0.0 is not -0.0."""
    return repr(value) if isinstance(value, float) else value


def _differences(
    spark: SparkProcess, texts: Sequence[str], readings: Sequence[tuple[str, str | None]]
) -> list[str]:
    texts = list(dict.fromkeys(texts))
    found = spark("read_texts", texts, readings)
    expected = _on_duckdb(texts, readings)
    return [
        f"{text!r} as {kind}, format {pattern}: {one!r} on Spark, {other!r} on DuckDB"
        for text, row, wanted in zip(texts, found, expected, strict=True)
        for (kind, pattern), one, other in zip(readings, row, wanted, strict=True)
        if _shown(one) != _shown(other)
    ]


def test_read__texts_without_a_format(on_spark: SparkProcess) -> None:
    plain = [*BLANKS, *NUMBERS, *BOOLEANS, *DATES, *STAMPS]
    padded = [f"{blank}{text}{blank}" for blank in BLANKS for text in ("1", "1.5", "y", DATES[0])]
    found = _differences(on_spark, [*plain, *padded], [(kind, None) for kind in TYPES])
    assert not found, "\n".join(found)


def test_read__texts_in_formats(on_spark: SparkProcess) -> None:
    readings = [("timestamp", pattern) for pattern in FORMATS]
    found = _differences(on_spark, [*_formatted(), *DATES, *NUMBERS[:20]], readings)
    assert not found, "\n".join(found)
