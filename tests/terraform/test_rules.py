"""What a user reads when a variable is refused: place, value, what is allowed, what to do.

The rows of rule_cases.json are datasets, models and whole sets of variables, each with texts of its
message, parted by `…`; a row without any is taken. Terraform judges all of them at once.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.rendering import Terraform, judged, rules_only

ROOT = Path(__file__).parents[2]
ROWS: dict[str, list[tuple[str, dict[str, Any], str]]] = json.loads(
    Path(__file__).with_name("rule_cases.json").read_text(encoding="utf-8")
)
CASES = [f"{kind}: {row[0]}" for kind, rows in ROWS.items() for row in rows]
COLUMNS = [["id", "bigint"], ["day", "date"], ["amount", "double"]]
PLAIN: dict[str, Any] = {"orders": {}}


def long(value: Any) -> Any:
    """Write out texts that stand there as `n*45`."""
    if isinstance(value, str):
        return re.sub(r"^(.)\*(\d+)$", lambda found: found[1] * int(found[2]), value)
    if isinstance(value, list):
        return [long(item) for item in value]
    if isinstance(value, dict):
        return {long(name): long(item) for name, item in value.items()}
    return value


def dataset(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a dataset whose columns are lists of name, type and more, or the expression."""
    columns = [
        {"name": name, "type": kind, **(more[0] if more else {})}
        for name, kind, *more in fields.get("columns", COLUMNS)
    ]
    derived = [
        {"name": name, "type": kind, "expression": expression}
        for name, kind, expression in fields.get("derive", [])
    ]
    return dict(long({**fields, "columns": columns, "derive": derived}))


def variables(fields: dict[str, Any]) -> dict[str, Any]:
    """Return variables; without datasets or models of their own, with one and none."""
    datasets = {n: dataset(d) for n, d in fields.get("datasets", PLAIN).items()}
    return dict(long({"models": {}, **fields, "datasets": datasets}))


OTHERS: dict[str, dict[str, Any]] = {
    "default": {},
    "samples in name alone": variables({"datasets": {n: {} for n in ("customers", "products")}})
    | {"models": None},
    "other stages": {"stages": ["gold"]},
    "no models": {"models": {}, "stages": []},
    "50 stages": variables({"stages": [f"stage_{i}" for i in range(50)]}),
    "51 stages": variables({"stages": [f"stage_{i}" for i in range(51)]}),
    "tables enough": variables({"datasets": {f"limited_{i}": {} for i in range(3)}}),
    "too many tables": variables({"datasets": {f"limited_{i}": {} for i in range(4)}}),
    "folder without the SQL": {"models_directory": "examples/retail/queries"},
    "every field": {
        "datasets": {
            "orders": dataset(
                {
                    "source": {"type": "drop", "seed": 0},
                    "format": "csv",
                    "delimiter": "\t",
                    "encoding": "windows-1252",
                    "null_values": ["", "NA"],
                    "columns": [
                        ["id", "bigint", {"required": True}],
                        ["customer", "string", {"clean": ["trim", "lower"]}],
                        ["price", "decimal(38,38)"],
                        ["ordered_at", "timestamp", {"format": "%d/%m/%Y %H:%M"}],
                        ["updated_at", "timestamp"],
                    ],
                    "key": ["id", "customer"],
                    "order_by": ["updated_at desc", "price asc", "customer"],
                    "filter": "price > 0",
                    "derive": [["month", "string", "'x'"], ["is_big", "boolean", "price > 9"]],
                    "partition_by": ["month", "is_big"],
                    "engine": "spark",
                    "checks": {
                        "not_null": ["month"],
                        "unique": [["customer", "ordered_at"]],
                        "accepted_values": {"is_big": ["true", "false"]},
                        "row_count": {"min": 1, "max": 1},
                        "sql": {"no_giants": "with x as (select 1) SELECT * FROM x"},
                    },
                }
            ),
            "samples": dataset({"source": {"type": "sample", "table": "sales", "rows": 1}}),
        },
        "stages": ["gold"],
        "models": {
            "dim_customer": {"stage": "gold"},
            "fact_sales": {
                "stage": "gold",
                "engine": "spark",
                "partition_by": ["sale_month", "channel"],
                "checks": {
                    "not_null": ["sale_id"],
                    "unique": [["sale_id"], ["sold_at", "customer_id"]],
                    "accepted_values": {"channel": ["web"]},
                    "row_count": {"min": 0, "max": 0},
                    "sql": {"nothing_wrong": "WITH x AS (SELECT 1) SELECT * FROM x"},
                },
            },
        },
        "models_directory": "examples/retail/models",
    },
}
RETAIL = "customer_metrics dim_customer dim_product fact_sales product_performance sales_summary"


@pytest.fixture(scope="session")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is told of each row, and of the other cases with what the module makes of them."""
    folder = tmp_path_factory.mktemp("rules")
    (folder / "sql").mkdir()
    models = {f"row_{i}": {"stage": "mart", **row[1]} for i, row in enumerate(ROWS["models"])}
    for name in models:
        (folder / f"sql/{name}.sql").touch()
    datasets = {f"row_{i}": dataset(row[1]) for i, row in enumerate(ROWS["datasets"])}
    together = {
        "datasets": variables({}) | {"datasets": datasets},
        "models": variables({"models_directory": "sql"}) | {"models": models},
    }
    alone = {f"variables: {row[0]}": variables(row[1]) for row in ROWS["variables"]}
    found = judged(folder, {**together, **alone, **OTHERS})
    for kind in together:
        for mistake in [text for told in found[kind]["told"].values() for text in told]:
            [number] = re.findall(r"^(?:Dataset|Model) 'row_(\d+)', ", mistake)
            case = found.setdefault(f"{kind}: {ROWS[kind][int(number)][0]}", {"told": {"": []}})
            case["told"][""].append(mistake)
    return found


def told(verdicts: dict[str, Any], case: str) -> list[str]:
    found = verdicts.get(case, {"told": {}})["told"].values()
    return [text for texts in found for text in texts]


@pytest.mark.parametrize("case", CASES)
def test_message(case: str, verdicts: dict[str, Any]) -> None:
    kind, name = case.split(": ", 1)
    [wanted] = [texts for row, _, texts in ROWS[kind] if row == name]
    found = told(verdicts, case)
    if not wanted:
        assert found == []
        return
    # One mistake, one message: rules must not trip over each other's subjects.
    [message] = found
    assert [text for text in wanted.split("…") if text not in message] == [], message


def test_rows__have_names_of_their_own() -> None:
    assert len(set(CASES)) == len(CASES) > 240


def test_models__of_the_retail_sample_come_with_it(verdicts: dict[str, Any]) -> None:
    default = verdicts["default"]
    assert default["told"] == {}
    assert sorted(default["models"]) == RETAIL.split()
    fact = default["models"]["fact_sales"]
    assert (fact["stage"], fact["engine"]) == ("fact", "duckdb")
    assert fact["checks"]["row_count"]["min"] == 1


@pytest.mark.parametrize("case", ["samples in name alone", "other stages", "no models"])
def test_models__of_the_retail_sample_do_not_come(case: str, verdicts: dict[str, Any]) -> None:
    assert (verdicts[case]["told"], verdicts[case]["models"]) == ({}, {})


def test_every_field__is_taken_and_what_is_left_out_has_its_default(
    verdicts: dict[str, Any],
) -> None:
    found = verdicts["every field"]
    assert found["told"] == {}
    sample = found["datasets"]["samples"]
    assert (sample["null_values"], sample["source"]["seed"]) == ([""], 42)
    assert sample["checks"]["row_count"]["min"] is None
    engines = {name: model["engine"] for name, model in found["models"].items()}
    assert engines == {"dim_customer": "duckdb", "fact_sales": "spark"}


@pytest.mark.parametrize(
    ("case", "wanted"),
    [
        ("50 stages", []),
        ("51 stages", ["stages holds 51 names; at most 50 are allowed"]),
        ("tables enough", []),
        ("too many tables", ["There are 0 models and 4 datasets", "Allowed are 3 together"]),
    ],
)
def test_number__of_stages_and_tables(
    case: str, wanted: list[str], verdicts: dict[str, Any]
) -> None:
    found = told(verdicts, case)
    assert len(found) == bool(wanted)
    assert all(text in found[0] for text in wanted)


def test_sql__that_is_missing__is_told_of_each_model(verdicts: dict[str, Any]) -> None:
    found = told(verdicts, "folder without the SQL")
    assert len(found) == len(RETAIL.split())
    assert all("there is no file 'examples/retail/queries/" in message for message in found)


@pytest.fixture(scope="session")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """The variables and their rules, as they refuse."""
    return rules_only(tmp_path_factory.mktemp("variables"))


def refused(rules: Terraform, folder: Path, fields: dict[str, Any]) -> list[str]:
    file = folder / "variables.tfvars.json"
    file.write_text(json.dumps(fields), encoding="utf-8")
    return rules.diagnostics("plan", "-json", "-input=false", f"-var-file={file}")


def test_mistakes__of_every_variable_end_the_plan(rules: Terraform, tmp_path: Path) -> None:
    wrong: dict[str, Any] = {
        "arrival_window_seconds": 4,
        "athena_scan_limit_mebibytes": 9,
        "bucket_name": "My-Lake",
        "catalog_kms_key_arn": "alias/lake",
        "database_prefix": "work-shop",
        "datasets": {"orders": dataset({"checks": {"unique": [[]]}, "key": ["x"]})},
        "jobs": {"timeout_minutes": 0, "runtime": "lambda"},
        "kms_key_arn": "alias/lake",
        "lifecycle_rules": {"runs_days": 0},
        "log_retention_days": 31,
        "models": {"Sales": {"stage": "mart"}},
        "models_directory": "examples",
        "monitoring": {"freshness_hours": 200},
        "name": "my_lake",
        "notification_emails": ["anna"],
        "schedule_expression": "rate(1 days)",
        "stages": ["mart", "data-mart"],
        "tags": {"aws:owner": "anna"},
    }
    found = refused(rules, tmp_path, wrong)
    # Checks are told apart from what they are of; the folder is right.
    assert len(found) == len(wrong)
    others = wrong.keys() - {"datasets", "models", "models_directory"}
    named = ["Dataset 'orders'", "Model 'Sales'", *others]
    assert [name for name in named if name not in "\n".join(found)] == []
    # Two mistakes of one variable are told at once.
    assert any("jobs.timeout_minutes" in text and "jobs.runtime" in text for text in found)


def test_sql__that_no_model_uses__is_warned_of(rules: Terraform, tmp_path: Path) -> None:
    [warning] = refused(rules, tmp_path, {"models": {"dim_product": {"stage": "dimension"}}})
    assert "holds SQL that no model uses: customer_metrics.sql, dim_customer.sql" in warning


def test_variables__of_the_examples__are_taken(rules: Terraform) -> None:
    examples = sorted(ROOT.glob("examples/*/*.tfvars"))
    assert examples
    for example in examples:
        assert rules.diagnostics("plan", "-json", "-input=false", f"-var-file={example}") == []
