"""The suites written in Terraform's own language; what fails in them is in the message."""

from __future__ import annotations

import pytest

from tests.rendering import TESTS, Terraform


@pytest.mark.xdist_group("terraform-module")
def test_module__on_a_mocked_provider(module: Terraform) -> None:
    done = module.run("test", "-no-color", f"-test-directory={TESTS}")
    assert done.code == 0, done.output
    # A deprecated argument would be told here.
    assert "Warning:" not in done.output
