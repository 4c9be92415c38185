"""Deployments of the whole module, on a provider that only pretends: all in one plan."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from tests.rendering import TESTS, Terraform, initialised, link_module

COLUMNS = [{"name": "id", "type": "bigint"}]
ACCOUNT = "123456789012"
# What stands for a value that only an apply would tell.
UNKNOWN = "(known after apply)"
# Variables by deployment.
CASES: dict[str, dict[str, Any]] = {
    "default": {},
    "events": {
        "datasets": {
            "orders": {
                "columns": COLUMNS,
                "group": "shop",
                "approval": {"max_refused_percent": 5},
            },
            "returns": {"columns": COLUMNS, "group": "shop", "triggers": ["event"]},
            "stock": {"columns": COLUMNS, "triggers": []},
            "rates": {
                "columns": COLUMNS,
                "source": {
                    "type": "http",
                    "url": "https://data.example.com/{date}.csv",
                    "secret": "shop/api",
                    "headers": {"Accept": "text/csv"},
                    "paginate": {"type": "offset", "step": 100},
                },
            },
        },
        "monitoring": {"freshness_hours": 26},
        "tags": {"owner": "anna"},
    },
    "partition": {"datasets": {"alerts": {"columns": COLUMNS}}, "models": {}},
    "named": {
        "name": "shop",
        "bucket_name": "shop-lake",
        "database_prefix": "shop",
        "datasets": {"orders": {"columns": COLUMNS}},
        "monitoring": {"dashboard": False, "success_mails": False},
        "schedule_expression": None,
    },
    "duckdb_on_spark": {
        "jobs": {
            "runtime": "spark",
            "ingest_dpu": 1,
            "spark_worker_type": "G.2X",
            "spark_max_workers": 5,
        }
    },
    "key": {
        "catalog_kms_key_arn": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/catalog",
        "kms_key_arn": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/lake",
        "lake_formation": True,
        "datasets": {"orders": {"columns": COLUMNS, "engine": "spark", "triggers": ["event"]}},
        "schedule_expression": None,
    },
    "spark": {
        "datasets": {"orders": {"columns": COLUMNS, "engine": "spark"}},
        "models": {"top": {"stage": "mart", "engine": "spark"}, "all": {"stage": "fact"}},
        "models_directory": "models",
        "jobs": {"spark_worker_type": "G.2X", "max_object_mebibytes": 64},
    },
    "spark_models": {
        "models": {"top": {"stage": "mart", "engine": "spark"}, "all": {"stage": "fact"}},
        "models_directory": "models",
    },
}
# What the provider says, where that is not the same for all.
DATA = {
    "partition": {
        "aws_partition": {"partition": "aws-us-gov", "dns_suffix": "amazonaws.com"},
        "aws_region": {"id": "us-gov-west-1"},
    },
    "named": {"aws_region": {"id": "eu-central-1"}},
}
_MACHINE = "module.workflow.aws_sfn_state_machine"
# The ARNs by which policies tell resources of one type apart.
ARNS = {
    f'{_MACHINE}.part["crawl"]': "states:{}:stateMachine:medallion-crawl",
    f'{_MACHINE}.part["notify"]': "states:{}:stateMachine:medallion-notify",
    f"{_MACHINE}.arrival": "states:{}:stateMachine:medallion-arrival",
    f"{_MACHINE}.pipeline": "states:{}:stateMachine:medallion-pipeline",
    "module.triggers.aws_cloudwatch_event_rule.arrival": "events:{}:rule/medallion-arrival",
}


@dataclass(frozen=True)
class Deployment:
    """The resources of a mocked deployment, with the values that Terraform gave them."""

    resources: Sequence[Mapping[str, Any]]
    outputs: Mapping[str, Any]
    schemas: Mapping[str, Any]  # of the provider's resources, by type

    def values(self, kind: str) -> dict[str, Any]:
        """Values of the resources of a type, by address."""
        return {r["address"]: r["values"] for r in self.resources if r["type"] == kind}

    @cached_property
    def definitions(self) -> dict[str, str]:
        """Texts of the state machines' definitions by name."""
        machines = self.values("aws_sfn_state_machine").values()
        return {machine["name"]: machine["definition"] for machine in machines}

    @cached_property
    def policies(self) -> dict[str, list[dict[str, Any]]]:
        """Statements of the roles' policies by role."""
        found = self.values("aws_iam_role_policy").values()
        return {p["role"]: json.loads(p["policy"])["Statement"] for p in found}

    @cached_property
    def contracts(self) -> dict[str, dict[str, Any]]:
        """Contracts as the jobs will read them, by dataset."""
        objects = self.values("aws_s3_object").values()
        found = [o for o in objects if o["key"].startswith("config/datasets/")]
        return {Path(o["key"]).stem: json.loads(o["content"]) for o in found}

    @cached_property
    def plan(self) -> dict[str, Any]:
        """The plan as the state machines will read it."""
        objects = self.values("aws_s3_object").values()
        [found] = [o["content"] for o in objects if o["key"] == "config/pipeline.json"]
        plan: dict[str, Any] = json.loads(found)
        return plan


def mocked_deployment(terraform: Terraform, case: str = "default") -> Deployment:
    """The module with a case's variables, as a provider that only pretends would make it."""
    return _mocked_deployments(terraform)[case]


@cache
def _mocked_deployments(terraform: Terraform) -> Mapping[str, Deployment]:
    messages = _messages(terraform.folder / "deployments", CASES, DATA)
    told = [m["diagnostic"] for m in messages if m["type"] == "diagnostic"]
    # A deprecated argument would be told here.
    assert told == []
    [plan] = [m["test_plan"] for m in messages if m["type"] == "test_plan"]
    [provider] = [v for name, v in plan["provider_schemas"].items() if name.endswith("/aws")]
    return {
        case: Deployment(
            list(_resources(plan["resource_changes"], f"module.{case}.")),
            plan["output_changes"][case]["after"],
            provider["resource_schemas"],
        )
        for case in CASES
    }


def refusals(folder: Path, variables: Mapping[str, Any]) -> list[str]:
    """What is told of a plan of the module with variables that it does not take."""
    found = [m for m in _messages(folder, {"wrong": variables}, {}) if m["type"] == "diagnostic"]
    return [m["diagnostic"]["detail"] for m in found]


def _messages(
    folder: Path, cases: Mapping[str, Any], data: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Plan the module once for each case, and return what Terraform writes of it."""
    folder.mkdir()
    link_module(folder)
    (folder / "models").mkdir()
    for name in ("top", "all"):
        (folder / f"models/{name}.sql").write_text("SELECT 1 AS one\n", encoding="utf-8")
    calls = {case: {"source": "./modules/medallion", **_escaped(v)} for case, v in cases.items()}
    root = {
        "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
        "module": calls,
        "output": {case: {"value": f"${{module.{case}}}"} for case in cases},
    }
    (folder / "main.tf.json").write_text(json.dumps(root), encoding="utf-8")
    (folder / "plan.tftest.json").write_text(json.dumps(_test(cases, data)), encoding="utf-8")
    return initialised(folder).messages("test", "-json", "-verbose")


def _test(cases: Iterable[str], found: Mapping[str, Any]) -> dict[str, Any]:
    arns = [
        {
            "target": f"module.{case}.{target}",
            "override_during": "plan",
            "values": {"arn": f"arn:aws:{arn.format(f'us-east-1:{ACCOUNT}')}"},
        }
        for case in cases
        for target, arn in ARNS.items()
    ]
    data = [
        {"target": f"module.{case}.data.{kind}.current", "values": values}
        for case, kinds in found.items()
        for kind, values in kinds.items()
    ]
    return {
        "mock_provider": {"aws": {"source": f"./{TESTS}/mocks", "override_during": "plan"}},
        "override_resource": arns,
        "override_data": data,
        "run": {"deploys": {"command": "plan"}},
    }


def _escaped(value: Any) -> Any:
    """Value as a JSON file of Terraform has to hold it, where texts are templates."""
    text = json.dumps(value).replace("${", "$${").replace("%{", "%%{")
    return json.loads(text)


def _resources(changes: Sequence[Mapping[str, Any]], prefix: str) -> Iterator[Mapping[str, Any]]:
    for item in changes:
        if item["mode"] == "managed" and item["address"].startswith(prefix):
            address = item["address"].removeprefix(prefix)
            unknown = {n: UNKNOWN for n, v in item["change"]["after_unknown"].items() if v is True}
            values = {**unknown, **item["change"]["after"]}
            yield {"address": address, "type": item["type"], "values": values}
