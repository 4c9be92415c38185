"""Tasks of the interpreter: who calls, what is sent, what comes back and how errors are named."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, Shape, StructureShape

from local.errors import AwsError
from local.iam import clients
from local.states import interpreter as asl
from local.states.expressions import moment
from local.symbols import replace, resolve

_PRINCIPAL = "states.amazonaws.com"
# Names under which Step Functions reports the errors of a service: of its optimised integration
# (prefix, name of errors that the service's model lacks), and of its aws-sdk integration.
_OPTIMISED = {
    "athena": ("Athena", "AmazonAthenaException", "AmazonAthena"),
    "events": ("EventBridge", "AmazonEventBridgeException", "AmazonEventBridge"),
    "glue": ("Glue", "AWSGlueException", "AWSGlue"),
    "sns": ("SNS", "AmazonSNSException", "AmazonSNS"),
    "sqs": ("SQS", "AmazonSQSException", "AmazonSQS"),
    "states": ("StepFunctions", "AWSStepFunctionsException", "AWSStepFunctions"),
}
_SDK = {
    "athena": "Athena",
    "cloudwatch": "CloudWatch",
    "cloudwatchlogs": "CloudWatchLogs",
    "dynamodb": "DynamoDb",
    "eventbridge": "EventBridge",
    "glue": "Glue",
    "iam": "Iam",
    "kms": "Kms",
    "lambda": "Lambda",
    "s3": "S3",
    "secretsmanager": "SecretsManager",
    "sfn": "Sfn",
    "sns": "Sns",
    "sqs": "Sqs",
    "ssm": "Ssm",
    "sts": "Sts",
}
_BOTO_NAMES = {"cloudwatchlogs": "logs", "eventbridge": "events", "sfn": "stepfunctions"}
# Text parameters of optimised integrations that take JSON and send it as text.
_JSON_TEXTS = {
    ("sns", "Message"),
    ("states", "Input"),
    ("sqs", "MessageBody"),
    ("events", "Detail"),
}
_NUMBERS: dict[str, type | tuple[type, ...]] = {
    "integer": int,
    "long": int,
    "double": (int, float),
    "float": (int, float),
}


def boto_client(region: str, service: str, state_credentials: Any = None) -> Any:
    """Return the client with which a task calls a service: in the role of the state machine."""
    del region
    role = state_credentials.role_arn if state_credentials else None
    return clients.client(service, role, "StepFunctions", _PRINCIPAL if role else None)


class ArgumentError(ValueError):
    """An argument of a task has another type than the API takes."""


def _request(value: Any, shape: Shape, name: str, texts: set[str]) -> Any:
    if isinstance(shape, StructureShape):
        if not isinstance(value, dict):
            raise ArgumentError(f"The value for the field '{name}' must be an OBJECT")
        # Step Functions writes names in Pascal case, also where the service does not.
        members: dict[str, str] = {asl.to_snake(member): str(member) for member in shape.members}
        out = {}
        for key, one in value.items():
            member = str(members.get(asl.to_snake(key), key))
            inner = shape.members.get(member)
            out[member] = one if inner is None else _request(one, inner, key, texts)
        return out
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            raise ArgumentError(f"The value for the field '{name}' must be a LIST")
        return [_request(one, shape.member, name, texts) for one in value]
    if isinstance(shape, MapShape):
        if not isinstance(value, dict):
            raise ArgumentError(f"The value for the field '{name}' must be an OBJECT")
        return {key: _request(one, shape.value, key, texts) for key, one in value.items()}
    return _scalar(value, shape.type_name, name, texts)


def _scalar(value: Any, kind: str, name: str, texts: set[str]) -> Any:
    if kind == "blob":
        text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        return text.encode()
    if kind == "string" and not isinstance(value, str):
        if name in texts:
            return json.dumps(value, separators=(",", ":"))
        raise ArgumentError(f"The value for the field '{name}' must be a STRING")
    if kind == "boolean" and not isinstance(value, bool):
        raise ArgumentError(f"The value for the field '{name}' must be a BOOLEAN")
    if kind in _NUMBERS and (isinstance(value, bool) or not isinstance(value, _NUMBERS[kind])):
        raise ArgumentError(f"The value for the field '{name}' must be a NUMBER")
    return value


def from_response(value: Any, shape: Shape | None, time: Callable[[datetime], Any]) -> Any:
    """Return an answer of a service as JSON, named as Step Functions names it."""
    if isinstance(value, datetime):
        return time(value)
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list):
        member = shape.member if isinstance(shape, ListShape) else None
        return [from_response(one, member, time) for one in value]
    if isinstance(value, dict) and isinstance(shape, MapShape):
        return {key: from_response(one, shape.value, time) for key, one in value.items()}
    if isinstance(value, dict):
        members = shape.members if isinstance(shape, StructureShape) else {}
        return {
            _step_functions_name(key): from_response(one, members.get(key), time)
            for key, one in value.items()
            if key != "ResponseMetadata"
        }
    return value


def _step_functions_name(member: str) -> str:
    name: str = asl.to_camel(asl.to_snake(member))
    return name


def milliseconds(value: datetime) -> int:
    """Return a time as optimised integrations give it."""
    return int(value.timestamp() * 1000)


def _is_sdk(task: Any) -> bool:
    return bool(task.resource.service_name == "aws-sdk")


def _operation(task: Any, service: str | None, action: str | None) -> Any:
    name = task._get_boto_service_name(service)
    client = clients.client(name)
    method = task._get_boto_service_action(action)
    api = client.meta.method_to_api_mapping.get(method)
    if api is None:
        raise ArgumentError(f"The service {name} has no operation {task.resource.api_action}")
    return client.meta.service_model.operation_model(api)


# The parameters of these two have the names of the methods that they replace.
def _normalise_parameters(
    self: Any,
    parameters: dict[str, Any],
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    shape = _operation(self, boto_service_name, service_action_name).input_shape
    service = self.resource.service_name
    texts = {name for owner, name in _JSON_TEXTS if owner == service}
    if service == "states":
        parameters.setdefault("Input", {})
    if shape is not None:
        shaped = _request(parameters, shape, "Arguments", texts)
        parameters.clear()
        parameters.update(shaped)


def _normalise_response(
    self: Any,
    response: Any,
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    if isinstance(response, dict):
        shape = _operation(self, boto_service_name, service_action_name).output_shape
        time = moment if _is_sdk(self) else milliseconds
        shaped = from_response(dict(response), shape, time)
        response.clear()
        response.update(shaped)


def _error_name(task: Any, error: ClientError) -> str:
    code = error.response["Error"]["Code"]
    operation = _operation(task, None, None)
    modelled = operation.service_model.shape_for_error_code(code)
    if operation.service_model.service_name == "s3" and code == "AccessDenied":
        modelled = None  # modelled for one new operation; the others report S3.S3Exception
    if _is_sdk(task):
        prefix = _SDK.get(task.resource.api_name.lower(), task.resource.api_name.capitalize())
        fallback = f"{prefix}Exception"
        if code in ("404", "NoSuchKey") and prefix == "S3" and operation.name != "HeadBucket":
            return "S3.NoSuchKeyException"
    else:
        prefix, fallback, _ = _OPTIMISED.get(
            task.resource.service_name, (task.resource.service_name, "Exception", "")
        )
    if modelled is None:
        return f"{prefix}.{fallback}"
    name = modelled.name.removesuffix("Exception")
    return f"{prefix}.{name}Exception"


def _error_cause(task: Any, error: ClientError) -> str:
    message = error.response["Error"]["Message"]
    metadata = error.response["ResponseMetadata"]
    status, request = metadata["HTTPStatusCode"], metadata.get("RequestId", "")
    if _is_sdk(task):
        name = _SDK.get(task.resource.api_name.lower(), task.resource.api_name)
        return f"{message} (Service: {name}, Status Code: {status}, Request ID: {request})"
    name = _OPTIMISED.get(task.resource.service_name, ("", "", task.resource.service_name))[2]
    code = error.response["Error"]["Code"]
    return (
        f"{message} (Service: {name}; Status Code: {status}; Error Code: {code}; "
        f"Request ID: {request}; Proxy: null)"
    )


def failure_of(task: Any, env: Any, error: Exception) -> Any | None:
    """Return the failure that an exception of a call means, or None for one of moto's own."""
    if isinstance(error, ClientError):
        return asl.task_failure(task, env, _error_name(task, error), _error_cause(task, error))
    if isinstance(error, AwsError):  # the role cannot be assumed
        return asl.task_failure(task, env, "States.Permissions", error.message)
    if isinstance(error, ArgumentError):
        cause = f"The Parameters could not be used to start the Task: [{error}]"
        return asl.task_failure(task, env, "States.Runtime", cause)
    return None


def _failing(
    original: Callable[[Any, Any, Exception], Any],
) -> Callable[[Any, Any, Exception], Any]:
    def _from_error(self: Any, env: Any, ex: Exception) -> Any:
        return failure_of(self, env, ex) or original(self, env, ex)

    return _from_error


def install() -> None:
    """Put these functions into the interpreter."""
    service = f"{asl.SERVICE}state_task_service"
    replace(f"{service}:StateTaskService._normalise_parameters", _normalise_parameters)
    replace(f"{service}:StateTaskService._normalise_response", _normalise_response)
    replace(f"{service}_sfn:StateTaskServiceSfn._normalise_parameters", _normalise_parameters)
    asl.StateTaskService._SERVICE_NAME_SFN_TO_BOTO_OVERRIDES.update(_BOTO_NAMES)
    owners = {
        "aws_sdk": "AwsSdk",
        "callback": "Callback",
        "events": "Events",
        "glue": "Glue",
        "sfn": "Sfn",
        "sns": "Sns",
        "sqs": "Sqs",
    }
    for name, owner in owners.items():
        path = f"{service}_{name}:StateTaskService{owner}._from_error"
        replace(path, _failing(resolve(path)))
    for name in ("aws_sdk", "dynamodb", "ecs", "events", "glue", "sfn", "sns", "sqs"):
        replace(f"{service}_{name}:boto_client_for", boto_client)
