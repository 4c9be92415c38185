"""The report of one job on one dataset or model: what it did with every row, file and object."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from medallion.errors import AccountingError
from medallion.lake.table_layer import ObjectCounts

if TYPE_CHECKING:
    from medallion.lake.objects import Lake

logger = logging.getLogger(__name__)

MAX_REASONS = 20
MAX_FILES = 20
MAX_WARNINGS = 20
# The state machines read the report: whatever names and reasons files have, it stays small. What
# is cut is whole in the list of files and in quarantine/.
_MAX_TEXT_BYTES = 300
_MAX_KEY_BYTES = 600
_MAX_LIST_BYTES = 6 << 10
_MAX_REFUSED_BYTES = 14 << 10


@dataclass
class RowCounts:
    """Where rows went: each row that came in is counted once."""

    in_: int = 0
    out: int = 0
    refused: int = 0
    duplicate: int = 0
    filtered: int = 0

    def check(self) -> None:
        """Raise AccountingError unless in = out + refused + duplicate + filtered."""
        accounted = self.out + self.refused + self.duplicate + self.filtered
        if self.in_ != accounted:
            raise AccountingError(
                f"{self.in_} rows came in, but {accounted} are accounted for "
                f"(out {self.out}, refused {self.refused}, duplicate {self.duplicate}, "
                f"filtered {self.filtered})"
            )

    def to_json(self) -> dict[str, int]:
        """Return the counts under the names of the report."""
        return {
            "in": self.in_,
            "out": self.out,
            "refused": self.refused,
            "duplicate": self.duplicate,
            "filtered": self.filtered,
        }


@dataclass
class FileCounts:
    """What became of the files that were found; only `ingest` has files."""

    in_: int = 0
    accepted: int = 0
    refused: int = 0
    unchanged: int = 0

    def check(self) -> None:
        """Raise AccountingError unless in = accepted + refused + unchanged."""
        accounted = self.accepted + self.refused + self.unchanged
        if self.in_ != accounted:
            raise AccountingError(
                f"{self.in_} files came in, but {accounted} are accounted for "
                f"(accepted {self.accepted}, refused {self.refused}, unchanged {self.unchanged})"
            )

    def to_json(self) -> dict[str, int]:
        """Return the counts under the names of the report."""
        return {
            "in": self.in_,
            "accepted": self.accepted,
            "refused": self.refused,
            "unchanged": self.unchanged,
        }


@dataclass(frozen=True)
class RefusedFile:
    """A file that went to quarantine/."""

    file: str
    moved_to: str
    reason: str

    def to_json(self) -> dict[str, str]:
        """Return the entry of the report, cut to what a person reads."""
        return {
            "file": _cut(self.file),
            "moved_to": _cut(self.moved_to, _MAX_KEY_BYTES),
            "reason": _cut(self.reason),
        }


@dataclass
class Report:
    """
    Collects what a job did; `write` puts it at runs/<run id>/<job>/<name>.json.

    Attributes
    ----------
    job
        ingest, transform or model.
    name
        The dataset, or the model for job `model`.
    engine, stage, inputs
        Left out of the document while they are None. `inputs` are the rows of each table that a
        model reads, by names such as `processed.sales`.
    idle
        Of `ingest` of a dataset that is fetched: there is nothing new, and nothing left to do of
        it; left out while False.
    formats, compressed, file_list
        Of `ingest`: accepted files by format and by compression (a zip counts for each format in
        it), and the key of the list of all files, None when there were none.
    unchanged_since
        Of `transform` and `model`: the run that made the table last, since when nothing that it is
        made of has changed, so that this run did not make it; left out while None.
    held
        Why nothing was published, when a person has to approve it first; left out while None.
    """

    job: str
    name: str
    run_id: str
    rows: RowCounts = field(default_factory=RowCounts)
    reasons: Counter[str] = field(default_factory=Counter)
    files: FileCounts | None = None
    refused_files: list[RefusedFile] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    objects: ObjectCounts = field(default_factory=ObjectCounts)
    engine: str | None = None
    stage: str | None = None
    inputs: dict[str, int] | None = None
    unchanged_since: str | None = None
    held: dict[str, Any] | None = None
    idle: bool = False
    formats: Counter[str] = field(default_factory=Counter)
    compressed: Counter[str] = field(default_factory=Counter)
    file_list: str | None = None
    started_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    _started: float = field(default_factory=time.monotonic, repr=False)

    def warn(self, message: str) -> None:
        """Log a warning and keep it, once, for the report."""
        if message not in self.warnings:
            logger.warning("%s", message)
            self.warnings.append(message)

    def to_json(self) -> dict[str, Any]:
        """Return the report as a JSON document; lists are cut to what a person reads."""
        # most_common leaves ties in order of arrival; by text they do not hang on the file order.
        reasons = sorted(self.reasons.items(), key=lambda item: (-item[1], item[0]))
        counts = asdict(self.objects)
        del counts["etags"]
        document: dict[str, Any] = {
            "run_id": self.run_id,
            "job": self.job,
            "model" if self.job == "model" else "dataset": self.name,
            "started_at": self.started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "seconds": round(time.monotonic() - self._started, 2),
            "rows": self.rows.to_json(),
            "reasons": _bounded(
                [{"reason": _cut(text), "rows": n} for text, n in reasons[:MAX_REASONS]]
            ),
            "warnings": _bounded([_cut(text) for text in self.warnings[:MAX_WARNINGS]]),
            "objects": counts,
            "bytes_written": counts.pop("bytes"),
        }
        optional = {
            "engine": self.engine,
            "stage": self.stage,
            "inputs": self.inputs,
            "unchanged_since": self.unchanged_since,
            "held": self.held,
            "idle": self.idle or None,
            "file_list": self.file_list,
        }
        document.update((name, value) for name, value in optional.items() if value is not None)
        if self.files is not None:
            document["files"] = self.files.to_json()
            document["formats"] = dict(self.formats)
            document["compressed"] = dict(self.compressed)
            document["refused_files"] = _bounded(
                [f.to_json() for f in self.refused_files[:MAX_FILES]], _MAX_REFUSED_BYTES
            )
        return document

    def write(self, lake: Lake) -> str:
        """Check that everything is accounted for, write the report, and return its key.

        Raises
        ------
        AccountingError
            When a row or a file is missing from the counts, or counted twice.
        """
        self.rows.check()
        if self.files is not None:
            self.files.check()
        key = lake.report_key(self.run_id, self.job, self.name)
        document = self.to_json()
        lake.put_json(key, document)
        logger.info(
            "done in %.1f s: rows %s; report s3://%s/%s",
            document["seconds"],
            ", ".join(f"{name} {n}" for name, n in document["rows"].items()),
            lake.bucket,
            key,
        )
        return key


def _cut(text: str, limit: int = _MAX_TEXT_BYTES) -> str:
    """Return the beginning of a text that takes at most `limit` bytes as JSON."""
    if _size(text) <= limit:
        return text
    kept = text[:limit]
    while _size(kept) > limit - 3:
        kept = kept[: len(kept) * 9 // 10]
    return f"{kept}…"


def _bounded(entries: Sequence[Any], limit: int = _MAX_LIST_BYTES) -> list[Any]:
    """Return the first entries, as many as take at most `limit` bytes as JSON."""
    kept: list[Any] = []
    for entry in entries:
        limit -= _size(entry)
        if limit < 0:
            break
        kept.append(entry)
    return kept


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, indent=2).encode())
