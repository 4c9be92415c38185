"""Account numbers are nobody's business: what is shown or written has none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from rich.console import Console

from ops.display import console, errors

_ACCOUNT = re.compile(r"(?<![0-9A-Za-z])\d{12}(?![0-9A-Za-z])")
MASK = "<account>"


def masked(text: str) -> str:
    """Text without account numbers: twelve digits that stand alone."""
    return _ACCOUNT.sub(MASK, text)


class _Stream:
    """A stream that masks what is written."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(masked(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def masking(*consoles: Console) -> Iterator[None]:
    """Mask all that the tools print, for as long as this lasts."""
    chosen = consoles or (console, errors)
    before = [item._file for item in chosen]  # none where it follows sys.stdout or sys.stderr
    for item in chosen:
        item.file = cast("IO[str]", _Stream(item.file))
    try:
        yield
    finally:
        for item, stream in zip(chosen, before, strict=True):
            item._file = stream
