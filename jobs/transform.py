"""Rebuild processed/<dataset>/ from raw/<dataset>/: typed, cleaned, deduplicated, derived.

All of raw is read each time. Objects whose bytes would stay the same are not written, so a run
without news changes nothing. Refused rows go to quarantine/ with their reasons.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import contract_sql
import engine as engines
import job
import table_layer
from contract import Contract
from engine import BoundTable, Engine, TableTarget
from lake import Lake, s3_client
from report import Report, RowCounts

logger = logging.getLogger("transform")

_ROW = ("_file", "_row")


class Transform:
    """One run of the job on one dataset."""

    def __init__(self, lake: Lake, contract: Contract, report: Report) -> None:
        self._lake = lake
        self._contract = contract
        self._report = report
        self._prefix = lake.processed_prefix(contract.name)

    def run(self, engine: Engine) -> None:
        """Rebuild the processed layer and the quarantined rows, and fill the report."""
        # The expressions first: a mistake in them is found without reading a row.
        prepared = engine.prepare(self._contract)
        raw = self._bind(engine)
        self._report.rows.in_ = raw.rows
        if not raw.rows:
            logger.info("%s: raw/ has no rows; processed/ will be empty", self._contract.name)
            self._lake.delete(self._quarantined())
            table_layer.publish(self._lake, self._prefix, (), self._report)
            return
        self._warn_of(raw.columns)
        started = time.monotonic()
        engine.create("result", prepared.statement(raw))
        self._count(engine)
        logger.info(
            "%s: rows %s in %.1f s",
            self._contract.name,
            ", ".join(f"{name} {rows:,}" for name, rows in self._report.rows.to_json().items()),
            time.monotonic() - started,
        )
        self._quarantine(engine, raw)
        self._replace(engine)

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
        return raw

    def _warn_of(self, columns: Mapping[str, str]) -> None:
        """Warn when raw and the contract do not have the same columns."""
        known = {column.name for column in self._contract.columns}
        missing = [name for name in known if name not in columns]
        extra = [name for name in columns if name not in {*known, *contract_sql.ORIGIN}]
        for name in sorted(missing):
            self._report.warn(f"column {name} of the contract is in no raw object: it is null")
        for name in sorted(extra):
            self._report.warn(f"column {name} of raw is not in the contract: it is left out")

    def _count(self, engine: Engine) -> None:
        counts: Counter[str] = Counter()
        # Grouped by reasons too, which are taken apart here: no SQL for it is read by all engines.
        for outcome, categories, rows in engine.rows(
            "SELECT _outcome, _categories, count(*) FROM result GROUP BY _outcome, _categories"
        ):
            counts[outcome] += rows
            for reason in (categories or "").split(contract_sql.SEPARATOR):
                if outcome == "refused":
                    self._report.reasons[reason] += rows
        self._report.rows = RowCounts(
            in_=self._report.rows.in_,
            **{name: counts[name] for name in ("out", "refused", "duplicate", "filtered")},
        )
        self._report.rows.check()

    def _quarantined(self) -> list[str]:
        """Give the key of the refused rows, if there is such an object."""
        key = self._lake.transform_refused_rows_key(self._contract.name)
        return [key] if self._lake.head(key) else []

    def _quarantine(self, engine: Engine, raw: BoundTable) -> None:
        """Put the refused rows, as they are in raw, where someone can look at them."""
        refused = self._report.rows.refused
        if not refused:
            self._lake.delete(self._quarantined())
            return
        columns = [name for name in raw.columns if name not in _ROW]
        # After the name of a table, names that are keywords need no quotes, which differ.
        named = ", ".join(f"raw.{name}" for name in columns)
        same = " AND ".join(f"raw.{name} = result.{name}" for name in _ROW)
        key = self._lake.transform_refused_rows_key(self._contract.name)
        engine.write_object(
            f"SELECT {named}, result._reason FROM raw JOIN result ON {same} "
            "WHERE result._outcome = 'refused'",
            # From where they came, and then by all there is: no two orders of the same rows.
            list(dict.fromkeys([*contract_sql.ORIGIN[2:], *columns, "_reason"])),
            key,
        )
        for reason, count in self._report.reasons.most_common():
            logger.warning("%s: refused %s rows: %s", self._contract.name, f"{count:,}", reason)
        logger.warning(
            "%s: the %s refused rows are in s3://%s/%s",
            self._contract.name,
            f"{refused:,}",
            self._lake.bucket,
            key,
        )

    def _replace(self, engine: Engine) -> None:
        started = time.monotonic()
        contract = self._contract
        target = TableTarget(
            self._prefix, contract.processed_types, contract.partition_by, contract.key or _ROW
        )
        engine.write_table("result", "_outcome = 'out'", target, self._report)
        objects = self._report.objects
        logger.info(
            "%s: %d object(s) written (%s bytes), %d unchanged, %d deleted in s3://%s/%s in %.1f s",
            self._contract.name,
            objects.written,
            f"{self._report.bytes_written:,}",
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
        As for `engine.open_engine`.

    Raises
    ------
    ConfigError
        If the contract or one of its expressions is not valid.
    AccountingError
        If a row of raw is in none of the counts, or in two.
    LakeError
        If an object in raw/ is not Parquet, or memory or disk do not suffice.
    """
    contract = job.load_contract(lake, dataset)
    report = Report("transform", dataset, run_id)
    with (
        tempfile.TemporaryDirectory(prefix="transform-") as temporary,
        engines.open_engine(
            engine or contract.engine,
            lake,
            Path(temporary).resolve(),
            memory_mb=memory_mb,
            max_object_bytes=max_object_bytes,
        ) as opened,
    ):
        logger.info("%s: run %s with %s", dataset, run_id, opened.capacity)
        Transform(lake, contract, report).run(opened)
    report.write(lake)
    return report


def main(argv: Sequence[str] | None = None) -> None:
    """Run the job from its command line."""
    job.configure()
    arguments = job.parse(job.parser(f"{__doc__}", of_dataset=True), argv)
    run(
        Lake(s3_client(), arguments.bucket),
        arguments.dataset,
        arguments.run_id,
        arguments.memory_mb,
        max_object_bytes=arguments.max_object_bytes,
    )


if __name__ == "__main__":
    main()
