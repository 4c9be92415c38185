"""Every variable and output is documented, where the house style says, and in README.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ops.docs import MODULE

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for path in (ROOT / "modules").iterdir() if path.is_dir())
BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


def blocks(folder: Path, kind: str) -> dict[str, str]:
    """Return the bodies of a folder's variables or outputs, in the order of files and lines."""
    found: dict[str, str] = {}
    for file in sorted(folder.glob("*.tf")):
        text = file.read_text(encoding="utf-8")
        found.update({name: body for k, name, body in BLOCK.findall(text) if k == kind})
    return found


@pytest.mark.parametrize("kind", ["variable", "output"])
def test_readme__tells_of_every_one(kind: str) -> None:
    names = blocks(ROOT, kind)
    assert names
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split(f"<!-- {kind}s: begin -->")[1].split(f"<!-- {kind}s: end -->")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == sorted(names)


@pytest.mark.parametrize("kind", ["variable", "output"])
@pytest.mark.parametrize("folder", [ROOT, *MODULES], ids=lambda folder: folder.name)
def test_description__is_a_sentence(folder: Path, kind: str) -> None:
    for name, body in blocks(folder, kind).items():
        text = re.search(r'description\s*=\s*(?:"(.*)"|<<-EOT\n(.*?)\n\s*EOT)', body, re.DOTALL)
        assert text, f"{folder.name}: {kind} {name} has no description"
        assert body.lstrip().startswith("description"), f"{name}: description comes first"
        first = (text[1] or text[2]).split('"\n')[0].strip()
        assert first[0].isupper(), f"{folder.name}: {kind} {name}: {first}"
        assert first.endswith("."), f"{folder.name}: {kind} {name}: {first}"


@pytest.mark.parametrize("folder", [ROOT, *MODULES], ids=lambda folder: folder.name)
def test_order__is_alphabetical(folder: Path) -> None:
    for file in folder.glob("*.tf"):
        text = file.read_text(encoding="utf-8")
        for kind in ("variable", "output"):
            names = [name for found, name, _ in BLOCK.findall(text) if found == kind]
            assert names == sorted(names), file


@pytest.mark.parametrize("folder", MODULES, ids=lambda folder: folder.name)
def test_module__has_its_files(folder: Path) -> None:
    wanted = {"main.tf", "variables.tf", "outputs.tf", "versions.tf", "README.md"}
    assert wanted <= {path.name for path in folder.iterdir()}


def test_variables__of_the_root__say_their_default() -> None:
    for name, body in blocks(ROOT, "variable").items():
        assert "Default" in body, f"variable {name} does not say its default"


def test_root__passes_every_variable_on() -> None:
    call = (ROOT / "main.tf").read_text(encoding="utf-8").split('module "medallion" {')[1]
    passed = re.findall(r"^  (\w+) += var\.(\w+)$", call.split("\n}")[0], re.MULTILINE)
    names = sorted(blocks(ROOT / MODULE, "variable"))
    assert passed == [(name, name) for name in names]
    assert sorted(blocks(ROOT, "variable")) == sorted([*names, "region"])
    assert sorted(blocks(ROOT, "output")) == sorted(blocks(ROOT / MODULE, "output"))


def test_modules__leave_the_provider_to_their_caller() -> None:
    # A module that holds one may not be called with count, for_each or depends_on.
    for folder in MODULES:
        for file in folder.glob("*.tf"):
            assert not re.search(r"^provider ", file.read_text(encoding="utf-8"), re.MULTILINE), (
                file
            )
