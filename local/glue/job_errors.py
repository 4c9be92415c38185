"""What a Python process said of its end, among other lines on stderr."""

from __future__ import annotations

from collections.abc import Sequence

_TRACEBACK = "Traceback (most recent call last):"
_IGNORED = "Exception ignored in"
_LIMIT = 1000


def exception_of(lines: Sequence[str]) -> str:
    """Return type and message of the exception that ended a process; empty when there is none.

    It is that of the last traceback, whatever was written after it. Of an exception of Java,
    whose message is a stack trace, the frames are left out and the last cause is kept.
    """
    start = None
    for number, line in enumerate(lines):
        if line == _TRACEBACK and not (number and lines[number - 1].startswith(_IGNORED)):
            start = number
    if start is None:
        return ""
    rest = list(lines[start + 1 :])
    while rest and (not rest[0].strip() or rest[0][0].isspace()):
        rest.pop(0)  # the frames of Python
    message: list[str] = []
    for line in rest:
        if line.startswith("\tat ") or not line.strip():
            break
        message.append(line.strip())
    text = " ".join(message)
    causes = [line.strip() for line in rest if line.startswith("Caused by: ")]
    if causes and causes[-1].removeprefix("Caused by: ") not in text:
        text = f"{text[: _LIMIT // 2]} {causes[-1]}"
    return text[:_LIMIT]
