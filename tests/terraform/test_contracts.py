"""What Terraform renders is what the jobs read, and both hold to the same rules."""

from __future__ import annotations

import re

import pytest

from medallion import datatypes
from medallion.contract import contract, source
from medallion.readers import samples
from ops.docs import MODULE
from ops.environment import ROOT
from tests.deployments import Deployment

pytestmark = pytest.mark.xdist_group("terraform-module")


def test_contracts__of_the_default_variables__are_what_the_jobs_read(
    deployment: Deployment,
) -> None:
    assert sorted(deployment.contracts) == ["customers", "products", "sales"]
    for name, document in deployment.contracts.items():
        read = contract.Contract.from_json(document)
        assert read.name == name
        assert read.source.table == name
        assert tuple(column.name for column in read.columns) == samples.COLUMNS[name]


def test_contract__carries_what_is_fetched(event_deployment: Deployment) -> None:
    read = contract.Contract.from_json(event_deployment.contracts["rates"])
    http = read.source.http
    assert http is not None
    assert (http.url, http.secret) == ("https://data.example.com/{date}.csv", "shop/api")
    assert http.headers == {"Accept": "text/csv"}
    assert http.paginate == source.Paginate("offset", None, "offset", 0, 100, 1000)


def test_contract__carries_the_approval(event_deployment: Deployment) -> None:
    approval = contract.Contract.from_json(event_deployment.contracts["orders"]).approval
    assert approval is not None
    assert (approval.max_refused_percent, approval.max_row_change_percent) == (5, None)
    assert approval.timeout_hours == 24
    assert contract.Contract.from_json(event_deployment.contracts["stock"]).approval is None


def test_plan__says_who_starts_with_whom(event_deployment: Deployment) -> None:
    assert event_deployment.plan["datasets"] == [
        {"name": "orders", "min_rows": 0, "engine": "duckdb"}
        | {"group": "shop", "triggers": ["event", "schedule"]},
        {"name": "rates", "min_rows": 0, "engine": "duckdb"}
        | {"group": "rates", "triggers": ["schedule"]},
        {"name": "returns", "min_rows": 0, "engine": "duckdb"}
        | {"group": "shop", "triggers": ["event"]},
        {"name": "stock", "min_rows": 0, "engine": "duckdb"} | {"group": "stock", "triggers": []},
    ]


@pytest.mark.parametrize("job", ["medallion-model", "medallion-transform"])
def test_job__is_told_its_memory_and_the_size_of_objects(deployment: Deployment, job: str) -> None:
    # A job of 1/16 DPU may see the memory of the whole machine, and would be killed for using it.
    jobs = deployment.values("aws_glue_job").values()
    arguments = {job["name"]: job["default_arguments"] for job in jobs}
    assert arguments[job]["--memory-mb"] == "400"
    assert arguments[job]["--max-object-mebibytes"] == "512"
    assert "--memory-mb" not in arguments["medallion-ingest"]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("cleaners", contract.CLEANERS),
        ("engines", contract.ENGINES),
        ("formats", contract.FORMATS),
        ("partition_types", contract.PARTITION_TYPES),
        ("reserved_names", contract.RESERVED),
        ("http_methods", source.METHODS),
        ("page_types", source.PAGE_TYPES),
        ("sample_tables", source.SAMPLE_TABLES),
        ("secret_names", source.SECRET_NAMES),
        ("sources", source.SOURCE_TYPES),
        ("simple_types", datatypes.NAMES.removesuffix(", decimal(p,s)").split(", ")),
    ],
)
def test_rule__is_the_one_of_the_jobs(name: str, wanted: list[str]) -> None:
    assert _list(name) == list(wanted)


def test_date_directives__are_those_of_the_jobs() -> None:
    assert f'date_directives = "{contract.FORMAT_DIRECTIVES}"' in _validation()


def _validation() -> str:
    return (ROOT / MODULE / "validation.tf").read_text(encoding="utf-8")


def _list(name: str) -> list[str]:
    found = re.search(rf"^  {name}\s*= \[(.*?)\]", _validation(), re.MULTILINE | re.DOTALL)
    assert found, f"validation.tf has no list {name}"
    return re.findall(r'"([^"]+)"', found[1])
