"""One local AWS for all tests of tests/local, and helpers to use it."""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import boto3
import pytest

from local.server import LocalAws

ACCOUNT = "123456789012"
T = TypeVar("T")
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/"


@dataclass(frozen=True)
class Aws:
    """A running local AWS and shorthands for tests."""

    endpoint: str
    server: LocalAws

    def client(self, service: str, key: str = "root", secret: str = "root", token: str = "") -> Any:
        """Return a client, as root unless credentials are given."""
        make: Any = boto3.client
        return make(
            service,
            region_name="us-east-1",
            endpoint_url=self.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token or None,
        )

    def as_role(self, service: str, role_arn: str) -> Any:
        """Return a client that acts in a role."""
        sts = self.client("sts")
        got = sts.assume_role(RoleArn=role_arn, RoleSessionName="test")["Credentials"]
        return self.client(service, got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])

    def role(
        self,
        *statements: dict[str, Any],
        service: str = "states.amazonaws.com",
        trust: dict[str, Any] | None = None,
    ) -> str:
        """Make a role with one inline policy, trusted by a service and the account; its ARN."""
        name = unique("role")
        trust = trust or {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": service, "AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        iam = self.client("iam")
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        if statements:
            policy = {"Version": "2012-10-17", "Statement": list(statements)}
            iam.put_role_policy(
                RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(policy)
            )
        arn: str = made["Role"]["Arn"]
        return arn

    def deny(self, role: str, action: str) -> None:
        """Take a right away from a role."""
        deny = {"Effect": "Deny", "Action": action, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
        self.client("iam").put_role_policy(
            RoleName=role.rsplit("/", 1)[-1], PolicyName=unique("deny"), PolicyDocument=document
        )

    def bucket(self) -> str:
        """Make a bucket; its name."""
        name = unique("bucket")
        self.client("s3").create_bucket(Bucket=name)
        return name

    def get(self, path: str, method: str = "GET") -> tuple[int, Any]:
        """Call a ``/_local`` endpoint; the status and the JSON."""
        request = urllib.request.Request(self.endpoint + path, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def machine(self, definition: dict[str, Any], role_arn: str | None = None, **more: Any) -> str:
        """Make a state machine in JSONata; its ARN."""
        role_arn = role_arn or self.role(allow("*", "*"))
        made = self.client("stepfunctions").create_state_machine(
            name=unique("machine"),
            definition=json.dumps({"QueryLanguage": "JSONata", **definition}),
            roleArn=role_arn,
            **more,
        )
        arn: str = made["stateMachineArn"]
        return arn

    def run(
        self, machine: str | dict[str, Any], given: object = None, **more: Any
    ) -> dict[str, Any]:
        """Run a machine to its end; what DescribeExecution says, with its output as JSON."""
        arn = machine if isinstance(machine, str) else self.machine(machine, **more)
        states = self.client("stepfunctions")
        started = states.start_execution(
            stateMachineArn=arn, input=json.dumps({} if given is None else given)
        )
        return self.wait(started["executionArn"])

    def wait(self, execution: str) -> dict[str, Any]:
        """Wait for an execution; what DescribeExecution says, with its output as JSON."""
        states = self.client("stepfunctions")

        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = states.describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None

        found = until(ended, f"{execution} to end")
        if "output" in found:
            found["output"] = json.loads(found["output"])
        return found


def allow(action: str | list[str], resource: str | list[str], **more: Any) -> dict[str, Any]:
    """Return an Allow statement."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def unique(prefix: str) -> str:
    """Return a name that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


# On a machine with other work all takes longer: what takes that long hangs.
HANGS_SECONDS = 300


def until(found: Callable[[], T | None], what: str) -> T:
    """Poll until something is there; what hangs fails the test."""
    end = time.monotonic() + HANGS_SECONDS
    while time.monotonic() < end:
        value = found()
        if value is not None and value is not False:
            return value
        time.sleep(0.02)
    pytest.fail(f"waited {HANGS_SECONDS} s for {what}")


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    """A local AWS with IAM enforced, shared: use unique names."""
    with LocalAws(minute_seconds=2) as server:
        yield Aws(server.endpoint, server)
