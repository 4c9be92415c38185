"""Show what the jobs of a run have logged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from ops.display import console, heading, note
from ops.history import Unit
from ops.progress import Progress, run_id
from ops.status import execution_of
from ops.target import Target

# Of Python shell jobs and of Spark jobs; with a security configuration, with its name in theirs.
GROUPS = re.compile(r"/aws-glue/(python-)?jobs.*/(output|error)")
_LATEST_MANY = 10_000


@dataclass(frozen=True)
class Line:
    """One log line; `style` tells errors from output."""

    moment: datetime
    text: str
    style: str


def job_runs(target: Target, execution_arn: str) -> list[Unit]:
    """Units of a run that started a Glue job run, in the order in which they began."""
    progress = Progress(target, execution_arn)
    progress.poll()
    found = [unit for unit in progress.units if unit.job_run_id]
    return sorted(found, key=lambda unit: unit.started)


def lines(target: Target, job_run_id: str) -> list[Line]:
    """Log lines of a job run, output and errors together in the order of time."""
    found: list[Line] = []
    for group in _groups(target):
        style = "red" if group.endswith("/error") else ""
        found.extend(stream(target, group, job_run_id, style))
    return sorted(found, key=lambda line: line.moment)


def _groups(target: Target) -> list[str]:
    pages = target.logs.get_paginator("describe_log_groups").paginate(
        logGroupNamePrefix="/aws-glue/"
    )
    names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    return sorted(name for name in names if GROUPS.fullmatch(name))


def stream(target: Target, group: str, name: str, style: str = "") -> Iterator[Line]:
    """Lines of one stream, in the order of time; none where there is no such stream."""
    missing = target.logs.exceptions.ResourceNotFoundException
    token: str | None = None
    count = 0
    while count < _LATEST_MANY:
        arguments: dict[str, Any] = {"nextToken": token} if token else {}
        try:
            answer = target.logs.get_log_events(
                logGroupName=group, logStreamName=name, startFromHead=True, **arguments
            )
        except missing:  # a job that wrote nothing has no stream
            return
        for event in answer["events"]:
            count += 1
            moment = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
            yield Line(moment, event["message"].rstrip(), style)
        following = answer.get("nextForwardToken")
        if following == token or not answer["events"]:
            return
        token = following


def show(target: Target, run: str | None = None) -> None:
    """Print the log of every job run of a run, the last one by default."""
    arn = execution_of(target, run)
    units = job_runs(target, arn)
    console.print(f"[dim]Run {run_id(arn)}[/dim]")
    if not units:
        note("This run has started no job. Why it ended: make status")
    for unit in units:
        assert unit.job_run_id is not None
        heading(f"{unit.state} {unit.item}  {unit.job_run_id}")
        found = lines(target, unit.job_run_id)
        for line in found:
            console.print(Text(f"  {line.text}", style=line.style), soft_wrap=True)
        if not found:
            note("no log yet" if unit.ended is None else "no log lines")
