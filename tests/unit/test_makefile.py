"""The Makefile: every target documented, few of them, SQL untouched."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z][a-z-]*):", TEXT, re.MULTILINE)


def make(*arguments: str, **environ: str) -> str:
    done = subprocess.run(
        ["make", *arguments], cwd=ROOT, env={**os.environ, **environ},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_targets__under_twenty_and_unique() -> None:
    assert len(TARGETS) < 20
    assert len(set(TARGETS)) == len(TARGETS)


def test_targets__are_phony_and_documented() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", TEXT, re.MULTILINE)
    assert phony is not None
    assert sorted(phony[1].split()) == sorted(TARGETS)
    for target in TARGETS:
        assert re.search(rf"^{target}:.*## [A-Z].*", TEXT, re.MULTILINE), target


def test_help__is_the_default_and_names_every_target() -> None:
    shown = make()
    assert shown == make("help")
    assert re.findall(r"^  ([a-z-]+) ", shown, re.MULTILINE) == TARGETS


@pytest.mark.parametrize("target", [name for name in TARGETS if name not in ("help", "setup")])
def test_targets__set_themselves_up(target: str) -> None:
    line = re.search(rf"^{target}:(.*)##", TEXT, re.MULTILINE)
    assert line is not None
    assert line[1].split()[0] in ("setup", "local-down")


def test_lint__edits_nothing() -> None:
    recipe = make("--dry-run", "lint")
    for command in recipe.splitlines():
        if "ruff format" in command or "terraform fmt" in command or "ops docs" in command:
            assert "check" in command
        assert "--fix" not in command


@pytest.mark.parametrize(
    "sql", ["SELECT 'a', \"$path\" FROM t", "SELECT $1 -- it's", "SELECT `x` || '#' AS \"y z\""]
)
def test_query__sql_reaches_the_command_as_it_was_typed(sql: str, tmp_path: Path) -> None:
    # `make query` must not expand $path, nor let the shell take the quotes.
    output = tmp_path / "sql"
    probe = tmp_path / "probe.mk"
    probe.write_text(f"include {ROOT}/Makefile\nprobe:\n\t@printf '%s' \"$$SQL\" > {output}\n")
    make("-f", str(probe), "probe", f"SQL={sql}")
    assert output.read_text() == sql


def test_ci_run__calls_the_targets_from_any_directory() -> None:
    path = ROOT / ".ci/run"
    assert os.access(path, os.X_OK)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "make lint test\n" in text
    assert "make demo\n" in text
    assert 'cd "$(dirname' in text
