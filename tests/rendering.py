"""The module as Terraform renders it, without AWS: mocked deployments, and the variables' rules."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from ops.docs import MODULE, blocks
from ops.environment import ROOT, terraform_environment
from ops.terraform import link_root

TESTS = "tests/terraform"


@dataclass(frozen=True)
class Done:
    """How a Terraform command ended."""

    code: int
    output: str


@dataclass(frozen=True)
class Terraform:
    """Terraform in a folder of its own, whose files are links to the repository's."""

    folder: Path

    def run(self, *arguments: str, typed: str | None = None) -> Done:
        process = subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env=_environment(self.folder),
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(process.returncode, process.stdout + process.stderr)

    def messages(self, *arguments: str) -> list[dict[str, Any]]:
        """Run a command that writes JSON lines; return them."""
        lines = self.run(*arguments).output.splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def diagnostics(self, *arguments: str) -> list[str]:
        """Run a command that writes JSON lines; return the texts of its errors and warnings."""
        found = [m["diagnostic"] for m in self.messages(*arguments) if m["type"] == "diagnostic"]
        return [item.get("detail") or item["summary"] for item in found]


def _environment(folder: Path) -> dict[str, str]:
    # No credentials and nobody to ask: a provider that is not mocked must fail, not find AWS.
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_EC2_METADATA_DISABLED": "true"}
    return {**terraform_environment(own), **nowhere, "TF_DATA_DIR": str(folder / ".data")}


def root_module(folder: Path) -> Terraform:
    """The root, which calls the whole module, with its tests, initialised."""
    link_root(ROOT, folder, folder / "terraform.tfstate")
    return _initialised(folder, f"-test-directory={TESTS}")


def rules_only(folder: Path) -> Terraform:
    """The module's variables and their rules; no resource, so no provider."""
    module = folder / MODULE
    module.mkdir(parents=True)
    (folder / "examples").symlink_to(ROOT / "examples")
    _link_rules(module)
    return _initialised(module)


def judged(folder: Path, cases: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Judge many sets of variables in one process; a mistake is told instead of refused.

    Returns
    -------
    By case: `told` (what is wrong, by variable), `datasets` and `models` (as the module has them).
    """
    module = folder / "module"
    module.mkdir()
    _link_rules(module)
    (folder / "examples").symlink_to(ROOT / "examples")
    (module / "tell_override.tf").write_text(TELL, encoding="utf-8")
    (module / "tell.tf").write_text(TOLD, encoding="utf-8")
    # What is left out must be as if it was: null is that only where it is not allowed.
    variables = {
        block.name: "null" if "nullable " in block.text else block.default
        for path in module.glob("variables*.tf")
        for block in blocks(path.read_text(encoding="utf-8"))
    }
    passed = "".join(f"  {n} = try(each.value.{n}, {d})\n" for n, d in variables.items())
    call = f'module "case" {{\n  source = "./module"\n  for_each = {_READ}\n{passed}}}\n'
    (folder / "main.tf").write_text(call, encoding="utf-8")
    (folder / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    done = _initialised(folder).run("console", typed="jsonencode(module.case)\n")
    assert done.code == 0, done.output
    found: dict[str, dict[str, Any]] = json.loads(json.loads(done.output))
    return found


_READ = 'jsondecode(file("cases.json"))'
TELL = """
module "rules" {
  source   = "./rules"
  for_each = {}
}

# Three tables are as good a limit as 900, and are judged sooner.
locals {
  tables_limit = anytrue([for name in keys(var.datasets) : startswith(name, "limited")]) ? 3 : 900
}
"""
TOLD = """
output "told" {
  value = { for name, told in local.mistakes : name => told if length(told) > 0 }
}

output "models" {
  value = local.models
}

output "datasets" {
  value = var.datasets
}
"""


def _link_rules(folder: Path) -> None:
    for name in ("variables*.tf", "rules*", "validation.tf"):
        for path in (ROOT / MODULE).glob(name):
            (folder / path.name).symlink_to(path)
    # The SQL of models has to be there: that of the repository, and in the folder of the caller.
    (folder / "examples").symlink_to(ROOT / "examples")


def _initialised(folder: Path, *arguments: str) -> Terraform:
    terraform = Terraform(folder)
    done = terraform.run("init", "-input=false", "-no-color", *arguments)
    assert done.code == 0, done.output
    return terraform


@dataclass(frozen=True)
class Deployment:
    """The resources of a mocked deployment, with the values that Terraform gave them."""

    resources: Sequence[Mapping[str, Any]]

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


# Runs of deployment.tftest.hcl: the default variables, datasets of which files arrive, GovCloud.
DEFAULT_RUN = "deploys_the_retail_sample_by_default"
EVENT_RUN = "starts_runs_by_files_that_arrive"
PARTITION_RUN = "deploys_to_another_partition"
KEY_RUN = "encrypts_all_with_the_key"


def mocked_deployment(terraform: Terraform, run: str = DEFAULT_RUN) -> Deployment:
    """Apply the module with a run's variables to a provider that only pretends."""
    return _mocked_deployments(terraform)[run]


@cache
def _mocked_deployments(terraform: Terraform) -> Mapping[str, Deployment]:
    messages = terraform.messages(
        "test",
        "-json",
        "-verbose",
        f"-test-directory={TESTS}",
        f"-filter={TESTS}/deployment.tftest.hcl",
    )
    found = {
        message["@testrun"]: Deployment(list(_resources(message["test_state"]["root_module"])))
        for message in messages
        if message["type"] == "test_state"
    }
    if not {DEFAULT_RUN, EVENT_RUN, KEY_RUN, PARTITION_RUN} <= found.keys():
        raise AssertionError([m["diagnostic"] for m in messages if m["type"] == "diagnostic"])
    return found


def _resources(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _resources(child)
