"""Task tokens: each names the execution that waits for it, so nothing is kept of those used up."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass

_KEY = secrets.token_bytes(32)
_SIGNATURE_BYTES = 32


@dataclass(frozen=True, slots=True)
class TaskToken:
    """What a token says, to the service alone: to clients it is opaque."""

    state_machine_arn: str
    execution_arn: str


def issue(state_machine_arn: str, execution_arn: str) -> str:
    """Return a new token for a task of an execution, in base64 as AWS's own are."""
    content = json.dumps([state_machine_arn, execution_arn, secrets.token_hex(128)]).encode()
    return base64.b64encode(_sign(content) + content).decode()


def read(token: object) -> TaskToken | None:
    """Return what a token says, or None for a text that this process has not issued."""
    try:
        signed = base64.b64decode(str(token), validate=True)
    except ValueError:
        return None
    content = signed[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signed[:_SIGNATURE_BYTES], _sign(content)):
        return None
    machine, execution, _ = json.loads(content)
    return TaskToken(machine, execution)


def _sign(content: bytes) -> bytes:
    return hmac.new(_KEY, content, hashlib.sha256).digest()
