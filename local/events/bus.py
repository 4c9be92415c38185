"""EventBridge: events of services and clients offered to rules, and schedules fired on demand."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from local import symbols
from local.backends import backend
from local.bounded_threads import BoundedThreads
from local.endpoints import endpoint
from local.errors import AwsError
from local.events.delivery import count, deliver, failures
from local.settings import ACCOUNT, REGION

Event = dict[str, Any]

_deliveries = BoundedThreads(16, "events")


def emit(source: str, detail_type: str, detail: object, resources: Iterable[str] = ()) -> None:
    """Put an event of an AWS service on the default bus; it is delivered in the background.

    Parameters
    ----------
    source
        For example ``aws.glue``.
    detail
        JSON of the event's detail.
    """
    buses = backend("events").event_buses
    rules = [rule for rule in list(buses["default"].rules.values()) if _asks_for(rule, source)]
    if not rules:  # as for most requests to S3
        return
    event = _event(source, detail_type, json.loads(json.dumps(detail, default=str)), resources)
    for rule in rules:
        _offer(rule, event)


def _asks_for(rule: Any, source: str) -> bool:
    """Return whether a rule's pattern may match events of a source; cheap, and never wrong."""
    wanted = rule.event_pattern.get_pattern().get("source", [])
    return source in wanted or not wanted or not all(isinstance(one, str) for one in wanted)


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
    count(rule, "MatchedEvents")
    count(rule, "TriggeredRules")
    for target in list(rule.targets):
        _deliveries.submit(partial(deliver, rule, target, event))


# The parameters have the names of the method that this replaces.
def _send_to_targets(self: Any, original_event: Event, transform_input: bool = True) -> None:
    """Offer an event of PutEvents; those of services come by :func:`emit`."""
    del transform_input
    event = {k: v for k, v in original_event.items() if k != "ingestion-time"}
    event["time"] = _time(event["time"])
    _offer(self, event)


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
    count(rule, "TriggeredRules")
    failed = [one for one in (deliver(rule, target, event) for target in list(rule.targets)) if one]
    if failed:
        raise AwsError("NotDelivered", "; ".join(one.message for one in failed), 409)
    return {"rule": name, "event_id": event["id"], "targets": [t["Arn"] for t in rule.targets]}


@endpoint("GET", "/_local/events/failures")
def list_failures(query: dict[str, str]) -> dict[str, object]:
    """List the events that could not be delivered, with the reason."""
    del query
    return {"failures": list(failures)}


def install() -> None:
    """Replace moto's delivery, which knows no Step Functions and no roles."""
    symbols.resolve("moto.events.models:EventPattern.matches_event")
    symbols.replace("moto.events.models:Rule.send_to_targets", _send_to_targets)
