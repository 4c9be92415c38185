"""`make conform`: ask, deploy, run, compare, probe, tell, and destroy whatever happens."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ops import prices
from ops.conform import answers, costs, outcome, scenarios
from ops.conform import deployment as deployments
from ops.conform.assumptions import ASSUMPTIONS
from ops.conform.deployment import Deployment
from ops.conform.ear import Ear
from ops.conform.findings import Assumption
from ops.conform.lab import Evidence, Lab
from ops.conform.masking import masking
from ops.conform.outcome import Outcome
from ops.conform.sweep import sweep
from ops.display import console, done, failed, heading, note, table
from ops.errors import OpsError
from ops.target import Target, require_credentials

DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    Attributes
    ----------
    name
        A deployment that was kept: it is probed again, not made.
    probes
        Ids of assumptions; none for all.
    keep
        Whether it stays when all is done.
    """

    target: str = "aws"
    yes: bool = False
    keep: bool = False
    name: str = ""
    probes: Sequence[str] = ()
    spark: bool = True
    plugin: str | None = None

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Options:
        """Options of a command line, whose parser has had `add_arguments`.

        Raises
        ------
        OpsError
            The target is neither aws nor local.
        """
        target = arguments.target or os.environ.get("TARGET") or "aws"
        if target not in ("aws", "local"):
            raise OpsError(f"TARGET is {target!r}.", hint="Allowed are: local, aws.")
        probes = [name.strip() for name in arguments.probes.split(",") if name.strip()]
        return cls(
            target,
            yes=arguments.yes,
            keep=arguments.keep,
            name=arguments.name,
            probes=probes,
            spark=not arguments.no_spark,
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("--target", help="aws or local; default: $TARGET, else aws")
    parser.add_argument("--yes", action="store_true", help="agree to what it costs beforehand")
    parser.add_argument("--keep", action="store_true", help="destroy nothing in the end")
    parser.add_argument("--name", default="", help="a deployment that was kept: probe it again")
    parser.add_argument("--probes", default="", help="comma list of ids; default: all")
    parser.add_argument("--no-spark", action="store_true", help="leave the Spark job out")


def conform(options: Options) -> int:
    """Run the whole, and return the exit code: 0 when all is as assumed and nothing is left."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, _interrupt) for number in numbers]
    try:
        with masking():
            return _conform(options)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _conform(options: Options) -> int:
    wanted = outcome.chosen(ASSUMPTIONS, options.probes)
    if options.name:
        deployment = deployments.load(options.name)
    else:
        deployment = _new(options)
        if deployment.local:
            _announce(deployment)
        elif not _agreed(deployment, options):
            console.print("Nothing was made.")
            return 1
    result = Outcome(deployment.name, "local" if deployment.local else "aws")
    target: Target | None = None
    try:
        if not options.name:
            heading("Deploy")
            deployment.apply()
        if deployment.is_whole():
            target = deployment.target()
            _look(_lab(deployment, target), wanted, result, anew=not options.name)
        else:
            note(f"{deployment.name} is not whole: there is nothing to probe.")
    except (OpsError, ClientError, BotoCoreError) as error:
        result.failures.append(_told(error))
    except KeyboardInterrupt:
        result.failures.append("interrupted")
    finally:
        _finish(deployment, target, result, keep=options.keep)
    return 0 if result.good else 1


def _new(options: Options) -> Deployment:
    if options.target == "local":
        return deployments.new(
            local=True, region=DEFAULT_REGION, spark=options.spark, plugin=options.plugin
        )
    session = boto3.session.Session()
    require_credentials(session)
    region = session.region_name or DEFAULT_REGION
    return deployments.new(local=False, region=region, spark=options.spark)


def _announce(deployment: Deployment) -> None:
    """Say what will happen on a local AWS, where nothing has to be asked."""
    heading("make conform on a local AWS")
    spark = (
        " The first Spark job of this machine downloads Spark, about 400 MB; SPARK=0 does without."
        if deployment.spark
        else ""
    )
    console.print(
        f"It starts a local AWS of its own, deploys the retail sample there as {deployment.name}, "
        "runs the pipeline three times, looks whether this AWS behaves as we take the real one to, "
        "and stops it. That takes some minutes, and nothing leaves this machine." + spark,
        soft_wrap=True,
    )


def _agreed(deployment: Deployment, options: Options) -> bool:
    """Say what will be made and what it costs, and ask."""
    heading(f"make conform on AWS account {_account(deployment.region)}, {deployment.region}")
    console.print(
        f"It deploys the retail sample as {deployment.name}: a bucket, Glue jobs, crawlers, three "
        "databases, an Athena workgroup, seven state machines, event rules, alarms, a topic, two "
        "queues, log groups and their roles. It runs the pipeline three times, which takes "
        "about an hour, makes a job and state machines of its own to probe with, and "
        "destroys all of it, also after a failure or ^C.",
        soft_wrap=True,
    )
    found = costs.estimate(spark=deployment.spark)
    rows = [[item.what, item.how, f"${item.dollars:.3f}"] for item in found]
    total = sum(item.dollars for item in found)
    heading(f"What it costs, estimated by the prices of {prices.REGION}, {prices.DATE}")
    table(["what", "how", "about"], [*rows, ["all", "", f"${total:.2f}"]], right=[2])
    if options.yes:
        return True
    if not sys.stdin.isatty():
        raise OpsError(
            "Nobody is there to be asked.", hint="To agree beforehand: make conform YES=1"
        )
    return console.input("\nType yes to go on: ").strip() == "yes"


def _account(region: str) -> str:
    """Alias of the account, or the last four digits of its number."""
    session = boto3.session.Session(region_name=region)
    number = str(session.client("sts").get_caller_identity()["Account"])
    try:
        aliases = session.client("iam").list_account_aliases()["AccountAliases"]
    except ClientError:  # not everybody may ask for it
        aliases = []
    return aliases[0] if aliases else f"…{number[-4:]}"


def _lab(deployment: Deployment, target: Target) -> Lab:
    evidence = Evidence.load(deployment.folder)
    ear = Ear(target, deployment.name)
    return Lab(deployment.name, target, deployment.folder, deployment.spark, evidence, ear)


def _look(lab: Lab, wanted: Sequence[Assumption], result: Outcome, *, anew: bool) -> None:
    """Run it, if it was made just now, compare and probe."""
    try:
        lab.ear.open()
        if anew:
            _run_all(lab, result)
        heading("Probes")
        result.found = outcome.probe(lab, wanted)
    finally:
        lab.evidence.save(lab.folder)
        sweep(lab.target, lab.name)


def _run_all(lab: Lab, result: Outcome) -> None:
    """Run it in every way; one that fails does not stop the others."""
    heading("Runs")
    ways: list[Callable[[Lab], None]] = [
        scenarios.await_events,
        scenarios.by_schedule,
        scenarios.by_files,
        scenarios.by_approval,
    ]
    for way in ways:
        try:
            way(lab)
        except (OpsError, ClientError, BotoCoreError) as error:
            result.failures.append(_told(error))
            failed(_told(error))
        lab.evidence.save(lab.folder)
    heading("Answers")
    result.answers = answers.compare(lab.target)


def _told(error: Exception) -> str:
    return error.message if isinstance(error, OpsError) else str(error)


def _finish(deployment: Deployment, target: Target | None, result: Outcome, *, keep: bool) -> None:
    """Destroy what was made, and tell what came out."""
    report = deployments.FOLDER / f"{deployment.name}.json"
    command = f"make conform NAME={deployment.name}"
    try:
        if not keep:
            heading("Take down")
            _take_down(deployment, target, result)
    except KeyboardInterrupt:
        result.left.append(f"all that terraform still has in {deployment.folder}")
    finally:
        result.show()
        result.save(report)
    if result.left:
        heading("What is left")
        for text in result.left:
            note(text)
        console.print(f"To try again to destroy it: {command}", soft_wrap=True)
    elif keep:
        console.print(f"\n{deployment.name} is kept. To destroy it, after its probes: {command}")
    else:
        _tell_of_logs(deployment)
    done(f"the report: {report}")


def _take_down(deployment: Deployment, target: Target | None, result: Outcome) -> None:
    try:
        result.left = deployment.destroy(target)
    except (OpsError, ClientError, BotoCoreError) as error:
        result.failures.append(_told(error))
        result.left = list(deployment.left(target))
    if not result.left:
        deployment.forget()


def _tell_of_logs(deployment: Deployment) -> None:
    note(f"Nothing of {deployment.name} is left.")
    if not deployment.local:
        groups = ", ".join(deployments.GLUE_LOG_GROUPS)
        note(f"Glue keeps its logs, for all jobs of the account, in {groups}.")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
