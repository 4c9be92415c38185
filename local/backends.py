"""Access to moto's backends of this account."""

from __future__ import annotations

from typing import Any

from moto.backends import get_backend

from local.settings import ACCOUNT, REGION
from local.symbols import resolve

_INTERPRETER = "moto.stepfunctions.parser.models:stepfunctions_parser_backends"
_GLOBAL = ("iam", "s3", "sts")


def backend(service: str, region: str = REGION) -> Any:
    """Return moto's backend of a service, in this account."""
    scope = "aws" if service in _GLOBAL else region
    if service == "stepfunctions":  # the one with the interpreter is not in moto's registry
        return resolve(_INTERPRETER)[ACCOUNT][scope]
    name: Any = service
    return get_backend(name)[ACCOUNT][scope]
