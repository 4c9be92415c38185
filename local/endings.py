"""Tells who waits for it that a job run, a query or an execution has ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_awaited: dict[str, threading.Event] = {}


@contextmanager
def awaited(name: str) -> Iterator[threading.Event]:
    """Give an event that is set when what has this id or ARN ends; one waits for it at a time."""
    event = _awaited[name] = threading.Event()
    try:
        yield event
    finally:
        del _awaited[name]


def ended(name: str) -> None:
    """Tell that something has ended; its state says so already."""
    event = _awaited.get(name)
    if event:
        event.set()
