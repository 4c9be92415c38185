"""What scenarios and probes work with: the deployment, what was seen of it, and time limits."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ops.conform.ear import Ear
from ops.errors import OpsError
from ops.history import History
from ops.machines import Machine
from ops.progress import events
from ops.target import Target

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef

T = TypeVar("T")
EVIDENCE = "evidence.json"
# What each thing may take at most on AWS, and on a local AWS.
JOB_SECONDS = (900, 300)
RUN_SECONDS = (3600, 300)
APPROVAL_SECONDS = (1800, 120)
EVENT_SECONDS = (180, 30)
FIRST_EVENT_SECONDS = (900, 30)
METRIC_SECONDS = (900, 30)


class NotSeen(OpsError):  # noqa: N818 - what a wait ends with
    """What was waited for did not come within its time limit."""


@dataclass
class Evidence:
    """What earlier steps have left for probes: ids of runs, by what they were for.

    Attributes
    ----------
    runs
        ARNs of executions: schedule, files, approval.
    token
        Task token of the request that was approved: it is used up.
    failed_job_run, scout_run, sessionless_run
        Ids of a job run that failed on purpose, of one that told of its surroundings, and of a
        Spark job that asked for no session.
    """

    runs: dict[str, str] = field(default_factory=dict)
    token: str = ""
    failed_job_run: str = ""
    scout_run: str = ""
    sessionless_run: str = ""

    def save(self, folder: Path) -> None:
        (folder / EVIDENCE).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Evidence:
        path = folder / EVIDENCE
        return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else cls()


@dataclass
class Lab:
    """One deployment that is being looked at."""

    name: str
    target: Target
    folder: Path
    spark: bool
    evidence: Evidence
    ear: Ear

    @property
    def local(self) -> bool:
        return self.target.session is not None

    @property
    def bucket(self) -> str:
        return self.target.outputs.bucket_name

    def integration(self, action: str) -> str:
        """ARN of an integration of Step Functions, in the partition of the deployment."""
        partition = self.target.outputs.pipeline_arn.split(":")[1]
        return f"arn:{partition}:states:::{action}"

    def limit(self, seconds: tuple[float, float]) -> float:
        return seconds[1] if self.local else seconds[0]

    def wait(self, what: str, look: Callable[[], T | None], seconds: tuple[float, float]) -> T:
        """Look until something is found.

        Raises
        ------
        NotSeen
            The time limit passed.
        """
        limit = self.limit(seconds)
        end = time.monotonic() + limit
        pause = 0.2 if self.local else 5.0
        while (found := look()) is None:
            if time.monotonic() > end:
                raise NotSeen(f"{what}: not seen within {limit:.0f} s")
            time.sleep(pause)
            pause = min(pause * 1.2, 5.0)
        return found

    def start(self, document: dict[str, Any], name: str) -> str:
        """Start an execution of the pipeline."""
        answer = self.target.stepfunctions.start_execution(
            stateMachineArn=self.target.outputs.pipeline_arn,
            name=f"{name}-{time.time_ns():x}",
            input=json.dumps(document),
        )
        return answer["executionArn"]

    def ended(self, arn: str) -> DescribeExecutionOutputTypeDef:
        """Description of an execution, once it has ended."""

        def look() -> DescribeExecutionOutputTypeDef | None:
            found = self.target.stepfunctions.describe_execution(executionArn=arn)
            return None if found["status"] == "RUNNING" else found

        return self.wait(f"the end of execution {arn.rsplit(':', 1)[-1]}", look, RUN_SECONDS)

    def history(self, arn: str) -> History:
        answer = self.target.stepfunctions.describe_state_machine_for_execution(executionArn=arn)
        history = History(Machine.of(answer["definition"]))
        for page in events(self.target, arn):
            history.feed(page)
        return history

    def job_ended(self, job: str, run: str) -> Any:
        """JobRun, once it has ended."""

        def look() -> Any | None:
            found = self.target.glue.get_job_run(JobName=job, RunId=run)["JobRun"]
            over = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED")
            return found if found["JobRunState"] in over else None

        return self.wait(f"the end of job run {run}", look, JOB_SECONDS)

    def keys(self, prefix: str) -> list[str]:
        pages = self.target.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def put(self, key: str, body: bytes) -> None:
        self.target.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
