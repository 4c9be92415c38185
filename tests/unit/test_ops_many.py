"""Many datasets: they go in batches, and what is shown of them stays short."""

from __future__ import annotations

import io
from typing import Any

import pytest

from ops import report, run, status
from ops.progress import Progress
from tests.unit.ops_fakes import (
    RUN,
    START,
    Fake,
    Script,
    begun,
    connected,
    held,
    histories,
    refused,
    run_of,
    stored,
    transformed,
    watched,
    words,
)

COUNT = 45
NAMES = [f"d{number:03}" for number in range(COUNT)]
ROWS = {"in": 10, "out": 9, "refused": 0, "duplicate": 1, "filtered": 0}


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    return watched(monkeypatch)


def entry(name: str, **changes: Any) -> dict[str, Any]:
    return {"dataset": name, "report": {"rows": {**ROWS, **changes}, "seconds": 1.0}}


def document(step: str, number: int, *items: dict[str, Any]) -> dict[str, Any]:
    return {"run_id": "manual-1", "step": step, "number": number, "datasets": list(items)}


def bucket(*batches: dict[str, Any]) -> Fake:
    keys = {f"runs/manual-1/batches/{one['step']}-{one['number']}.json": one for one in batches}

    def listed(Prefix: str, **_: Any) -> Any:  # noqa: N803 - of the API
        return {"Contents": [{"Key": key} for key in keys if key.startswith(Prefix)]}

    return Fake(list_objects_v2=listed, get_object=lambda Key, **_: stored(keys[Key]))  # noqa: N803


def result(count: int = COUNT, **changes: Any) -> dict[str, Any]:
    checks = {"passed": count - 2, "failed": 2, "skipped": 0}
    totals = {"datasets": count, "checks": checks, "failures": 0}
    return {"run_id": "manual-1", "datasets": [], "failures": [], "totals": totals, **changes}


# --- every_dataset


def test_every_dataset__of_few_is_in_the_result() -> None:
    few = [{"dataset": "sales", "ingest": None, "transform": None, "checks": None}]
    asked = bucket()
    target = connected(s3=asked)
    assert run.every_dataset(target, result(1, datasets=few)) == few
    assert asked.asked == []


def test_every_dataset__of_many_is_in_the_batches() -> None:
    failed = {"dataset": "d002", "failure": {"state": "IngestDataset", "error": "E"}}
    found = run.every_dataset(
        connected(
            s3=bucket(
                document("ingest", 0, entry("d001"), failed),
                document("ingest", 1, entry("d021", refused=3), {"dataset": "d022", "idle": True}),
                document("transform", 0, entry("d021"), entry("d001")),
            )
        ),
        # One that refused files is named in the result, too.
        result(datasets=[{"dataset": "d021", "ingest": {}}]),
    )
    assert [item["dataset"] for item in found] == ["d001", "d002", "d021"]
    assert [bool(item.get("ingest")) for item in found] == [True, False, True]
    assert [bool(item.get("transform")) for item in found] == [True, False, True]
    assert found[2]["ingest"]["rows"]["refused"] == 3
    assert found[2]["transform"]["rows"] == ROWS


def test_every_dataset__a_batch_that_broke_hides_none_after_it() -> None:
    batches = [document("ingest", number, entry(f"d{number}")) for number in (0, 2, 10)]
    found = run.every_dataset(connected(s3=bucket(*batches)), result())
    assert [item["dataset"] for item in found] == ["d0", "d10", "d2"]


# --- report.datasets


def many(*changed: dict[str, Any]) -> list[dict[str, Any]]:
    good = {"ingest": {"rows": ROWS}, "transform": {"rows": ROWS}}
    return [{"dataset": name, **good} for name in NAMES[len(changed) :]] + list(changed)


def test_report__of_twenty_datasets_shows_each(screen: io.StringIO) -> None:
    report.datasets(result(20, datasets=many()[:20]))
    assert [name for name in NAMES if name in screen.getvalue()] == NAMES[:20]
    assert " all " not in words(screen)


def test_report__of_more_shows_those_that_did_not_do_well_and_totals(screen: io.StringIO) -> None:
    files = {"refused": 2}
    good = {"rows": ROWS}
    odd: list[dict[str, Any]] = [
        {"dataset": "failed", "ingest": None},
        {"dataset": "refused", "ingest": good, "transform": {"rows": ROWS | {"refused": 1}}},
        {"dataset": "files", "ingest": {"rows": ROWS, "files": files}, "transform": good},
        {"dataset": "checked", "transform": {"rows": ROWS}, "checks": "FAILED"},
    ]  # fmt: skip
    report.datasets(result(datasets=many(*odd)))
    shown = words(screen)
    assert "failed - - - - - -" in shown
    assert "refused 10 9 1 1 0 -" in shown
    assert "files 10 9 0 1 0 -" in shown
    assert "checked 10 9 0 1 0 failed" in shown
    assert f"all {10 * (COUNT - 1)} {9 * (COUNT - 1)} 1 {COUNT - 1} 0 43 passed, 2 failed" in shown
    assert "and 41 datasets that are counted, but not shown: runs/manual-1/batches/" in shown
    assert not [name for name in NAMES if name in shown]


def test_report__of_many_that_failed_stays_short(screen: io.StringIO) -> None:
    failed = [{"dataset": name, "ingest": None} for name in NAMES]
    report.datasets(result(datasets=failed))
    assert [name for name in NAMES if name in screen.getvalue()] == NAMES[:20]
    assert "and 25 datasets" in words(screen)


# --- failures


def failures(count: int) -> list[dict[str, Any]]:
    return [{"state": "IngestDataset", "dataset": name, "error": "E"} for name in NAMES[:count]]


@pytest.mark.parametrize(("total", "more"), [(20, 0), (21, 1), (45, 25)])
def test_failures__beyond_those_of_the_result_are_counted(
    total: int, more: int, screen: io.StringIO
) -> None:
    told = result(failures=failures(20))
    told["totals"]["failures"] = total
    found = run.failures_of({"status": "FAILED"}, told)  # type: ignore[typeddict-item]
    run.print_failures(found)
    assert [item["dataset"] for item in found[:20]] == NAMES[:20]
    shown = words(screen)
    line = f"{more} more: runs/manual-1/batches/ has all that failed"
    assert (line in shown) == (more > 0)
    assert len(found) == 20 + (more > 0)


def test_failures__of_a_run_before_there_were_totals() -> None:
    old = {"run_id": "manual-1", "datasets": [], "failures": failures(1)}
    assert run.failures_of({"status": "FAILED"}, old) == failures(1)  # type: ignore[typeddict-item]


# --- progress


def batch(*names: str) -> dict[str, Script]:
    """Executions for some datasets, each over."""
    scripts = {name: Script() for name in names}
    for name, script in scripts.items():
        last = begun(script, name)
        last = transformed(script, last, name, {"rows": ROWS, "seconds": 1.0})
        script.add("ExecutionSucceeded", last)
    return scripts


def test_progress__datasets_stand_for_their_batches() -> None:
    scripts = run_of("manual-1", batch("flights", "planes"), batch("sales"))
    states = Fake(get_execution_history=histories(**scripts))
    progress = Progress(connected(stepfunctions=states), RUN)
    ended = progress.poll()
    assert {(unit.state, unit.item) for unit in ended} == {
        ("TransformDataset", name) for name in ("flights", "planes", "sales")
    }
    asked = len(states.asked)
    assert progress.poll() == []
    # Executions that are over are not read again.
    assert len(states.asked) == asked + 1


def test_progress__what_a_dataset_tells_of_its_failure_is_told_once() -> None:
    script = Script()
    refused(script, held(script, "flights"), "flights", "Rejected", "no", "ApprovalRejected")
    scripts = run_of("manual-1", {"flights": script})
    states = Fake(get_execution_history=histories(**scripts))
    ended = Progress(connected(stepfunctions=states), RUN).poll()
    assert [unit.state for unit in ended] == ["TransformDataset", "RequestApproval"]


def test_status__of_a_run_with_many_units_shows_how_many_are_done(screen: io.StringIO) -> None:
    names = [NAMES[:20], NAMES[20:40], NAMES[40:], NAMES]
    scripts = run_of("manual-1", *(batch(*some) for some in names))
    states = Fake(
        get_execution_history=histories(**scripts),
        describe_execution={"status": "RUNNING", "startDate": START},
    )
    status.one_run(connected(stepfunctions=states), RUN)
    assert f"and {2 * COUNT} units of work that are done" in words(screen)
    assert "TransformDataset" not in screen.getvalue()
