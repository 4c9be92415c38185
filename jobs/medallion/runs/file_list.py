"""What became of each file of an ingest run, kept at runs/<run id>/files/<dataset>.json."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from medallion.errors import ObjectNotFound
from medallion.runs.report import FileCounts, RefusedFile

if TYPE_CHECKING:
    from medallion.lake.objects import Lake
    from medallion.runs.report import Report

ACCEPTED = "accepted"
UNCHANGED = "unchanged"
REFUSED = "refused"


@dataclass
class FileOutcome:
    """
    What became of one file; what does not apply is None, and is left out of the document.

    Attributes
    ----------
    file
        The key under which it was dropped; that of the archive for a sample.
    size
        Its bytes.
    outcome
        accepted, unchanged (its rows were in raw/ already) or refused.
    rows
        Rows in, out and refused; only of an accepted file.
    reasons, warnings, bytes_written
        For the report alone.
    """

    file: str
    size: int
    outcome: str
    formats: list[str] | None = None
    compression: str | None = None
    rows: dict[str, int] | None = None
    raw: str | None = None
    archive: str | None = None
    reason: str | None = None
    moved_to: str | None = None
    reasons: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    bytes_written: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the list."""
        entry = {
            "file": self.file,
            "bytes": self.size,
            "outcome": self.outcome,
            "formats": self.formats,
            "compressed": self.compression,
            "rows": self.rows,
            "raw": self.raw,
            "archive": self.archive,
            "reason": self.reason,
            "moved_to": self.moved_to,
        }
        return {name: value for name, value in entry.items() if value is not None}

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> FileOutcome:
        """Return the outcome that `to_json` has written."""
        return cls(
            entry["file"],
            entry["bytes"],
            entry["outcome"],
            entry.get("formats"),
            entry.get("compressed"),
            entry.get("rows"),
            entry.get("raw"),
            entry.get("archive"),
            entry.get("reason"),
            entry.get("moved_to"),
        )


class FileList:
    """The outcomes of a run on one dataset; several threads may add to it."""

    def __init__(self, lake: Lake, run_id: str, dataset: str) -> None:
        self._lake = lake
        self._run_id = run_id
        self._dataset = dataset
        self._lock = threading.Lock()
        self._outcomes: dict[tuple[str, str | None], FileOutcome] = {}

    def __len__(self) -> int:
        return len(self._outcomes)

    def __iter__(self) -> Iterator[FileOutcome]:
        with self._lock:
            names = sorted(self._outcomes, key=lambda name: (name[0], name[1] or ""))
            return iter([self._outcomes[name] for name in names])

    @property
    def key(self) -> str:
        """Where the list lies."""
        return self._lake.files_key(self._run_id, self._dataset)

    def resume(self) -> None:
        """Take over what an attempt of the same run has left that died before its report."""
        if self._lake.head(self._lake.report_key(self._run_id, "ingest", self._dataset)):
            return
        try:
            document = self._lake.get_json(self.key)
        except ObjectNotFound:
            return
        for entry in document["files"]:
            self.add(FileOutcome.from_json(entry))

    def add(self, outcome: FileOutcome) -> None:
        """Add a file; one that this run has accepted stays accepted when it is met again."""
        name = (outcome.file, outcome.archive or outcome.moved_to)
        with self._lock:
            known = self._outcomes.get(name)
            if known is None or known.outcome != ACCEPTED or outcome.outcome != UNCHANGED:
                self._outcomes[name] = outcome

    def save(self) -> None:
        """Write the list, sorted by file, if there is a file in it."""
        if self:
            document = {
                "run_id": self._run_id,
                "dataset": self._dataset,
                "files": [outcome.to_json() for outcome in self],
            }
            self._lake.put_json(self.key, document)

    def fill(self, report: Report) -> None:
        """Put what the list says into the report."""
        counts = Counter(outcome.outcome for outcome in self)
        report.files = FileCounts(len(self), counts[ACCEPTED], counts[REFUSED], counts[UNCHANGED])
        report.file_list = self.key if self else None
        for outcome in self:
            report.warnings += [f"{outcome.file}: {warning}" for warning in outcome.warnings]
            if outcome.outcome == REFUSED:
                report.refused_files.append(
                    RefusedFile(outcome.file, outcome.moved_to or "", outcome.reason or "")
                )
            elif outcome.outcome == ACCEPTED:
                _add_accepted(report, outcome)


def _add_accepted(report: Report, outcome: FileOutcome) -> None:
    rows = outcome.rows or {}
    report.rows.in_ += rows["in"]
    report.rows.out += rows["out"]
    report.rows.refused += rows["refused"]
    report.reasons.update(outcome.reasons)
    report.formats.update(outcome.formats or ())
    report.compressed.update([outcome.compression] if outcome.compression else ())
    # What an attempt has written that died is in the list, but not as an object of this one.
    report.objects.written += 1 if outcome.bytes_written else 0
    report.objects.bytes += outcome.bytes_written
