"""Follow a run of the pipeline: its units of work, and those of the executions that it started."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from rich.text import Text

from ops.display import duration, plural
from ops.history import History, Unit
from ops.machines import Machine
from ops.target import Target

_READERS = 8


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


class Progress:
    """Units of a run, read from AWS whenever it is asked."""

    def __init__(self, target: Target, execution_arn: str) -> None:
        self._target = target
        self._root = execution_arn
        self._histories: dict[str, History] = {}
        self._machines: dict[str, Machine] = {}
        # Executions that are over, and those of them that have been read to the end.
        self._over: set[str] = set()
        self._ended: set[str] = set()

    @property
    def units(self) -> list[Unit]:
        """All units so far, those of an opened execution in place of the one that waits for it."""
        return [
            unit
            for history in self._histories.values()
            for unit in history.units
            if not self._is_opened(unit)
        ]

    @property
    def requests(self) -> list[Unit]:
        """Requests for approval that wait for an answer."""
        return [unit for history in self._histories.values() for unit in history.requests]

    @property
    def waits(self) -> list[Unit]:
        """What the run waits for before it begins."""
        return [unit for history in self._histories.values() for unit in history.waits]

    def poll(self) -> list[Unit]:
        """Read what is new; return the units that ended, those of opened executions first."""
        found: list[Unit] = []
        read: set[str] = set()
        self._follow(self._root)
        # What an execution has started shows in its history, and is then read in the same go.
        while waiting := [arn for arn in self._histories if arn not in read | self._ended]:
            read.update(waiting)
            with ThreadPoolExecutor(_READERS) as pool:
                for arn, pages in zip(waiting, pool.map(self._pages, waiting), strict=True):
                    found = self._feed(arn, pages) + found
        return found

    def close(self, moment: datetime) -> list[Unit]:
        """End the units that were left open when the run was stopped or failed."""
        left = [unit for history in self._histories.values() for unit in history.close(moment)]
        return [unit for unit in left if not self._is_opened(unit)]

    def _follow(self, arn: str) -> None:
        if arn not in self._histories:
            self._histories[arn] = History(self._machine(arn))

    def _machine(self, arn: str) -> Machine:
        """Machine of an execution, as it is defined for that."""
        name = arn.split(":")[6]
        if name not in self._machines:
            answer = self._target.stepfunctions.describe_state_machine_for_execution(
                executionArn=arn
            )
            self._machines[name] = Machine.of(answer["definition"])
        return self._machines[name]

    def _pages(self, arn: str) -> list[list[dict[str, Any]]]:
        return list(events(self._target, arn, self._histories[arn].last_id))

    def _feed(self, arn: str, pages: list[list[dict[str, Any]]]) -> list[Unit]:
        history = self._histories[arn]
        ended = [unit for page in pages for unit in history.feed(page)]
        for unit in history.units:
            if self._is_opened(unit):
                assert unit.execution_arn is not None
                self._follow(unit.execution_arn)
                if unit.ended:
                    self._over.add(unit.execution_arn)
        if arn in self._over:
            self._ended.add(arn)
        # What went wrong in an opened execution, its units tell; that it broke off, it does itself.
        return [unit for unit in ended if not self._is_opened(unit) or unit.error]

    def _is_opened(self, unit: Unit) -> bool:
        return unit.execution_arn is not None and self._machine(unit.execution_arn).opened


def unit_line(unit: Unit) -> Text | None:
    """Text of the line of a unit that has ended; none for one that nobody cares to see."""
    error = problem(unit)
    if unit.quiet and not error:
        return None
    failed_checks = unit.output.get("checks") == "FAILED"
    return line(unit, error or counts(unit), bad=bool(error) or failed_checks)


def waiting_line(unit: Unit, moment: datetime) -> Text:
    """Line of a unit that has not ended: what it does, or what it waits for, and since when."""
    seconds = max(0.0, (moment - unit.started).total_seconds())
    about = "waits for approval" if unit.token else unit.note
    return Text(f"{unit.state:<17} {unit.item:<22} {duration(seconds):>9}  {about}".rstrip())


def line(unit: Unit, text: str, *, bad: bool) -> Text:
    """Put what is known of a unit in the columns that all lines have."""
    result = Text("  ")
    result.append("✘ " if bad else "✔ ", style="red" if bad else "green")
    result.append(f"{unit.state:<17}")
    result.append(f" {unit.item:<22}", style="cyan")
    result.append(f" {duration(unit.seconds):>9}  ", style="dim")
    result.append(text, style="red" if bad else "")
    return result


def problem(unit: Unit) -> str:
    """What failed in a unit, in one line; empty when nothing did."""
    failure = unit.output.get("failure")
    if isinstance(failure, dict) and failure.get("error"):
        return one_line(f"{failure.get('error', '')}: {failure.get('cause', '')}")
    if unit.error:
        error, cause = unit.error
        run = _job_run(cause)
        if run:
            error, cause = f"Glue job run {run['JobRunState']}", str(run.get("ErrorMessage", ""))
        return one_line(f"{error}: {cause}")
    return ""


def _job_run(cause: str) -> dict[str, Any]:
    """Glue job run that a cause describes, if it does."""
    if not cause.startswith("{"):
        return {}
    try:
        document = json.loads(cause)
    except json.JSONDecodeError:  # cut off by the service
        return {}
    return document if "JobRunState" in document else {}


def one_line(text: str, width: int = 160) -> str:
    """Text on one line, cut to a width."""
    text = " ".join(text.split()).removesuffix(":")
    return text if len(text) <= width else f"{text[: width - 1]}…"


def counts(unit: Unit) -> str:
    """What a unit did, in numbers: rows and files of a job, checks that failed."""
    if unit.note:
        return unit.note
    if unit.awaits == "approval":
        return "approved"
    if unit.output.get("idle") and unit.job_run_id:
        return "nothing new"
    report = unit.output.get("report")
    if isinstance(report, dict):
        notes = {"held": "held, not published", "unchanged_since": "unchanged"}
        said = [text for name, text in notes.items() if report.get(name)]
        return "; ".join([", ".join(_report_counts(report)), *said])
    checks = unit.output.get("checks")
    if isinstance(checks, str):
        failed = unit.output.get("failed_checks") or []
        found = "; ".join(f"{item.get('check')} found {item.get('found')}" for item in failed)
        return one_line(f"checks {checks.lower()}{': ' + found if found else ''}")
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
