"""With a key, whatever can be encrypted is encrypted with it, and the roles may use it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.deployments import Deployment, mocked_deployment
from tests.rendering import Terraform

pytestmark = pytest.mark.xdist_group("terraform-module")

KEY = "arn:aws:kms:us-east-1:123456789012:key/lake"
CATALOG_KEY = "arn:aws:kms:us-east-1:123456789012:key/catalog"
CONFIGURATION = "medallion"
# A resource that has an argument of this name can be encrypted with a key, or is Glue's, which can.
ENCRYPTS = re.compile(r"kms_.*key.*|security_configuration")
NOT_ENCRYPTED = {
    "aws_s3_object",  # as the bucket is
    "aws_sfn_state_machine",  # docs/encryption.md says why not
}
WITHOUT_KEY = {"medallion-arrival-rule", "medallion-crawl"}


@pytest.fixture(scope="module")
def encrypted(module: Terraform) -> Deployment:
    return mocked_deployment(module, "key")


def settings(values: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the path and the value of what names a key, in the values of a resource."""
    if isinstance(values, dict):
        for name, value in values.items():
            place = f"{path}.{name}"
            if ENCRYPTS.fullmatch(name) and not isinstance(value, dict | list):
                yield place, value
            else:
                yield from settings(value, place)
    elif isinstance(values, list):
        for value in values:
            yield from settings(value, path)


def test_resources__all_name_the_key(encrypted: Deployment) -> None:
    found = {
        place: value
        for resource in encrypted.resources
        if resource["type"] not in NOT_ENCRYPTED
        for place, value in settings(resource["values"], resource["address"])
        if not place.endswith("kms_data_key_reuse_period_seconds")
    }
    kinds = {re.split(r"\.|\[", place.split("module.")[-1].split(".", 1)[1])[0] for place in found}
    assert kinds >= {
        "aws_athena_workgroup",
        "aws_cloudwatch_log_group",
        "aws_glue_crawler",
        "aws_glue_job",
        "aws_glue_security_configuration",
        "aws_s3_bucket_server_side_encryption_configuration",
        "aws_sns_topic",
        "aws_sqs_queue",
    }
    plain = {place: value for place, value in found.items() if value not in (KEY, CONFIGURATION)}
    # Bookmarks, which no job keeps, are the only thing of Glue without one.
    assert [place for place in plain if "job_bookmarks_encryption" not in place] == []


def test_roles__may_use_the_key_if_they_touch_what_it_encrypts(encrypted: Deployment) -> None:
    keys = {
        role: {key for s in statements if s["Sid"] == "UseKeys" for key in s["Resource"]}
        for role, statements in encrypted.policies.items()
    }
    assert {role for role, found in keys.items() if KEY not in found} == WITHOUT_KEY
    # Who reads or writes the catalog.
    assert {role for role, found in keys.items() if CATALOG_KEY in found} == {
        "medallion-check",
        "medallion-crawler",
    }


def test_roles_of_glue__may_give_their_log_groups_the_key(encrypted: Deployment) -> None:
    for role, statements in encrypted.policies.items():
        if role.endswith(("-job", "-crawler")):
            [logs] = [s for s in statements if s["Sid"] == "WriteLogs"]
            assert "logs:AssociateKmsKey" in logs["Action"], role
            assert all(":log-group:/aws-glue/" in resource for resource in logs["Resource"]), role


def test_lake_formation__is_asked_by_crawlers_and_checks_alone(
    encrypted: Deployment, deployment: Deployment
) -> None:
    def asking(found: Deployment) -> set[str]:
        return {
            role
            for role, statements in found.policies.items()
            if any("lakeformation:GetDataAccess" in s["Action"] for s in statements)
        }

    assert asking(encrypted) == {"medallion-check", "medallion-crawler"}
    assert asking(deployment) == set()
