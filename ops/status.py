"""Show how things stand: runs, what waits, the last result, crawlers, what wants attention."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.text import Text

from ops import approvals, attention, models, report
from ops.display import console, duration, heading, note, table
from ops.errors import OpsError
from ops.executions import execution_arn, latest, progress_of, running
from ops.history import Unit
from ops.progress import Progress, problem, run_id, waiting_line
from ops.run import (
    every_dataset,
    failures_of,
    had_nothing_to_do,
    print_failures,
    result_of,
    unit_lines,
)
from ops.target import Target

SHOWN_RUNS = 5
SHOWN_UNITS = 50
_STYLES = {"SUCCEEDED": "green", "RUNNING": "yellow"}


def execution_of(target: Target, run: str | None) -> str:
    """ARN of a run, by its id, or of the last one.

    Raises
    ------
    OpsError
        There has been no run yet.
    """
    if run:
        return execution_arn(target, run)
    found = latest(target)
    if not found:
        raise OpsError("The pipeline has not run yet.", hint="Start it: make run")
    return found[0]["executionArn"]


def show(target: Target, run: str | None = None) -> None:
    """Print the last runs, what waits, how the chosen run fared, and what wants attention."""
    runs(target)
    waiting(target)
    if run or latest(target):
        one_run(target, execution_of(target, run))
    crawlers(target)
    attention.show(target)


def runs(target: Target) -> None:
    heading("Runs")
    view = []
    for item in latest(target, SHOWN_RUNS):
        end = item.get("stopDate") or datetime.now(UTC)
        style = _STYLES.get(item["status"], "red")
        started = f"{item['startDate'].astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        took = duration((end - item["startDate"]).total_seconds())
        view.append([item["name"], Text(item["status"], style=style), started, took])
    if view:
        table(["run", "status", "started (UTC)", "took"], view, right=[3])
    else:
        note("none yet: make run")


def waiting(target: Target) -> None:
    """Print the runs that wait for an approval, for the end of their window or for their turn."""
    requests: list[approvals.Request] = []
    waits: list[tuple[str, Unit]] = []
    for arn in running(target):
        progress = progress_of(target, arn)
        requests += [approvals.Request.of(run_id(arn), unit) for unit in progress.requests]
        waits += [(run_id(arn), unit) for unit in progress.waits]
    if requests:
        heading("Waiting for approval")
        approvals.show_all(target, requests)
    if waits:
        heading("Waiting to begin")
        for name, unit in waits:
            what = "the end of its window" if unit.awaits == "window" else "its turn"
            console.print(Text(f"  {name} waits for {what}{f', {unit.note}' if unit.note else ''}"))


def one_run(target: Target, arn: str) -> None:
    """Print the result of a run that has ended, or the progress of one that has not."""
    try:
        description = target.stepfunctions.describe_execution(executionArn=arn)
    except target.stepfunctions.exceptions.ExecutionDoesNotExist as error:
        raise OpsError(f"There is no run {run_id(arn)}.", hint="See them: make status") from error
    if description["status"] == "RUNNING":
        _running(target, arn)
        return
    result = result_of(target, arn)
    if result:
        report.datasets({**result, "datasets": every_dataset(target, result)})
        models.show(target, result)
    if not result and had_nothing_to_do(description):
        heading(f"Run {run_id(arn)}")
        note("There was nothing to do: an earlier run had taken the files.")
    if description["status"] != "SUCCEEDED":
        heading(f"Why run {run_id(arn)} ended {description['status']}")
        print_failures(failures_of(description, result))


def _running(target: Target, arn: str) -> None:
    """Print what a run has done; of much, what failed, and how much else there is."""
    heading(f"Run {run_id(arn)}, running")
    progress = Progress(target, arn)
    ended = progress.poll()
    shown = ended
    if len(ended) > SHOWN_UNITS:
        shown = [unit for unit in ended if problem(unit)][-SHOWN_UNITS:]
    for unit in shown:
        for line in unit_lines(target, run_id(arn), unit):
            console.print(line)
    if len(shown) < len(ended):
        note(f"and {len(ended) - len(shown)} units of work that are done")
    for unit in progress.units:
        if unit.ended is None and not unit.quiet:
            console.print(Text("  … ").append_text(waiting_line(unit, datetime.now(UTC))))


def crawlers(target: Target) -> None:
    heading("Crawlers")
    view = []
    for name in filter(None, target.outputs.crawler_names.values()):
        crawler = target.glue.get_crawler(Name=name)["Crawler"]
        last = crawler.get("LastCrawl", {})
        started = last.get("StartTime")
        view.append(
            [
                name,
                crawler["State"].lower(),
                last.get("Status", "never ran").lower(),
                f"{started.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if started else "",
                last.get("ErrorMessage", ""),
            ]
        )
    table(["crawler", "now", "last crawl", "started (UTC)", "error"], view)
