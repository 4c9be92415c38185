"""Keys of customers: their policies decide for roles, and for services that have no role."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import ACCOUNT, Aws, allow, unique, until
from tests.local.iam.test_authorisation import refused
from tests.local.lake import LOGS, Lake

ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
USE = ["kms:Decrypt", "kms:GenerateDataKey*"]
LOG_USE = ["kms:Encrypt*", "kms:Decrypt*", "kms:GenerateDataKey*", "kms:Describe*"]


def for_service(service: str, actions: list[str], **more: Any) -> dict[str, Any]:
    return allow(actions, "*", Principal={"Service": service}, **more)


def make_key(aws: Aws, *statements: dict[str, Any], delegated: bool = True) -> str:
    """Make a key that the policies of the account may allow, and these statements."""
    account = allow("kms:*" if delegated else "kms:PutKeyPolicy", "*", Principal=ROOT)
    policy = {"Version": "2012-10-17", "Statement": [account, *statements]}
    made = aws.client("kms").create_key(Policy=json.dumps(policy))
    return str(made["KeyMetadata"]["Arn"])


def topic_with(aws: Aws, key: str, *statements: dict[str, Any]) -> str:
    sns = aws.client("sns")
    topic: str = sns.create_topic(Name=unique("t"), Attributes={"KmsMasterKeyId": key})["TopicArn"]
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy)
    )
    return topic


# ---------------------------------------------------------------------------------------- roles


def test_role__needs_the_keys_policy_to_let_the_accounts_policies_count(aws: Aws) -> None:
    publish = allow("sns:Publish", "*")
    role = aws.role(publish, allow(["kms:Decrypt", "kms:GenerateDataKey"], "*"))
    sns = aws.as_role("sns", role)
    sns.publish(TopicArn=topic_with(aws, make_key(aws)), Message="m")
    shut = topic_with(aws, make_key(aws, delegated=False))
    message = refused(sns.publish, TopicArn=shut, Message="m")["Error"]["Message"]
    assert message.endswith("no resource-based policy allows the kms:GenerateDataKey action")
    own = allow(["kms:Decrypt", "kms:GenerateDataKey"], "*", Principal={"AWS": role})
    sns.publish(TopicArn=topic_with(aws, make_key(aws, own, delegated=False)), Message="m")


@pytest.mark.parametrize("right", ["kms:Decrypt", "kms:GenerateDataKey"])
def test_role__without_rights_on_the_key_publishes_and_sends_nothing(aws: Aws, right: str) -> None:
    key = make_key(aws)
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=unique("q"), Attributes={"KmsMasterKeyId": key})["QueueUrl"]
    rights = {"kms:Decrypt", "kms:GenerateDataKey"} - {right}
    role = aws.role(allow(["sns:Publish", "sqs:*"], "*"), allow(sorted(rights), key))
    denied = refused(aws.as_role("sns", role).publish, TopicArn=topic_with(aws, key), Message="m")
    assert f"not authorized to perform: {right}" in denied["Error"]["Message"]
    denied = refused(aws.as_role("sqs", role).send_message, QueueUrl=url, MessageBody="m")
    assert f"not authorized to perform: {right}" in denied["Error"]["Message"]
    reads = right == "kms:GenerateDataKey"
    sqs.send_message(QueueUrl=url, MessageBody="m")
    if reads:
        assert aws.as_role("sqs", role).receive_message(QueueUrl=url)["Messages"]
    else:
        refused(aws.as_role("sqs", role).receive_message, QueueUrl=url)


def test_topic_policy__that_allows_the_account_allows_no_role(aws: Aws) -> None:
    topic = aws.client("sns").create_topic(Name=unique("t"))["TopicArn"]
    policy = {"Version": "2012-10-17", "Statement": [allow("sns:*", topic, Principal=ROOT)]}
    aws.client("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy)
    )
    refused(aws.as_role("sns", aws.role()).publish, TopicArn=topic, Message="m")


def test_encrypted_catalog__takes_rights_on_its_key(aws: Aws) -> None:
    lake, key = Lake(aws), make_key(aws)
    at_rest = {"CatalogEncryptionMode": "SSE-KMS", "SseAwsKmsKeyId": key}
    settings = {"EncryptionAtRest": at_rest}
    lake.glue.put_data_catalog_encryption_settings(DataCatalogEncryptionSettings=settings)
    try:
        glue = aws.as_role("glue", aws.role(allow("glue:*", "*")))
        denied = refused(glue.get_database, Name=lake.database)
        assert "not authorized to perform: kms:Decrypt" in denied["Error"]["Message"]
        reader = aws.as_role("glue", aws.role(allow("glue:*", "*"), allow("kms:Decrypt", key)))
        reader.get_database(Name=lake.database)
        table = {"DatabaseName": lake.database, "TableInput": {"Name": "t"}}
        refused(reader.create_table, **table)
    finally:
        off = {"EncryptionAtRest": {"CatalogEncryptionMode": "DISABLED"}}
        lake.glue.put_data_catalog_encryption_settings(DataCatalogEncryptionSettings=off)


# ------------------------------------------------------------------------------------- services


@pytest.mark.parametrize("allowed", [False, True])
def test_rule__publishes_and_buries_only_with_a_key_that_lets_it(aws: Aws, allowed: bool) -> None:
    events = aws.client("events")
    key = make_key(aws, *([for_service("events.amazonaws.com", USE)] if allowed else []))
    service = {"Service": "events.amazonaws.com"}
    topic = topic_with(aws, key, allow("sns:Publish", "*", Principal=service))
    rule, source = unique("rule"), unique("source")
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": topic}])
    entry = {"Source": source, "DetailType": "d", "Detail": "{}"}
    events.put_events(Entries=[entry])

    def outcome() -> str | None:
        if aws.get(f"/_local/notifications?topic={topic}")[1]:
            return "published"
        failures = aws.get("/_local/events/failures")[1]["failures"]
        return next((f["error"] for f in failures if f["target"] == topic), None)

    found = until(outcome, "the event to be delivered or not")
    wanted = f"the policy of {key} does not allow kms:GenerateDataKey to events.amazonaws.com"
    assert found == ("published" if allowed else wanted)


@pytest.mark.parametrize("named", ["right", "other", "none"])
def test_log_group__takes_a_key_that_lets_logs_in_for_it(aws: Aws, named: str) -> None:
    logs, group = aws.client("logs"), unique("/group/g")
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:"
    pattern = {"right": "/group/*", "other": "/else/*"}.get(named)
    condition = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"{arn}{pattern}"}}
    statement = for_service("logs.us-east-1.amazonaws.com", LOG_USE, Condition=condition)
    key = make_key(aws, *([statement] if pattern else []))
    logs.create_log_group(logGroupName=f"{group}-later")
    if named == "right":
        logs.create_log_group(logGroupName=group, kmsKeyId=key)
        logs.associate_kms_key(logGroupName=f"{group}-later", kmsKeyId=key)
        found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        assert [one["kmsKeyId"] for one in found] == [key, key]
        logs.disassociate_kms_key(logGroupName=group)
        found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        assert [one.get("kmsKeyId") for one in found] == [None, key]
    else:
        with pytest.raises(ClientError, match="does not exist or is not allowed to be used"):
            logs.create_log_group(logGroupName=group, kmsKeyId=key)
        with pytest.raises(ClientError, match="does not exist or is not allowed to be used"):
            logs.associate_kms_key(logGroupName=f"{group}-later", kmsKeyId=key)


def test_security_configuration__takes_a_right_to_give_logs_the_key(aws: Aws) -> None:
    lake = Lake(aws)
    statement = for_service("logs.us-east-1.amazonaws.com", LOG_USE)
    key, configuration = make_key(aws, statement), unique("configuration")
    encryption = {"CloudWatchEncryptionMode": "SSE-KMS", "KmsKeyArn": key}
    lake.glue.create_security_configuration(
        Name=configuration, EncryptionConfiguration={"CloudWatchEncryption": encryption}
    )
    rights = allow(["s3:*", "glue:*"], "*")
    role = aws.role(LOGS, rights, service="glue.amazonaws.com")
    with pytest.raises(lake.glue.exceptions.EntityNotFoundException):
        lake.crawler("raw/t/", role=role, CrawlerSecurityConfiguration="nowhere")
    name = lake.crawler("raw/t/", role=role, CrawlerSecurityConfiguration=configuration)
    last = lake.crawl(name)
    assert last["Status"] == "FAILED"
    assert "not authorized to perform: logs:AssociateKmsKey" in last["ErrorMessage"]
    both = aws.role(LOGS, rights, allow("logs:AssociateKmsKey", "*"), service="glue.amazonaws.com")
    lake.glue.update_crawler(Name=name, Role=both)
    last = lake.crawl(name)
    assert last["Status"] == "SUCCEEDED"
    logs = aws.client("logs").describe_log_groups(logGroupNamePrefix=last["LogGroup"])
    assert [group["kmsKeyId"] for group in logs["logGroups"]] == [key]


# ------------------------------------------------------------------------------------------- s3


def test_bucket_policy__denies_the_root_too_but_not_its_own_change(aws: Aws) -> None:
    s3, bucket = aws.client("s3"), aws.bucket()
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resources}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    refused(s3.put_object, Bucket=bucket, Key="k", Body=b"")
    s3.delete_bucket_policy(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"")


@pytest.mark.parametrize(
    "right",
    ["s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"],
)
def test_s3a__asks_for_the_rights_of_its_committers(aws: Aws, right: str) -> None:
    bucket = aws.bucket()
    role = aws.role(allow("s3:*", "*"))
    aws.deny(role, right)
    s3 = aws.as_role("s3", role)
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    agent = "Hadoop 3.3.1, aws-sdk-java/1.11.901"
    s3.meta.events.register("before-send.s3", lambda request, **_: _as(request, agent))
    message = refused(s3.put_object, Bucket=bucket, Key="k", Body=b"")["Error"]["Message"]
    assert f"not authorized to perform: {right}" in message


def _as(request: Any, agent: str) -> None:
    request.headers["User-Agent"] = agent
