"""Which IAM actions on which resources a request needs, for the services that jobs and roles use.

Source: the Service Authorization Reference,
https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from local.backends import backend
from local.errors import AwsError
from local.iam import kms, secrets, task_tokens
from local.iam.principals import role_arn
from local.settings import ACCOUNT, REGION

Needs = list[tuple[str, str]]
Parameters = dict[str, Any]

# Signing names that differ from the prefix of the service's IAM actions.
_PREFIXES = {"monitoring": "cloudwatch"}
# Who the role is passed to, for requests that hand a role to a service.
_PASSED_TO = {
    "events": "events.amazonaws.com",
    "glue": "glue.amazonaws.com",
    "states": "states.amazonaws.com",
}
_query_workgroups: dict[str, str] = {}


def arn(service: str, rest: str) -> str:
    """Return the ARN of a resource of this account and region."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def remember_query(workgroup: str | None, query_id: str) -> None:
    """Note the workgroup of an Athena query: later requests name the query alone."""
    _query_workgroups[query_id] = workgroup or "primary"


def _catalog(database: str | None, table: str | None = None) -> list[str]:
    names = [arn("glue", "catalog")]
    if database:
        names.append(arn("glue", f"database/{database.lower()}"))
    if database and table:
        names.append(arn("glue", f"table/{database.lower()}/{table.lower()}"))
    return names


def _named(kind: str, names: list[str | None]) -> list[str]:
    return [arn("glue", f"{kind}/{name}") if name else "*" for name in names]


def _glue(operation: str, p: Parameters) -> list[str]:
    if "ResourceArn" in p:
        return [p["ResourceArn"]]
    if "Crawl" in operation:
        one = p.get("CrawlerName") or p.get("Name")
        return _named("crawler", p.get("CrawlerNames") or p.get("CrawlerNameList") or [one])
    if "Job" in operation:
        return _named("job", p.get("JobNames") or [p.get("JobName") or p.get("Name")])
    return _glue_catalog(operation, p)


def _glue_catalog(operation: str, p: Parameters) -> list[str]:
    if "DatabaseName" in p:
        one = p.get("TableName") or (p.get("TableInput") or {}).get("Name") or p.get("Name")
        tables = p.get("TablesToDelete") or [one or "*"]
        return sorted({x for table in tables for x in _catalog(p["DatabaseName"], table)})
    if operation == "GetDatabases":
        return _catalog("*")
    if "Database" not in operation:
        return ["*"]
    name = p.get("Name") or (p.get("DatabaseInput") or {}).get("Name") or "*"
    if operation == "DeleteDatabase":
        functions = arn("glue", f"userDefinedFunction/{name.lower()}/*")
        return [*_catalog(name, "*"), functions]
    return _catalog(name)


def _athena(operation: str, p: Parameters) -> list[str]:
    if "ResourceARN" in p:
        return [p["ResourceARN"]]
    if operation in ("GetDataCatalog", "DeleteDataCatalog", "UpdateDataCatalog"):
        return [arn("athena", f"datacatalog/{p.get('Name')}")]
    if "CatalogName" in p:
        return [arn("athena", f"datacatalog/{p['CatalogName']}")]
    if operation in ("ListDataCatalogs", "ListWorkGroups", "ListEngineVersions"):
        return ["*"]
    if "NamedQueryId" in p:
        named = backend("athena").named_queries.get(p["NamedQueryId"])
        group = named.workgroup if named else "primary"
        return [arn("athena", f"workgroup/{getattr(group, 'name', group)}")]
    ids = p.get("QueryExecutionIds") or [p["QueryExecutionId"]] if "QueryExecutionId" in p else []
    groups = [_query_workgroups.get(query, "primary") for query in ids]
    own = p.get("WorkGroup") or (p.get("Name") if "WorkGroup" in operation else None)
    return [arn("athena", f"workgroup/{name}") for name in groups or [own or "primary"]]


def _states(operation: str, p: Parameters) -> list[str]:
    for key in ("stateMachineArn", "executionArn", "mapRunArn", "resourceArn", "activityArn"):
        if key in p:
            # A version or alias is authorised as the machine itself.
            parts = p[key].split(":")
            return [":".join(parts[:7]) if key == "stateMachineArn" else p[key]]
    if "taskToken" in p:
        # The reference names no resource for these; AWS's refusals name the state machine.
        said = task_tokens.read(p["taskToken"])
        return [said.state_machine_arn if said else "*"]
    if operation == "CreateStateMachine":
        return [arn("states", f"stateMachine:{p.get('name')}")]
    return ["*"]


def _sns(operation: str, p: Parameters) -> list[str]:
    if operation == "CreateTopic":
        return [arn("sns", p.get("Name", ""))]
    if "SubscriptionArn" in p:
        return [p["SubscriptionArn"].rsplit(":", 1)[0]]
    return [p.get("TopicArn") or p.get("TargetArn") or p.get("ResourceArn") or "*"]


def _bus(name: str | None) -> str:
    return arn("events", f"event-bus/{(name or 'default').rsplit('/', 1)[-1]}")


def _events(operation: str, p: Parameters) -> list[str]:
    if operation == "PutEvents":
        return sorted({_bus(entry.get("EventBusName")) for entry in p.get("Entries", [])})
    if "ResourceARN" in p:
        return [p["ResourceARN"]]
    if "EventBus" in operation:
        return [_bus(p.get("Name"))]
    rule = p.get("Rule") or p.get("Name")
    bus = (p.get("EventBusName") or "default").rsplit("/", 1)[-1]
    place = rule if bus == "default" else f"{bus}/{rule}"
    return [arn("events", f"rule/{place}")] if rule else ["*"]


def _logs(_operation: str, p: Parameters) -> list[str]:
    if "resourceArn" in p:
        return [p["resourceArn"]]
    if "Deliver" in _operation or "ResourcePolic" in _operation:
        return ["*"]
    group = p.get("logGroupName") or p.get("logGroupIdentifier", "").removeprefix(
        arn("logs", "log-group:")
    )
    # The message of an AccessDenied names the stream even where there is none.
    return [arn("logs", f"log-group:{group}:log-stream:{p.get('logStreamName', '')}")]


def _iam(_operation: str, p: Parameters) -> list[str]:
    if "PolicyArn" in p and "RoleName" not in p:
        return [p["PolicyArn"]]
    for key, kind in (("RoleName", "role"), ("UserName", "user"), ("PolicyName", "policy")):
        if key in p:
            return [f"arn:aws:iam::{ACCOUNT}:{kind}/{p[key]}"]
    return ["*"]


def _sqs(_operation: str, p: Parameters) -> list[str]:
    name = p.get("QueueName") or p.get("QueueUrl", "").rsplit("/", 1)[-1]
    return [arn("sqs", name) if name else "*"]


def _kms(_operation: str, p: Parameters) -> list[str]:
    key = p.get("KeyId", "*")
    return [key if key.startswith("arn:") or key == "*" else arn("kms", f"key/{key}")]


def _cloudwatch(_operation: str, p: Parameters) -> list[str]:
    dashboards = p.get("DashboardNames") or ([p["DashboardName"]] if "DashboardName" in p else [])
    if dashboards:
        return [f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{name}" for name in dashboards]
    names = p.get("AlarmNames") or ([p["AlarmName"]] if "AlarmName" in p else [])
    return [arn("cloudwatch", f"alarm:{name}") for name in names] or ["*"]


_RESOURCES: dict[str, Callable[[str, Parameters], list[str]]] = {
    "athena": _athena,
    "events": _events,
    "glue": _glue,
    "iam": _iam,
    "kms": _kms,
    "logs": _logs,
    "monitoring": _cloudwatch,
    "secretsmanager": secrets.resources,
    "sns": _sns,
    "sqs": _sqs,
    "states": _states,
    "sts": lambda _operation, p: [p.get("RoleArn", "*")],
}
# Requests that AWS serves to whoever has credentials.
_FREE = {("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")}


def _passed_roles(operation: str, p: Parameters) -> list[str]:
    if operation in ("CreateJob", "UpdateJob", "CreateCrawler", "UpdateCrawler"):
        role = p.get("Role") or (p.get("JobUpdate") or {}).get("Role")
    elif operation in ("CreateStateMachine", "UpdateStateMachine"):
        role = p.get("roleArn")
    elif operation == "PutTargets":
        return sorted({t["RoleArn"] for t in p.get("Targets", []) if "RoleArn" in t})
    else:
        return []
    return [role_arn(role)] if role else []


_ENCRYPTED_SENDS = {
    ("sns", "Publish"),
    ("sns", "PublishBatch"),
    ("sqs", "SendMessage"),
    ("sqs", "SendMessageBatch"),
}


def _key_needs(service: str, operation: str, p: Parameters) -> Needs:
    """Return what a request needs on the key of the topic, queue or catalog that it is about."""
    sends = (service, operation) in _ENCRYPTED_SENDS
    if service == "sns" and sends:
        topic = backend("sns").topics.get(p.get("TopicArn") or p.get("TargetArn"))
        return kms.needs(topic and topic.kms_master_key_id, *kms.WRITE)
    if service == "sqs" and (sends or operation == "ReceiveMessage"):
        queue = backend("sqs").queues.get(p.get("QueueUrl", "").rsplit("/", 1)[-1])
        return kms.needs(
            queue and queue.kms_master_key_id, *(kms.WRITE if sends else kms.WRITE[1:])
        )
    if service == "secretsmanager":
        return secrets.key_needs(operation, p)
    if service == "glue" and re.search("Database|Table|Partition", operation):
        # Every client of an encrypted catalog has these:
        # https://docs.aws.amazon.com/glue/latest/dg/set-up-encryption.html
        writes = operation.startswith(("BatchCreate", "BatchUpdate", "Create", "Update"))
        return kms.needs(
            _catalog_key(), *(("kms:Encrypt", *kms.WRITE) if writes else kms.WRITE[1:])
        )
    return []


def _catalog_key() -> str | None:
    settings = backend("glue").data_catalog_encryption_settings.get(ACCOUNT) or {}
    at_rest = settings.get("EncryptionAtRest") or {}
    on = at_rest.get("CatalogEncryptionMode", "DISABLED") != "DISABLED"
    return (at_rest.get("SseAwsKmsKeyId") or "alias/aws/glue") if on else None


def knows(service: str) -> bool:
    """Return whether requests to a service can be authorised."""
    return service in _RESOURCES


def needs(service: str, operation: str, parameters: Parameters) -> tuple[Needs, dict[str, str]]:
    """Return what a request of a service other than S3 has to be allowed.

    Parameters
    ----------
    service
        Signing name, for example ``states``.
    operation
        Name of the API, for example ``StartExecution``.

    Returns
    -------
    tuple
        (action, resource) pairs, and the condition keys that the request adds.

    Raises
    ------
    AwsError
        ``UnsupportedAuthorisation`` for a service that is not in the table.
    """
    if (service, operation) in _FREE:
        return [], {}
    find = _RESOURCES.get(service)
    if find is None:
        raise AwsError(
            "UnsupportedAuthorisation",
            f"the local AWS does not know which resources {service}:{operation} acts on, so it "
            "cannot authorise a role to call it. Add the service to local/iam/actions.py.",
        )
    action = f"{_PREFIXES.get(service, service)}:{operation}"
    pairs = [(action, resource) for resource in find(operation, parameters)]
    pairs += _key_needs(service, operation, parameters)
    roles = _passed_roles(operation, parameters)
    pairs += [("iam:PassRole", role) for role in roles]
    context = {"iam:passedtoservice": _PASSED_TO[service]} if roles else {}
    if (service, operation) == ("monitoring", "PutMetricData") and "Namespace" in parameters:
        context["cloudwatch:namespace"] = parameters["Namespace"]
    return pairs, context
