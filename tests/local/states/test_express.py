"""Express state machines: names, what is refused, limits, logs, and that nothing is kept."""

from __future__ import annotations

import json
import re
from typing import Any

import psutil
import pytest

from local.states.running import EXPRESS_SECONDS, time_limit
from tests.local.conftest import ACCOUNT, Aws, allow, unique, until
from tests.local.queues import Queue
from tests.local.states.test_jsonata import PASS, states
from tests.local.states.test_tasks import task

STATES = f"arn:aws:states:us-east-1:{ACCOUNT}"


class Express:
    """An Express machine that logs everything."""

    def __init__(self, aws: Aws, definition: dict[str, Any], *, log: bool = True) -> None:
        self.aws = aws
        self.client = aws.client("stepfunctions")
        self.logs = aws.client("logs")
        self.group = "/aws/vendedlogs/states/" + unique("express")
        more: dict[str, Any] = {}
        if log:
            self.logs.create_log_group(logGroupName=self.group)
            arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{self.group}:*"
            more["loggingConfiguration"] = {
                "level": "ALL",
                "includeExecutionData": True,
                "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}],
            }
        self.arn = aws.machine(definition, type="EXPRESS", **more)
        self.name = self.arn.rsplit(":", 1)[-1]

    def start(self, given: object = None, **more: Any) -> str:
        text = json.dumps({} if given is None else given)
        started = self.client.start_execution(stateMachineArn=self.arn, input=text, **more)
        arn: str = started["executionArn"]
        return arn

    def lines(self, execution: str | None = None) -> list[dict[str, Any]]:
        found = self.logs.filter_log_events(logGroupName=self.group, limit=10_000)["events"]
        lines = [json.loads(one["message"]) for one in found]
        return [one for one in lines if execution in (None, one["execution_arn"])]

    def ended(self, execution: str) -> list[dict[str, Any]]:
        """Wait for an execution; what it logged."""
        ends = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut")

        def found() -> list[dict[str, Any]] | None:
            lines = self.lines(execution)
            return lines if lines and lines[-1]["type"] in ends else None

        return until(found, f"{execution} to end")


def test_start__takes_a_name_as_often_as_it_is_given(aws: Aws) -> None:
    machine = Express(aws, states(A={**PASS, "Output": "{% $states.context.Execution %}"}))
    started = [machine.start({"n": n}, name="same") for n in (1, 1, 2)]
    assert len(set(started)) == 3
    prefix = f"{STATES}:express:{machine.name}:same:"
    assert all(re.fullmatch(re.escape(prefix) + "[0-9a-f-]{36}", arn) for arn in started)
    given = []
    for arn in started:
        output = json.loads(machine.ended(arn)[-1]["details"]["output"])
        assert (output["Id"], output["Name"]) == (arn, "same")
        given.append(output["Input"]["n"])
    assert given == [1, 1, 2]


def test_log__has_the_events_as_for_standard_ones(aws: Aws) -> None:
    machine = Express(aws, states(F={"Type": "Fail", "Error": "E", "Cause": "c"}))
    arn = machine.start({"n": 1})
    lines = machine.ended(arn)
    assert [line["type"] for line in lines] == [
        "ExecutionStarted",
        "FailStateEntered",
        "ExecutionFailed",
    ]
    assert json.loads(lines[0]["details"]["input"]) == {"n": 1}
    assert re.fullmatch(r"\d{13}", lines[2].pop("event_timestamp"))
    assert lines[2] == {
        "id": "3",
        "type": "ExecutionFailed",
        "details": {"error": "E", "cause": "c"},
        "previous_event_id": "2",
        "execution_arn": arn,
        "redrive_count": "0",
    }


def test_executions__are_not_kept_by_the_service(aws: Aws) -> None:
    machine = Express(aws, states(A=PASS))
    arn = machine.start()
    machine.ended(arn)
    client, error = machine.client, machine.client.exceptions
    with pytest.raises(
        error.StateMachineTypeNotSupported,
        match="This operation is not supported by this type of state machine",
    ):
        client.list_executions(stateMachineArn=machine.arn)
    for call in (
        client.describe_execution,
        client.get_execution_history,
        client.stop_execution,
        client.describe_state_machine_for_execution,
    ):
        with pytest.raises(error.InvalidArn, match="not valid in this context: express"):
            call(executionArn=arn)
    assert client.describe_state_machine(stateMachineArn=machine.arn)["type"] == "EXPRESS"


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ("arn:aws:states:::glue:startJobRun.sync", "'.sync' service integration"),
        ("arn:aws:states:::states:startExecution.sync:2", "'.sync' service integration"),
        ("arn:aws:states:::sns:publish.waitForTaskToken", "'.waitForTaskToken' service integra"),
        (f"{STATES}:activity:a", "Activity ARN"),
    ],
)
def test_create__refuses_tasks_that_wait(aws: Aws, resource: str, words: str) -> None:
    waits = {"Type": "Task", "Resource": resource, "Arguments": {}, "End": True}
    branch = states(Wait=waits)
    client = aws.client("stepfunctions")
    for definition, place in (
        (branch, "/States/Wait/Resource"),
        (
            states(P={"Type": "Parallel", "Branches": [branch], "End": True}),
            "/States/P/Branches[0]/States/Wait/Resource",
        ),
        (
            states(M={"Type": "Map", "ItemProcessor": branch, "End": True}),
            "/States/M/ItemProcessor/States/Wait/Resource",
        ),
    ):
        with pytest.raises(client.exceptions.InvalidDefinition) as refused:
            aws.machine(definition, type="EXPRESS")
        assert f"Express state machine does not support {words}" in str(refused.value)
        assert f"at {place}'" in str(refused.value)
        answer = client.validate_state_machine_definition(
            definition=json.dumps({"QueryLanguage": "JSONata", **definition}), type="EXPRESS"
        )
        assert answer["result"] == "FAIL"
    machine = aws.machine(states(A=PASS), type="EXPRESS")
    with pytest.raises(client.exceptions.InvalidDefinition, match="Express state machine"):
        client.update_state_machine(
            stateMachineArn=machine,
            definition=json.dumps({"QueryLanguage": "JSONata", **branch}),
        )


def test_time_limit__is_five_minutes_at_most() -> None:
    assert EXPRESS_SECONDS == 300
    assert time_limit(express=True, declared=None) == 300
    assert time_limit(express=True, declared=240) == 240
    assert time_limit(express=True, declared=3600) == 300
    assert time_limit(express=False, declared=3600) == 3600
    assert time_limit(express=False, declared=None) is None


def test_timeout__ends_an_execution(aws: Aws) -> None:
    wait = {"Type": "Wait", "Seconds": 60, "End": True}
    machine = Express(aws, {"TimeoutSeconds": 1, **states(W=wait)})
    lines = machine.ended(machine.start())
    assert lines[-1]["type"] == "ExecutionTimedOut"


def test_status_changes__are_no_events(aws: Aws) -> None:
    rule = unique("rule")
    queue = Queue(aws, rule)
    events = aws.client("events")
    express = Express(aws, states(A=PASS))
    standard = aws.machine(states(A=PASS))
    detail = {"stateMachineArn": [express.arn, standard]}
    pattern = {"source": ["aws.states"], "detail": detail}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "q", "Arn": queue.arn}])
    express.ended(express.start())
    aws.run(standard)
    machines = [json.loads(m["Body"])["detail"]["stateMachineArn"] for m in queue.wait(2)]
    assert machines == [standard, standard]
    assert queue.messages() == []


def test_task__acts_in_the_role_and_starts_standard_executions(aws: Aws) -> None:
    target = aws.machine(states(A=PASS))
    call = task(
        "arn:aws:states:::states:startExecution",
        {"StateMachineArn": target, "Name": "once", "Input": {"n": "{% $states.input.n %}"}},
        Catch=[
            {
                "ErrorEquals": ["StepFunctions.ExecutionAlreadyExistsException"],
                "Output": "{% $states.errorOutput.Error %}",
                "Next": "After",
            }
        ],
    )
    machine = Express(aws, states(Call=call, After=PASS))
    first = machine.ended(machine.start({"n": 1}))
    assert first[-1]["type"] == "ExecutionSucceeded"
    again = machine.ended(machine.start({"n": 2}))
    error = json.loads(again[-1]["details"]["output"])
    assert error == "StepFunctions.ExecutionAlreadyExistsException"
    (execution,) = machine.client.list_executions(stateMachineArn=target)["executions"]
    assert aws.wait(execution["executionArn"])["output"] == {"n": 1}
    powerless = aws.role(allow("states:StartExecution", target + "-other"))
    refused = aws.machine(states(Call=call, After=PASS), powerless, type="EXPRESS")
    machine.client.start_execution(stateMachineArn=refused, input='{"n": 3}')
    role = powerless.rsplit("/", 1)[-1]
    (call_,) = until(lambda: aws.get(f"/_local/calls?role={role}")[1] or None, "the call")
    assert (call_["action"], call_["decision"]) == ("states:StartExecution", "DENY")


def test_finished_executions__take_no_memory(aws: Aws) -> None:
    twice = {"text": "{% $join([$states.input.text, $states.input.text]) %}"}
    machine = Express(
        aws, states(A={"Type": "Pass", "Output": twice, "Next": "B"}, B=PASS), log=False
    )
    process = psutil.Process(aws.server.pid)

    def burst(number: int) -> int:
        for _ in range(number):
            machine.start({"text": "x" * 100_000})
        done = Express(aws, states(A=PASS))
        done.ended(done.start())  # it is served after those before it
        return int(process.memory_info().rss)

    before = burst(50)
    assert burst(250) - before < 60_000_000
