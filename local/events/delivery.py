"""Delivery of events to the targets of rules: tried again where AWS does, and dead letters.

Sources: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html,
eb-rule-dlq.html, eb-monitoring.html
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    ReadTimeoutError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from local import metrics
from local.errors import AwsError
from local.events import targets

log = logging.getLogger(__name__)

# AWS tries for a day, up to 185 times; here a target that is busy gets a second and a half.
_PAUSES = (0.1, 0.2, 0.4, 0.8)
_RETRIED = {
    "CONNECTION_FAILURE",
    "INTERNAL_ERROR",
    "RESOURCE_LIMIT_EXCEEDED",
    "THROTTLING",
    "TIMEOUT",
}
# The first pattern that a target's error code matches says what EventBridge calls it.
_CODES = (
    ("THROTTLING", r"Throttl|TooManyRequests|SlowDown|RequestLimitExceeded"),
    ("RESOURCE_LIMIT_EXCEEDED", r"LimitExceeded"),
    ("INTERNAL_ERROR", r"Internal|ServiceUnavailable|^5\d\d$"),
    ("NO_PERMISSIONS", r"AccessDenied|Authorization|NotAuthorized|KMSAccess"),
    ("NO_RESOURCE", r"DoesNotExist|NotFound|NonExistent"),
    ("RESOURCE_ALREADY_EXISTS", r"AlreadyExists"),
    ("INVALID_JSON", r"InvalidExecutionInput"),
    ("INVALID_PARAMETER", r"Validation|Invalid|Parameter"),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an event was not delivered, in EventBridge's words."""

    code: str
    message: str

    @property
    def retried(self) -> bool:
        """Whether EventBridge tries again."""
        return self.code in _RETRIED


def failure_of(error: Exception) -> Failure:
    """Return what EventBridge calls an error of a target."""
    if isinstance(error, targets.RoleError):
        return Failure("FAILED_TO_ASSUME_ROLE", error.message)
    if isinstance(error, ClientError | AwsError):
        if isinstance(error, AwsError):
            code, message = error.code, error.message
        else:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        named = (name for name, pattern in _CODES if re.search(pattern, code))
        return Failure(next(named, "ERROR_FROM_TARGET"), message)
    if isinstance(error, ReadTimeoutError | ConnectTimeoutError):
        return Failure("TIMEOUT", str(error))
    if isinstance(error, BotoConnectionError | ConnectionClosedError):
        return Failure("CONNECTION_FAILURE", str(error))
    return Failure(
        "SDK_CLIENT_ERROR" if isinstance(error, BotoCoreError) else "UNKNOWN", str(error)
    )


def count(rule: Any, metric: str) -> None:
    """Count something for a rule, as EventBridge's metrics do."""
    bus = {} if rule.event_bus_name == "default" else {"EventBusName": rule.event_bus_name}
    metrics.put("AWS/Events", metric, 1, {**bus, "RuleName": rule.name})


def deliver(rule: Any, target: dict[str, Any], event: dict[str, Any]) -> Failure | None:
    """Deliver an event to a target or, when that fails for good, to its dead-letter queue.

    Returns
    -------
    Failure or None
        Why it was not delivered.
    """
    allowed = (target.get("RetryPolicy") or {}).get("MaximumRetryAttempts", len(_PAUSES))
    retries = 0
    while True:
        try:
            targets.send(rule, target, event)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported, not raised
            failure = failure_of(error)
            if failure.retried and retries < min(allowed, len(_PAUSES)):
                time.sleep(_PAUSES[retries])
                retries += 1
                continue
            _give_up(rule, target, event, failure, retries)
            return failure
        count(rule, "Invocations")
        return None


# Those that came to nothing; the endpoint lists the last ones.
failures: deque[dict[str, str]] = deque(maxlen=1000)


def _give_up(
    rule: Any, target: dict[str, Any], event: dict[str, Any], failure: Failure, retries: int
) -> None:
    count(rule, "Invocations")
    count(rule, "FailedInvocations")
    log.warning("rule %s: event not delivered to %s: %s", rule.name, target["Arn"], failure)
    listed = {
        "rule": rule.name,
        "target": target["Arn"],
        "error": failure.message,
        "code": failure.code,
        "event": event["id"],
    }
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    if queue:
        try:
            _bury(rule, target, event, failure, retries)
        except Exception as error:  # noqa: BLE001 - likewise
            count(rule, "InvocationsFailedToBeSentToDlq")
            listed["dead_letter_error"] = failure_of(error).message
            log.warning("rule %s: event not sent to %s either: %s", rule.name, queue, error)
        else:
            count(rule, "InvocationsSentToDlq")
            listed["dead_letter"] = queue
    failures.append(listed)


def _bury(
    rule: Any, target: dict[str, Any], event: dict[str, Any], failure: Failure, retries: int
) -> None:
    texts = {
        "ERROR_CODE": failure.code,
        "ERROR_MESSAGE": failure.message or failure.code,
        "RETRY_ATTEMPTS": str(retries),
        "RULE_ARN": rule.arn,
        "TARGET_ARN": target["Arn"],
    }
    if failure.retried:
        texts["EXHAUSTED_RETRY_CONDITION"] = "MaximumRetryAttempts"
    attributes = {name: {"DataType": "String", "StringValue": text} for name, text in texts.items()}
    queue = target["DeadLetterConfig"]["Arn"]
    targets.send_to_queue(rule, queue, json.dumps(event), {"MessageAttributes": attributes})
