"""Files that start runs by themselves: of which group, in which window, under which name."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from ops.target import Target

# An event that is processed in the last second of a window names the next one.
MARGIN_SECONDS = 1


def window_end(seconds: int, moment: datetime) -> datetime:
    """End of the window that a file belongs to whose event is processed at a moment."""
    number = (moment.timestamp() + MARGIN_SECONDS) // seconds + 1
    return datetime.fromtimestamp(number * seconds, UTC)


def run_name(group: str, end: datetime) -> str:
    """Name of the run that files of a group start, by the end of their window."""
    return f"{group}-{end:%Y%m%dT%H%M%SZ}"


def groups(target: Target, datasets: Iterable[str]) -> dict[str, list[str]]:
    """Datasets whose files start runs, by the group that such a run loads."""
    found: dict[str, list[str]] = {}
    for name in sorted(set(datasets) & set(target.outputs.event_dataset_names)):
        found.setdefault(target.outputs.group_of(name), []).append(name)
    return found


def described(target: Target, group: str) -> str:
    """Group with the datasets that its runs load."""
    loaded = target.outputs.event_datasets_of(group)
    return f"group {group} ({', '.join(loaded)})" if loaded != [group] else f"dataset {group}"


def forecast(target: Target, datasets: Iterable[str], moment: datetime) -> list[str]:
    """Sentences about which run takes files that were dropped at a moment."""
    names = sorted(set(datasets))
    found = groups(target, names)
    lines = []
    for group in found:
        assert target.outputs.arrival_window_seconds is not None
        end = window_end(target.outputs.arrival_window_seconds, moment)
        lines.append(
            f"Run {run_name(group, end)} takes them: it begins at {end:%H:%M:%S} UTC, when the "
            f"window of {described(target, group)} ends."
        )
    started = {name for members in found.values() for name in members}
    others = [name for name in names if name not in started]
    if others:
        lines.append(
            f"Files of {', '.join(others)} start no run by themselves: "
            f"make run DATASETS={','.join(others)} takes them."
        )
    return lines
