"""A deployed lake for tests: real Terraform against the local AWS, driven as a user would."""

from __future__ import annotations

import io
import json
import os
import shutil
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from python_terraform import IsFlagged, Terraform

from local.server import LocalAws
from local.server import variables as local_aws_variables
from ops.environment import JOB_PYTHON, terraform_environment
from tests.oracles.compare import read_objects

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
SPARK_VENV = ROOT / ".venv-spark"
PLAN = "next.tfplan"
VARIABLES = "test.auto.tfvars.json"
# On a machine with other work all takes longer: what takes that long hangs.
HANGS_SECONDS = 1200
MODULE_PARTS = ("asl", "examples", "jobs", "modules")


@dataclass(frozen=True)
class Run:
    """One ended execution of the pipeline."""

    status: str
    cause: str
    result: dict[str, Any]
    execution_arn: str

    def dataset(self, name: str) -> dict[str, Any]:
        return next(item for item in self.result["datasets"] if item["dataset"] == name)

    def failure(self) -> dict[str, Any]:
        """Return the only failure of the run."""
        assert len(self.result["failures"]) == 1, self.result["failures"]
        failure: dict[str, Any] = self.result["failures"][0]
        return failure


@dataclass
class Lake:
    """The deployed module and the clients to use it with."""

    terraform: Terraform
    endpoint: str
    outputs: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return boto3.session.Session().client(service)  # type: ignore[call-overload]

    @cached_property
    def s3(self) -> Any:
        return self.client("s3")

    @cached_property
    def states(self) -> Any:
        return self.client("stepfunctions")

    @cached_property
    def glue(self) -> Any:
        return self.client("glue")

    @property
    def bucket(self) -> str:
        return str(self.outputs["bucket_name"])

    def set_variables(self, **variables: Any) -> None:
        """Change variables of the module for the next plan."""
        path = Path(self.terraform.working_dir) / VARIABLES
        path.write_text(json.dumps({**json.loads(path.read_text()), **variables}))

    def plan(self) -> list[dict[str, Any]]:
        """Return the resources that an apply would change, as `terraform show -json` tells them."""
        code, out, err = self.terraform.plan(out=PLAN)
        assert code in (0, 2), f"{out}\n{err}"
        shown = json.loads(done(self.terraform.show_cmd(PLAN, json=IsFlagged)))
        changes = shown.get("resource_changes", [])
        return [item for item in changes if item["change"]["actions"] not in (["no-op"], ["read"])]

    def apply(self, plan: str | None = None) -> None:
        done(self.terraform.apply(plan, skip_plan=True))
        self.outputs = {name: item["value"] for name, item in self.terraform.output().items()}

    def drop(self, dataset: str, name: str, body: bytes | str) -> str:
        """Put a file where producers put theirs, and return its key."""
        key = f"incoming/{dataset}/{name}"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return key

    def keys(self, prefix: str) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def empty(self, prefix: str) -> None:
        """Delete what lies under a prefix."""
        for key in self.keys(prefix):
            self.s3.delete_object(Bucket=self.bucket, Key=key)

    def etags(self, *prefixes: str) -> dict[str, str]:
        """Return the digests of the objects under some prefixes."""
        pages = self.s3.get_paginator("list_objects_v2")
        return {
            item["Key"]: item["ETag"]
            for prefix in prefixes
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix)
            for item in page.get("Contents", [])
        }

    def versions(self, prefix: str) -> dict[str, str]:
        """Return the current version of each object under a prefix."""
        return {
            key: self.s3.head_object(Bucket=self.bucket, Key=key)["VersionId"]
            for key in self.keys(prefix)
        }

    def local(self, method: str, path: str) -> Any:
        """Ask the local AWS itself, for what AWS has no API for."""
        request = urllib.request.Request(f"{self.endpoint}/_local/{path}", method=method)
        with urllib.request.urlopen(request) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def definitions(self) -> list[str]:
        """Return the texts of all state machines."""
        machines = self.states.list_state_machines()["stateMachines"]
        arns = [machine["stateMachineArn"] for machine in machines]
        found = (self.states.describe_state_machine(stateMachineArn=arn) for arn in arns)
        return [machine["definition"] for machine in found]

    def executions(self, state_machine_arn: str) -> list[str]:
        pages = self.states.get_paginator("list_executions").paginate(
            stateMachineArn=state_machine_arn
        )
        return [item["executionArn"] for page in pages for item in page["executions"]]

    def notifications(self) -> list[dict[str, str]]:
        """Return what was published to topics, the latest last."""
        published: list[dict[str, str]] = self.local("GET", "notifications")
        return published

    def read(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body

    def start(self, request: Mapping[str, Any] | None = None) -> str:
        arn: str = self.states.start_execution(
            stateMachineArn=self.outputs["pipeline_arn"],
            name=f"test-{uuid.uuid4().hex[:12]}",
            input=json.dumps(request or {}),
        )["executionArn"]
        return arn

    def wait(self, execution_arn: str) -> Run:
        """Wait for the end of an execution; one that hangs fails the test."""
        end = time.monotonic() + HANGS_SECONDS
        while time.monotonic() < end:
            execution = self.states.describe_execution(executionArn=execution_arn)
            if execution["status"] != "RUNNING":
                run_id = execution["name"]
                key = f"runs/{run_id}/result.json"
                stored = json.loads(self.read(key)) if self.keys(key) else {}
                return Run(execution["status"], execution.get("cause", ""), stored, execution_arn)
            time.sleep(0.3)
        pytest.fail(f"{execution_arn} was still running after {HANGS_SECONDS} s")

    def run(self, *datasets: str, **request: Any) -> Run:
        """Run the pipeline, for the named datasets or for all, and wait for its end."""
        chosen = {"datasets": list(datasets)} if datasets else {}
        return self.wait(self.start({**chosen, **request}))

    def history(self, execution_arn: str) -> list[dict[str, Any]]:
        pages = self.states.get_paginator("get_execution_history").paginate(
            executionArn=execution_arn, PaginationConfig={"PageSize": 1000}
        )
        return [event for page in pages for event in page["events"]]

    def nested(self, execution_arn: str) -> list[str]:
        """Return the ARNs of the executions that an execution has started and waits for."""
        submitted = (e.get("taskSubmittedEventDetails", {}) for e in self.history(execution_arn))
        return [
            json.loads(details["output"])["ExecutionArn"]
            for details in submitted
            if details.get("resourceType") == "states"
        ]

    def entered(self, execution_arn: str) -> list[str]:
        """Return the names of the states that an execution entered."""
        return [
            event["stateEnteredEventDetails"]["name"]
            for event in self.history(execution_arn)
            if "stateEnteredEventDetails" in event
        ]

    def sample(self, bucket: str, dataset: str, column: str, values: Sequence[str]) -> str:
        """Make a bucket with config/ and raw/, of one dataset only the rows with some values."""
        self.s3.create_bucket(Bucket=bucket)
        for key in [*self.keys("config/"), *self.keys("raw/")]:
            body = self.read(key)
            if key.startswith(f"raw/{dataset}/"):
                table = pq.read_table(io.BytesIO(body))
                sink = io.BytesIO()
                pq.write_table(table.filter(pc.is_in(table[column], pa.array(values))), sink)
                body = sink.getvalue()
            self.s3.put_object(Bucket=bucket, Key=key, Body=body)
        return bucket

    def remove(self, *buckets: str) -> None:
        """Delete buckets with all that they hold."""
        for bucket in buckets:
            pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
            for page in pages:
                for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                    self.s3.delete_object(
                        Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"]
                    )
            self.s3.delete_bucket(Bucket=bucket)

    def frame(self, prefix: str, bucket: str | None = None) -> pd.DataFrame:
        """Read a table from its objects, with Arrow's types and its folders as columns."""
        bucket = bucket or self.bucket
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        bodies = [self.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys]
        return read_objects(zip(keys, bodies, strict=True), prefix)

    def query(self, sql: str) -> list[tuple[str | None, ...]]:
        """Ask Athena as an analyst would, and return the rows below the header."""
        athena = self.client("athena")
        query = athena.start_query_execution(
            QueryString=sql,
            WorkGroup=self.outputs["workgroup_name"],
            QueryExecutionContext={"Database": self.outputs["database_names"]["processed"]},
        )["QueryExecutionId"]
        end = time.monotonic() + HANGS_SECONDS
        while time.monotonic() < end:
            status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
            if status["State"] in ("SUCCEEDED", "FAILED", "CANCELLED"):
                assert status["State"] == "SUCCEEDED", status
                pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=query)
                rows = [row["Data"] for page in pages for row in page["ResultSet"]["Rows"]]
                return [tuple(cell.get("VarCharValue") for cell in row) for row in rows[1:]]
            time.sleep(0.1)
        pytest.fail(f"the query was still running after {HANGS_SECONDS} s: {sql}")


def until(condition: Callable[[], T], what: str) -> T:
    """Poll until something is so, and return it; what hangs fails the test."""
    end = time.monotonic() + HANGS_SECONDS
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    pytest.fail(f"{what}: not within {HANGS_SECONDS} s")


def done(outcome: tuple[int, str, str]) -> str:
    """Assert that Terraform did what it was asked, and return what it printed."""
    code, out, err = outcome
    assert code == 0, f"{out}\n{err}"
    return out


@contextmanager
def deployed(
    folder: Path,
    variables: Mapping[str, Any],
    *,
    var_file: Path | None = None,
    minute_seconds: float | None = None,
    plugin: str | None = None,
    before: Callable[[], Mapping[str, Any]] = dict,
) -> Iterator[Lake]:
    """Run a local AWS and apply the module to it, from a copy of its own in `folder`.

    `plugin` may change how the local AWS behaves. `before` makes what has to be there before, and
    gives further variables.
    """
    module = folder / "module"
    module.mkdir()
    for path in ROOT.glob("*.tf"):
        shutil.copy(path, module)
    for part in MODULE_PARTS:
        shutil.copytree(
            ROOT / part, module / part, ignore=shutil.ignore_patterns("__pycache__", ".*")
        )
    # lifecycle_rules: the provider waits 55 s on that resource, whatever the server answers.
    local = {"force_destroy": True, "lifecycle_rules": None, **variables}
    if var_file is not None:
        shutil.copy(var_file, module / "terraform.tfvars")
    with (
        LocalAws(job_python=JOB_PYTHON, minute_seconds=minute_seconds, plugin=plugin) as aws,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        settings = {**terraform_environment({}), **local_aws_variables(aws.endpoint)}
        for name, value in settings.items():
            patch.setenv(name, value)
        local |= before()
        (module / VARIABLES).write_text(json.dumps(local), encoding="utf-8")
        terraform = Terraform(working_dir=str(module))
        done(terraform.init(input=False))
        lake = Lake(terraform, aws.endpoint)
        try:
            lake.apply()
            yield lake
        finally:
            print(aws.log)  # pytest shows it beside a failure


def destroy(lake: Lake) -> str:
    """Destroy all that was applied (python-terraform's own default is a flag of Terraform 0.11)."""
    return done(lake.terraform.destroy(force=None, auto_approve=IsFlagged, refresh=True))


def leftovers(lake: Lake) -> list[Any]:
    """Return what a destroyed deployment has left behind."""
    found = {
        "buckets": lake.s3.list_buckets()["Buckets"],
        "roles": lake.client("iam").list_roles()["Roles"],
        "jobs": lake.glue.get_jobs()["Jobs"],
        "crawlers": lake.glue.get_crawlers()["Crawlers"],
        "databases": lake.glue.get_databases()["DatabaseList"],
        "machines": lake.states.list_state_machines()["stateMachines"],
        "rules": lake.client("events").list_rules()["Rules"],
        "topics": lake.client("sns").list_topics()["Topics"],
        "workgroups": lake.client("athena").list_work_groups()["WorkGroups"][1:],
    }
    return [item for items in found.values() for item in items]
