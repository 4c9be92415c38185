"""Each role may do what its machine or job does, and nothing is granted on everything."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.asl.machines import MACHINES, Integration, tasks
from tests.deployments import Deployment, mocked_deployment
from tests.rendering import Terraform

pytestmark = pytest.mark.xdist_group("terraform-module")

ACCOUNT = "us-east-1:123456789012"
OWN = "medallion-pipeline"  # the only machine that looks at its own executions
BUCKET = "arn:aws:s3:::medallion-123456789012-us-east-1"
PARTS = ("batch", "check", "crawl", "dataset", "model", "notify", "pipeline")
CRAWLERS = ("medallion-processed", "medallion-raw")  # no models here, so none of analytics
ROLES = {
    "medallion-arrival",
    "medallion-arrival-rule",
    "medallion-batch",
    "medallion-check",
    "medallion-crawl",
    "medallion-crawler",
    "medallion-dataset",
    "medallion-ingest-job",
    "medallion-model",
    "medallion-model-job",
    "medallion-notify",
    "medallion-pipeline",
    "medallion-schedule",
    "medallion-transform-job",
}
# What AWS gives no resource for.
ON_EVERYTHING = {
    "cloudwatch:PutMetricData",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}

Need = tuple[str, str]


# Keys that the caller gives.
GIVEN = {"$states.input.list": ("runs/x/batches/transform-0.json", "runs/x/stages/s-checks-0.json")}


def keys(text: str) -> Sequence[str]:
    """Return the object keys that an expression may give."""
    return GIVEN.get(text.removeprefix("{%").removesuffix("%}").strip()) or [key(text)]


def key(text: str) -> str:
    """Return an object key: of an expression that joins texts, one that it may give."""
    if not text.startswith("{%"):
        return text
    text = text.replace("$step", "'ingest'")
    parts = text.removeprefix("{%").removesuffix("%}").split("&")
    return "".join(
        part.strip().strip("'") if part.strip().startswith("'") else "x" for part in parts
    )


def needs(state: dict[str, Any]) -> Iterator[Need]:
    """Yield the actions and resources that a Task needs, by AWS's page on each integration."""
    integration, arguments = Integration.of(state), state["Arguments"]
    match (integration.service, integration.operation):
        case ("s3", operation):
            yield from of_bucket(operation, arguments)
        case ("glue", "StartJobRun"):
            actions = ("StartJobRun", "GetJobRun", "GetJobRuns", "BatchStopJobRun")
            yield from each("glue", actions, [f"job/{job}" for job in jobs(arguments["JobName"])])
        case ("glue", operation):
            yield from each("glue", [operation], [f"crawler/{crawler}" for crawler in CRAWLERS])
        case ("athena", "StartQueryExecution"):
            yield from checks(arguments)
        case ("athena", operation):
            yield f"athena:{operation}", f"arn:aws:athena:{ACCOUNT}:workgroup/medallion"
        case ("stepfunctions", "StartExecution"):
            yield from of_start(started(arguments), waits=integration.waits)
        case (service, operation):
            yield of_one(service, operation, arguments)


def of_bucket(operation: str, arguments: dict[str, Any]) -> Iterator[Need]:
    if operation == "ListObjectsV2":
        yield "s3:ListBucket", BUCKET
        return
    for name in keys(arguments["Key"]):
        yield f"s3:{operation}", f"{BUCKET}/{name}"


def of_start(machine: str, *, waits: bool) -> Iterator[Need]:
    """Yield what it takes to start a machine, and to wait for its end."""
    assert machine in [f"medallion-{part}" for part in PARTS]
    yield "states:StartExecution", f"arn:aws:states:{ACCOUNT}:stateMachine:{machine}"
    if waits:
        execution = f"arn:aws:states:{ACCOUNT}:execution:{machine}:x"
        yield "states:DescribeExecution", execution
        yield "states:StopExecution", execution
        rule = "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
        yield from each("events", ("PutTargets", "PutRule", "DescribeRule"), [rule])


def of_one(service: str, operation: str, arguments: dict[str, Any]) -> Need:
    match (service, operation):
        case ("stepfunctions", "ListExecutions"):
            return "states:ListExecutions", f"arn:aws:states:{ACCOUNT}:stateMachine:{OWN}"
        case ("cloudwatch", "PutMetricData"):
            assert arguments["Namespace"] == "Medallion"
            return "cloudwatch:PutMetricData", "*"
        case ("sqs", "SendMessage"):
            queue = arguments["QueueUrl"].rsplit("/", 1)[-1]
            return "sqs:SendMessage", f"arn:aws:sqs:{ACCOUNT}:{queue}"
        case ("sns", "Publish"):
            return "sns:Publish", arguments["TopicArn"]
        case other:
            raise AssertionError(f"say here what {other} needs")


def started(arguments: dict[str, Any] | str) -> str:
    """Return the machine that a task starts; its ARN may stand within an expression."""
    [name] = re.findall(r"stateMachine:([\w-]+)", json.dumps(arguments))
    return str(name)


def each(service: str, actions: Sequence[str], resources: Sequence[str]) -> Iterator[Need]:
    """Yield every action on every resource."""
    for resource in resources:
        for action in actions:
            yield f"{service}:{action}", f"arn:aws:{service}:{ACCOUNT}:{resource}"


def jobs(name: str) -> list[str]:
    """Return the jobs that a JobName may be; one that nothing needs is called none."""
    if not name.startswith("{%"):
        return [name]
    return [found for found in re.findall("'([^']+)'", name) if found.startswith("medallion-")]


def checks(arguments: dict[str, Any]) -> Iterator[Need]:
    """Yield what a query on all layers needs: Athena acts as whoever starts it."""
    workgroup = f"arn:aws:athena:{ACCOUNT}:workgroup/{arguments['WorkGroup']}"
    for action in ("StartQueryExecution", "StopQueryExecution", "GetQueryExecution"):
        yield f"athena:{action}", workgroup
    yield "athena:GetQueryResults", workgroup
    yield "athena:GetPreparedStatement", workgroup
    yield "athena:GetDataCatalog", f"arn:aws:athena:{ACCOUNT}:datacatalog/AwsDataCatalog"
    for layer in ("raw", "processed", "analytics"):
        yield "s3:GetObject", f"{BUCKET}/{layer}/sales/part-0.parquet"
        for resource in ("catalog", f"database/workshop_{layer}", f"table/workshop_{layer}/sales"):
            for action in ("GetDatabase", "GetTable", "GetPartitions"):
                yield f"glue:{action}", f"arn:aws:glue:{ACCOUNT}:{resource}"
    # "Access to the default database and catalog", whatever is asked for.
    actions = ("CreateDatabase", "GetDatabase", "GetDatabases")
    yield from each("glue", actions, ("catalog", "database/default"))
    for action in ("GetBucketLocation", "ListBucket"):
        yield f"s3:{action}", BUCKET
    for action in ("GetObject", "PutObject"):
        yield f"s3:{action}", f"{BUCKET}/athena-results/x.csv"


def allowed(statements: list[dict[str, Any]], need: Need) -> bool:
    action, resource = need
    return any(
        action in statement["Action"]
        and any(fnmatchcase(resource, pattern) for pattern in statement["Resource"])
        for statement in statements
    )


def test_roles__are_the_ones_expected(deployment: Deployment) -> None:
    assert set(deployment.policies) == ROLES
    assert not deployment.values("aws_iam_role_policy_attachment")


@pytest.mark.parametrize("machine", MACHINES)
def test_machine__may_call_what_it_calls(machine: str, deployment: Deployment) -> None:
    definition = json.loads(deployment.definitions[f"medallion-{machine}"])
    statements = deployment.policies[f"medallion-{machine}"]
    denied = [
        (name, need)
        for name, state in tasks(definition)
        for need in needs(state)
        if not allowed(statements, need)
    ]
    assert not denied


@pytest.mark.parametrize("machine", MACHINES)
def test_machine__may_start_nothing_else(machine: str, deployment: Deployment) -> None:
    definition = json.loads(deployment.definitions[f"medallion-{machine}"])
    called = {action for _, state in tasks(definition) for action, _ in needs(state)}
    granted = {
        action
        for statement in deployment.policies[f"medallion-{machine}"]
        for action in statement["Action"]
    }
    risky = re.compile(r"\w+:(Start|Stop|Put|Create|Delete|Update|BatchStop|Publish|Send)")
    assert {action for action in granted - called if risky.match(action)} <= ON_EVERYTHING


def test_statements__name_their_actions_and_resources(deployment: Deployment) -> None:
    for role, statements in deployment.policies.items():
        for statement in statements:
            place = f"{role}.{statement['Sid']}"
            assert statement["Effect"] == "Allow", place
            assert not [action for action in statement["Action"] if "*" in action], place
            if "*" in statement["Resource"]:
                assert set(statement["Action"]) <= ON_EVERYTHING, place
            for resource in set(statement["Resource"]) - {"*"}:
                own = "medallion" in resource or "workshop" in resource
                assert own or place in SHARED, f"{place}: {resource}"
                # All that a bucket holds would be everything under another name.
                assert not resource.startswith(f"{BUCKET}*"), place
                assert not resource.startswith(f"{BUCKET}/*"), place


SHARED = {
    "medallion-crawler.WriteCatalog",  # the catalog itself, besides its databases
    "medallion-crawler.WriteLogs",
    "medallion-ingest-job.ReadSecrets",
    "medallion-ingest-job.WriteLogs",
    "medallion-transform-job.WriteLogs",
    "medallion-check.FindCatalog",
    "medallion-check.FindDefaultDatabase",
    "medallion-check.ReadCatalog",
    "medallion-model-job.WriteLogs",
    "medallion-batch.HearOfParts",
    "medallion-pipeline.HearOfParts",
}


@pytest.mark.parametrize("role", sorted(ROLES))
def test_listing__is_bound_to_prefixes(role: str, deployment: Deployment) -> None:
    for statement in deployment.policies[role]:
        if "s3:ListBucket" in statement["Action"]:
            prefixes = statement["Condition"]["StringLikeIfExists"]["s3:prefix"]
            assert prefixes
            wide = [p for p in prefixes if not re.fullmatch(r"[a-z-]+/(\*/[a-z]+/)?\*", p)]
            assert not wide


@pytest.mark.parametrize(
    ("role", "need"),
    [
        ("medallion-ingest-job", ("s3:PutObject", "processed/sales/part-0.parquet")),
        ("medallion-ingest-job", ("s3:DeleteObjectVersion", "raw/sales/x.parquet")),
        ("medallion-ingest-job", ("s3:DeleteObject", "archive/sales/x.csv")),
        ("medallion-ingest-job", ("s3:PutObject", "config/datasets/sales.json")),
        ("medallion-ingest-job", ("s3:PutObject", "code/x/ingest.py")),
        ("medallion-transform-job", ("s3:PutObject", "raw/sales/x.parquet")),
        ("medallion-transform-job", ("s3:DeleteObject", "raw/sales/x.parquet")),
        ("medallion-transform-job", ("s3:GetObject", "incoming/sales/x.csv")),
        ("medallion-transform-job", ("s3:PutObject", "quarantine/sales/files/x.csv")),
        ("medallion-transform-job", ("s3:DeleteObject", "quarantine/sales/rows/ingest/x.parquet")),
        ("medallion-transform-job", ("s3:PutObject", "runs/x/ingest/sales.json")),
        ("medallion-crawler", ("s3:PutObject", "raw/sales/x.parquet")),
        ("medallion-crawler", ("s3:GetObject", "incoming/sales/x.csv")),
        ("medallion-model-job", ("s3:PutObject", "processed/sales/part-0.parquet")),
        ("medallion-model-job", ("s3:DeleteObject", "raw/sales/x.parquet")),
        ("medallion-model-job", ("s3:PutObject", "config/models/fact_sales.sql")),
        ("medallion-model-job", ("s3:GetObject", "incoming/sales/x.csv")),
        ("medallion-transform-job", ("s3:PutObject", "analytics/fact_sales/part-0.parquet")),
        ("medallion-check", ("s3:PutObject", "analytics/fact_sales/part-0.parquet")),
        ("medallion-check", ("s3:GetObject", "incoming/sales/x.csv")),
        ("medallion-model", ("s3:GetObject", "analytics/fact_sales/part-0.parquet")),
        ("medallion-pipeline", ("s3:GetObject", "processed/sales/part-0.parquet")),
        ("medallion-pipeline", ("s3:PutObject", "runs/x/ingest/sales.json")),
        ("medallion-pipeline", ("s3:PutObject", "processed/sales/part-0.parquet")),
        ("medallion-pipeline", ("s3:GetObject", "incoming/sales/x.csv")),
        ("medallion-batch", ("s3:GetObject", "runs/x/ingest/sales.json")),
        ("medallion-batch", ("s3:PutObject", "runs/x/ingest/sales.json")),
        ("medallion-batch", ("s3:PutObject", "runs/x/result.json")),
        ("medallion-dataset", ("s3:GetObject", "incoming/sales/x.csv")),
        ("medallion-dataset", ("s3:GetObject", "processed/sales/part-0.parquet")),
        ("medallion-dataset", ("s3:PutObject", "runs/x/ingest/sales.json")),
        ("medallion-dataset", ("s3:PutObject", "runs/x/batches/ingest-0.json")),
        ("medallion-arrival", ("s3:GetObject", "incoming/sales/x.csv")),
        ("medallion-arrival", ("s3:PutObject", "runs/x/result.json")),
        ("medallion-notify", ("s3:GetObject", "runs/x/result.json")),
    ],
)
def test_role__may_not(role: str, need: Need, deployment: Deployment) -> None:
    assert not allowed(deployment.policies[role], (need[0], f"{BUCKET}/{need[1]}"))


@pytest.mark.parametrize(
    ("role", "actions"),
    [
        (
            # What jobs/ asks for: list, head, get, put, multipart upload and copy, delete.
            "medallion-ingest-job",
            {
                *("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject"),
                *("s3:GetObjectVersion", "s3:ListBucket", "s3:PutObject"),
            },
        ),
        (
            "medallion-transform-job",
            {
                *("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject"),
                *("s3:ListBucket", "s3:PutObject"),
            },
        ),
        (
            # AWS's page on the integration, and EXECUTE's GetPreparedStatement.
            "medallion-check",
            {
                *("athena:GetDataCatalog", "athena:GetPreparedStatement"),
                *("athena:GetQueryExecution", "athena:GetQueryResults"),
                *("athena:StartQueryExecution", "athena:StopQueryExecution"),
            },
        ),
    ],
)
def test_role__may_do_no_more_than_it_has_to(
    role: str, actions: set[str], deployment: Deployment
) -> None:
    services = {action.split(":")[0] for action in actions}
    granted = {
        action
        for statement in deployment.policies[role]
        for action in statement["Action"]
        if action.split(":")[0] in services
    }
    assert granted == actions


def test_ingest__of_what_is_fetched__may_read_the_secret_and_what_it_remembers(
    deployment: Deployment, module: Terraform
) -> None:
    secret = f"arn:aws:secretsmanager:{ACCOUNT}:secret:shop/api"
    plain = mocked_deployment(module).policies["medallion-ingest-job"]
    role = deployment.policies["medallion-ingest-job"]
    needed = [("secretsmanager:GetSecretValue", f"{secret}-AbC123")]
    for key in ("state/sources/rates.json", "state/settled/rates.json"):
        needed += [(f"s3:{action}", f"{BUCKET}/{key}") for action in ("GetObject", "PutObject")]
    needed += [("s3:GetObject", f"{BUCKET}/runs/x/result.json")]
    for need in needed:
        assert allowed(role, need)
        assert not allowed(plain, need)
    [statement] = [s for s in role if "secretsmanager:GetSecretValue" in s["Action"]]
    assert statement["Action"] == ["secretsmanager:GetSecretValue"]
    assert statement["Resource"] == [f"{secret}-??????"]
    may = [name for name, found in deployment.policies.items() if allowed(found, needed[0])]
    assert may == ["medallion-ingest-job"]


def test_schedule__may_start_the_pipeline_only(deployment: Deployment) -> None:
    [statement] = deployment.policies["medallion-schedule"]
    assert statement["Action"] == ["states:StartExecution"]
    assert statement["Resource"] == [f"arn:aws:states:{ACCOUNT}:stateMachine:medallion-pipeline"]


def test_arrival_rule__may_start_the_arrival_machine_only(deployment: Deployment) -> None:
    [statement] = deployment.policies["medallion-arrival-rule"]
    assert statement["Action"] == ["states:StartExecution"]
    assert statement["Resource"] == [f"arn:aws:states:{ACCOUNT}:stateMachine:medallion-arrival"]
