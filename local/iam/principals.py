"""Who calls: the root or a session of a role, and how a role is assumed."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from local.backends import backend
from local.errors import AwsError
from local.iam import policies
from local.iam.policies import Context
from local.settings import ACCOUNT, REGION, ROOT_ACCESS_KEY, settings

_SESSION_LIFE = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who signed a request: the account's root, or a session of a role."""

    access_key: str
    role_arn: str | None = None
    session: str = ""

    @property
    def is_root(self) -> bool:
        """Whether this is the account's root, which is never denied."""
        return self.role_arn is None

    @property
    def role_name(self) -> str:
        """Name of the role, ``root`` for the root."""
        return self.role_arn.rsplit("/", 1)[-1] if self.role_arn else "root"

    @property
    def arn(self) -> str:
        """ARN as messages of AWS show it."""
        if self.is_root:
            return f"arn:aws:iam::{ACCOUNT}:root"
        return f"arn:aws:sts::{ACCOUNT}:assumed-role/{self.role_name}/{self.session}"

    @property
    def names(self) -> list[str]:
        """All names by which a resource policy may mean this caller."""
        account = [f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT]
        return [self.role_arn, self.arn, *account] if self.role_arn else account

    @property
    def own_names(self) -> list[str]:
        """The names that mean this caller alone, and not all of the account."""
        return [self.role_arn, self.arn] if self.role_arn else self.names


ROOT = Principal(ROOT_ACCESS_KEY)
_caller: ContextVar[Principal] = ContextVar("caller", default=ROOT)


def caller() -> Principal:
    """Return the principal of the request that is being served."""
    return _caller.get()


def set_caller(principal: Principal) -> None:
    """Say who the request that this thread serves is from."""
    _caller.set(principal)


# ------------------------------------------------------------------------------------ sessions


@dataclass(frozen=True, slots=True)
class Session:
    """Credentials of an assumed role."""

    access_key: str
    secret_key: str
    token: str
    principal: Principal
    expires: datetime


_lock = threading.RLock()
_by_key: dict[str, Session] = {}
_by_name: dict[tuple[str, str], Session] = {}


def role_arn(role: str) -> str:
    """Return the ARN of a role that is given by ARN or, as Glue allows, by name."""
    return role if role.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:role/{role}"


def find_role(arn: str) -> Any | None:
    """Return moto's role with this ARN, or None."""
    for role in backend("iam").get_roles():
        if role.arn == arn:
            return role
    return None


def _trusted(arn: str, kind: str, names: list[str], context: Context) -> bool:
    role = find_role(arn)
    if role is None:
        return False
    document = policies.parse(role.assume_role_policy_document)
    who = (kind, names)
    decision, _ = policies.decide_resource(document, who, "sts:AssumeRole", arn, context)
    return decision == "allow"


def check_trust(
    arn: str, principal: Principal, external_id: str | None = None, session: str = ""
) -> None:
    """Refuse AssumeRole on a role that does not exist or whose trust policy omits the caller.

    Raises
    ------
    AwsError
        ``AccessDenied``; AWS does not tell the two reasons apart, and neither does this.
    """
    context = request_context(principal)
    context["sts:rolesessionname"] = session
    if external_id:
        context["sts:externalid"] = external_id
    if not _trusted(arn, "AWS", principal.names, context):
        raise AwsError(
            "AccessDenied",
            f"User: {principal.arn} is not authorized to perform: sts:AssumeRole "
            f"on resource: {arn}",
            403,
        )


def service_session(arn: str, session: str, service: str | None) -> Session:
    """Return credentials for a service that acts in a role; see ``clients.credentials``."""
    role = find_role(arn)
    if role is None:
        raise AwsError("AccessDenied", f"Role {arn} does not exist.", 403)
    if service is not None:
        if "aws:sourcearn" in role.assume_role_policy_document.lower():
            raise AwsError(
                "UnsupportedPolicy",
                f"the trust policy of {arn} has a condition on aws:SourceArn, which the local AWS "
                "cannot evaluate when a service assumes a role. Use aws:SourceAccount, or AWS.",
            )
        context = {"aws:sourceaccount": ACCOUNT, "aws:securetransport": "true"}
        if not _trusted(arn, "Service", [service], context):
            raise AwsError(
                "AccessDenied",
                f"Service {service} is not allowed to assume role {arn}: the trust policy of the "
                "role does not name the service.",
                403,
            )
    with _lock:
        now = datetime.now(UTC)
        known = _by_name.get((arn, session))
        if known is None or known.expires - now < timedelta(hours=1):
            life = int(_SESSION_LIFE.total_seconds())
            made = backend("sts").assume_role(REGION, session, arn, None, life, None)
            known = _register(made)
            _by_name[arn, session] = known
        return known


def _register(assumed: Any) -> Session:
    session = Session(
        assumed.access_key_id,
        assumed.secret_access_key,
        assumed.session_token,
        Principal(assumed.access_key_id, assumed.role_arn, assumed.session_name),
        assumed.expiration.replace(tzinfo=UTC),
    )
    _by_key[session.access_key] = session
    return session


def principal_of(access_key: str | None) -> Principal:
    """Return who owns an access key.

    Raises
    ------
    AwsError
        ``InvalidClientTokenId`` for a key that the local AWS did not issue.
    """
    if access_key == ROOT_ACCESS_KEY:
        return ROOT
    if access_key:
        session = _by_key.get(access_key)
        if session is None:  # issued by AssumeRole over the wire, seen for the first time
            assumed = backend("sts").get_assumed_role_from_access_key(access_key)
            session = _register(assumed) if assumed else None
        if session is not None and session.expires < datetime.now(UTC):
            raise AwsError(
                "ExpiredToken", "The security token included in the request is expired", 403
            )
        if session is not None:
            return session.principal
    if not settings().iam_enforced:
        return ROOT
    raise AwsError(
        "InvalidClientTokenId",
        "The security token included in the request is invalid: the local AWS knows the access "
        f"key {ROOT_ACCESS_KEY!r} and those of the roles that were assumed in it.",
        403,
    )


def request_context(principal: Principal) -> dict[str, str]:
    """Return the condition keys that every request has; names are lower case."""
    return {
        "aws:currenttime": datetime.now(UTC).isoformat(),
        "aws:epochtime": str(int(datetime.now(UTC).timestamp())),
        "aws:principalaccount": ACCOUNT,
        "aws:principalarn": principal.role_arn or principal.arn,
        "aws:principaltype": "Account" if principal.is_root else "AssumedRole",
        "aws:principalisawsservice": "false",
        "aws:requestedregion": REGION,
        "aws:resourceaccount": ACCOUNT,
        "aws:securetransport": "true",  # plain http on the loopback stands for TLS on AWS
        "aws:sourceip": "127.0.0.1",
        "aws:sourceowner": ACCOUNT,
        "aws:userid": f"local:{principal.session}",
        "aws:viaawsservice": "false",
        "kms:calleraccount": ACCOUNT,
        "s3:resourceaccount": ACCOUNT,
    }
