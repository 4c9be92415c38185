"""Rebuild processed/<dataset>/ from raw/<dataset>/: typed, cleaned, deduplicated, derived.

All of raw is read, unless it, the contract and the table are as they were. Objects whose bytes
would stay the same are not written, so a run without news changes nothing. Refused rows go to
quarantine/ with their reasons. A result beyond the thresholds of the contract's `approval` is not
published: the report says why it is held, and with which --approved it will be.
"""

from __future__ import annotations

import bootstrap

if __name__ == "__main__":
    bootstrap.start("transform")

import logging
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medallion.contract.contract import Contract
from medallion.contract.statement import ORIGIN, SEPARATOR
from medallion.engines import opening
from medallion.engines.base import BoundTable, Engine, PreparedContract, TableTarget
from medallion.lake import table_layer
from medallion.lake.objects import Lake
from medallion.runs import approval, failures, inputs_guard, job
from medallion.runs.inputs_guard import Inputs
from medallion.runs.last_build import LastBuild
from medallion.runs.report import Report, RowCounts

logger = logging.getLogger("transform")

_ROW = ("_file", "_row")


class Transform:
    """
    One run of the job on one dataset.

    Parameters
    ----------
    lake, contract, report
        Where, what, and what is to be filled.
    approved
        The fingerprint of a content of raw/ whose result a person has approved, or None.
    recipe
        Code, versions and settings that decide what the objects are, or None: not known, so that
        the table is made also where nothing has changed.
    """

    def __init__(
        self,
        lake: Lake,
        contract: Contract,
        report: Report,
        approved: str | None = None,
        recipe: str | None = None,
    ) -> None:
        self._lake = lake
        self._contract = contract
        self._report = report
        self._approved = approved
        self._prefix = lake.processed_prefix(contract.name)
        self._raw = [lake.raw_prefix(contract.name)]
        self._last = None
        if recipe:
            beside = lake.transform_refused_rows_key(contract.name)
            self._last = LastBuild(lake, self._prefix, [recipe, repr(contract)], beside)
        # What was in raw/ when the table was published, and what is to be known of it later.
        self._published: tuple[Inputs, dict[str, Any]] | None = None

    def is_unchanged(self) -> bool:
        """Tell whether the table is what it would be again; then the report says what it has."""
        found = self._last.find(Inputs(self._lake, self._raw)) if self._last else None
        if not found:
            return False
        report = self._report
        report.unchanged_since = found["run_id"]
        report.rows = RowCounts(*(found["rows"][name] for name in report.rows.to_json()))
        report.reasons = Counter(found["reasons"])
        report.warnings = found["warnings"]
        report.objects.unchanged = found["objects"]
        logger.info("%s: unchanged since run %s", self._contract.name, report.unchanged_since)
        return True

    def run(self, engine: Engine) -> None:
        """Rebuild the processed layer and the quarantined rows, and fill the report."""
        # The expressions first: a mistake in them is found without reading a row.
        prepared = engine.prepare(self._contract)
        inputs_guard.until_unchanged(
            self._lake,
            self._raw,
            self._report,
            lambda inputs: self._make(engine, prepared, inputs),
        )
        if self._last and self._published:
            inputs, kept = self._published
            self._last.keep(inputs, self._report.objects.etags, kept)

    def _make(self, engine: Engine, prepared: PreparedContract, inputs: Inputs) -> None:
        """Make the table once, unless it has to be approved."""
        engine.release()
        self._published = None
        report, earlier = self._report, len(self._report.warnings)
        raw = self._bind(engine)
        if raw.rows:
            self._judge_rows(engine, prepared, raw)
        else:
            logger.info("%s: raw/ has no rows; processed/ will be empty", self._contract.name)
        if not self._is_done(engine, raw, inputs):
            self._publish(engine, raw, report)
            kept = {
                "run_id": report.run_id,
                "rows": report.rows.to_json(),
                "reasons": report.reasons,
                "warnings": report.warnings[earlier:],
                "objects": report.objects.written + report.objects.unchanged,
            }
            self._published = inputs, kept

    def _judge_rows(self, engine: Engine, prepared: PreparedContract, raw: BoundTable) -> None:
        """Make the table `result`, which has an outcome for each row of raw, and count them."""
        self._warn_of(raw.columns)
        started = time.monotonic()
        engine.create("result", prepared.statement(raw))
        self._count(engine, raw)
        logger.info(
            "%s: rows %s in %.1f s",
            self._contract.name,
            ", ".join(f"{name} {rows:,}" for name, rows in self._report.rows.to_json().items()),
            time.monotonic() - started,
        )
        for reason, count in self._report.reasons.most_common():
            logger.warning("%s: refused %s rows: %s", self._contract.name, f"{count:,}", reason)

    def _is_done(self, engine: Engine, raw: BoundTable, inputs: Inputs) -> bool:
        """Tell whether nothing is to be published: it is held, or all of it is there already."""
        rules = self._contract.approval
        if rules is None:
            return False
        name, fingerprint = self._contract.name, inputs.fingerprint
        if self._approved == fingerprint:
            logger.info("%s: publishing was approved (%s)", name, fingerprint)
        else:
            if self._approved:
                text = "%s: what was approved (%s) is not what is in raw/ now (%s)"
                logger.warning(text, name, self._approved, fingerprint)
            reasons = approval.reasons(self._lake, rules, self._report)
            if reasons:
                trial = Report(self._report.job, name, self._report.run_id)
                if self._publish(engine, raw, trial, dry_run=True):
                    self._hold(approval.held(rules, reasons, fingerprint))
                else:
                    self._report.objects = trial.objects
                    logger.info("%s: no object would change: nothing is to be approved", name)
                return True
        # What came since the listing is not what was judged, or approved.
        inputs.require_unchanged()
        return False

    def _hold(self, held: dict[str, Any]) -> None:
        self._report.held = held
        for reason in held["reasons"]:
            logger.warning("%s: held: %s", self._contract.name, reason)
        logger.warning(
            "%s: nothing was published; run the job with --approved %s to publish it",
            self._contract.name,
            held["fingerprint"],
        )

    def _publish(
        self, engine: Engine, raw: BoundTable, report: Report, *, dry_run: bool = False
    ) -> bool:
        """Put the refused rows and the table where they belong; tell whether an object changed."""
        changed = self._quarantine(engine, raw, report, dry_run=dry_run)
        if changed and dry_run:
            return True
        self._replace(engine, raw, report, dry_run=dry_run)
        return changed or bool(report.objects.written or report.objects.deleted)

    def _bind(self, engine: Engine) -> BoundTable:
        """Make the table `raw` of what is in raw/."""
        started = time.monotonic()
        prefix = self._lake.raw_prefix(self._contract.name)
        raw = engine.bind_raw("raw", prefix)
        logger.info(
            "%s: read %s rows from %d object(s) of %s bytes in s3://%s/%s in %.1f s",
            self._contract.name,
            f"{raw.rows:,}",
            raw.objects,
            f"{raw.bytes:,}",
            self._lake.bucket,
            prefix,
            time.monotonic() - started,
        )
        self._report.rows.in_ = raw.rows
        return raw

    def _warn_of(self, columns: Mapping[str, str]) -> None:
        """Warn when raw and the contract do not have the same columns."""
        known = {column.name for column in self._contract.columns}
        missing = [name for name in known if name not in columns]
        extra = [name for name in columns if name not in {*known, *ORIGIN}]
        for name in sorted(missing):
            self._report.warn(f"column {name} of the contract is in no raw object: it is null")
        for name in sorted(extra):
            self._report.warn(f"column {name} of raw is not in the contract: it is left out")

    def _count(self, engine: Engine, raw: BoundTable) -> None:
        counts: Counter[str] = Counter()
        # Grouped by reasons too, which are taken apart here: no SQL for it is read by all engines.
        for outcome, categories, rows in engine.rows(
            "SELECT _outcome, _categories, count(*) FROM result GROUP BY _outcome, _categories"
        ):
            counts[outcome] += rows
            for reason in (categories or "").split(SEPARATOR):
                if outcome == "refused":
                    self._report.reasons[reason] += rows
        self._report.rows = RowCounts(
            in_=raw.rows,
            **{name: counts[name] for name in ("out", "refused", "duplicate", "filtered")},
        )
        self._report.rows.check()

    def _quarantined(self) -> list[str]:
        """Give the key of the refused rows, if there is such an object."""
        key = self._lake.transform_refused_rows_key(self._contract.name)
        return [key] if self._lake.head(key) else []

    def _quarantine(
        self, engine: Engine, raw: BoundTable, report: Report, *, dry_run: bool
    ) -> bool:
        """Put the refused rows, as they are in raw, where someone can look at them."""
        refused = self._report.rows.refused
        if not refused:
            stale = self._quarantined()
            if not dry_run:
                self._lake.delete(stale)
            return bool(stale)
        columns = [name for name in raw.columns if name not in _ROW]
        # After the name of a table, names that are keywords need no quotes, which differ.
        named = ", ".join(f"raw.{name}" for name in columns)
        same = " AND ".join(f"raw.{name} = result.{name}" for name in _ROW)
        key = self._lake.transform_refused_rows_key(self._contract.name)
        put = engine.write_object(
            f"SELECT {named}, result._reason FROM raw JOIN result ON {same} "
            "WHERE result._outcome = 'refused'",
            # From where they came, and then by all there is: no two orders of the same rows.
            list(dict.fromkeys([*ORIGIN[2:], *columns, "_reason"])),
            key,
            dry_run=dry_run,
        )
        report.objects.etags[key] = put.etag
        if dry_run:
            return put.written
        logger.warning(
            "%s: the %s refused rows are in s3://%s/%s",
            self._contract.name,
            f"{refused:,}",
            self._lake.bucket,
            key,
        )
        return put.written

    def _replace(self, engine: Engine, raw: BoundTable, report: Report, *, dry_run: bool) -> None:
        started = time.monotonic()
        contract = self._contract
        target = TableTarget(
            self._prefix, contract.processed_types, contract.partition_by, contract.key or _ROW
        )
        if raw.rows:
            engine.write_table("result", "_outcome = 'out'", target, report, dry_run=dry_run)
        else:
            table_layer.publish(self._lake, self._prefix, (), report.objects, dry_run=dry_run)
        if dry_run:
            return
        objects = report.objects
        logger.info(
            "%s: %d object(s) written (%s bytes), %d unchanged, %d deleted in s3://%s/%s in %.1f s",
            self._contract.name,
            objects.written,
            f"{report.objects.bytes:,}",
            objects.unchanged,
            objects.deleted,
            self._lake.bucket,
            self._prefix,
            time.monotonic() - started,
        )


def run(
    lake: Lake,
    dataset: str,
    run_id: str,
    memory_mb: int | None = None,
    *,
    engine: str | None = None,
    max_object_bytes: int = job.DEFAULT_MAX_OBJECT_MEBIBYTES << 20,
    approved: str | None = None,
    software: str | None = None,
) -> Report:
    """
    Transform one dataset and write the report.

    Parameters
    ----------
    lake, dataset, run_id
        Where, what, and the name of the run.
    engine
        duckdb or spark; None: what the contract says.
    memory_mb, max_object_bytes
        As for `open_engine`.
    approved
        As for `Transform`.
    software
        What code and versions run; with None, the table is made also where nothing has changed.

    Raises
    ------
    ConfigError
        If the contract or one of its expressions is not valid.
    AccountingError
        If a row of raw is in none of the counts, or in two.
    InputsChanged
        If files were ingested each time that the table was made.
    LakeError
        If an object in raw/ is not Parquet, or memory or disk do not suffice.
    """
    contract = job.load_contract(lake, dataset)
    report = Report("transform", dataset, run_id)
    name = engine or contract.engine
    recipe = f"{software} {name} {max_object_bytes}" if software else None
    work = Transform(lake, contract, report, approved, recipe)
    if not work.is_unchanged():
        with (
            tempfile.TemporaryDirectory(prefix="transform-") as temporary,
            opening.open_engine(
                name,
                lake,
                Path(temporary).resolve(),
                memory_mb=memory_mb,
                max_object_bytes=max_object_bytes,
            ) as opened,
        ):
            logger.info("%s: run %s with %s", dataset, run_id, opened.capacity)
            work.run(opened)
    report.write(lake)
    return report


def main(argv: Sequence[str] | None = None) -> None:
    """Run the job from its command line."""
    job.configure()
    with failures.recorded("transform", argv):
        _run(argv)


def _run(argv: Sequence[str] | None) -> None:
    parser = job.parser(f"{__doc__}", of_dataset=True)
    parser.add_argument(
        "--approved",
        metavar="FINGERPRINT",
        help="publish whatever thresholds are passed, if raw/ is still what this fingerprint says; "
        "it is in the report of the run that was held",
    )
    job.add_rebuild(parser, "the table")
    arguments = job.parse(parser, argv)
    run(
        job.open_lake("transform", arguments),
        arguments.dataset,
        arguments.run_id,
        arguments.memory_mb,
        max_object_bytes=arguments.max_object_bytes,
        approved=arguments.approved,
        software=None if arguments.rebuild == "true" else job.software(argv),
    )


if __name__ == "__main__":
    main()
