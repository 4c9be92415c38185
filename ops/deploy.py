"""Bring an example up on the local AWS, and deployments on AWS."""

from __future__ import annotations

from pathlib import Path

import boto3

from ops import drop, examples, localaws
from ops.display import console, done, plural, size, step
from ops.environment import ROOT, STATE
from ops.errors import OpsError
from ops.target import Target, aws_terraform, local_target, require_credentials
from ops.terraform import link_root


def local_up(example: examples.Example, *, spoil: bool = False, state: Path = STATE) -> Target:
    """Start a local AWS, apply the project with the example's variables, drop its files."""
    target = _deploy(example.name, example.var_file, state)
    with step(f"files of example {example.name}") as line:
        files = example.prepare(state / "drop")
        damaged = example.spoil(state / "drop") if spoil else []
        total = drop.drop(target, [*files, *damaged])
        line.text = f"{plural(len(files), 'file')} dropped into incoming/ ({size(total)})"
        if damaged:
            line.text += f", and {len(damaged)} that are damaged on purpose"
        if not files:
            line.text = "no files to drop: the datasets make their own"
    return target


def local_up_with(var_file: Path) -> Target:
    """Start the local AWS and apply the project with variables of the user's own.

    Raises
    ------
    OpsError
        There is no such file.
    """
    path = existing(var_file)
    return _deploy(path.name, path)


def _deploy(what: str, var_file: Path | None, state: Path = STATE) -> Target:
    with step("local AWS") as line:
        session = localaws.start(what, var_file, state=state)
        line.text = f"local AWS at {session.endpoint}"
    try:
        terraform = session.terraform(state)
        terraform.init()
        terraform.apply(session.arguments)
        return local_target(session, state)
    except BaseException:
        localaws.stop(state)
        raise


def existing(var_file: Path) -> Path:
    """Absolute path of a file of variables that is there."""
    path = var_file.absolute()
    if not path.is_file():
        raise OpsError(f"There is no file {path}.", hint="VAR_FILE names a .tfvars file.")
    return path


def local_down() -> None:
    """Stop the local AWS; all that it holds is in memory, so nothing is left."""
    if localaws.stop():
        done("The local AWS is stopped, and all that was in it is gone.")
    else:
        console.print("The local AWS is not up.")


def validate() -> None:
    """Check the configuration as terraform sees it, without credentials or state."""
    root = STATE / "root"
    link_root(ROOT, root, STATE / "terraform.tfstate")
    terraform = localaws.Session(0, 0, "", None).terraform()
    terraform.init()
    terraform.validate()


def on_aws(command: str, var_file: Path | None) -> int:
    """Run terraform apply or destroy for AWS, in the foreground; it asks before it acts."""
    arguments = [command]
    if var_file:
        arguments.append(f"-var-file={existing(var_file)}")
    require_credentials(boto3.session.Session())
    console.print("[dim]Target: AWS, with the state of this clone's Terraform[/dim]")
    terraform = aws_terraform()
    terraform.init()
    return terraform.interactive(arguments)
