"""JSONata states: expressions, variables, errors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.states.jsonata import evaluate
from tests.local.conftest import Aws


def states(**named: Mapping[str, Any]) -> dict[str, Any]:
    return {"StartAt": next(iter(named)), "States": named}


PASS: dict[str, Any] = {"Type": "Pass", "End": True}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("$states.input.a", [1, None, {"b": 'x"y\n'}]),
        ("$states.input.nothing", None),
        ("$partition([1..5], 2)", [[1, 2], [3, 4], [5]]),
        ("$range(0, 10, 5)", [0, 5, 10]),
        ("$range(3, 1, -1)", [3, 2, 1]),
        ("$hash('data', 'SHA-256')", hashlib.sha256(b"data").hexdigest()),
        ("$random(7) = $random(7)", True),
        ("$random() < 1 and $random() >= 0", True),
        ("$length($uuid())", 36),
        ("$parse('{\"n\": [1, null]}').n", [1, None]),
        ("$states.context.Execution.Input.a[0] + 1", 2),
        ("[1..3]", [1, 2, 3]),
        ("{'kept': null, 'dropped': $states.input.unknown}", {"kept": None}),
    ],
)
def test_expression(aws: Aws, expression: str, expected: object) -> None:
    given = {"a": [1, None, {"b": 'x"y\n'}], "nothing": None}
    result = aws.run(states(A={**PASS, "Output": f"{{% {expression} %}}"}), given)
    assert result["status"] == "SUCCEEDED", result.get("cause")
    assert result["output"] == expected


@pytest.mark.parametrize(
    ("expression", "cause"),
    [
        ("$states.input.absent", "returned nothing (undefined)"),
        ("1 + 'a'", "T2002: The right side of the + operator must evaluate to a number"),
        ("function($x) { $x }", "returned an unsupported result type"),
        ("$parse('no json')", "threw an error during evaluation"),
        ("$unknown", "returned nothing (undefined)"),
        ("$hash('a', 'CRC')", "has to be one of MD5, SHA-1"),
    ],
)
def test_expression__fails_with_query_evaluation_error(
    aws: Aws, expression: str, cause: str
) -> None:
    result = aws.run(states(A={**PASS, "Output": f"{{% {expression} %}}"}))
    assert result["status"] == "FAILED"
    assert result["error"] == "States.QueryEvaluationError"
    assert cause in result["cause"]
    assert "the state 'A'" in result["cause"]


def test_assign__output_sees_the_values_from_before(aws: Aws) -> None:
    result = aws.run(
        states(
            First={"Type": "Pass", "Assign": {"n": 1, "text": 'say "hi"'}, "Next": "Second"},
            Second={
                "Type": "Pass",
                "Assign": {"n": "{% $n + 1 %}", "was": "{% $n %}"},
                "Output": {"output": "{% $n %}"},
                "Next": "Third",
            },
            Third={
                **PASS,
                "Output": {
                    "n": "{% $n %}",
                    "was": "{% $was %}",
                    "text": "{% $text %}",
                    "before": "{% $states.input.output %}",
                },
            },
        )
    )
    assert result["output"] == {"n": 2, "was": 1, "text": 'say "hi"', "before": 1}


def test_choice__takes_the_rule_or_the_default(aws: Aws) -> None:
    machine = aws.machine(
        states(
            Choose={
                "Type": "Choice",
                "Choices": [
                    {
                        "Condition": "{% $states.input.n > 5 %}",
                        "Assign": {"picked": "rule"},
                        "Next": "Show",
                    }
                ],
                "Assign": {"picked": "default"},
                "Default": "Show",
            },
            Show={**PASS, "Output": "{% $picked %}"},
        )
    )
    assert aws.run(machine, {"n": 6})["output"] == "rule"
    assert aws.run(machine, {"n": 5})["output"] == "default"


def test_choice__without_a_match_fails(aws: Aws) -> None:
    rule = {"Condition": "{% $states.input.n = 1 %}", "Next": "Show"}
    result = aws.run(states(Choose={"Type": "Choice", "Choices": [rule]}, Show=PASS), {"n": 2})
    assert result["status"] == "FAILED"
    assert result["error"] == "States.NoChoiceMatched"


def test_choice__with_a_condition_that_is_no_boolean_fails(aws: Aws) -> None:
    rule = {"Condition": "{% $states.input.n %}", "Next": "Show"}
    choose = {"Type": "Choice", "Choices": [rule], "Default": "Show"}
    result = aws.run(states(Choose=choose, Show=PASS), {"n": "text"})
    assert result["error"] == "States.QueryEvaluationError"


def test_wait__takes_its_seconds_from_an_expression(aws: Aws) -> None:
    wait = {"Type": "Wait", "Seconds": "{% $states.input.s %}", "End": True}
    result = aws.run(states(A=wait), {"s": 1})
    assert result["status"] == "SUCCEEDED"
    assert 1 <= (result["stopDate"] - result["startDate"]).total_seconds() < 2


def test_context__names_execution_machine_and_state(aws: Aws) -> None:
    machine = aws.machine(states(A={**PASS, "Output": "{% $states.context %}"}))
    result = aws.run(machine, {"x": 1})
    context = result["output"]
    assert context["Execution"]["Id"] == result["executionArn"]
    assert context["Execution"]["Name"] == result["name"]
    assert context["Execution"]["Input"] == {"x": 1}
    assert context["Execution"]["RoleArn"].startswith("arn:aws:iam::123456789012:role/")
    assert context["Execution"]["StartTime"].endswith("Z")
    assert context["State"]["Name"] == "A"
    assert context["State"]["EnteredTime"].endswith("Z")
    assert context["StateMachine"] == {"Id": machine, "Name": machine.split(":")[-1]}


def map_state(**more: Any) -> dict[str, Any]:
    inner = states(
        Double={
            **PASS,
            "Output": "{% {'v': $states.input.v * 2, 'i': $states.input.i, 'u': $unit} %}",
        }
    )
    return {
        "Type": "Map",
        "Items": "{% $states.input.items %}",
        "ItemSelector": {
            "v": "{% $states.context.Map.Item.Value %}",
            "i": "{% $states.context.Map.Item.Index %}",
        },
        "ItemProcessor": inner,
        "End": True,
        **more,
    }


def test_map__runs_each_item_and_keeps_their_order(aws: Aws) -> None:
    first = {"Type": "Pass", "Assign": {"unit": "m"}, "Next": "Each"}
    machine = aws.machine(states(Set=first, Each=map_state(MaxConcurrency=3)))
    result = aws.run(machine, {"items": list(range(10))})
    assert result["output"] == [{"v": 2 * n, "i": n, "u": "m"} for n in range(10)]


def test_map__of_no_items_yields_an_empty_array(aws: Aws) -> None:
    first = {"Type": "Pass", "Assign": {"unit": "m"}, "Next": "Each"}
    for concurrency in (0, 2):
        each = map_state(MaxConcurrency=concurrency)
        result = aws.run(states(Set=first, Each=each), {"items": []})
        assert result["status"] == "SUCCEEDED"
        assert result["output"] == []


def test_map__of_something_else_than_an_array_fails(aws: Aws) -> None:
    result = aws.run(states(Each=map_state()), {"items": {"a": 1}})
    assert result["error"] == "States.QueryEvaluationError"


def test_parallel__returns_the_output_of_each_branch(aws: Aws) -> None:
    branches = [
        states(A={**PASS, "Output": "{% $states.input.n + 1 %}"}),
        states(B={**PASS, "Output": "{% $states.input.n + 2 %}"}),
    ]
    both = {
        "Type": "Parallel",
        "Branches": branches,
        "Arguments": {"n": 10},
        "Output": {"sum": "{% $sum($states.result) %}"},
        "End": True,
    }
    assert aws.run(states(Both=both))["output"] == {"sum": 23}


@pytest.mark.parametrize("kind", ["Map", "Parallel"])
def test_failure_inside__is_caught_outside_with_its_own_name(aws: Aws, kind: str) -> None:
    inner = states(F={"Type": "Fail", "Error": "{% 'My' & 'Error' %}", "Cause": "why {not}"})
    outer: dict[str, Any] = {
        "Type": kind,
        "End": True,
        "Catch": [
            {
                "ErrorEquals": ["MyError"],
                "Assign": {"error": "{% $states.errorOutput %}"},
                "Output": {"kept": "{% $states.input.kept %}"},
                "Next": "After",
            }
        ],
        **({"Items": [1, 2], "ItemProcessor": inner} if kind == "Map" else {"Branches": [inner]}),
    }
    after = {**PASS, "Output": {"error": "{% $error %}", "input": "{% $states.input %}"}}
    result = aws.run(states(Outer=outer, After=after), {"kept": 1})
    assert result["status"] == "SUCCEEDED", result
    assert result["output"] == {
        "error": {"Error": "MyError", "Cause": "why {not}"},
        "input": {"kept": 1},
    }


def test_payload__over_256_kib_fails(aws: Aws) -> None:
    big = "{% $join($range(1, 1000, 1) ~> $map(function($i) { $pad('x', 300) })) %}"
    result = aws.run(states(A={**PASS, "Output": big}))
    assert (result["status"], result["error"]) == ("FAILED", "States.DataLimitExceeded")


def test_expression__evaluated_by_many_threads__sees_its_own_variables() -> None:
    expression = "$map([0..$n], function($i) { $i * $n + $length($string($n)) })"

    def evaluated(number: int) -> object:
        return evaluate(expression, {"n": number})

    numbers = [*range(1, 60)] * 3
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(evaluated, numbers))
    assert found == [[i * n + len(str(n)) for i in range(n + 1)] for n in numbers]
