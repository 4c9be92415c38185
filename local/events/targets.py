"""What an event rule sends to a target, and as whom."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable
from typing import Any

from local.backends import backend
from local.errors import AwsError
from local.iam import kms, ledger, policies, principals
from local.iam.clients import client
from local.logs.as_service import put_logs
from local.settings import ACCOUNT, settings

Event = dict[str, Any]
_SERVICE = "events.amazonaws.com"


class RoleError(AwsError):
    """The role of a target cannot be assumed."""


def _select(path: str, event: Event) -> Any:
    found: Any = event
    for name in path.split(".")[1:]:
        parts = re.fullmatch(r"([^\[]*)((?:\[\d+\])*)", name)
        if not parts:
            raise AwsError("ValidationException", f"the path {path!r} is not understood")
        if parts[1]:
            found = found.get(parts[1]) if isinstance(found, dict) else None
        for index in map(int, re.findall(r"\d+", parts[2])):
            found = found[index] if isinstance(found, list) and index < len(found) else None
    return found


def transform(transformer: dict[str, Any], event: Event, rule_arn: str, rule_name: str) -> str:
    """Return the input that an input transformer makes of an event.

    A text is put in bare where its placeholder stands within quotes, and quoted elsewhere.
    """
    values: dict[str, Any] = {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_name,
        "aws.events.event.ingestion-time": event["time"],
        "aws.events.event": event,
        "aws.events.event.json": event,
    }
    for name, path in (transformer.get("InputPathsMap") or {}).items():
        values[name] = _select(path, event)
    pieces = re.split(r"<([\w.-]+)>", transformer["InputTemplate"])
    out = pieces[0]
    for name, behind in zip(pieces[1::2], pieces[2::2], strict=True):
        within = len(re.findall(r'(?<!\\)"', out)) % 2 == 1
        if name not in values:
            out += f"<{name}>"
        else:
            text = json.dumps(values[name])
            out += text[1:-1] if within and isinstance(values[name], str) else text
        out += behind
    return out


def payload(rule: Any, target: dict[str, Any], event: Event) -> str:
    """Return what a target gets of an event."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_select(target["InputPath"], event))
    if "InputTransformer" in target:
        return transform(target["InputTransformer"], event, rule.arn, rule.name)
    return json.dumps(event)


def _as_service(
    rule: Any,
    action: str,
    resource: str,
    documents: Iterable[str],
    *,
    source: bool = True,
    key_id: str | None = None,
) -> None:
    """Refuse what the policies of a resource do not allow EventBridge to do.

    Parameters
    ----------
    source
        Whether the service says for which rule it comes. To SNS it does not:
        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    key_id
        The key that the resource is encrypted with, whose policy has to let the service in too.
    """
    context = {**principals.request_context(principals.ROOT), "aws:principalisawsservice": "true"}
    del context["aws:sourceowner"]  # so the default policy of a topic does not let a service in
    if source:
        context |= {"aws:sourcearn": rule.arn, "aws:sourceaccount": ACCOUNT}
    who = ("Service", [_SERVICE])
    decisions = {
        policies.decide_resource(policies.parse(text), who, action, resource, context)[0]
        for text in documents
    }
    allowed = "allow" in decisions and "deny" not in decisions
    text = f"the policy of {resource} does not allow {action} to {_SERVICE} for {rule.arn}"
    if allowed:
        denial = kms.service_denial(_SERVICE, key_id, kms.WRITE, context)
        allowed, text = denial is None, denial or text
    events = principals.Principal("", f"arn:aws:iam::{ACCOUNT}:role/{_SERVICE}", rule.name)
    ledger.record(events, action, [resource], "ALLOW" if allowed else "DENY")
    if not allowed and settings().iam_enforced:
        raise AwsError("AccessDenied", text, 403)


def _as_role(rule: Any, target: dict[str, Any], service: str) -> Any:
    role = target.get("RoleArn")
    if not role:
        text = f"RoleArn is required for target {target['Arn']}."
        raise AwsError("ValidationException", text)
    try:
        return client(service, role, rule.name, _SERVICE)
    except AwsError as error:
        raise RoleError(error.code, error.message, error.status) from error


def send_to_queue(rule: Any, queue_arn: str, message: str, options: dict[str, Any]) -> None:
    """Send a message to a queue whose policy lets EventBridge in.

    Raises
    ------
    AwsError
        ``QueueDoesNotExist`` or ``AccessDenied``.
    """
    name = queue_arn.rsplit(":", 1)[-1]
    queue = backend("sqs").queues.get(name)
    if queue is None:
        raise AwsError("QueueDoesNotExist", f"The specified queue does not exist: {queue_arn}")
    documents = [queue.policy] if queue.policy else []
    key_id = queue.kms_master_key_id
    _as_service(rule, "sqs:SendMessage", queue_arn, documents, key_id=key_id)
    url = f"{settings().endpoint}/{ACCOUNT}/{name}"
    client("sqs").send_message(QueueUrl=url, MessageBody=message, **options)


def _send_to_log(rule: Any, destination: str, message: str) -> None:
    group = destination.split(":")[6]
    logs = backend("logs")
    if group not in logs.groups:
        text = f"The specified log group does not exist: {group}"
        raise AwsError("ResourceNotFoundException", text)
    stream = str(uuid.uuid4())
    documents = [policy.policy_document for policy in logs.resource_policies.values()]
    place = f"{destination.removesuffix(':*')}:log-stream:{stream}"
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        _as_service(rule, action, place, documents)
    put_logs(group, stream, [message])


def send(rule: Any, target: dict[str, Any], event: Event) -> None:
    """Send a target what it gets of an event, once.

    Raises
    ------
    AwsError, botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError
        When the target does not take it.
    """
    destination, text = target["Arn"], payload(rule, target, event)
    kind = destination.split(":")[2]
    if kind == "states":
        name = f"{event['id']}_{uuid.uuid4()}"[:80]
        states = _as_role(rule, target, "stepfunctions")
        states.start_execution(stateMachineArn=destination, name=name, input=text)
    elif kind == "events":
        entry = {
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Detail": json.dumps(event["detail"]),
            "EventBusName": destination,
        }
        _as_role(rule, target, "events").put_events(Entries=[entry])
    elif kind == "sns":
        topic = backend("sns").topics.get(destination)
        if topic is None:
            raise AwsError("NotFound", f"Topic does not exist: {destination}", 404)
        key_id = topic.kms_master_key_id
        documents = [topic.policy]
        _as_service(rule, "sns:Publish", destination, documents, source=False, key_id=key_id)
        client("sns").publish(TopicArn=destination, Message=text)
    elif kind == "sqs":
        send_to_queue(rule, destination, text, target.get("SqsParameters") or {})
    elif kind == "logs":
        _send_to_log(rule, destination, text)
    else:
        raise AwsError(
            "ValidationException",
            f"the local AWS delivers events to states, sns, sqs, logs and events, not to {kind!r}",
        )
