"""Evaluation of policy documents, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from local.errors import AwsError
from local.iam.policies import condition_holds, decide, decide_resource, names_principal

CONTEXT = {
    "s3:prefix": "raw/x",
    "aws:securetransport": "true",
    "aws:currenttime": "2026-11-21T10:00:00Z",
}


def document(*statements: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"Version": "2012-10-17", "Statement": list(statements)}]


def statement(effect: str = "Allow", **parts: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "s3:GetObject", "Resource": "*", **parts}


@pytest.mark.parametrize(
    ("parts", "decision"),
    [
        ({}, "allow"),
        ({"Action": "S3:getobject"}, "allow"),
        ({"Action": "s3:Get*"}, "allow"),
        ({"Action": ["s3:Put*", "s3:Get?bject"]}, "allow"),
        ({"Action": "s3:GetObjectVersion"}, "none"),
        ({"Resource": "arn:aws:s3:::b/k*"}, "allow"),
        ({"Resource": "arn:aws:s3:::b/K"}, "none"),
        ({"Resource": "arn:aws:s3:::b"}, "none"),
        ({"Effect": "Deny"}, "deny"),
        ({"Condition": {"StringLike": {"s3:prefix": "raw/*"}}}, "allow"),
        ({"Condition": {"StringLike": {"s3:prefix": "other/*"}}}, "none"),
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}, "none"),
    ],
)
def test_decide(parts: dict[str, Any], decision: str) -> None:
    found, _ = decide(document(statement(**parts)), "s3:GetObject", "arn:aws:s3:::b/key", CONTEXT)
    assert found == decision


def test_decide__not_action_and_not_resource_cover_the_rest() -> None:
    deny = {"Effect": "Deny", "NotAction": "s3:Get*", "NotResource": "arn:aws:s3:::mine/*"}
    policy = document({"Effect": "Allow", "Action": "*", "Resource": "*"}, deny)
    assert decide(policy, "s3:GetObject", "arn:aws:s3:::b/k", {})[0] == "allow"
    assert decide(policy, "s3:PutObject", "arn:aws:s3:::mine/k", {})[0] == "allow"
    assert decide(policy, "s3:PutObject", "arn:aws:s3:::b/k", {})[0] == "deny"


def test_decide__deny_wins_whatever_the_order() -> None:
    allow, deny = statement(), statement("Deny", Sid="No")
    for policy in (document(allow, deny), document(deny, allow), document(deny) + document(allow)):
        assert decide(policy, "s3:GetObject", "r", {}) == ("deny", "No")


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"StringEquals": {"s3:prefix": ["no", "raw/x"]}}, True),
        ({"StringNotEquals": {"s3:prefix": ["no", "raw/x"]}}, False),
        ({"StringNotEquals": {"s3:prefix": "no"}}, True),
        ({"StringEquals": {"aws:sourceArn": "x"}}, False),
        ({"StringEqualsIfExists": {"aws:sourceArn": "x"}}, True),
        ({"StringNotLike": {"aws:sourceArn": "x"}}, True),
        ({"StringEqualsIgnoreCase": {"s3:prefix": "RAW/X"}}, True),
        ({"Null": {"aws:sourceArn": "true"}}, True),
        ({"Null": {"s3:prefix": "true"}}, False),
        ({"ArnLike": {"aws:principalarn": "arn:aws:iam::*:role/a*"}}, True),
        ({"ArnLike": {"aws:principalarn": "arn:aws:*:role/abc"}}, False),
        ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, True),
        ({"NumericGreaterThan": {"s3:max-keys": 10}}, False),
        ({"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}, True),
        ({"IpAddress": {"aws:sourceip": "10.0.0.0/8"}}, True),
        ({"NotIpAddress": {"aws:sourceip": "10.0.0.0/8"}}, False),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}, True),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": "a"}}, False),
        ({"StringEquals": {"s3:prefix": "raw/x"}, "Bool": {"aws:SecureTransport": "false"}}, False),
        ({"StringLike": {"s3:prefix": "${aws:sourceip}/*"}}, False),
    ],
)
def test_condition(condition: dict[str, Any], holds: bool) -> None:
    context = {
        **CONTEXT,
        "aws:principalarn": "arn:aws:iam::123456789012:role/abc",
        "s3:max-keys": "10",
        "aws:sourceip": "10.1.2.3",
    }
    assert condition_holds(condition, context) is holds


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        ({"StringMatches": {"s3:prefix": "x"}}, "'StringMatches'"),
        ({"ForMostValues:StringEquals": {"s3:prefix": "x"}}, "'ForMostValues:StringEquals'"),
        ({"StringEquals": {"aws:ResourceTag/team": "x"}}, "'aws:ResourceTag/team'"),
    ],
)
def test_condition__that_is_not_emulated_fails_by_name(
    condition: dict[str, Any], named: str
) -> None:
    with pytest.raises(AwsError, match=named):
        condition_holds(condition, CONTEXT)


def test_principal__star_account_role_and_not_principal() -> None:
    mine = ["arn:aws:iam::123456789012:role/r", "123456789012"]
    assert names_principal({"Principal": "*"}, "AWS", mine)
    assert names_principal({"Principal": {"AWS": "123456789012"}}, "AWS", mine)
    assert not names_principal({"Principal": {"Service": "glue.amazonaws.com"}}, "AWS", mine)
    assert not names_principal({"NotPrincipal": {"AWS": mine[0]}}, "AWS", mine)
    assert names_principal({"NotPrincipal": {"AWS": "arn:other"}}, "AWS", mine)


def test_resource_policy__speaks_only_to_whom_it_names() -> None:
    service = {"Service": "events.amazonaws.com"}
    policy = {"Statement": [statement(Principal=service, Action="sns:Publish")]}
    for who, decision in (("events.amazonaws.com", "allow"), ("s3.amazonaws.com", "none")):
        assert decide_resource(policy, ("Service", [who]), "sns:Publish", "t", {})[0] == decision
