"""The module with everything that it can have: the state machine of arrivals too."""

from __future__ import annotations

import pytest

from tests.deployments import Deployment, mocked_deployment
from tests.rendering import Terraform


@pytest.fixture(scope="session")
def deployment(module: Terraform) -> Deployment:
    """The module with datasets whose files start runs."""
    return mocked_deployment(module, "events")
