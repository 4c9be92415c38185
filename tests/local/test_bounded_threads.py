"""Threads for bursts: never more than the limit, nothing lost, none left over."""

from __future__ import annotations

import threading
import time

from local.bounded_threads import BoundedThreads
from tests.local.conftest import HANGS_SECONDS, until


def test_burst__runs_whole_in_no_more_threads_than_allowed() -> None:
    threads, lock = BoundedThreads(3, "bounded-burst"), threading.Lock()
    running, most, done = 0, 0, []

    def work(number: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= 1
            done.append(number)

    for number in range(60):
        threads.submit(lambda number=number: work(number))  # type: ignore[misc]
    until(lambda: len(done) == 60 or None, "the work")
    assert sorted(done) == list(range(60))
    assert most == 3


def test_error__takes_no_thread_away() -> None:
    threads, done = BoundedThreads(1, "bounded-error"), []

    def fail() -> None:
        raise ValueError("expected")

    for number in range(3):
        threads.submit(fail)
        threads.submit(lambda number=number: done.append(number))  # type: ignore[misc]
    until(lambda: done == [0, 1, 2] or None, "the work after errors")


def test_threads__end_when_there_is_nothing_to_do_and_begin_again() -> None:
    threads = BoundedThreads(2, "bounded-idle")
    for _ in range(2):
        done = threading.Event()
        threads.submit(done.set)
        assert done.wait(HANGS_SECONDS)

    def idle() -> bool:
        return not any(thread.name == "bounded-idle" for thread in threading.enumerate())

    until(lambda: idle() or None, "the threads to end")
