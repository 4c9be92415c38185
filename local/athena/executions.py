"""Query executions: their states, from QUEUED to the result in S3."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from botocore.exceptions import ClientError
from sqlglot import exp

from local import endings, metrics
from local.athena import engine
from local.athena.engine import Cancellation, Result
from local.athena.errors import QueryFailedError, not_emulated
from local.athena.statements import Utility, run_utility
from local.athena.tables import Reader
from local.backends import backend
from local.errors import AwsError
from local.events.bus import emit
from local.iam.clients import client
from local.iam.principals import Principal
from local.lifecycle import on_stop
from local.operations import Json
from local.settings import settings

log = logging.getLogger(__name__)

ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")
_workers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="athena-query")


@dataclass(slots=True)
class Query:
    """One query execution."""

    sql: str
    workgroup: str
    context: Json
    parameters: list[str]
    configuration: Json
    scan_limit: int | None
    principal: Principal
    statement: exp.Query | Utility | QueryFailedError
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: str = "QUEUED"
    reason: str | None = None
    submitted: float = field(default_factory=time.time)
    started: float | None = None
    completed: float | None = None
    scanned: int = 0
    result: Result | None = None
    cancellation: Cancellation = field(default_factory=Cancellation)

    @property
    def is_utility(self) -> bool:
        """Whether it is a SHOW or DESCRIBE: its result is text, without a row of names."""
        return isinstance(self.statement, Utility)


_TOO_MANY = (
    "You have exceeded the limit for the number of queries you can run concurrently. Please reduce "
    "the number of concurrent queries submitted by this account. Contact customer support to "
    "request a concurrent query limit increase."
)
_lock = threading.RLock()
queries: dict[str, Query] = {}


def submit(query: Query) -> None:
    """Queue a query.

    Raises
    ------
    AwsError
        ``TooManyRequestsException``, when as many as the quota allows run or wait. SHOW and
        DESCRIBE do not count.
        Source: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
    """
    with _lock:
        active = sum(one.state not in ENDED and not one.is_utility for one in queries.values())
        if active >= settings().active_queries and not query.is_utility:
            raise AwsError("TooManyRequestsException", _TOO_MANY)
        queries[query.id] = query
    _announce(query, None)
    _workers.submit(_run, query)


def _run(query: Query) -> None:
    try:
        advance(query, "RUNNING")
        query.started = time.time()
        result = _compute(query)
        query.cancellation.check()
        _write(query, result)
        query.result = result
        advance(query, "SUCCEEDED")
    except QueryFailedError as failure:
        advance(query, failure.state, failure.reason)
    except Exception as error:
        log.exception("query %s failed", query.id)
        advance(query, "FAILED", f"GENERIC_INTERNAL_ERROR: {type(error).__name__}: {error}")


def _compute(query: Query) -> Result:
    if isinstance(query.statement, QueryFailedError):
        raise query.statement
    reader = Reader(query.principal)
    reader.check_default()
    database = (query.context.get("Database") or "default").lower()
    if isinstance(query.statement, Utility):
        return run_utility(query.statement, database, reader)

    def scanned(size: int) -> None:
        query.scanned = size

    return engine.run(
        query.statement,
        database,
        reader,
        scan_limit=query.scan_limit,
        cancellation=query.cancellation,
        scanned=scanned,
    )


def _write(query: Query, result: Result) -> None:
    """Write the result object and its ``.metadata`` with the permissions of the caller."""
    uri = query.configuration["OutputLocation"]
    place = urlsplit(uri)
    s3 = client("s3", query.principal.role_arn, query.principal.session or "local")
    try:
        for suffix, body in (("", _body(query, result)), (".metadata", b"")):
            s3.put_object(
                Bucket=place.netloc,
                Key=place.path.lstrip("/") + suffix,
                Body=body,
                ContentType="application/octet-stream",
                **_encryption(query.configuration),
            )
    except ClientError as error:
        raise QueryFailedError(
            "",
            f"Access denied when writing output to url: {uri} . Please ensure you are allowed to "
            f"access the S3 bucket. ({error.response['Error']['Message']})",
        ) from error


def _encryption(configuration: Json) -> dict[str, str]:
    """Return the encryption that the result's objects are put with."""
    chosen = configuration.get("EncryptionConfiguration") or {}
    match chosen.get("EncryptionOption"):
        case None:
            return {}
        case "SSE_S3":
            return {"ServerSideEncryption": "AES256"}
        case "SSE_KMS":
            return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": chosen["KmsKey"]}
        case option:
            raise not_emulated(f"the encryption {option} of results", "SSE_S3 and SSE_KMS are")


def _body(query: Query, result: Result) -> bytes:
    if query.is_utility:
        return "".join(f"{row[0]}\n" for row in result.rows).encode()
    # csv's own quoting cannot tell null, which Athena leaves bare, from the empty text.
    lines = [_csv_line([column.name for column in result.columns])]
    lines += [_csv_line(row) for row in result.rows]
    return "".join(lines).encode()


def _csv_line(values: list[str] | list[str | None]) -> str:
    return ",".join("" if v is None else '"' + v.replace('"', '""') + '"' for v in values) + "\n"


def advance(query: Query, state: str, reason: str | None = None) -> None:
    """Move a query to a state, unless it has ended."""
    with _lock:
        if query.state in ENDED:
            return
        previous, query.state = query.state, state
        if state in ENDED:
            query.reason, query.completed = reason, time.time()
    if state in ENDED:
        endings.ended(query.id)
    _announce(query, previous)
    if state in ENDED:
        _measure(query)


def _measure(query: Query) -> None:
    """Publish the metrics of an ended query, when its workgroup has that switched on.

    There is one series for the workgroup, and one for its queries of a type that ended alike.
    Source: https://docs.aws.amazon.com/athena/latest/ug/query-metrics-viewing.html
    """
    group = backend("athena").work_groups.get(query.workgroup)
    if not group or not group.configuration.get("PublishCloudWatchMetricsEnabled"):
        return
    ended = query.completed or time.time()
    started = query.started or ended
    measured = {
        "EngineExecutionTime": ended - started,
        "QueryQueueTime": started - query.submitted,
        "TotalExecutionTime": ended - query.submitted,
    }
    of_group = {"WorkGroup": query.workgroup}
    alike = {
        "QueryState": "CANCELED" if query.state == "CANCELLED" else query.state,
        "QueryType": "UTILITY" if query.is_utility else "DML",
        **of_group,
    }
    for dimensions in (of_group, alike):
        for name, seconds in measured.items():
            metrics.put("AWS/Athena", name, int(seconds * 1000), dimensions, "Milliseconds")
        metrics.put("AWS/Athena", "ProcessedBytes", query.scanned, dimensions, "Bytes")


def _announce(query: Query, previous: str | None) -> None:
    detail = {
        "versionId": "0",
        "currentState": query.state,
        "statementType": "UTILITY" if query.is_utility else "DML",
        "queryExecutionId": query.id,
        "workgroupName": query.workgroup,
        "sequenceNumber": "1" if previous is None else "2" if query.state == "RUNNING" else "3",
    }
    if previous:
        detail["previousState"] = previous
    emit("aws.athena", "Athena Query State Change", detail)


@on_stop
def _stop() -> None:
    _workers.shutdown(wait=False, cancel_futures=True)
    for query in list(queries.values()):
        query.cancellation.cancel()
