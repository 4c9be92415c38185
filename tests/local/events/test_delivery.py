"""Events that cannot be delivered: tried again, or kept in a dead-letter queue; and metrics."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from local import metrics
from local.errors import AwsError
from local.events import delivery, targets
from tests.local.conftest import ACCOUNT, Aws, allow, unique, until
from tests.local.queues import EVENTS, Queue, attributes
from tests.local.states.test_jsonata import PASS, states

NO_MACHINE = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:none"


class Rule:
    """A rule for events of a source of its own, with one target."""

    def __init__(self, aws: Aws, **target: Any) -> None:
        self.aws = aws
        self.name, self.source = unique("rule"), unique("app")
        self.arn = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{self.name}"
        self.events = aws.client("events")
        self.events.put_rule(Name=self.name, EventPattern=json.dumps({"source": [self.source]}))
        if target:
            self.aim(**target)

    def aim(self, **target: Any) -> None:
        self.events.put_targets(Rule=self.name, Targets=[{"Id": "t", **target}])

    def put(self, detail: dict[str, Any] | None = None) -> None:
        text = json.dumps(detail or {})
        entry = {"Source": self.source, "DetailType": "t", "Detail": text}
        assert self.events.put_events(Entries=[entry])["FailedEntryCount"] == 0

    def failures(self) -> list[dict[str, str]]:
        _, answer = self.aws.get("/_local/events/failures")
        return [one for one in answer["failures"] if one["rule"] == self.name]

    def failure(self) -> dict[str, str]:
        (found,) = until(lambda: self.failures() or None, "the failed delivery")
        return found


def test_dead_letter__has_the_event_and_what_went_wrong(aws: Aws) -> None:
    rule = Rule(aws)
    queue = Queue(aws, rule.name)
    machine = aws.machine(states(A=PASS))
    powerless = aws.role(allow("states:StartExecution", machine + "-other"), service=EVENTS)
    untrusting = aws.role(allow("*", "*"), service="glue.amazonaws.com")
    mighty = aws.role(allow("states:StartExecution", "*"), service=EVENTS)
    for arn, role, code, words in (
        (machine, powerless, "NO_PERMISSIONS", "not authorized to perform: states:StartExecution"),
        (machine, untrusting, "FAILED_TO_ASSUME_ROLE", "is not allowed to assume role"),
        (NO_MACHINE, mighty, "NO_RESOURCE", "State Machine Does Not Exist"),
    ):
        rule.aim(Arn=arn, RoleArn=role, DeadLetterConfig={"Arn": queue.arn})
        rule.put({"n": [1, "ü"]})
        (letter,) = queue.wait()
        event = json.loads(letter["Body"])
        assert (event["source"], event["detail"]) == (rule.source, {"n": [1, "ü"]})
        found = attributes(letter)
        assert words in found.pop("ERROR_MESSAGE")
        assert found == {
            "ERROR_CODE": code,
            "RETRY_ATTEMPTS": "0",
            "RULE_ARN": rule.arn,
            "TARGET_ARN": arn,
        }


def test_dead_letter__needs_a_policy_that_lets_this_rule_in(aws: Aws) -> None:
    for queue in (Queue(aws, None), Queue(aws, "another-rule")):
        role = aws.role(allow("states:StartExecution", "*"), service=EVENTS)
        config = {"Arn": queue.arn}
        rule = Rule(aws, Arn=NO_MACHINE, RoleArn=role, DeadLetterConfig=config)
        rule.put()
        failure = rule.failure()
        assert "does not allow sqs:SendMessage" in failure["dead_letter_error"]
        assert queue.messages() == []
        queue.let_in(rule.arn)
        queue.sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"VisibilityTimeout": "9"})
        rule.put()
        assert attributes(queue.wait()[0])["ERROR_CODE"] == "NO_RESOURCE"


def test_dead_letter__to_a_queue_that_does_not_exist_is_told(aws: Aws) -> None:
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:none"
    rule = Rule(aws, Arn=NO_MACHINE, DeadLetterConfig={"Arn": queue})
    rule.put()
    failure = rule.failure()
    assert failure["code"] == "INVALID_PARAMETER"
    assert "RoleArn is required" in failure["error"]
    assert "queue does not exist" in failure["dead_letter_error"]


def test_queue_and_log_targets__need_resource_policies(aws: Aws) -> None:
    queue, group = Queue(aws, None), "/aws/events/" + unique("group")
    logs = aws.client("logs")
    logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}"
    for target in (queue.arn, arn):
        rule = Rule(aws, Arn=target)
        rule.put()
        assert rule.failure()["code"] == "NO_PERMISSIONS"
    statement = allow(
        ["logs:CreateLogStream", "logs:PutLogEvents"], f"{arn}:*", Principal={"Service": EVENTS}
    )
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    logs.put_resource_policy(policyName=unique("policy"), policyDocument=policy)
    rule.put({"n": 1})
    (line,) = until(
        lambda: logs.filter_log_events(logGroupName=group)["events"] or None, "the line"
    )
    assert json.loads(line["message"])["detail"] == {"n": 1}


def test_topic_policy__with_a_condition_on_the_rule_lets_nothing_in(aws: Aws) -> None:
    sns = aws.client("sns")
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    rule = Rule(aws, Arn=topic)
    condition = {"ArnEquals": {"aws:SourceArn": rule.arn}}
    statement = allow("sns:Publish", topic, Principal={"Service": EVENTS}, Condition=condition)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    rule.put()
    assert rule.failure()["code"] == "NO_PERMISSIONS"


def measured(aws: Aws, metric: str, **dimensions: str) -> float:
    now = datetime.now(UTC)
    points = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Events",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))


def test_metrics__count_matches_invocations_and_dead_letters(aws: Aws) -> None:
    rule = Rule(aws)
    queue, refusing = Queue(aws, rule.name), Queue(aws, None)
    expected: dict[str, float] = {
        "MatchedEvents": 0,
        "TriggeredRules": 0,
        "Invocations": 0,
        "FailedInvocations": 0,
        "InvocationsSentToDlq": 0,
        "InvocationsFailedToBeSentToDlq": 0,
    }
    for target, more in (
        ({"Arn": queue.arn}, []),
        (
            {"Arn": refusing.arn, "DeadLetterConfig": {"Arn": queue.arn}},
            ["FailedInvocations", "InvocationsSentToDlq"],
        ),
        (
            {"Arn": refusing.arn, "DeadLetterConfig": {"Arn": refusing.arn}},
            ["FailedInvocations", "InvocationsFailedToBeSentToDlq"],
        ),
    ):
        rule.aim(**target)
        rule.put()
        for name in ["MatchedEvents", "TriggeredRules", "Invocations", *more]:
            expected[name] += 1
        until(
            lambda: {m: measured(aws, m, RuleName=rule.name) for m in expected} == expected or None,
            f"{expected} of {target}",
        )


def test_metrics__of_another_bus_name_it(aws: Aws) -> None:
    rule, bus, events = unique("rule"), unique("bus"), aws.client("events")
    events.create_event_bus(Name=bus)
    pattern = json.dumps({"source": ["app"]})
    events.put_rule(Name=rule, EventPattern=pattern, EventBusName=bus)
    entry = {"Source": "app", "DetailType": "t", "Detail": "{}", "EventBusName": bus}
    events.put_events(Entries=[entry])
    assert measured(aws, "TriggeredRules", RuleName=rule, EventBusName=bus) == 1
    assert measured(aws, "TriggeredRules", RuleName=rule) == 0


def refusal(code: str, status: int = 400) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": "m"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "Operation")


@pytest.mark.parametrize(
    ("error", "code", "retried"),
    [
        (refusal("ThrottlingException"), "THROTTLING", True),
        (refusal("RequestThrottled"), "THROTTLING", True),
        (refusal("ExecutionLimitExceeded"), "RESOURCE_LIMIT_EXCEEDED", True),
        (refusal("InternalFailure", 500), "INTERNAL_ERROR", True),
        (EndpointConnectionError(endpoint_url="x"), "CONNECTION_FAILURE", True),
        (refusal("AccessDeniedException"), "NO_PERMISSIONS", False),
        (refusal("AuthorizationError"), "NO_PERMISSIONS", False),
        (refusal("StateMachineDoesNotExist"), "NO_RESOURCE", False),
        (refusal("ExecutionAlreadyExists"), "RESOURCE_ALREADY_EXISTS", False),
        (refusal("InvalidExecutionInput"), "INVALID_JSON", False),
        (AwsError("ValidationException", "m"), "INVALID_PARAMETER", False),
        (refusal("Strange"), "ERROR_FROM_TARGET", False),
        (ValueError("m"), "UNKNOWN", False),
    ],
)
def test_error_code(error: Exception, code: str, retried: bool) -> None:
    failure = delivery.failure_of(error)
    assert (failure.code, failure.retried) == (code, retried)


@pytest.mark.parametrize(
    ("policy", "succeeds_at", "attempts", "letters"),
    [
        ({}, 3, 3, 0),
        ({}, 99, 5, 1),
        ({"RetryPolicy": {"MaximumRetryAttempts": 1}}, 99, 2, 1),
        ({"RetryPolicy": {"MaximumRetryAttempts": 0}}, 99, 1, 1),
        ({"RetryPolicy": {"MaximumRetryAttempts": 185}}, 99, 5, 1),
    ],
)
def test_busy_target__is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
    policy: dict[str, Any],
    succeeds_at: int,
    attempts: int,
    letters: int,
) -> None:
    tried, sent, counted = [], [], []

    def send(*_: object) -> None:
        tried.append(1)
        if len(tried) < succeeds_at:
            raise refusal("ThrottlingException")

    def send_to_queue(_rule: object, queue: str, _text: str, options: dict[str, Any]) -> None:
        sent.append((queue, {k: v["StringValue"] for k, v in options["MessageAttributes"].items()}))

    monkeypatch.setattr(targets, "send", send)
    monkeypatch.setattr(targets, "send_to_queue", send_to_queue)
    monkeypatch.setattr(delivery, "_PAUSES", (0.0,) * 4)
    monkeypatch.setattr(metrics, "put", lambda *measured: counted.append(measured[1:]))
    rule = SimpleNamespace(name="r", arn="arn", event_bus_name="default")
    target = {"Arn": "a:b:c", "DeadLetterConfig": {"Arn": "dlq"}, **policy}
    delivery.deliver(rule, target, {"id": "1"})
    assert len(tried) == attempts
    assert len(sent) == letters
    names = [name for name, value, dimensions in counted if dimensions == {"RuleName": "r"}]
    if letters:
        ((queue, found),) = sent
        assert (queue, found["RETRY_ATTEMPTS"]) == ("dlq", str(attempts - 1))
        assert found["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
        assert names == ["Invocations", "FailedInvocations", "InvocationsSentToDlq"]
    else:
        assert names == ["Invocations"]
