"""Take the files of one dataset from incoming/ (or make its sample) to raw/.

Each file becomes one Parquet object in raw/, and is then moved to archive/. A file that cannot be
read is moved to quarantine/ with the reason; the other files go on. A run that dies at any point
and is repeated ends in the same place.
"""

from __future__ import annotations

import hashlib
import logging
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timezone
from pathlib import Path, PurePosixPath

import job
import raw_object
import samples
from contract import Contract
from errors import ConfigError, FileRefused
from lake import Lake, StoredObject, s3_client, sha256
from local_disk import require_free
from raw_object import RawObject
from report import FileCounts, RefusedFile, Report

logger = logging.getLogger("ingest")

_DIGEST = re.compile(r"-([0-9a-f]{16})\.parquet$")


@dataclass(frozen=True)
class _Original:
    """A file on its way: where it came from, and the names that all it becomes will have."""

    source_file: str
    path: Path
    date: str
    stem: str
    extension: str
    digest: str


class Ingest:
    """One run of the job on one dataset."""

    def __init__(self, lake: Lake, contract: Contract, report: Report) -> None:
        self._lake = lake
        self._contract = contract
        self._report = report
        self._files = FileCounts()
        report.files = self._files
        self._known: set[str] = set()

    def run(self) -> None:
        """Ingest everything that there is, and fill the report."""
        prefix = self._lake.raw_prefix(self._contract.name)
        for stored in self._lake.list_objects(prefix):
            match = _DIGEST.search(stored.key)
            if match:
                self._known.add(match[1])
        if self._contract.source.type == "sample":
            self._run_sample()
        else:
            self._run_incoming()

    def _run_incoming(self) -> None:
        prefix = self._lake.incoming_prefix(self._contract.name)
        # The whole list first: the loop takes away what it lists.
        waiting = [found for found in self._lake.list_objects(prefix) if not _is_folder(found)]
        size = sum(found.size for found in waiting)
        logger.info(
            "%s: %d files (%s bytes) in s3://%s/%s",
            self._contract.name,
            len(waiting),
            f"{size:,}",
            self._lake.bucket,
            prefix,
        )
        for listed in waiting:
            found = self._lake.head(listed.key)
            if found is None:
                logger.info("%s is gone: another run has taken it", listed.key)
                continue
            try:
                self._ingest_incoming(found)
            except Exception:
                logger.error("failed at %s, which stays where it is", found.key)
                raise

    def _ingest_incoming(self, found: StoredObject) -> None:
        self._files.in_ += 1
        with tempfile.TemporaryDirectory(prefix="ingest-") as temporary:
            directory = Path(temporary)
            # The file, and about as much for what it becomes.
            require_free(directory, 2 * found.size)
            path = directory / "original"
            logger.info("reading %s (%s bytes)", found.key, f"{found.size:,}")
            self._lake.download(found, path)
            stem, extension = split_name(found.key)
            original = _Original(
                source_file=found.key,
                path=path,
                date=found.last_modified.astimezone(timezone.utc).strftime("%Y-%m-%d"),
                stem=stem,
                extension=extension,
                digest=digest_of(found.key, path),
            )
            try:
                self._load(original, directory)
            except FileRefused as error:
                target = self._refuse(original, found, error.reason)
            else:
                target = self._lake.archive_key(
                    self._contract.name,
                    original.date,
                    original.stem,
                    original.digest,
                    original.extension,
                )
                self._lake.copy(found, target)
        if self._lake.delete_if_unchanged(found):
            logger.info("%s moved to %s", found.key, target)
        else:
            self._report.warn(
                f"{found.key} was replaced or taken away while it was read; what is there now "
                "stays for the next run"
            )

    def _run_sample(self) -> None:
        source = self._contract.source
        table, rows = source.table, source.rows
        if table is None or rows is None:
            raise ConfigError(f"the sample of {self._contract.name!r} needs a table and rows")
        self._files.in_ += 1
        with tempfile.TemporaryDirectory(prefix="ingest-") as temporary:
            directory = Path(temporary)
            path = directory / "original"
            samples.write_csv(path, table, rows, source.seed)
            logger.info("made the sample %s: %s rows, seed %d", table, f"{rows:,}", source.seed)
            digest = digest_of(f"sample/{table}.csv", path)
            key = self._lake.archive_key(
                self._contract.name, samples.DATA_DATE, table, digest, ".csv"
            )
            # Straight into archive/: nothing arrives in incoming/, so no arrival is announced.
            self._lake.put_if_changed(key, path)
            original = _Original(key, path, samples.DATA_DATE, table, ".csv", digest)
            try:
                self._load(original, directory)
            except FileRefused as error:
                raise ConfigError(
                    f"the contract of {self._contract.name!r} does not fit the sample {table!r} "
                    f"({', '.join(samples.COLUMNS[table])}): {error.reason}"
                ) from error

    def _load(self, original: _Original, directory: Path) -> None:
        """Bring the file's rows to raw/, unless they are there."""
        if original.digest in self._known:
            self._files.unchanged += 1
            logger.info("%s is in raw/ already: no rows added", original.source_file)
            return
        started = time.monotonic()
        raw = raw_object.build(original.path, original.source_file, self._contract, directory)
        dataset = self._contract.name
        if raw.refused:
            # Before the raw object, whose presence says that the file is done.
            self._lake.put_file(
                self._lake.ingest_refused_rows_key(dataset, original.digest), raw.refused
            )
        key = self._lake.raw_key(dataset, original.date, original.stem, original.digest)
        self._lake.put_file(key, raw.path)
        self._known.add(original.digest)
        self._count(original, raw)
        logger.info(
            "%s: %s, %s rows in, %s out, %s refused -> s3://%s/%s (%s bytes, %.1f s)",
            original.source_file,
            ", ".join(raw.formats),
            f"{raw.rows_in:,}",
            f"{raw.rows_out:,}",
            f"{raw.rows_refused:,}",
            self._lake.bucket,
            key,
            f"{raw.path.stat().st_size:,}",
            time.monotonic() - started,
        )

    def _count(self, original: _Original, raw: RawObject) -> None:
        report = self._report
        self._files.accepted += 1
        report.rows.in_ += raw.rows_in
        report.rows.out += raw.rows_out
        report.rows.refused += raw.rows_refused
        report.reasons.update(raw.reasons)
        report.objects.written += 1
        report.bytes_written += raw.path.stat().st_size
        for warning in raw.warnings:
            report.warn(f"{original.source_file}: {warning}")
        for reason, times in raw.reasons.most_common(3):
            logger.warning("%s: %d rows refused: %s", original.source_file, times, reason)

    def _refuse(self, original: _Original, found: StoredObject, reason: str) -> str:
        """Move a file to quarantine/, but for its deletion; return where it is."""
        key = self._lake.refused_file_key(
            self._contract.name,
            original.date,
            original.stem,
            original.digest,
            original.extension,
        )
        self._lake.copy(found, key)
        self._lake.put_json(
            self._lake.reason_key(key),
            {
                "dataset": self._contract.name,
                "file": original.source_file,
                "reason": reason,
                "run_id": self._report.run_id,
            },
        )
        self._files.refused += 1
        self._report.refused_files.append(RefusedFile(original.source_file, key, reason))
        logger.warning("%s refused: %s", original.source_file, reason)
        return key


def split_name(key: str) -> tuple[str, str]:
    """Return a file's name without its extension, and the extension: `.csv.gz` is one."""
    path = PurePosixPath(key)
    suffixes = path.suffixes[-2:] if path.suffix in (".gz", ".zip") else path.suffixes[-1:]
    extension = "".join(suffixes)
    if len(extension) > 20:
        extension = ""
    return path.name[: len(path.name) - len(extension)], extension


def digest_of(key: str, path: Path) -> str:
    """Return the digest that names all that becomes of a file: of its key and its content."""
    return hashlib.sha256(f"{key}\n{sha256(path)}".encode()).hexdigest()[:16]


def _is_folder(found: StoredObject) -> bool:
    return found.size == 0 and found.key.endswith("/")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the job from its command line."""
    job.configure()
    arguments = job.parse(job.parser(f"{__doc__}", of_dataset=True), argv)
    lake = Lake(s3_client(), arguments.bucket)
    contract = job.load_contract(lake, arguments.dataset)
    report = Report("ingest", arguments.dataset, arguments.run_id)
    Ingest(lake, contract, report).run()
    report.write(lake)


if __name__ == "__main__":
    main()
