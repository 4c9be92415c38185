"""The ways in which the deployment is run: by the schedule's input, by files, with an approval."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ops import approvals, arrivals, executions, run
from ops.conform import files
from ops.conform.lab import APPROVAL_SECONDS, EVENT_SECONDS, FIRST_EVENT_SECONDS, RUN_SECONDS, Lab
from ops.display import console, plural, step
from ops.errors import OpsError
from ops.progress import run_id

GROUP = "returns"
ON_SPARK = "visits"  # of the same group
_TOKEN = re.compile(r"--task-token\s+(\S{16,})")


def by_schedule(lab: Lab) -> None:
    """Run what the schedule runs: the retail sample and its models."""
    arn = lab.start({"trigger": "schedule"}, "schedule")
    lab.evidence.runs["schedule"] = arn
    console.print(f"[dim]Run {run_id(arn)}, by the input of the schedule[/dim]")
    run.watch(lab.target, arn)


def await_events(lab: Lab) -> None:
    """Wait until S3 sends its events: on AWS some minutes after it was told to."""
    with step("events of S3 reach the pipeline") as line:
        number = 0

        def arrived() -> bool | None:
            nonlocal number
            number += 1
            lab.put(f"incoming/nobody/hello-{number}.txt", b"hello")
            try:
                lab.wait("an event", lambda: bool(_records(lab)) or None, (20, 20))
            except OpsError:
                return None
            return True

        lab.wait(
            "the first event of a file that was put into incoming/", arrived, FIRST_EVENT_SECONDS
        )
        line.text = f"events of S3 reach the pipeline, after {plural(number, 'file')}"


def _records(lab: Lab) -> list[str]:
    return lab.keys("runs/arrivals/")


def by_files(lab: Lab) -> None:
    """Drop good files under odd names, and a torn one, which is refused."""
    dropped = {f"{GROUP}/{name}": body for name, body in {**files.GOOD, **files.REFUSED}.items()}
    if lab.spark:
        dropped |= {f"{ON_SPARK}/{name}": body for name, body in files.GOOD.items()}
    arn = _dropped(lab, dropped, "files")
    run.watch(lab.target, arn)
    _settle(lab)
    kept = [key for key in lab.keys(f"quarantine/{GROUP}/files/") if "torn" in key]
    if len(kept) != 2:  # the file, and its reason
        raise OpsError(
            f"The torn file was dropped, and quarantine/{GROUP}/files/ holds {kept or 'nothing'}.",
            hint="It should hold the file and its reason.",
        )


def by_approval(lab: Lab) -> None:
    """Drop a file with many bad rows, and approve of what the run then asks."""
    dropped = {f"{GROUP}/{name}": body for name, body in files.DOUBTFUL.items()}
    arn = _dropped(lab, dropped, "approval")
    with step("run waits for approval"):
        lab.evidence.token = lab.wait(
            "a request for approval", lambda: _token(lab, arn), APPROVAL_SECONDS
        )
    if approvals.requests_of(lab.target, run_id(arn)):
        approvals.approve(lab.target, run_id(arn), GROUP)
    elif lab.evidence.token:  # what `make approve` does not find, the mail has
        approvals.approve(lab.target, token=lab.evidence.token)
    run.watch(lab.target, arn)
    _settle(lab)


def _token(lab: Lab, arn: str) -> str | None:
    """Token of the request of a run, from its history or its mail; none when it has ended."""
    if requests := approvals.requests_of(lab.target, run_id(arn)):
        return requests[0].token
    mail = lab.ear.find("mail", lambda text: bool(_TOKEN.search(text)) and run_id(arn) in text)
    if mail:
        found = _TOKEN.search(mail)
        return found[1] if found else None
    status = lab.target.stepfunctions.describe_execution(executionArn=arn)["status"]
    return None if status == "RUNNING" else ""


def _settle(lab: Lab) -> None:
    """Wait until all dropped files are taken, by however many runs."""

    def settled() -> bool | None:
        files_left = [*lab.keys(f"incoming/{GROUP}/"), *lab.keys(f"incoming/{ON_SPARK}/")]
        waiting = files_left or executions.running(lab.target)
        return None if waiting else True

    lab.wait("the end of all runs", settled, RUN_SECONDS)


def _dropped(lab: Lab, dropped: Mapping[str, bytes], what: str) -> str:
    """Drop files, and return the run that they start."""
    before = set(executions.of_group(lab.target, GROUP))
    arrivals.await_room(lab.target)
    for name, body in dropped.items():
        lab.put(f"incoming/{name}", body)
    with step("run of the files") as line:
        arn = lab.wait(
            f"a run that {', '.join(dropped)} start",
            lambda: next(iter(set(executions.of_group(lab.target, GROUP)) - before), None),
            EVENT_SECONDS,
        )
        line.text = f"run {run_id(arn)}, started by {', '.join(dropped)}"
    lab.evidence.runs[what] = arn
    return arn
