"""Probes of Step Functions' limits: what is too large, whether it can be caught, and parts."""

from __future__ import annotations

from typing import Any

from ops.conform.findings import Finding
from ops.conform.lab import Lab
from ops.conform.probes_states import tried

_LIMIT = "States.DataLimitExceeded"
_BYTES = 60_000
_TEXT = f"{{% $pad('x', {_BYTES}) %}}"


def map_results(lab: Lab) -> Finding:
    """Six results of 60 kB each, of which the Output makes nothing."""
    item = {"Type": "Pass", "Output": _TEXT, "End": True}
    states = {
        "Try": {
            "Type": "Map",
            "Items": [1, 2, 3, 4, 5, 6],
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "Item",
                "States": {"Item": item},
            },
            "Output": {},
            "End": True,
        }
    }
    return _limited(*tried(lab, "arrival", states))


def variables(lab: Lab) -> Finding:
    many = {f"part{number}": _TEXT for number in range(6)}
    states = {"Try": {"Type": "Pass", "Assign": many, "Output": {}, "End": True}}
    return _limited(*tried(lab, "arrival", states))


def _limited(error: str, cause: str) -> Finding:
    return Finding(error == _LIMIT, f"{error or 'no error'}: {cause[:100]}")


def caught(lab: Lab) -> Finding:
    """The result of a task that is too large, and a catcher that names the error."""
    key = f"runs/{lab.name}/stages/large.json"
    lab.put(key, b" " * 300_000)
    task: dict[str, Any] = {
        "Type": "Task",
        "Resource": lab.integration("aws-sdk:s3:getObject"),
        "Arguments": {"Bucket": lab.bucket, "Key": key},
        "TimeoutSeconds": 60,
        "Output": {},
        "Catch": [{"ErrorEquals": [_LIMIT], "Next": "Caught"}],
        "Next": "Fits",
    }
    states = {
        "Try": task,
        "Caught": {"Type": "Fail", "Error": "Caught", "Cause": "by its name"},
        "Fits": {"Type": "Fail", "Error": "Fits", "Cause": "the result is not too large"},
    }
    error, cause = tried(lab, "check", states)  # whose role may read lists of stages
    return Finding(error == "Caught", f"{error}: {cause[:100]}")


def object_range(lab: Lab) -> Finding:
    """A part of an object that is too large as a whole, and one of an object without a byte."""
    large, empty = (f"runs/{lab.name}/stages/{name}.json" for name in ("large", "empty"))
    lab.put(large, b" " * 300_000)
    lab.put(empty, b"")
    task: dict[str, Any] = {
        "Type": "Task",
        "Resource": lab.integration("aws-sdk:s3:getObject"),
        "TimeoutSeconds": 60,
        "Output": {},
    }
    given = {"Bucket": lab.bucket, "Range": "bytes=0-99"}
    length = "{% $length($states.result.Body) %}"
    refused = "' bytes; of none ' & $states.errorOutput.Error & ': ' & $states.errorOutput.Cause"
    told = f"{{% $string($read) & {refused} %}}"
    caught_ = {"ErrorEquals": ["States.ALL"], "Assign": {"told": told}, "Next": "Refused"}
    states = {
        "Try": {
            **task,
            "Arguments": {**given, "Key": large},
            "Assign": {"read": length},
            "Next": "Empty",
        },
        "Empty": {**task, "Arguments": {**given, "Key": empty}, "Catch": [caught_], "Next": "Fits"},
        "Refused": {"Type": "Fail", "Error": "Refused", "Cause": "{% $told %}"},
        "Fits": {"Type": "Fail", "Error": "Fits", "Cause": "an object without a byte has a range"},
    }
    error, cause = tried(lab, "check", states)
    holds = cause.startswith("100 bytes; of none S3.S3Exception: ")
    return Finding(error == "Refused" and holds, f"{error or 'no error'}: {cause[:150]}")
