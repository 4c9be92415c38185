"""What became of a stage: a summary of bounded size, and the complete lists beside it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any

from medallion.lake.objects import Lake
from medallion.runs.report import Report

logger = logging.getLogger(__name__)

CHECK_BATCH = 100
MAX_FAILURES = 20
MAX_CAUSE = 300
_MAX_NAMED = 5


@dataclass(frozen=True)
class Failure:
    """A model that was not built; `status` is failed or skipped, `error` the kind of error."""

    model: str
    status: str
    error: str
    cause: str

    @classmethod
    def of(cls, model: str, error: Exception) -> Failure:
        """Keep what a model failed with, on one line and cut to what a person reads."""
        cause = " ".join(str(error).split())
        if len(cause) > MAX_CAUSE:
            cause = cause[: MAX_CAUSE - 1] + "…"
        return cls(model, "failed", type(error).__name__, cause)


@dataclass
class StageSummary:
    """
    Collects what became of the models of a stage; `write` puts it into runs/<run id>/stages/.

    Attributes
    ----------
    stage, run_id, engine
        What ran; `engine` is that of the job run, a model may have another one.
    built
        The reports of the models that were built, with the least number of rows each must have.
    failures
        The models that were not built, in the order in which they came.
    """

    stage: str
    run_id: str
    engine: str
    built: list[tuple[Report, int]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    started_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    _started: float = field(default_factory=time.monotonic, repr=False)

    def write(self, lake: Lake, remaining: Sequence[str]) -> dict[str, Any]:
        """
        Write the tables to check, all models that were not built, and then the summary.

        Parameters
        ----------
        lake
            Where to.
        remaining
            The later stages that have something to do.

        Returns
        -------
        dict
            The summary. Its size has a bound, however many models there are.
        """
        starts = range(0, len(self.built), CHECK_BATCH)
        for number, start in enumerate(starts):
            tables = [
                {"name": report.name, "rows": report.rows.out, "min_rows": min_rows}
                for report, min_rows in self.built[start : start + CHECK_BATCH]
            ]
            lake.put_json(
                lake.stage_checks_key(self.run_id, self.stage, number), {"tables": tables}
            )
        not_built = {
            status: [failure.model for failure in self.failures if failure.status == status]
            for status in ("failed", "skipped")
        }
        lake.put_json(lake.stage_not_built_key(self.run_id, self.stage), not_built)
        document = {
            **self._totals(),
            "models": {
                "selected": len(self.built) + len(self.failures),
                "succeeded": len(self.built),
                "unchanged": sum(1 for report, _ in self.built if report.unchanged_since),
                **{status: len(names) for status, names in not_built.items()},
            },
            "check_batches": len(starts),
            "remaining": list(remaining),
        }
        lake.put_json(lake.stage_summary_key(self.run_id, self.stage), document)
        logger.info(
            "stage %s: of %d models %d succeeded, %d of them unchanged, %d failed, %d skipped, "
            "in %.1f s",
            self.stage,
            *document["models"].values(),
            document["seconds"],
        )
        return document

    def _totals(self) -> dict[str, Any]:
        reports = [report for report, _ in self.built]
        # What failed comes before what was skipped for it.
        failures = sorted(self.failures, key=lambda failure: failure.status)
        return {
            "run_id": self.run_id,
            "stage": self.stage,
            "engine": self.engine,
            "status": "FAILED" if failures else "SUCCEEDED",
            "started_at": self.started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "seconds": round(time.monotonic() - self._started, 2),
            "rows_out": sum(report.rows.out for report in reports),
            "objects": {
                name: sum(getattr(report.objects, name) for report in reports)
                for name in ("written", "unchanged", "deleted")
            },
            "bytes_written": sum(report.objects.bytes for report in reports),
            "failures": [asdict(failure) for failure in failures[:MAX_FAILURES]],
        }


def verdict(summary: Mapping[str, Any]) -> str:
    """Say in one line which models of a summary were not built, and why they failed."""
    counts = summary["models"]
    parts: list[str] = []
    for status in ("failed", "skipped"):
        named = [f for f in summary["failures"] if f["status"] == status][:_MAX_NAMED]
        texts = [
            f"{f['model']} ({f['error']}: {f['cause']})" if status == "failed" else f["model"]
            for f in named
        ]
        if counts[status] > len(named):
            texts.append(f"{counts[status] - len(named)} more")
        if texts:
            of = "" if parts else f" of {counts['selected']} models"
            parts.append(f"{counts[status]}{of} {status}: {', '.join(texts)}")
    return "; ".join(parts)
