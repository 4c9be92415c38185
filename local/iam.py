"""Whether the policies of a caller's role allow a request."""

from __future__ import annotations

from typing import Any

from local import ledger, policies
from local.backends import backend
from local.errors import AwsError
from local.policies import Context, Document
from local.principals import ROOT, Principal, find_role, request_context
from local.settings import ACCOUNT, settings

__all__ = ["Principal", "authorise", "denial", "service_denial"]


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
    return None


def denial(principal: Principal, action: str, resource: str, context: Context) -> str | None:
    """Return None when a request is allowed, else the end of AWS's message: the reason."""
    role = find_role(principal.role_arn or "")
    if role is None:
        return "because the role does not exist"
    decisions = {
        "identity-based policy": policies.decide(_role_documents(role), action, resource, context),
        "resource-based policy": ("none", ""),
        "permissions boundary": ("allow", ""),
    }
    on_resource = _resource_policy(action, resource)
    if on_resource is not None:
        decisions["resource-based policy"] = policies.decide_resource(
            on_resource, ("AWS", principal.names), action, resource, context
        )
    boundary = _boundary(role)
    if boundary is not None:
        decisions["permissions boundary"] = policies.decide(boundary, action, resource, context)
    for kind, (decision, _) in decisions.items():
        if decision == "deny":
            return f"with an explicit deny in a {kind}".replace("a identity", "an identity")
    if decisions["permissions boundary"][0] == "none":
        return f"because no permissions boundary allows the {action} action"
    if "allow" in (decisions["identity-based policy"][0], decisions["resource-based policy"][0]):
        return None
    return f"because no identity-based policy allows the {action} action"


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
        return None
    return f"the policy of {resource} does not allow {action} to {service}"


def decide(principal: Principal, action: str, resource: str, context: Context) -> str | None:
    """Record one action on one resource; None when allowed, else AWS's message.

    Raises
    ------
    AwsError
        ``UnsupportedPolicy`` for a condition that is not emulated.
    """
    if principal.is_root:
        ledger.record(principal, action, [resource], "ALLOW")
        return None
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
    if principal.is_root:
        for action, resources in by_action.items():
            ledger.record(principal, action, resources, "ALLOW")
        return
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
