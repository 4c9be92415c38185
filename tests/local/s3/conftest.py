"""A client of S3, and a bucket."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.conftest import Aws


@pytest.fixture
def s3(aws: Aws) -> Any:
    return aws.client("s3")


@pytest.fixture
def bucket(aws: Aws) -> str:
    return aws.bucket()
