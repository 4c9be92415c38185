"""Take the files of one dataset from incoming/ (or make its sample) to raw/.

Each file becomes one Parquet object in raw/, and is then moved to archive/. A file that cannot be
read is moved to quarantine/ with the reason; the other files go on. A run that dies at any point
and is repeated ends in the same place, and so do several runs at once.
"""

from __future__ import annotations

import bootstrap

if __name__ == "__main__":
    bootstrap.start("ingest", unused=("duckdb", "sqlglot"))

import hashlib
import logging
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timezone
from pathlib import Path, PurePosixPath

from botocore.exceptions import BotoCoreError, ClientError

from medallion.contract.contract import Contract
from medallion.errors import ConfigError, FileRefused
from medallion.lake.local_disk import require_free
from medallion.lake.objects import Deletion, Lake, StoredObject, is_gone, sha256
from medallion.readers import raw_object, samples
from medallion.readers.raw_object import RawObject
from medallion.runs import failures, job
from medallion.runs.file_list import ACCEPTED, REFUSED, UNCHANGED, FileList, FileOutcome
from medallion.runs.progress import Progress
from medallion.runs.report import Report
from medallion.runs.seen_files import SeenFiles

logger = logging.getLogger("ingest")

# Up to this size, files are moved side by side: what takes their time is waiting for S3.
_SMALL = 8 << 20
_THREADS = 8


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

    def __init__(
        self, lake: Lake, contract: Contract, report: Report, threads: int = _THREADS
    ) -> None:
        self._lake = lake
        self._contract = contract
        self._report = report
        self._threads = threads
        self._outcomes = FileList(lake, report.run_id, contract.name)
        self._progress = Progress(self._outcomes)
        # One file is read at a time, for it may take all the memory, and always by one thread, for
        # each thread keeps some of what it has once taken.
        self._reader = ThreadPoolExecutor(1)
        self._seen = SeenFiles(lake, contract.name)

    def run(self) -> None:
        """Ingest everything that there is, and fill the report."""
        self._outcomes.resume()
        self._seen.take_over(self._report)
        try:
            with self._reader:
                if self._contract.source.type == "sample":
                    self._run_sample()
                else:
                    self._run_incoming()
        except Exception:
            self._save_after_failure()
            raise
        self._outcomes.save()
        self._outcomes.fill(self._report)

    def _run_incoming(self) -> None:
        prefix = self._lake.incoming_prefix(self._contract.name)
        # The whole list first: the threads take away what it lists.
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
        self._progress.start(len(waiting))
        self._ingest_together(found for found in waiting if found.size <= _SMALL)
        for found in waiting:
            if found.size > _SMALL:
                self._ingest_alone(found)

    def _ingest_together(self, files: Iterable[StoredObject]) -> None:
        with ThreadPoolExecutor(self._threads) as pool:
            futures = [pool.submit(self._ingest_alone, found) for found in files]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                # What has begun comes to its end; after a failure, nothing else begins.
                for future in futures:
                    future.cancel()
        for future in futures:
            if not future.cancelled():
                future.result()

    def _ingest_alone(self, listed: StoredObject) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="ingest-") as temporary:
                self._ingest_incoming(listed, Path(temporary))
        except Exception:
            logger.error("failed at %s, which stays where it is", listed.key)
            raise
        self._progress.step()

    def _ingest_incoming(self, listed: StoredObject, directory: Path) -> None:
        path = directory / "original"
        found = self._download(listed, path)
        if found is None:
            self._progress.say(logging.INFO, "%s is gone: another run has taken it", listed.key)
            return
        stem, extension = split_name(found.key)
        original = _Original(
            source_file=found.key,
            path=path,
            date=found.last_modified.astimezone(timezone.utc).strftime("%Y-%m-%d"),
            stem=stem,
            extension=extension,
            digest=digest_of(found.key, path),
        )
        names = (self._contract.name, original.date, stem, original.digest, extension)
        try:
            outcome = self._load(original, directory)
        except FileRefused as error:
            outcome = FileOutcome(found.key, found.size, REFUSED, reason=error.reason)
            target = outcome.moved_to = self._lake.refused_file_key(*names)
            self._keep(original, found, target)
            self._explain(outcome, target)
        else:
            target = outcome.archive = self._lake.archive_key(*names)
            if outcome.outcome == ACCEPTED:
                # Also if the rest fails, and is left to the next run.
                self._outcomes.add(outcome)
            self._keep(original, found, target)
        deletion = self._lake.delete_if_unchanged(found)
        if deletion is Deletion.GONE and outcome.outcome != ACCEPTED:
            self._progress.say(logging.INFO, "%s was taken by another run meanwhile", found.key)
            return
        if deletion is Deletion.CHANGED:
            outcome.warnings.append(
                "it was replaced while it was read; what is there now stays for the next run"
            )
        self._outcomes.add(outcome)
        self._progress.say_outcome(outcome)

    def _download(self, listed: StoredObject, path: Path) -> StoredObject | None:
        """Return what is there now, and download just that; None when it has been taken."""
        # The file, and about as much for what it becomes.
        require_free(path.parent, 2 * listed.size)
        self._progress.say(logging.INFO, "reading %s (%s bytes)", listed.key, f"{listed.size:,}")
        if listed.size <= _SMALL:
            found = self._lake.fetch(listed.key, path, _SMALL)
        else:
            found = self._lake.head(listed.key)
        if found is not None and not path.exists():
            require_free(path.parent, 2 * found.size)
            try:
                self._lake.download(found, path)
            except ClientError as error:
                if is_gone(error):
                    return None
                raise
        return found

    def _run_sample(self) -> None:
        source = self._contract.source
        table, rows = source.table, source.rows
        if table is None or rows is None:
            raise ConfigError(f"the sample of {self._contract.name!r} needs a table and rows")
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
                outcome = self._load(original, directory)
            except FileRefused as error:
                raise ConfigError(
                    f"the contract of {self._contract.name!r} does not fit the sample {table!r} "
                    f"({', '.join(samples.COLUMNS[table])}): {error.reason}"
                ) from error
        outcome.archive = key
        self._outcomes.add(outcome)

    def _load(self, original: _Original, directory: Path) -> FileOutcome:
        """Bring the file's rows to raw/, unless they are there."""
        size = original.path.stat().st_size
        outcome = FileOutcome(original.source_file, size, UNCHANGED)
        outcome.raw = self._seen.raw_of(original.digest)
        if outcome.raw is None:
            started = time.monotonic()
            reading = self._reader.submit(
                raw_object.build, original.path, original.source_file, self._contract, directory
            )
            raw = reading.result()
            dataset = self._contract.name
            if raw.refused:
                # Before the raw object, whose presence says that the file is done.
                self._lake.put_file(
                    self._lake.ingest_refused_rows_key(dataset, original.digest), raw.refused
                )
            key = self._lake.raw_key(dataset, original.date, original.stem, original.digest)
            outcome.raw = self._seen.note(original.digest, key)
            if self._lake.put_new(outcome.raw, raw.path):
                self._accept(outcome, raw, time.monotonic() - started)
        if outcome.outcome == UNCHANGED:
            self._progress.say(
                logging.INFO, "%s is in raw/ already: no rows added", original.source_file
            )
        return outcome

    def _accept(self, outcome: FileOutcome, raw: RawObject, seconds: float) -> None:
        outcome.outcome = ACCEPTED
        outcome.formats = raw.kinds
        outcome.compression = raw.compression
        outcome.rows = {"in": raw.rows_in, "out": raw.rows_out, "refused": raw.rows_refused}
        outcome.reasons = raw.reasons
        outcome.warnings = raw.warnings
        outcome.bytes_written = raw.path.stat().st_size
        self._progress.say(
            logging.INFO,
            "%s: %s, %s rows in, %s out, %s refused -> s3://%s/%s (%s bytes, %.1f s)",
            outcome.file,
            ", ".join(raw.formats),
            f"{raw.rows_in:,}",
            f"{raw.rows_out:,}",
            f"{raw.rows_refused:,}",
            self._lake.bucket,
            outcome.raw,
            f"{outcome.bytes_written:,}",
            seconds,
        )
        for reason, times in raw.reasons.most_common(3):
            self._progress.say(
                logging.WARNING, "%s: %d rows refused: %s", outcome.file, times, reason
            )

    def _keep(self, original: _Original, found: StoredObject, key: str) -> None:
        """Keep the file at `key`, also when the version that was read is no longer there."""
        if not self._lake.copy(found, key):
            self._lake.put_file(key, original.path)

    def _explain(self, outcome: FileOutcome, key: str) -> None:
        """Put the reason beside a refused file."""
        self._lake.put_json(
            self._lake.reason_key(key),
            {
                "dataset": self._contract.name,
                "file": outcome.file,
                "reason": outcome.reason,
                "run_id": self._report.run_id,
            },
        )

    def _save_after_failure(self) -> None:
        try:
            self._outcomes.save()
        except (BotoCoreError, ClientError):
            logger.exception("s3://%s/%s cannot be written", self._lake.bucket, self._outcomes.key)


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
    with failures.recorded("ingest", argv):
        _run(argv)


def _run(argv: Sequence[str] | None) -> None:
    arguments = job.parse(job.parser(f"{__doc__}", of_dataset=True), argv)
    lake = job.open_lake("ingest", arguments)
    contract = job.load_contract(lake, arguments.dataset)
    report = Report("ingest", arguments.dataset, arguments.run_id)
    Ingest(lake, contract, report).run()
    report.write(lake)


if __name__ == "__main__":
    main()
