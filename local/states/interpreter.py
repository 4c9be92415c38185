"""The parts of moto's state machine interpreter that local/ uses, resolved by name at start."""

from __future__ import annotations

from typing import Any

from local.symbols import resolve

ASL = "moto.stepfunctions.parser.asl."
COMMON = f"{ASL}component.common."
STATE = f"{ASL}component.state."
SERVICE = f"{STATE}exec.state_task.service."
BACKEND = "moto.stepfunctions.parser.backend."
MODELS = "moto.stepfunctions.parser.models"

# The models come first: they import the interpreter in the order in which it can be imported.
ParserBackend: Any = resolve(f"{MODELS}:StepFunctionsParserBackend")
History: Any = resolve("moto.stepfunctions.parser.api:HistoryEventType")
LogLevel: Any = resolve("moto.stepfunctions.parser.api:LogLevel")
TaskFailed: Any = resolve("moto.stepfunctions.parser.api:TaskFailedEventDetails")
ExecutionFailed: Any = resolve("moto.stepfunctions.parser.api:ExecutionFailedEventDetails")
EvaluationFailed: Any = resolve("moto.stepfunctions.parser.api:EvaluationFailedEventDetails")
EventDetails: Any = resolve(f"{ASL}eval.event.event_detail:EventDetails")
Execution: Any = resolve(f"{BACKEND}execution:Execution")
ExecutionStatus: Any = resolve("moto.stepfunctions.parser.api:ExecutionStatus")
ProgramEnded: Any = resolve(f"{ASL}eval.program_state:ProgramEnded")
ProgramError: Any = resolve(f"{ASL}eval.program_state:ProgramError")
ProgramStopped: Any = resolve(f"{ASL}eval.program_state:ProgramStopped")
ProgramTimedOut: Any = resolve(f"{ASL}eval.program_state:ProgramTimedOut")
ErrorName: Any = resolve(f"{COMMON}error_name.error_name:ErrorName")
FailureEvent: Any = resolve(f"{COMMON}error_name.failure_event:FailureEvent")
FailureEventException: Any = resolve(f"{COMMON}error_name.failure_event:FailureEventException")
CatchOutcome: Any = resolve(f"{COMMON}catch.catch_outcome:CatchOutcome")
RetrierOutcome: Any = resolve(f"{COMMON}retry.retrier_outcome:RetrierOutcome")
MaxAttemptsOutcome: Any = resolve(f"{COMMON}retry.max_attempts_decl:MaxAttemptsOutcome")
ExecutionState: Any = resolve(f"{STATE}exec.execute_state:ExecutionState")
StateTaskService: Any = resolve(f"{SERVICE}state_task_service:StateTaskService")
StateTaskServiceCallback: Any = resolve(
    f"{SERVICE}state_task_service_callback:StateTaskServiceCallback"
)
ResourceCondition: Any = resolve(f"{SERVICE}resource:ResourceCondition")
HeartbeatTimeout: Any = resolve(f"{ASL}eval.callback.callback:HeartbeatTimeoutError")
Parser: Any = resolve(f"{ASL}parse.asl_parser:AmazonStateLanguageParser")
logs_event: Any = resolve(f"{ASL}eval.event.logging:is_logging_enabled_for")
to_camel: Any = resolve("moto.stepfunctions.parser.utils:snake_to_camel_case")
to_snake: Any = resolve("moto.stepfunctions.parser.utils:camel_to_snake_case")


def task_failure(task: Any, env: Any, error: str | None, cause: str | None) -> Any:
    """Return the failure of a task, to be raised in a FailureEventException."""
    details = TaskFailed(
        resource=task._get_sfn_resource(), resourceType=task._get_sfn_resource_type()
    )
    details.update({k: v for k, v in (("error", error), ("cause", cause)) if v is not None})
    return FailureEvent(
        env=env,
        error_name=ErrorName(error_name=error),
        event_type=History.TaskFailed,
        event_details=EventDetails(taskFailedEventDetails=details),
    )


def data_limit_exceeded(env: Any, cause: str) -> Any:
    """Return States.DataLimitExceeded, to be raised in a FailureEventException."""
    error = "States.DataLimitExceeded"
    return FailureEvent(
        env=env,
        error_name=ErrorName(error_name=error),
        event_type=History.TaskFailed,
        event_details=EventDetails(
            executionFailedEventDetails=ExecutionFailed(error=error, cause=cause)
        ),
    )


def query_failure(env: Any, cause: str) -> Any:
    """Return States.QueryEvaluationError, to be raised in a FailureEventException."""
    error = "States.QueryEvaluationError"
    return FailureEvent(
        env=env,
        error_name=ErrorName(error_name=error),
        event_type=History.EvaluationFailed,
        event_details=EventDetails(
            evaluationFailedEventDetails=EvaluationFailed(
                error=error, cause=cause, state=env.next_state_name or ""
            )
        ),
    )
