"""Secrets Manager: names, the end of ARNs, and who may read a secret."""

from __future__ import annotations

import re

import pytest

from tests.local.conftest import ACCOUNT, Aws, allow, unique
from tests.local.iam.test_authorisation import refused
from tests.local.iam.test_kms import make_key

ARN = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:"
READ = "secretsmanager:GetSecretValue"


def made(aws: Aws, name: str, **more: str) -> str:
    manager = aws.client("secretsmanager")
    arn: str = manager.create_secret(Name=name, SecretString="t0ken", **more)["ARN"]
    return arn


def test_secret__is_read_by_its_name_and_has_six_characters_at_the_end_of_its_arn(
    aws: Aws,
) -> None:
    name = f"{unique('shop')}/api_Key+1=.@-x"
    arn = made(aws, name)
    assert re.fullmatch(re.escape(ARN + name) + "-[A-Za-z0-9]{6}", arn)
    role = aws.role(allow(READ, f"{ARN}{name}-??????"))
    manager = aws.as_role("secretsmanager", role)
    assert manager.get_secret_value(SecretId=name)["SecretString"] == "t0ken"
    assert manager.get_secret_value(SecretId=arn)["SecretString"] == "t0ken"
    # The name with the characters of the ARN is the name of no secret.
    refused(manager.get_secret_value, SecretId=arn.removeprefix(ARN))


@pytest.mark.parametrize("resource", ["{name}", "{name}-?????", "{name}-???????", "other-??????"])
def test_secret__is_not_read_with_rights_on_another_arn(resource: str, aws: Aws) -> None:
    name = unique("shop")
    made(aws, name)
    role = aws.role(allow(READ, ARN + resource.format(name=name)))
    denied = refused(aws.as_role("secretsmanager", role).get_secret_value, SecretId=name)
    assert denied["Error"]["Code"] == "AccessDeniedException"
    assert f"not authorized to perform: {READ}" in denied["Error"]["Message"]


def test_secret__that_is_not_there__is_denied_unless_all_may_be_read(aws: Aws) -> None:
    name = unique("shop")
    role = aws.role(allow(READ, f"{ARN}{name}-??????"))
    denied = refused(aws.as_role("secretsmanager", role).get_secret_value, SecretId=name)
    assert denied["Error"]["Code"] == "AccessDeniedException"
    role = aws.role(allow(READ, "*"))
    missing = refused(aws.as_role("secretsmanager", role).get_secret_value, SecretId=name)
    assert missing["Error"]["Code"] == "ResourceNotFoundException"


def test_secret__with_a_key__is_read_by_who_may_decrypt(aws: Aws) -> None:
    name, key = unique("shop"), make_key(aws)
    made(aws, name, KmsKeyId=key)
    read = allow(READ, f"{ARN}{name}-??????")
    denied = refused(aws.as_role("secretsmanager", aws.role(read)).get_secret_value, SecretId=name)
    assert "not authorized to perform: kms:Decrypt" in denied["Error"]["Message"]
    role = aws.role(read, allow("kms:Decrypt", key))
    assert aws.as_role("secretsmanager", role).get_secret_value(SecretId=name)["Name"] == name


@pytest.mark.parametrize("name", ["a b", "ü", "a*", "a" * 513, "a,b"])
def test_name__that_aws_does_not_take(name: str, aws: Aws) -> None:
    manager = aws.client("secretsmanager")
    denied = refused(manager.create_secret, Name=name, SecretString="x")
    assert denied["Error"]["Code"] in ("ValidationException", "InvalidParameterException")
