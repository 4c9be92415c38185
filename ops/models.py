"""What a run made of the SQL models: read from the reports and summaries that the jobs left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from ops.display import console, duration, heading, note, plural, table
from ops.history import Unit
from ops.progress import line, one_line, problem
from ops.target import Target

SHOWN_LINES = 20
_STYLES = {"succeeded": "green", "unchanged": "green", "failed": "bold red", "skipped": "yellow"}
_GOOD = ("succeeded", "unchanged")


@dataclass(frozen=True)
class Model:
    """How one model of a run fared; the counts are None unless it succeeded."""

    name: str
    stage: str
    engine: str
    status: str
    rows: int | None = None
    written: int | None = None
    unchanged: int | None = None
    seconds: float | None = None
    cause: str = ""


def read(target: Target, run: str, stage: str) -> list[Model]:
    """Models of a stage of a run: those that succeeded, then those that failed or were skipped.

    A summary names the first 20 that did not succeed; the rest are only counted there.
    """
    summary = target.read_json(f"runs/{run}/stages/{stage}.json") or {}
    failures = summary.get("failures") or []
    missed = {item["model"] for item in failures}
    keys = target.keys(f"runs/{run}/model/")
    with ThreadPoolExecutor(8) as pool:
        reports = [found for found in pool.map(target.read_json, keys) if found]
    built = [
        _built(found)
        for found in reports
        if found.get("stage") == stage and found["model"] not in missed
    ]
    engine = summary.get("engine", "")
    return built + [
        Model(
            item["model"], stage, engine, item["status"],
            cause=_cause(item),
        )
        for item in failures
    ]  # fmt: skip


def _cause(failure: dict[str, Any]) -> str:
    return ": ".join(text for text in (failure.get("error"), failure.get("cause")) if text)


def _built(found: dict[str, Any]) -> Model:
    status = "unchanged" if found.get("unchanged_since") else "succeeded"
    return Model(
        found["model"], found["stage"], found.get("engine", ""), status,
        rows=found["rows"]["out"], written=found["objects"]["written"],
        unchanged=found["objects"]["unchanged"], seconds=found["seconds"],
    )  # fmt: skip


def lines(target: Target, run: str, unit: Unit) -> Iterator[Text]:
    """Line of a stage whose job run has ended, then one for each of its models.

    Of many models, those are left out that did well.
    """
    summary = target.read_json(f"runs/{run}/stages/{unit.item}.json")
    error = problem(unit)
    if summary is None:
        yield line(unit, error, bad=bool(error))
        return
    yield line(unit, _summary(summary), bad=bool(error) or summary["status"] != "SUCCEEDED")
    found = read(target, run, unit.item)
    shown = found
    if len(found) > SHOWN_LINES:
        shown = [item for item in found if item.status not in _GOOD]
    for item in shown:
        yield _model_line(item)
    if len(shown) < len(found):
        yield Text(f"      and {plural(len(found) - len(shown), 'model')} that succeeded", "dim")


def _summary(summary: dict[str, Any]) -> str:
    models = summary["models"]
    parts = [f"{plural(models['succeeded'], 'model')}, {plural(summary['rows_out'], 'row')}"]
    parts += [f"{models[name]:,} {name}" for name in ("failed", "skipped") if models[name]]
    return f"{', '.join(parts)} ({summary['engine']})"


def _model_line(item: Model) -> Text:
    good = item.status in _GOOD
    result = Text("    ")
    result.append("✔ " if good else "✘ ", style=_STYLES.get(item.status, "red"))
    result.append(f"{item.name:<38}", style="cyan")
    result.append(f" {duration(item.seconds):>9}  " if item.seconds is not None else " " * 12)
    if good:
        result.append(f"{plural(item.rows or 0, 'row')}, {_objects(item)}")
    else:
        result.append(one_line(f"{item.status}: {item.cause}"), style=_STYLES.get(item.status, ""))
    return result


def _objects(item: Model) -> str:
    if item.status == "unchanged":
        return "unchanged"
    parts = [f"{plural(item.written or 0, 'object')} written"]
    if item.unchanged:
        parts.append(f"{item.unchanged:,} unchanged")
    return ", ".join(parts)


def show(target: Target, result: dict[str, Any]) -> None:
    """Print the stages and models of a run, and the checks that failed; nothing if none ran."""
    stages = result.get("stages") or []
    checks = result.get("model_checks") or {}
    if not stages:
        return
    heading("Stages and models")
    _stages(stages)
    console.print()
    found = (item for stage in stages for item in read(target, result["run_id"], stage["stage"]))
    names = ["model", "stage", "engine", "rows", "written", "unchanged", "took", "status"]
    table(names, map(_row, found), right=range(3, 7))
    for stage in stages:
        for item in stage.get("failures") or []:
            style = _STYLES.get(item["status"], "")
            text = f"  {item['model']} {item['status']}: {_cause(item)}"
            console.print(Text(text, style))
    for entry in checks.get("failed_checks") or []:
        for check in entry["failed_checks"]:
            text = f"  {entry['name']}: check {check['check']} found {check['found']}"
            console.print(Text(text, "red"))
    if checks:
        note(
            f"checks of models: {checks['passed']:,} passed, {checks['failed']:,} failed, "
            f"{checks['skipped']:,} skipped"
        )


def _row(item: Model) -> list[object]:
    took = None if item.seconds is None else duration(item.seconds)
    return [
        item.name, item.stage, item.engine, item.rows, item.written, item.unchanged, took,
        Text(item.status, style=_STYLES.get(item.status, "")),
    ]  # fmt: skip


def _stages(stages: Sequence[dict[str, Any]]) -> None:
    numbers = ("selected", "succeeded", "unchanged", "failed", "skipped")
    view: list[list[object]] = []
    for stage in stages:
        counts = [stage["models"].get(name, 0) for name in numbers]
        status = str(stage["status"]).lower()
        view.append(
            [
                stage["stage"],
                stage["engine"],
                *counts,
                stage["rows_out"],
                duration(stage["seconds"]),
                Text(status, style=_STYLES.get(status, "")),
            ]
        )
    table(["stage", "engine", *numbers, "rows", "took", "status"], view, right=range(2, 9))
