"""How far an ingest run has come: a line for each file when there are few, else now and then."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence

from medallion.runs.file_list import ACCEPTED, REFUSED, UNCHANGED, FileList, FileOutcome

logger = logging.getLogger("ingest")

_FEW = 20
_MAX_WARNINGS = 20
_FILES = 100
_SECONDS = 10
_SAVE_SECONDS = 60


class Progress:
    """Logs what becomes of the files, and saves their list once a minute."""

    def __init__(self, outcomes: FileList) -> None:
        self._outcomes = outcomes
        self._lock = threading.Lock()
        self._total = self._done = self._warnings = 0
        self._counts: Counter[str] = Counter()
        self._next_line = self._next_save = 0.0

    def start(self, total: int) -> None:
        """Begin to count to `total` files."""
        self._total = total
        self._next_line = time.monotonic() + _SECONDS
        self._next_save = time.monotonic() + _SAVE_SECONDS

    def say(self, level: int, message: str, *arguments: object) -> None:
        """Log a line on one file; of many files, only the first warnings."""
        with self._lock:
            shown = self._total <= _FEW
            if level >= logging.WARNING:
                self._warnings += 1
                shown = shown or self._warnings <= _MAX_WARNINGS
        logger.log(level if shown else logging.DEBUG, message, *arguments)

    def say_accepted(
        self, outcome: FileOutcome, formats: Sequence[str], bucket: str, seconds: float
    ) -> None:
        """Log what a file has become in raw/, and its most frequent reasons to refuse a row."""
        rows = outcome.rows or {}
        self.say(
            logging.INFO,
            "%s: %s, %s rows in, %s out, %s refused -> s3://%s/%s (%s bytes, %.1f s)",
            outcome.file,
            ", ".join(formats),
            f"{rows['in']:,}",
            f"{rows['out']:,}",
            f"{rows['refused']:,}",
            bucket,
            outcome.raw,
            f"{outcome.bytes_written:,}",
            seconds,
        )
        for reason, times in outcome.reasons.most_common(3):
            self.say(logging.WARNING, "%s: %d rows refused: %s", outcome.file, times, reason)

    def say_outcome(self, outcome: FileOutcome) -> None:
        """Log what has become of a file, once all is done with it."""
        with self._lock:
            self._counts[outcome.outcome] += 1
        if outcome.outcome == REFUSED:
            self.say(logging.WARNING, "%s refused: %s", outcome.file, outcome.reason)
        target = outcome.archive or outcome.moved_to
        self.say(logging.INFO, "%s moved to %s", outcome.file, target)
        for warning in outcome.warnings:
            self.say(logging.WARNING, "%s: %s", outcome.file, warning)

    def step(self) -> None:
        """Count a file that has come to its end."""
        with self._lock:
            self._done += 1
            now = time.monotonic()
            if self._total > _FEW and (self._done % _FILES == 0 or now >= self._next_line):
                self._next_line = now + _SECONDS
                logger.info(
                    "%s of %s files: %s accepted, %s unchanged, %s refused, %s taken by others",
                    f"{self._done:,}",
                    f"{self._total:,}",
                    f"{self._counts[ACCEPTED]:,}",
                    f"{self._counts[UNCHANGED]:,}",
                    f"{self._counts[REFUSED]:,}",
                    f"{self._done - sum(self._counts.values()):,}",
                )
            if now >= self._next_save:
                self._next_save = now + _SAVE_SECONDS
                self._outcomes.save()
