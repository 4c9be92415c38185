"""The module as Terraform renders it, for the tests that share it."""

from __future__ import annotations

import pytest

from tests.rendering import Deployment, Terraform, mocked_deployment, root_module


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """The whole module, whose provider has to be mocked."""
    return root_module(tmp_path_factory.mktemp("module"))


@pytest.fixture(scope="session")
def deployment(module: Terraform) -> Deployment:
    """The module with its default variables."""
    return mocked_deployment(module)
