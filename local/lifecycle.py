"""What has to be stopped with the server."""

from __future__ import annotations

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

_stoppers: list[Callable[[], None]] = []


def on_stop(stop: Callable[[], None]) -> Callable[[], None]:
    """Register a function that the server calls when it stops, for example to end a child."""
    _stoppers.append(stop)
    return stop


def stop_all() -> None:
    """Call every registered function, the latest first; one that fails does not stop the rest."""
    for stop in reversed(_stoppers):
        try:
            stop()
        except Exception:
            log.exception("stopping %s failed", getattr(stop, "__qualname__", stop))
