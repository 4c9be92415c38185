"""Evaluation of IAM policy documents: pure, without knowledge of who asks or what exists.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from local.errors import AwsError

Document = dict[str, Any]
Context = Mapping[str, str]
Decision = Literal["allow", "deny", "none"]

# Keys that a request to the local AWS never has, as most requests to AWS do not. A key that is
# neither here nor in the context stops the evaluation: to guess would be to answer wrongly.
_ABSENT_KEYS = re.compile(
    r"aws:(calledvia(first|last)?|sourcevpce?|vpcsourceip|principalorgid|principalorgpaths|"
    r"principaltag/.*|requesttag/.*|tagkeys|multifactorauth(age|present)|federatedprovider|"
    r"sourcearn|sourceaccount|sourceowner|principalservicename|principalservicenameslist|referer|"
    r"sourceorgid|tokenissuetime)"
    r"|kms:(?!(encryptioncontext|viaservice)).*|sts:(externalid|rolesessionname|sourceidentity|transitivetagkeys)"
    r"|iam:(passedtoservice|associatedresourcearn|permissionsboundary)"
    r"|s3:(prefix|delimiter|max-keys|versionid|signatureage|x-amz-.*|existingobjecttag/.*|"
    r"requestobjecttag.*|dataaccesspoint.*)"
    r"|(events|glue|logs|sns|states|athena):.*"
)


def _unsupported(what: str) -> AwsError:
    return AwsError(
        "UnsupportedPolicy",
        f"the local AWS cannot evaluate {what} of an IAM policy. AWS can: run this on AWS, or "
        "add it to local/iam/policies.py.",
    )


@lru_cache(maxsize=1024)
def _pattern(text: str, ignore_case: bool) -> re.Pattern[str]:
    expression = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in text)
    return re.compile(expression, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def matches(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    """Return whether a pattern with ``*`` and ``?`` covers a value."""
    return _pattern(pattern, ignore_case).fullmatch(value) is not None


def arn_matches(pattern: str, value: str) -> bool:
    """Compare ARNs field by field, so that a ``*`` does not run over a colon of the first five."""
    wanted, found = pattern.split(":", 5), value.split(":", 5)
    if len(wanted) != len(found):
        return pattern == "*"
    return all(matches(w, f) for w, f in zip(wanted, found, strict=True))


def as_list(value: Any) -> list[Any]:
    """Return a value of a policy as a list; IAM lets a list of one be written bare."""
    return value if isinstance(value, list) else [value]


@lru_cache(maxsize=1024)
def parse(document: str) -> Document:
    """Parse a policy document; do not change what this returns."""
    parsed: Document = json.loads(document)
    return parsed


def _moment(text: str) -> datetime:
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return datetime.fromtimestamp(float(text), UTC)
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _in_network(value: str, network: str) -> bool:
    return ipaddress.ip_address(value) in ipaddress.ip_network(network, strict=False)


def _ordered(convert: Callable[[str], Any], order: str) -> Callable[[str, str], bool]:
    def compare(found: str, wanted: str) -> bool:
        a, b = convert(found), convert(wanted)
        return bool(
            {
                "Equals": a == b,
                "LessThan": a < b,
                "LessThanEquals": a <= b,
                "GreaterThan": a > b,
                "GreaterThanEquals": a >= b,
            }[order]
        )

    return compare


_ORDERS = ("Equals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
# Each compares (the value of the request, the value of the policy).
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda found, wanted: found == wanted,
    "StringEqualsIgnoreCase": lambda found, wanted: found.lower() == wanted.lower(),
    "StringLike": lambda found, wanted: matches(wanted, found),
    "ArnEquals": lambda found, wanted: arn_matches(wanted, found),
    "ArnLike": lambda found, wanted: arn_matches(wanted, found),
    "Bool": lambda found, wanted: found.lower() == wanted.lower(),
    "BinaryEquals": lambda found, wanted: found == wanted,
    "IpAddress": _in_network,
    **{f"Numeric{order}": _ordered(float, order) for order in _ORDERS},
    **{f"Date{order}": _ordered(_moment, order) for order in _ORDERS},
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}


def _value(key: str, context: Context) -> str | None:
    found = context.get(key.lower())
    if found is None and not _ABSENT_KEYS.fullmatch(key.lower()):
        raise _unsupported(f"condition key {key!r}")
    return found


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _variables(text: str, context: Context) -> str:
    def put(match: re.Match[str]) -> str:
        name = match[1]
        if name in ("*", "?", "$"):
            return name
        found = _value(name, context)
        return match[0] if found is None else found

    return re.sub(r"\$\{([^}]+)\}", put, text)


def condition_holds(conditions: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    """Return whether every condition of a statement holds.

    Raises
    ------
    AwsError
        ``UnsupportedPolicy`` naming the operator or the key that is not emulated.
    """
    for written, keys in conditions.items():
        set_operator, _, rest = written.rpartition(":")
        if_exists = rest.endswith("IfExists")
        name = rest.removesuffix("IfExists")
        negated = name in _NEGATED
        compare = _OPERATORS.get(_NEGATED.get(name, name))
        for key, wanted in keys.items():
            found = _value(key, context)
            if name == "Null" and not set_operator:
                if (found is None) != (_text(as_list(wanted)[0]) == "true"):
                    return False
                continue
            if compare is None or set_operator not in ("", "ForAnyValue", "ForAllValues"):
                raise _unsupported(f"condition operator {written!r}")
            if found is None:
                # An absent key satisfies negated operators, ...IfExists and ForAllValues.
                if not (if_exists or negated or set_operator == "ForAllValues"):
                    return False
                continue
            some = any(compare(found, _variables(_text(one), context)) for one in as_list(wanted))
            if some == negated:
                return False
    return True


def _covers(
    statement: Document, name: str, values: Iterable[str], matcher: Callable[[str, str], bool]
) -> bool:
    """Apply Action or NotAction, Resource or NotResource to the value of a request."""
    negative = f"Not{name}"
    patterns = as_list(statement[negative] if negative in statement else statement.get(name, []))
    hit = any(matcher(pattern, value) for pattern in patterns for value in values)
    return hit != (negative in statement)


def applies(statement: Document, action: str, resource: str, context: Context) -> bool:
    """Return whether a statement speaks of an action on a resource under these conditions."""

    def action_matcher(pattern: str, value: str) -> bool:
        return matches(pattern, value, ignore_case=True)

    def resource_matcher(pattern: str, value: str) -> bool:
        return matches(_variables(pattern, context), value)

    if not _covers(statement, "Action", [action], action_matcher):
        return False
    if ("Resource" in statement or "NotResource" in statement) and not _covers(
        statement, "Resource", [resource], resource_matcher
    ):
        return False
    return condition_holds(statement.get("Condition") or {}, context)


def decide(
    documents: Iterable[Document], action: str, resource: str, context: Context
) -> tuple[Decision, str]:
    """Decide on one action and resource from identity policies.

    Returns
    -------
    tuple
        ``allow``, ``deny`` (a Deny statement matched, which wins) or ``none``; and the Sid of the
        statement that decided, when it has one.
    """
    decision: tuple[Decision, str] = ("none", "")
    for document in documents:
        for statement in as_list(document["Statement"]):
            if applies(statement, action, resource, context):
                sid = str(statement.get("Sid", ""))
                if statement["Effect"] == "Deny":
                    return "deny", sid
                decision = ("allow", sid)
    return decision


def names_principal(statement: Document, kind: str, principals: Iterable[str]) -> bool:
    """Return whether Principal or NotPrincipal of a statement names one of these.

    Parameters
    ----------
    kind
        ``AWS`` or ``Service``.
    principals
        All names of the caller, for example the ARNs of its role, session and account.
    """
    negative = "NotPrincipal" in statement
    principal: Any = statement.get("NotPrincipal", statement.get("Principal", {}))
    named = ["*"] if principal == "*" else as_list(principal.get(kind, []))
    # "*" is everybody; AWS allows no other wildcard in a principal.
    hit = ("*" in named and kind == "AWS") or any(one in named for one in principals)
    return hit != negative


def decide_resource(
    document: Document,
    who: tuple[str, list[str]],
    action: str,
    resource: str,
    context: Context,
) -> tuple[Decision, str]:
    """Decide from a resource policy: like :func:`decide`, for statements that name the caller.

    ``who`` is the kind of principal and its names, as in :func:`names_principal`.
    """
    named = [
        statement
        for statement in as_list(document["Statement"])
        if names_principal(statement, *who)
    ]
    return decide([{"Statement": named}], action, resource, context)
