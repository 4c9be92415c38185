"""What CreateStateMachine and ValidateStateMachineDefinition refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.states.definition import check
from tests.local.conftest import Aws, allow, unique

PASS = {"Type": "Pass", "End": True}
TASK = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "End": True}


def machine(states: dict[str, Any], **more: Any) -> str:
    start = next(iter(states), "A")
    return json.dumps({"QueryLanguage": "JSONata", "StartAt": start, "States": states, **more})


GOOD = machine(
    {
        "A": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% true %}", "Next": "B"}],
            "Default": "C",
        },
        "B": {
            "Type": "Map",
            "Items": [1],
            "ItemProcessor": {"StartAt": "I", "States": {"I": PASS}},
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "C"}],
            "End": True,
        },
        "C": {"Type": "Fail", "Error": "E", "Cause": "{% 'why' %}"},
    }
)


@pytest.mark.parametrize(
    ("definition", "code", "message", "location"),
    [
        ("{", "INVALID_JSON_DESCRIPTION", "Expecting property name", "/"),
        ("[]", "INVALID_JSON_DESCRIPTION", "a definition is a JSON object", "/"),
        (machine({}), "SCHEMA_VALIDATION_FAILED", "'States' is required", "/"),
        (
            machine({"A": PASS}, StartAt=None),
            "SCHEMA_VALIDATION_FAILED",
            "'StartAt' is required",
            "/",
        ),
        (machine({"A": PASS}, StartAt="X"), "MISSING_TRANSITION_TARGET", "target: X", "/StartAt"),
        (
            machine({"A": {"Type": "Pass", "Next": "X"}}),
            "MISSING_TRANSITION_TARGET",
            "Missing 'Next' target: X",
            "/States/A/Next",
        ),
        (
            machine({"A": {**TASK, "Catch": [{"ErrorEquals": ["E"], "Next": "X"}]}}),
            "MISSING_TRANSITION_TARGET",
            "target: X",
            "/States/A/Catch[0]/Next",
        ),
        (
            machine({"A": PASS, "B": PASS}),
            "MISSING_TRANSITION_TARGET",
            'State "B" is not reachable.',
            "/States/B",
        ),
        (
            machine({"A": {"Type": "Pass"}}),
            "SCHEMA_VALIDATION_FAILED",
            "'Next' or 'End'",
            "/States/A",
        ),
        (machine({"A": {"Type": "Job"}}), "SCHEMA_VALIDATION_FAILED", "is 'Job'", "/States/A"),
        (
            machine({"A": {**PASS, "ResultPath": "$.x"}}),
            "SCHEMA_VALIDATION_FAILED",
            "'ResultPath' is not supported with QueryLanguage JSONata",
            "/States/A/ResultPath",
        ),
        (
            machine({"A": {**PASS, "Output": {"a": ["{% 1 + %}"]}}}),
            "INVALID_JSONATA",
            "",
            "/States/A/Output/a[0]",
        ),
        (
            machine({"A": {**PASS, "Output": "{% $eval('1') %}"}}),
            "INVALID_JSONATA",
            "$eval is not supported",
            "/States/A/Output",
        ),
        (
            machine(
                {
                    "A": {
                        "Type": "Parallel",
                        "End": True,
                        "Branches": [
                            {"StartAt": "B", "States": {"B": {"Type": "Pass", "Next": "A"}}}
                        ],
                    }
                }
            ),
            "MISSING_TRANSITION_TARGET",
            "target: A",
            "/States/A/Branches[0]/States/B/Next",
        ),
    ],
)
def test_check__names_what_is_wrong_and_where(
    definition: str, code: str, message: str, location: str
) -> None:
    found = check(definition)[0]
    assert (found.code, found.location) == (code, location)
    assert message in found.message


def test_check__finds_nothing_in_a_good_definition() -> None:
    assert check(GOOD) == []


def test_create_and_update__refuse_a_bad_definition(aws: Aws) -> None:
    client = aws.client("stepfunctions")
    bad = machine({"A": {"Type": "Pass", "Next": "X"}})
    role = aws.role()
    with pytest.raises(
        client.exceptions.InvalidDefinition, match="Missing 'Next' target: X at /States"
    ):
        client.create_state_machine(name=unique("m"), definition=bad, roleArn=role)
    arn = client.create_state_machine(name=unique("m"), definition=GOOD, roleArn=role)[
        "stateMachineArn"
    ]
    with pytest.raises(client.exceptions.InvalidDefinition, match="MISSING_TRANSITION_TARGET"):
        client.update_state_machine(stateMachineArn=arn, definition=bad)
    assert client.describe_state_machine(stateMachineArn=arn)["definition"] == GOOD


def test_validate__lists_the_findings(aws: Aws) -> None:
    client = aws.client("stepfunctions")
    assert client.validate_state_machine_definition(definition=GOOD)["result"] == "OK"
    bad = machine({"A": {"Type": "Pass", "Next": "X"}})
    answer = client.validate_state_machine_definition(definition=bad)
    assert answer["result"] == "FAIL"
    assert [one["location"] for one in answer["diagnostics"]] == ["/States/A/Next"]


def refused(aws: Aws, role: str, **more: Any) -> str:
    named = {"name": unique("m"), "definition": GOOD, "roleArn": role, **more}
    with pytest.raises(ClientError) as caught:
        aws.client("stepfunctions").create_state_machine(**named)
    error = caught.value.response["Error"]
    assert error["Code"] == "AccessDeniedException"
    message: str = error["Message"]
    return message


def test_create__refuses_a_role_that_step_functions_may_not_assume(aws: Aws) -> None:
    text = "nor the regional one is authorized to assume the provided role"
    assert text in refused(aws, aws.role(service="glue.amazonaws.com"))
    assert text in refused(aws, "arn:aws:iam::123456789012:role/" + unique("none"))


def test_create__refuses_logging_that_the_role_may_not_deliver(aws: Aws) -> None:
    group = "/aws/vendedlogs/states/" + unique("m")
    aws.client("logs").create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{group}:*"
    logging = {"level": "ERROR", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}]}
    message = refused(aws, aws.role(), loggingConfiguration=logging)
    assert "is not authorized to access the Log Destination" in message


def test_create__refuses_nesting_without_the_managed_rule(aws: Aws) -> None:
    call = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Arguments": {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:x"},
        "End": True,
    }
    rule = "arn:aws:events:us-east-1:123456789012:rule/"
    rule += "StepFunctionsGetEventsForStepFunctionsExecutionRule"
    definition = machine({"A": call})
    message = refused(aws, aws.role(allow("states:*", "*")), definition=definition)
    assert "is not authorized to create managed-rule" in message
    role = aws.role(allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"], rule))
    named = {"name": unique("m"), "definition": definition, "roleArn": role}
    assert aws.client("stepfunctions").create_state_machine(**named)["stateMachineArn"]


def test_versions__are_listed_newest_first(aws: Aws) -> None:
    client = aws.client("stepfunctions")
    arn = aws.machine({"StartAt": "A", "States": {"A": PASS}}, publish=True)
    client.update_state_machine(stateMachineArn=arn, definition=GOOD, publish=True)
    listed = client.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
    assert [one["stateMachineVersionArn"] for one in listed] == [f"{arn}:2", f"{arn}:1"]
