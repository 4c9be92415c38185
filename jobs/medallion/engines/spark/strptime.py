"""Spark SQL that reads dates and times in strptime formats as DuckDB's strptime does.

Spark's own patterns differ in what they let pass (leading zeros, case, spaces, two-digit years), so
a format becomes one regular expression, and its groups one moment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from medallion.engines.spark.texts import literal

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)
# Most digits, least and greatest value.
_NUMBERS = {
    "Y": (4, 0, 9999),
    "y": (2, 0, 99),
    "m": (2, 1, 12),
    "d": (2, 1, 31),
    "H": (2, 0, 23),
    "I": (2, 1, 12),
    "M": (2, 0, 59),
    "S": (2, 0, 59),
    "f": (6, 0, 999999),
    "j": (3, 1, 366),
}
_NAMES = {
    "a": [name[:3] for name in _DAYS],
    "A": list(_DAYS),
    "b": [name[:3] for name in _MONTHS],
    "B": list(_MONTHS),
    "h": [name[:3] for name in _MONTHS],
    "p": ["am", "pm"],
}
# Sign, hours, and minutes with or without a colon; seconds need the colon.
_ZONE = "([+-])([0-9]{2})(?>:([0-9]{2})(?>:([0-9]{2}))?+|([0-9]{2}))?+"
_BLANK = r"[ \t\n\x0B\f\r]"
_DAY_SECONDS = 86_400
_SEPARATOR = "\x1f"


@dataclass
class _Format:
    """A format taken apart: its regular expression, and where in it each field was last read."""

    pattern: str = ""
    groups: int = 0
    fields: dict[str, tuple[str, int]] = field(default_factory=dict)
    ranges: list[tuple[int, int, int]] = field(default_factory=list)
    # Whether %j says which day it is.
    day_of_year: bool = False

    def number(self, name: str, default: int = 0) -> str:
        """Write a field that is a number."""
        return _number(self.fields[name][1]) if name in self.fields else str(default)


def parsed(text: str, pattern: str) -> str:
    """
    Read a text in a format.

    Parameters
    ----------
    text
        An expression of type string without blanks at its ends; it is evaluated more than once.
    pattern
        A strptime format of contract.FORMAT_DIRECTIVES.

    Returns
    -------
    str
        An expression of type timestamp, in UTC; NULL where the text does not follow the format.
    """
    found = _take_apart(pattern)
    conditions = [
        f"{_number(index)} BETWEEN {least} AND {most}" for index, least, most in found.ranges
    ]
    hour = found.number("hour")
    if "p" in found.fields:
        conditions.append(f"{hour} <= 12")
        after_noon = f"lower({_group(found.fields['p'][1])}) = 'pm'"
        hour = f"({hour} % 12 + CASE WHEN {after_noon} THEN 12 ELSE 0 END)"
    seconds = f"{hour} * 3600 + {found.number('M')} * 60 + {found.number('S')}"
    if "z" in found.fields:
        zone = found.fields["z"][1]
        minutes = f"coalesce({_number(zone + 2)}, {_number(zone + 4)}, 0)"
        offset = f"{_number(zone + 1)} * 3600 + {minutes} * 60 + coalesce({_number(zone + 3)}, 0)"
        seconds += f" + (CASE WHEN {_group(zone)} = '-' THEN 1 ELSE -1 END) * ({offset})"
    micros = "0"
    if "f" in found.fields:
        micros = f"CAST(rpad({_group(found.fields['f'][1])}, 6, '0') AS int)"
    days = f"unix_date({_date(found)})"
    moment = f"timestamp_micros(({days} * {_DAY_SECONDS}L + {seconds}) * 1000000L + {micros})"
    if conditions:
        moment = f"CASE WHEN {' AND '.join(conditions)} THEN {moment} END"
    return matched(text, found.pattern, found.groups, moment)


def matched(text: str, pattern: str, groups: int, result: str) -> str:
    r"""
    Match a text once, and compute with what its groups are.

    Parameters
    ----------
    text
        An expression of type string, evaluated twice.
    pattern
        A regular expression that holds for all of the text, from ^ to \z.
    groups
        How many groups it has.
    result
        An expression on the array `g`: `g[1]` is the first group, empty if it took no part.

    Returns
    -------
    str
        The result, NULL where the text does not match.
    """
    expression = literal(pattern)
    taken = literal("".join(f"{_SEPARATOR}${n}" for n in range(1, groups + 1)))
    # A lambda is how Spark gives a value a name inside an expression.
    parts = f"split(regexp_replace({text}, {expression}, {taken}), '{_SEPARATOR}', -1)"
    return (
        f"CASE WHEN {text} RLIKE {expression} THEN transform(array({parts}), g -> {result})[0] END"
    )


def _group(index: int) -> str:
    return f"g[{index}]"


def _number(index: int) -> str:
    return f"CAST({_group(index)} AS int)"


def _date(found: _Format) -> str:
    year = found.number("year", default=1900)
    if found.fields.get("year", ("", 0))[0] == "y":
        year = f"({year} + CASE WHEN {year} >= 69 THEN 1900 ELSE 2000 END)"
    if found.day_of_year:
        return f"date_add(make_date({year}, 1, 1), {found.number('j')} - 1)"
    letter, index = found.fields.get("month", ("m", 0))
    month = found.number("month", default=1)
    if letter != "m":
        names = ", ".join(literal(name.lower()) for name in _NAMES[letter])
        month = f"CAST(array_position(array({names}), lower({_group(index)})) AS int)"
    return f"make_date({year}, {month}, {found.number('d', default=1)})"


def _take_apart(pattern: str) -> _Format:
    found = _Format(pattern="^")
    decided: str | None = None
    for piece in re.findall(r"%-?.|\s+|[^%\s]", pattern, re.ASCII | re.DOTALL):
        letter = piece[-1]
        if piece == "%%":
            found.pattern += "%"
        elif piece[0] != "%":
            found.pattern += f"{_BLANK}++" if piece.isspace() else _escaped(piece)
        elif letter in _NUMBERS:
            width, least, most = _NUMBERS[letter]
            _add(found, letter, f"([0-9]{{1,{width}}}+)", 1)
            found.ranges.append((found.groups, least, most))
            # As in DuckDB: a month in digits, or a day, hides the day of the year.
            if letter in "md" or (letter == "j" and decided is None):
                decided = letter
        elif letter in _NAMES:
            _add(found, letter, f"((?>(?i:{'|'.join(_NAMES[letter])})))", 1)
        else:
            _add(found, "z", _ZONE, 5)
    found.pattern += r"\z"
    found.day_of_year = decided == "j"
    return found


def _add(found: _Format, letter: str, pattern: str, groups: int) -> None:
    """Add a field; the same one read twice, or in another way, has its last value."""
    name = {"Y": "year", "y": "year", "H": "hour", "I": "hour"}.get(letter, letter)
    name = "month" if letter in "mbBh" else name
    found.fields[name] = (letter, found.groups + 1)
    found.groups += groups
    found.pattern += pattern


def _escaped(character: str) -> str:
    return "\\" + character if character.isascii() and not character.isalnum() else character
