"""SQL that was edited in the bucket stays as it is there, until its file is edited too."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from python_terraform import Terraform

from local.server import LocalAws
from local.server import variables as local_aws_variables
from ops.environment import JOB_PYTHON, ROOT, terraform_environment

KEY = "config/models/dim_product.sql"
CONFIG: dict[str, Any] = {
    "provider": {"aws": {"s3_use_path_style": True, "default_tags": {"tags": {"project": "shop"}}}},
    "resource": {"aws_s3_bucket": {"lake": {"bucket": "lake", "force_destroy": True}}},
    "module": {
        "catalog": {
            "source": "./modules/catalog",
            "bucket": {"name": "${aws_s3_bucket.lake.bucket}", "arn": "${aws_s3_bucket.lake.arn}"},
            "context": {
                "name": "shop",
                "account_id": "123456789012",
                "partition": "aws",
                "region": "us-east-1",
                "arn_format": "arn:aws:%s:us-east-1:123456789012:%s",
            },
            "database_prefix": "shop",
            "datasets": {},
            "models": {
                "dim_product": {
                    "stage": "dimension",
                    "engine": "duckdb",
                    "partition_by": [],
                    "checks": {
                        "not_null": [],
                        "unique": [],
                        "accepted_values": {},
                        "row_count": {"min": None, "max": None},
                        "sql": {},
                    },
                }
            },
            "models_directory": "./sql",
            "scan_limit_mebibytes": 10,
            "stages": ["dimension"],
        }
    },
}


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Terraform, Any]]:
    """The catalog of one model on a local AWS, and a client of its bucket."""
    folder = tmp_path_factory.mktemp("catalog")
    (folder / "main.tf.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (folder / "versions.tf").symlink_to(ROOT / "versions.tf")
    (folder / "modules").symlink_to(ROOT / "modules")
    (folder / "sql").mkdir()
    (folder / "sql/dim_product.sql").write_text("SELECT 1 AS local\n", encoding="utf-8")
    with LocalAws(job_python=JOB_PYTHON) as aws, pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        settings = {**terraform_environment({}), **local_aws_variables(aws.endpoint)}
        for name, value in settings.items():
            patch.setenv(name, value)
        terraform = Terraform(working_dir=str(folder))
        succeed(terraform.init(input=False))
        succeed(terraform.apply(skip_plan=True))
        yield terraform, boto3.session.Session().client("s3")


def succeed(outcome: tuple[int, str, str]) -> str:
    code, out, err = outcome
    assert code == 0, f"{out}\n{err}"
    return out


def test_sql__edited_in_the_bucket__is_no_drift(applied: tuple[Terraform, Any]) -> None:
    terraform, s3 = applied
    # As a tool may put it: with a type and metadata of its own choice.
    s3.put_object(
        Bucket="lake",
        Key=KEY,
        Body=b"SELECT 2 AS edited\n",
        ContentType="text/plain",
        Metadata={"editor": "me"},
    )
    told = succeed(terraform.apply(skip_plan=True))
    assert "0 added, 0 changed, 0 destroyed" in told
    assert s3.get_object(Bucket="lake", Key=KEY)["Body"].read() == b"SELECT 2 AS edited\n"


def test_sql__whose_file_is_edited__replaces_that_in_the_bucket(
    applied: tuple[Terraform, Any],
) -> None:
    terraform, s3 = applied
    file = Path(str(terraform.working_dir), "sql/dim_product.sql")
    file.write_text("SELECT 3 AS newer\n", encoding="utf-8")
    succeed(terraform.apply(skip_plan=True))
    assert s3.get_object(Bucket="lake", Key=KEY)["Body"].read() == b"SELECT 3 AS newer\n"
