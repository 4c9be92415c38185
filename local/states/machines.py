"""State machines: what is checked when one is made, and the API calls that moto lacks."""

from __future__ import annotations

import re
from typing import Any

from local.backends import backend
from local.errors import AwsError
from local.iam import authorisation, ledger, principals
from local.iam.actions import arn
from local.logs.as_service import put_logs
from local.operations import before, operation
from local.settings import settings
from local.states.definition import check

# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy
_LOG_ACTIONS = (
    "CreateLogDelivery",
    "GetLogDelivery",
    "UpdateLogDelivery",
    "DeleteLogDelivery",
    "ListLogDeliveries",
    "PutResourcePolicy",
    "DescribeResourcePolicies",
    "DescribeLogGroups",
)
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
_RULE_ACTIONS = ("PutTargets", "PutRule", "DescribeRule")
_RULE = "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"


def _may(role: str, action: str, resource: str) -> bool:
    principal = principals.Principal("", role, "StepFunctions")
    reason = authorisation.denial(
        principal, action, resource, principals.request_context(principal)
    )
    ledger.record(principal, action, [resource], "DENY" if reason else "ALLOW")
    return reason is None


@before("AWSStepFunctions.CreateStateMachine", "AWSStepFunctions.UpdateStateMachine")
def check_machine(request: dict[str, Any]) -> None:
    """Refuse a definition, a role or a logging configuration that AWS would refuse."""
    existing = _existing(request.get("stateMachineArn"))
    definition = request.get("definition")
    if definition is not None:
        type_ = existing.type if existing else request.get("type")
        findings = check(definition, express=type_ == "EXPRESS")
        if findings:
            listed = ", ".join(str(finding) for finding in findings)
            raise AwsError("InvalidDefinition", f"Invalid State Machine Definition: '{listed}'")
    if settings().iam_enforced:
        role = request.get("roleArn") or (existing.roleArn if existing else "")
        logging = request.get("loggingConfiguration") or (
            existing.loggingConfiguration if existing else {}
        )
        text = definition or (existing.definition if existing else "")
        _check_role(role, text, logging or {})


def _existing(machine_arn: str | None) -> Any | None:
    machines = backend("stepfunctions").state_machines
    return next((one for one in machines if one.arn == machine_arn), None)


def _check_role(role: str, definition: str, logging: dict[str, Any]) -> None:
    try:
        principals.service_session(role, "StepFunctions", "states.amazonaws.com")
    except AwsError:
        raise AwsError(
            "AccessDeniedException",
            "Neither the global service principal states.amazonaws.com, nor the regional one is "
            f"authorized to assume the provided role: {role}",
        ) from None
    if logging.get("level", "OFF") != "OFF":
        _check_logging(role, logging)
    nested = re.search(r"states:startExecution\.sync", definition)
    if nested and not all(
        _may(role, f"events:{one}", arn("events", _RULE)) for one in _RULE_ACTIONS
    ):
        raise AwsError(
            "AccessDeniedException", f"'{role}' is not authorized to create managed-rule."
        )


def _check_logging(role: str, logging: dict[str, Any]) -> None:
    groups = [
        one["cloudWatchLogsLogGroup"]["logGroupArn"] for one in logging.get("destinations") or []
    ]
    if not groups or not groups[0].endswith(":*"):
        raise AwsError(
            "InvalidLoggingConfiguration",
            "Invalid Logging Configuration: Must specify exactly one Log Destination, the ARN of "
            "a log group that ends with ':*'.",
        )
    name = groups[0].split(":")[6]
    known = name in backend("logs").groups
    if not known or not all(_may(role, f"logs:{one}", "*") for one in _LOG_ACTIONS):
        raise AwsError(
            "AccessDeniedException",
            "The state machine IAM Role is not authorized to access the Log Destination",
        )
    put_logs(name, "log_stream_created_by_aws_to_validate_log_delivery_subscriptions", [])


@operation("AWSStepFunctions.ValidateStateMachineDefinition")
def validate(request: dict[str, Any]) -> dict[str, Any]:
    """Say what is wrong with a definition."""
    findings = check(request["definition"], express=request.get("type") == "EXPRESS")
    diagnostics = [
        {
            "severity": "ERROR",
            "code": finding.code,
            "message": finding.message,
            "location": finding.location,
        }
        for finding in findings
    ]
    result = "FAIL" if findings else "OK"
    return {"result": result, "diagnostics": diagnostics, "truncated": False}


@operation("AWSStepFunctions.ListStateMachineVersions")
def list_versions(request: dict[str, Any]) -> dict[str, Any]:
    """List the published versions of a machine, the newest first."""
    machine = _existing(request["stateMachineArn"])
    if machine is None:
        text = f"State Machine Does Not Exist: '{request['stateMachineArn']}'"
        raise AwsError("StateMachineDoesNotExist", text)
    versions = sorted(machine.versions.values(), key=lambda one: int(one.version), reverse=True)
    return {
        "stateMachineVersions": [
            {"stateMachineVersionArn": one.arn, "creationDate": one.creation_date}
            for one in versions
        ]
    }
