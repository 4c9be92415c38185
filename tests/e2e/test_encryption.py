"""The retail sample with a key, made as docs/encryption.md says: it runs, tells, and goes.

The last test destroys the deployment that the others share.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from python_terraform import Terraform

from tests.e2e.lake import ROOT, Lake, Run, deployed, destroy, done, until

pytestmark = pytest.mark.xdist_group("encryption")


def make_key(folder: Path) -> Mapping[str, Any]:
    """Apply the key of the guide, and return the variable that names it."""
    guide = (ROOT / "docs/encryption.md").read_text(encoding="utf-8")
    [configuration] = re.findall(r"```hcl\n(.*?)```", guide, re.DOTALL)
    folder.mkdir()
    (folder / "main.tf").write_text(configuration, encoding="utf-8")
    terraform = Terraform(working_dir=str(folder))
    done(terraform.init(input=False))
    done(terraform.apply(skip_plan=True))
    return {"kms_key_arn": terraform.output()["kms_key_arn"]["value"]}


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lake, Run]]:
    folder = tmp_path_factory.mktemp("encryption")
    variables = {"monitoring": {"freshness_hours": 1}}
    with deployed(folder, variables, before=lambda: make_key(folder / "key")) as lake:
        lake.local("DELETE", "calls")
        run = lake.wait(lake.start())
        assert run.status == "SUCCEEDED", run.cause
        yield lake, run


@pytest.fixture
def lake(encrypted: tuple[Lake, Run]) -> Lake:
    return encrypted[0]


@pytest.fixture(scope="module")
def key(encrypted: tuple[Lake, Run]) -> str:
    [alias] = encrypted[0].client("kms").list_keys()["Keys"]
    return str(alias["KeyArn"])


def test_run__uses_the_key_and_is_denied_nothing(lake: Lake, key: str) -> None:
    calls = lake.local("GET", "calls")
    assert [call for call in calls if call["decision"] == "DENY"] == []
    used = {call["role"] for call in calls if call["resources"] == [key]}
    assert used >= {
        *("medallion-check", "medallion-crawler", "medallion-ingest-job", "medallion-model"),
        *("medallion-model-job", "medallion-notify", "medallion-pipeline"),
        "medallion-transform-job",
    }
    stored = {
        lake.s3.head_object(Bucket=lake.bucket, Key=name).get("SSEKMSKeyId")
        for prefix in ("raw/", "processed/", "analytics/", "runs/", "athena-results/")
        for name in lake.keys(prefix)
    }
    assert stored == {key}


def test_log_groups__all_have_the_key(lake: Lake, key: str) -> None:
    groups = lake.client("logs").describe_log_groups()["logGroups"]
    assert {group.get("kmsKeyId") for group in groups} == {key}
    names = " ".join(group["logGroupName"] for group in groups)
    for prefix in ("/aws-glue/crawlers", "/aws-glue/python-jobs", "/aws/events", "/aws/vended"):
        assert prefix in names


def test_messages__of_runs_alarms_and_rules_arrive(lake: Lake) -> None:
    def told(word: str) -> bool:
        return any(word in str(m["subject"]) + m["message"] for m in lake.notifications())

    assert told("SUCCEEDED")
    lake.local("POST", "alarms/evaluate?hours_ahead=26")
    assert told('ALARM: "medallion-freshness"')
    arn = lake.start()
    lake.states.stop_execution(executionArn=arn)
    until(lambda: told("CUT OFF"), "the mail")
    assert lake.local("GET", "events/failures")["failures"] == []


@pytest.mark.parametrize(
    ("encryption", "allowed"),
    [
        ({}, True),
        ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "KEY"}, True),
        ({"ServerSideEncryption": "AES256"}, False),
        ({"ServerSideEncryption": "aws:kms"}, False),
        ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "OTHER"}, False),
        ({"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "0" * 32}, False),
    ],
)
def test_put__that_names_another_encryption__is_denied(
    encryption: dict[str, str], allowed: bool, lake: Lake, key: str
) -> None:
    given = {k: {"KEY": key, "OTHER": f"{key}0"}.get(v, v) for k, v in encryption.items()}
    where = {"Bucket": lake.bucket, "Key": "incoming/x.csv", "Body": b"x"}
    if allowed:
        assert lake.s3.put_object(**where, **given)["SSEKMSKeyId"] == key
    else:
        with pytest.raises(ClientError, match="explicit deny in a resource-based policy"):
            lake.s3.put_object(**where, **given)
        with pytest.raises(ClientError, match="explicit deny in a resource-based policy"):
            lake.s3.create_multipart_upload(Bucket=lake.bucket, Key="incoming/x.csv", **given)


def test_plan__with_a_key__has_no_changes(lake: Lake) -> None:
    code, out, err = lake.terraform.plan(detailed_exitcode=True)
    assert code == 0, f"{out}\n{err}"


def test_key__taken_away__leaves_nothing_that_needs_it(lake: Lake) -> None:
    """The provider sent the old key with the next change of an object, and the bucket denied it."""
    lake.set_variables(kms_key_arn=None, stages=["dimension", "fact", "mart", "later"])
    lake.apply()
    stored = {
        lake.s3.head_object(Bucket=lake.bucket, Key=name).get("ServerSideEncryption")
        for prefix in ("code/", "config/")
        for name in lake.keys(prefix)
    }
    assert stored == {"AES256"}
    crawlers = lake.glue.get_crawlers()["Crawlers"]
    assert not any(crawler.get("CrawlerSecurityConfiguration") for crawler in crawlers)


def test_deployment__with_a_key__destroyed__leaves_nothing(lake: Lake) -> None:
    destroy(lake)
    groups = lake.client("logs").describe_log_groups()["logGroups"]
    left = {
        "buckets": lake.s3.list_buckets()["Buckets"],
        "configurations": lake.glue.get_security_configurations()["SecurityConfigurations"],
        # Glue's own stay, as they do without a key.
        "groups": [g for g in groups if not g["logGroupName"].startswith("/aws-glue/")],
        "roles": lake.client("iam").list_roles()["Roles"],
        "topics": lake.client("sns").list_topics()["Topics"],
    }
    assert all(not found for found in left.values()), left
