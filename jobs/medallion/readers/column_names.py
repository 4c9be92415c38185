"""Names of columns: from what a file calls them to what the lake calls them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from medallion.contract.contract import RESERVED
from medallion.errors import FileRefused

_VALID = re.compile(r"[a-z][a-z0-9_]*")
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^a-z0-9_]+")
_MAX_LISTED = 30


def snake(name: str) -> str:
    """Return a column's name in lower snake case: `Customer ID` and `customerId` -> `customer_id`.

    Accents are dropped. The result is empty when nothing of the name can be kept.
    """
    name = name.strip()
    if _VALID.fullmatch(name):
        return name
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = _NOT_WORD.sub("_", _WORD_START.sub("_", plain).lower()).strip("_")
    if words and not words[0].isalpha():
        return f"column_{words}"
    return words


def check_reserved(name: str) -> None:
    """Raise FileRefused when a column has, or gets, a name that the lake itself uses."""
    if name.strip().lower() in RESERVED or snake(name) in RESERVED:
        raise FileRefused(
            f"column {name!r} has a reserved name ({', '.join(RESERVED)}): rename it in the file"
        )


def header_names(header: Sequence[str]) -> list[str]:
    """Return the columns' names of a header, in its order; a column without one is `column_<n>`.

    Raises
    ------
    FileRefused
        When two columns have the same name, or names that become the same, or a reserved name.
    """
    for field in header:
        check_reserved(field)
    names = [snake(field) or f"column_{n}" for n, field in enumerate(header, start=1)]
    repeated = {name for name, times in Counter(names).items() if times > 1}
    for name in names:
        if name in repeated:
            written = [field for field, found in zip(header, names) if found == name]
            what = f"columns {listed(written)} all become the name {name!r}"
            if len(set(written)) == 1:
                what = f"column {written[0]!r} appears {len(written)} times"
            raise FileRefused(f"{what}: each column needs a name of its own, rename them")
    return names


def check_complete(header: Sequence[str], expected: Sequence[str], hint: str = "") -> None:
    """Raise FileRefused when a column of the contract is not in the header."""
    found = {snake(field) for field in header}
    missing = [name for name in expected if name not in found]
    if missing:
        raise FileRefused(
            f"missing column{'s' if len(missing) > 1 else ''} {listed(missing)}; "
            f"found {listed(header)}; expected {listed(expected)}{hint}"
        )


def listed(names: Iterable[str]) -> str:
    """Return names for a message: quoted, and cut when there are very many."""
    every = list(names)
    text = ", ".join(repr(name[:80]) for name in every[:_MAX_LISTED])
    more = len(every) - _MAX_LISTED
    return f"{text} and {more} more" if more > 0 else text or "none"
