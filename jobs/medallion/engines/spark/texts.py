"""Spark SQL on texts, with the results that DuckDB gives."""

from __future__ import annotations

from medallion.datatypes import BLANKS

_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'"})
# Letters whose capital is more than one letter for Java, but one or none for DuckDB.
_SPECIAL = {
    letter: letter.title() if len(letter.title()) == 1 else letter
    for letter in map(chr, range(0x80, 0xFFFF))
    if len(letter.upper()) > 1
}
_SPECIAL["ß"] = "ẞ"


def literal(text: str) -> str:
    """Write a text as a SQL literal."""
    return f"'{text.translate(_ESCAPES)}'"


def quoted(name: str) -> str:
    """Write a name."""
    return "`" + name.replace("`", "``") + "`"


def trimmed(sql: str) -> str:
    """Take the blanks off both ends of a text."""
    return f"trim(BOTH {literal(BLANKS)} FROM {sql})"


def cleaned(cleaner: str, sql: str) -> str:
    """Apply one of contract.CLEANERS to a text."""
    return _CLEANERS[cleaner](sql)


def _lower(sql: str) -> str:
    """Write lower; Java makes two letters of İ, and of Σ what its place in the word asks for."""
    return f"lower(replace(replace({sql}, 'İ', 'i'), 'Σ', 'σ'))"  # noqa: RUF001


def _upper(sql: str) -> str:
    special, capital = "".join(_SPECIAL), "".join(_SPECIAL.values())
    letters = (
        f"transform(split({sql}, ''), c -> CASE WHEN contains('{special}', c) "
        f"THEN translate(c, '{special}', '{capital}') ELSE upper(c) END)"
    )
    return (
        f"CASE WHEN {sql} RLIKE '[{special}]' THEN array_join({letters}, '') ELSE upper({sql}) END"
    )


def _title(sql: str) -> str:
    word = f"{_upper('left(w, 1)')} || substr(w, 2)"
    return f"array_join(transform(split({_lower(sql)}, ' ', -1), w -> {word}), ' ')"


_CLEANERS = {"trim": trimmed, "lower": _lower, "upper": _upper, "title": _title}
