"""The module as Terraform renders it, for the tests that share it."""

from __future__ import annotations

import os

import pytest

from tests.deployments import Deployment, mocked_deployment
from tests.rendering import Terraform, root_module

# Terraform holds much and drops little: else a quarter of its time would go to collecting garbage.
os.environ.setdefault("GOGC", "400")


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """The whole module, whose provider has to be mocked."""
    return root_module(tmp_path_factory.mktemp("module"))


@pytest.fixture(scope="session")
def deployment(module: Terraform) -> Deployment:
    """The module with its default variables."""
    return mocked_deployment(module)
