"""Take the files of one dataset from incoming/ or its server (or make its sample) to raw/.

Each file becomes one Parquet object in raw/, and is then moved to archive/. A file that cannot be
read is moved to quarantine/ with the reason; the other files go on. A run that dies at any point
and is repeated ends in the same place, and so do several runs at once.
"""

from __future__ import annotations

import bootstrap

if __name__ == "__main__":
    bootstrap.start("ingest", unused=("duckdb", "sqlglot"))

import logging
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from datetime import datetime, timezone
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from medallion.contract.contract import Contract
from medallion.errors import ConfigError, FileRefused, SourceFailed
from medallion.lake.local_disk import require_free
from medallion.lake.objects import Deletion, Lake, StoredObject, is_gone
from medallion.readers import raw_object, samples
from medallion.readers.raw_object import RawObject
from medallion.runs import failures, job
from medallion.runs.file_list import ACCEPTED, REFUSED, UNCHANGED, FileList, FileOutcome
from medallion.runs.originals import Original, digest_of, split_name
from medallion.runs.progress import Progress
from medallion.runs.report import Report
from medallion.runs.seen_files import SeenFiles
from medallion.runs.settled import Settled
from medallion.sources.fetch import Fetch, Fetched
from medallion.sources.memory import Memory, recall, remember

logger = logging.getLogger("ingest")

# Up to this size, files are moved side by side: what takes their time is waiting for S3.
_SMALL = 8 << 20
_THREADS = 8


class Ingest:
    """One run of the job on one dataset."""

    def __init__(
        self,
        lake: Lake,
        contract: Contract,
        report: Report,
        threads: int = _THREADS,
        *,
        fetch: Fetch | None = None,
        code: str | None = None,
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
        self._fetch = fetch
        if fetch is None and contract.source.http is not None:
            self._fetch = Fetch(contract.source.http, datetime.now(timezone.utc))
        self._settled = Settled(lake, contract.name, report.run_id, code)

    def run(self) -> None:
        """Ingest everything that there is, and fill the report."""
        self._outcomes.resume()
        self._seen.take_over(self._report)
        try:
            with self._reader:
                if self._contract.source.type == "sample":
                    self._run_sample()
                else:
                    failure = self._run_source()
                    self._run_incoming()
                    if failure is not None:
                        raise failure
        except Exception:
            self._save_after_failure()
            raise
        self._outcomes.save()
        self._outcomes.fill(self._report)
        if self._fetch is not None:
            news = any(found.outcome != UNCHANGED for found in self._outcomes)
            self._report.idle = not news and self._settled.is_settled()
            if not self._report.idle:
                self._settled.take()

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
        original = Original(
            source_file=found.key,
            path=path,
            date=found.last_modified.astimezone(timezone.utc).strftime("%Y-%m-%d"),
            stem=stem,
            extension=extension,
            digest=digest_of(found.key, path),
        )
        names = original.names(self._contract.name)
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

    def _run_source(self) -> SourceFailed | None:
        """Fetch what the contract's source has; return why that ended, if it failed.

        What has come until then is in raw/, and what was dropped meanwhile is not kept waiting.
        """
        if self._fetch is None:
            return None
        memory = recall(self._lake, self._contract.name, self._fetch.identity)
        fetched = 0
        try:
            with tempfile.TemporaryDirectory(prefix="ingest-") as temporary:
                directory = Path(temporary)
                for found in self._fetch.run(directory, memory.version if memory else None):
                    self._ingest_fetched(found, self._fetch, directory)
                    fetched += 1
        except SourceFailed as error:
            logger.error("the source failed after %d files: %s", fetched, error)
            return error
        if memory is not None and not fetched:
            outcome = FileOutcome(self._fetch.request.url, memory.size, UNCHANGED)
            outcome.raw, outcome.archive = memory.raw, memory.archive
            self._outcomes.add(outcome)
        return None

    def _ingest_fetched(self, found: Fetched, fetch: Fetch, directory: Path) -> None:
        stem, extension = split_name(found.name)
        original = Original(
            # The time makes the later one of two versions the newer.
            source_file=f"{found.source} {fetch.moment.strftime('%Y-%m-%dT%H:%M:%SZ')}",
            path=found.path,
            date=fetch.moment.strftime("%Y-%m-%d"),
            stem=stem,
            extension=extension,
            digest=digest_of(found.source, found.path),
            rows=found.rows,
        )
        names = original.names(self._contract.name)
        try:
            if found.refused is not None:
                raise FileRefused(found.refused)
            with tempfile.TemporaryDirectory(dir=directory) as scratch:
                outcome = self._load(original, Path(scratch))
        except FileRefused as error:
            size = found.path.stat().st_size
            outcome = FileOutcome(found.source, size, REFUSED, reason=error.reason)
            outcome.moved_to = self._lake.refused_file_key(*names)
            self._lake.put_file(outcome.moved_to, original.path)
            self._explain(outcome, outcome.moved_to)
        else:
            outcome.file = found.source
            outcome.archive = self._lake.archive_key(*names)
            # Straight into archive/: nothing arrives in incoming/, so no arrival is announced.
            self._lake.put_if_changed(outcome.archive, original.path)
        self._outcomes.add(outcome)
        self._progress.say_outcome(outcome)
        if outcome.raw and outcome.archive and found.version is not None:
            memory = Memory(
                fetch.identity, found.version, outcome.size, outcome.raw, outcome.archive
            )
            remember(self._lake, self._contract.name, memory)

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
            original = Original(key, path, samples.DATA_DATE, table, ".csv", digest)
            try:
                outcome = self._load(original, directory)
            except FileRefused as error:
                raise ConfigError(
                    f"the contract of {self._contract.name!r} does not fit the sample {table!r} "
                    f"({', '.join(samples.COLUMNS[table])}): {error.reason}"
                ) from error
        outcome.archive = key
        self._outcomes.add(outcome)

    def _load(self, original: Original, directory: Path) -> FileOutcome:
        """Bring the file's rows to raw/, unless they are there."""
        size = original.path.stat().st_size
        outcome = FileOutcome(original.source_file, size, UNCHANGED)
        outcome.raw = self._seen.raw_of(original.digest)
        if outcome.raw is None:
            started = time.monotonic()
            reading = self._reader.submit(
                raw_object.build,
                original.rows or original.path,
                original.source_file,
                self._contract,
                directory,
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
            if self._fetch is not None:
                # Before there is news, so that a run that dies in between leaves none unheard of.
                self._settled.begin()
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
        self._progress.say_accepted(outcome, raw.formats, self._lake.bucket, seconds)

    def _keep(self, original: Original, found: StoredObject, key: str) -> None:
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
    Ingest(lake, contract, report, code=arguments.code).run()
    report.write(lake)


if __name__ == "__main__":
    main()
