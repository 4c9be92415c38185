"""Show how things stand: the last runs, the last result, the crawlers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.text import Text

from ops import models, report
from ops.display import console, duration, heading, note, table
from ops.errors import OpsError
from ops.progress import Progress, run_id
from ops.run import failures_of, print_failures, result_of, unit_lines
from ops.target import Target

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import ExecutionListItemTypeDef

SHOWN_RUNS = 5
_STYLES = {"SUCCEEDED": "green", "RUNNING": "yellow"}


def latest(target: Target, count: int = 1) -> list[ExecutionListItemTypeDef]:
    """The last executions of the pipeline, newest first."""
    answer = target.stepfunctions.list_executions(
        stateMachineArn=target.outputs.pipeline_arn, maxResults=100
    )
    found = sorted(answer["executions"], key=lambda item: item["startDate"], reverse=True)
    return found[:count]


def execution_of(target: Target, run: str | None) -> str:
    """ARN of a run, by its id, or of the last one.

    Raises
    ------
    OpsError
        There has been no run yet.
    """
    if run:
        head = target.outputs.pipeline_arn.replace(":stateMachine:", ":execution:")
        return run if run.startswith("arn:") else f"{head}:{run}"
    found = latest(target)
    if not found:
        raise OpsError("The pipeline has not run yet.", hint="Start it: make run")
    return found[0]["executionArn"]


def show(target: Target, run: str | None = None) -> None:
    """Print the last runs, how the chosen one fared, and the crawlers."""
    runs(target)
    if run or latest(target):
        one_run(target, execution_of(target, run))
    crawlers(target)


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


def one_run(target: Target, arn: str) -> None:
    """Print the result of a run that has ended, or the progress of one that has not."""
    try:
        description = target.stepfunctions.describe_execution(executionArn=arn)
    except target.stepfunctions.exceptions.ExecutionDoesNotExist as error:
        raise OpsError(f"There is no run {run_id(arn)}.", hint="See them: make status") from error
    if description["status"] == "RUNNING":
        heading(f"Run {run_id(arn)}, running")
        progress = Progress(target, arn)
        for unit in progress.poll():
            for line in unit_lines(target, run_id(arn), unit):
                console.print(line)
        for unit in progress.units:
            if unit.ended is None and not unit.quiet:
                seconds = (datetime.now(UTC) - unit.started).total_seconds()
                console.print(Text(f"  … {unit.state} {unit.item}  {duration(seconds)}"))
        return
    result = result_of(target, arn)
    if result:
        report.datasets(result)
        models.show(target, result)
    if description["status"] != "SUCCEEDED":
        heading(f"Why run {run_id(arn)} ended {description['status']}")
        print_failures(failures_of(description, result))


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
