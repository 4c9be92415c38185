"""The module as others call it, and deployments of before the move: applied to a local AWS."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from python_terraform import Terraform

from local.server import LocalAws
from local.server import variables as local_aws_variables
from ops.environment import JOB_PYTHON, ROOT, terraform_environment
from ops.terraform import link_root

EXAMPLE = "examples/called-twice"
# What a plan may tell of a resource that stays as it is, and of what it only reads.
KEPT = {"noop", "move", "read"}
DATASETS = {"orders": {"columns": [{"name": "id", "type": "bigint"}], "triggers": ["schedule"]}}


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    """A local AWS, which Terraform and boto3 use."""
    with LocalAws(job_python=JOB_PYTHON) as server, pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        settings = {**terraform_environment({}), **local_aws_variables(server.endpoint)}
        for name, value in settings.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="module")
def called_twice(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terraform]:
    """The example, applied; destroyed at the end, after which nothing may be left."""
    root = tmp_path_factory.mktemp("called-twice")
    folder = root / EXAMPLE
    folder.mkdir(parents=True)
    for name in ("modules", "jobs", "asl", "examples/retail"):
        (root / name).symlink_to(ROOT / name)
    (folder / "main.tf").write_bytes((ROOT / EXAMPLE / "main.tf").read_bytes())
    terraform = Terraform(working_dir=str(folder))
    done(terraform.init(input=False))
    done(terraform.apply(skip_plan=True))
    yield terraform
    destroy(terraform)
    assert boto3.client("s3").list_buckets()["Buckets"] == []
    assert boto3.client("iam").list_roles()["Roles"] == []
    assert boto3.client("logs").describe_resource_policies()["resourcePolicies"] == []


def done(outcome: tuple[int | None, str | None, str | None], code: int = 0) -> str:
    assert outcome[0] == code, f"{outcome[1]}\n{outcome[2]}"
    return str(outcome[1])


def planned(terraform: Terraform, *arguments: str) -> Counter[str]:
    """Return how many resources a plan, kept in new.plan, would create, update or delete."""
    lines = done(terraform.cmd("plan", *arguments, "-input=false", "-json", "-out=new.plan"))
    found = [json.loads(line) for line in lines.splitlines()]
    actions = Counter(m["change"]["action"] for m in found if m["type"] == "planned_change")
    [summary] = [m["changes"] for m in found if m["type"] == "change_summary"]
    kept = sum(actions[name] for name in KEPT)
    assert summary["add"] + summary["change"] == actions.total() - kept
    return actions


def changed(terraform: Terraform, *arguments: str) -> set[str]:
    """Return what a plan would change of resources."""
    return planned(terraform, *arguments).keys() - KEPT


def destroy(terraform: Terraform) -> None:
    done(terraform.cmd("destroy", "-auto-approve", "-input=false", "-refresh=false"))


@pytest.mark.xdist_group("terraform-calls")
def test_called_twice__makes_two_lakes(called_twice: Terraform) -> None:
    state = json.loads(Path(str(called_twice.working_dir), "terraform.tfstate").read_text())
    names = state["outputs"]["bucket_names"]["value"]
    assert names == {
        "garage": "garage-123456789012-us-east-1",
        "shop": "shop-123456789012-us-east-1",
    }
    assert changed(called_twice) == set()
    databases = boto3.client("glue").get_databases()["DatabaseList"]
    prefixes = {database["Name"].split("_")[0] for database in databases}
    assert prefixes == {"garage", "shop"}


@pytest.mark.xdist_group("terraform-calls")
def test_called_twice__tags_all_but_objects(called_twice: Terraform) -> None:
    s3 = boto3.client("s3")
    bucket = "shop-123456789012-us-east-1"
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}
    assert tags == {"cost-centre": "4711", "managed-by": "terraform", "project": "shop"}
    # The caller's default tags might be more than the ten that an object takes.
    found = s3.get_object_tagging(Bucket=bucket, Key="config/datasets/orders.json")
    assert found["TagSet"] == []


@pytest.mark.xdist_group("terraform-calls")
def test_called_twice__what_it_depends_on_changes__nothing_is_replaced(
    called_twice: Terraform,
) -> None:
    # Account and region are then unknown while Terraform plans, and so is the bucket's name.
    file = Path(str(called_twice.working_dir), "main.tf")
    file.write_text(file.read_text(encoding="utf-8").replace("AllowRules", "AllowEventBridge"))
    counts = planned(called_twice)
    assert counts["update"] > 10
    assert counts.keys() - KEPT == {"update"}
    done(called_twice.cmd("apply", "-input=false", "-no-color", "new.plan"))
    assert changed(called_twice) == set()


@pytest.mark.xdist_group("terraform-calls")
def test_called_twice__bucket_under_another_name__is_refused(called_twice: Terraform) -> None:
    file = Path(str(called_twice.working_dir), "main.tf")
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("  force_destroy   = true\n", '  bucket_name = "x-${each.key}"\n'))
    code, _, err = called_twice.cmd("plan", "-input=false", "-no-color")
    file.write_text(text, encoding="utf-8")
    assert code == 1
    told = " ".join(str(err).replace("│", " ").split())
    assert "'shop-123456789012-us-east-1' and would have to be 'x-shop' now" in told


def before_the_move(state: dict[str, Any]) -> dict[str, Any]:
    """Return a state as it was when the root was the module, and no resource was optional."""
    for item in state["resources"]:
        item["module"] = item["module"].removeprefix("module.medallion.")
        if item["type"] == "aws_cloudwatch_log_resource_policy":
            [instance] = item["instances"]
            del instance["index_key"]
    state["resources"] = [item for item in state["resources"] if item["mode"] == "managed"]
    return {**state, "serial": state["serial"] + 1}


@pytest.mark.xdist_group("terraform-calls")
def test_root__state_of_before_the_module_moved__is_kept(aws: LocalAws, tmp_path: Path) -> None:
    link_root(ROOT, tmp_path, tmp_path / "terraform.tfstate")
    variables = {"name": "old", "datasets": DATASETS, "force_destroy": True}
    variables["lifecycle_rules"] = None
    (tmp_path / "old.auto.tfvars.json").write_text(json.dumps(variables), encoding="utf-8")
    terraform = Terraform(working_dir=str(tmp_path))
    done(terraform.init(input=False))
    done(terraform.apply(skip_plan=True))
    file = tmp_path / "terraform.tfstate"
    file.write_text(json.dumps(before_the_move(json.loads(file.read_text()))), encoding="utf-8")
    assert changed(terraform, "-refresh=false") == set()
    done(terraform.cmd("apply", "-input=false", "new.plan"))
    addresses = done(terraform.cmd("state", "list")).split()
    managed = [address for address in addresses if ".data." not in address]
    assert managed
    assert all(address.startswith("module.medallion.module.") for address in managed)
    destroy(terraform)
