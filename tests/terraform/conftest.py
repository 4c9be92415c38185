"""Terraform folders that the tests here share."""

from __future__ import annotations

import pytest

from tests.rendering import Deployment, Terraform, mocked_deployment, root_module, rules_only


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """The whole module, whose provider has to be mocked."""
    return root_module(tmp_path_factory.mktemp("module"))


@pytest.fixture(scope="session")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """The variables and their rules."""
    return rules_only(tmp_path_factory.mktemp("rules"))


@pytest.fixture(scope="session")
def deployment(module: Terraform) -> Deployment:
    """The module with its default variables."""
    return mocked_deployment(module)
