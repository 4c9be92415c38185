"""What a command speaks to: AWS or the local AWS, and what Terraform made there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from ops import localaws
from ops.display import console
from ops.environment import ROOT, STATE, terraform_environment
from ops.errors import OpsError
from ops.terraform import Terraform

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 6}, connect_timeout=10, read_timeout=60
)


@dataclass(frozen=True)
class Outputs:
    """The outputs of the root module that the tools use.

    Those with a default are missing where an older version was applied: it started no run by
    itself and had no alarms.
    """

    bucket_name: str
    crawler_names: dict[str, str | None]  # null for a layer that has no tables
    database_names: dict[str, str]
    dataset_names: list[str]
    incoming_prefixes: dict[str, str]
    job_names: dict[str, str]
    model_names: list[str]
    notification_topic_arn: str
    pipeline_arn: str
    region: str
    stage_names: list[str]
    workgroup_name: str
    alarm_names: list[str] = field(default_factory=list)
    arrival_window_seconds: int | None = None
    dashboard_name: str | None = None
    dead_letter_queue_url: str | None = None
    event_dataset_names: list[str] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)  # of each dataset

    @classmethod
    def parse(cls, values: Mapping[str, Any], source: str) -> Outputs:
        """Take the outputs that are known here; `source` says where they come from in errors."""
        missing = [
            item.name
            for item in fields(cls)
            if item.name not in values
            and item.default is MISSING
            and item.default_factory is MISSING
        ]
        if missing:
            raise OpsError(
                f"{source} lacks the outputs {', '.join(missing)}.",
                hint="The deployment is older than this clone: apply it again.",
            )
        return cls(**{item.name: values[item.name] for item in fields(cls) if item.name in values})

    def group_of(self, dataset: str) -> str:
        """Group that a dataset is loaded with: its own, unless it was given another."""
        return self.groups.get(dataset, dataset)

    def event_datasets_of(self, group: str) -> list[str]:
        """Datasets of a group of which a dropped file starts a run."""
        return [name for name in self.event_dataset_names if self.group_of(name) == group]


@dataclass(frozen=True)
class Target:
    """AWS or the local AWS, with clients for it."""

    name: str
    outputs: Outputs
    session: localaws.Session | None = None

    @property
    def description(self) -> str:
        if self.session:
            return f"local AWS at {self.session.endpoint} ({self.session.example})"
        return f"AWS, region {self.outputs.region}"

    @cached_property
    def _boto(self) -> boto3.session.Session:
        return boto3.session.Session(region_name=self.outputs.region)

    @property
    def _endpoint(self) -> str | None:
        return self.session.endpoint if self.session else None

    @cached_property
    def athena(self) -> AthenaClient:
        return self._boto.client("athena", endpoint_url=self._endpoint, config=_CONFIG)

    @cached_property
    def cloudwatch(self) -> CloudWatchClient:
        return self._boto.client("cloudwatch", endpoint_url=self._endpoint, config=_CONFIG)

    @cached_property
    def events(self) -> EventBridgeClient:
        return self._boto.client("events", endpoint_url=self._endpoint, config=_CONFIG)

    @cached_property
    def glue(self) -> GlueClient:
        return self._boto.client("glue", endpoint_url=self._endpoint, config=_CONFIG)

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        return self._boto.client("logs", endpoint_url=self._endpoint, config=_CONFIG)

    @cached_property
    def s3(self) -> S3Client:
        return self._boto.client("s3", endpoint_url=self._endpoint, config=_CONFIG)

    @cached_property
    def sns(self) -> SNSClient:
        return self._boto.client("sns", endpoint_url=self._endpoint, config=_CONFIG)

    @cached_property
    def sqs(self) -> SQSClient:
        return self._boto.client("sqs", endpoint_url=self._endpoint, config=_CONFIG)

    @cached_property
    def stepfunctions(self) -> SFNClient:
        return self._boto.client("stepfunctions", endpoint_url=self._endpoint, config=_CONFIG)

    def keys(self, prefix: str) -> list[str]:
        """Keys in the bucket under a prefix."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.outputs.bucket_name, Prefix=prefix
        )
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def read_json(self, key: str) -> dict[str, Any] | None:
        """JSON document in the bucket; None when there is none."""
        try:
            body = self.s3.get_object(Bucket=self.outputs.bucket_name, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
        document: dict[str, Any] = json.loads(body)
        return document


def choose(name: str | None = None) -> str:
    """`local` when the local AWS is up, else `aws`; TARGET overrides."""
    name = name or os.environ.get("TARGET") or ""
    if name not in ("", "local", "aws"):
        raise OpsError(f"TARGET is {name!r}.", hint="Allowed are: local, aws.")
    return name or ("local" if localaws.find() else "aws")


def connect(name: str | None = None, *, announce: bool = True) -> Target:
    """Find the target and read what Terraform made there.

    Raises
    ------
    OpsError
        The local AWS is not up, nothing is applied, or there are no credentials.
    """
    asked = name or os.environ.get("TARGET")
    target = _local() if choose(name) == "local" else _aws(asked=bool(asked))
    if announce:
        console.print(f"[dim]Target: {target.description}[/dim]")
    return target


def _local() -> Target:
    session = localaws.find()
    if session is None:
        raise OpsError("The local AWS is not up.", hint="Start it: make local-up")
    return local_target(session)


def local_target(session: localaws.Session, state: Path = STATE) -> Target:
    """Make a running local AWS the target; its Terraform state lies in `state`."""
    # From here on this process is a client of the local AWS, whatever the user's settings are.
    environ = localaws.local_environment(session.endpoint, os.environ)
    os.environ.clear()
    os.environ.update(environ)
    values = session.terraform(state).outputs()
    if not values:
        raise OpsError("Nothing is applied to the local AWS.", hint="Run: make local-down local-up")
    return Target("local", Outputs.parse(values, "The local deployment"), session)


def aws_terraform() -> Terraform:
    """Terraform on the clone itself, with the user's own credentials and state."""
    return Terraform(ROOT, terraform_environment())


def _aws(*, asked: bool) -> Target:
    initialised = (ROOT / ".terraform").is_dir()
    values = aws_terraform().outputs() if initialised else {}
    if not values and asked:
        raise OpsError("Nothing is applied to AWS from this clone.", hint="Run: make apply")
    if not values:
        raise OpsError(
            "The local AWS is not up, and nothing is applied to AWS from this clone.",
            hint="For the local AWS: make local-up. For AWS: make apply",
        )
    target = Target("aws", Outputs.parse(values, "The deployment on AWS"))
    require_credentials(target._boto)
    return target


def require_credentials(session: boto3.session.Session) -> None:
    """Refuse early, in one line, what botocore would refuse late in a traceback."""
    if session.get_credentials() is None:
        raise OpsError(
            "No AWS credentials were found.",
            hint="Set AWS_PROFILE, or run `aws configure` or `aws sso login`. "
            "Without an AWS account: make demo",
        )
