"""The documents tell of all there is, lead somewhere, and show commands that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from medallion.contract import dialect
from medallion.sparksql import expressions
from ops import docs
from ops.environment import ROOT

README = ROOT / "README.md"
PAGES = sorted(
    path
    for place in ("", "docs/", "*/", "modules/*/", "examples/*/")
    for path in ROOT.glob(f"{place}*.md")
)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
HELP = dict(re.findall(r"^([a-z][a-z-]*):.*## (.*)$", MAKEFILE, re.MULTILINE))
FOLDERS = [ROOT, *sorted(path for path in (ROOT / "modules").iterdir() if path.is_dir())]


def page(name: str) -> str:
    return (ROOT / f"docs/{name}.md").read_text(encoding="utf-8")


def machines(*names: str) -> str:
    return "".join((ROOT / f"asl/{n}.asl.json").read_text(encoding="utf-8") for n in names)


def first_cells(text: str, header: str) -> list[str]:
    """First cell of each row of the table whose header row begins with a text."""
    table = text.split(f"| {header} |", maxsplit=1)[1].split("\n\n", maxsplit=1)[0]
    return [line.split("|")[1].strip() for line in table.splitlines()[2:]]


def blocks(folder: Path, kind: str) -> Iterator[docs.Block]:
    for path in sorted(folder.glob("*.tf")):
        found = docs.blocks(path.read_text(encoding="utf-8"), path.name)
        yield from (block for block in found if block.kind == kind)


# Variables, outputs, targets


@pytest.mark.parametrize("kind", ["variable", "output"])
def test_readme__tells_of_every_variable_and_output(kind: str) -> None:
    begin, end = docs.MARKERS[f"{kind}s"]
    section = README.read_text(encoding="utf-8").split(begin)[1].split(end)[0]
    names = sorted(block.name for block in blocks(ROOT, kind))
    assert names
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == names


def test_tables_and_root__are_true() -> None:
    docs.write(check=True)


@pytest.mark.parametrize("kind", ["variable", "output"])
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_description__is_a_sentence_and_comes_first(folder: Path, kind: str) -> None:
    for block in blocks(folder, kind):
        assert re.match(r'\w+ "\w+" \{\n  description +=', block.text), block.name
        first = block.description.strip()
        assert first, block.name
        assert first[0].isupper(), block.name
        # What ends in a list of fields has them below.
        assert first.endswith((".", ":")), block.name
        if kind == "variable" and folder == ROOT:
            assert "Default" in block.text, block.name


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_order__is_alphabetical(folder: Path) -> None:
    for kind in ("variable", "output"):
        found = list(blocks(folder, kind))
        for file in {block.file for block in found}:
            names = [block.name for block in found if block.file == file]
            assert names == sorted(names), file


@pytest.mark.parametrize("folder", FOLDERS[1:], ids=lambda folder: folder.name)
def test_module__has_its_files_and_no_provider(folder: Path) -> None:
    wanted = {"main.tf", "variables.tf", "outputs.tf", "versions.tf", "README.md"}
    assert wanted <= {path.name for path in folder.iterdir()}
    for file in folder.glob("*.tf"):
        # A module that holds one may not be called with count, for_each or depends_on.
        assert not re.search(r"^provider ", file.read_text(encoding="utf-8"), re.MULTILINE), file


def test_root__passes_every_variable_on() -> None:
    call = (ROOT / "main.tf").read_text(encoding="utf-8").split('module "medallion" {')[1]
    passed = re.findall(r"^  (\w+) += var\.(\w+)$", call.split("\n}")[0], re.MULTILINE)
    names = sorted(block.name for block in blocks(ROOT / docs.MODULE, "variable"))
    assert passed == [(name, name) for name in names]
    assert sorted(block.name for block in blocks(ROOT, "variable")) == sorted([*names, "region"])


def test_examples_in_readme__name_variables_and_fields_that_exist() -> None:
    dataset, call = (
        re.findall(rf"```hcl\n({begin} .*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[0]
        for begin in ("datasets =", "module")
    )
    fields = (ROOT / "variables.datasets.tf").read_text(encoding="utf-8")
    for name in set(re.findall(r"\b([a-z_]+)\s*=", dataset)) - {"orders", "no_giants"}:
        assert re.search(rf'\b{name}\s*=|"{name}"', fields), name
    passed = set(re.findall(r"^  ([a-z_]+)\s*=", call, re.MULTILINE))
    known = {block.name for block in blocks(ROOT / docs.MODULE, "variable")}
    assert passed - {"source", "for_each"} <= known
    assert f"//{docs.MODULE}?ref=" in call


# Commands and links


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands__are_targets_with_variables_that_they_know(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target, rest in re.findall(
        r"(?:^[ \t]*|`)make ([a-z][a-z-]*)([^`\n]*)", text, re.MULTILINE
    ):
        assert target in HELP, f"make {target}"
        for name in re.findall(r"\b([A-Z_]+)=", rest.split("#")[0].split("&&")[0]):
            assert f"{name}=" in HELP[target], f"make {target} {name}="


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links__lead_to_files_and_headings(path: Path) -> None:
    for link, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", path.read_text("utf-8")):
        if link.startswith("http"):
            continue
        target = (path.parent / link) if link else path
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings]
            assert anchor in slugs, f"{link}#{anchor}"


# Functions, types, alarms, metrics, mails


def test_functions__are_those_that_expressions_may_use() -> None:
    listed = page("datasets").split("<!-- functions: begin -->")[1].split("<!-- functions: end")[0]
    assert set(re.findall(r"`(\w+)`", listed)) == set(expressions.function_names())


def test_types__accept_what_the_casts_do() -> None:
    rows = dict(re.findall(r"^\| (\w+)[^|]* \| (.+) \|$", page("datasets"), re.MULTILINE))
    for name, allowed in dialect.ALLOWED.items():
        assert rows[name].removesuffix(", or what `format` says") == allowed


def test_alarms__are_those_of_the_module() -> None:
    text = (ROOT / "modules/monitoring/alarms.tf").read_text(encoding="utf-8")
    block = text.split("_alarms = {", maxsplit=1)[1].split("\n  }\n", maxsplit=1)[0]
    made = {*re.findall(r"^    ([a-z-]+) += ", block, re.MULTILINE), "run-failed"}
    assert len(made) > 4
    listed = [cell.strip("`") for cell in first_cells(page("monitoring"), "Alarm")]
    assert sorted(listed) == sorted(made)


def test_metrics__are_those_that_the_machines_publish() -> None:
    published = set(re.findall(r"'(\w+)': report\.", machines("batch")))
    published |= set(re.findall(r'"MetricName": "(\w+)"', machines("arrival", "notify")))
    assert len(published) > 8
    cells = first_cells(page("monitoring"), "Metric")
    assert set(re.findall(r"`(\w+)`", " ".join(cells))) == published


def test_mails__have_the_subjects_of_the_machines() -> None:
    sent = set(re.findall(r"\[\$\{name\}\] ([A-Z]+(?: \w+)?)", machines("notify", "dataset")))
    rule = (ROOT / "modules/monitoring/rules.tf").read_text(encoding="utf-8")
    sent |= set(re.findall(r"\] (CUT OFF)", rule))
    assert len(sent) > 4
    listed = "\n".join(first_cells(page("notifications"), "Subject"))
    assert [subject for subject in sent if f"[medallion] {subject}" not in listed] == []
