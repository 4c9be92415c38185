"""README: its commands exist, its tables are true, its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ops import docs
from ops.errors import OpsError

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
CALLS = re.findall(r"(?:^|`)make ([a-z][a-z-]*)((?: [A-Z]+=\S+)*)", README, re.MULTILINE)


def test_commands__are_targets_of_the_makefile() -> None:
    assert len(CALLS) > 15
    assert {target for target, _ in CALLS} <= TARGETS


def test_commands__set_variables_that_the_target_knows() -> None:
    for target, assignments in CALLS:
        for name in re.findall(r"([A-Z]+)=", assignments):
            line = re.search(rf"^{target}:.*## (.*)$", MAKEFILE, re.MULTILINE)
            assert line is not None
            assert f"{name}=" in line[1], f"make {target} {name}="


def test_two_commands__stand_at_the_top() -> None:
    block = re.search(r"```sh\n(git clone .*?)```", README, re.DOTALL)
    assert block is not None
    assert block[1].splitlines()[1:] == ["make demo"]


def test_tables__are_true() -> None:
    assert docs.render(README) == README


def test_tables__name_every_variable_and_output() -> None:
    for kind in ("variable", "output"):
        begin, end = docs.MARKERS[f"{kind}s"]
        part = README.split(begin)[1].split(end)[0]
        for path in ROOT.glob("*.tf"):
            text = path.read_text(encoding="utf-8")
            for name in re.findall(rf'^{kind} "([^"]+)"', text, re.MULTILINE):
                assert f"| `{name}` |" in part


def test_links__lead_to_files_of_the_repository() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        if not link.startswith("http"):
            assert (ROOT / link).exists(), link


def test_dataset_example__is_one_that_the_variables_take() -> None:
    block = re.search(r"```hcl\n(datasets = .*?)```", README, re.DOTALL)
    assert block is not None
    text = (ROOT / "variables.datasets.tf").read_text(encoding="utf-8")
    for name in re.findall(r"\b([a-z_]+)\s*=", block[1]):
        if name not in ("datasets", "orders", "no_giants"):
            assert re.search(rf"\b{name}\s*=", text), name


def test_module_call__passes_variables_of_the_module() -> None:
    block = re.search(r"```hcl\nmodule (.*?)```", README, re.DOTALL)
    assert block is not None
    assert f"//{docs.MODULE}?ref=" in block[1]
    known = {path.name for path, _ in docs.repeated()}
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in known]
    variables = {item.name for text in texts for item in docs.blocks(text)}
    passed = set(re.findall(r"^  ([a-z_]+)\s*=", block[1], re.MULTILINE))
    assert passed - {"source", "for_each"} <= variables


def _root(folder: Path) -> Path:
    module = folder / docs.MODULE
    module.mkdir(parents=True)
    (module / "variables.tf").write_text(
        'variable "size" {\n  description = "Its size."\n  default     = 1\n\n'
        '  validation {\n    condition     = var.size > 0\n    error_message = "Too small."\n'
        "  }\n}\n",
        encoding="utf-8",
    )
    (module / "outputs.tf").write_text(
        'output "size" {\n  description = "Its size."\n  value       = local.x\n'
        "  depends_on  = [module.y]\n}\n",
        encoding="utf-8",
    )
    marks = [mark for pair in docs.MARKERS.values() for mark in pair]
    (folder / "README.md").write_text("\n".join(marks) + "\n", encoding="utf-8")
    return folder


def test_write__makes_the_root_repeat_its_module(tmp_path: Path) -> None:
    root = _root(tmp_path)
    docs.write(root=root)
    header, variable = (root / "variables.tf").read_text(encoding="utf-8").split("\n\n", 1)
    assert docs.MODULE in header
    assert variable == ('variable "size" {\n  description = "Its size."\n  default     = 1\n}\n')
    output = (root / "outputs.tf").read_text(encoding="utf-8").split("\n\n", 1)[1]
    assert output == (
        'output "size" {\n  description = "Its size."\n  value       = module.medallion.size\n}\n'
    )
    docs.write(check=True, root=root)


@pytest.mark.parametrize("name", ["variables.tf", "outputs.tf", "README.md"])
def test_check__refuses_what_is_not_repeated(name: str, tmp_path: Path) -> None:
    root = _root(tmp_path)
    docs.write(root=root)
    path = root / name
    edited = path.read_text(encoding="utf-8").replace("Its size.", "Its height.")
    path.write_text(edited, encoding="utf-8")
    with pytest.raises(OpsError, match=rf"{name} is not what it repeats"):
        docs.write(check=True, root=root)
    assert path.read_text(encoding="utf-8") == edited


def test_render__missing_marker_is_named() -> None:
    with pytest.raises(OpsError, match="lacks the marker <!-- variables: begin -->"):
        docs.render("# No markers\n")


def test_blocks__multi_line_values() -> None:
    text = (
        'variable "a" {\n'
        "  description = <<-EOT\n    First line\n    goes on.\n\n    Details.\n  EOT\n"
        "  type = map(object({\n    x = string\n  }))\n"
        "  default  = {}\n  nullable = false\n}\n\n"
        'variable "b" {\n  description = "B."\n  type        = string\n}\n'
    )
    first, second = docs.blocks(text)
    assert (first.name, first.description, first.default) == ("a", "First line goes on.", "{}")
    assert first.type.startswith("map(object({")
    assert (second.description, second.type, second.default) == ("B.", "string", None)
    shown = docs.table([first, second])
    assert "| `a` | `map(object({…}))` | `{}` | First line goes on. |" in shown
    assert "| `b` | `string` | required | B. |" in shown
