"""SQS: attributes of queues that moto loses, and how many messages wait."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from local import metrics, symbols
from local.backends import backend

_QUEUE = "moto.sqs.models:Queue"


@metrics.gauge
def waiting_messages() -> Iterator[metrics.Reading]:
    """Read the length of every queue, as SQS publishes it once a minute."""
    for queue in list(backend("sqs").queues.values()):
        measured = metrics.metric(
            "AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": queue.name}
        )
        yield measured, float(queue.approximate_number_of_messages), "Count"


def install() -> None:
    """Give attributes back as they were set, and keep those that a request does not name."""
    queue = symbols.resolve(_QUEUE)
    symbols.resolve(f"{_QUEUE}.approximate_number_of_messages")
    names: list[str] = symbols.resolve(f"{_QUEUE}.BASE_ATTRIBUTES")
    names.append("RedriveAllowPolicy")  # moto takes it, and does not give it back
    queue.redrive_allow_policy = None
    described = symbols.resolve(f"{_QUEUE}.attributes").fget

    def attributes(self: Any) -> dict[str, Any]:
        found: dict[str, Any] = described(self)
        if found["RedrivePolicy"]:  # Terraform takes blanks for a change
            found["RedrivePolicy"] = json.dumps(self.redrive_policy, separators=(",", ":"))
        return found

    def set_attributes(self: Any, attributes: dict[str, Any], now: float | None = None) -> None:
        given = {"Policy": getattr(self, "policy", None), **attributes}
        if not given.get("RedriveAllowPolicy", True):  # an empty one takes it away
            given["RedriveAllowPolicy"] = None
        original(self, given, now)

    queue.attributes = property(attributes)
    original = symbols.replace(f"{_QUEUE}._set_attributes", set_attributes)
