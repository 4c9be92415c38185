"""What services answer themselves instead of moto, or change in its answers.

Modules of services register it here, and the gateway looks it up::

    @operation("AWSGlue.StartJobRun")
    def start_job_run(request: dict[str, Any]) -> dict[str, Any]: ...

    @after("AWSGlue.GetJob")
    def complete_job(request: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]: ...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
Operation = Callable[[Json], Json]
After = Callable[[Json, Json], Json]
AfterXml = Callable[[Json, bytes], bytes]
Before = Callable[[Json], None]

operations: dict[str, Operation] = {}
afters: dict[str, After] = {}
afters_xml: dict[str, AfterXml] = {}
befores: dict[str, list[Before]] = {}


def _once(registry: dict[Any, Any], key: Any, function: Any) -> None:
    if key in registry:
        raise ValueError(f"{key} is registered twice: {registry[key]} and {function}")
    registry[key] = function


def operation(*targets: str) -> Callable[[Operation], Operation]:
    """Answer operations, named as ``X-Amz-Target`` has them, instead of moto."""

    def register(function: Operation) -> Operation:
        for target in targets:
            _once(operations, target, function)
        return function

    return register


def after(*targets: str) -> Callable[[After], After]:
    """Change moto's successful answer to operations of JSON services."""

    def register(function: After) -> After:
        for target in targets:
            _once(afters, target, function)
        return function

    return register


def after_xml(*names: str) -> Callable[[AfterXml], AfterXml]:
    """Change moto's successful answer to operations of XML services, named ``s3:GetObject``."""

    def register(function: AfterXml) -> AfterXml:
        for name in names:
            _once(afters_xml, name, function)
        return function

    return register


def before(*names: str) -> Callable[[Before], Before]:
    """Check a request before it is served; raise AwsError to refuse it.

    Names are targets for JSON services and ``sts:AssumeRole`` for the others.
    """

    def register(function: Before) -> Before:
        for name in names:
            befores.setdefault(name, []).append(function)
        return function

    return register
