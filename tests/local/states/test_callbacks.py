"""Tasks that wait for their token: who may send it back, once, in time, and what comes of it."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.local.conftest import Aws, allow, unique, until
from tests.local.queues import Queue
from tests.local.states.test_jsonata import PASS, states
from tests.local.states.test_tasks import task, types

TOKEN = "{% $states.context.Task.Token %}"
CATCH = [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "After"}]


def ask(topic: str, **more: Any) -> dict[str, Any]:
    """Return a state that publishes its token and waits for it."""
    arguments = {"TopicArn": topic, "Subject": "s", "Message": "{% 'token: ' & " + TOKEN[3:]}
    return task("arn:aws:states:::sns:publish.waitForTaskToken", arguments, **more)


class Approval:
    """An execution of a machine whose one task waits, and its last token."""

    def __init__(self, aws: Aws, *, given: object = None, **more: Any) -> None:
        self.aws = aws
        self.client = aws.client("stepfunctions")
        self.topic = aws.client("sns").create_topic(Name=unique("topic"))["TopicArn"]
        after = {"After": PASS} if "Catch" in more else {}
        self.machine = aws.machine(states(Ask=ask(self.topic, **more), **after))
        text = json.dumps({} if given is None else given)
        started = self.client.start_execution(stateMachineArn=self.machine, input=text)
        self.arn: str = started["executionArn"]

    def token(self, number: int = 1) -> str:
        """Return the token of an attempt, as a subscriber of the topic gets it."""

        def sent() -> list[Any] | None:
            _, found = self.aws.get(f"/_local/notifications?topic={self.topic}")
            return found if len(found) >= number else None

        message: str = until(sent, "the message")[number - 1]["message"]
        return message.removeprefix("token: ")

    def events(self) -> dict[str, dict[str, Any]]:
        found = self.client.get_execution_history(executionArn=self.arn)["events"]
        return {event["type"]: event for event in found}


def test_success__goes_on_with_the_output(aws: Aws) -> None:
    approval = Approval(aws, Output="{% $states.result %}")
    token = approval.token()
    time.sleep(0.3)
    assert approval.client.describe_execution(executionArn=approval.arn)["status"] == "RUNNING"
    sent = datetime.now(UTC)
    approval.client.send_task_success(taskToken=token, output='{"by": "me"}')
    result = aws.wait(approval.arn)
    assert (result["status"], result["output"]) == ("SUCCEEDED", {"by": "me"})
    assert (result["stopDate"] - sent).total_seconds() < 0.5
    assert types(aws, approval.arn) == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]


def test_history__holds_the_message_with_the_token(aws: Aws) -> None:
    approval = Approval(aws, TimeoutSeconds="{% $states.input.seconds %}", given={"seconds": 60})
    token = approval.token()
    found = until(lambda: approval.events().get("TaskSubmitted"), "the submission")
    submitted = found["taskSubmittedEventDetails"]
    assert submitted["resource"] == "publish.waitForTaskToken"
    assert json.loads(submitted["output"])["MessageId"]
    scheduled = approval.events()["TaskScheduled"]["taskScheduledEventDetails"]
    assert (scheduled["resourceType"], scheduled["timeoutInSeconds"]) == ("sns", 60)
    assert json.loads(scheduled["parameters"])["Message"] == f"token: {token}"
    approval.client.stop_execution(executionArn=approval.arn)


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ({"error": "Rejected", "cause": "why"}, {"Error": "Rejected", "Cause": "why"}),
        ({"error": "Rejected"}, {"Error": "Rejected", "Cause": ""}),
        ({}, {"Error": "", "Cause": ""}),
    ],
)
def test_failure__reaches_the_catch(aws: Aws, sent: dict[str, str], seen: dict[str, str]) -> None:
    approval = Approval(aws, Catch=CATCH)
    approval.client.send_task_failure(taskToken=approval.token(), **sent)
    result = aws.wait(approval.arn)
    assert (result["status"], result["output"]) == ("SUCCEEDED", seen)
    details = approval.events()["TaskFailed"]["taskFailedEventDetails"]
    assert {k: details[k] for k in ("error", "cause") if k in details} == sent


def test_failure__without_a_catch_fails_the_execution(aws: Aws) -> None:
    approval = Approval(aws)
    approval.client.send_task_failure(taskToken=approval.token(), error="E", cause="c")
    result = aws.wait(approval.arn)
    assert (result["status"], result["error"], result["cause"]) == ("FAILED", "E", "c")


def test_token__is_taken_once(aws: Aws) -> None:
    approval = Approval(aws)
    client, token = approval.client, approval.token()
    client.send_task_success(taskToken=token, output="{}")
    words = "Task Timed Out: 'Provided task does not exist anymore'"
    for again, more in (
        (client.send_task_success, {"output": "{}"}),
        (client.send_task_failure, {}),
        (client.send_task_heartbeat, {}),
    ):
        with pytest.raises(client.exceptions.TaskTimedOut, match=words):
            again(taskToken=token, **more)
    assert aws.wait(approval.arn)["status"] == "SUCCEEDED"
    with pytest.raises(client.exceptions.TaskTimedOut, match=words):
        client.send_task_failure(taskToken=token)


def test_answers__of_many_at_once_count_once(aws: Aws) -> None:
    approval = Approval(aws)
    client, token = approval.client, approval.token()

    def answer(number: int) -> int | None:
        try:
            client.send_task_success(taskToken=token, output=str(number))
        except client.exceptions.TaskTimedOut:
            return None
        return number

    with ThreadPoolExecutor(16) as pool:
        taken = [number for number in pool.map(answer, range(32)) if number is not None]
    assert len(taken) == 1
    assert aws.wait(approval.arn)["output"] == taken[0]


def test_token__that_was_never_issued_is_refused(aws: Aws) -> None:
    approval = Approval(aws)
    client, token = approval.client, approval.token()
    altered = ("B" if token[0] == "A" else "A") + token[1:]
    for wrong in ("x", "not base64 !", altered, token[:-4]):
        with pytest.raises(client.exceptions.InvalidToken, match="Invalid Token: 'Invalid token'"):
            client.send_task_success(taskToken=wrong, output="{}")
    client.stop_execution(executionArn=approval.arn)


def test_output__that_is_no_json_or_too_long_is_refused_and_the_task_waits_on(aws: Aws) -> None:
    approval = Approval(aws)
    client, token = approval.client, approval.token()
    with pytest.raises(client.exceptions.InvalidOutput):
        client.send_task_success(taskToken=token, output="{")
    with pytest.raises(client.exceptions.ClientError, match="less than or equal to 262144"):
        client.send_task_success(taskToken=token, output=json.dumps("x" * 262_143))
    with pytest.raises(client.exceptions.ClientError, match="less than or equal to 256"):
        client.send_task_failure(taskToken=token, error="x" * 257)
    client.send_task_success(taskToken=token, output='"fine"')
    assert aws.wait(approval.arn)["output"] == "fine"


def test_token__of_a_machine_that_was_deleted_names_no_task(aws: Aws) -> None:
    approval = Approval(aws)
    client, token = approval.client, approval.token()
    client.send_task_success(taskToken=token, output="{}")
    aws.wait(approval.arn)
    client.delete_state_machine(stateMachineArn=approval.machine)
    with pytest.raises(client.exceptions.TaskDoesNotExist):
        client.send_task_success(taskToken=token, output="{}")


def test_timeout__of_an_expression_ends_the_wait(aws: Aws) -> None:
    seconds = {"seconds": 1}
    approval = Approval(
        aws, given=seconds, TimeoutSeconds="{% $states.input.seconds %}", Catch=CATCH
    )
    token = approval.token()
    result = aws.wait(approval.arn)
    assert result["output"]["Error"] == "States.Timeout"
    assert 1 <= (result["stopDate"] - result["startDate"]).total_seconds() < 3
    found = types(aws, approval.arn)
    assert "TaskTimedOut" in found
    assert "TaskSucceeded" not in found
    with pytest.raises(approval.client.exceptions.TaskTimedOut):
        approval.client.send_task_success(taskToken=token, output="{}")


@pytest.mark.parametrize("seconds", [0, -1, 1.5, "5", True])
def test_timeout__that_is_no_whole_number_fails(aws: Aws, seconds: object) -> None:
    approval = Approval(
        aws, given={"seconds": seconds}, TimeoutSeconds="{% $states.input.seconds %}"
    )
    result = aws.wait(approval.arn)
    assert (result["status"], result["error"]) == ("FAILED", "States.QueryEvaluationError")
    assert "specified for the field 'TimeoutSeconds'" in result["cause"]


def test_stop__ends_the_wait_at_once(aws: Aws) -> None:
    approval = Approval(aws, Catch=CATCH)
    client, token = approval.client, approval.token()
    time.sleep(0.3)
    client.stop_execution(executionArn=approval.arn, error="Enough", cause="said so")
    result = aws.wait(approval.arn)
    assert (result["status"], result["error"]) == ("ABORTED", "Enough")
    assert types(aws, approval.arn)[-2:] == ["TaskSubmitted", "ExecutionAborted"]
    with pytest.raises(client.exceptions.TaskTimedOut):
        client.send_task_success(taskToken=token, output="{}")


def test_heartbeats__keep_a_task_alive_and_their_end_fails_it(aws: Aws) -> None:
    approval = Approval(aws, HeartbeatSeconds=1, TimeoutSeconds=60, Catch=CATCH)
    token = approval.token()
    for _ in range(5):
        time.sleep(0.4)
        approval.client.send_task_heartbeat(taskToken=token)
    assert approval.client.describe_execution(executionArn=approval.arn)["status"] == "RUNNING"
    result = aws.wait(approval.arn)
    assert result["output"]["Error"] == "States.Timeout"
    assert (result["stopDate"] - result["startDate"]).total_seconds() >= 2.9


def test_heartbeat__is_welcome_where_none_is_asked_for(aws: Aws) -> None:
    approval = Approval(aws)
    token = approval.token()
    approval.client.send_task_heartbeat(taskToken=token)
    approval.client.send_task_success(taskToken=token, output="1")
    assert aws.wait(approval.arn)["output"] == 1


def test_retry__has_a_token_of_its_own(aws: Aws) -> None:
    retry = [{"ErrorEquals": ["Again"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    approval = Approval(aws, Retry=retry)
    client, first = approval.client, approval.token()
    client.send_task_failure(taskToken=first, error="Again")
    second = approval.token(2)
    assert second != first
    with pytest.raises(client.exceptions.TaskTimedOut):
        client.send_task_success(taskToken=first, output="1")
    client.send_task_success(taskToken=second, output="2")
    assert aws.wait(approval.arn)["output"] == 2


def test_iterations__have_tokens_of_their_own(aws: Aws) -> None:
    queue, client = Queue(aws, None), aws.client("stepfunctions")
    body = {"item": "{% $states.input %}", "token": TOKEN}
    send = task(
        "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        {"QueueUrl": queue.url, "MessageBody": body},
    )
    each = {
        "Type": "Map",
        "Items": [1, 2, 3],
        "ItemProcessor": states(Send=send),
        "Output": "{% $states.result %}",
        "End": True,
    }
    machine = aws.machine(states(Each=each))
    arn = client.start_execution(stateMachineArn=machine)["executionArn"]
    messages = [json.loads(message["Body"]) for message in queue.wait(3)]
    assert len({message["token"] for message in messages}) == 3
    for message in messages:
        answer = json.dumps(message["item"] * 10)
        client.send_task_success(taskToken=message["token"], output=answer)
    assert aws.wait(arn)["output"] == [10, 20, 30]


def test_answer__is_authorised_on_the_state_machine(aws: Aws) -> None:
    approval = Approval(aws)
    token = approval.token()
    other = approval.machine + "-other"
    actions = ["states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat"]
    refused = aws.as_role("stepfunctions", aws.role(allow(actions, other)))
    words = f"not authorized to perform: states:SendTaskSuccess on resource: {approval.machine} "
    with pytest.raises(refused.exceptions.ClientError, match=words):
        refused.send_task_success(taskToken=token, output="{}")
    with pytest.raises(refused.exceptions.ClientError, match="states:SendTaskFailure"):
        refused.send_task_failure(taskToken=token)
    allowed = aws.as_role("stepfunctions", aws.role(allow(actions, approval.machine)))
    allowed.send_task_heartbeat(taskToken=token)
    allowed.send_task_success(taskToken=token, output='"yes"')
    assert aws.wait(approval.arn)["output"] == "yes"


def test_message__that_cannot_be_sent_fails_the_task(aws: Aws) -> None:
    missing = "arn:aws:sns:us-east-1:123456789012:" + unique("none")
    result = aws.run(states(Ask=ask(missing, Catch=CATCH), After=PASS))
    assert result["output"]["Error"] == "SNS.NotFoundException"
