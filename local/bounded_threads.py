"""A limited number of daemon threads for work that comes in bursts."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

log = logging.getLogger(__name__)

Work = Callable[[], object]


class BoundedThreads:
    """Runs functions in at most ``limit`` threads; what comes on top of that waits its turn.

    The threads are daemons, so that work which takes minutes does not keep the server from ending,
    and they end when there is nothing to do.

    Parameters
    ----------
    limit
        Number of functions that run at once.
    name
        Name of the threads.
    """

    def __init__(self, limit: int, name: str) -> None:
        self._limit = limit
        self._name = name
        self._lock = threading.Lock()
        self._waiting: deque[Work] = deque()
        self._busy = 0

    def submit(self, work: Work) -> None:
        """Run a function in a thread, in the order of submission; its errors go to the log."""
        with self._lock:
            if self._busy >= self._limit:
                self._waiting.append(work)
                return
            self._busy += 1
        threading.Thread(target=self._run, args=(work,), name=self._name, daemon=True).start()

    def _run(self, first: Work) -> None:
        work: Work | None = first
        while work is not None:
            try:
                work()
            except Exception:
                log.exception("%s: %s failed", self._name, getattr(work, "__qualname__", work))
            with self._lock:
                work = self._waiting.popleft() if self._waiting else None
                if work is None:
                    self._busy -= 1
