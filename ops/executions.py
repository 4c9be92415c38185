"""Find executions of the pipeline, and read their histories."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ops.errors import OpsError
from ops.progress import Progress, run_id
from ops.target import Target

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import ExecutionListItemTypeDef

_NO_RUN = ("ExecutionDoesNotExist", "InvalidArn", "ValidationException")
_WINDOW_END = re.compile(r"-\d{8}T\d{6}Z")


def execution_arn(target: Target, run: str) -> str:
    """ARN of a run, by its id or by its ARN."""
    head = target.outputs.pipeline_arn.replace(":stateMachine:", ":execution:")
    return run if run.startswith("arn:") else f"{head}:{run}"


def latest(target: Target, count: int = 1) -> list[ExecutionListItemTypeDef]:
    """The last executions of the pipeline, newest first."""
    answer = target.stepfunctions.list_executions(
        stateMachineArn=target.outputs.pipeline_arn, maxResults=100
    )
    found = sorted(answer["executions"], key=lambda item: item["startDate"], reverse=True)
    return found[:count]


def running(target: Target) -> list[str]:
    """ARNs of the runs that have not ended, oldest first."""
    arguments: dict[str, Any] = {"statusFilter": "RUNNING"}
    pages = target.stepfunctions.get_paginator("list_executions").paginate(
        stateMachineArn=target.outputs.pipeline_arn, **arguments
    )
    found = [item for page in pages for item in page["executions"]]
    return [item["executionArn"] for item in sorted(found, key=lambda item: item["startDate"])]


def of_group(target: Target, group: str) -> list[str]:
    """ARNs of the last runs that files of a group have started, in the order of their windows."""
    found = [
        item["executionArn"]
        for item in latest(target, 100)
        if item["name"].startswith(f"{group}-")
        and _WINDOW_END.fullmatch(item["name"][len(group) :])
    ]
    return sorted(found)


def progress_of(target: Target, arn: str) -> Progress:
    """Progress of a run, with the executions that it started.

    Raises
    ------
    OpsError
        There is no such run.
    """
    progress = Progress(target, arn)
    try:
        progress.poll()
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NO_RUN:
            raise
        raise OpsError(f"There is no run {run_id(arn)}.", hint="See them: make status") from error
    return progress
