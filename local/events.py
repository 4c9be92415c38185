"""EventBridge: delivery of events to the targets of rules, and schedules fired on demand."""

from __future__ import annotations

import json
import logging
import re
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from local import iam, ledger, lifecycle, principals, symbols
from local.backends import backend
from local.clients import client
from local.endpoints import endpoint
from local.errors import AwsError
from local.logs import put_logs
from local.settings import ACCOUNT, REGION, settings

log = logging.getLogger(__name__)

Event = dict[str, Any]


def emit(source: str, detail_type: str, detail: object, resources: Iterable[str] = ()) -> None:
    """Put an event of an AWS service on the default bus, in the background.

    Parameters
    ----------
    source
        For example ``aws.glue``.
    detail
        JSON of the event's detail.
    """
    event = _event(source, detail_type, json.loads(json.dumps(detail, default=str)), resources)
    for rule in list(backend("events").event_buses["default"].rules.values()):
        _offer(rule, event)


def _time(value: Any) -> str:
    if isinstance(value, str):
        return value
    moment = datetime.fromtimestamp(float(value), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _event(source: str, detail_type: str, detail: object, resources: Iterable[str]) -> Event:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": _time(datetime.now(UTC).timestamp()),
        "region": REGION,
        "resources": list(resources),
        "detail": detail,
    }


def _offer(rule: Any, event: Event) -> None:
    """Deliver an event to a rule's targets when the rule is on and its pattern matches."""
    pattern = rule.event_pattern
    if rule.state == "DISABLED" or not pattern.get_pattern() or not pattern.matches_event(event):
        return
    for target in list(rule.targets):
        lifecycle.in_background(_deliver, rule, target, event)


# The parameters have the names of the method that this replaces.
def _send_to_targets(self: Any, original_event: Event, transform_input: bool = True) -> None:
    del transform_input
    event = {k: v for k, v in original_event.items() if k != "ingestion-time"}
    event["time"] = _time(event["time"])
    if event["source"].startswith("aws."):
        # moto offers the events of services to the rules of every bus, all under one id.
        if self.event_bus_name != "default":
            return
        event["id"] = str(uuid.uuid4())
    _offer(self, event)


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


def _payload(rule: Any, target: dict[str, Any], event: Event) -> str:
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_select(target["InputPath"], event))
    if "InputTransformer" in target:
        return transform(target["InputTransformer"], event, rule.arn, rule.name)
    return json.dumps(event)


def _deliver(rule: Any, target: dict[str, Any], event: Event) -> None:
    try:
        _send(rule, target, event, _payload(rule, target, event))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is reported, not raised
        # AWS retries for a day and then drops the event; here it is dropped at once, and said so.
        log.warning("rule %s: event not delivered to %s: %s", rule.name, target["Arn"], error)
        _failures.append(
            {"rule": rule.name, "target": target["Arn"], "error": str(error), "event": event["id"]}
        )
        queue = (target.get("DeadLetterConfig") or {}).get("Arn")
        if queue:
            _send_to_queue(queue, json.dumps(event), {})


_failures: list[dict[str, str]] = []


def _send_to_queue(queue: str, message: str, options: dict[str, Any]) -> None:
    url = f"{settings().endpoint}/{ACCOUNT}/{queue.rsplit(':', 1)[-1]}"
    client("sqs").send_message(QueueUrl=url, MessageBody=message, **options)


def _as_service(rule: Any, action: str, resource: str) -> None:
    reason = iam.service_denial("events.amazonaws.com", action, resource, rule.arn)
    events = principals.Principal(
        "", f"arn:aws:iam::{ACCOUNT}:role/events.amazonaws.com", rule.name
    )
    ledger.record(events, action, [resource], "DENY" if reason else "ALLOW")
    if reason and settings().iam_enforced:
        raise AwsError("AccessDenied", reason, 403)


def _send(rule: Any, target: dict[str, Any], event: Event, payload: str) -> None:
    destination = target["Arn"]
    kind = destination.split(":")[2]
    role = target.get("RoleArn")
    if kind in ("states", "events") and not role:
        raise AwsError("ValidationException", f"RoleArn is required for target {destination}.")
    if kind == "states":
        states = client("stepfunctions", role, rule.name, "events.amazonaws.com")
        states.start_execution(
            stateMachineArn=destination, name=f"{event['id']}_{uuid.uuid4()}"[:80], input=payload
        )
    elif kind == "events":
        bus = client("events", role, rule.name, "events.amazonaws.com")
        entry = {
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Detail": json.dumps(event["detail"]),
            "EventBusName": destination,
        }
        bus.put_events(Entries=[entry])
    elif kind == "sns":
        _as_service(rule, "sns:Publish", destination)
        client("sns").publish(TopicArn=destination, Message=payload)
    elif kind == "sqs":
        options = target.get("SqsParameters") or {}
        _send_to_queue(destination, payload, options)
    elif kind == "logs":
        put_logs(destination.split(":")[6], str(uuid.uuid4()), [payload])
    else:
        raise AwsError(
            "ValidationException",
            f"the local AWS delivers events to states, sns, sqs, logs and events, not to {kind!r}",
        )


# ------------------------------------------------------------------------------------ on demand


@endpoint("POST", "/_local/events/fire")
def fire(query: dict[str, str]) -> dict[str, object]:
    """Fire a schedule rule now, as its clock would."""
    name = query.get("rule", "")
    bus = query.get("bus", "default")
    buses = backend("events").event_buses
    rule = buses[bus].rules.get(name) if bus in buses else None
    if rule is None:
        known = ", ".join(sorted(r for b in buses.values() for r in b.rules)) or "none"
        text = f"rule {name} does not exist on event bus {bus}; the rules are: {known}"
        raise AwsError("ResourceNotFoundException", text, 404)
    if rule.state == "DISABLED":
        raise AwsError(
            "RuleDisabled",
            f"rule {name} is DISABLED, so its schedule does not fire. Enable it: "
            f"aws events enable-rule --name {name}",
            409,
        )
    if not rule.scheduled_expression:
        raise AwsError(
            "NotAScheduleRule",
            f"rule {name} has no schedule; it fires when an event matches its pattern",
            409,
        )
    if not rule.targets:
        raise AwsError("NoTargets", f"rule {name} has no targets", 409)
    event = _event("aws.events", "Scheduled Event", {}, [rule.arn])
    failed = len(_failures)
    for work in [lifecycle.in_background(_deliver, rule, t, event) for t in list(rule.targets)]:
        work.result(timeout=60)
    mine = [one for one in _failures[failed:] if one["event"] == event["id"]]
    if mine:
        raise AwsError("NotDelivered", "; ".join(one["error"] for one in mine), 409)
    return {"rule": name, "event_id": event["id"], "targets": [t["Arn"] for t in rule.targets]}


@endpoint("GET", "/_local/events/failures")
def failures(query: dict[str, str]) -> dict[str, object]:
    """List the events that could not be delivered, with the reason."""
    del query
    return {"failures": list(_failures)}


def install() -> None:
    """Replace moto's delivery, which knows no Step Functions and no roles."""
    symbols.resolve("moto.events.models:EventPattern.matches_event")
    symbols.replace("moto.events.models:Rule.send_to_targets", _send_to_targets)
