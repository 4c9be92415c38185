"""`make conform TARGET=local`: all as assumed, and a local AWS that behaves otherwise is found out.

One deployment is kept for all tests; the last one destroys it.
"""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ops import localaws, run
from ops.conform import command, deployment, outcome
from ops.conform.assumptions import ASSUMPTIONS
from ops.conform.command import Options
from ops.conform.lab import Lab
from ops.conform.outcome import AS_ASSUMED, NOT_PROBED, OTHERWISE
from tests.e2e import deviations

pytestmark = pytest.mark.xdist_group("conform")
PLUGIN = "tests.e2e.deviations:deviate"
# What depends on this machine, or on Spark jobs, which have tests of their own.
NOT_HERE = {"glue-shell-runtime", *(one.id for one in ASSUMPTIONS if one.id.startswith("spark-"))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where deployments are kept; the environment is put back, which a local target changes."""
    before = dict(os.environ)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deployment, "FOLDER", tmp_path_factory.mktemp("conform"))
        patch.setattr(run, "LOCAL_POLL_SECONDS", 1)  # nobody watches
        yield deployment.FOLDER
        for kept in deployment.FOLDER.glob("*/session.json"):
            localaws.stop(kept.parent)
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def first(folder: Path) -> tuple[int, dict[str, Any]]:
    """Exit code and report of the whole, whose deployment is kept."""
    code = command.conform(Options("local", keep=True, spark=False, plugin=PLUGIN))
    return code, report(folder)


def report(folder: Path) -> dict[str, Any]:
    [path] = folder.glob("*.json")
    document: dict[str, Any] = json.loads(path.read_text())
    return document


@pytest.fixture(scope="module")
def lab(first: tuple[int, dict[str, Any]]) -> Lab:
    kept = deployment.load(first[1]["name"])
    opened = command._lab(kept, kept.target())
    opened.ear.open()
    return opened


@contextmanager
def deviating(lab: Lab, name: str) -> Iterator[None]:
    """Let the local AWS behave otherwise in one thing."""
    session = lab.target.session
    assert session is not None

    def switch(to: str) -> None:
        url = f"{session.endpoint}/_deviate?{to}"
        with urllib.request.urlopen(urllib.request.Request(url, method="POST")):
            pass

    switch(name)
    try:
        yield
    finally:
        switch("")


def test_conform__on_the_local_aws__finds_all_as_assumed(
    first: tuple[int, dict[str, Any]],
) -> None:
    code, document = first
    assert [item for item in document["tables"] if not item["same"]] == []
    assert len(document["tables"]) == 14
    found = {item["id"]: item["found"] for item in document["assumptions"]}
    assert list(found) == [item.id for item in ASSUMPTIONS]
    unprobed = {item.id for item in ASSUMPTIONS if item.probe is None} | NOT_HERE
    assert {name for name, what in found.items() if what == NOT_PROBED} == unprobed
    assert {what for name, what in found.items() if name not in unprobed} == {AS_ASSUMED}
    assert document["failures"] == document["left"] == []
    assert code == 0


def test_report__has_no_account_number(folder: Path, first: tuple[int, dict[str, Any]]) -> None:
    [path] = folder.glob("*.json")
    assert "123456789012" not in path.read_text()
    assert "<account>" in path.read_text()


@pytest.mark.parametrize("name", deviations.ALL)
def test_deviation__is_named__and_it_alone(name: str, lab: Lab) -> None:
    with deviating(lab, name):
        [found] = outcome.probe(lab, outcome.chosen(ASSUMPTIONS, [name]))
    assert (found.id, found.found) == (name, OTHERWISE), found


def test_command__that_finds_a_deviation__fails_and_says_what_happens(
    folder: Path, lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    with deviating(lab, "states-token-unknown"):
        options = Options(name=lab.name, keep=True, probes=["states-token-unknown"])
        assert command.conform(options) == 1
    [found] = report(folder)["assumptions"]
    assert (found["id"], found["found"], found["detail"]) == (
        "states-token-unknown",
        OTHERWISE,
        "TaskDoesNotExist",
    )


def test_command__on_a_kept_deployment__destroys_it_and_leaves_nothing(
    folder: Path, lab: Lab
) -> None:
    assert command.conform(Options(name=lab.name, probes=["states-token-used"])) == 0
    assert report(folder)["left"] == []
    assert not (folder / lab.name).exists()
