"""Probes of Step Functions: names of errors, task tokens, events of executions."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from ops.conform.findings import Finding, NotProbed
from ops.conform.lab import EVENT_SECONDS, JOB_SECONDS, Lab
from ops.progress import events

_OVER = ("TaskTimedOut", "TaskDoesNotExist")


def _machine(lab: Lab, machine: str) -> str:
    """ARN of one of the deployment's state machines."""
    return f"{lab.target.outputs.pipeline_arn.removesuffix('pipeline')}{machine}"


def tried(
    lab: Lab, role_of: str, states: dict[str, Any] | None = None, **task: Any
) -> tuple[str, str]:
    """Run a machine that is made for it, in the role of another; return its error and cause.

    Parameters
    ----------
    states
        Its states, of which the first one starts it; by default one task, of `task`.
    """
    client = lab.target.stepfunctions
    role = client.describe_state_machine(stateMachineArn=_machine(lab, role_of))["roleArn"]
    states = states or {"Try": {"Type": "Task", "End": True, "TimeoutSeconds": 60, **task}}
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
    arn = client.create_state_machine(
        name=f"{lab.name}-try-{time.time_ns():x}", definition=json.dumps(definition), roleArn=role
    )["stateMachineArn"]
    try:
        run = client.start_execution(stateMachineArn=arn)["executionArn"]

        def look() -> Any:
            found = client.describe_execution(executionArn=run)
            return None if found["status"] == "RUNNING" else found

        ended = lab.wait("the end of a task that is tried", look, JOB_SECONDS)
    finally:
        client.delete_state_machine(stateMachineArn=arn)
    return ended.get("error", ""), ended.get("cause", "")


def denied_job(lab: Lab) -> Finding:
    error, cause = tried(
        lab,
        "arrival",  # whose role may start no job
        Resource=lab.integration("glue:startJobRun"),
        Arguments={"JobName": lab.target.outputs.job_names["ingest"]},
    )
    retried = ("", "Glue.ThrottlingException", "Glue.AWSGlueException")
    return Finding(error not in retried, f"{error or 'no error'}: {cause[:100]}")


def denied_object(lab: Lab) -> Finding:
    error, cause = tried(
        lab,
        "arrival",  # whose role may read nothing but the plan
        Resource=lab.integration("aws-sdk:s3:getObject"),
        Arguments={"Bucket": lab.bucket, "Key": "config/datasets/sales.json"},
    )
    return Finding(error == "S3.S3Exception", f"{error or 'no error'}: {cause[:100]}")


def run_of_that_name(lab: Lab) -> Finding:
    earlier = lab.evidence.runs.get("schedule")
    if not earlier:
        raise NotProbed("there is no run whose name could be taken again")
    error, cause = tried(
        lab,
        "arrival",
        Resource=lab.integration("states:startExecution"),
        Arguments={
            "StateMachineArn": lab.target.outputs.pipeline_arn,
            "Name": earlier.rsplit(":", 1)[-1],
            "Input": {"from": "nowhere"},
        },
    )
    holds = error == "StepFunctions.ExecutionAlreadyExistsException"
    return Finding(holds, f"{error or 'no error'}: {cause[:100]}")


def token_in_history(lab: Lab) -> Finding:
    run = lab.evidence.runs.get("approval")
    if not run or not lab.evidence.token:
        raise NotProbed("no run has asked for an approval")
    for event in _all_events(lab, run):
        details = event.get("taskScheduledEventDetails", {})
        if lab.evidence.token in details.get("parameters", ""):
            return Finding(True, f"in the parameters of event {event['id']}, {event['type']}")
    return Finding(False, "no TaskScheduled event of the run has it in its parameters")


def child_cause(lab: Lab) -> Finding:
    """Keys of the cause that a parent is told of an execution that failed."""
    error, cause = tried(
        lab,
        "pipeline",
        Resource=lab.integration("states:startExecution.sync:2"),
        # Without a list there is nothing to check: it fails at its first state.
        Arguments={"StateMachineArn": _machine(lab, "check"), "Input": {}},
    )
    # By text, as the machines look for them: a cause that is cut short is no JSON any more.
    keys = sorted(set(re.findall(r'"(\w+)": ?', cause)))
    holds = error == "States.TaskFailed" and {"Cause", "Error", "Status"} <= set(keys)
    holds = holds and bool(re.search(r'"Input":.*"InputDetails":', cause))
    return Finding(holds, f"{error or 'no error'}: {', '.join(keys) or cause[:100]}")


# As the machines take an error's text from a cause that may be no JSON.
_SEARCHED = """( $told := '{"Cause":"it said \\\\"no\\\\"","Error": "Own.Error"}';
$plain := $replace($told, '\\\\"', "'");
$match($plain, /"Error": ?"([^"]*)"/)[0].groups[0] & ': '
& $match($plain, /"Cause": ?"([^"]*)"/)[0].groups[0] & ': '
& $string($exists($match($plain, /"Status": ?"([^"]*)"/)[0])) )"""
_READ_OUT = "Own.Error: it said 'no': false"


def regular_expressions(lab: Lab) -> Finding:
    states = {"Try": {"Type": "Fail", "Error": "Read", "Cause": f"{{% {_SEARCHED} %}}"}}
    error, cause = tried(lab, "arrival", states)
    return Finding(cause == _READ_OUT, f"{error or 'no error'}: {cause[:100]}")


def _all_events(lab: Lab, run: str) -> Iterator[dict[str, Any]]:
    """Events of a run, and of the executions that it started."""
    found = [event for page in events(lab.target, run) for event in page]
    yield from found
    for event in found:
        output = event.get("taskSubmittedEventDetails", {}).get("output", "")
        if '"ExecutionArn"' in output:
            yield from _all_events(lab, json.loads(output)["ExecutionArn"])


def _refusal(lab: Lab, token: str) -> str:
    try:
        lab.target.stepfunctions.send_task_success(taskToken=token, output="{}")
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "accepted"


def used_token(lab: Lab) -> Finding:
    if not lab.evidence.token:
        raise NotProbed("no token has been used")
    code = _refusal(lab, lab.evidence.token)
    return Finding(code in _OVER, code)


def unknown_token(lab: Lab) -> Finding:
    code = _refusal(lab, "this-is-no-token-of-any-task")
    return Finding(code == "InvalidToken", code)


def status_event(lab: Lab) -> Finding:
    """The events of a run that fails by itself, and of one that finds nothing to do."""
    failed = _detail(lab, lab.start({"from": "nowhere"}, "fails"), "FAILED")
    idle = _detail(lab, lab.start({"trigger": "event", "group": "returns"}, "idles"), "SUCCEEDED")
    holds = failed.get("error") == "PipelineFailed" and bool(failed.get("cause"))
    holds = holds and (idle.get("error", ""), idle.get("cause", "")) == (None, None)
    told = [f"{item['status']}: error {item.get('error', 'missing')!r}" for item in (failed, idle)]
    return Finding(holds, ", ".join(told))


def _detail(lab: Lab, arn: str, status: str) -> dict[str, Any]:
    def fits(event: Any) -> bool:
        detail = event["detail"]
        return bool(detail["executionArn"] == arn and detail["status"] == status)

    what = f"the event of a run that {status}"
    found = lab.wait(what, lambda: lab.ear.find("event", fits), EVENT_SECONDS)
    detail: dict[str, Any] = found["detail"]
    return detail
