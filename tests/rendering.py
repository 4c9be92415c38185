"""The module as Terraform renders it, without AWS: mocked deployments, and the variables' rules."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
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
    return initialised(folder, f"-test-directory={TESTS}")


def rules_only(folder: Path) -> Terraform:
    """The module's variables and their rules; no resource, so no provider."""
    module = folder / MODULE
    module.mkdir(parents=True)
    (folder / "examples").symlink_to(ROOT / "examples")
    _link_rules(module)
    return initialised(module)


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
    done = initialised(folder).run("console", typed="jsonencode(module.case)\n")
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


def link_module(folder: Path) -> None:
    """Link what a call of the module needs of the repository into the caller's folder."""
    for name in ("asl", "examples", "jobs", "modules", "tests"):
        (folder / name).symlink_to(ROOT / name)


def initialised(folder: Path, *arguments: str) -> Terraform:
    terraform = Terraform(folder)
    done = terraform.run("init", "-input=false", "-no-color", *arguments)
    assert done.code == 0, done.output
    return terraform
