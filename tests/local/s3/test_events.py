"""Events of S3: their fields, which requests make one, and that none is lost."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.local.conftest import ACCOUNT, Aws, allow, unique, until
from tests.local.queues import EVENTS, Queue
from tests.local.s3.contents import BIG, content, md5

KEY = "incoming/über & 100%20+1/a b.csv"


def send_events(aws: Aws, bucket: str, *, on: bool = True) -> None:
    configuration: dict[str, Any] = {"EventBridgeConfiguration": {}} if on else {}
    aws.client("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration=configuration
    )


def watch(aws: Aws, bucket: str) -> Queue:
    """Return a queue that gets all events of a bucket."""
    rule = unique("rule")
    queue = Queue(aws, rule)
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    events = aws.client("events")
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "q", "Arn": queue.arn}])
    return queue


def event(queue: Queue) -> dict[str, Any]:
    (message,) = queue.wait()
    found: dict[str, Any] = json.loads(message["Body"])
    return found


@pytest.fixture
def bucket(aws: Aws) -> str:
    name = aws.bucket()
    send_events(aws, name)
    return name


def test_put__of_a_large_object__tells_its_size_and_etag(aws: Aws, bucket: str) -> None:
    queue, data = watch(aws, bucket), content(BIG)
    aws.client("s3").put_object(Bucket=bucket, Key=KEY, Body=data)
    told = event(queue)["detail"]["object"]
    assert (told["key"], told["size"], told["etag"]) == (KEY, BIG, md5(data))


def test_put__has_the_fields_of_aws_and_the_key_as_it_is(aws: Aws, bucket: str) -> None:
    queue, s3 = watch(aws, bucket), aws.client("s3")
    put = s3.put_object(Bucket=bucket, Key=KEY, Body=b"abc", Tagging="a=b")
    found = event(queue)
    detail = found.pop("detail")
    assert re.fullmatch(r"[0-9a-f-]{36}", found.pop("id"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found.pop("time"))
    assert found == {
        "version": "0",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": ACCOUNT,
        "region": "us-east-1",
        "resources": [f"arn:aws:s3:::{bucket}"],
    }
    assert re.fullmatch(r"[0-9A-F]{18}", detail["object"].pop("sequencer"))
    assert re.fullmatch(r"[0-9A-Z]{16}", detail.pop("request-id"))
    assert detail == {
        "version": "0",
        "event-version": "1.0",
        "bucket": {"name": bucket},
        "object": {"key": KEY, "size": 3, "etag": put["ETag"].strip('"')},
        "requester": ACCOUNT,
        "source-ip-address": "127.0.0.1",
        "reason": "PutObject",
    }
    assert queue.messages() == []


def test_copy_and_multipart_upload__are_one_event_each(aws: Aws, bucket: str) -> None:
    queue, s3 = watch(aws, bucket), aws.client("s3")
    source = aws.bucket()
    s3.put_object(Bucket=source, Key="from", Body=b"copied")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": source, "Key": "from"})
    detail = event(queue)["detail"]
    assert (detail["reason"], detail["object"]["key"]) == ("CopyObject", "copy")
    assert detail["object"]["size"] == 6
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    whose = {"Bucket": bucket, "Key": "parts", "UploadId": upload}
    part = s3.upload_part(**whose, PartNumber=1, Body=b"x" * 6_000_000)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    done = s3.complete_multipart_upload(**whose, MultipartUpload=parts)
    detail = event(queue)["detail"]
    assert (detail["reason"], detail["object"]["size"]) == ("CompleteMultipartUpload", 6_000_000)
    assert detail["object"]["etag"] == done["ETag"].strip('"')
    assert queue.messages() == []


def test_versions__are_named_and_later_ones_have_a_higher_sequencer(aws: Aws, bucket: str) -> None:
    queue, s3 = watch(aws, bucket), aws.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    seen = []
    for body in (b"1", b"22"):
        put = s3.put_object(Bucket=bucket, Key="k", Body=body)
        described = event(queue)["detail"]["object"]
        assert described["version-id"] == put["VersionId"]
        assert described["size"] == len(body)
        seen.append(described["sequencer"])
    assert seen[0] < seen[1]


def test_bucket_without_events__sends_none(aws: Aws, bucket: str) -> None:
    other = aws.bucket()
    queue, quiet, s3 = watch(aws, bucket), watch(aws, other), aws.client("s3")
    s3.put_object(Bucket=other, Key="k", Body=b"")
    send_events(aws, bucket, on=False)
    s3.put_object(Bucket=bucket, Key="off", Body=b"")
    send_events(aws, bucket)
    s3.put_object(Bucket=bucket, Key="on", Body=b"")
    assert event(queue)["detail"]["object"]["key"] == "on"
    assert queue.messages() == []
    assert quiet.messages() == []


def test_refused_put_delete_and_tags__are_no_objects_created(aws: Aws, bucket: str) -> None:
    queue, s3 = watch(aws, bucket), aws.client("s3")
    powerless = aws.as_role("s3", aws.role())
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        powerless.put_object(Bucket=bucket, Key="denied", Body=b"")
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.delete_object(Bucket=bucket, Key="k")
    s3.put_object(Bucket=bucket, Key="last", Body=b"")
    keys = [json.loads(m["Body"])["detail"]["object"]["key"] for m in queue.wait(2)]
    assert sorted(keys) == ["k", "last"]
    assert queue.messages() == []


def test_burst_of_a_thousand__is_delivered_whole(aws: Aws, bucket: str) -> None:
    s3, logs, events = aws.client("s3"), aws.client("logs"), aws.client("events")
    group, rule = "/aws/events/" + unique("group"), unique("rule")
    logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}"
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    statement = allow(actions, f"{arn}:*", Principal={"Service": EVENTS})
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    logs.put_resource_policy(policyName=unique("policy"), policyDocument=policy)
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "l", "Arn": arn}])

    def put(number: int) -> None:
        s3.put_object(Bucket=bucket, Key=f"incoming/{number}", Body=b"x")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(1000)))

    def keys() -> list[str]:
        found = logs.filter_log_events(logGroupName=group, limit=10_000)["events"]
        return [json.loads(one["message"])["detail"]["object"]["key"] for one in found]

    until(lambda: len(keys()) >= 1000, "1,000 events")
    assert sorted(keys()) == sorted(f"incoming/{number}" for number in range(1000))
