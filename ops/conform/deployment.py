"""The deployment that is tried: its folder, Terraform, and what is left when it is destroyed."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ops import localaws
from ops.conform import variables
from ops.conform.sweep import sweep
from ops.display import step
from ops.environment import ROOT, STATE, terraform_environment
from ops.errors import OpsError
from ops.executions import running
from ops.target import Outputs, Target, local_target
from ops.terraform import Terraform, link_root

FOLDER = STATE / "conform"
_VARIABLES = "conform.tfvars.json"
# Glue makes these itself, for all jobs and crawlers of an account and region.
GLUE_LOG_GROUPS = (
    "/aws-glue/crawlers",
    "/aws-glue/jobs/error",
    "/aws-glue/jobs/output",
    "/aws-glue/python-jobs/error",
    "/aws-glue/python-jobs/output",
)


@dataclass
class Deployment:
    """A deployment with a name of its own, and its state below .local/conform/<name>.

    Attributes
    ----------
    local
        Whether it is on a local AWS of its own.
    plugin
        Of the local AWS, for tests: see `python -m local serve --help`.
    """

    name: str
    local: bool
    region: str
    spark: bool
    plugin: str | None = None

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    def save(self) -> None:
        document = {"local": self.local, "region": self.region, "spark": self.spark}
        path = self.folder / "deployment.json"
        path.write_text(json.dumps(document) + "\n", encoding="utf-8")

    @property
    def terraform(self) -> Terraform:
        # Settings for another deployment must not reach this one, which is destroyed with its data.
        environ = {
            name: value
            for name, value in terraform_environment().items()
            if not name.startswith(("TF_VAR_", "TF_CLI_ARGS")) and name != "TF_WORKSPACE"
        }
        if self.local:
            session = localaws.find(self.folder)
            if session is None:
                raise OpsError(f"The local AWS of {self.name} is not up.")
            environ = localaws.local_environment(session.endpoint, environ)
        environ["TF_DATA_DIR"] = str(self.folder / "terraform")
        return Terraform(self.folder / "root", environ, self.folder / localaws.TERRAFORM_LOG)

    @property
    def arguments(self) -> list[str]:
        chosen = [f"-var-file={self.folder / _VARIABLES}"]
        # What the provider waits a minute for, a local AWS has no use for.
        return [*chosen, "-var=lifecycle_rules=null"] if self.local else chosen

    def apply(self) -> None:
        """Make it, with a local AWS before that where it is to be on one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.save()
        chosen = variables.variables(
            self.name, self.region, variables.defaults(self.folder / "variables"), spark=self.spark
        )
        path = self.folder / _VARIABLES
        path.write_text(json.dumps(chosen, indent=1) + "\n", encoding="utf-8")
        if self.local:
            with step("local AWS") as line:
                session = localaws.start(self.name, path, state=self.folder, plugin=self.plugin)
                line.text = f"local AWS at {session.endpoint}"
        else:
            link_root(ROOT, self.folder / "root", self.folder / "terraform.tfstate")
        self.terraform.init()
        self.terraform.apply(self.arguments)

    def is_whole(self) -> bool:
        """Whether an apply has come to its end, and no destroy has begun."""
        return "pipeline_arn" in self.terraform.outputs()

    def target(self) -> Target:
        """What commands speak to it with.

        Raises
        ------
        OpsError
            It is not applied, or not whole.
        """
        if self.local:
            session = localaws.find(self.folder)
            if session is None:
                raise OpsError(f"The local AWS of {self.name} is not up.")
            return local_target(session, self.folder)
        return Target("aws", Outputs.parse(self.terraform.outputs(), f"The deployment {self.name}"))

    def plan_is_empty(self) -> str:
        """What a plan after the apply would change; nothing when it is empty."""
        return self.terraform.changes(self.arguments)

    def destroy(self, target: Target | None) -> list[str]:
        """Stop what runs, and remove all that was made; return what is left, as texts."""
        if self._is_gone():
            return []
        left = self._swept(target) if target is not None else []
        try:
            self.terraform.destroy(self.arguments)
        except OpsError:
            # What AWS was still busy with a moment ago can often go now.
            self.terraform.destroy(self.arguments, title="terraform destroy, once more")
        return [*left, *self.left(target)]

    def _swept(self, target: Target) -> list[str]:
        """Remove what Terraform does not know; a failure must not keep it from its own work."""
        try:
            for arn in running(target):
                target.stepfunctions.stop_execution(executionArn=arn, cause="make conform is over")
            sweep(target, self.name)
        except (ClientError, BotoCoreError) as error:
            return [f"perhaps jobs, machines, a rule or a queue named {self.name}-…: {error}"]
        return []

    def _is_gone(self) -> bool:
        """Whether it is on a local AWS that is not up: that kept all in memory."""
        try:
            return self.local and localaws.find(self.folder) is None
        except localaws.SessionLost:
            return True

    def left(self, target: Target | None) -> Iterator[str]:
        """What is in the state still, and the bucket if it is there."""
        if self._is_gone():
            return
        yield from (f"resource {address}" for address in self.terraform.resources())
        if target is not None and _is_there(target):
            yield f"bucket {target.outputs.bucket_name}"

    def forget(self) -> None:
        """Stop the local AWS, if it is on one, and remove the folder."""
        if self.local:
            localaws.stop(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)


def new(*, local: bool, region: str, spark: bool, plugin: str | None = None) -> Deployment:
    return Deployment(f"conform-{secrets.token_hex(3)}", local, region, spark, plugin)


def load(name: str) -> Deployment:
    """A deployment that was kept.

    Raises
    ------
    OpsError
        There is none of this name; the message lists those that there are.
    """
    path = FOLDER / name / "deployment.json"
    if not path.is_file():
        kept = sorted(item.parent.name for item in FOLDER.glob("*/deployment.json"))
        raise OpsError(
            f"There is no deployment {name!r}.", hint=f"There are: {', '.join(kept) or 'none'}."
        )
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Deployment(name, **document)


def _is_there(target: Target) -> bool:
    """Whether the bucket is there, which its state may not tell any more."""
    try:
        target.s3.head_bucket(Bucket=target.outputs.bucket_name)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchBucket"):
            return False
        raise
    return True
