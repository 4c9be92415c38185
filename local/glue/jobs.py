"""Glue jobs: definitions as Terraform wants to read them back, and the operations on runs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from local.backends import backend
from local.errors import AwsError
from local.glue.job_kinds import GLUE_VERSIONS, WORKER_DPU, JobKind, PythonShell, Spark
from local.glue.job_runs import JobDefinition, JobRun, runs
from local.glue.security import log_key
from local.glue.wheels import table
from local.operations import Json, after, before, operation

_DEFAULT_TIMEOUT_MINUTES = 2880
_DEFAULT_WORKER_TYPE = "G.1X"
_DEFAULT_WORKERS = 10
_MINIMUM_WORKERS = 2
_SHELL_CAPACITIES = (0.0625, 1.0)
_SHELL_VERSIONS = (None, "1.0", "3.0")
# Those whose Spark jobs have MaxCapacity.
_VERSIONS_BY_CAPACITY = ("0.9", "1.0")
_UPDATABLE = (
    "AllocatedCapacity",
    "CodeGenConfigurationNodes",
    "Command",
    "Connections",
    "DefaultArguments",
    "Description",
    "ExecutionClass",
    "ExecutionProperty",
    "GlueVersion",
    "LogUri",
    "MaxCapacity",
    "MaxRetries",
    "NonOverridableArguments",
    "NotificationProperty",
    "NumberOfWorkers",
    "Role",
    "SecurityConfiguration",
    "SourceControlDetails",
    "Timeout",
    "WorkerType",
)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _job(name: str, message: str = "") -> Any:
    found = backend("glue").jobs.get(name)
    if found is None:
        raise AwsError("EntityNotFoundException", message or f"Job {name} not found.")
    return found


def _kind(job: Any, request: Json) -> JobKind:
    """Return the kind of a job, with what a run overrides.

    Raises
    ------
    AwsError
        ``InvalidInputException`` for what is not emulated.
    """
    command = (job.command or {}).get("Name")
    if command == "pythonshell":
        # Refused when it is to run, not before: hashicorp/terraform-provider-aws#42302.
        if job.glue_version not in _SHELL_VERSIONS:
            raise AwsError(
                "InvalidInputException",
                f"job {job.name} has GlueVersion {job.glue_version}: Python shell jobs have 3.0, "
                "1.0 or none",
            )
        capacity = request.get("MaxCapacity") or job.max_capacity or _SHELL_CAPACITIES[0]
        _check_shell({**request, "MaxCapacity": capacity})
        return PythonShell(float(capacity))
    if command != "glueetl":
        raise AwsError(
            "InvalidInputException",
            f"the command is {command!r}: the local AWS runs pythonshell and glueetl jobs; "
            "streaming and Ray jobs are not emulated",
        )
    if job.glue_version not in GLUE_VERSIONS:
        raise AwsError(
            "InvalidInputException",
            f"job {job.name} has GlueVersion {job.glue_version or 'unset'}: the local AWS runs "
            f"Spark 3.5, which is Glue {' and '.join(GLUE_VERSIONS)}; others are not emulated",
        )
    kind = Spark(
        str(request.get("WorkerType") or job.worker_type or _DEFAULT_WORKER_TYPE),
        int(request.get("NumberOfWorkers") or job.number_of_workers or _DEFAULT_WORKERS),
        str(request.get("ExecutionClass") or job.execution_class or "STANDARD"),
    )
    _check_workers({**request, "WorkerType": kind.worker_type, "NumberOfWorkers": kind.workers})
    return kind


def _check_workers(definition: Json) -> None:
    """Refuse what AWS refuses of a Spark job's capacity.

    Source: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-job.html
    """
    worker, number = definition.get("WorkerType"), definition.get("NumberOfWorkers")
    capacity, version = definition.get("MaxCapacity"), definition.get("GlueVersion")
    if capacity and (worker or number):
        raise AwsError(
            "InvalidInputException",
            "Please do not set Max Capacity if using Worker Type and Number of Workers.",
        )
    if capacity and version not in _VERSIONS_BY_CAPACITY:
        raise AwsError(
            "InvalidInputException",
            f"MaxCapacity is {capacity}; a Spark job with GlueVersion {version or 'unset'} has "
            "WorkerType and NumberOfWorkers instead",
        )
    if worker is not None and worker not in WORKER_DPU:
        raise AwsError(
            "InvalidInputException",
            f"WorkerType {worker!r} is none of {', '.join(WORKER_DPU)}",
        )
    if number is not None and int(number) < _MINIMUM_WORKERS:
        raise AwsError(
            "InvalidInputException",
            f"NumberOfWorkers is {number}; a Spark job has {_MINIMUM_WORKERS} at least",
        )


def _check_shell(definition: Json) -> None:
    """Refuse what AWS refuses of a Python shell job's capacity.

    Sources: https://github.com/cloudposse/terraform-aws-glue/issues/42 for the worker type, and
    https://docs.aws.amazon.com/glue/latest/dg/add-job-python.html for the capacity.
    """
    for field, words in (("WorkerType", "Worker Type"), ("NumberOfWorkers", "Number of Workers")):
        if definition.get(field):
            raise AwsError(
                "InvalidInputException", f"{words} is not supported for Job Command pythonshell"
            )
    capacity = definition.get("MaxCapacity")
    if capacity is not None and float(capacity) not in _SHELL_CAPACITIES:
        raise AwsError(
            "InvalidInputException",
            f"MaxCapacity is {capacity}; a Python shell job has 0.0625 or 1",
        )


def _check_definition(definition: Json) -> None:
    command = (definition.get("Command") or {}).get("Name")
    if command == "glueetl":
        _check_workers(definition)
    elif command == "pythonshell":
        _check_shell(definition)


@before("AWSGlue.CreateJob")
def check_job(request: Json) -> None:
    """Refuse what AWS refuses: a second job of the same name, and impossible capacities."""
    if request.get("Name") in backend("glue").jobs:
        raise AwsError("AlreadyExistsException", f"Job with name {request['Name']} already exists")
    _check_definition(request)


@after("AWSGlue.CreateJob")
def keep_execution_class(request: Json, response: Json) -> Json:
    """Leave the execution class unset where it is: moto would fill it in, which reads as drift."""
    backend("glue").jobs[request["Name"]].execution_class = request.get("ExecutionClass")
    return response


def _completed(job: Json) -> Json:
    """Return a job as AWS describes it: without empty fields, with the defaults filled in."""
    kept = {k: v for k, v in job.items() if v not in (None, {}, [])}
    if kept.get("Command", {}).get("Name") == "pythonshell":
        for spark_only in ("ExecutionClass", "NumberOfWorkers", "WorkerType"):
            kept.pop(spark_only, None)
        kept.setdefault("MaxCapacity", 0.0625)
    elif kept.get("WorkerType") in WORKER_DPU and kept.get("NumberOfWorkers"):
        dpu = kept["NumberOfWorkers"] * WORKER_DPU[kept["WorkerType"]]
        kept.update(MaxCapacity=dpu, AllocatedCapacity=int(dpu))
    kept.setdefault("ExecutionProperty", {"MaxConcurrentRuns": 1})
    kept.setdefault("MaxRetries", 0)
    kept.setdefault("Timeout", _DEFAULT_TIMEOUT_MINUTES)
    return kept


@after("AWSGlue.GetJob")
def complete_job(_request: Json, response: Json) -> Json:
    return {"Job": _completed(response["Job"])}


@after("AWSGlue.GetJobs", "AWSGlue.BatchGetJobs")
def complete_jobs(_request: Json, response: Json) -> Json:
    return {**response, "Jobs": [_completed(job) for job in response.get("Jobs", [])]}


@operation("AWSGlue.UpdateJob")
def update_job(request: Json) -> Json:
    """Replace the definition of a job: what the update leaves out is reset, as on AWS."""
    job = _job(request["JobName"])
    update = request.get("JobUpdate") or {}
    if unknown := sorted(set(update) - set(_UPDATABLE)):
        raise AwsError(
            "InvalidInputException",
            f"JobUpdate has {', '.join(unknown)}, which the local AWS does not emulate",
        )
    _check_definition(update)
    for name in _UPDATABLE:
        empty: object = {} if name in ("DefaultArguments", "ExecutionProperty") else None
        setattr(job, _snake(name), update.get(name, empty))
    job.last_modified_on = datetime.now(UTC)
    return {"JobName": job.name}


@after("AWSGlue.DeleteJob")
def forget_runs(request: Json, response: Json) -> Json:
    runs.forget(request["JobName"])
    return response


@operation("AWSGlue.StartJobRun")
def start_job_run(request: Json) -> Json:
    """Start a run of a job.

    Raises
    ------
    AwsError
        ``EntityNotFoundException``, ``ConcurrentRunsExceededException``, or
        ``InvalidInputException`` for what is not emulated.
    """
    job = _job(request["JobName"], "Failed to start job run due to missing metadata")
    kind = _kind(job, request)
    if job.max_retries:
        raise AwsError(
            "InvalidInputException",
            f"job {job.name} has MaxRetries {job.max_retries}: retries by Glue are not emulated. "
            "Set 0 and retry in the state machine, which sees the failure",
        )
    if request.get("JobRunId"):
        raise AwsError("InvalidInputException", "retrying a run (JobRunId) is not emulated")
    arguments = {str(k): str(v) for k, v in (request.get("Arguments") or {}).items()}
    fixed = {str(k): str(v) for k, v in (job.non_overridable_arguments or {}).items()}
    security = request.get("SecurityConfiguration") or job.security_configuration
    definition = JobDefinition(
        name=job.name,
        role=job.role,
        script=str(job.command.get("ScriptLocation", "")),
        arguments={str(k): str(v) for k, v in (job.default_arguments or {}).items()},
        timeout_minutes=int(request.get("Timeout") or job.timeout or _DEFAULT_TIMEOUT_MINUTES),
        kind=kind,
        glue_version=job.glue_version,
        security_configuration=security,
        log_key=log_key(security),
    )
    run = JobRun(definition, {**arguments, **fixed})
    table().require_known(run.modules)
    runs.start(run, int((job.execution_property or {}).get("MaxConcurrentRuns") or 1))
    return {"JobRunId": run.id}


@operation("AWSGlue.GetJobRun")
def get_job_run(request: Json) -> Json:
    return {"JobRun": runs.find(request["JobName"], request["RunId"]).describe()}


@operation("AWSGlue.GetJobRuns")
def get_job_runs(request: Json) -> Json:
    _job(request["JobName"])
    found = runs.of(request["JobName"])
    start, count = int(request.get("NextToken") or 0), int(request.get("MaxResults") or 200)
    answer: Json = {"JobRuns": [run.describe() for run in found[start : start + count]]}
    if start + count < len(found):
        answer["NextToken"] = str(start + count)
    return answer


@operation("AWSGlue.BatchStopJobRun")
def batch_stop_job_run(request: Json) -> Json:
    name = request["JobName"]
    stopped, errors = [], []
    for run_id in request.get("JobRunIds") or []:
        try:
            runs.find(name, run_id).stop()
            stopped.append({"JobName": name, "JobRunId": run_id})
        except AwsError as error:
            detail = {"ErrorCode": error.code, "ErrorMessage": error.message}
            errors.append({"JobName": name, "JobRunId": run_id, "ErrorDetail": detail})
    return {"SuccessfulSubmissions": stopped, "Errors": errors}
