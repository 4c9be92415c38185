"""Terraform folders that the tests here share."""

from __future__ import annotations

import pytest

from tests.deployments import Deployment, mocked_deployment
from tests.rendering import Terraform


@pytest.fixture(scope="session")
def event_deployment(module: Terraform) -> Deployment:
    """The module with datasets of which files arrive."""
    return mocked_deployment(module, "events")
