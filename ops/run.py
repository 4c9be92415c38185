"""Start the pipeline and show it live: a line a unit of work, and what failed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ops.display import console, duration, plural
from ops.errors import OpsError, RunFailed
from ops.history import History, Unit
from ops.target import Target

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef

STARTS = ("ingest", "transform")
LOCAL_POLL_SECONDS = 0.3
AWS_POLL_SECONDS = 3.0
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


def start(target: Target, datasets: Sequence[str] = (), begin: str | None = None) -> str:
    """Start an execution of the pipeline and return its ARN.

    Raises
    ------
    OpsError
        A dataset or the starting point is unknown.
    """
    known = target.outputs.dataset_names
    unknown = [name for name in datasets if name not in known]
    if unknown:
        raise OpsError(
            f"Unknown dataset: {', '.join(unknown)}.", hint=f"Configured are: {', '.join(known)}."
        )
    if begin is not None and begin not in STARTS:
        raise OpsError(f"FROM is {begin!r}.", hint=f"Allowed are: {', '.join(STARTS)}.")
    document: dict[str, Any] = {}
    if datasets:
        document["datasets"] = list(datasets)
    if begin:
        document["from"] = begin
    name = datetime.now(UTC).strftime("manual-%Y%m%dT%H%M%S.%f")[:-3]
    answer = target.stepfunctions.start_execution(
        stateMachineArn=target.outputs.pipeline_arn, name=name, input=json.dumps(document)
    )
    return answer["executionArn"]


def run_id(execution_arn: str) -> str:
    return execution_arn.rsplit(":", 1)[-1]


def events(target: Target, execution_arn: str, after: int = 0) -> Iterator[list[dict[str, Any]]]:
    """Pages of the execution's history, oldest event first.

    What is known already is not read again where only the end is new: then the newest events are
    read backwards until the one that is known.
    """
    pages: list[list[dict[str, Any]]] = []
    arguments: dict[str, Any] = {"executionArn": execution_arn, "maxResults": 1000}
    if after:
        arguments["reverseOrder"] = True
    while True:
        answer = target.stepfunctions.get_execution_history(**arguments)
        page: list[dict[str, Any]] = [dict(event) for event in answer["events"]]
        if after:
            pages.append(list(reversed(page)))
            if page[-1]["id"] <= after:
                break
        else:
            yield page
        token = answer.get("nextToken")
        if not token:
            break
        arguments["nextToken"] = token
    yield from reversed(pages)


def follow(target: Target, execution_arn: str) -> DescribeExecutionOutputTypeDef:
    """Show the execution until it ends; return its description."""
    history = History()
    pause = LOCAL_POLL_SECONDS if target.session else AWS_POLL_SECONDS
    with Live(console=console, refresh_per_second=8, transient=True) as live:
        while True:
            description = target.stepfunctions.describe_execution(executionArn=execution_arn)
            for page in events(target, execution_arn, history.last_id):
                for unit in history.feed(page):
                    show(live, unit)
            live.update(_running(history) if console.is_terminal else Text(""))
            if description["status"] != "RUNNING":
                break
            time.sleep(pause)
        for unit in history.close(description.get("stopDate", datetime.now(UTC))):
            unit.error = unit.error or (description["status"], "It was cut off.")
            show(live, unit)
    return description


def show(live: Live, unit: Unit) -> None:
    """Print the line of a unit that has ended."""
    line = unit_line(unit)
    if line is not None:
        live.console.print(line, no_wrap=True, overflow="ellipsis")


def unit_line(unit: Unit) -> Text | None:
    """Text of the line of a unit that has ended; none for one that nobody cares to see."""
    error = problem(unit)
    if unit.quiet and not error:
        return None
    failed_checks = unit.output.get("checks") == "FAILED"
    bad = bool(error) or failed_checks
    line = Text("  ")
    line.append("✘ " if bad else "✔ ", style="red" if bad else "green")
    line.append(f"{unit.state:<17}")
    line.append(f" {unit.item:<14}", style="cyan")
    line.append(f" {duration(unit.seconds):>9}  ", style="dim")
    line.append(error or counts(unit), style="red" if bad else "")
    return line


def problem(unit: Unit) -> str:
    """What failed in a unit, in one line; empty when nothing did."""
    failure = unit.output.get("failure")
    if isinstance(failure, dict) and failure.get("error"):
        return _one_line(f"{failure.get('error', '')}: {failure.get('cause', '')}")
    if unit.error:
        return _one_line(f"{unit.error[0]}: {unit.error[1]}")
    return ""


def _one_line(text: str, width: int = 160) -> str:
    text = " ".join(text.split()).removesuffix(":")
    return text if len(text) <= width else f"{text[: width - 1]}…"


def counts(unit: Unit) -> str:
    """What a unit did, in numbers: rows and files of a job, checks that failed."""
    report = unit.output.get("report")
    if isinstance(report, dict):
        return ", ".join(_report_counts(report))
    checks = unit.output.get("checks")
    if isinstance(checks, str):
        failed = unit.output.get("failed_checks") or []
        found = "; ".join(f"{item.get('check')} found {item.get('found')}" for item in failed)
        return _one_line(f"checks {checks.lower()}{': ' + found if found else ''}")
    return f"after {unit.attempts} attempts" if unit.attempts > 1 else ""


def _report_counts(report: dict[str, Any]) -> Iterator[str]:
    rows = report["rows"]
    files = report.get("files")
    if files:
        yield f"{plural(files['accepted'], 'file')}, {plural(rows['out'], 'row')}"
        for name in ("refused", "unchanged"):
            if files.get(name):
                yield f"{plural(files[name], 'file')} {name}"
        if rows["refused"]:
            yield f"{plural(rows['refused'], 'row')} refused"
        return
    yield f"{plural(rows['in'], 'row')} in, {rows['out']:,} out"
    for name in ("refused", "duplicate", "filtered"):
        if rows[name]:
            yield f"{rows[name]:,} {name}"


def _running(history: History) -> Table:
    """Units that are at work now, with the time since they began."""
    view = Table.grid()
    moment = datetime.now(UTC)
    frame = _SPINNER[int(time.monotonic() * 8) % len(_SPINNER)]
    for unit in history.units:
        if unit.ended is None and not unit.quiet:
            seconds = max(0.0, (moment - unit.started).total_seconds())
            text = f"  {frame} {unit.state:<17} {unit.item:<14} {duration(seconds):>9}"
            view.add_row(Text(text, style="dim"))
    return view


def result_of(target: Target, execution_arn: str) -> dict[str, Any] | None:
    """Result document of a run, or None when the run did not get as far as writing it."""
    key = f"runs/{run_id(execution_arn)}/result.json"
    try:
        body = target.s3.get_object(Bucket=target.outputs.bucket_name, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise
    document: dict[str, Any] = json.loads(body)
    return document


def failures_of(
    description: DescribeExecutionOutputTypeDef, result: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """Failures of a run: those of its result, else what Step Functions says."""
    if result and result["failures"]:
        failures: list[dict[str, Any]] = result["failures"]
        return failures
    error, cause = description.get("error"), description.get("cause")
    return [{"state": "pipeline", "error": error or description["status"], "cause": cause or ""}]


def print_failures(failures: Sequence[dict[str, Any]]) -> None:
    """Print each failure with all that is needed to find its reason."""
    for failure in failures:
        where = failure["state"] + (
            f", dataset {failure['dataset']}" if failure.get("dataset") else ""
        )
        console.print(Text(f"\n  ✘ {where}", style="bold red"))
        error, cause = failure.get("error", ""), failure.get("cause") or ""
        console.print(Text(f"    {error}: {cause}" if cause else f"    {error}"))
        if failure.get("job_run_id"):
            console.print(Text(f"    job run  {failure['job_run_id']}", style="dim"))
        if failure.get("log_group"):
            text = f"    log      {failure['log_group']} {failure.get('log_stream') or ''}"
            console.print(Text(text, style="dim"))


def execute(
    target: Target,
    datasets: Sequence[str] = (),
    begin: str | None = None,
    *,
    outlives_us: bool = True,
) -> str:
    """Start the pipeline, show it to its end, and return the execution's ARN.

    On ^C it says that the run goes on, unless what it runs on does not outlive this process.

    Raises
    ------
    RunFailed
        The run ended other than SUCCEEDED; its failures have been printed.
    """
    arn = start(target, datasets, begin)
    console.print(f"[dim]Run {run_id(arn)}[/dim]")
    try:
        description = follow(target, arn)
    except KeyboardInterrupt:
        if outlives_us:
            console.print(f"\nThe run goes on by itself. See it: make status RUN={run_id(arn)}")
        raise
    seconds = (description["stopDate"] - description["startDate"]).total_seconds()
    status = description["status"]
    if status != "SUCCEEDED":
        print_failures(failures_of(description, result_of(target, arn)))
        raise RunFailed(
            f"The run ended {status} after {duration(seconds)}.",
            hint=f"Job logs: make logs RUN={run_id(arn)}. A run may be repeated: make run",
        )
    console.print(f"  [bold green]SUCCEEDED[/bold green] in {duration(seconds)}")
    return arn
