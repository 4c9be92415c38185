"""local/ is of use to any project: it knows nothing of this one, and runs without it."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.server import environment

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for path in (ROOT / "local").rglob("*.py"))


def quoted(path: Path) -> list[str]:
    """The texts in a module of Python, with those between the fields of f-strings."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def prefixes() -> set[str]:
    """The prefixes of the bucket, each with its slash."""
    (layout,) = (ROOT / "jobs").rglob("layout.py")
    return {found[0] for text in quoted(layout) if (found := re.match(r"[a-z-]+/", text))}


def keys(text: str, name: str) -> set[str]:
    """The keys of a map in HCL, by their indentation."""
    found = re.search(rf"^( *){name} += {{\n(.*?)^\1}}", text, re.MULTILINE | re.DOTALL)
    if found is None:
        return set()
    return set(re.findall(rf"^{found[1]}  ([a-z_]+) += {{", found[2], re.MULTILINE))


def data_names() -> set[str]:
    """The datasets that the module and the examples name, and the models of the examples."""
    settings = [ROOT / "variables.datasets.tf", *ROOT.glob("examples/*/*.tfvars")]
    texts = [path.read_text() for path in settings]
    named = set().union(*(keys(text, "datasets") | keys(text, "default") for text in texts))
    models = {path.stem for path in ROOT.glob("examples/*/models/**/*.sql")}
    return named | models | {path.name for path in ROOT.glob("examples/*") if path.is_dir()}


def defaults() -> set[str]:
    """The names that a deployment has by default: its own, and that of its databases."""
    text = (ROOT / "modules/medallion/variables.tf").read_text()
    found = re.findall(r'variable "(?:name|\w*prefix)" {.*?default += "(\w+)"', text, re.DOTALL)
    return {f"{name}" for name in found}


def folders() -> set[str]:
    """The other folders of the repository, each with its slash."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    names = {line.split("/")[0] for line in listed if "/" in line}
    return {f"{name}/" for name in names if not name.startswith(".") and name != "local"}


def commands() -> set[str]:
    makefile = (ROOT / "Makefile").read_text()
    return {f"make {name}" for name in re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE)}


def jobs() -> set[str]:
    """The scripts of the jobs and the state machines, as files."""
    scripts = {path.name for path in (ROOT / "jobs").glob("*.py")}
    return scripts | {path.name for path in (ROOT / "asl").iterdir()}


WORDS = {
    "prefixes": (prefixes, {"raw/", "archive/"}),
    "data": (data_names, {"flights", "sales", "retail"}),
    "defaults": (defaults, {"medallion", "workshop"}),
    "folders": (folders, {"jobs/", "ops/", "tests/"}),
    "commands": (commands, {"make demo", "make test"}),
    "jobs": (jobs, {"ingest.py", "pipeline.asl.json"}),
}


@pytest.mark.parametrize("kind", WORDS)
def test_local__has_no_word_of_the_project(kind: str) -> None:
    find, some = WORDS[kind]
    words = find()
    assert some <= words, f"the project's {kind} are not found: {sorted(words)}"
    # A slash ends a word; what goes before may be a quote, but no other folder.
    pattern = re.compile("|".join(rf"(?<![\w/.-]){re.escape(word)}(?!\w)" for word in words))
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in FILES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found


def test_local__imports_nothing_of_the_project() -> None:
    own = {name.rstrip("/") for name in folders()} | {name.split(".")[0] for name in jobs()}
    imported = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        if name.split(".")[0] in own | {"medallion"}
    }
    assert not imported


def test_local__runs_without_the_project(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "local", tmp_path / "local", ignore=ignored)
    environ = {**environment("http://127.0.0.1:1"), "PYTHONPATH": ""}
    process = subprocess.Popen(
        [sys.executable, "-m", "local", "serve", "--port", "0"],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready http://127.0.0.1:")
    finally:
        process.terminate()
        process.communicate()
