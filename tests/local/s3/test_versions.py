"""Versions of objects: deleted for good, markers too, while others list them."""

from __future__ import annotations

import threading
from typing import Any

from tests.local.conftest import Aws


def all_versions(s3: Any, bucket: str) -> list[dict[str, str]]:
    answer = s3.list_object_versions(Bucket=bucket)
    found = answer.get("Versions", []) + answer.get("DeleteMarkers", [])
    return [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]


def versioned(s3: Any, bucket: str) -> None:
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


def test_listing__has_sizes_and_leaves_the_data_readable(aws: Aws) -> None:
    s3 = aws.client("s3")
    versioned(s3, "versions-listed")
    s3.put_object(Bucket="versions-listed", Key="a", Body=b"one")
    s3.put_object(Bucket="versions-listed", Key="a", Body=b"three")
    listed = s3.list_object_versions(Bucket="versions-listed")["Versions"]
    assert [(item["Size"], item["IsLatest"]) for item in listed] == [(5, True), (3, False)]
    body = s3.get_object(Bucket="versions-listed", Key="a")["Body"].read()
    assert body == b"three"


def test_delete__of_a_marker_and_its_versions__empties_the_bucket(aws: Aws) -> None:
    # moto calls dispose() of delete markers, which have none: terraform destroy failed.
    s3 = aws.client("s3")
    versioned(s3, "versions-deleted")
    s3.put_object(Bucket="versions-deleted", Key="a", Body=b"one")
    s3.delete_object(Bucket="versions-deleted", Key="a")
    found = all_versions(s3, "versions-deleted")
    assert len(found) == 2
    answer = s3.delete_objects(Bucket="versions-deleted", Delete={"Objects": found})
    assert "Errors" not in answer
    assert all_versions(s3, "versions-deleted") == []
    s3.delete_bucket(Bucket="versions-deleted")


def test_listing__of_odd_keys__gives_them_encoded_when_asked(aws: Aws) -> None:
    # The provider asks for it, and could not destroy a bucket with a percent sign in a key.
    s3 = aws.client("s3")
    versioned(s3, "versions-odd")
    keys = ["a b/100% & <ü>+.csv", "plain.csv"]
    for key in keys:
        s3.put_object(Bucket="versions-odd", Key=key, Body=b"x")
    answer = s3.list_object_versions(Bucket="versions-odd", EncodingType="url", Prefix="a b")
    assert [item["Key"] for item in answer["Versions"]] == ["a+b/100%25+%26+%3C%C3%BC%3E%2B.csv"]
    assert (answer["EncodingType"], answer["Prefix"]) == ("url", "a+b")
    # Asked by itself, botocore asks for encoded keys and gives them as they are.
    assert [item["Key"] for item in all_versions(s3, "versions-odd")] == keys


def test_listing__while_keys_are_deleted__does_not_fail(aws: Aws) -> None:
    # terraform destroy lists versions and deletes objects ten at a time.
    s3 = aws.client("s3")
    versioned(s3, "versions-raced")
    errors: list[BaseException] = []

    def churn(name: str) -> None:
        client = aws.client("s3")
        try:
            for _ in range(25):
                put = client.put_object(Bucket="versions-raced", Key=name, Body=b"x")
                client.list_object_versions(Bucket="versions-raced")
                client.list_objects_v2(Bucket="versions-raced")
                client.delete_object(Bucket="versions-raced", Key=name, VersionId=put["VersionId"])
        except Exception as error:  # noqa: BLE001 - of a thread, raised below
            errors.append(error)

    threads = [threading.Thread(target=churn, args=(f"key-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
