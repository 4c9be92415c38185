"""What has to be stopped with the server, and the threads that work beside its requests."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

log = logging.getLogger(__name__)

_stoppers: list[Callable[[], None]] = []
_background = ThreadPoolExecutor(max_workers=32, thread_name_prefix="background")


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
    _background.shutdown(wait=False, cancel_futures=True)


def in_background(function: Callable[..., None], *arguments: object) -> Future[None]:
    """Run a function in a thread; what it raises goes to the server's log."""

    def work() -> None:
        try:
            function(*arguments)
        except Exception:
            log.exception("%s failed", getattr(function, "__qualname__", function))

    return _background.submit(work)
