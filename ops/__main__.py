"""Command line of the operator's tools: `python -m ops <command>`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from ops import (
    approvals,
    deploy,
    drop,
    examples,
    localaws,
    logs,
    parity_command,
    query,
    report,
    run,
    status,
    windows,
)
from ops.conform import command as conforming
from ops.demo import demo
from ops.display import errors
from ops.docs import write as write_docs
from ops.environment import terraform_environment
from ops.errors import OpsError
from ops.target import connect

Command = Callable[[argparse.Namespace], int | None]


def parser() -> argparse.ArgumentParser:
    """Parser of all commands; each sets `call` to the function that does it."""
    top = argparse.ArgumentParser(prog="python -m ops", description=__doc__)
    commands = top.add_subparsers(metavar="<command>", required=True)

    def add(name: str, text: str, call: Command) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(call=call)
        return command

    _add_proofs(add)
    text = "Start the local AWS, apply, and drop an example's files, whose events start a run."
    command = add("local-up", text, _local_up)
    command.add_argument("--example", default="flights")
    command.add_argument("--var-file", type=Path, help="a .tfvars file instead of the example's")
    add("local-down", "Stop the local AWS.", lambda _: deploy.local_down())
    add("validate", "Run terraform validate.", lambda _: deploy.validate())
    command = add("docs", "Write README.md tables, and the root variables and outputs.", _docs)
    command.add_argument("--check", action="store_true", help="only tell whether they are true")
    command = add(
        "exec", "Run a program with the environment of Terraform or the local AWS.", _exec
    )
    command.add_argument(
        "--terraform-only", action="store_true", help="leave the local AWS out, even if it is up"
    )
    command.add_argument("program", nargs=argparse.REMAINDER)
    for name in ("apply", "destroy"):
        command = add(name, f"terraform {name} on AWS.", _on_aws)
        command.set_defaults(name=name)
        command.add_argument("--var-file", type=Path, help="a .tfvars file")

    def add_targeted(name: str, text: str, call: Command) -> argparse.ArgumentParser:
        command = add(name, text, call)
        command.add_argument(
            "--target", help="local or aws; default: $TARGET, else local when it is up, else aws"
        )
        return command

    command = add_targeted("run", "Start the pipeline and show its progress.", _run)
    command.add_argument("--datasets", default="", help="comma list; default: all")
    command.add_argument("--from", dest="begin", help="ingest (default), transform or model")
    command.add_argument("--stages", default="", help="comma list of stages; default: all")
    command.add_argument(
        "--rebuild", action="store_true", help="build models also where nothing has changed"
    )
    command = add_targeted("query", "Ask Athena; SQL from the argument or $SQL.", _query)
    command.add_argument("sql", nargs="?")
    command = add_targeted(
        "status", "Show the last runs, what waits, and what wants attention.", _status
    )
    command.add_argument("--run", help="id of a run; default: the last")
    command = add_targeted("logs", "Show the job logs of a run.", _logs)
    command.add_argument("--run", help="id of a run; default: the last")
    text = "Approve what a run asks for: it publishes the table that it held back."
    command = add_targeted("approve", text, _approve)
    _add_request(command)
    text = "Reject what a run asks for: the table stays as it is, and the run fails."
    command = add_targeted("reject", text, _reject)
    _add_request(command)
    command.add_argument(
        "--reason", help="why, for the result and the mail of the run; default: $REASON"
    )
    text = "Drop files into incoming/<dataset>/, and say which run takes them."
    command = add_targeted("drop", text, _drop)
    command.add_argument("--dataset", default="")
    command.add_argument("files", nargs="*")
    add_targeted("report", "Count the rows of all tables; show refused files.", _report)
    return top


def _add_proofs(add: Callable[[str, str, Command], argparse.ArgumentParser]) -> None:
    """Add the commands that deploy something of their own, and destroy it."""
    command = add("demo", "The whole system at work on an example, locally.", _demo)
    command.add_argument("--example", default="flights")
    command.add_argument("--keep", action="store_true", help="leave the local AWS up")
    text = "Deploy, run and probe on AWS what nobody has seen there yet; destroy it again."
    conforming.add_arguments(add("conform", text, _conform))
    command = add("parity", "Build an example on both engines; show what differs.", _parity)
    command.add_argument("--example", default="flights")


def _add_request(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--run", default="", help="id of the run; default: the only one that waits for approval"
    )
    command.add_argument("--dataset", default="", help="default: the only one that waits")
    command.add_argument(
        "--token",
        help="task token of the request, from the mail, in place of both; default: $TASK_TOKEN",
    )


def _demo(arguments: argparse.Namespace) -> None:
    demo(arguments.example, keep=arguments.keep)


def _local_up(arguments: argparse.Namespace) -> None:
    if arguments.var_file:
        deploy.local_up_with(arguments.var_file)
        print(
            "\nNow: make drop DATASET=<name> FILES=<files>, make run, make status, make local-down"
        )
        return
    example = examples.load(arguments.example)
    target = deploy.bring_up(example)
    files = deploy.prepare(example)
    deploy.drop_files(target, files)
    print()
    for line in windows.forecast(target, files.datasets, datetime.now(UTC)):
        print(line)
    first = "" if windows.groups(target, files.datasets) else "make run, "
    print(f"Now: {first}make status, make query SQL='…', make drop, make local-down")


def _run(arguments: argparse.Namespace) -> None:
    names, stages = _names(arguments.datasets), _names(arguments.stages)
    run.execute(
        connect(arguments.target), names, arguments.begin or None, stages, rebuild=arguments.rebuild
    )


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _parity(arguments: argparse.Namespace) -> int:
    return parity_command.run(arguments.example)


def _conform(arguments: argparse.Namespace) -> int:
    return conforming.conform(conforming.Options.of(arguments))


def _query(arguments: argparse.Namespace) -> None:
    query.run(connect(arguments.target), _given(arguments.sql, "SQL"))


def _status(arguments: argparse.Namespace) -> None:
    status.show(connect(arguments.target), arguments.run)


def _logs(arguments: argparse.Namespace) -> None:
    logs.show(connect(arguments.target), arguments.run)


def _approve(arguments: argparse.Namespace) -> None:
    approvals.approve(
        connect(arguments.target),
        arguments.run,
        arguments.dataset,
        _given(arguments.token, "TASK_TOKEN"),
    )


def _reject(arguments: argparse.Namespace) -> None:
    approvals.reject(
        connect(arguments.target),
        arguments.run,
        arguments.dataset,
        _given(arguments.reason, "REASON"),
        _given(arguments.token, "TASK_TOKEN"),
    )


def _given(argument: str | None, variable: str) -> str:
    """Text of an argument, or else of the environment, where make leaves it as it was typed."""
    return os.environ.get(variable, "") if argument is None else argument


def _drop(arguments: argparse.Namespace) -> None:
    drop.run(connect(arguments.target), arguments.dataset, arguments.files)


def _report(arguments: argparse.Namespace) -> None:
    target = connect(arguments.target)
    report.tables(target)
    report.quarantine(target)


def _on_aws(arguments: argparse.Namespace) -> int:
    return deploy.on_aws(arguments.name, arguments.var_file)


def _docs(arguments: argparse.Namespace) -> int:
    return write_docs(check=arguments.check)


def _exec(arguments: argparse.Namespace) -> None:
    program = [item for item in arguments.program if item != "--"] or [
        os.environ.get("SHELL", "sh")
    ]
    environ = terraform_environment()
    session = None if arguments.terraform_only else localaws.find()
    if session:
        environ = localaws.local_environment(session.endpoint, environ)
    try:
        os.execvpe(program[0], program, environ)  # noqa: S606 - the user's own command
    except FileNotFoundError as error:
        raise OpsError(f"There is no program {program[0]!r} on PATH.") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; errors that a user can mend end in a message, not in a traceback."""
    arguments = parser().parse_args(argv)
    try:
        return arguments.call(arguments) or 0
    except OpsError as error:
        if error.details:
            errors.print(error.details.rstrip(), markup=False)
        errors.print(f"\nError: {error.message}", style="bold red", markup=False)
        if error.hint:
            errors.print(error.hint, markup=False)
        return 1
    except ClientError as error:
        what = error.response.get("Error", {})
        message = f"AWS refused {error.operation_name}: {what.get('Code')}: {what.get('Message')}"
        errors.print(f"\nError: {message}", style="bold red", markup=False)
        return 1
    except BotoCoreError as error:
        errors.print(f"\nError: {error}", style="bold red", markup=False)
        return 1
    except KeyboardInterrupt:
        errors.print("\nInterrupted.")
        return 130
    except BrokenPipeError:  # for example `make logs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
