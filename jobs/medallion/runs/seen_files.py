"""Which files are in raw/: one note a file at state/seen/<dataset>/ names its raw object."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from medallion.errors import ObjectNotFound

if TYPE_CHECKING:
    from medallion.lake.objects import Lake
    from medallion.runs.report import Report

_DIGEST = re.compile(r"-([0-9a-f]{16})\.parquet$")
_THREADS = 8


class SeenFiles:
    """
    The notes of one dataset.

    A note is made before its raw object and never changes, so that all runs that take the same
    file, also on two days, write the same object, and the first of them alone.
    """

    def __init__(self, lake: Lake, dataset: str) -> None:
        self._lake = lake
        self._dataset = dataset

    def raw_of(self, digest: str) -> str | None:
        """Return the key of the file's raw object, if that is there."""
        try:
            key = str(self._lake.get_json(self._lake.seen_key(self._dataset, digest))["raw"])
        except ObjectNotFound:
            return None
        # Whoever made the note may have died before the object.
        return key if self._lake.head(key) else None

    def note(self, digest: str, raw_key: str) -> str:
        """Note that the file goes to `raw_key`; return where it really goes, by the first note."""
        key = self._lake.seen_key(self._dataset, digest)
        if self._lake.put_new_json(key, {"raw": raw_key}):
            return raw_key
        return str(self._lake.get_json(key)["raw"])

    def take_over(self, report: Report) -> None:
        """Make the notes of what was in raw/ before there were any; once for each dataset.

        Of one file under two dates, which only runs without notes could leave, the first stays.
        """
        done = self._lake.seen_key(self._dataset, "all")
        if self._lake.head(done):
            return
        found: dict[str, str] = {}
        again = []
        for stored in self._lake.list_objects(self._lake.raw_prefix(self._dataset)):
            match = _DIGEST.search(stored.key)
            if match and found.setdefault(match[1], stored.key) != stored.key:
                again.append(stored.key)
        with ThreadPoolExecutor(_THREADS) as pool:
            # As a list, so that what one of them raises is raised.
            list(pool.map(self.note, found, found.values()))
        for key in again:
            report.warn(f"{key} is in raw/ under an earlier date as well: deleted")
        report.objects.deleted += self._lake.delete(again)
        self._lake.put_json(done, {"noted": len(found)})
