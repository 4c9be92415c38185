"""The model job when something fails: who is skipped, what is said, and how the job ends."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import model
from medallion.engines import opening as engines
from medallion.engines.base import Engine, TableTarget
from medallion.errors import ConfigError, LakeError, ModelsFailed
from medallion.lake.objects import Lake
from medallion.runs import job, stage_summary
from medallion.runs.report import Report
from tests.unit.model_fixtures import (
    MODELS,
    RUN,
    SQL,
    contents,
    not_built,
    put_config,
    put_lake,
    put_text,
    run,
    run_all,
)


@pytest.fixture
def filled(lake: Lake) -> Lake:
    put_lake(lake)
    return lake


# Failures


def test_graph__mistake_anywhere_stops_everything(filled: Lake) -> None:
    put_text(filled, "config/models/sales_summary.sql", "SELECT *\nFROM analytics.fact_sale")
    with pytest.raises(ConfigError) as caught:
        run(filled, "dimension")
    assert str(caught.value) == (
        "config/models/sales_summary.sql, line 2: input 'analytics.fact_sale' is unknown (did you "
        "mean 'analytics.fact_sales'?)"
    )
    assert contents(filled) == {}
    assert list(filled.list_objects("runs/")) == []


def test_model__that_fails_does_not_stop_its_siblings(filled: Lake) -> None:
    sql = {
        **SQL,
        "bad": "SELECT nme FROM processed.customers",
        "child": "SELECT * FROM analytics.bad",
        "grandchild": "SELECT * FROM analytics.child",
        "later": "SELECT * FROM analytics.grandchild",
        "a_good": "SELECT 1 AS one",
        "z_good": "SELECT 2 AS two",
        "z_bad": "SELECT nme FROM processed.customers",
    }
    stages = {name: {"stage": "dimension"} for name in sql if name not in MODELS}
    put_config(filled, sql, {**MODELS, **stages, "later": {"stage": "mart"}})
    summary = run(filled, "dimension")
    assert summary["models"] == {
        "selected": 7,
        "succeeded": 3,
        "unchanged": 0,
        "failed": 2,
        "skipped": 2,
    }
    assert [(f["model"], f["status"]) for f in summary["failures"]] == [
        ("bad", "failed"),
        ("z_bad", "failed"),
        ("child", "skipped"),
        ("grandchild", "skipped"),
    ]
    assert summary["failures"][0]["error"] == "ConfigError"
    assert "nme" in summary["failures"][0]["cause"]
    assert summary["failures"][2]["cause"] == "its input analytics.bad failed in this run"
    assert not_built(filled, "dimension") == {
        "failed": ["bad", "z_bad"],
        "skipped": ["child", "grandchild"],
    }
    checked = filled.get_json(f"runs/{RUN}/stages/dimension-checks-0.json")["tables"]
    assert [t["name"] for t in checked] == ["a_good", "dim_customer", "z_good"]
    run(filled, "fact")
    mart = run(filled, "mart")
    assert [f["model"] for f in mart["failures"]] == ["later"]
    assert mart["models"]["succeeded"] == 2


def test_model__that_failed_earlier_in_the_run_and_had_data(filled: Lake) -> None:
    """The table of the run before is there, but it is not what this run would have read."""
    run_all(filled)
    put_text(filled, "config/models/fact_sales.sql", "SELECT nope FROM processed.sales")
    run(filled, "fact", "run-2")
    assert run(filled, "mart", "run-2")["models"]["skipped"] == 1
    assert run(filled, "mart", "run-3")["models"]["skipped"] == 0


def test_model__that_was_skipped_earlier_in_the_run(filled: Lake) -> None:
    """Its SQL may have been edited since, so that nothing else tells."""
    run_all(filled)
    record = {"failed": [], "skipped": ["fact_sales"]}
    filled.put_json("runs/run-2/stages/fact-not-built.json", record)
    (failure,) = run(filled, "mart", "run-2")["failures"]
    assert failure["model"] == "sales_summary"
    assert failure["cause"] == "its input analytics.fact_sales was skipped in this run"


def test_model__that_failed_and_is_mended_in_the_same_run(filled: Lake) -> None:
    put_text(filled, "config/models/dim_customer.sql", "SELECT nope FROM processed.customers")
    run(filled, "dimension")
    put_text(filled, "config/models/dim_customer.sql", SQL["dim_customer"])
    run(filled, "dimension")
    assert run(filled, "fact")["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("partition_by", "message"),
    [
        (["year"], "the query has no column 'year'; its columns are: sale_id, amount, name, month"),
        (
            ["sale_id"],
            "column 'sale_id' is a bigint, and models are partitioned by strings only; cast it: "
            "CAST(sale_id AS STRING) AS sale_id",
        ),
    ],
)
def test_partition_by__that_does_not_fit(
    filled: Lake, partition_by: list[str], message: str
) -> None:
    put_config(
        filled,
        settings={**MODELS, "fact_sales": {**MODELS["fact_sales"], "partition_by": partition_by}},
    )
    run(filled, "dimension")
    (failure,) = run(filled, "fact")["failures"]
    assert failure["error"] == "ConfigError"
    assert failure["cause"] == (
        f"config/models.json, field 'models.fact_sales.partition_by': {message}"
    )
    assert contents(filled, "analytics/fact_sales/") == {}


def test_partition_by__all_columns(filled: Lake) -> None:
    put_config(
        filled,
        settings={**MODELS, "dim_customer": {"stage": "dimension", "partition_by": ["name"]}},
    )
    put_text(filled, "config/models/dim_customer.sql", "SELECT name FROM processed.customers")
    (failure,) = run(filled, "dimension")["failures"]
    assert failure["cause"].endswith("partition columns; one must stay in the files")


def test_contract__that_is_wrong_fails_only_its_readers(filled: Lake) -> None:
    settings = {**MODELS, "good": {"stage": "dimension"}}
    put_config(filled, {**SQL, "good": "SELECT 1 AS one"}, settings)
    filled.put_json("config/datasets/customers.json", {"name": "customers", "columns": []})
    summary = run(filled, "dimension")
    assert summary["models"] == {
        "selected": 2,
        "succeeded": 1,
        "unchanged": 0,
        "failed": 1,
        "skipped": 0,
    }
    assert summary["failures"][0]["cause"].startswith("dataset 'customers', field 'columns'")


class Spy:
    """Opens the real engines, and keeps what happened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened: list[str] = []
        self.released = 0
        self._open = engines.open_engine
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(engines, "open_engine", self)

    def __call__(self, name: str, *arguments: Any, **more: Any) -> Engine:
        self.opened.append(name)
        # Spark is not needed to see which engine was asked for.
        engine = self._open("duckdb", *arguments, **more)
        release = engine.release

        def counted() -> None:
            self.released += 1
            release()

        self._monkeypatch.setattr(engine, "release", counted)
        return engine


def test_engines__opened_once_each_and_released_after_each_model(
    filled: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql = {
        "a": "SELECT 1 AS v",
        "b": "SELECT 2 AS v",
        "c": "SELECT v FROM analytics.a",
        "d": "SELECT x",
    }
    settings = {name: {"stage": "mart", "engine": "spark"} for name in "ac"}
    put_config(
        filled,
        {**SQL, **sql},
        {**MODELS, **settings, "b": {"stage": "mart"}, "d": {"stage": "mart"}},
    )
    run(filled, "dimension")
    run(filled, "fact")
    spy = Spy(monkeypatch)
    summary = run(filled, "mart")
    assert sorted(spy.opened) == ["duckdb", "spark"]
    assert spy.released == 6
    assert summary["engine"] == "spark"
    assert summary["models"]["succeeded"] == 5
    spy.opened.clear()
    assert run(filled, "mart", engine="duckdb")["engine"] == "duckdb"
    assert spy.opened == ["duckdb"]


def test_engines__none_is_opened_when_all_is_skipped(
    filled: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = Spy(monkeypatch)
    run(filled, "fact", failed=["sales"])
    assert spy.opened == []


def test_engines__one_that_does_not_open_fails_its_models_only(
    filled: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    def refuse(name: str, *arguments: Any, **more: Any) -> Engine:
        opened.append(name)
        if name == "spark":
            raise LakeError("no Java here")
        return original(name, *arguments, **more)

    original = engines.open_engine
    monkeypatch.setattr(engines, "open_engine", refuse)
    sql = {"a": "SELECT 1 AS v", "b": "SELECT 2 AS v"}
    put_config(
        filled,
        {**SQL, **sql},
        {**MODELS, **{n: {"stage": "dimension", "engine": "spark"} for n in sql}},
    )
    summary = run(filled, "dimension")
    assert summary["models"] == {
        "selected": 3,
        "succeeded": 1,
        "unchanged": 0,
        "failed": 2,
        "skipped": 0,
    }
    assert {f["cause"] for f in summary["failures"]} == {"no Java here"}
    assert sorted(opened) == ["duckdb", "spark"]


@pytest.mark.parametrize(
    ("error", "shown"),
    [(TypeError("None is not\nsubscriptable"), True), (LakeError("the disk is full"), False)],
)
def test_defect__fails_the_model_with_its_traceback(
    filled: Lake,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    shown: bool,
) -> None:
    original = engines.open_engine

    def opening(*arguments: Any, **more: Any) -> Engine:
        engine = original(*arguments, **more)
        write = engine.write_table

        def failing(name: str, where: str, target: TableTarget, report: Report) -> int:
            if target.prefix == "analytics/customer_count/":
                raise error
            return write(name, where, target, report)

        monkeypatch.setattr(engine, "write_table", failing)
        return engine

    monkeypatch.setattr(engines, "open_engine", opening)
    run(filled, "dimension")
    run(filled, "fact")
    summary = run(filled, "mart")
    assert summary["models"] == {
        "selected": 2,
        "succeeded": 1,
        "unchanged": 0,
        "failed": 1,
        "skipped": 0,
    }
    assert summary["failures"][0]["error"] == type(error).__name__
    assert summary["failures"][0]["cause"] == " ".join(str(error).split())
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert bool(record.exc_info) == shown
    assert record.getMessage().startswith("1/2 customer_count: failed")


# The end of the job


def test_main__ends_with_models_failed(filled: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "s3_client", lambda: filled.client)
    put_text(filled, "config/models/dim_customer.sql", "SELECT nope FROM processed.customers")
    arguments = ["--bucket", filled.bucket, "--run-id", RUN, "--memory-mb", "256", "--stage"]
    with pytest.raises(ModelsFailed) as caught:
        model.main([*arguments, "dimension"])
    message = str(caught.value)
    assert message.startswith("1 of 1 models failed: dim_customer (ConfigError: "), message
    with pytest.raises(ModelsFailed) as caught:
        model.main([*arguments, "mart"])
    assert str(caught.value) == "2 of 2 models skipped: customer_count, sales_summary"
    with pytest.raises(ConfigError, match="--datasets is empty"):
        model.main([*arguments, "mart", "--datasets", " , "])


def test_verdict__is_cut_short() -> None:
    failures = [
        {"model": f"m{n}", "status": "failed", "error": "LakeError", "cause": "why"}
        for n in range(20)
    ]
    counts = {"selected": 60, "succeeded": 10, "unchanged": 0, "failed": 30, "skipped": 20}
    text = stage_summary.verdict({"models": counts, "failures": failures})
    assert text.startswith("30 of 60 models failed: m0 (LakeError: why), ")
    assert text.endswith("m4 (LakeError: why), 25 more; 20 skipped: 20 more")


def test_cause__is_cut_short() -> None:
    failure = stage_summary.Failure.of("m", LakeError("word " * 100))
    assert len(failure.cause) == stage_summary.MAX_CAUSE
    assert failure.cause.endswith("…")
