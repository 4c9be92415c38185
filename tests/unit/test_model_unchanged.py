"""Models whose SQL, inputs and table are as they were: they are not built again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from medallion.engines import opening
from medallion.lake.objects import Lake
from medallion.runs.last_build import LastBuild
from tests.unit.model_fixtures import (
    CONTRACTS,
    CUSTOMERS,
    MODELS,
    SALES,
    SQL,
    STAGES,
    contents,
    put_config,
    put_lake,
    put_sales,
    put_table,
    put_text,
    run,
    table,
    versions,
)

CODE = "s3://lake/code/1a2b/"
ALL = set(SQL)
FACT = "analytics/fact_sales/month=2024-01/part-0.parquet"


@pytest.fixture
def filled(lake: Lake) -> Lake:
    put_lake(lake)
    return lake


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("an engine was opened")

    with monkeypatch.context() as patch:
        patch.setattr(opening, "open_engine", fail)
        yield


def build(lake: Lake, run_id: str, **more: Any) -> list[dict[str, Any]]:
    more = {"software": CODE, **more}
    return [run(lake, stage, run_id, **more) for stage in STAGES]


def built(lake: Lake, run_id: str) -> set[str]:
    """Give the models that a run has built."""
    found = (lake.get_json(f"runs/{run_id}/model/{name}.json") for name in SQL)
    return {report["model"] for report in found if "unchanged_since" not in report}


def test_unchanged__opens_no_engine_and_says_what_the_table_has(
    filled: Lake, request: pytest.FixtureRequest
) -> None:
    first = build(filled, "run-1")
    before = contents(filled), versions(filled)
    request.getfixturevalue("no_engine")
    again = build(filled, "run-2")
    assert (contents(filled), versions(filled)) == before
    assert built(filled, "run-2") == set()
    assert [s["models"]["unchanged"] for s in (*first, *again)] == [0, 0, 0, 1, 1, 2]
    for name in ("rows_out", "check_batches"):
        assert [s[name] for s in again] == [s[name] for s in first]
    assert [s["objects"] for s in again] == [
        {"written": 0, "unchanged": n, "deleted": 0} for n in (1, 2, 2)
    ]
    checks = [filled.get_json(f"runs/run-{n}/stages/fact-checks-0.json") for n in (1, 2)]
    assert checks[0] == checks[1]
    reports = [filled.get_json(f"runs/run-{n}/model/fact_sales.json") for n in (1, 2)]
    for name in ("rows", "inputs", "engine", "stage"):
        assert reports[0][name] == reports[1][name]
    build(filled, "run-3")
    assert filled.get_json("runs/run-3/model/fact_sales.json")["unchanged_since"] == "run-1"


def test_unchanged__code_that_has_no_name(filled: Lake) -> None:
    build(filled, "run-1", software=None)
    build(filled, "run-2", software=None)
    assert built(filled, "run-2") == ALL
    build(filled, "run-3")
    build(filled, "run-4", software=None)
    assert built(filled, "run-4") == ALL


def _put_sql(lake: Lake, name: str, text: str) -> None:
    put_text(lake, lake.model_sql_key(name), text)


def _delete(lake: Lake, key: str) -> None:
    lake.delete([key])


CHANGES: dict[str, tuple[Callable[[Lake], object], set[str]]] = {
    "nothing": (lambda _: None, set()),
    "SQL, with other rows": (
        lambda lake: _put_sql(lake, "dim_customer", SQL["dim_customer"] + " WHERE customer_id > 1"),
        ALL - {"sales_summary"} | {"sales_summary"},
    ),
    "SQL, with the same rows": (
        lambda lake: _put_sql(lake, "dim_customer", SQL["dim_customer"] + " -- all"),
        {"dim_customer"},
    ),
    "an input": (
        lambda lake: put_sales(lake, SALES | {"amount": [10, 20, 30, 40, 51]}),
        {"fact_sales", "sales_summary"},
    ),
    "an input that the query does not tell apart": (
        lambda lake: put_table(
            lake, "processed/customers/part-0.parquet", CUSTOMERS | {"name": ["ada", "bo", "cy"]}
        ),
        {"dim_customer"},
    ),
    "a further object of an input": (
        lambda lake: put_table(
            lake, "processed/customers/part-1.parquet", {"customer_id": [9], "name": ["Di"]}
        ),
        ALL,
    ),
    "an object of the table is gone": (lambda lake: _delete(lake, FACT), {"fact_sales"}),
    "an object of the table is another's": (
        lambda lake: put_text(lake, FACT, "others"),
        {"fact_sales"},
    ),
    "an object too many": (
        lambda lake: put_text(lake, f"{FACT[:-6]}1.parquet", "others"),
        {"fact_sales"},
    ),
    "the record": (
        lambda lake: put_text(lake, "state/built/analytics/fact_sales.json", "[1, 2]"),
        {"fact_sales"},
    ),
    "the record, which is no JSON": (
        lambda lake: put_text(lake, "state/built/analytics/fact_sales.json", "{"),
        {"fact_sales"},
    ),
    "partitions": (
        lambda lake: put_config(lake, settings=MODELS | {"fact_sales": {"stage": "fact"}}),
        {"fact_sales", "sales_summary"},
    ),
    "least number of rows, which the checks ask for": (
        lambda lake: put_config(lake, settings=MODELS | {"customer_count": {
            "stage": "mart", "min_rows": 7}}),
        set(),
    ),
    "columns of a dataset": (
        lambda lake: lake.put_json(lake.contract_key("customers"), CONTRACTS["customers"] | {
            "columns": [*CONTRACTS["customers"]["columns"], {"name": "x", "type": "int"}]}),
        {"dim_customer"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_change__is_noticed_and_the_tables_are_right(filled: Lake, change: str) -> None:
    make, expected = CHANGES[change]
    build(filled, "run-1")
    make(filled)
    build(filled, "run-2")
    assert built(filled, "run-2") == expected
    found = contents(filled)
    build(filled, "run-3", software=None)
    assert contents(filled) == found


@pytest.mark.parametrize("more", [{"software": "s3://lake/code/3c4d/"}, {"max_object_bytes": 1}])
def test_change__of_what_makes_the_tables(filled: Lake, more: dict[str, Any]) -> None:
    build(filled, "run-1")
    build(filled, "run-2", **more)
    assert built(filled, "run-2") == ALL


def test_record__is_of_what_was_put_not_of_what_lies_there(
    filled: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run writes what it made of older inputs before ours has ended, and is killed."""
    keep = LastBuild.keep

    def overwritten(self: LastBuild, *arguments: Any) -> None:
        put_table(filled, FACT, {"sale_id": [0], "amount": [0], "name": ["old"]})
        keep(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(LastBuild, "keep", overwritten)
        run(filled, "dimension", "run-1", software=CODE)
        run(filled, "fact", "run-1", software=CODE)
    assert "old" in set(table(filled, "fact_sales")["name"])
    build(filled, "run-2")
    assert sorted(table(filled, "fact_sales")["sale_id"]) == SALES["sale_id"]


def test_record__of_a_run_that_was_killed_before_it(
    filled: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(LastBuild, "keep", lambda *_: 1 / 0)
        build(filled, "run-1")
    build(filled, "run-2")
    assert built(filled, "run-2") == ALL


def test_failure__leaves_the_table_and_what_is_known_of_it(filled: Lake) -> None:
    build(filled, "run-1")
    _put_sql(filled, "dim_customer", "SELECT nosuch FROM processed.customers")
    assert build(filled, "run-2")[0]["status"] == "FAILED"
    _put_sql(filled, "dim_customer", SQL["dim_customer"])
    build(filled, "run-3")
    assert built(filled, "run-3") == set()
