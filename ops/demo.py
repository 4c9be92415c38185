"""`make demo`: the whole system at work on real data, from nothing to nothing.

Where the example has files, dropping them is all that is done: their events start the run.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from rich.text import Text

from ops import arrivals, deploy, examples, localaws, models, query, report
from ops.display import console, duration, heading, step, table
from ops.environment import STATE
from ops.run import execute, result_of
from ops.target import Target

SAMPLE_QUERIES = 3


class Clock:
    """Time that each part of the demo takes."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.parts[name] = time.monotonic() - started

    def show(self) -> None:
        heading("Time")
        rows = [[name, duration(seconds)] for name, seconds in self.parts.items()]
        table(["part", "took"], [*rows, ["all", duration(sum(self.parts.values()))]], right=[1])


def demo(name: str, *, keep: bool = False) -> None:
    """Bring the example up, run it, report on it, and take it down again.

    Whatever happens, the local AWS is stopped in the end, unless it is to be kept.
    """
    example = examples.load(name)
    clock = Clock()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    console.print(f"[bold]Medallion[/bold]: example {example.name} on a local AWS")
    heading("Deploy")
    kept = False
    try:
        with clock.part("start local AWS, terraform apply"):
            target = deploy.bring_up(example)
        heading("Drop files, and what follows")
        with clock.part("files dropped, window, pipeline"):
            runs = arrivals.load(target, example, spoil=True)
        if target.session and target.session.web:
            heading("Again, of sources that have not changed")
            with clock.part("run without news"):
                execute(target, outlives_us=False)
        with clock.part("report and queries"):
            show_results(target, example, runs)
        kept = keep
        if not keep:
            heading("Take down")
            with clock.part("terraform destroy, stop"):
                take_down()
    finally:
        if not kept:
            _stop_whatever_is_left()
    clock.show()
    if kept:
        console.print(
            "\nThe local AWS is still up: make status, make query SQL='…', make run. "
            "To stop it: make local-down"
        )


def show_results(target: Target, example: examples.Example, runs: Sequence[str]) -> None:
    """Print the tables, where the rows went, what was refused, and sample answers."""
    report.tables(target)
    for result in filter(None, (result_of(target, arn) for arn in runs)):
        report.datasets(result)
        models.show(target, result)
    report.quarantine(target)
    for title, sql in example.queries()[:SAMPLE_QUERIES]:
        heading(f"Athena: {title}")
        console.print(Text("\n".join(f"  {line}" for line in sql.splitlines()), style="dim"))
        console.print()
        query.show(query.ask(target, sql))


def take_down() -> None:
    """Destroy what was applied, as a user of AWS would, and stop the local AWS."""
    session = localaws.find()
    if session:
        # Nothing but this command has changed what Terraform made, so its state is true.
        session.terraform().destroy([*session.arguments, "-refresh=false"])
    with step("local AWS stopped"):
        localaws.stop()


def _stop_whatever_is_left() -> None:
    """After a failure or ^C: all that the local AWS holds is in memory, and goes with it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        if localaws.stop():
            log = os.path.relpath(STATE / localaws.SERVER_LOG)
            console.print(f"\nThe local AWS was stopped; nothing is left of it but its log: {log}")
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
