"""What needs node: packages of npm, pinned in package-lock.json and installed below .local/."""

from __future__ import annotations

import filecmp
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ops.environment import ROOT

_HERE = Path(__file__).parent
_INSTALLED = ROOT / ".local" / "asl-node"
_PINS = ("package.json", "package-lock.json", ".npmrc")


def installed() -> Path:
    """Return a folder with the pinned packages; fail the test where there is no npm."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.fail("node and npm are needed for this test, and are not on PATH: install Node.js.")
    lock = _INSTALLED / "package-lock.json"
    if not (_INSTALLED / "done").exists() or not filecmp.cmp(lock, _HERE / lock.name, False):
        shutil.rmtree(_INSTALLED, ignore_errors=True)
        _INSTALLED.mkdir(parents=True)
        for name in _PINS:
            shutil.copy(_HERE / name, _INSTALLED)
        command = [npm, "ci", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=_INSTALLED, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        (_INSTALLED / "done").touch()
    return _INSTALLED


def run(script: str, *arguments: str, given: Any = None) -> Any:
    """Run a script of this folder beside the packages; return the JSON that it prints."""
    folder = installed()
    shutil.copy(_HERE / script, folder)
    done = subprocess.run(
        ["node", script, *arguments],
        cwd=folder,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
