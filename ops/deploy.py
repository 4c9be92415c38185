"""Bring an example up on the local AWS, and deployments on AWS."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import boto3

from ops import drop, examples, localaws, web
from ops.display import console, done, plural, size, step
from ops.environment import ROOT, STATE
from ops.errors import OpsError
from ops.target import Target, aws_terraform, local_target, require_credentials
from ops.terraform import link_root


@dataclass(frozen=True)
class Files:
    """Files of an example, as (dataset, file) pairs; those that are damaged on purpose apart."""

    example: str
    good: list[tuple[str, Path]]
    damaged: list[tuple[str, Path]]

    @property
    def all(self) -> list[tuple[str, Path]]:
        return [*self.good, *self.damaged]

    @property
    def datasets(self) -> list[str]:
        return sorted({dataset for dataset, _ in self.all})


def bring_up(example: examples.Example, *, state: Path = STATE) -> Target:
    """Start a local AWS, serve what the example fetches, and apply the example's variables."""
    return _deploy(example.name, example.var_file, state, example)


def prepare(example: examples.Example, *, spoil: bool = False, state: Path = STATE) -> Files:
    """Make the files of an example, ready to be dropped."""
    folder = state / "drop"
    return Files(example.name, example.prepare(folder), example.spoil(folder) if spoil else [])


def drop_files(target: Target, files: Files) -> None:
    """Drop the files of an example, and say so in a line."""
    with step(f"files of example {files.example}") as line:
        total = drop.drop(target, files.all)
        line.text = f"{plural(len(files.good), 'file')} dropped into incoming/ ({size(total)})"
        if files.damaged:
            line.text += f", and {len(files.damaged)} that are damaged on purpose"
        if not files.all:
            line.text = "no files to drop: the datasets have other sources"


def local_up_with(var_file: Path) -> Target:
    """Start the local AWS and apply the project with variables of the user's own.

    Raises
    ------
    OpsError
        There is no such file.
    """
    path = existing(var_file)
    return _deploy(path.name, path)


def _deploy(
    what: str,
    var_file: Path | None,
    state: Path = STATE,
    example: examples.Example | None = None,
) -> Target:
    with step("local AWS") as line:
        session = localaws.start(what, var_file, state=state)
        line.text = f"local AWS at {session.endpoint}"
    try:
        with ThreadPoolExecutor(1) as aside:
            publishing = None
            if example and example.fetched:
                with step("web server") as line:
                    session = web.serve(session, example.fetched, state)
                    names = ", ".join(example.fetched.values())
                    line.text = f"web server at {session.web_endpoint}, which has {names}"
                # Nothing is fetched before the first run: Terraform need not wait for the files.
                publishing = aside.submit(example.publish, state / localaws.WEB_FOLDER)
            terraform = session.terraform(state)
            terraform.init()
            terraform.apply(session.arguments)
            if publishing:
                publishing.result()
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
