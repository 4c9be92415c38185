"""What a job leaves in the bucket when it fails: Glue's own message is no more than an exit code.

runs/<run id>/errors/<job>-<dataset or stage>.json holds what ended the job; state machines and
mails take the cause from there. A job that is killed leaves none.

Nothing but the standard library is imported at the top: the imports of a job may be what fails.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from types import TracebackType

logger = logging.getLogger("failures")

_MOST_CHARACTERS = 2000
_OF_STAGES = {"model"}
# Errors that are on their way out, and recorded.
_told: list[BaseException] = []


def watch(job: str) -> None:
    """Record an import that fails: what ends the script before its `main`."""

    def _record(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if error not in _told:
            record(job, error, sys.argv[1:])
        sys.__excepthook__(kind, error, trace)

    sys.excepthook = _record


@contextmanager
def recorded(job: str, argv: Sequence[str] | None = None) -> Iterator[None]:
    """Record what ends the job inside, and let it pass; an exit with code 0 is no failure."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, SystemExit) or error.code:
            _told.append(error)
            record(job, error, sys.argv[1:] if argv is None else argv)
        raise


def record(job: str, error: BaseException, argv: Sequence[str]) -> None:
    """
    Write the error file of a job; that this fails is logged, and no more.

    Parameters
    ----------
    job
        ingest, transform or model.
    error
        What ended the job.
    argv
        The job's arguments, as it was given them: they may be what is wrong.
    """
    if isinstance(error, MemoryError):
        # What the frames hold is what there is too little of.
        traceback.clear_frames(error.__traceback__)
    given = _values(argv)
    of = "stage" if job in _OF_STAGES else "dataset"
    missing = [f"--{name}" for name in ("bucket", "run-id", of) if not given.get(name)]
    if missing:
        logger.error("no error file is written: %s missing", ", ".join(missing))
        return
    try:
        _write(job, of, error, given)
    except Exception:
        logger.exception("the error file of run %s cannot be written", given["run-id"])


def _write(job: str, of: str, error: BaseException, given: dict[str, str]) -> None:
    from medallion.lake.objects import Lake, s3_client  # noqa: PLC0415 - may be what fails

    lake = Lake(s3_client(), given["bucket"])
    kind, message = _described(error)
    document = {
        "job": job,
        of: given[of],
        "run_id": given["run-id"],
        "type": kind,
        "message": _shortened(_without_credentials(message)),
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    # Glue tells its Spark jobs the name of their log stream; of the group it tells nobody.
    if given.get("JOB_RUN_ID"):
        document["log_stream"] = given["JOB_RUN_ID"]
    key = lake.error_key(given["run-id"], job, given[of])
    lake.put_json(key, document)
    logger.info("what ended the job is in s3://%s/%s", lake.bucket, key)


def _described(error: BaseException) -> tuple[str, str]:
    """Return type and message; of an exit, those of what led to it."""
    if isinstance(error, SystemExit):
        if error.__cause__ is not None:
            return _described(error.__cause__)
        if not isinstance(error.code, str):
            return "SystemExit", f"the job ended itself with exit code {error.code}"
    return type(error).__name__, str(error)


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST_CHARACTERS else f"{line[: _MOST_CHARACTERS - 1]}…"


def _without_credentials(text: str) -> str:
    import boto3  # noqa: PLC0415 - may be what fails

    session = boto3.DEFAULT_SESSION
    credentials = session.get_credentials() if session else None
    if credentials:
        frozen = credentials.get_frozen_credentials()
        for secret in (frozen.secret_key, frozen.token):
            if secret:
                text = text.replace(secret, "***")
    return text


def _values(argv: Sequence[str]) -> dict[str, str]:
    """Return the values of arguments `--name value` and `--name=value`."""
    values: dict[str, str] = {}
    for one, after in zip(argv, [*argv[1:], ""]):
        if one.startswith("--"):
            name, given, value = one[2:].partition("=")
            values[name] = value if given else "" if after.startswith("--") else after
    return values
