"""Terraform folders that the tests here share."""

from __future__ import annotations

import pytest

from tests.rendering import Terraform, rules_only


@pytest.fixture(scope="session")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """The variables and their rules."""
    return rules_only(tmp_path_factory.mktemp("rules"))
