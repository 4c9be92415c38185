"""Jobs that run at the same time, in an order that a test chooses."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

from medallion.lake.objects import Lake, s3_client

LIMIT_SECONDS = 60


class Hooked:
    """
    A lake with a client of its own that lets something happen before its requests.

    Parameters
    ----------
    lake
        The lake, as it is.
    before
        Called with the number of the request, from 1, and the name of its operation; no other
        request of this client goes on meanwhile.
    """

    def __init__(self, lake: Lake, before: Callable[[int, str], None]) -> None:
        self.requests = 0
        self._before = before
        self._lock = threading.Lock()
        self.lake = Lake(s3_client(), lake.bucket)
        self.lake.client.meta.events.register("before-call.s3", self._called)

    def _called(self, model: Any, **_: Any) -> None:
        with self._lock:
            self.requests += 1
            self._before(self.requests, model.name)


def at(number: int, action: Callable[[], object]) -> Callable[[int, str], None]:
    """Let something happen once, before one request."""

    def before(request: int, operation: str) -> None:
        if request == number:
            action()

    return before


def requests_of(lake: Lake, job: Callable[[Lake], object]) -> int:
    """Count the requests of a job that nothing disturbs."""
    hooked = Hooked(lake, lambda number, operation: None)
    job(hooked.lake)
    return hooked.requests


class Turns:
    """Two jobs in two threads, of which one at a time has the turn for a few requests."""

    def __init__(self, lake: Lake, seed: int) -> None:
        self._lake = lake
        self._random = random.Random(seed)
        self._state = threading.Condition()
        self._turn = 0
        self._left = 1
        self._running = {0, 1}
        self._errors: list[BaseException] = []

    def run(self, *jobs: Callable[[Lake], object]) -> None:
        """Run both to their ends, and raise what one of them raised."""
        # Their clients first: boto3 cannot make two at the same time.
        lakes = [Hooked(self._lake, self._waiting(number)).lake for number in range(len(jobs))]
        threads = [
            threading.Thread(target=self._run, args=(number, job, lakes[number]))
            for number, job in enumerate(jobs)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT_SECONDS)
            assert not thread.is_alive(), "a job has not ended"
        for error in self._errors:
            raise error

    def _waiting(self, number: int) -> Callable[[int, str], None]:
        return lambda request, operation: self._wait(number)

    def _run(self, number: int, job: Callable[[Lake], object], lake: Lake) -> None:
        try:
            job(lake)
        except BaseException as error:  # noqa: BLE001 - raised by run
            self._errors.append(error)
        finally:
            with self._state:
                self._running.discard(number)
                self._turn = 1 - number
                self._state.notify_all()

    def _wait(self, number: int) -> None:
        with self._state:
            while self._turn != number and 1 - number in self._running:
                assert self._state.wait(LIMIT_SECONDS), "the other job does not go on"
            self._left -= 1
            if self._left <= 0:
                self._left = self._random.choice((1, 2, 3, 5, 8, 13))
                self._turn = 1 - number if 1 - number in self._running else number
                self._state.notify_all()
