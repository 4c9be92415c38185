"""Queues that EventBridge may send to, and what lies in them."""

from __future__ import annotations

import json
from typing import Any

from tests.local.conftest import ACCOUNT, Aws, allow, unique, until

EVENTS = "events.amazonaws.com"


class Queue:
    """A queue; by default one whose policy lets EventBridge in for one rule.

    Parameters
    ----------
    rule
        Name of the rule that may send; None for a queue without a policy.
    """

    def __init__(self, aws: Aws, rule: str | None) -> None:
        self.sqs = aws.client("sqs")
        self.name = unique("queue")
        self.url = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{self.name}"
        if rule is not None:
            self.let_in(f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{rule}")

    def let_in(self, rule_arn: str) -> None:
        """Allow EventBridge to send messages for a rule."""
        statement = allow(
            "sqs:SendMessage",
            self.arn,
            Principal={"Service": EVENTS},
            Condition={"ArnEquals": {"aws:SourceArn": rule_arn}},
        )
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})

    def messages(self) -> list[dict[str, Any]]:
        """Take up to ten messages, with their attributes."""
        found: list[dict[str, Any]] = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", [])
        for message in found:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def wait(self, number: int = 1) -> list[dict[str, Any]]:
        """Wait for a number of messages."""
        got: list[dict[str, Any]] = []

        def enough() -> list[dict[str, Any]] | None:
            got.extend(self.messages())
            return got if len(got) >= number else None

        return until(enough, f"{number} messages in {self.name}")


def attributes(message: dict[str, Any]) -> dict[str, str]:
    """Return the attributes of a message by name."""
    return {k: v["StringValue"] for k, v in message.get("MessageAttributes", {}).items()}
