"""Secrets Manager: what its secrets may be named, and who may read them; the rest is moto's.

Sources: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html and
https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
"""

from __future__ import annotations

import re
from typing import Any

from local.backends import backend
from local.errors import AwsError
from local.iam import kms
from local.operations import Json, before
from local.settings import ACCOUNT, REGION

_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
_ANY = ("BatchGetSecretValue", "GetRandomPassword", "ListSecrets")
_WRITES = ("CreateSecret", "PutSecretValue", "UpdateSecret")


def _found(request: Json) -> Any:
    """Return the secret that a request names by its name or ARN, or None."""
    return backend("secretsmanager").secrets.get(request.get("SecretId", ""))


def resources(operation: str, request: Json) -> list[str]:
    """Return the ARNs of what a request is about.

    That of a secret ends with six characters of AWS's choice. What is not there has none, so that
    a policy that ends with ``-??????`` lets nobody ask for it.
    """
    if operation in _ANY:
        return ["*"]
    found = None if operation == "CreateSecret" else _found(request)
    name = request.get("SecretId") or request.get("Name") or ""
    own = (
        name
        if name.startswith("arn:")
        else f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}"
    )
    return [found.arn if found else own]


def key_needs(operation: str, request: Json) -> list[tuple[str, str]]:
    """Return what a request takes on the key that encrypts the secret."""
    found = None if operation == "CreateSecret" else _found(request)
    key = request.get("KmsKeyId") or (found and found.kms_key_id)
    if operation in _WRITES:
        return kms.needs(key, *kms.WRITE)
    return kms.needs(key, *kms.READ) if operation == "GetSecretValue" else []


@before("secretsmanager.CreateSecret")
def check_name(request: Json) -> None:
    """Refuse a name that AWS does not take."""
    if not _NAME.fullmatch(request.get("Name", "")):
        raise AwsError(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the "
            "following: -/_+=.@!",
        )
