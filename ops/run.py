"""Start the pipeline and show it live: a line a unit of work, and what failed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.live import Live
from rich.table import Table
from rich.text import Text

from ops import approvals, models
from ops.display import console, duration, note
from ops.errors import OpsError, RunFailed
from ops.history import Unit
from ops.progress import Progress, run_id, unit_line, waiting_line
from ops.target import Target

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef

STARTS = ("ingest", "transform", "model")
LOCAL_POLL_SECONDS = 0.3
AWS_POLL_SECONDS = 3.0
# What a failure may name.
_SUBJECTS = ("dataset", "stage", "model")
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


def start(
    target: Target,
    datasets: Sequence[str] = (),
    begin: str | None = None,
    stages: Sequence[str] = (),
    *,
    rebuild: bool = False,
) -> str:
    """Start an execution of the pipeline and return its ARN.

    Parameters
    ----------
    datasets, stages
        Names; none for all.
    begin
        One of `STARTS`; the first by default.
    rebuild
        Whether models are built also where nothing has changed.

    Raises
    ------
    OpsError
        A dataset, a stage or the starting point is unknown.
    """
    _require_known("dataset", datasets, target.outputs.dataset_names)
    _require_known("stage", stages, target.outputs.stage_names)
    if begin is not None and begin not in STARTS:
        raise OpsError(f"FROM is {begin!r}.", hint=f"Allowed are: {', '.join(STARTS)}.")
    document: dict[str, Any] = {}
    if datasets:
        document["datasets"] = list(datasets)
    if begin:
        document["from"] = begin
    if stages:
        document["stages"] = list(stages)
    if rebuild:
        document["rebuild"] = True
    name = datetime.now(UTC).strftime("manual-%Y%m%dT%H%M%S.%f")[:-3]
    answer = target.stepfunctions.start_execution(
        stateMachineArn=target.outputs.pipeline_arn, name=name, input=json.dumps(document)
    )
    return answer["executionArn"]


def _require_known(kind: str, names: Sequence[str], known: Sequence[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        hint = f"Configured are: {', '.join(known)}." if known else f"No {kind} is configured."
        raise OpsError(f"Unknown {kind}: {', '.join(unknown)}.", hint=hint)


def follow(target: Target, execution_arn: str) -> DescribeExecutionOutputTypeDef:
    """Show the execution until it ends, also while it waits for an approval.

    Returns its description.
    """
    progress = Progress(target, execution_arn)
    announced: set[str] = set()
    pause = LOCAL_POLL_SECONDS if target.session else AWS_POLL_SECONDS
    with Live(console=console, refresh_per_second=8, transient=True) as live:
        while True:
            description = target.stepfunctions.describe_execution(executionArn=execution_arn)
            for unit in progress.poll():
                for line in unit_lines(target, run_id(execution_arn), unit):
                    live.console.print(line, no_wrap=True, overflow="ellipsis")
            for unit in progress.requests:
                if unit.token and unit.token not in announced:
                    announced.add(unit.token)
                    for line in approvals.announce(target, run_id(execution_arn), unit):
                        live.console.print(line, soft_wrap=True)  # to be copied whole
            live.update(_running(progress) if console.is_terminal else Text(""))
            if description["status"] != "RUNNING":
                break
            time.sleep(pause)
        for unit in progress.close(description.get("stopDate", datetime.now(UTC))):
            unit.error = unit.error or (description["status"], "It was cut off.")
            if (cut := unit_line(unit)) is not None:
                live.console.print(cut, no_wrap=True, overflow="ellipsis")
    return description


def unit_lines(target: Target, run: str, unit: Unit) -> Iterator[Text]:
    """Lines of a unit that has ended: one as a rule, and those of its models after a stage."""
    if unit.stage:
        yield from models.lines(target, run, unit)
    elif (line := unit_line(unit)) is not None:
        yield line


def _running(progress: Progress) -> Table:
    """Units that are at work now, with the time since they began."""
    view = Table.grid()
    moment = datetime.now(UTC)
    frame = _SPINNER[int(time.monotonic() * 8) % len(_SPINNER)]
    for unit in progress.units:
        if unit.ended is None and not unit.quiet:
            text = Text(f"  {frame} ", style="dim")
            view.add_row(text.append_text(waiting_line(unit, moment)))
    return view


def result_of(target: Target, execution_arn: str) -> dict[str, Any] | None:
    """Result document of a run, or None when the run did not get as far as writing it."""
    return target.read_json(f"runs/{run_id(execution_arn)}/result.json")


def every_dataset(target: Target, result: dict[str, Any]) -> list[dict[str, Any]]:
    """Entries of all datasets of a run; of many, the result names only some, the batches all."""
    named: list[dict[str, Any]] = result["datasets"]
    if result.get("totals", {}).get("datasets", 0) <= len(named):
        return named
    found: dict[str, dict[str, Any]] = {}
    # As they are there: a batch that broke has left none.
    keys = target.keys(f"runs/{result['run_id']}/batches/")
    with ThreadPoolExecutor(8) as pool:
        batches = [batch for batch in pool.map(target.read_json, keys) if batch]
    for batch in batches:
        for item in batch["datasets"]:
            if not item.get("idle"):
                entry = found.setdefault(item["dataset"], {"dataset": item["dataset"]})
                entry[batch["step"]] = item.get("report")
    return [found[name] for name in sorted(found)]


def failures_of(
    description: DescribeExecutionOutputTypeDef, result: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """Failures of a run: those of its result, else what Step Functions says."""
    if result and result["failures"]:
        failures: list[dict[str, Any]] = result["failures"]
        more = result.get("totals", {}).get("failures", 0) - len(failures)
        if more > 0:
            where = f"runs/{result['run_id']}/batches/ has all that failed"
            failures = [*failures, {"state": "others", "error": f"{more} more", "cause": where}]
        return failures
    error, cause = description.get("error"), description.get("cause")
    return [{"state": "pipeline", "error": error or description["status"], "cause": cause or ""}]


def print_failures(failures: Sequence[dict[str, Any]]) -> None:
    """Print each failure with all that is needed to find its reason."""
    for failure in failures:
        named = (f", {key} {failure[key]}" for key in _SUBJECTS if failure.get(key))
        where = failure["state"] + "".join(named)
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
    stages: Sequence[str] = (),
    *,
    rebuild: bool = False,
    outlives_us: bool = True,
) -> str:
    """Start the pipeline, show it to its end, and return the execution's ARN.

    On ^C it says that the run goes on, unless what it runs on does not outlive this process.

    Raises
    ------
    RunFailed
        The run ended other than SUCCEEDED; its failures have been printed.
    """
    arn = start(target, datasets, begin, stages, rebuild=rebuild)
    console.print(f"[dim]Run {run_id(arn)}[/dim]")
    watch(target, arn, outlives_us=outlives_us)
    return arn


def watch(target: Target, arn: str, *, outlives_us: bool = True) -> None:
    """Show a run to its end.

    Raises
    ------
    RunFailed
        The run ended other than SUCCEEDED; its failures have been printed.
    """
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
    if had_nothing_to_do(description):
        note("There was nothing to do: an earlier run had taken the files.")


def had_nothing_to_do(description: DescribeExecutionOutputTypeDef) -> bool:
    """Whether a run that files had started found them gone."""
    output = json.loads(description.get("output") or "{}")
    return isinstance(output, dict) and output.get("totals") == {"datasets": 0}
