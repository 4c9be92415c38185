"""Tasks that wait: ``.sync`` of Glue and Athena, ``.sync:2`` of states, ``.waitForTaskToken``."""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from local import endings
from local.states import interpreter as asl
from local.states.callbacks import wait, waits_for_token
from local.states.tasks import boto_client, from_response, milliseconds
from local.symbols import replace

log = logging.getLogger(__name__)

# How soon a task ends after its execution was stopped, or it timed out.
_PAUSE = 0.25


class Waiter(ABC):
    """What a task waits for, made from the answer that started it."""

    service: ClassVar[str]

    def __init__(self, task: Any, answer: dict[str, Any], credentials: Any) -> None:
        self.task = task
        self.answer = answer
        self.client = boto_client("", self.service, credentials)

    @property
    @abstractmethod
    def awaited(self) -> str:
        """The id or ARN of what it waits for."""

    @abstractmethod
    def poll(self) -> tuple[bool, dict[str, Any]] | None:
        """Return None while it runs, else whether it succeeded, and the result."""

    @abstractmethod
    def cancel(self) -> None:
        """Stop it, as Step Functions does when the task times out or is aborted."""

    def _shaped(self, operation: str, value: dict[str, Any], member: str | None = None) -> Any:
        shape = self.client.meta.service_model.operation_model(operation).output_shape
        return from_response(value, shape.members[member] if member else shape, milliseconds)


class JobRun(Waiter):
    """A run of a Glue job; STOPPED passes for a success, as in AWS's own integration."""

    service = "glue"

    @property
    def awaited(self) -> str:
        """The id of the run."""
        return str(self.answer["JobRunId"])

    def poll(self) -> tuple[bool, dict[str, Any]] | None:
        """Read the state of the run."""
        run_id, job = self.answer["JobRunId"], self.answer["JobName"]
        run = self.client.get_job_run(JobName=job, RunId=run_id)["JobRun"]
        state = run["JobRunState"]
        if state not in ("SUCCEEDED", "STOPPED", "FAILED", "TIMEOUT", "ERROR", "EXPIRED"):
            return None
        result = {**self._shaped("GetJobRun", run, "JobRun"), "JobName": job}
        return state in ("SUCCEEDED", "STOPPED"), result

    def cancel(self) -> None:
        """Stop the run."""
        job, run_id = self.answer["JobName"], self.answer["JobRunId"]
        self.client.batch_stop_job_run(JobName=job, JobRunIds=[run_id])


class Query(Waiter):
    """A query of Athena."""

    service = "athena"

    @property
    def awaited(self) -> str:
        """The id of the query."""
        return str(self.answer["QueryExecutionId"])

    def poll(self) -> tuple[bool, dict[str, Any]] | None:
        """Read the state of the query."""
        query_id = self.answer["QueryExecutionId"]
        answer = self.client.get_query_execution(QueryExecutionId=query_id)
        state = answer["QueryExecution"]["Status"]["State"]
        if state in ("QUEUED", "RUNNING"):
            return None
        return state == "SUCCEEDED", self._shaped("GetQueryExecution", answer)

    def cancel(self) -> None:
        """Stop the query."""
        self.client.stop_query_execution(QueryExecutionId=self.answer["QueryExecutionId"])


class Nested(Waiter):
    """An execution of a state machine; with ``.sync:2`` its texts of JSON become JSON."""

    service = "stepfunctions"
    parsed = False

    @property
    def awaited(self) -> str:
        """The id of the execution."""
        return str(self.answer["ExecutionArn"])

    def poll(self) -> tuple[bool, dict[str, Any]] | None:
        """Read the state of the execution."""
        answer = self.client.describe_execution(executionArn=self.answer["ExecutionArn"])
        if answer["status"] == "RUNNING":
            return None
        result = self._shaped("DescribeExecution", answer)
        if self.parsed:
            for name in ("Input", "Output"):
                if name in result:
                    result[name] = json.loads(result[name])
        return answer["status"] == "SUCCEEDED", result

    def cancel(self) -> None:
        """Stop the execution."""
        self.client.stop_execution(executionArn=self.answer["ExecutionArn"])


class NestedParsed(Nested):
    """An execution whose input and output are returned as JSON."""

    parsed = True


_WAITERS: dict[tuple[str, str], type[Waiter]] = {
    ("athena", "sync"): Query,
    ("glue", "sync"): JobRun,
    ("states", "sync"): Nested,
    ("states", "sync:2"): NestedParsed,
}


class AthenaTask(asl.StateTaskServiceCallback):  # type: ignore[misc] # moto has no types
    """The optimised integration of Athena, which moto lacks."""

    _actions: ClassVar[set[str]] = {
        "startqueryexecution",
        "getqueryexecution",
        "getqueryresults",
        "stopqueryexecution",
    }

    def __init__(self) -> None:
        super().__init__(supported_integration_patterns={asl.ResourceCondition.Sync})

    def _get_supported_parameters(self) -> set[str] | None:
        # An empty set accepts all parameters; None says that the resource is not known.
        return set() if self.resource.api_action.lower() in self._actions else None

    def _eval_service_task(
        self,
        env: Any,
        resource_runtime_part: Any,
        normalised_parameters: dict[str, Any],
        state_credentials: Any,
    ) -> None:
        client = boto_client(resource_runtime_part.region, "athena", state_credentials)
        answer = getattr(client, self._get_boto_service_action())(**normalised_parameters)
        answer.pop("ResponseMetadata")
        env.stack.append(answer)


def _service_for(service_name: str) -> Any:
    return AthenaTask() if service_name == "athena" else _original_service_for(service_name)


def _cancel(waiter: Waiter) -> None:
    try:
        waiter.cancel()
    except ClientError as error:
        # On AWS too this is best effort: the role may lack the permission, or the work be done.
        log.warning("%s could not be cancelled: %s", type(waiter).__name__, error)


def _outcome(waiter: Waiter, env: Any) -> tuple[bool, dict[str, Any]] | None:
    """Wait for the end; None when the task ends before. AWS polls, after seconds to minutes."""
    with endings.awaited(waiter.awaited) as ended:
        while env.is_running():
            done = waiter.poll()
            if done is not None:
                return done
            while env.is_running() and not ended.wait(_PAUSE):
                pass
    return None


# The parameters have the names of the method that this replaces.
def _eval_integration_pattern(
    self: Any,
    env: Any,
    resource_runtime_part: Any,
    normalised_parameters: dict[str, Any],
    state_credentials: Any,
) -> None:
    if waits_for_token(self):
        env.stack.pop()  # the answer to the message with the token, which the history keeps
        env.stack.append(wait(self, env))
        return
    kind = (self.resource.service_name, str(self.resource.condition))
    if kind not in _WAITERS:
        _original_pattern(
            self, env, resource_runtime_part, normalised_parameters, state_credentials
        )
        return
    waiter = _WAITERS[kind](self, env.stack.pop(), state_credentials)
    done = _outcome(waiter, env)
    if done is None:  # the state has ended by a time-out or a stop; nobody reads its answer
        _cancel(waiter)
        env.stack.append(None)
        return
    succeeded, result = done
    if not succeeded:
        cause = json.dumps(result, separators=(",", ":"))
        raise asl.FailureEventException(asl.task_failure(self, env, "States.TaskFailed", cause))
    env.stack.append(result)


def _after_execution(
    self: Any,
    env: Any,
    resource_runtime_part: Any,
    normalised_parameters: dict[str, Any],
    state_credentials: Any,
) -> None:
    """Tell of a success, unless a time-out or a stop has ended the task before."""
    if env.is_running():
        _original_after(self, env, resource_runtime_part, normalised_parameters, state_credentials)


_original_service_for: Any = None
_original_pattern: Any = None
_original_after: Any = None


def install() -> None:
    """Put these functions into the interpreter."""
    global _original_service_for, _original_pattern, _original_after  # noqa: PLW0603
    factory = f"{asl.STATE}exec.state_task.state_task_factory:state_task_service_for"
    _original_service_for = replace(factory, _service_for)
    _original_pattern = replace(
        f"{asl.SERVICE}state_task_service_callback:StateTaskServiceCallback"
        "._eval_integration_pattern",
        _eval_integration_pattern,
    )
    _original_after = replace(
        f"{asl.SERVICE}state_task_service:StateTaskService._after_eval_execution", _after_execution
    )
