"""EventBridge: schedules fired on demand, delivery to targets, and in which role."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.events.targets import transform
from tests.local.conftest import ACCOUNT, Aws, allow, unique, until
from tests.local.queues import EVENTS, Queue
from tests.local.states.test_jsonata import PASS, states


def schedule(aws: Aws, machine: str, role: str, state: str = "ENABLED", **target: Any) -> str:
    name = unique("rule")
    events = aws.client("events")
    events.put_rule(Name=name, ScheduleExpression="rate(1 day)", State=state)
    events.put_targets(Rule=name, Targets=[{"Id": "m", "Arn": machine, "RoleArn": role, **target}])
    return name


def starter(aws: Aws, machine: str) -> str:
    return aws.role(allow("states:StartExecution", machine), service=EVENTS)


def executions(aws: Aws, machine: str) -> list[dict[str, Any]]:
    listed = aws.client("stepfunctions").list_executions(stateMachineArn=machine)
    found: list[dict[str, Any]] = listed["executions"]
    return found


def test_fire__starts_the_machine_in_the_role_of_the_target(aws: Aws) -> None:
    machine = aws.machine(states(A=PASS))
    role = starter(aws, machine)
    rule = schedule(aws, machine, role, Input=json.dumps({"from": "schedule"}))
    status, answer = aws.get(f"/_local/events/fire?rule={rule}", "POST")
    assert (status, answer["rule"], answer["targets"]) == (200, rule, [machine])
    (execution,) = executions(aws, machine)
    assert aws.wait(execution["executionArn"])["output"] == {"from": "schedule"}
    _, calls = aws.get(f"/_local/calls?role={role.rsplit('/', 1)[-1]}")
    assert [(c["action"], c["decision"]) for c in calls] == [("states:StartExecution", "ALLOW")]


def test_fire__without_input_sends_the_scheduled_event(aws: Aws) -> None:
    machine = aws.machine(states(A=PASS))
    rule = schedule(aws, machine, starter(aws, machine))
    aws.get(f"/_local/events/fire?rule={rule}", "POST")
    output = aws.wait(executions(aws, machine)[0]["executionArn"])["output"]
    assert (output["source"], output["detail-type"]) == ("aws.events", "Scheduled Event")
    assert output["resources"] == [f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{rule}"]


def test_fire__says_why_it_cannot(aws: Aws) -> None:
    machine = aws.machine(states(A=PASS))
    role = starter(aws, machine)
    disabled = schedule(aws, machine, role, state="DISABLED")
    pattern = unique("rule")
    aws.client("events").put_rule(Name=pattern, EventPattern=json.dumps({"source": ["x"]}))
    for rule, status, text in (
        (disabled, 409, "is DISABLED, so its schedule does not fire"),
        (pattern, 409, "has no schedule"),
        ("none", 404, "none does not exist"),
    ):
        got, answer = aws.get(f"/_local/events/fire?rule={rule}", "POST")
        assert got == status
        assert text in answer["error"]
    assert executions(aws, machine) == []


def test_fire__role_that_may_not_start_the_machine_is_refused(aws: Aws) -> None:
    machine = aws.machine(states(A=PASS))
    powerless = aws.role(allow("states:StartExecution", machine + "-other"), service=EVENTS)
    untrusting = aws.role(allow("*", "*"), service="glue.amazonaws.com")
    for role, text in (
        (powerless, "is not authorized to perform: states:StartExecution"),
        (untrusting, f"Service {EVENTS} is not allowed to assume role {untrusting}"),
    ):
        rule = schedule(aws, machine, role)
        status, answer = aws.get(f"/_local/events/fire?rule={rule}", "POST")
        assert status == 409
        assert text in answer["error"]
    assert executions(aws, machine) == []


def test_put_events__reaches_the_rules_whose_pattern_matches(aws: Aws) -> None:
    machine = aws.machine(states(A=PASS))
    source = unique("app")
    name, events = unique("rule"), aws.client("events")
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [source], "detail": {"n": [1]}}))
    target = {
        "Id": "m",
        "Arn": machine,
        "RoleArn": starter(aws, machine),
        "InputTransformer": {
            "InputPathsMap": {"n": "$.detail.n", "who": "$.detail.who"},
            "InputTemplate": '{"n": <n>, "text": "by <who>", "rule": <aws.events.rule-name>}',
        },
    }
    events.put_targets(Rule=name, Targets=[target])
    for n in (1, 2):
        detail = json.dumps({"n": n, "who": 'a "b"'})
        answer = events.put_events(
            Entries=[{"Source": source, "DetailType": "t", "Detail": detail}]
        )
        assert answer["FailedEntryCount"] == 0
    (execution,) = until(lambda: executions(aws, machine) or None, "the execution")
    output = aws.wait(execution["executionArn"])["output"]
    assert output == {"n": 1, "text": 'by a "b"', "rule": name}


def test_schedule__never_fires_on_an_event(aws: Aws) -> None:
    machine = aws.machine(states(A=PASS))
    rule = schedule(aws, machine, starter(aws, machine))
    queue_rule, source, events = unique("rule"), unique("app"), aws.client("events")
    queue = Queue(aws, queue_rule)
    events.put_rule(Name=queue_rule, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=queue_rule, Targets=[{"Id": "q", "Arn": queue.arn}])
    events.put_events(Entries=[{"Source": source, "DetailType": "t", "Detail": "{}"}])
    queue.wait()
    assert executions(aws, machine) == [], rule


def test_topic__needs_a_policy_that_lets_eventbridge_in(aws: Aws) -> None:
    sns, events, source = aws.client("sns"), aws.client("events"), unique("app")
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    rule = unique("rule")
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "t", "Arn": topic, "Input": '"hello"'}])
    event = {"Source": source, "DetailType": "t", "Detail": "{}"}

    def failed() -> list[Any] | None:
        _, answer = aws.get("/_local/events/failures")
        return [one for one in answer["failures"] if one["rule"] == rule] or None

    events.put_events(Entries=[event])
    (failure,) = until(failed, "the failed delivery")
    assert "does not allow sns:Publish to events.amazonaws.com" in failure["error"]
    statement = allow("sns:Publish", topic, Principal={"Service": EVENTS})
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    events.put_events(Entries=[event])
    path = f"/_local/notifications?topic={topic}"
    (sent,) = until(lambda: aws.get(path)[1] or None, "the message")
    assert sent["message"] == '"hello"'


def test_s3_event__starts_a_machine_with_the_key(aws: Aws) -> None:
    bucket, s3, events = aws.bucket(), aws.client("s3"), aws.client("events")
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    machine = aws.machine(states(A=PASS))
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket]}, "object": {"key": [{"prefix": "incoming/"}]}},
    }
    rule, bus = unique("rule"), unique("bus")
    target = {"Id": "m", "Arn": machine, "RoleArn": starter(aws, machine)}
    events.create_event_bus(Name=bus)
    for name in ("default", bus):
        events.put_rule(Name=rule, EventPattern=json.dumps(pattern), EventBusName=name)
        events.put_targets(Rule=rule, Targets=[target], EventBusName=name)
    for key in ("incoming/a b.csv", "other/x"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"abc")
    (execution,) = until(lambda: executions(aws, machine) or None, "the execution")
    output = aws.wait(execution["executionArn"])["output"]
    assert output["detail"]["object"]["key"] == "incoming/a b.csv"
    assert output["detail"]["object"]["size"] == 3
    assert len(executions(aws, machine)) == 1


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("<s>", '"te\\"xt"'),
        ('"<s>"', '"te\\"xt"'),
        ('"a <s> b <n>"', '"a te\\"xt b 5"'),
        ('{"x": <o>, "n": <n>}', '{"x": {"k": [1]}, "n": 5}'),
        ('{"missing": <none>}', '{"missing": null}'),
        ('{"unknown": "<who>"}', '{"unknown": "<who>"}'),
    ],
)
def test_input_transformer(template: str, expected: str) -> None:
    event = {"time": "t", "detail": {"s": 'te"xt', "n": 5, "o": {"k": [1]}}}
    paths = {name: f"$.detail.{name}" for name in ("s", "n", "o", "none")}
    transformer = {"InputTemplate": template, "InputPathsMap": paths}
    assert transform(transformer, event, "arn", "name") == expected
