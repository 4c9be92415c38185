"""A local AWS that behaves otherwise than AWS is taken to, one assumption at a time.

A plugin of `python -m local serve`; `POST /_deviate?<id>` switches, without an id back to normal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote, unquote

from local import metrics
from local.athena import engine
from local.cloudwatch import actions
from local.errors import AwsError
from local.events import bus, targets
from local.glue import crawlers, jobs
from local.states import tasks
from local.wire import App, Environ, StartResponse

Json = dict[str, Any]
Change = Callable[[Json], None]

_active = [""]


def active(name: str) -> bool:
    return _active[0] == name


# What the answers of the API are, otherwise.


def _spark_class(answer: Json) -> None:
    answer["Job"]["ExecutionClass"] = "STANDARD"


def _denied_runs(answer: Json) -> None:
    for run in answer["JobRuns"]:
        run.update(JobRunState="FAILED", ErrorMessage="Access Denied (403): code/job.py")


def _too_deep(answer: Json) -> None:
    for table in answer["TableList"]:
        table["StorageDescriptor"]["Location"] += "ingest_date=2025-01-01/"


def _failed_crawl(answer: Json) -> None:
    answer["Crawler"]["LastCrawl"]["Status"] = "FAILED"


def _decoded(answer: Json) -> None:
    for partition in answer["Partitions"]:
        partition["Values"] = [unquote(value) for value in partition["Values"]]


def _indexed(answer: Json) -> None:
    answer["PartitionIndexDescriptorList"] = [{"IndexName": "crawler_partition_index"}]


def _no_parameters(answer: Json) -> None:
    for event in answer["events"]:
        event.get("taskScheduledEventDetails", {}).pop("parameters", None)


def _own_message(answer: Json) -> None:
    answer["JobRun"]["ErrorMessage"] = "LakeError: there is no contract"


def _other_pins(answer: Json) -> None:
    arguments = answer["Job"]["DefaultArguments"]
    arguments["--pinned-packages"] = arguments["--pinned-packages"].replace("boto3==", "boto3==0.")


def _other_cause(answer: Json) -> None:
    """The cause without what the probes look for in it."""
    for name in ('"Status"', "Own.Error", "100 bytes"):
        answer["cause"] = answer.get("cause", "").replace(name, "nothing")


def _other_error(answer: Json) -> None:
    if "error" in answer:
        answer["error"] = "States.Runtime"


ANSWERS: dict[str, tuple[str, Change]] = {
    "glue-execution-class": ("AWSGlue.GetJob", _spark_class),
    "glue-code-rights": ("AWSGlue.GetJobRuns", _denied_runs),
    "glue-error-message": ("AWSGlue.GetJobRun", _own_message),
    "glue-pinned-packages": ("AWSGlue.GetJob", _other_pins),
    "states-large-variables": ("AWSStepFunctions.DescribeExecution", _other_error),
    "s3-object-range": ("AWSStepFunctions.DescribeExecution", _other_cause),
    "states-child-cause": ("AWSStepFunctions.DescribeExecution", _other_cause),
    "states-regular-expressions": ("AWSStepFunctions.DescribeExecution", _other_cause),
    "states-limit-caught": ("AWSStepFunctions.DescribeExecution", _other_error),
    "states-map-results": ("AWSStepFunctions.DescribeExecution", _other_error),
    "crawler-table-level": ("AWSGlue.GetTables", _too_deep),
    "crawler-empty-target": ("AWSGlue.GetCrawler", _failed_crawl),
    "crawler-partition-index": ("AWSGlue.GetPartitionIndexes", _indexed),
    "crawler-partition-values": ("AWSGlue.GetPartitions", _decoded),
    "states-token-in-history": ("AWSStepFunctions.GetExecutionHistory", _no_parameters),
}
# Errors of the API by other names.
REFUSALS = {
    "states-token-used": ("AWSStepFunctions.SendTaskSuccess", "InvalidToken"),
    "states-token-unknown": ("AWSStepFunctions.SendTaskSuccess", "TaskDoesNotExist"),
}
# Errors of tasks by other names.
TASK_ERRORS = {
    "states-denied-job": "Glue.AWSGlueException",
    "states-denied-object": "S3.AccessDeniedException",
    "states-run-named-already": "StepFunctions.AWSStepFunctionsException",
}
PATCHED = (
    "athena-null-partition",
    "cloudwatch-mail-by-alarm",
    "crawler-checks-targets",
    "events-mail-by-rule",
    "events-transformed-text",
    "events-triggered-rules",
    "glue-shell-workers",
    "s3-event-key",
    "states-event-error",
)
ALL = sorted([*ANSWERS, *REFUSALS, *TASK_ERRORS, *PATCHED])


def _otherwise(module: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put a function that asks which deviation is active in the place of one of local/."""
    setattr(module, name, make(getattr(module, name)))


def _event(own: Any) -> Any:
    def event(source: str, kind: str, detail: Any, resources: Iterable[str]) -> Any:
        if active("s3-event-key") and source == "aws.s3":
            detail["object"]["key"] = quote(detail["object"]["key"])
        if active("states-event-error") and source == "aws.states":
            detail = {name: value for name, value in detail.items() if name not in _LEFT_OUT}
        return own(source, kind, detail, resources)

    return event


def _sent(own: Any) -> Any:
    def as_service(rule: Any, action: str, *rest: Any, **named: Any) -> None:
        if active("events-mail-by-rule") and action == "sns:Publish":
            raise AwsError("AccessDenied", "the policy has no condition", 403)
        own(rule, action, *rest, **named)

    return as_service


def _published(own: Any) -> Any:
    def publish(*arguments: Any) -> Any:
        denied = active("cloudwatch-mail-by-alarm")
        return "the policy has a condition" if denied else own(*arguments)

    return publish


def _transformed(own: Any) -> Any:
    def transform(*arguments: Any) -> Any:
        text = own(*arguments)
        return text.replace("run ", 'run \\"') if active("events-transformed-text") else text

    return transform


def _read_as_text(own: Any) -> Any:
    def key_values(values: Iterable[str]) -> list[Any]:
        return list(values) if active("athena-null-partition") else own(values)

    return key_values


def _measured(own: Any) -> Any:
    def windows(measured: Any, start: int, period: int, count: int, unit: Any = None) -> Any:
        if active("events-triggered-rules") and measured.name == "TriggeredRules":
            return [None] * count
        return own(measured, start, period, count, unit)

    return windows


def _checked(own: Any) -> Any:
    def check(*arguments: Any) -> None:
        if _active[0] not in ("crawler-checks-targets", "glue-shell-workers"):
            own(*arguments)

    return check


_LEFT_OUT = ("error", "cause")


def deviate(app: App) -> App:
    """Wrap the application of the local AWS."""
    _otherwise(crawlers, "check_targets", _checked)
    _otherwise(jobs, "_check_shell", _checked)
    _otherwise(engine, "key_values", _read_as_text)
    _otherwise(bus, "_event", _event)
    _otherwise(targets, "_as_service", _sent)
    _otherwise(targets, "transform", _transformed)
    _otherwise(actions, "_publish", _published)
    _otherwise(metrics, "windows", _measured)
    _otherwise(
        tasks, "_error_name", lambda own: lambda *given: TASK_ERRORS.get(_active[0]) or own(*given)
    )

    def serve(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/_deviate":
            _active[0] = environ["QUERY_STRING"]
            start("200 OK", [("Content-Length", "0")])
            return [b""]
        target = environ.get("HTTP_X_AMZ_TARGET")
        name, change = ANSWERS.get(_active[0], ("", None))
        refused, code = REFUSALS.get(_active[0], ("", ""))
        if target is None or target not in (name, refused):
            return app(environ, start)
        answered: list[Any] = []
        body = b"".join(app(environ, lambda *given: answered.extend(given)))
        status, headers = answered[0], dict(answered[1])
        document = json.loads(body)
        if change and status.startswith("200"):
            change(document)
        elif code and not status.startswith("200"):
            document["__type"] = headers["x-amzn-ErrorType"] = code
        body = json.dumps(document).encode()
        start(status, [*{**headers, "Content-Length": str(len(body))}.items()])
        return [body]

    return serve
