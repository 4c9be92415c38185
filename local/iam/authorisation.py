"""Whether the policies of a caller's role allow a request."""

from __future__ import annotations

from typing import Any

from local.backends import backend
from local.errors import AwsError
from local.iam import kms, ledger, policies
from local.iam.policies import Context, Document
from local.iam.principals import ROOT, Principal, find_role, request_context
from local.settings import ACCOUNT, settings


def _role_documents(role: Any) -> list[Document]:
    texts = [*role.policies.values(), *map(_document, role.managed_policies.values())]
    return [policies.parse(text) for text in texts]


def _document(managed: Any) -> str:
    """Return the text of a managed policy's default version."""
    chosen = managed.default_version_id
    return next(str(one.document) for one in managed.versions if one.version_id == chosen)


def _boundary(role: Any) -> list[Document] | None:
    if not role.permissions_boundary_arn:
        return None
    return [policies.parse(_document(backend("iam").get_policy(role.permissions_boundary_arn)))]


def _resource_policy(action: str, resource: str) -> Document | None:
    service = action.split(":", 1)[0]
    if service == "s3":
        bucket = backend("s3").buckets.get(resource.split(":::", 1)[-1].split("/", 1)[0])
        return policies.parse(bucket.policy.decode()) if bucket and bucket.policy else None
    if service == "sns":
        topic = backend("sns").topics.get(resource)
        return policies.parse(topic.policy) if topic else None
    return kms.policy(resource) if service == "kms" else None


def _by_resource(
    principal: Principal, action: str, resource: str, context: Context
) -> tuple[str, bool]:
    """Decide from the policy of the resource.

    Returns
    -------
    tuple
        ``allow``, ``deny`` or ``none`` for this caller; and whether the policies of the account
        may allow it as well: always, but with a key only if its policy says so.
    """
    document = _resource_policy(action, resource)
    of_key = action.startswith("kms:")
    if document is None:
        return "none", not of_key

    def decided(names: list[str]) -> str:
        who = ("AWS", names)
        return policies.decide_resource(document, who, action, resource, context)[0]

    of_all = decided(principal.names)
    # That a policy allows the account allows nobody yet: the account's own policies decide.
    mine = decided(principal.own_names) if of_all == "allow" else of_all
    return mine, not of_key or of_all == "allow"


def denial(principal: Principal, action: str, resource: str, context: Context) -> str | None:
    """Return None when a request is allowed, else the end of AWS's message: the reason."""
    if principal.is_root:
        return _root_denial(action, resource, context)
    role = find_role(principal.role_arn or "")
    if role is None:
        return "because the role does not exist"
    by_resource, delegated = _by_resource(principal, action, resource, context)
    boundary = _boundary(role)
    decisions: dict[str, str] = {
        "identity-based policy": policies.decide(_role_documents(role), action, resource, context)[
            0
        ],
        "resource-based policy": by_resource,
        "permissions boundary": "allow"
        if boundary is None
        else policies.decide(boundary, action, resource, context)[0],
    }
    return _verdict(action, decisions, delegated=delegated)


def _verdict(action: str, decisions: dict[str, str], *, delegated: bool) -> str | None:
    for kind, decision in decisions.items():
        if decision == "deny":
            return f"with an explicit deny in a {kind}".replace("a identity", "an identity")
    if decisions["permissions boundary"] == "none":
        return f"because no permissions boundary allows the {action} action"
    if decisions["resource-based policy"] == "allow":
        return None
    if delegated and decisions["identity-based policy"] == "allow":
        return None
    kind = "identity" if delegated else "resource"
    return f"because no {kind}-based policy allows the {action} action"


def _root_denial(action: str, resource: str, context: Context) -> str | None:
    """Say what holds for the root too: an explicit Deny of a bucket, but of its own policy."""
    if not action.startswith("s3:") or action.endswith("BucketPolicy"):
        return None
    if _by_resource(ROOT, action, resource, context)[0] == "deny":
        return "with an explicit deny in a resource-based policy"
    return None


def service_denial(service: str, action: str, resource: str, source_arn: str) -> str | None:
    """Say why a resource policy refuses an AWS service that calls without a role, or None."""
    document = _resource_policy(action, resource)
    context = {
        **request_context(ROOT),
        "aws:sourcearn": source_arn,
        "aws:sourceaccount": ACCOUNT,
        "aws:principalisawsservice": "true",
    }
    del context["aws:sourceowner"]  # so the default policy of a topic does not let a service in
    allowed = (
        document
        and policies.decide_resource(document, ("Service", [service]), action, resource, context)[0]
    )
    if allowed == "allow":
        topic = backend("sns").topics.get(resource)
        return kms.service_denial(service, topic and topic.kms_master_key_id, kms.WRITE, context)
    return f"the policy of {resource} does not allow {action} to {service}"


def decide(principal: Principal, action: str, resource: str, context: Context) -> str | None:
    """Record one action on one resource; None when allowed, else AWS's message.

    Raises
    ------
    AwsError
        ``UnsupportedPolicy`` for a condition that is not emulated.
    """
    full = {**request_context(principal), **context}
    reason = denial(principal, action, resource, full)
    ledger.record(principal, action, [resource], "DENY" if reason else "ALLOW")
    return _message(principal, action, resource, reason) if reason else None


def _message(principal: Principal, action: str, resource: str, reason: str) -> str:
    return (
        f"User: {principal.arn} is not authorized to perform: {action} "
        f"on resource: {resource} {reason}"
    )


def authorise(principal: Principal, needs: list[tuple[str, str]], context: dict[str, str]) -> None:
    """Record a request and refuse it when the caller may not make it.

    Parameters
    ----------
    needs
        The (action, resource) pairs that the request has to be allowed.
    context
        Condition keys of the request, in lower case, without those of ``request_context``.

    Raises
    ------
    AwsError
        ``AccessDenied`` worded as AWS words it, or ``UnsupportedPolicy``.
    """
    by_action: dict[str, list[str]] = {}
    for action, resource in needs:
        by_action.setdefault(action, []).append(resource)
    full = {**request_context(principal), **context}
    refused: tuple[str, str, str] | None = None
    for action, resources in by_action.items():
        reasons = [(resource, denial(principal, action, resource, full)) for resource in resources]
        bad = next(((action, r, why) for r, why in reasons if why), None)
        ledger.record(principal, action, resources, "DENY" if bad else "ALLOW")
        refused = refused or bad
    if refused and settings().iam_enforced:
        action, resource, reason = refused
        raise AwsError("AccessDenied", _message(principal, action, resource, reason), 403)
