"""One operating system process of a Glue job: its environment, its output, its end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_FLUSH_SECONDS = 0.3
_READERS_GRACE_SECONDS = 5.0
_TAIL_LINES = 1000


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended.

    Attributes
    ----------
    code
        Exit code; negative for a signal.
    timed_out
        Whether it was killed for running longer than allowed.
    error_tail
        The last lines on stderr, a thousand at most.
    """

    code: int
    timed_out: bool
    error_tail: tuple[str, ...] = ()


class _Reader(threading.Thread):
    """Collects the lines of a stream."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)

    def run(self) -> None:
        for line in self._stream:
            text = line.rstrip("\n")
            with self._lock:
                self._lines.append(text)
                self.tail.append(text)

    def close(self) -> None:
        """Close the stream, unless something outside of the process group still holds it."""
        if not self.is_alive():
            self._stream.close()

    def take(self) -> list[str]:
        """Return the lines since the last call."""
        with self._lock:
            lines, self._lines = self._lines, []
        return lines


class JobProcess:
    """A running job script, the leader of its own process group.

    Parameters
    ----------
    arguments
        Interpreter, script, and the script's arguments.
    environment
        The whole environment; nothing is inherited.
    log
        Told the new lines of ``output`` (stdout) or ``error`` (stderr) while the process runs.
    """

    def __init__(
        self,
        arguments: list[str],
        directory: Path,
        environment: dict[str, str],
        log: Callable[[str, list[str]], None],
    ) -> None:
        self._log = log
        self._process = subprocess.Popen(  # noqa: S603 running scripts is what a job does
            arguments,
            cwd=directory,
            encoding="utf-8",
            env=environment,
            errors="replace",
            start_new_session=True,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        if self._process.stdout is None or self._process.stderr is None:
            raise RuntimeError("the pipes of the job's process are missing")
        self._readers = {
            "output": _Reader(self._process.stdout),
            "error": _Reader(self._process.stderr),
        }
        for reader in self._readers.values():
            reader.start()

    def wait(self, seconds: float) -> Exit:
        """Wait for the end, passing lines on; kill the process group when the time is over."""
        deadline = time.monotonic() + seconds
        timed_out = False
        while True:
            try:
                self._process.wait(max(0.0, min(_FLUSH_SECONDS, deadline - time.monotonic())))
                break
            except subprocess.TimeoutExpired:
                self._flush()
                if time.monotonic() >= deadline:
                    timed_out = True
                    self.kill()
        self.kill()  # whatever the script left running
        for reader in self._readers.values():
            reader.join(_READERS_GRACE_SECONDS)
            reader.close()
        self._flush()
        return Exit(self._process.returncode, timed_out, tuple(self._readers["error"].tail))

    def kill(self) -> None:
        """Kill the process and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _flush(self) -> None:
        for name, reader in self._readers.items():
            if lines := reader.take():
                self._log(name, lines)
