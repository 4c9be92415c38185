"""Terraform folders that the tests here share."""

from __future__ import annotations

import pytest

from tests.rendering import EVENT_RUN, Deployment, Terraform, mocked_deployment, rules_only


@pytest.fixture(scope="session")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """The variables and their rules."""
    return rules_only(tmp_path_factory.mktemp("rules"))


@pytest.fixture(scope="session")
def event_deployment(module: Terraform) -> Deployment:
    """The module with datasets of which files arrive."""
    return mocked_deployment(module, EVENT_RUN)
