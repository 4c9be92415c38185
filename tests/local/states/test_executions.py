"""Executions: how they are started and listed, under load too; waiting; what is measured."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.local.conftest import Aws, allow, unique, until
from tests.local.states.test_jsonata import PASS, states
from tests.local.states.test_tasks import WAIT, task, types


def start(aws: Aws, machine: str, name: str, given: object = None) -> str:
    text = json.dumps({} if given is None else given)
    started = aws.client("stepfunctions").start_execution(
        stateMachineArn=machine, name=name, input=text
    )
    arn: str = started["executionArn"]
    return arn


def stop_all(aws: Aws, machine: str) -> None:
    client = aws.client("stepfunctions")
    pages = client.get_paginator("list_executions").paginate(
        stateMachineArn=machine, statusFilter="RUNNING"
    )
    for arn in [one["executionArn"] for page in pages for one in page["executions"]]:
        client.stop_execution(executionArn=arn)
        assert aws.wait(arn)["status"] == "ABORTED"


# ---------------------------------------------------------------------------------------- start


def test_start__with_the_name_of_a_finished_execution_is_refused(aws: Aws) -> None:
    machine, client = aws.machine(states(A=PASS)), aws.client("stepfunctions")
    first = client.start_execution(stateMachineArn=machine, name="run", input='{"a":1}')
    aws.wait(first["executionArn"])
    with pytest.raises(client.exceptions.ExecutionAlreadyExists) as refused:
        client.start_execution(stateMachineArn=machine, name="run", input='{"a":1}')
    assert first["executionArn"] in str(refused.value)


def test_start__that_is_repeated_while_it_runs_gives_the_same_answer(aws: Aws) -> None:
    machine, client = aws.machine(states(W=WAIT)), aws.client("stepfunctions")
    answers = [
        client.start_execution(stateMachineArn=machine, name="run", input='{"a":1}')
        for _ in range(2)
    ]
    assert answers[0]["executionArn"] == answers[1]["executionArn"]
    assert answers[0]["startDate"] == answers[1]["startDate"]
    assert len(client.list_executions(stateMachineArn=machine)["executions"]) == 1
    stop_all(aws, machine)


@pytest.mark.parametrize(
    ("resource", "error"),
    [
        (
            "arn:aws:states:::states:startExecution",
            "StepFunctions.ExecutionAlreadyExistsException",
        ),
        (
            "arn:aws:states:::aws-sdk:sfn:startExecution",
            "Sfn.ExecutionAlreadyExistsException",
        ),
    ],
)
def test_start__by_a_task_names_the_error_of_a_taken_name(
    aws: Aws, resource: str, error: str
) -> None:
    target = aws.machine(states(A=PASS))
    start(aws, target, "taken", {"other": 1})
    given: Any = {"n": 1} if "aws-sdk" not in resource else '{"n":1}'
    call = task(resource, {"StateMachineArn": target, "Name": "taken", "Input": given})
    result = aws.run(states(Call=call))
    assert (result["status"], result["error"]) == ("FAILED", error)
    call["Arguments"]["Name"] = "free"
    result = aws.run(states(Call=call))
    assert result["output"]["ExecutionArn"].endswith(":free")


def test_start__of_unknown_machines_is_refused(aws: Aws) -> None:
    client = aws.client("stepfunctions")
    with pytest.raises(client.exceptions.StateMachineDoesNotExist):
        start(aws, "arn:aws:states:us-east-1:123456789012:stateMachine:none", "a")


def test_two_hundred_starts_at_once__are_all_there(aws: Aws) -> None:
    bucket = aws.bucket()
    arguments = {"Bucket": bucket, "Key": "{% $states.context.Execution.Name %}", "Body": "x"}
    machine = aws.machine(states(Put=task("s3:putObject", arguments)))
    client = aws.client("stepfunctions")

    def begin(number: int) -> str:
        started = client.start_execution(
            stateMachineArn=machine, name=f"run-{number}", input=json.dumps({"n": number})
        )
        arn: str = started["executionArn"]
        return arn

    with ThreadPoolExecutor(200) as pool:
        arns = list(pool.map(begin, range(200)))
    assert len(set(arns)) == 200
    pages = client.get_paginator("list_executions").paginate(
        stateMachineArn=machine, PaginationConfig={"PageSize": 33}
    )
    assert {one["executionArn"] for page in pages for one in page["executions"]} == set(arns)
    for arn in arns:
        assert aws.wait(arn)["status"] == "SUCCEEDED"
    keys = aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert {key["Key"] for key in keys} == {f"run-{number}" for number in range(200)}


def test_stop__right_after_the_start_aborts(aws: Aws) -> None:
    machine, client = aws.machine(states(W=WAIT)), aws.client("stepfunctions")
    for number in range(20):
        arn = start(aws, machine, f"run-{number}")
        client.stop_execution(executionArn=arn, error="E", cause="c")
        result = aws.wait(arn)
        assert (result["status"], result["error"], result["cause"]) == ("ABORTED", "E", "c")
        assert types(aws, arn)[-1] == "ExecutionAborted"


# ----------------------------------------------------------------------------------------- list


def test_list__is_newest_first_filtered_and_paged(aws: Aws) -> None:
    fail = {"Type": "Fail", "Error": "E"}
    rule = {"Condition": "{% $states.input.fail %}", "Next": "F"}
    machine = aws.machine(
        states(C={"Type": "Choice", "Choices": [rule], "Default": "W"}, F=fail, W=WAIT)
    )
    client = aws.client("stepfunctions")
    for number in range(7):
        arn = start(aws, machine, f"run-{number}", {"fail": number % 2 == 1})
        if number % 2:
            aws.wait(arn)

    def listed(**more: Any) -> tuple[list[str], str | None]:
        answer = client.list_executions(stateMachineArn=machine, **more)
        return [one["name"][4:] for one in answer["executions"]], answer.get("nextToken")

    assert listed() == (list("6543210"), None)
    assert listed(statusFilter="RUNNING") == (list("6420"), None)
    assert listed(statusFilter="FAILED", maxResults=3) == (list("531"), None)
    assert listed(statusFilter="SUCCEEDED") == ([], None)
    names, token = listed(statusFilter="RUNNING", maxResults=2)
    assert names == ["6", "4"]
    start(aws, machine, "run-7", {"fail": False})  # moves no page
    names, token = listed(statusFilter="RUNNING", maxResults=2, nextToken=token)
    assert (names, token) == (["2", "0"], None)
    newest = client.list_executions(stateMachineArn=machine, maxResults=1)["executions"][0]
    assert (newest["status"], newest["stateMachineArn"]) == ("RUNNING", machine)
    assert "stopDate" not in newest
    failed = client.list_executions(stateMachineArn=machine, statusFilter="FAILED")["executions"]
    assert all(one["stopDate"] >= one["startDate"] for one in failed)
    stop_all(aws, machine)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"nextToken": "nonsense"}, "InvalidToken"),
        ({"statusFilter": "DONE"}, "ValidationException"),
        ({"maxResults": 1001}, "ValidationException"),
    ],
)
def test_list__refuses_what_aws_refuses(aws: Aws, more: dict[str, Any], code: str) -> None:
    client = aws.client("stepfunctions")
    machine = aws.machine(states(A=PASS))
    with pytest.raises(client.exceptions.ClientError) as refused:
        client.list_executions(stateMachineArn=machine, **more)
    assert refused.value.response["Error"]["Code"] == code
    with pytest.raises(client.exceptions.StateMachineDoesNotExist):
        client.list_executions(stateMachineArn=machine + "-none")


def test_list__by_a_task_has_the_names_of_step_functions(aws: Aws) -> None:
    machine = aws.machine(states(W=WAIT))
    start(aws, machine, "group-1")
    arguments = {"StateMachineArn": machine, "StatusFilter": "RUNNING", "MaxResults": 1000}
    call = task("sfn:listExecutions", arguments)
    role = aws.role(allow("states:ListExecutions", machine))
    result = aws.run(aws.machine(states(Call=call), role))
    assert result["status"] == "SUCCEEDED", result.get("cause")
    (found,) = result["output"]["Executions"]
    assert {k: found[k] for k in ("Name", "Status", "StateMachineArn")} == {
        "Name": "group-1",
        "Status": "RUNNING",
        "StateMachineArn": machine,
    }
    assert found["ExecutionArn"].endswith(":group-1")
    assert found["StartDate"].endswith("Z")
    assert "NextToken" not in result["output"]
    refused = aws.role(allow("states:ListExecutions", machine + "-other"))
    result = aws.run(aws.machine(states(Call=call), refused))
    assert result["error"] == "Sfn.SfnException"
    assert "not authorized to perform: states:ListExecutions" in result["cause"]
    stop_all(aws, machine)


# ----------------------------------------------------------------------------------------- wait


def stamp(moment: datetime, timespec: str) -> str:
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")


@pytest.mark.parametrize("timespec", ["seconds", "milliseconds", "microseconds"])
def test_wait__ends_at_its_timestamp_and_not_before(aws: Aws, timespec: str) -> None:
    wait = {"Type": "Wait", "Timestamp": "{% $states.input.until %}", "End": True}
    machine = aws.machine(states(W=wait))
    moment = datetime.now(UTC) + timedelta(seconds=1.7)
    text = stamp(moment, timespec)
    result = aws.run(machine, {"until": text})
    over = (
        result["stopDate"] - datetime.fromisoformat(text.replace("Z", "+00:00"))
    ).total_seconds()
    assert -0.001 <= over < 0.7
    assert result["status"] == "SUCCEEDED"


def test_wait__takes_offsets_and_does_not_wait_for_the_past(aws: Aws) -> None:
    wait = {"Type": "Wait", "Timestamp": "{% $states.input.until %}", "End": True}
    machine = aws.machine(states(W=wait))
    for text in ("2001-01-01T00:00:00Z", "2001-01-01T00:00:00.5+02:00"):
        result = aws.run(machine, {"until": text})
        assert result["status"] == "SUCCEEDED"


@pytest.mark.parametrize("until_", ["2026-01-01", "2026-01-01T00:00:00", "soon", 5])
def test_wait__for_no_timestamp_fails(aws: Aws, until_: object) -> None:
    wait = {"Type": "Wait", "Timestamp": "{% $states.input.until %}", "End": True}
    result = aws.run(states(W=wait), {"until": until_})
    assert (result["status"], result["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert "specified for the field 'Timestamp'" in result["cause"]


def test_wait__of_seconds_by_expression_assigns_and_loops(aws: Aws) -> None:
    first = {"Type": "Pass", "Assign": {"turns": 0}, "Next": "Wait"}
    wait = {
        "Type": "Wait",
        "Seconds": "{% $states.input.seconds %}",
        "Assign": {"turns": "{% $turns + 1 %}"},
        "Next": "Again",
    }
    again = {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $turns < 3 %}", "Next": "Wait"}],
        "Default": "Done",
    }
    done = {**PASS, "Output": "{% $turns %}"}
    machine = aws.machine(states(First=first, Wait=wait, Again=again, Done=done))
    assert aws.run(machine, {"seconds": 0})["output"] == 3
    result = aws.run(machine, {"seconds": -1})
    assert result["error"] == "States.QueryEvaluationError"


def test_stop__ends_a_wait_for_a_timestamp_at_once(aws: Aws) -> None:
    wait = {"Type": "Wait", "Timestamp": "{% '2099-01-01T00:00:00.000Z' %}", "End": True}
    machine, client = aws.machine(states(W=wait)), aws.client("stepfunctions")
    arn = start(aws, machine, "a")
    until(lambda: "WaitStateEntered" in types(aws, arn) or None, "the wait")
    time.sleep(0.2)
    before = time.monotonic()
    client.stop_execution(executionArn=arn)
    assert aws.wait(arn)["status"] == "ABORTED"
    assert time.monotonic() - before < 1.2


# -------------------------------------------------------------------------------------- metrics


def measured(aws: Aws, machine: str, metric: str, statistic: str = "Sum") -> float:
    now = datetime.now(UTC)
    points = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/States",
        MetricName=metric,
        Dimensions=[{"Name": "StateMachineArn", "Value": machine}],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=[statistic],
    )["Datapoints"]
    return float(sum(point[statistic] for point in points))


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
@pytest.mark.parametrize(
    ("definition", "metric"),
    [
        (states(A=PASS), "ExecutionsSucceeded"),
        (states(F={"Type": "Fail"}), "ExecutionsFailed"),
        ({"TimeoutSeconds": 1, **states(W=WAIT)}, "ExecutionsTimedOut"),
    ],
)
def test_metrics__count_executions_and_time_them(
    aws: Aws, kind: str, definition: dict[str, Any], metric: str
) -> None:
    machine = aws.machine(definition, type=kind)
    for _ in range(2):
        aws.client("stepfunctions").start_execution(stateMachineArn=machine)
    until(lambda: measured(aws, machine, metric) == 2 or None, metric)
    assert measured(aws, machine, "ExecutionsStarted") == 2
    assert measured(aws, machine, "ExecutionTime", "SampleCount") == 2
    least = 1000 if metric == "ExecutionsTimedOut" else 0
    assert least <= measured(aws, machine, "ExecutionTime", "Minimum") < least + 2000


def test_metrics__count_what_was_stopped(aws: Aws) -> None:
    machine = aws.machine(states(W=WAIT))
    start(aws, machine, "a")
    stop_all(aws, machine)
    assert measured(aws, machine, "ExecutionsAborted") == 1
    assert measured(aws, machine, "ExecutionsFailed") == 0


# -------------------------------------------------------------------------------- integrations


def test_metric_data__is_put_in_the_role_for_its_namespace(aws: Aws) -> None:
    namespace = unique("Space")
    data = [
        {
            "MetricName": "UnroutedFiles",
            "Dimensions": [{"Name": "Pipeline", "Value": "{% 'lake' %}"}],
            "Value": "{% $states.input.n %}",
            "Unit": "Count",
        }
    ]
    call = task("cloudwatch:putMetricData", {"Namespace": namespace, "MetricData": data})
    condition = {"StringEquals": {"cloudwatch:namespace": [namespace]}}
    role = aws.role(allow("cloudwatch:PutMetricData", "*", Condition=condition))
    result = aws.run(aws.machine(states(Call=call), role), {"n": 3})
    assert result["status"] == "SUCCEEDED", result.get("cause")
    now = datetime.now(UTC)
    points = aws.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName="UnroutedFiles",
        Dimensions=[{"Name": "Pipeline", "Value": "lake"}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    assert [point["Sum"] for point in points] == [3]
    call["Arguments"]["Namespace"] = namespace + "-other"
    result = aws.run(aws.machine(states(Call=call), role), {"n": 3})
    assert result["error"] == "CloudWatch.CloudWatchException"
    assert "not authorized to perform: cloudwatch:PutMetricData" in result["cause"]


def test_objects__are_counted_where_there_are_none(aws: Aws) -> None:
    bucket = aws.bucket()
    arguments = {"Bucket": bucket, "Prefix": "incoming/a/", "MaxKeys": 1}
    call = task("s3:listObjectsV2", arguments)
    condition = {"StringLike": {"s3:prefix": "incoming/*"}}
    role = aws.role(allow("s3:ListBucket", f"arn:aws:s3:::{bucket}", Condition=condition))
    machine = aws.machine(states(Call=call), role)
    output = aws.run(machine)["output"]
    assert (output["KeyCount"], "Contents" in output) == (0, False)
    for key in ("incoming/a/1", "incoming/a/2", "incoming/b/1"):
        aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"x")
    output = aws.run(machine)["output"]
    assert (output["KeyCount"], output["IsTruncated"]) == (1, True)
    assert output["Contents"][0]["Key"] == "incoming/a/1"


def test_message__of_an_object_is_sent_as_json_in_the_role(aws: Aws) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=unique("queue"))["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:123456789012:" + url.rsplit("/", 1)[-1]
    body = {"failure": {"state": "A"}, "event": "{% $states.input %}"}
    call = task("arn:aws:states:::sqs:sendMessage", {"QueueUrl": url, "MessageBody": body})
    result = aws.run(aws.machine(states(Call=call), aws.role(allow("sqs:SendMessage", arn))), [1])
    assert result["status"] == "SUCCEEDED", result.get("cause")
    assert {"MessageId", "MD5OfMessageBody"} <= result["output"].keys()
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"]) == {"failure": {"state": "A"}, "event": [1]}
    refused = aws.role(allow("sqs:SendMessage", arn + "-other"))
    result = aws.run(aws.machine(states(Call=call), refused), [1])
    assert result["error"] == "SQS.AmazonSQSException"
    assert f"not authorized to perform: sqs:SendMessage on resource: {arn}" in result["cause"]
