"""The Makefile: every target documented, few of them, texts untouched."""

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


def test_targets__are_few_and_unique() -> None:
    assert len(TARGETS) < 22
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
    "text", ["SELECT 'a', \"$path\" FROM t", "it's $1 -- 100 %", "SELECT `x` || '#' AS \"y z\""]
)
@pytest.mark.parametrize(
    ("name", "seen_as"), [("SQL", "SQL"), ("REASON", "REASON"), ("TOKEN", "TASK_TOKEN")]
)
def test_texts__reach_the_command_as_they_were_typed(
    text: str, name: str, seen_as: str, tmp_path: Path
) -> None:
    # Neither make nor the shell may expand $path, or take the quotes.
    assert probed(seen_as, tmp_path, f"{name}={text}") == text


def test_token__of_the_environment_is_no_task_token(tmp_path: Path) -> None:
    # What others keep under this name may be a secret, and would be sent to AWS.
    assert probed("TASK_TOKEN", tmp_path, TOKEN="a secret of another program") == ""


def probed(name: str, folder: Path, *arguments: str, **environ: str) -> str:
    """Value of a variable of the environment, as the recipes of the Makefile see it."""
    output = folder / "value"
    probe = folder / "probe.mk"
    probe.write_text(f"include {ROOT}/Makefile\nprobe:\n\t@printf '%s' \"$${name}\" > {output}\n")
    make("-f", str(probe), "probe", *arguments, **environ)
    return output.read_text()


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        (["approve"], 'approve --run "" --dataset ""'),
        (["approve", "RUN=air-1", "DATASET=flights"], 'approve --run "air-1" --dataset "flights"'),
        (["reject", "RUN=air-1", "REASON=no"], 'reject --run "air-1" --dataset ""'),
    ],
)
def test_requests__are_named_to_the_command(call: list[str], wanted: str) -> None:
    assert make("--dry-run", *call).splitlines()[-1].endswith(wanted)


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ([], '--name "" --probes ""'),
        (["YES=1", "KEEP=0", "SPARK=1"], '--name "" --probes "" --yes'),
        (
            ["NAME=x", "PROBES=a,b", "KEEP=1", "SPARK=0"],
            '--name "x" --probes "a,b" --keep --no-spark',
        ),
    ],
)
def test_conform__takes_what_its_text_names(call: list[str], wanted: str) -> None:
    line = make("--dry-run", "conform", *call).splitlines()[-1]
    assert line.split(" conform ")[1].split() == wanted.split()


def test_ci_run__calls_the_targets_from_any_directory() -> None:
    path = ROOT / ".ci/run"
    assert os.access(path, os.X_OK)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "make lint test\n" in text
    assert "make demo\n" in text
    assert 'cd "$(dirname' in text
