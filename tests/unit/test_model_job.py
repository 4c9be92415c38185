"""The model job: what it builds, what it leaves out, and what it says of it."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import model
from medallion.errors import ConfigError
from medallion.lake.objects import Lake
from tests.unit.model_fixtures import (
    RUN,
    SALES,
    SQL,
    STAGES,
    contents,
    not_built,
    put_config,
    put_lake,
    put_sales,
    put_text,
    run,
    run_all,
    table,
    versions,
)


@pytest.fixture
def filled(lake: Lake) -> Lake:
    put_lake(lake)
    return lake


# Tables


def test_stages__build_their_tables(filled: Lake) -> None:
    assert [s["status"] for s in run_all(filled)] == ["SUCCEEDED"] * 3
    assert list(contents(filled)) == [
        "analytics/customer_count/part-0.parquet",
        "analytics/dim_customer/part-0.parquet",
        "analytics/fact_sales/month=2024-01/part-0.parquet",
        "analytics/fact_sales/month=2024-02/part-0.parquet",
        "analytics/sales_summary/part-0.parquet",
    ]
    fact = table(filled, "fact_sales").sort_values("sale_id")
    assert fact["name"].fillna("-").tolist() == ["ADA", "ADA", "BO", "BO", "-"]
    assert fact["month"].tolist() == SALES["month"]
    assert table(filled, "customer_count")["customers"].tolist() == [3]
    summary = table(filled, "sales_summary")
    assert dict(zip(summary["month"], map(int, summary["amount"]), strict=True)) == {
        "2024-01": 30,
        "2024-02": 120,
    }


def test_stage__again_changes_nothing(filled: Lake) -> None:
    run_all(filled)
    before = contents(filled), versions(filled)
    again = run_all(filled, "run-2")
    assert (contents(filled), versions(filled)) == before
    assert [s["objects"] for s in again] == [
        {"written": 0, "unchanged": n, "deleted": 0} for n in (1, 2, 2)
    ]
    assert [s["bytes_written"] for s in again] == [0, 0, 0]


def test_stage__partition_that_the_query_no_longer_yields(filled: Lake) -> None:
    run_all(filled)
    put_sales(filled, {name: values[:2] for name, values in SALES.items()})
    summary = run(filled, "fact", "run-2")
    assert summary["objects"] == {"written": 0, "unchanged": 1, "deleted": 1}
    assert list(contents(filled, "analytics/fact_sales/")) == [
        "analytics/fact_sales/month=2024-01/part-0.parquet"
    ]


def test_sql__edited_in_the_bucket(filled: Lake) -> None:
    run(filled, "dimension")
    put_text(
        filled, "config/models/dim_customer.sql", "SELECT customer_id FROM processed.customers"
    )
    run(filled, "dimension", "run-2")
    assert list(table(filled, "dim_customer").columns) == ["customer_id"]


def test_report__of_a_model(filled: Lake) -> None:
    run(filled, "dimension")
    run(filled, "fact")
    report = filled.get_json(f"runs/{RUN}/model/fact_sales.json")
    assert report["inputs"] == {"processed.sales": 5, "analytics.dim_customer": 3}
    assert report["rows"] == {"in": 5, "out": 5, "refused": 0, "duplicate": 0, "filtered": 0}
    assert (report["job"], report["model"]) == ("model", "fact_sales")
    assert (report["stage"], report["engine"]) == ("fact", "duckdb")
    assert report["objects"] == {"written": 2, "unchanged": 0, "deleted": 0}


def test_log__shows_the_progress(filled: Lake, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "model")
    run(filled, "dimension")
    run(filled, "mart", "other")
    lines = [record.getMessage() for record in caplog.records]
    assert any(
        line.startswith("1/1 dim_customer: 3 rows, 1 object(s) written, 0 unchanged, 0 deleted in ")
        for line in lines
    ), lines
    assert any(line.startswith("2/2 sales_summary: failed: ObjectNotFound: ") for line in lines)


# Empty tables


def test_empty__keeps_its_columns_and_those_who_read_it(filled: Lake) -> None:
    run_all(filled)
    put_text(filled, "config/models/fact_sales.sql", f"{SQL['fact_sales']} WHERE s.sale_id < 0")
    summaries = run_all(filled, "run-2")
    assert [s["status"] for s in summaries] == ["SUCCEEDED"] * 3
    key = "analytics/fact_sales/month=__HIVE_DEFAULT_PARTITION__/part-0.parquet"
    assert list(contents(filled, "analytics/fact_sales/")) == [key]
    assert summaries[1]["objects"] == {"written": 1, "unchanged": 0, "deleted": 2}
    assert summaries[1]["bytes_written"] == len(contents(filled)[key])
    fact = table(filled, "fact_sales")
    assert (list(fact.columns), len(fact)) == (["sale_id", "amount", "name", "month"], 0)
    assert len(table(filled, "sales_summary")) == 0
    assert filled.get_json("runs/run-2/model/sales_summary.json")["inputs"] == {
        "analytics.fact_sales": 0
    }
    before = versions(filled)
    again = run(filled, "fact", "run-3")
    assert again["objects"] == {"written": 0, "unchanged": 1, "deleted": 0}
    assert versions(filled) == before


def test_empty__gives_way_to_rows(filled: Lake) -> None:
    run(filled, "dimension")
    put_text(filled, "config/models/fact_sales.sql", f"{SQL['fact_sales']} WHERE s.sale_id < 0")
    run(filled, "fact")
    put_text(filled, "config/models/fact_sales.sql", SQL["fact_sales"])
    summary = run(filled, "fact", "run-2")
    assert summary["objects"] == {"written": 2, "unchanged": 0, "deleted": 1}
    assert len(contents(filled, "analytics/fact_sales/")) == 2


@pytest.mark.parametrize("layer", ["raw", "processed"])
def test_empty__dataset_without_objects(filled: Lake, layer: str) -> None:
    filled.delete(o.key for o in filled.list_objects(f"{layer}/sales/"))
    columns = "sale_id, amount, month" + (", ingest_date" if layer == "raw" else "")
    put_text(filled, "config/models/fact_sales.sql", f"SELECT {columns} FROM {layer}.sales")
    run(filled, "dimension")
    summary = run(filled, "fact")
    assert summary["status"] == "SUCCEEDED"
    assert summary["rows_out"] == 0


def test_input__that_was_never_built(filled: Lake) -> None:
    summary = run(filled, "fact")
    (failure,) = summary["failures"]
    assert failure["error"] == "ObjectNotFound"
    assert failure["cause"] == (
        f"analytics.dim_customer was never built (no object under s3://{filled.bucket}/"
        "analytics/dim_customer/): run its stage 'dimension' first"
    )


# Summaries


def test_summary__of_a_stage(filled: Lake) -> None:
    summary = run(filled, "dimension")
    assert summary == filled.get_json(f"runs/{RUN}/stages/dimension.json")
    assert summary["seconds"] >= 0
    assert summary["started_at"].endswith("Z")
    assert summary["bytes_written"] == sum(map(len, contents(filled).values()))
    assert {
        k: v for k, v in summary.items() if k not in ("seconds", "started_at", "bytes_written")
    } == {
        "run_id": RUN,
        "stage": "dimension",
        "engine": "duckdb",
        "status": "SUCCEEDED",
        "models": {"selected": 1, "succeeded": 1, "unchanged": 0, "failed": 0, "skipped": 0},
        "rows_out": 3,
        "objects": {"written": 1, "unchanged": 0, "deleted": 0},
        "failures": [],
        "check_batches": 1,
        "remaining": ["fact", "mart"],
    }
    assert filled.get_json(f"runs/{RUN}/stages/dimension-checks-0.json") == {
        "tables": [{"name": "dim_customer", "rows": 3, "min_rows": 1}]
    }
    assert not_built(filled, "dimension") == {"failed": [], "skipped": []}


def test_summary__stage_without_models(filled: Lake) -> None:
    put_config(filled, stages=[*STAGES, "idle"])
    summary = run(filled, "idle")
    assert summary["models"] == {
        "selected": 0,
        "succeeded": 0,
        "unchanged": 0,
        "failed": 0,
        "skipped": 0,
    }
    assert (summary["status"], summary["check_batches"], summary["remaining"]) == (
        "SUCCEEDED",
        0,
        [],
    )


# Selection


def test_datasets__only_what_depends_on_them(filled: Lake) -> None:
    run_all(filled)
    summaries = run_all(filled, "run-2", datasets=["sales"])
    assert [s["models"]["selected"] for s in summaries] == [0, 1, 1]
    assert [s["remaining"] for s in summaries] == [["fact", "mart"], ["mart"], []]
    assert [o.key for o in filled.list_objects("runs/run-2/model/")] == [
        "runs/run-2/model/fact_sales.json",
        "runs/run-2/model/sales_summary.json",
    ]


def test_failed__skips_what_depends_on_them(filled: Lake) -> None:
    summaries = run_all(filled, failed=["sales"])
    assert [s["models"]["skipped"] for s in summaries] == [0, 1, 1]
    assert summaries[1]["failures"] == [
        {
            "model": "fact_sales",
            "status": "skipped",
            "error": "InputNotBuilt",
            "cause": "its input processed.sales is of a dataset that failed in this run",
        }
    ]
    assert summaries[2]["failures"][0]["cause"] == (
        "its input analytics.fact_sales was skipped in this run"
    )
    assert summaries[2]["models"]["succeeded"] == 1


def test_failed__through_a_stage_that_does_not_run(filled: Lake) -> None:
    run_all(filled)
    summary = run(filled, "mart", "run-2", failed=["sales"])
    assert [f["model"] for f in summary["failures"]] == ["sales_summary"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"stage": "facts"},
            "--stage: there is no stage 'facts' (did you mean 'fact'?); the stages are: "
            "dimension, fact, mart",
        ),
        (
            {"stage": "fact", "datasets": ["sale"]},
            "--datasets: there is no dataset 'sale' (did you mean 'sales'?); the datasets are: "
            "sales, customers",
        ),
        (
            {"stage": "fact", "failed": ["x"]},
            "--failed: there is no dataset 'x'; the datasets are: sales, customers",
        ),
    ],
)
def test_arguments__unknown_names(filled: Lake, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        model.run(filled, run_id=RUN, **arguments)
    assert str(caught.value) == message
    assert list(filled.list_objects("runs/")) == []
