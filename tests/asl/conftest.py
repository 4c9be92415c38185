"""The state machines as Terraform renders them, with the policies of their roles."""

from __future__ import annotations

import pytest

from tests.rendering import Deployment, mocked_deployment, root_module


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The module with its default variables."""
    return mocked_deployment(root_module(tmp_path_factory.mktemp("module")))
