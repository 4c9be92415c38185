"""Terraform folders that the tests here share."""

from __future__ import annotations

import pytest

from tests.rendering import EVENT_RUN, Deployment, Terraform, mocked_deployment


@pytest.fixture(scope="session")
def event_deployment(module: Terraform) -> Deployment:
    """The module with datasets of which files arrive."""
    return mocked_deployment(module, EVENT_RUN)
