"""Shared fixtures: a lake in memory, a lake behind a port, and contracts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pyarrow.parquet as pq
import pytest
from moto import mock_aws
from moto.server import ThreadedMotoServer

from medallion.contract.contract import Contract
from medallion.lake.objects import Lake, s3_client
from medallion.readers import raw_object
from medallion.readers.raw_object import RawObject
from tests.unit.files import MakeContract, Read

ROOT = Path(__file__).parents[2]
BUCKET = "medallion-123456789012-us-east-1"


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that mean nothing, and no way to real ones."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "root")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "root")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def loaded_session() -> boto3.Session:
    """A session that keeps the model of S3, whose reading takes longer than most tests."""
    return boto3.Session()


@pytest.fixture
def lake(
    aws_environment: None,
    loaded_session: boto3.Session,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Lake]:
    """An empty, versioned bucket in the memory of this process, for boto3 only."""
    with mock_aws():
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", loaded_session)
        yield _new_lake()


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A moto server on a free port of this machine, for what does not go through boto3."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def served_lake(
    s3_endpoint: str, aws_environment: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Lake]:
    """An empty, versioned bucket behind `AWS_ENDPOINT_URL`, for pyarrow and other processes."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    lake = _new_lake()
    yield lake
    bucket = boto3.resource("s3").Bucket(BUCKET)
    bucket.object_versions.delete()
    bucket.delete()


def _new_lake() -> Lake:
    client = s3_client()
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return Lake(client, BUCKET)


@pytest.fixture
def make_contract() -> MakeContract:
    """Contracts: `make_contract("id", "name", format="csv")`; a column is text, or given whole."""

    def make(*columns: str | dict[str, Any], **settings: Any) -> Contract:
        document: dict[str, Any] = {
            "name": "things",
            "source": {"type": "drop", "table": None, "rows": None, "seed": 42},
            "columns": [
                {"name": c, "type": "string"} if isinstance(c, str) else c for c in columns
            ],
            **settings,
        }
        return Contract.from_json(document)

    return make


@pytest.fixture
def read(tmp_path: Path, make_contract: MakeContract) -> Read:
    """Read bytes as a file of a dataset with these columns: the raw object, and its rows."""

    def reading(
        data: bytes, *columns: str | dict[str, Any], **settings: Any
    ) -> tuple[RawObject, pd.DataFrame]:
        path = tmp_path / "original"
        path.write_bytes(data)
        contract = make_contract(*(columns or ("id", "name")), **settings)
        raw = raw_object.build(path, "incoming/things/file", contract, tmp_path)
        rows = pq.read_table(raw.path).to_pandas(types_mapper=pd.ArrowDtype)
        assert raw.rows_in == len(rows) + raw.rows_refused
        assert raw.rows_out == len(rows)
        return raw, rows

    return reading


@pytest.fixture(scope="session")
def job_python() -> str:
    """The interpreter that has what Glue has: JOB_PYTHON, else .venv-jobs, else this one."""
    own = ROOT / ".venv-jobs/bin/python"
    return os.environ.get("JOB_PYTHON") or str(own if own.exists() else sys.executable)
