"""The module with everything that it can have: the state machine of arrivals too."""

from __future__ import annotations

import pytest

from tests.rendering import EVENT_RUN, Deployment, Terraform, mocked_deployment


@pytest.fixture(scope="session")
def deployment(module: Terraform) -> Deployment:
    """The module with datasets whose files start runs."""
    return mocked_deployment(module, EVENT_RUN)
