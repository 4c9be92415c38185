"""`ops docs` writes the tables of documents, and the root's variables and outputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops import docs
from ops.errors import OpsError


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
