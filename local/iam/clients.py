"""boto3 clients against the gateway itself, as root or as a role."""

from __future__ import annotations

import threading
from typing import Any

import boto3
from botocore.config import Config

from local.iam import principals
from local.settings import REGION, ROOT_ACCESS_KEY, settings

_lock = threading.RLock()
_session: list[boto3.session.Session] = []
_clients: dict[tuple[str, str], Any] = {}
_config = Config(
    connect_timeout=10,
    max_pool_connections=64,
    parameter_validation=False,  # the service answers, as it would on AWS
    read_timeout=900,
    retries={"total_max_attempts": 3, "mode": "standard"},
    s3={"addressing_style": "path"},
)


def credentials(
    role_arn: str, session: str = "local", principal: str | None = None
) -> tuple[str, str, str]:
    """Return access key, secret and token of a session of a role, as a service gets them.

    Parameters
    ----------
    role_arn
        ARN of the role; a bare name is taken as a role of this account.
    session
        Session name; shows in the ledger and in AccessDenied messages.
    principal
        The service that assumes the role, for example ``glue.amazonaws.com``. When given, the
        role's trust policy has to name it.

    Raises
    ------
    AwsError
        ``AccessDenied`` when the role does not exist or does not trust ``principal``.
    """
    issued = principals.service_session(principals.role_arn(role_arn), session, principal)
    return issued.access_key, issued.secret_key, issued.token


def client(
    service: str,
    role_arn: str | None = None,
    session: str = "local",
    principal: str | None = None,
) -> Any:
    """Return a client of the local AWS, as root or, with ``role_arn``, as that role.

    Clients are made once for each service and credentials, and may be shared by threads.
    See :func:`credentials` for the parameters and errors.
    """
    if role_arn:
        access_key, secret_key, token = credentials(role_arn, session, principal)
    else:
        access_key = secret_key = ROOT_ACCESS_KEY
        token = ""
    with _lock:  # creating clients is not thread-safe in boto3; using them is
        key = (service, access_key)
        if key not in _clients:
            if not _session:
                _session.append(boto3.session.Session(region_name=REGION))
            make: Any = _session[0].client
            _clients[key] = make(
                service,
                aws_access_key_id=access_key,
                aws_secret_access_key=secret_key,
                aws_session_token=token or None,
                config=_config,
                endpoint_url=settings().endpoint,
                region_name=REGION,
            )
        return _clients[key]
