"""What a user reads when a variable is refused: place, value, what is allowed, what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.rendering import Terraform

DIGITS = {"name": "id", "type": "bigint"}


def orders(columns: list[dict[str, Any]] | None = None, **fields: Any) -> dict[str, Any]:
    """Return variables with one dataset."""
    return {"datasets": {"orders": {"columns": columns or [DIGITS], **fields}}}


def model(name: str = "sales_summary", **fields: Any) -> dict[str, Any]:
    """Return variables with one model, whose SQL is that of the example."""
    return {"models": {name: {"stage": "mart", **fields}}}


def column(**fields: Any) -> dict[str, Any]:
    return orders([{"name": "price", "type": "string", **fields}])


CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown type": (
        column(type="integer"),
        ["'orders'", "'columns'", "'price'", "'integer'", "bigint", "decimal(p,s)", "Use one of"],
    ),
    "unknown type of a derived column": (
        orders(derive=[{"name": "x", "type": "text", "expression": "1"}]),
        ["'orders'", "'derive'", "'x'", "'text'", "string, boolean", "Use one of"],
    ),
    "decimal": (
        column(type="decimal(40,2)"),
        ["'orders'", "'price'", "'decimal(40,2)'", "from 1 to 38", "Correct"],
    ),
    "key among no columns": (
        orders(key=["order_id"]),
        ["'orders'", "'key'", "'order_id'", "the columns are id", "Correct the name"],
    ),
    "order_by among no columns": (
        orders(order_by=["day desc"]),
        ["'orders'", "'order_by'", "'day'", "the columns are id", "Correct the name"],
    ),
    "order_by syntax": (
        orders(order_by=["id backwards"]),
        ["'orders'", "'order_by'", "'id backwards'", "asc or desc", "updated_at desc"],
    ),
    "partition_by among no columns": (
        orders(partition_by=["month"]),
        ["'orders'", "'partition_by'", "'month'", "the columns are id", "Correct the name"],
    ),
    "type of a partition column": (
        orders([DIGITS, {"name": "at", "type": "timestamp"}], partition_by=["at"]),
        ["'orders'", "'at'", "timestamp", "string, boolean, int, bigint, date", "Derive one"],
    ),
    "reserved name": (
        column(name="_source_row"),
        ["'orders'", "'_source_row'", "_source_file, _source_row, ingest_date", "another name"],
    ),
    "name not in lower snake case": (
        column(name="Unit Price"),
        ["'orders'", "'columns'", "'Unit Price'", "lower-case letters, digits and _", "Rename"],
    ),
    "name used twice": (
        orders([DIGITS, DIGITS]),
        ["'orders'", "'columns'", "used twice", "id, id", "Rename one"],
    ),
    "clean function": (
        column(clean=["trim", "capitalise"]),
        ["'orders'", "'price'", "'capitalise'", "trim, lower, upper, title", "Use these"],
    ),
    "clean of a number": (
        column(type="double", clean=["trim"]),
        ["'orders'", "'price'", "double", "for strings", "Leave it out"],
    ),
    "date format": (
        column(type="date", format="dd.mm.yyyy"),
        ["'orders'", "'price'", "'dd.mm.yyyy'", "%Y %y %m %d", "%d/%m/%Y"],
    ),
    "source": (
        orders(source={"type": "http"}),
        ["'orders'", "'source.type'", "'http'", "drop", "sample", "Use one"],
    ),
    "sample without a table": (
        orders(source={"type": "sample"}),
        ["'orders'", "'source.table'", "'null'", "customers, products, sales", "Choose one"],
    ),
    "format": (
        orders(format="excel"),
        ["'orders'", "'format'", "'excel'", "auto, csv, tsv, json, ndjson, parquet", "Use one"],
    ),
    "delimiter": (
        orders(delimiter="||"),
        ["'orders'", "'delimiter'", "'||'", "one ASCII character", "leave it null"],
    ),
    "encoding": (
        orders(encoding="utf8mb4"),
        ["'orders'", "'encoding'", "'utf8mb4'", "utf-8, utf-16, latin-1", "Use one"],
    ),
    "row_count": (
        orders(checks={"row_count": {"min": 10, "max": 5}}),
        ["'orders'", "'checks.row_count'", "min is 10", "max is 5", "Make min the smaller"],
    ),
    "sql check": (
        orders(checks={"sql": {"ghosts": "DROP TABLE orders"}}),
        ["'orders'", "'checks.sql.ghosts'", "'DROP TABLE orders'", "SELECT or WITH"],
    ),
    "dataset name": (
        {"datasets": {"Orders-2024": {"columns": [DIGITS]}}},
        ["'Orders-2024'", "lower-case letters, digits and _", "Rename the dataset"],
    ),
    "no datasets": ({"datasets": {}}, ["datasets is empty", "Describe one"]),
    "cron of Unix": (
        {"schedule_expression": "cron(0 3 * * *)"},
        ["schedule_expression", "'cron(0 3 * * *)'", "5 fields", "six", "cron(0 3 * * ? *)"],
    ),
    "cron field": (
        {"schedule_expression": "cron(0 25 * * ? *)"},
        ["schedule_expression", "hour is '25'", "0-23", "Correct it"],
    ),
    "cron without question mark": (
        {"schedule_expression": "cron(0 3 * * * *)"},
        ["'cron(0 3 * * * *)'", "exactly one", "must be ?", "cron(0 3 * * ? *)"],
    ),
    "rate": (
        {"schedule_expression": "rate(1 days)"},
        ["'rate(1 days)'", "rate(1 day)", "Rewrite it"],
    ),
    "mail address": (
        {"notification_emails": ["anna@example.com", "anna"]},
        ["notification_emails", "'anna'", "name@example.com"],
    ),
    "engine of a dataset": (
        orders(engine="glue"),
        ["'orders'", "'engine'", "'glue'", "duckdb, spark", "Use one of them"],
    ),
    "model name": (
        model("Sales"),
        ["Model 'Sales'", "lower-case letters, digits and _", "Rename the model and its file"],
    ),
    "model named as a dataset": (
        {**orders(), "models": {"orders": {"stage": "mart"}}, "models_directory": "sql"},
        ["Model 'orders'", "a dataset has this name", "Rename the model"],
    ),
    "stage of a model": (
        model(stage="gold"),
        ["Model 'sales_summary'", "'stage'", "'gold'", "dimension, fact, mart", "add it to"],
    ),
    "engine of a model": (
        model(engine="athena"),
        ["Model 'sales_summary'", "'engine'", "'athena'", "duckdb, spark", "Use one of them"],
    ),
    "partition column of a model": (
        model(partition_by=["Sale month"]),
        ["Model 'sales_summary'", "'partition_by'", "'Sale month'", "letters, digits and _", "SQL"],
    ),
    "partition column of a model, twice": (
        model(partition_by=["month", "month"]),
        ["Model 'sales_summary'", "'partition_by'", "month, month", "Name each once"],
    ),
    "unique of a model, twice": (
        model(checks={"unique": [["id"], ["day", "day"]]}),
        ["Model 'sales_summary'", "'checks.unique'", "day, day", "Name each once"],
    ),
    "unique of no columns": (
        model(checks={"unique": [[]]}),
        ["Model 'sales_summary'", "'checks.unique'", "empty list", "Name the columns"],
    ),
    "column of a model's check": (
        model(checks={"not_null": ["Revenue"]}),
        ["Model 'sales_summary'", "'checks.not_null'", "'Revenue'", "Correct it"],
    ),
    "accepted values of a model": (
        model(checks={"accepted_values": {"kind": []}}),
        ["Model 'sales_summary'", "'checks.accepted_values'", "'kind'", "Name the values"],
    ),
    "row_count of a model below zero": (
        model(checks={"row_count": {"min": -1}}),
        ["Model 'sales_summary'", "'checks.row_count.min'", "-1", "whole numbers from 0"],
    ),
    "row_count of a model": (
        model(checks={"row_count": {"min": 10, "max": 5}}),
        ["Model 'sales_summary'", "'checks.row_count'", "min is 10", "max is 5", "Make min the"],
    ),
    "sql check of a model": (
        model(checks={"sql": {"ghosts": "DROP TABLE sales_summary"}}),
        ["Model 'sales_summary'", "'checks.sql.ghosts'", "'DROP TABLE", "SELECT or WITH"],
    ),
    "name of a sql check of a model": (
        model(checks={"sql": {"it's": "SELECT 1"}}),
        ["Model 'sales_summary'", "'checks.sql'", "'it's'", "Rename the check"],
    ),
    "model without SQL": (
        model("sales_forecast"),
        ["Model 'sales_forecast'", "/models/sales_forecast.sql'", "Write it", "models_directory"],
    ),
    "more tables than Athena has statements for": (
        {"datasets": {f"d{i}": {"columns": [DIGITS]} for i in range(901)}, "models": {}},
        ["0 models and 901 datasets", "1,000", "900 together", "another name"],
    ),
    "stage name": (
        {"stages": ["data-mart"]},
        ["stages holds 'data-mart'", "lower-case letters, digits and _", "Rename the stage"],
    ),
    "stage twice": (
        {"stages": ["a", "b", "a"]},
        ["stages holds a name twice: a, b, a", "Name each stage once"],
    ),
    "size of a job": (
        {"jobs": {"model_dpu": 2}},
        ["jobs.model_dpu is 2", "0.0625 or 1 DPU", "Choose one"],
    ),
    "workers of Spark": (
        {"jobs": {"spark_max_workers": 1}},
        ["jobs.spark_max_workers is 1", "from 2", "Correct it"],
    ),
    "runtime": (
        {"jobs": {"runtime": "lambda"}},
        ["jobs.runtime is 'lambda'", "python_shell, spark", "Choose one of them"],
    ),
    "type of the workers": (
        {"jobs": {"spark_worker_type": "G.025X"}},
        ["jobs.spark_worker_type is 'G.025X'", "G.1X, G.2X, G.4X, G.8X", "Choose one of them"],
    ),
    "size of objects": (
        {"jobs": {"max_object_mebibytes": 5121}},
        ["jobs.max_object_mebibytes is 5121", "from 16 to 5120", "Correct it"],
    ),
    "name too long for its roles": (
        {"name": "n" * 45, "bucket_name": "lake"},
        ["45 characters", "-transform-spark-job must not exceed 64", "Use 44 characters at most"],
    ),
    "group name": (
        orders(group="New York"),
        ["'orders'", "'group'", "'New York'", "up to 49 lower-case letters", "Rename the group"],
    ),
    "dataset name too long for runs": (
        {"datasets": {"o" * 51: {"columns": [DIGITS]}}},
        [f"'{'o' * 51}'", "'group'", "51 characters", "allowed are 50", "Set group to a shorter"],
    ),
    "group named after a dataset of another": (
        {
            "datasets": {
                "orders": {"columns": [DIGITS], "group": "returns"},
                "returns": {"columns": [DIGITS], "group": "shop"},
            }
        },
        ["'orders'", "'group'", "'returns'", "another group ('shop')", "Put both into one group"],
    ),
    "trigger": (
        orders(triggers=["file", "schedule"]),
        ["'orders'", "'triggers'", "'file'", "event and schedule", "Use these, or []"],
    ),
    "event of a sample": (
        orders(source={"type": "sample", "table": "sales"}, triggers=["event", "schedule"]),
        ["'orders'", "'triggers'", "found event", "its source is sample", "Take event out"],
    ),
    "approval without a threshold": (
        orders(approval={}),
        ["'orders'", "'approval'", "no threshold", "Set max_refused_percent or"],
    ),
    "share of refused rows": (
        orders(approval={"max_refused_percent": 101}),
        ["'orders'", "'approval.max_refused_percent'", "found 101", "from 0 to 100", "Correct it"],
    ),
    "change of rows": (
        orders(approval={"max_row_change_percent": -5}),
        ["'orders'", "'approval.max_row_change_percent'", "found -5", "from 0", "Correct it"],
    ),
    "time of an approval": (
        orders(approval={"max_refused_percent": 5, "timeout_hours": 73}),
        ["'orders'", "'approval.timeout_hours'", "found 73", "from 1 to 72", "Correct it"],
    ),
    "window": (
        {"arrival_window_seconds": 4},
        ["arrival_window_seconds is 4", "from 5 to 3600", "Correct it"],
    ),
    "freshness": (
        {"monitoring": {"freshness_hours": 200}},
        ["monitoring.freshness_hours is 200", "from 1 to 168", "or null", "Correct it"],
    ),
    "schedule that no dataset wants": (
        orders(triggers=["event"]),
        ["'cron(0 3 * * ? *)'", "no dataset has the trigger", "Set it to null", "(of orders)"],
    ),
    "key alias of the catalog": (
        {"catalog_kms_key_arn": "alias/lake"},
        ["catalog_kms_key_arn", "'alias/lake'", "arn:aws:kms:", "describe-key"],
    ),
    "key alias": (
        {"kms_key_arn": "alias/lake"},
        ["kms_key_arn", "'alias/lake'", "arn:aws:kms:", "describe-key"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_message(case: str, rules: Terraform, tmp_path: Path) -> None:
    variables, wanted = CASES[case]
    told = _refusals(rules, tmp_path, variables)
    # One mistake, one message: rules must not trip over each other's subjects.
    assert len(told) == 1, told
    missing = [text for text in wanted if text not in told[0]]
    assert not missing, told[0]


def test_message__several_mistakes__names_each(rules: Terraform, tmp_path: Path) -> None:
    variables = orders([{"name": "a", "type": "x"}, {"name": "b", "type": "y"}], key=["c"])
    told = "\n".join(_refusals(rules, tmp_path, variables))
    assert all(text in told for text in ("'a'", "'x'", "'b'", "'y'", "'c'"))


def test_variables__of_the_examples__are_taken(rules: Terraform) -> None:
    examples = sorted(Path(__file__).parents[2].glob("examples/*/*.tfvars"))
    assert examples
    for example in examples:
        assert rules.diagnostics("plan", "-json", "-input=false", f"-var-file={example}") == []


def _refusals(rules: Terraform, folder: Path, variables: dict[str, Any]) -> list[str]:
    file = folder / "variables.tfvars.json"
    file.write_text(json.dumps(variables), encoding="utf-8")
    told = rules.diagnostics("plan", "-json", "-input=false", f"-var-file={file}")
    return [text.split("\n\nThis was checked by")[0] for text in told]
