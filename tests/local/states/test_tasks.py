"""Tasks of state machines: requests, answers, names of errors, retries, time-outs."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.local.conftest import Aws, allow, unique
from tests.local.queues import Queue
from tests.local.states.test_jsonata import PASS, states

SDK = "arn:aws:states:::aws-sdk:"


def task(resource: str, arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": resource if resource.startswith("arn:") else SDK + resource,
        "Arguments": arguments,
        "End": True,
        **more,
    }


def types(aws: Aws, execution: str) -> list[str]:
    pages = aws.client("stepfunctions").get_paginator("get_execution_history")
    found = pages.paginate(executionArn=execution, PaginationConfig={"PageSize": 5})
    return [event["type"] for page in found for event in page["events"]]


def test_s3__body_goes_in_as_json_and_comes_out_as_text(aws: Aws) -> None:
    bucket = aws.bucket()
    put = task(
        "s3:putObject",
        {"Bucket": bucket, "Key": "a/b.json", "Body": "{% {'n': $states.input.n, 't': 'ü'} %}"},
        Output="{% $exists($states.result.ETag) %}",
        Next="Get",
    )
    del put["End"]
    get = task("s3:getObject", {"Bucket": bucket, "Key": "a/b.json"})
    result = aws.run(states(Put=put, Get=get), {"n": [1, None]})
    assert result["status"] == "SUCCEEDED", result.get("cause")
    assert json.loads(result["output"]["Body"]) == {"n": [1, None], "t": "ü"}
    assert result["output"]["LastModified"].endswith("Z")
    assert "ResponseMetadata" not in result["output"]


@pytest.mark.parametrize(
    ("resource", "arguments", "error"),
    [
        ("s3:getObject", {"Key": "none"}, "S3.NoSuchKeyException"),
        ("s3:headObject", {"Key": "none"}, "S3.NoSuchKeyException"),
        ("s3:getBucketPolicy", {}, "S3.S3Exception"),
        ("glue:startCrawler", {"Name": "none"}, "Glue.EntityNotFoundException"),
        ("glue:getCrawler", {"Name": "none"}, "Glue.EntityNotFoundException"),
        ("sns:publish", {"Message": "m"}, "Sns.NotFoundException"),
    ],
)
def test_error_of_a_service__is_named_as_on_aws_and_caught(
    aws: Aws, resource: str, arguments: dict[str, Any], error: str
) -> None:
    given = dict(arguments)
    if resource.startswith("s3"):
        given["Bucket"] = aws.bucket()
    if resource.startswith("sns"):
        given["TopicArn"] = "arn:aws:sns:us-east-1:123456789012:" + unique("none")
    catch = [{"ErrorEquals": [error], "Output": "{% $states.errorOutput %}", "Next": "After"}]
    result = aws.run(states(Call=task(resource, given, Catch=catch), After=PASS))
    assert result["status"] == "SUCCEEDED", result.get("cause")
    assert result["output"]["Error"] == error
    assert "(Service: " in result["output"]["Cause"]


def test_role_without_permission__fails_with_access_denied(aws: Aws) -> None:
    role = aws.role(allow("glue:StartCrawler", "*"))
    machine = aws.machine(states(Call=task("glue:getCrawler", {"Name": "c"})), role)
    result = aws.run(machine)
    assert (result["status"], result["error"]) == ("FAILED", "Glue.AccessDeniedException")
    name = role.rsplit("/", 1)[-1]
    assert result["cause"].startswith(
        f"User: arn:aws:sts::123456789012:assumed-role/{name}/StepFunctions is not authorized to "
        "perform: glue:GetCrawler on resource: arn:aws:glue:us-east-1:123456789012:crawler/c "
        "because no identity-based policy allows the glue:GetCrawler action"
    )
    _, denied = aws.get(f"/_local/calls?role={name}&decision=DENY")
    assert [call["action"] for call in denied] == ["glue:GetCrawler"]


def test_role_without_permission__of_s3_names_the_action(aws: Aws) -> None:
    bucket = aws.bucket()
    role = aws.role(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/allowed/*"))
    put = task("s3:putObject", {"Bucket": bucket, "Key": "allowed/x", "Body": "b"})
    result = aws.run(aws.machine(states(Call=put), role))
    assert (result["status"], result["error"]) == ("FAILED", "S3.S3Exception")
    assert "is not authorized to perform: s3:PutObject on resource: " in result["cause"]
    assert "Status Code: 403" in result["cause"]


def test_argument__of_another_type_than_the_api_takes_fails(aws: Aws) -> None:
    call = task(
        "glue:getCrawler", {"Name": "{% 5 %}"}, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "A"}]
    )
    result = aws.run(states(Call=call, A=PASS))
    assert (result["status"], result["error"]) == ("FAILED", "States.Runtime")
    assert "The value for the field 'Name' must be a STRING" in result["cause"]


@pytest.mark.parametrize("resource", ["arn:aws:states:::sns:publish", SDK + "sns:publish"])
def test_sns__publishes_what_the_endpoint_then_lists(aws: Aws, resource: str) -> None:
    topic = aws.client("sns").create_topic(Name=unique("topic"))["TopicArn"]
    optimised = "aws-sdk" not in resource
    message: Any = {"a": "{% 1 + 1 %}"} if optimised else '{"a":2}'
    call = task(resource, {"TopicArn": topic, "Subject": "s", "Message": message})
    result = aws.run(states(Call=call))
    assert result["status"] == "SUCCEEDED", result.get("cause")
    assert result["output"]["MessageId"]
    status, sent = aws.get(f"/_local/notifications?topic={topic}")
    assert status == 200
    assert sent == [{"topic": topic, "subject": "s", "message": '{"a":2}'}]


def test_retry__waits_no_longer_than_its_maximum_and_counts(aws: Aws) -> None:
    retry = {
        "ErrorEquals": ["Glue.EntityNotFoundException"],
        "IntervalSeconds": 5,
        "BackoffRate": 3,
        "MaxAttempts": 2,
        "MaxDelaySeconds": 1,
        "JitterStrategy": "FULL",
    }
    catch = {
        "ErrorEquals": ["States.ALL"],
        "Output": "{% $states.context.State.RetryCount %}",
        "Next": "After",
    }
    call = task("glue:getCrawler", {"Name": "none"}, Retry=[retry], Catch=[catch])
    result = aws.run(states(Call=call, After=PASS))
    assert result["status"] == "SUCCEEDED", result.get("cause")
    assert result["output"] == 2
    assert types(aws, result["executionArn"]).count("TaskScheduled") == 3
    assert (result["stopDate"] - result["startDate"]).total_seconds() < 2.5


def test_catch__takes_failures_of_arguments_and_of_output(aws: Aws) -> None:
    catch = [
        {
            "ErrorEquals": ["States.QueryEvaluationError"],
            "Output": "{% $states.errorOutput.Cause %}",
            "Next": "After",
        }
    ]
    bucket = aws.bucket()
    for broken in (
        task("s3:listObjectsV2", {"Bucket": "{% $states.input.none %}"}, Catch=catch),
        task(
            "s3:listObjectsV2", {"Bucket": bucket}, Output="{% $states.input.none %}", Catch=catch
        ),
        task("s3:listObjectsV2", {"Bucket": bucket}, Assign={"x": "{% $none %}"}, Catch=catch),
    ):
        result = aws.run(states(Call=broken, After=PASS))
        assert result["status"] == "SUCCEEDED", result.get("cause")
        assert "returned nothing (undefined)" in result["output"]
        assert types(aws, result["executionArn"]).count("EvaluationFailed") == 1


def test_catch_all__does_not_take_a_payload_over_the_limit(aws: Aws) -> None:
    bucket = aws.bucket()
    aws.client("s3").put_object(Bucket=bucket, Key="big", Body=b"x" * 300_000)
    get = {"Bucket": bucket, "Key": "big"}
    for names, status in ((["States.ALL"], "FAILED"), (["States.DataLimitExceeded"], "SUCCEEDED")):
        call = task("s3:getObject", get, Catch=[{"ErrorEquals": names, "Next": "After"}])
        result = aws.run(states(Call=call, After=PASS))
        assert result["status"] == status, result


def nested(machine: str, resource: str = "sync:2", **more: Any) -> dict[str, Any]:
    arguments = {"StateMachineArn": machine, "Input": {"given": "{% $states.input.n %}"}}
    return task(f"arn:aws:states:::states:startExecution.{resource}", arguments, **more)


def test_nested__output_is_json_with_sync_2(aws: Aws) -> None:
    inner = aws.machine(states(A={**PASS, "Output": {"twice": "{% $states.input.given * 2 %}"}}))
    result = aws.run(states(Call=nested(inner)), {"n": 4})
    output = result["output"]
    assert output["Output"] == {"twice": 8}
    assert output["Input"] == {"given": 4}
    assert output["Status"] == "SUCCEEDED"
    assert isinstance(output["StartDate"], int)
    plain = aws.run(states(Call=nested(inner, "sync")), {"n": 4})
    assert json.loads(plain["output"]["Output"]) == {"twice": 8}


def test_nested__failure_has_the_execution_as_cause(aws: Aws) -> None:
    inner = aws.machine(states(F={"Type": "Fail", "Error": "Inner", "Cause": "because"}))
    result = aws.run(states(Call=nested(inner)), {"n": 1})
    assert (result["status"], result["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(result["cause"])
    assert (cause["Status"], cause["Error"], cause["Cause"]) == ("FAILED", "Inner", "because")


def test_nested__name_that_is_taken_is_named_as_on_aws(aws: Aws) -> None:
    inner = aws.machine(states(A=PASS))
    aws.client("stepfunctions").start_execution(
        stateMachineArn=inner, name="taken", input='{"a":1}'
    )
    call = nested(inner)
    call["Arguments"]["Name"] = "taken"
    result = aws.run(states(Call=call), {"n": 1})
    assert result["error"] == "StepFunctions.ExecutionAlreadyExistsException"


WAIT = {"Type": "Wait", "Seconds": 60, "End": True}


def test_task_timeout__fails_with_states_timeout_and_stops_what_it_started(aws: Aws) -> None:
    inner = aws.machine(states(W=WAIT))
    catch = [
        {"ErrorEquals": ["States.Timeout"], "Output": "{% $states.errorOutput %}", "Next": "A"}
    ]
    result = aws.run(states(Call=nested(inner, TimeoutSeconds=1, Catch=catch), A=PASS), {"n": 1})
    assert result["status"] == "SUCCEEDED", result.get("cause")
    assert result["output"]["Error"] == "States.Timeout"
    assert "TaskTimedOut" in types(aws, result["executionArn"])
    running = aws.client("stepfunctions").list_executions(stateMachineArn=inner)["executions"]
    assert aws.wait(running[0]["executionArn"])["status"] == "ABORTED"


def test_machine_timeout__ends_timed_out(aws: Aws) -> None:
    inner = aws.machine(states(W=WAIT))
    for state in (WAIT, nested(inner)):
        result = aws.run({"TimeoutSeconds": 1, **states(W=state)}, {"n": 1})
        assert result["status"] == "TIMED_OUT"
        assert 1 <= (result["stopDate"] - result["startDate"]).total_seconds() < 3
        assert types(aws, result["executionArn"])[-1] == "ExecutionTimedOut"


@pytest.mark.parametrize("kind", ["wait", "nested", "retry"])
def test_stop__aborts_with_error_and_cause(aws: Aws, kind: str) -> None:
    inner = aws.machine(states(W=WAIT))
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 60}]
    state: dict[str, Any] = {
        "wait": WAIT,
        "nested": nested(inner),
        "retry": task("glue:getCrawler", {"Name": "none"}, Retry=retry),
    }[kind]
    machine = aws.machine(states(W=state))
    client = aws.client("stepfunctions")
    execution = client.start_execution(stateMachineArn=machine, input='{"n": 1}')["executionArn"]
    time.sleep(0.4)
    client.stop_execution(executionArn=execution, error="Enough", cause="said so")
    result = aws.wait(execution)
    assert (result["status"], result["error"], result["cause"]) == ("ABORTED", "Enough", "said so")
    assert types(aws, execution)[-1] == "ExecutionAborted"
    if kind == "nested":
        running = client.list_executions(stateMachineArn=inner)["executions"]
        assert aws.wait(running[0]["executionArn"])["status"] == "ABORTED"


def test_start__same_name_and_input_is_the_same_execution(aws: Aws) -> None:
    machine = aws.machine(states(W=WAIT))
    client = aws.client("stepfunctions")
    first = client.start_execution(stateMachineArn=machine, name="run-1", input='{"a": 1}')
    again = client.start_execution(stateMachineArn=machine, name="run-1", input='{"a": 1}')
    assert first["executionArn"] == again["executionArn"]
    with pytest.raises(client.exceptions.ExecutionAlreadyExists, match="Execution Already Exists"):
        client.start_execution(stateMachineArn=machine, name="run-1", input='{"a": 2}')
    client.stop_execution(executionArn=first["executionArn"])
    aws.wait(first["executionArn"])
    with pytest.raises(client.exceptions.ExecutionAlreadyExists):
        client.start_execution(stateMachineArn=machine, name="run-1", input='{"a": 1}')


def test_start__of_many_at_once_with_one_name_starts_one(aws: Aws) -> None:
    machine = aws.machine(states(W=WAIT))
    client = aws.client("stepfunctions")

    def start(number: int) -> str | None:
        try:
            answer = client.start_execution(
                stateMachineArn=machine, name="one", input=json.dumps({"n": number})
            )
        except client.exceptions.ExecutionAlreadyExists:
            return None
        arn: str = answer["executionArn"]
        return arn

    with ThreadPoolExecutor(16) as pool:
        started = [arn for arn in pool.map(start, range(32)) if arn]
    assert len(started) == 1
    assert len(client.list_executions(stateMachineArn=machine)["executions"]) == 1
    client.stop_execution(executionArn=started[0])


@pytest.mark.parametrize("name", ["with blank", "a/b", "a:b", "a" * 81])
def test_start__refuses_a_bad_name(aws: Aws, name: str) -> None:
    machine = aws.machine(states(A=PASS))
    client = aws.client("stepfunctions")
    with pytest.raises(client.exceptions.InvalidName, match="Invalid Name"):
        client.start_execution(stateMachineArn=machine, name=name)


def test_start__refuses_input_that_is_no_json_or_too_large(aws: Aws) -> None:
    machine = aws.machine(states(A=PASS))
    client = aws.client("stepfunctions")
    with pytest.raises(client.exceptions.InvalidExecutionInput):
        client.start_execution(stateMachineArn=machine, input="{")
    with pytest.raises(client.exceptions.ClientError, match="less than or equal to 262144"):
        client.start_execution(stateMachineArn=machine, input=json.dumps("x" * 262_143))


def test_history__is_complete_and_can_be_reversed(aws: Aws) -> None:
    bucket = aws.bucket()
    call = task(
        "s3:listObjectsV2", {"Bucket": bucket}, Assign={"n": "{% $states.result.KeyCount %}"}
    )
    result = aws.run(states(Call=call))
    history = aws.client("stepfunctions").get_execution_history(executionArn=result["executionArn"])
    assert [event["type"] for event in history["events"]] == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]
    events = {event["type"]: event for event in history["events"]}
    assert events["TaskStateEntered"]["stateEnteredEventDetails"]["name"] == "Call"
    assert events["TaskScheduled"]["taskScheduledEventDetails"]["resourceType"] == "aws-sdk:s3"
    assert (
        json.loads(events["TaskStateExited"]["stateExitedEventDetails"]["output"])["KeyCount"] == 0
    )
    assert events["ExecutionSucceeded"]["timestamp"] >= result["startDate"]
    paged = types(aws, result["executionArn"])
    assert paged == [event["type"] for event in history["events"]]
    back = aws.client("stepfunctions").get_execution_history(
        executionArn=result["executionArn"], reverseOrder=True, maxResults=1
    )
    assert [event["type"] for event in back["events"]] == ["ExecutionSucceeded"]


def test_logging__writes_each_event_to_the_log_group(aws: Aws) -> None:
    group = "/aws/vendedlogs/states/" + unique("machine")
    logs = aws.client("logs")
    logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{group}:*"
    configuration = {
        "level": "ALL",
        "includeExecutionData": False,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}],
    }
    machine = aws.machine(states(A=PASS), loggingConfiguration=configuration)
    result = aws.run(machine, {"secret": 1})
    lines = [
        json.loads(event["message"])
        for event in logs.filter_log_events(logGroupName=group)["events"]
    ]
    assert [line["type"] for line in lines] == types(aws, result["executionArn"])
    assert {line["execution_arn"] for line in lines} == {result["executionArn"]}
    assert "secret" not in json.dumps(lines)


def test_status_changes__are_events(aws: Aws) -> None:
    events, rule = aws.client("events"), unique("rule")
    queue = Queue(aws, rule)
    machine = aws.machine(states(F={"Type": "Fail", "Error": "E", "Cause": "c"}))
    pattern = {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"status": ["FAILED"], "stateMachineArn": [machine]},
    }
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "q", "Arn": queue.arn}])
    result = aws.run(machine, {"a": 1})
    event = json.loads(queue.wait()[0]["Body"])
    assert event["resources"] == [result["executionArn"]]
    detail = event["detail"]
    assert (detail["status"], detail["error"], detail["cause"]) == ("FAILED", "E", "c")
    assert json.loads(detail["input"]) == {"a": 1}
