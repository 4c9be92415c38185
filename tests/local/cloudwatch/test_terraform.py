"""Terraform's own provider makes, keeps and removes what monitoring consists of."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.server import LocalAws, variables
from ops.environment import terraform_environment
from tests.local.conftest import Aws

CONFIGURATION = Path(__file__).parent / "terraform" / "monitoring.tf"

Terraform = Callable[..., tuple[int, str]]


@pytest.fixture
def aws() -> Iterator[Aws]:
    """A local AWS without the alarms of other tests."""
    with LocalAws() as server:
        yield Aws(server.endpoint, server)


@pytest.fixture
def terraform(aws: Aws, tmp_path: Path) -> Terraform:
    """Run Terraform on the configuration; the exit code and what it printed."""
    shutil.copy(CONFIGURATION, tmp_path)
    clean = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    environ = {**terraform_environment(clean), **variables(aws.endpoint)}

    def run(*arguments: str) -> tuple[int, str]:
        command = ["terraform", *arguments, "-no-color", "-input=false"]
        done = subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    code, printed = run("init")
    assert code == 0, printed
    return run


def test_monitoring__is_applied_without_drift_and_destroyed(aws: Aws, terraform: Terraform) -> None:
    code, printed = terraform("apply", "-auto-approve")
    assert code == 0, printed
    code, printed = terraform("plan", "-detailed-exitcode")
    assert code == 0, printed

    _, alarms = aws.get("/_local/alarms/evaluate", "POST")
    assert [(one["name"], one["state"]) for one in alarms] == [
        ("probe-dead-letters", "OK"),
        ("probe-freshness", "ALARM"),
        ("probe-run-failed", "OK"),
    ]
    mails = [json.loads(one["message"]) for one in aws.get("/_local/notifications")[1]]
    assert sorted((one["AlarmName"], one["NewStateValue"]) for one in mails) == [
        ("probe-dead-letters", "OK"),
        ("probe-freshness", "ALARM"),
    ]
    # A state is no part of the configuration.
    code, printed = terraform("plan", "-detailed-exitcode")
    assert code == 0, printed

    code, printed = terraform("destroy", "-auto-approve")
    assert code == 0, printed
    assert aws.get("/_local/alarms")[1] == []
    assert "QueueUrls" not in aws.client("sqs").list_queues()
    assert aws.client("cloudwatch").list_dashboards()["DashboardEntries"] == []
