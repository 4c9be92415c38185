"""Requests for approval: find those that wait, show what is asked, approve or reject one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError
from rich.text import Text

from ops.display import console, indented, plural
from ops.errors import OpsError
from ops.executions import execution_arn, progress_of, running
from ops.history import Unit
from ops.progress import run_id
from ops.target import Target

# AWS says the same of a token that has expired and of one that was used.
_OVER = ("TaskTimedOut", "TaskDoesNotExist")
LONGEST_REASON = 1000


@dataclass(frozen=True)
class Request:
    """A dataset of a run that waits for a decision.

    Attributes
    ----------
    reasons
        The thresholds that were passed, as sentences.
    rows
        Rows in, out, refused, duplicate and filtered that would be published.
    refusals
        The most frequent reasons why rows were refused, each with its count.
    until
        When the request times out.
    """

    run: str
    dataset: str
    token: str
    since: datetime
    until: datetime | None
    reasons: Sequence[str]
    rows: dict[str, int]
    refusals: Sequence[dict[str, Any]]

    @classmethod
    def of(cls, run: str, unit: Unit) -> Request:
        """Request that a unit waits with."""
        report = unit.request.get("report") or {}
        held = report.get("held") or {}
        seconds = held.get("timeout_seconds")
        return cls(
            run=run,
            dataset=unit.item,
            token=unit.token or "",
            since=unit.started,
            until=unit.started + timedelta(seconds=seconds) if seconds else None,
            reasons=held.get("reasons") or [],
            rows=report.get("rows") or {},
            refusals=report.get("reasons") or [],
        )


def requests_of(target: Target, run: str) -> list[Request]:
    """Requests of a run that wait for an answer."""
    arn = execution_arn(target, run)
    return [Request.of(run_id(arn), unit) for unit in progress_of(target, arn).requests]


def waiting(target: Target) -> list[Request]:
    """Requests of all runs that wait for an answer, oldest first."""
    found = [request for arn in running(target) for request in requests_of(target, arn)]
    return sorted(found, key=lambda request: request.since)


def command(target: Target, verb: str, run: str, dataset: str) -> str:
    """Command that answers a request."""
    where = "" if target.session else " TARGET=aws"
    reason = " REASON='…'" if verb == "reject" else ""
    return f"make {verb} RUN={run} DATASET={dataset}{where}{reason}"


def announce(target: Target, run: str, unit: Unit) -> Iterator[Text]:
    """Lines that tell of a request when it begins to wait."""
    request = Request.of(run, unit)
    text = Text("  ? ", style="yellow")
    yield text.append(f"{unit.state:<17} {unit.item:<19} {'':>9}  waits for approval")
    for reason in request.reasons:
        yield Text(f"      {reason}")
    for verb in ("approve", "reject"):
        yield Text(f"      {command(target, verb, run, unit.item)}", style="cyan")


def show(target: Target, request: Request, *, commands: bool = True) -> None:
    """Print what is asked, and how to answer."""
    console.print(Text(f"  Run {request.run}, dataset {request.dataset}", style="bold yellow"))
    since = f"{request.since.astimezone(UTC):%Y-%m-%d %H:%M}"
    until = f", until {request.until.astimezone(UTC):%Y-%m-%d %H:%M}" if request.until else ""
    indented(f"waits for approval since {since}{until} (UTC)", "dim")
    for text in _details(request):
        indented(text)
    if commands:
        for verb in ("approve", "reject"):
            text = f"    {command(target, verb, request.run, request.dataset)}"
            console.print(Text(text, style="cyan"), soft_wrap=True)


def _details(request: Request) -> Iterator[str]:
    for reason in request.reasons:
        yield f"why: {reason}"
    rows = request.rows
    if rows:
        others = ("refused", "duplicate", "filtered")
        left_out = "".join(f", {rows[name]:,} {name}" for name in others if rows.get(name))
        yield (
            f"asked for: the table {request.dataset} anew, "
            f"{rows.get('out', 0):,} of {rows.get('in', 0):,} rows of raw{left_out}"
        )
    for item in request.refusals:
        yield f"refused: {plural(item.get('rows', 0), 'row')}: {item.get('reason', '')}"


def show_all(target: Target, found: Iterable[Request]) -> None:
    """Print all requests with their commands."""
    for request in found:
        show(target, request)


def approve(target: Target, run: str = "", dataset: str = "", token: str = "") -> None:
    """Approve the request of a dataset of a run, or the only one that waits.

    Raises
    ------
    OpsError
        None waits, more than one does, or it is over.
    """
    request = _chosen(target, "approve", run, dataset, token)
    with _sending(target, request):
        target.stepfunctions.send_task_success(
            taskToken=request.token if request else token, output="{}"
        )
    _said("Approved", request, "The dataset is transformed again and published; the run goes on.")


def reject(
    target: Target, run: str = "", dataset: str = "", reason: str = "", token: str = ""
) -> None:
    """Reject the request of a dataset of a run, or the only one that waits.

    Raises
    ------
    OpsError
        No reason is given, none waits, more than one does, or it is over.
    """
    if not reason.strip():
        raise OpsError(
            "A reason is needed: the result and the mail of the run will tell it.",
            hint="For example: make reject REASON='the supplier sends the file anew'",
        )
    if len(reason) > LONGEST_REASON:
        raise OpsError(
            f"REASON has {len(reason):,} characters; {LONGEST_REASON:,} are allowed.",
            hint="Shorten it.",
        )
    request = _chosen(target, "reject", run, dataset, token)
    with _sending(target, request):
        target.stepfunctions.send_task_failure(
            taskToken=request.token if request else token, error="Rejected", cause=reason
        )
    _said("Rejected", request, "The table stays as it is; the run will end FAILED and tell why.")


def _said(what: str, request: Request | None, then: str) -> None:
    about = f": run {request.run}, dataset {request.dataset}." if request else "."
    console.print(Text(f"  {what}{about}", style="bold green"))
    console.print(Text(f"  {then} See it: make status{f' RUN={request.run}' if request else ''}"))


def _chosen(target: Target, verb: str, run: str, dataset: str, token: str) -> Request | None:
    """Find the one request that is meant, and print what is decided; none for a bare token."""
    if token and (run or dataset):
        raise OpsError(
            "TOKEN was given, and RUN or DATASET as well.",
            hint="A token names one request by itself: leave the others out.",
        )
    if token:
        return None
    found = requests_of(target, run) if run else waiting(target)
    meant = [request for request in found if dataset in ("", request.dataset)]
    if len(meant) == 1:
        show(target, meant[0], commands=False)
        return meant[0]
    if meant:
        show_all(target, meant)
        raise OpsError(
            f"{plural(len(meant), 'request')} wait for approval: say which one is meant.",
            hint=f"For example: {command(target, verb, meant[0].run, meant[0].dataset)}",
        )
    show_all(target, found)
    if run:
        raise OpsError(_why_none(target, run, dataset), hint="See it: make status")
    if found:
        raise OpsError(f"No request of dataset {dataset} waits for approval; those above do.")
    raise OpsError(
        "No run waits for approval.",
        hint="What the last runs do: make status. A run that began to wait just now may be "
        "listed a little later: name it with RUN=",
    )


def _why_none(target: Target, run: str, dataset: str) -> str:
    """Why a run has no such request: it is over, or there never was one."""
    arn = execution_arn(target, run)
    of = f" of dataset {dataset}" if dataset else ""
    answers = [
        f"that of dataset {unit.item} {answer(unit)}"
        for unit in progress_of(target, arn).units
        if unit.awaits == "approval" and not unit.token and dataset in ("", unit.item)
    ]
    if answers:
        return f"No request{of} of run {run_id(arn)} waits: {'; '.join(answers)}."
    status = target.stepfunctions.describe_execution(executionArn=arn)["status"]
    return f"Run {run_id(arn)} ({status}) has not asked for an approval{of}."


def answer(unit: Unit) -> str:
    """How a request for approval ended, to follow its name."""
    when = f" at {unit.ended.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if unit.ended else ""
    error, cause = unit.error or ("", "")
    if error == "Rejected":
        return f"was rejected{when}: {cause or 'no reason was given'}"
    if error in ("States.Timeout", "TaskTimedOut"):
        return f"has timed out{when}: nobody answered"
    if error:
        return f"failed{when}: {error}: {cause}"
    return f"was approved{when}"


@contextmanager
def _sending(target: Target, request: Request | None) -> Iterator[None]:
    """Say in the project's words why Step Functions does not take an answer."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "InvalidToken":
            raise OpsError(
                "Step Functions does not know this token.",
                hint="Take the whole of it from the mail, in quotes: make approve TOKEN='…'. "
                "Or without it: make approve RUN=<id> DATASET=<name>",
            ) from error
        if code not in _OVER:
            raise
        if request is None:
            text = "The request of this token is over: it was answered already, or has timed out."
        else:
            text = _why_none(target, request.run, request.dataset)
        raise OpsError(text, hint="How the run goes on: make status") from error
