"""What the tests of the operator's tools share: clients, a target, a screen, histories."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from ops import (
    approvals,
    arrivals,
    attention,
    deploy,
    display,
    drop,
    localaws,
    logs,
    models,
    query,
    report,
    run,
    status,
    target,
)
from ops.environment import ROOT
from ops.machines import Machine

ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:medallion-pipeline"
EXECUTION = ARN.replace(":stateMachine:", ":execution:")
RUN = f"{EXECUTION}:manual-1"
START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
OUTPUTS: dict[str, Any] = {
    "bucket_name": "lake",
    "crawler_names": {
        "raw": "medallion-raw",
        "processed": "medallion-processed",
        "analytics": None,
    },
    "database_names": {
        "raw": "workshop_raw",
        "processed": "workshop_processed",
        "analytics": "workshop_analytics",
    },
    "dataset_names": ["flights", "sales"],
    "incoming_prefixes": {"flights": "s3://lake/incoming/flights/"},
    "job_names": {"ingest": "medallion-ingest", "transform": "medallion-transform"},
    "model_names": ["dim_airline", "fact_flight"],
    "notification_topic_arn": "arn:aws:sns:us-east-1:123456789012:medallion-notifications",
    "pipeline_arn": ARN,
    "region": "us-east-1",
    "stage_names": ["dimension", "fact"],
    "workgroup_name": "medallion",
}
# Of a deployment in which files start runs: two groups, and a dataset that waits for a schedule.
EVENT_OUTPUTS: dict[str, Any] = {
    **OUTPUTS,
    "alarm_names": ["medallion-dead-letters", "medallion-run-failed"],
    "arrival_window_seconds": 60,
    "dataset_names": ["flights", "planes", "returns", "sales"],
    "dead_letter_queue_url": "https://sqs.us-east-1.amazonaws.com/123456789012/medallion-dlq",
    "event_dataset_names": ["flights", "planes", "returns"],
    "groups": {"flights": "air", "planes": "air", "returns": "returns", "sales": "sales"},
}
Event = dict[str, Any]


class Fake:
    """A client that answers from what it is given, and keeps what it is asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            self.asked.append((name, arguments))
            answer = self.answers[name]
            answer = answer.pop(0) if isinstance(answer, list) else answer
            if isinstance(answer, Exception):
                raise answer
            return answer(**arguments) if callable(answer) else answer

        return call

    def get_paginator(self, name: str) -> Fake:
        return Fake(paginate=lambda **arguments: [getattr(self, name)(**arguments)])

    def asked_for(self, name: str) -> list[dict[str, Any]]:
        return [arguments for asked, arguments in self.asked if asked == name]


def described(executionArn: str) -> dict[str, Any]:  # noqa: N803 - of the API
    """Machine of an execution, by the name in its ARN: what is put into it does not matter here."""
    name = executionArn.split(":")[6].removeprefix("medallion-")
    return {"definition": (ROOT / "asl" / f"{name}.asl.json").read_text(encoding="utf-8")}


def machine(name: str) -> Machine:
    return Machine.of(described(EXECUTION.replace("pipeline", name))["definition"])


def connected(outputs: dict[str, Any] = OUTPUTS, **clients: Any) -> target.Target:
    for client in clients.values():
        if isinstance(client, Fake):
            client.answers.setdefault("describe_state_machine_for_execution", described)
    session = localaws.Session(0, 1, "flights", None)
    made = target.Target("local", target.Outputs.parse(outputs, "The test"), session)
    made.__dict__.update(clients)
    return made


def on_aws(made: target.Target) -> target.Target:
    """Same target, with the same clients, as if it were AWS."""
    other = replace(made, name="aws", session=None)
    other.__dict__.update({k: v for k, v in made.__dict__.items() if k not in other.__dict__})
    return other


def refusal(code: str, operation: str = "GetObject") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


def stored(document: dict[str, Any]) -> dict[str, Any]:
    return {"Body": io.BytesIO(json.dumps(document).encode())}


def watched(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What all modules print from here on."""
    text = io.StringIO()
    console = Console(file=text, width=120, highlight=False)
    modules = (
        approvals, arrivals, attention, deploy, display, drop, logs, models, query, report, run,
        status,
    )  # fmt: skip
    for module in modules:
        if hasattr(module, "console"):
            monkeypatch.setattr(module, "console", console)
    return text


def words(screen: io.StringIO) -> str:
    return " ".join(screen.getvalue().split())


class Script:
    """Writes the events of an execution, as Step Functions does: one second apart, linked."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, kind: str, previous: int, /, **details: Any) -> int:
        number = len(self.events) + 1
        moment = START + timedelta(seconds=number)
        event: Event = {
            "id": number, "previousEventId": previous, "type": kind, "timestamp": moment
        }  # fmt: skip
        name = kind
        if kind.endswith("StateEntered"):
            name = "StateEntered"
        elif kind.endswith("StateExited"):
            name = "StateExited"
        event[f"{name[0].lower()}{name[1:]}EventDetails"] = details
        self.events.append(event)
        return number

    def enter(self, kind: str, previous: int, name: str, document: Any = None) -> int:
        return self.add(f"{kind}StateEntered", previous, name=name, input=json.dumps(document))

    def exit(
        self, kind: str, previous: int, name: str, document: Any = None, **assigned: Any
    ) -> int:
        details: dict[str, Any] = {"name": name, "output": json.dumps(document)}
        if assigned:
            details["assignedVariables"] = {k: json.dumps(v) for k, v in assigned.items()}
        return self.add(f"{kind}StateExited", previous, **details)


HELD: dict[str, Any] = {
    "rows": {"in": 1000, "out": 875, "refused": 125, "duplicate": 0, "filtered": 0},
    "seconds": 3.0,
    "reasons": [{"rows": 125, "reason": "column n: not an int"}],
    "held": {
        "reasons": ["refused rows are 12.50 % of 1,000, and 5 % are allowed"],
        "fingerprint": "0123456789abcdef",
        "timeout_seconds": 86400,
    },
}


def transformed(script: Script, last: int, dataset: str, report: dict[str, Any]) -> int:
    """Transform a dataset, and read its report."""
    last = script.enter("Task", last, "TransformDataset", {"dataset": dataset})
    last = script.add("TaskScheduled", last, resourceType="glue", resource="startJobRun.sync")
    output = json.dumps({"JobRunId": f"jr_{len(script.events)}"})
    last = script.add("TaskSubmitted", last, resourceType="glue", output=output)
    last = script.add("TaskSucceeded", last, resourceType="glue", output="{}")
    last = script.exit("Task", last, "TransformDataset", {"JobRunState": "SUCCEEDED"})
    last = script.enter("Task", last, "ReadTransformReport", {})
    last = script.add("TaskScheduled", last, resourceType="aws-sdk:s3", resource="getObject")
    last = script.add("TaskSucceeded", last, resourceType="aws-sdk:s3", output="{}")
    return script.exit("Task", last, "ReadTransformReport", {"dataset": dataset, "report": report})


def begun(script: Script, dataset: str) -> int:
    """Begin an execution for a dataset."""
    given = json.dumps({"step": "transform", "dataset": dataset, "engine": "duckdb"})
    return script.add("ExecutionStarted", 0, input=given)


def held(script: Script, dataset: str, report: dict[str, Any] = HELD) -> int:
    """An execution for a dataset, up to where its request for approval waits."""
    last = transformed(script, begun(script, dataset), dataset, report)
    last = script.enter("Task", last, "RequestApproval", {"dataset": dataset, "report": report})
    return asked(script, last, dataset)


def asked(script: Script, last: int, dataset: str) -> int:
    """Publish the mail that asks for an approval."""
    message = (
        f"Run manual-1 waits for a decision on dataset {dataset}.\n\nWithout this repository:\n"
        f"aws stepfunctions send-task-success --task-output {{}} --task-token {token(dataset)}\n"
        "aws stepfunctions send-task-failure --error Rejected --cause ... --task-token (the same)"
    )
    parameters = json.dumps({"TopicArn": "t", "Subject": "s", "Message": message})
    last = script.add(
        "TaskScheduled", last, resourceType="sns", resource="publish.waitForTaskToken",
        parameters=parameters,
    )  # fmt: skip
    return script.add("TaskSubmitted", last, resourceType="sns", output='{"MessageId": "m"}')


def token(dataset: str) -> str:
    return f"AQCEAAAAKgAAAAMAAAAAAAAAAQ+/{dataset}=="


def approved(script: Script, last: int, dataset: str) -> int:
    last = script.add("TaskSucceeded", last, resourceType="sns", output="{}")
    output = {"dataset": dataset, "approved": "0123456789abcdef"}
    return script.exit("Task", last, "RequestApproval", output)


def refused(script: Script, last: int, dataset: str, error: str, cause: str, says: str) -> int:
    """End a request with a failure of its task, and the execution with what it records."""
    kind = "TaskTimedOut" if error == "States.Timeout" else "TaskFailed"
    last = script.add(kind, last, resourceType="sns", error=error, cause=cause)
    last = script.exit("Task", last, "RequestApproval", {"error": says, "cause": cause})
    last = script.enter("Succeed", last, "RecordFailure", {})
    failure = {"state": "RequestApproval", "dataset": dataset, "error": says, "cause": cause}
    output = {"dataset": dataset, "failure": failure}
    last = script.exit("Succeed", last, "RecordFailure", output)
    return script.add("ExecutionSucceeded", last, output=json.dumps(output))


def execution(machine: str, name: str) -> str:
    return f"{EXECUTION.replace('pipeline', machine)}:{name}"


def waits_for(
    script: Script, index: int, state: str, given: Any, arn: str, output: str | None
) -> None:
    """Item of a Map that has started an execution, and has its output once that is over."""
    last = script.add("MapIterationStarted", 1, name="M", index=index)
    last = script.enter("Task", last, state, given)
    last = script.add("TaskScheduled", last, resourceType="states", resource="startExecution")
    submitted = json.dumps({"ExecutionArn": arn})
    last = script.add("TaskSubmitted", last, resourceType="states", output=submitted)
    if output is not None:
        last = script.add("TaskSucceeded", last, resourceType="states", output="{}")
        last = script.exit("Task", last, state, json.loads(output))
        script.add("MapIterationSucceeded", last, name="M", index=index)


def run_of(name: str, *batches: dict[str, Script]) -> dict[str, Script]:
    """Histories of a run that transforms datasets in batches, each in an execution of its own."""
    run = Script()
    run.enter("Map", 0, "TransformDatasets")
    found = {name: run}
    for number, datasets in enumerate(batches):
        batch = found[f"{name}-{number}"] = Script()
        batch.enter("Map", 0, "ProcessDatasets")
        outputs = [output_of(script) for script in datasets.values()]
        for index, (dataset, output) in enumerate(zip(datasets, outputs, strict=True)):
            arn = execution("dataset", f"{dataset}-{number}")
            waits_for(batch, index, "RunDataset", {"dataset": dataset}, arn, output)
        found |= {f"{dataset}-{number}": script for dataset, script in datasets.items()}
        arn = execution("batch", f"{name}-{number}")
        given = {"batch": {"number": number}}
        waits_for(run, number, "TransformBatch", given, arn, None if None in outputs else "{}")
    return found


def output_of(script: Script) -> str | None:
    """Output of an execution that is over."""
    ended = script.events[-1].get("executionSucceededEventDetails")
    return None if ended is None else str(ended.get("output", "{}"))


def histories(**scripts: Script) -> Callable[..., Any]:
    """Histories by the last part of the execution's name, in pages of ten events."""

    def read(executionArn: str, nextToken: str = "0", **_: Any) -> Any:  # noqa: N803 - of the API
        found = [s for name, s in scripts.items() if executionArn.endswith(f":{name}")]
        if not found:
            raise refusal("ExecutionDoesNotExist", "GetExecutionHistory")
        start = int(nextToken)
        page = {"events": found[0].events[start : start + 10]}
        rest = start + 10 < len(found[0].events)
        return {**page, "nextToken": str(start + 10)} if rest else page

    return read


def waiting(*datasets: str, **more: Any) -> Fake:
    """Step Functions with run manual-1, in which these datasets wait."""
    scripts = {dataset: Script() for dataset in datasets}
    for dataset, script in scripts.items():
        held(script, dataset)
    item = {"executionArn": RUN, "name": "manual-1", "status": "RUNNING", "startDate": START}
    answers = {
        "list_executions": {"executions": [item]},
        "get_execution_history": histories(**run_of("manual-1", scripts)),
        "describe_execution": {"status": "RUNNING", "startDate": START},
        "send_task_success": {},
        "send_task_failure": {},
    }
    return Fake(**{**answers, **more})
