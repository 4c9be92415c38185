"""Load an example as its producers would: drop files, and follow the runs that these start."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ops import attention, deploy, examples, executions, windows
from ops.display import console, note, step
from ops.environment import STATE
from ops.errors import OpsError
from ops.progress import run_id
from ops.run import LOCAL_POLL_SECONDS, execute, watch
from ops.target import Target

_EVENT_SECONDS = 30
# A drop that would begin this shortly before the end of its window waits for the next one.
_SHORTEST_SECONDS = 3


def load(
    target: Target, example: examples.Example, *, spoil: bool = False, state: Path = STATE
) -> list[str]:
    """Drop an example's files and follow the runs that take them; return their ARNs.

    Datasets for which no event starts a run, for want of files or of the trigger, are run here.

    Raises
    ------
    RunFailed
        A run ended other than SUCCEEDED; its failures have been printed.
    OpsError
        No run appeared.
    """
    files = deploy.prepare(example, spoil=spoil, state=state)
    expected = windows.groups(target, files.datasets)
    before = {arn for group in expected for arn in executions.of_group(target, group)}
    if expected:
        await_room(target)
    deploy.drop_files(target, files)
    if not expected:
        return [execute(target, outlives_us=False)]
    seconds = target.outputs.arrival_window_seconds
    for group in expected:
        note(
            f"The event of each file starts, after a window of {seconds} s, "
            f"one run for the group {group}."
        )
    with step("run of the files") as line:
        waiting = await_runs(target, list(expected), before)
        names = ", ".join(run_id(arn) for arn in waiting)
        line.text = f"started by the files of {', '.join(files.datasets)}: {names}"
    followed: list[str] = []
    while waiting:
        for arn in waiting:
            console.print(f"[dim]Run {run_id(arn)}[/dim]")
            watch(target, arn, outlives_us=False)
            followed.append(arn)
        waiting = _new_runs(target, expected, {*before, *followed})
    loaded = {name for group in expected for name in target.outputs.event_datasets_of(group)}
    rest = [name for name in target.outputs.dataset_names if name not in loaded]
    return [*followed, execute(target, rest, outlives_us=False)] if rest else followed


def await_room(target: Target) -> None:
    """Wait for the next window if this one ends soon: one run is to take all files."""
    seconds = target.outputs.arrival_window_seconds
    assert seconds is not None
    now = datetime.now(UTC)
    left = windows.window_end(seconds, now) - now
    if left < timedelta(seconds=_SHORTEST_SECONDS):
        time.sleep(max(0.0, left.total_seconds() - windows.MARGIN_SECONDS))


def await_runs(target: Target, wanted: Sequence[str], before: set[str]) -> list[str]:
    """Wait until each group has a run that was not there before; return the new runs.

    Raises
    ------
    OpsError
        A group has none in time; what may explain it has been printed.
    """
    end = time.monotonic() + _EVENT_SECONDS
    while True:
        found = {group: _new_runs(target, [group], before) for group in wanted}
        missing = [group for group in wanted if not found[group]]
        if not missing:
            return [arn for arns in found.values() for arn in arns]
        if time.monotonic() > end:
            attention.show(target)
            raise OpsError(
                f"No run of group {', '.join(missing)} was there {_EVENT_SECONDS} s after its "
                "files were dropped.",
                hint="Events that were not delivered are dead letters, files that belong to no "
                "dataset are listed as arrivals: make status shows both. A run can be started "
                "by hand: make run",
            )
        time.sleep(LOCAL_POLL_SECONDS)


def _new_runs(target: Target, wanted: Iterable[str], before: set[str]) -> list[str]:
    return [
        arn for group in wanted for arn in executions.of_group(target, group) if arn not in before
    ]
