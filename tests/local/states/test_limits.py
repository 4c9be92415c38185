"""What an execution may hold: bytes in data and variables, events in its history; partitions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.server import LocalAws
from tests.local.conftest import Aws
from tests.local.states.test_express import Express
from tests.local.states.test_jsonata import PASS, states
from tests.local.states.test_tasks import nested, task, types

MOST = 256 * 1024
HALF = "x" * (MOST // 2)
HISTORY = 30
ALL = ["States.ALL"]
BY_NAME = ["States.DataLimitExceeded"]
TWICE = "{% $states.input & $states.input %}"


def catch(names: list[str]) -> list[dict[str, Any]]:
    return [{"ErrorEquals": names, "Output": "caught", "Next": "After"}]


def inner(**named: dict[str, Any]) -> dict[str, Any]:
    return {"ProcessorConfig": {"Mode": "INLINE"}, **states(**named)}


def failed(result: dict[str, Any]) -> bool:
    return (result["status"], result.get("error")) == ("FAILED", "States.DataLimitExceeded")


# ------------------------------------------------------------------------------------ payloads


@pytest.mark.parametrize("letter", ["x", "é", '"'])
def test_payload__counts_bytes_of_json(aws: Aws, letter: str) -> None:
    each = len(json.dumps(letter, ensure_ascii=False).encode()) - 2
    fits = letter * ((MOST - 2) // each)
    machine = aws.machine(states(A={**PASS, "Output": "{% $states.input %}"}))
    client = aws.client("stepfunctions")

    def run(text: str) -> dict[str, Any]:
        written = json.dumps(text, ensure_ascii=False)
        started = client.start_execution(stateMachineArn=machine, input=written)
        return aws.wait(started["executionArn"])

    assert run(fits)["output"] == fits
    with pytest.raises(ClientError) as refused:
        run(fits + letter)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    longer = states(A={**PASS, "Output": "{% $states.input & '" + "y" * each + "' %}"})
    result = aws.run(longer, fits[:-1] + letter) if letter == "x" else None
    assert result is None or failed(result)


@pytest.mark.parametrize(
    ("names", "status"),
    [(ALL, "FAILED"), (["States.TaskFailed"], "FAILED"), (BY_NAME, "SUCCEEDED")],
)
def test_payload__input_of_a_task(aws: Aws, names: list[str], status: str) -> None:
    put = {"Bucket": aws.bucket(), "Key": "k", "Body": TWICE}
    call = task("s3:putObject", put, Catch=catch(names), Retry=[{"ErrorEquals": ALL}])
    result = aws.run(states(Call=call, After=PASS), HALF)
    assert result["status"] == status, result
    assert failed(result) or result["output"] == "caught"
    assert types(aws, result["executionArn"]).count("TaskScheduled") == 0


def test_payload__list_of_executions(aws: Aws) -> None:
    """A result of an API, and not what the state makes of it, is what has to fit."""
    target, client = aws.machine(states(A=PASS)), aws.client("stepfunctions")
    name = "n" * 70
    for number in range(700):
        client.start_execution(stateMachineArn=target, name=f"{name}{number:03}")
    for most, status in ((700, "FAILED"), (400, "SUCCEEDED")):
        call = task(
            "sfn:listExecutions",
            {"StateMachineArn": target, "MaxResults": most},
            Output="{% $count($states.result.Executions) %}",
            Catch=catch(ALL),
        )
        result = aws.run(states(Call=call, After=PASS))
        assert result["status"] == status, result
        assert failed(result) or result["output"] == most


def test_payload__nested_execution(aws: Aws) -> None:
    echo = aws.machine(states(A=PASS))
    call = nested(echo, Catch=catch(ALL))
    assert failed(aws.run(states(Call=call, After=PASS), {"n": HALF}))
    call["Arguments"] = {"StateMachineArn": echo, "Input": "{% $states.input & $states.input %}"}
    assert failed(aws.run(states(Call=call, After=PASS), HALF))


def test_payload__item_of_a_map(aws: Aws) -> None:
    each: dict[str, Any] = {
        "Type": "Map",
        "Items": [1],
        "ItemSelector": {"a": "{% $states.input %}", "b": "{% $states.input %}"},
        "ItemProcessor": inner(A={**PASS, "Output": 1}),
        "Catch": catch(ALL),
        "End": True,
    }
    assert failed(aws.run(states(Each=each, After=PASS), HALF))
    each["Catch"] = catch(BY_NAME)
    assert aws.run(states(Each=each, After=PASS), HALF)["output"] == "caught"


@pytest.mark.parametrize("kind", ["Map", "Parallel"])
def test_payload__result_of_several(aws: Aws, kind: str) -> None:
    """Their results are put together before an Output could make them less."""
    one = {**PASS, "Output": "{% $given %}"}
    kinds: dict[str, dict[str, Any]] = {
        "Map": {"Items": [1, 2], "ItemProcessor": inner(A=one)},
        "Parallel": {"Branches": [states(A=one), states(A=one)]},
    }
    first = {"Type": "Pass", "Assign": {"given": "{% $states.input %}"}, "Next": "Several"}
    for names, status in ((ALL, "FAILED"), (BY_NAME, "SUCCEEDED")):
        several = {"Type": kind, **kinds[kind], "Output": 1, "Catch": catch(names), "End": True}
        result = aws.run(states(First=first, Several=several, After=PASS), HALF)
        assert result["status"] == status, result
        assert failed(result) or result["output"] == "caught"


def test_payload__output_of_a_state_is_nothing_to_catch(aws: Aws) -> None:
    call = task("s3:listObjectsV2", {"Bucket": aws.bucket()}, Output=TWICE, Catch=catch(BY_NAME))
    assert failed(aws.run(states(Call=call, After=PASS), HALF))


def test_payload__express(aws: Aws) -> None:
    machine = Express(aws, states(A={**PASS, "Output": TWICE}))
    end = machine.ended(machine.start(HALF))[-1]
    assert end["type"] == "ExecutionFailed"
    assert end["details"]["error"] == "States.DataLimitExceeded"


# ----------------------------------------------------------------------------------- variables


def test_variables__of_one_assign(aws: Aws) -> None:
    both = {"a": "{% $states.input %}", "b": "{% $states.input %}"}
    first = {"Type": "Pass", "Assign": both, "Next": "After"}
    assert failed(aws.run(states(First=first, After={**PASS, "Output": 1}), HALF))
    assert aws.run(states(First=first, After={**PASS, "Output": 1}), HALF[2:])["output"] == 1


@pytest.mark.parametrize(("number", "status"), [(40, "SUCCEEDED"), (41, "FAILED")])
def test_variables__in_all(aws: Aws, number: int, status: str) -> None:
    """The last is set in an iteration, where those of the outer scope count as well."""
    chain: dict[str, dict[str, Any]] = {
        f"S{n}": {"Type": "Pass", "Assign": {f"v{n}": "{% $states.input %}"}, "Next": f"S{n + 1}"}
        for n in range(number - 1)
    }
    last = {**PASS, "Assign": {"last": "{% $v0 %}"}, "Output": 1}
    chain[f"S{number - 1}"] = {
        "Type": "Map",
        "Items": [1],
        "ItemProcessor": inner(A=last),
        "End": True,
    }
    result = aws.run(states(**chain), "x" * (MOST - 2))
    assert result["status"] == status, result.get("cause")
    assert failed(result) == (status == "FAILED")


# ------------------------------------------------------------------------------------- history


@pytest.fixture(scope="module")
def short() -> Iterator[Aws]:
    """A server whose executions may have few events."""
    with LocalAws(limits={"LOCAL_STATES_HISTORY_EVENTS": str(HISTORY)}) as server:
        yield Aws(server.endpoint, server)


def passes(number: int) -> dict[str, Any]:
    chain: dict[str, dict[str, Any]] = {
        f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(number - 1)
    }
    return states(**chain, **{f"S{number - 1}": PASS})


def is_full(aws: Aws, result: dict[str, Any]) -> bool:
    history = types(aws, result["executionArn"])
    assert len(history) == HISTORY, history
    assert history[-1] == "ExecutionFailed"
    assert history.count("ExecutionFailed") == 1
    cause = f"The execution reached the maximum number of history events ({HISTORY})."
    return (result["status"], result["error"], result["cause"]) == (
        "FAILED",
        "States.Runtime",
        cause,
    )


def test_history__last_event_may_be_the_success(short: Aws) -> None:
    result = short.run(passes(HISTORY // 2 - 1))
    assert result["status"] == "SUCCEEDED", result
    assert len(types(short, result["executionArn"])) == HISTORY
    assert is_full(short, short.run(passes(HISTORY // 2)))


def test_history__nothing_catches_its_end(short: Aws) -> None:
    each: dict[str, Any] = {
        "Type": "Map",
        "Items": "{% [1..20] %}",
        "MaxConcurrency": 3,
        "ItemProcessor": inner(A={"Type": "Pass", "Next": "B"}, B=PASS),
        "Catch": catch(["States.ALL"]),
        "Retry": [{"ErrorEquals": ["States.ALL"]}],
        "End": True,
    }
    assert is_full(short, short.run(states(Each=each, After=PASS)))


def test_history__stops_what_waits(short: Aws) -> None:
    wait = {"Type": "Wait", "Seconds": 600, "End": True}
    both = {"Type": "Parallel", "Branches": [states(W=wait), passes(20)], "End": True}
    assert is_full(short, short.run(states(Both=both)))


def test_history__of_express_executions_has_no_limit(short: Aws) -> None:
    machine = Express(short, passes(HISTORY))
    lines = machine.ended(machine.start())
    assert len(lines) == 2 * HISTORY + 2
    assert lines[-1]["type"] == "ExecutionSucceeded"


def test_history__setting_that_is_no_number() -> None:
    with (
        pytest.raises(Exception, match="LOCAL_STATES_HISTORY_EVENTS is 'many'"),
        LocalAws(limits={"LOCAL_STATES_HISTORY_EVENTS": "many"}),
    ):
        pass


def test_history__has_the_events_of_aws(aws: Aws) -> None:
    """By what each kind of state writes, the events of a whole machine can be counted."""
    echo = aws.machine(states(A=PASS))
    arguments = {"StateMachineArn": echo, "Input": {}}
    call = "arn:aws:states:::states:startExecution"
    each = {"Type": "Map", "Items": [1], "ItemProcessor": inner(A=PASS), "Next": "Both"}
    both = {"Type": "Parallel", "Branches": [states(A=PASS)], "Next": "Choose"}
    rule = {"Condition": "{% false %}", "Next": "Call"}
    choose = {"Type": "Choice", "Choices": [rule], "Default": "Call"}
    machine = states(
        Each=each,
        Both=both,
        Choose=choose,
        Call=task(f"{call}.sync:2", arguments, End=False, Next="Short"),
        Short=task("sfn:listStateMachines", {}),
    )
    del machine["States"]["Call"]["End"]
    result = aws.run(machine)
    assert result["status"] == "SUCCEEDED", result
    assert types(aws, result["executionArn"]) == [
        "ExecutionStarted",
        "MapStateEntered",
        "MapStateStarted",
        "MapIterationStarted",
        "PassStateEntered",
        "PassStateExited",
        "MapIterationSucceeded",
        "MapStateSucceeded",
        "MapStateExited",
        "ParallelStateEntered",
        "ParallelStateStarted",
        "PassStateEntered",
        "PassStateExited",
        "ParallelStateSucceeded",
        "ParallelStateExited",
        "ChoiceStateEntered",
        "ChoiceStateExited",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]


# ---------------------------------------------------------------------------------- partitions


def test_partition__of_another_fails_when_it_is_reached(aws: Aws) -> None:
    arn = "arn:aws-us-gov:states:::aws-sdk:s3:listBuckets"
    call = task(arn, {}, Catch=catch(["States.ALL"]), Retry=[{"ErrorEquals": ["States.ALL"]}])
    result = aws.run(states(First={"Type": "Pass", "Next": "Call"}, Call=call, After=PASS))
    assert (result["status"], result["error"]) == ("FAILED", "States.Runtime")
    assert result["cause"] == (
        "An error occurred while executing the state 'Call' (entered at the event id #4). "
        "The resource belongs to a different partition from the running execution. "
        "Expected 'aws', was 'aws-us-gov'."
    )
    history = types(aws, result["executionArn"])
    assert history[-2:] == ["TaskStateEntered", "ExecutionFailed"]
