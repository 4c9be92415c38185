"""docs/arrivals.md, notifications.md and monitoring.md say what there is, and lead somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def page(name: str) -> str:
    return (ROOT / f"docs/{name}.md").read_text(encoding="utf-8")


def machine(name: str) -> str:
    return (ROOT / f"asl/{name}.asl.json").read_text(encoding="utf-8")


def first_cells(text: str, header: str) -> list[str]:
    """First cell of each row of the table whose header row begins with a text."""
    table = text.split(f"| {header} |", maxsplit=1)[1].split("\n\n", maxsplit=1)[0]
    return [line.split("|")[1].strip() for line in table.splitlines()[2:]]


def test_alarms__are_those_of_the_module() -> None:
    text = (ROOT / "modules/monitoring/alarms.tf").read_text(encoding="utf-8")
    block = text.split("_alarms = {", maxsplit=1)[1].split("\n  }\n", maxsplit=1)[0]
    made = {*re.findall(r"^    ([a-z-]+) += ", block, re.MULTILINE), "run-failed"}
    assert len(made) > 4
    listed = [cell.strip("`") for cell in first_cells(page("monitoring"), "Alarm")]
    assert sorted(listed) == sorted(made)


def test_metrics__are_those_that_the_machines_publish() -> None:
    published = set(re.findall(r"\$metric\('(\w+)'", machine("notify") + machine("batch")))
    published |= set(re.findall(r'"MetricName": "(\w+)"', machine("arrival")))
    assert len(published) > 8
    cells = first_cells(page("monitoring"), "Metric")
    assert set(re.findall(r"`(\w+)`", " ".join(cells))) == published


def test_mails__have_the_subjects_of_the_machines() -> None:
    sent = re.findall(r"\[\$\{name\}\] ([A-Z]+(?: \w+)?)", machine("notify") + machine("batch"))
    rule = (ROOT / "modules/monitoring/rules.tf").read_text(encoding="utf-8")
    sent += re.findall(r"\] (CUT OFF)", rule)
    assert {"SUCCEEDED", "FAILED", "REFUSED files", "APPROVAL needed", "CUT OFF"} <= set(sent)
    listed = "\n".join(first_cells(page("notifications"), "Subject"))
    for subject in sent:
        assert f"[medallion] {subject}" in listed


def test_arrivals__outcomes_are_those_of_the_machine() -> None:
    states = json.loads(machine("arrival"))["States"]
    outcomes = {choice["Assign"]["record"]["outcome"] for choice in states["Route"]["Choices"]}
    assert outcomes == {"ignored", "unknown"}
    assert "Ignored, and noted" in page("arrivals")
    assert "It is noted, and the alarm `unrouted-files` is raised" in page("arrivals")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
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


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_commands__are_targets_with_variables_that_they_know(path: Path) -> None:
    text = path.read_text("utf-8")
    for target, rest in re.findall(r"(?:^|`)\s*make ([a-z][a-z-]*)([^`\n]*)", text, re.MULTILINE):
        line = re.search(rf"^{target}:.*## (.*)$", MAKEFILE, re.MULTILINE)
        assert line is not None, f"make {target}"
        for name in re.findall(r"\b([A-Z_]+)=", rest.split("#")[0].split("&&")[0]):
            assert f"{name}=" in line[1], f"make {target} {name}="
