"""A queue that hears what the deployment's topic and the events of its runs say."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

from ops.target import Target


class Ear:
    """A queue, subscribed to the topic, and the target of a rule on the pipeline's events.

    Everything heard is kept, as ("mail", text) or ("event", document). `sweep` removes them.
    """

    def __init__(self, target: Target, name: str) -> None:
        self._target = target
        # A queue that was deleted a moment ago cannot be made anew under its name.
        self._name = f"{name}-conform-{secrets.token_hex(3)}"
        self._url = ""
        self.heard: list[tuple[str, Any]] = []

    def open(self) -> None:
        """Make the queue, its rule and its subscription, unless they are there."""
        if self._url:
            return
        target, outputs = self._target, self._target.outputs
        self._url = target.sqs.create_queue(QueueName=self._name)["QueueUrl"]
        queue = target.sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        arn = queue["Attributes"]["QueueArn"]
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": ["events.amazonaws.com", "sns.amazonaws.com"]},
                    "Action": "sqs:SendMessage",
                    "Resource": arn,
                }
            ],
        }
        target.sqs.set_queue_attributes(
            QueueUrl=self._url, Attributes={"Policy": json.dumps(policy)}
        )
        pattern = {
            "source": ["aws.states"],
            "detail-type": ["Step Functions Execution Status Change"],
            "detail": {"stateMachineArn": [outputs.pipeline_arn]},
        }
        target.events.put_rule(Name=self._name, EventPattern=json.dumps(pattern))
        target.events.put_targets(Rule=self._name, Targets=[{"Id": "queue", "Arn": arn}])
        target.sns.subscribe(
            TopicArn=outputs.notification_topic_arn,
            Protocol="sqs",
            Endpoint=arn,
            Attributes={"RawMessageDelivery": "true"},
        )

    def listen(self) -> None:
        """Take what has come meanwhile."""
        while True:
            answer = self._target.sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
            for message in answer.get("Messages", []):
                self.heard.append(_read(message["Body"]))
                self._target.sqs.delete_message(
                    QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"]
                )
            if not answer.get("Messages"):
                return

    def find(self, kind: str, fits: Callable[[Any], bool]) -> Any | None:
        """Return the first of a kind that fits; listens before it looks."""
        self.listen()
        return next((what for said, what in self.heard if said == kind and fits(what)), None)

    def forget(self) -> None:
        """Forget what was heard, so that only what comes from here on is found."""
        self.listen()
        self.heard.clear()


def _read(body: str) -> tuple[str, Any]:
    if body.startswith("{"):
        document = json.loads(body)
        if isinstance(document, dict) and document.get("source") == "aws.states":
            return "event", document
    return "mail", body
