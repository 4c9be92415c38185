"""Models whose inputs change while they are built, and two model jobs at the same time."""

from __future__ import annotations

from typing import Any

import pytest

from medallion.lake.objects import Lake
from medallion.runs.inputs_guard import Inputs
from tests.unit.model_fixtures import (
    CUSTOMERS,
    MODELS,
    RUN,
    SALES,
    SQL,
    contents,
    put_config,
    put_sales,
    put_table,
    run,
    run_all,
    table,
)
from tests.unit.overlaps import Hooked, Turns, at

pytestmark = pytest.mark.slow

# Two models of a stage that share an input, one of which reads the other.
SHARED = {
    "a_months": "SELECT DISTINCT month FROM processed.sales",
    "b_sales": "SELECT s.month, count(*) AS sales FROM processed.sales AS s "
    "JOIN analytics.a_months AS m ON s.month = m.month GROUP BY s.month",
}
# February becomes one sale and March comes, so a partition shrinks and one is made.
NEWER = {**SALES, "month": ["2024-01", "2024-02", *["2024-03"] * 3], "amount": [1, 2, 3, 4, 5]}
# January goes.
NEWEST = {**SALES, "month": ["2024-02", *["2024-04"] * 4]}


def reset(lake: Lake) -> None:
    """Put configuration and inputs, and build all tables."""
    lake.delete(found.key for found in lake.list_objects(""))
    settings: dict[str, Any] = {**MODELS, **{name: {"stage": "fact"} for name in SHARED}}
    put_config(lake, {**SQL, **SHARED}, settings)
    put_sales(lake)
    put_table(lake, "processed/customers/part-0.parquet", CUSTOMERS)
    run_all(lake, "before")
    put_sales(lake, NEWER)


def keep(lake: Lake) -> list[str]:
    """Copy all objects to kept/, and give their keys."""
    found = [stored.key for stored in lake.list_objects("")]
    for key in found:
        copy(lake, key, f"kept/{key}")
    return found


def restore(lake: Lake, kept: list[str]) -> None:
    """Make the lake what it was."""
    lake.delete(o.key for o in lake.list_objects("") if not o.key.startswith("kept/"))
    for key in kept:
        copy(lake, f"kept/{key}", key)


def copy(lake: Lake, source: str, key: str) -> None:
    where: Any = {"Bucket": lake.bucket, "Key": source}
    lake.client.copy_object(Bucket=lake.bucket, Key=key, CopySource=where)


def undisturbed(lake: Lake) -> dict[str, bytes]:
    """What is published when one run comes after the other."""
    reset(lake)
    put_sales(lake, NEWEST)
    run_all(lake)
    return contents(lake)


def second(lake: Lake) -> None:
    """Another run, from the dataset's table to the last model."""
    put_sales(lake, NEWEST)
    run_all(lake, "second")


def overlapped(lake: Lake, step: int) -> list[dict[str, bytes]]:
    """Run a second run inside the first at every `step`th request; give what there is then."""
    reset(lake)
    kept = keep(lake)
    states: list[dict[str, bytes]] = []
    number = 1
    while True:
        restore(lake, kept)
        hooked = Hooked(lake, at(number, lambda: second(lake)))
        run_all(hooked.lake, "first")
        if hooked.requests < number:
            return states
        states.append(contents(lake))
        number += step


def test_overlap__second_run_inside_the_first(lake: Lake) -> None:
    expected = undisturbed(lake)
    states = overlapped(lake, 9)
    assert len(states) > 6
    for number, found in enumerate(states):
        assert found == expected, f"the second run came before request {9 * number + 1}"


def test_overlap__without_the_guard_tables_are_stale(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the test above would find."""
    expected = undisturbed(lake)
    monkeypatch.setattr(Inputs, "changes", lambda self: "")
    assert [found for found in overlapped(lake, 20) if found != expected]


@pytest.mark.parametrize("seed", range(5))
def test_overlap__in_turns(lake: Lake, seed: int) -> None:
    expected = undisturbed(lake)
    reset(lake)
    Turns(lake, seed).run(lambda own: run_all(own, "first"), second)
    assert contents(lake) == expected


def test_repeat__report_is_of_the_last_pass(lake: Lake) -> None:
    reset(lake)
    run(lake, "dimension")

    def newer(request: int, operation: str) -> None:
        others = lake.list_objects(f"runs/{RUN}/model/b_sales")
        if operation == "PutObject" and not changed and list(others):
            changed.append(request)
            put_sales(lake, NEWEST)
            put_table(lake, "processed/sales/month=2024-04/part-1.parquet", {
                "sale_id": [6], "customer_id": [1], "amount": [6],
            })  # fmt: skip

    changed: list[int] = []
    summary = run(Hooked(lake, newer).lake, "fact")
    assert summary["status"] == "SUCCEEDED"
    report = lake.get_json(f"runs/{RUN}/model/fact_sales.json")
    assert report["rows"]["out"] == 6
    assert report["inputs"] == {"processed.sales": 6, "analytics.dim_customer": 3}
    (warning,) = [text for text in report["warnings"] if "pass" in text]
    assert warning == (
        "processed/sales/, analytics/dim_customer/ changed while it was read (objects: 2 added, "
        "1 changed, 2 gone; the first is processed/sales/month=2024-01/part-0.parquet): "
        "pass 2 begins"
    )
    assert table(lake, "fact_sales")["sale_id"].sort_values().tolist() == [1, 2, 3, 4, 5, 6]


def test_repeat__model_that_fails_each_time(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    reset(lake)
    monkeypatch.setattr(Inputs, "changes", lambda self: "objects: 1 added; the first is x")
    (failure,) = run(lake, "dimension")["failures"]
    assert failure["error"] == "InputsChanged"
    assert failure["cause"].startswith("processed/customers/ changed while it was read, 5 times")
    assert lake.head(f"runs/{RUN}/model/dim_customer.json") is None


def test_input__that_changes_between_two_models_of_a_stage(lake: Lake) -> None:
    """The second model read what the first one had downloaded."""
    reset(lake)
    run(lake, "dimension")

    def newer(request: int, operation: str) -> None:
        reports = [f.key for f in lake.list_objects(f"runs/{RUN}/model/") if "a_months" in f.key]
        if reports and not changed:
            changed.append(request)
            put_sales(lake, NEWEST)

    changed: list[int] = []
    run(Hooked(lake, newer).lake, "fact")
    assert changed
    report = lake.get_json(f"runs/{RUN}/model/b_sales.json")
    assert report["warnings"] == [], "the model was built in one pass"
    assert table(lake, "b_sales")["month"].tolist() == ["2024-02"]
