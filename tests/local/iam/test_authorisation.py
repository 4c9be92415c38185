"""Authorisation of requests: which action on which resource, and in which words AWS refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import ACCOUNT, Aws, allow, unique


def refused(call: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(*arguments, **named)
    response: dict[str, Any] = dict(caught.value.response)
    return response


def assert_denied(response: dict[str, Any], action: str, resource: str) -> None:
    message = response["Error"]["Message"]
    assert f"is not authorized to perform: {action} on resource: {resource} because" in message
    assert message.endswith(f"no identity-based policy allows the {action} action")


@pytest.fixture
def bucket(aws: Aws) -> str:
    name = aws.bucket()
    aws.client("s3").put_object(Bucket=name, Key="in/a", Body=b"a")
    return name


def test_s3__role_may_what_its_policy_says_and_no_more(aws: Aws, bucket: str) -> None:
    s3 = aws.as_role(
        "s3",
        aws.role(
            allow("s3:GetObject", f"arn:aws:s3:::{bucket}/in/*"),
            allow(
                "s3:ListBucket",
                f"arn:aws:s3:::{bucket}",
                Condition={"StringLike": {"s3:prefix": "in/*"}},
            ),
        ),
    )
    assert s3.get_object(Bucket=bucket, Key="in/a")["Body"].read() == b"a"
    assert s3.list_objects_v2(Bucket=bucket, Prefix="in/")["KeyCount"] == 1
    denied = refused(s3.list_objects_v2, Bucket=bucket, Prefix="out/")
    assert denied["Error"]["Code"] == "AccessDenied"
    assert denied["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert_denied(denied, "s3:ListBucket", f"arn:aws:s3:::{bucket}")
    denied = refused(s3.put_object, Bucket=bucket, Key="in/b", Body=b"x" * 3_000_000)
    assert_denied(denied, "s3:PutObject", f"arn:aws:s3:::{bucket}/in/b")
    assert "User: arn:aws:sts::123456789012:assumed-role/role-" in denied["Error"]["Message"]


@pytest.mark.parametrize("deleted", [False, True])
def test_s3__missing_key_is_404_only_with_list_permission(
    deleted: bool, aws: Aws, bucket: str
) -> None:
    s3 = aws.client("s3")
    if deleted:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket=bucket, Key="no", Body=b"")
        s3.delete_object(Bucket=bucket, Key="no")
    get = allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*")
    blind = aws.as_role("s3", aws.role(get))
    seeing = aws.as_role("s3", aws.role(get, allow("s3:ListBucket", f"arn:aws:s3:::{bucket}")))
    for call in ("head_object", "get_object"):
        status = refused(getattr(blind, call), Bucket=bucket, Key="no")["ResponseMetadata"]
        assert status["HTTPStatusCode"] == 403
        status = refused(getattr(seeing, call), Bucket=bucket, Key="no")["ResponseMetadata"]
        assert status["HTTPStatusCode"] == 404
    denied = refused(blind.get_object, Bucket=bucket, Key="no")
    assert_denied(denied, "s3:ListBucket", f"arn:aws:s3:::{bucket}")


def test_s3__copy_needs_to_read_its_source(aws: Aws, bucket: str) -> None:
    write = allow("s3:PutObject", f"arn:aws:s3:::{bucket}/out/*")
    source = {"Bucket": bucket, "Key": "in/a"}
    s3 = aws.as_role("s3", aws.role(write))
    denied = refused(s3.copy_object, Bucket=bucket, Key="out/a", CopySource=source)
    assert_denied(denied, "s3:GetObject", f"arn:aws:s3:::{bucket}/in/a")
    s3 = aws.as_role("s3", aws.role(write, allow("s3:GetObject", f"arn:aws:s3:::{bucket}/in/*")))
    s3.copy_object(Bucket=bucket, Key="out/a", CopySource=source)
    tagged = {"Bucket": bucket, "Key": "out/b", "CopySource": source, "Tagging": "a=b"}
    denied = refused(s3.copy_object, TaggingDirective="REPLACE", **tagged)
    assert_denied(denied, "s3:PutObjectTagging", f"arn:aws:s3:::{bucket}/out/b")


def test_s3__version_and_tagging_have_actions_of_their_own(aws: Aws, bucket: str) -> None:
    s3 = aws.as_role("s3", aws.role(allow(["s3:GetObject", "s3:DeleteObject"], "*")))
    key = {"Bucket": bucket, "Key": "in/a"}
    resource = f"arn:aws:s3:::{bucket}/in/a"
    assert_denied(refused(s3.get_object, VersionId="1", **key), "s3:GetObjectVersion", resource)
    denied = refused(s3.delete_object, VersionId="1", **key)
    assert_denied(denied, "s3:DeleteObjectVersion", resource)
    assert_denied(refused(s3.get_object_tagging, **key), "s3:GetObjectTagging", resource)


def test_s3__delete_of_many_refuses_key_by_key(aws: Aws, bucket: str) -> None:
    aws.client("s3").put_object(Bucket=bucket, Key="keep/a", Body=b"")
    s3 = aws.as_role("s3", aws.role(allow("s3:DeleteObject", f"arn:aws:s3:::{bucket}/in/*")))
    keys = [{"Key": "in/a"}, {"Key": "keep/a"}]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})
    assert [one["Key"] for one in answer["Deleted"]] == ["in/a"]
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [("keep/a", "AccessDenied")]
    left = aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert [one["Key"] for one in left] == ["keep/a"]


def test_bucket_policy__denies_and_allows(aws: Aws, bucket: str) -> None:
    role = aws.role()
    arns = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    tls = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": arns,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    reader = allow("s3:GetObject", arns, Principal={"AWS": role})
    no_delete = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": arns}
    policy = {"Version": "2012-10-17", "Statement": [tls, reader, no_delete]}
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    s3 = aws.as_role("s3", role)
    assert s3.get_object(Bucket=bucket, Key="in/a")["Body"].read() == b"a"
    deleter = aws.as_role("s3", aws.role(allow("s3:DeleteObject", "*")))
    message = refused(deleter.delete_object, Bucket=bucket, Key="in/a")["Error"]["Message"]
    assert message.endswith("with an explicit deny in a resource-based policy")


def test_kms__key_of_the_customer_is_needed_for_its_objects(aws: Aws, bucket: str) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    }
    aws.client("s3").put_bucket_encryption(
        Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    objects = allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{bucket}/*")
    s3 = aws.as_role("s3", aws.role(objects))
    denied = refused(s3.put_object, Bucket=bucket, Key="k", Body=b"v")
    assert_denied(denied, "kms:GenerateDataKey", key)
    aws.client("s3").put_object(Bucket=bucket, Key="k", Body=b"v")
    assert_denied(refused(s3.get_object, Bucket=bucket, Key="k"), "kms:Decrypt", key)
    s3 = aws.as_role("s3", aws.role(objects, allow(["kms:Decrypt", "kms:GenerateDataKey"], key)))
    s3.put_object(Bucket=bucket, Key="k", Body=b"w")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"w"


def test_json_service__refuses_with_access_denied_exception(aws: Aws) -> None:
    glue = aws.as_role("glue", aws.role(allow("glue:GetTable", "*")))
    denied = refused(glue.get_tables, DatabaseName="d")
    assert denied["Error"]["Code"] == "AccessDeniedException"
    assert denied["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert_denied(denied, "glue:GetTables", f"arn:aws:glue:us-east-1:{ACCOUNT}:catalog")


def test_glue__table_needs_catalog_database_and_table(aws: Aws) -> None:
    prefix = f"arn:aws:glue:us-east-1:{ACCOUNT}:"
    parts = [prefix + "catalog", prefix + "database/d", prefix + "table/d/t"]
    for missing in parts:
        have = [part for part in parts if part != missing]
        glue = aws.as_role("glue", aws.role(allow("glue:GetTable", have)))
        denied = refused(glue.get_table, DatabaseName="D", Name="T")
        assert_denied(denied, "glue:GetTable", missing)


def test_sns__refuses_with_authorization_error(aws: Aws) -> None:
    topic = aws.client("sns").create_topic(Name=unique("t"))["TopicArn"]
    other = f"arn:aws:sns:us-east-1:{ACCOUNT}:" + unique("u")
    aws.client("sns").create_topic(Name=other.rsplit(":", 1)[-1])
    policy = {"Version": "2012-10-17", "Statement": []}
    sns = aws.as_role("sns", aws.role(allow("sns:Publish", topic)))
    sns.publish(TopicArn=topic, Message="m")
    aws.client("sns").set_topic_attributes(
        TopicArn=other, AttributeName="Policy", AttributeValue=json.dumps(policy)
    )
    denied = refused(sns.publish, TopicArn=other, Message="m")
    assert denied["Error"]["Code"] == "AuthorizationError"
    assert_denied(denied, "SNS:Publish".replace("SNS", "sns"), other)


def test_managed_policy_and_boundary__count(aws: Aws) -> None:
    iam = aws.client("iam")

    def managed(*statements: dict[str, Any]) -> str:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        made = iam.create_policy(PolicyName=unique("p"), PolicyDocument=document)
        arn: str = made["Policy"]["Arn"]
        return arn

    role = aws.role()
    name = role.rsplit("/", 1)[-1]
    states = aws.as_role("stepfunctions", role)
    assert "no identity-based policy" in refused(states.list_state_machines)["Error"]["Message"]
    iam.attach_role_policy(RoleName=name, PolicyArn=managed(allow("states:*", "*")))
    states.list_state_machines()
    boundary = managed(allow("s3:*", "*"))
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
    assert "no permissions boundary" in refused(states.list_state_machines)["Error"]["Message"]


def test_policy_change__counts_at_once(aws: Aws) -> None:
    role = aws.role(allow("states:ListStateMachines", "*"))
    states = aws.as_role("stepfunctions", role)
    states.list_state_machines()
    name = role.rsplit("/", 1)[-1]
    aws.client("iam").delete_role_policy(RoleName=name, PolicyName="inline")
    assert_denied(refused(states.list_state_machines), "states:ListStateMachines", "*")


def test_unsupported_condition__stops_the_request_by_name(aws: Aws) -> None:
    condition = {"StringEquals": {"aws:ResourceTag/team": "x"}}
    role = aws.role(allow("states:ListStateMachines", "*", Condition=condition))
    answer = refused(aws.as_role("stepfunctions", role).list_state_machines)
    assert answer["Error"]["Code"] == "UnsupportedPolicy"
    assert "'aws:ResourceTag/team'" in answer["Error"]["Message"]


def test_assume_role__needs_a_role_that_trusts_the_caller(aws: Aws) -> None:
    sts = aws.client("sts")
    missing = f"arn:aws:iam::{ACCOUNT}:role/" + unique("none")
    answer = refused(sts.assume_role, RoleArn=missing, RoleSessionName="test")
    assert answer["Error"]["Code"] == "AccessDenied"
    assert missing in answer["Error"]["Message"]
    only_glue = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "glue.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = aws.role(trust=only_glue)
    assert (
        refused(sts.assume_role, RoleArn=role, RoleSessionName="test")["Error"]["Code"]
        == "AccessDenied"
    )


def test_assume_role__checks_the_external_id(aws: Aws) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": ACCOUNT},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": "right"}},
            }
        ],
    }
    role, sts = aws.role(trust=trust), aws.client("sts")
    sts.assume_role(RoleArn=role, RoleSessionName="test", ExternalId="right")
    refused(sts.assume_role, RoleArn=role, RoleSessionName="test", ExternalId="wrong")
    refused(sts.assume_role, RoleArn=role, RoleSessionName="test")


def test_caller_identity__needs_no_permission(aws: Aws) -> None:
    role = aws.role()
    identity = aws.as_role("sts", role).get_caller_identity()
    name = role.rsplit("/", 1)[-1]
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/test"
    assert aws.client("sts").get_caller_identity()["Account"] == ACCOUNT


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("s3", "list_buckets", "InvalidAccessKeyId"),
        ("glue", "get_databases", "UnrecognizedClientException"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
    ],
)
def test_unknown_access_key__is_refused(aws: Aws, service: str, call: str, code: str) -> None:
    client = aws.client(service, "AKIAIOSFODNN7EXAMPLE", "secret")
    answer = refused(getattr(client, call))
    assert answer["Error"]["Code"] == code
    assert "knows the access key 'root'" in answer["Error"]["Message"]


def test_ledger__has_role_action_resources_and_decision(aws: Aws, bucket: str) -> None:
    role = aws.role(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/in/*"))
    name = role.rsplit("/", 1)[-1]
    s3 = aws.as_role("s3", role)
    s3.get_object(Bucket=bucket, Key="in/a")
    refused(s3.delete_object, Bucket=bucket, Key="in/a")
    status, calls = aws.get(f"/_local/calls?role={name}")
    assert status == 200
    assert [(call["action"], call["resources"], call["decision"]) for call in calls] == [
        ("s3:GetObject", [f"arn:aws:s3:::{bucket}/in/a"], "ALLOW"),
        ("s3:DeleteObject", [f"arn:aws:s3:::{bucket}/in/a"], "DENY"),
    ]
    assert {call["session"] for call in calls} == {"test"}


def test_pass_role__is_checked_for_the_service_that_gets_the_role(aws: Aws) -> None:
    target = aws.role()
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    named = {"definition": definition, "roleArn": target}
    create = allow("states:CreateStateMachine", "*")
    for service, works in (("glue.amazonaws.com", False), ("states.amazonaws.com", True)):
        passing = allow(
            "iam:PassRole", target, Condition={"StringEquals": {"iam:PassedToService": service}}
        )
        states = aws.as_role("stepfunctions", aws.role(create, passing))
        if works:
            states.create_state_machine(name=unique("m"), **named)
        else:
            denied = refused(states.create_state_machine, name=unique("m"), **named)
            assert_denied(denied, "iam:PassRole", target)
