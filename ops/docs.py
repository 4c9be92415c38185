"""Keep tables of documents, and the root's variables and outputs, true to what they repeat."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ops.conform.assumptions import ASSUMPTIONS
from ops.conform.findings import Assumption
from ops.display import done
from ops.environment import ROOT
from ops.errors import OpsError

MARKERS = {
    kind: (f"<!-- {kind}: begin -->", f"<!-- {kind}: end -->") for kind in ("variables", "outputs")
}
MODULE = "modules/medallion"
DIFFERENCES = "docs/aws-differences.md"
ARCHITECTURE = "docs/architecture.md"
PACKAGES = ("<!-- packages: begin -->", "<!-- packages: end -->")
_PACKAGES = ("jobs/medallion", "local")
ASSUMED = ("<!-- assumed: begin -->", "<!-- assumed: end -->")
_BLOCK = re.compile(r'^(variable|output)\s+"([^"]+)"\s*\{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_ATTRIBUTE = re.compile(r"^  (\w+)\s*=\s*", re.MULTILINE)
_VALIDATION = re.compile(r"\n\n  validation \{\n.*?\n  \}(?=\n)", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A variable or output block: its name, description, type, default and whole as written."""

    kind: str
    name: str
    description: str
    type: str
    default: str | None
    file: str = ""
    text: str = ""


def blocks(text: str, file: str = "") -> Iterator[Block]:
    """Variable and output blocks of a file that `terraform fmt` has laid out."""
    for match in _BLOCK.finditer(text):
        kind, name, body = match.groups()
        attributes = dict(_attributes(body))
        yield Block(
            kind,
            name,
            _text(attributes.get("description", "")),
            attributes.get("type", ""),
            attributes.get("default"),
            file,
            f"{match[0]}\n",
        )


def _attributes(body: str) -> Iterator[tuple[str, str]]:
    """Attributes of a block: each value runs to the next line that is indented as deep."""
    for match in _ATTRIBUTE.finditer(body):
        rest = body[match.end() :]
        end = re.search(r"\n(?=  \S)(?!  [\])}])", rest)
        yield match[1], (rest[: end.start()] if end else rest).strip()


def _text(value: str) -> str:
    """Description as one line: of a heredoc, what stands before its list or first empty line."""
    if not value.startswith("<<"):
        return value.strip('"').replace('\\"', '"')
    lines = [line.strip() for line in value.splitlines()[1:]]
    listed = (n for n, line in enumerate(lines) if not line or line.startswith("- "))
    return " ".join(lines[: next(listed, len(lines))])


def table(found: list[Block]) -> str:
    """Markdown table of variables or of outputs."""
    if found[0].kind == "output":
        rows = [f"| `{block.name}` | {_cell(block.description)} |" for block in found]
        return "\n".join(["| Output | What it is |", "|---|---|", *rows])
    rows = [
        f"| `{block.name}` | {_kind(block.type)} | {_default(block)} | {_described(block)} |"
        for block in found
    ]
    return "\n".join(["| Variable | Type | Default | What it is |", "|---|---|---|---|", *rows])


def _kind(text: str) -> str:
    if len(text) < 30 and "\n" not in text:
        return f"`{text}`"
    head = text.split("{", maxsplit=1)[0]
    return f"`{head}{{…}}{')' * head.count('(')}`"


def _default(block: Block) -> str:
    text = block.default
    if text is None:
        return "required"
    return (
        f"`{text}`" if len(text) < 40 and "\n" not in text else f"see [{block.file}]({block.file})"
    )


def _described(block: Block) -> str:
    text = block.description
    return _cell(f"{text} see [{block.file}]({block.file})." if text.endswith(":") else text)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<")


def render(readme: str, root: Path = ROOT) -> str:
    """README with its tables written anew.

    Raises
    ------
    OpsError
        A marker is missing.
    """
    for kind, (begin, end) in MARKERS.items():
        found = [
            block
            for path in sorted(root.glob(f"{kind}*.tf"))
            for block in blocks(path.read_text(encoding="utf-8"), path.name)
            if f"{block.kind}s" == kind
        ]
        found.sort(key=lambda block: block.name)
        readme = _between(readme, begin, end, table(found) if found else "", "README.md")
    return readme


def _between(text: str, begin: str, end: str, body: str, name: str) -> str:
    """Text with a body between two markers."""
    head, mark, rest = text.partition(begin)
    _, end_mark, tail = rest.partition(end)
    if not mark or not end_mark:
        raise OpsError(f"{name} lacks the marker {begin} or {end}.")
    return f"{head}{begin}\n{body}\n{end}{tail}" if body else f"{head}{begin}\n{end}{tail}"


def assumptions(found: Iterable[Assumption] = ASSUMPTIONS) -> str:
    """Markdown table of what no page settles, and how `make conform` probes it."""
    rows = [
        f"| `{item.id}` | {item.assumed} | {item.otherwise} | {_probe(item)} |"
        for item in found
        if not item.confirmed
    ]
    head = "| Id | We take it that | Otherwise | Probe |"
    return "\n".join([head, "|---|---|---|---|", *rows])


def _probe(item: Assumption) -> str:
    if item.probe is None:
        return f"None: {item.unprobed}."
    module = item.probe.__module__.rsplit(".", 1)[-1]
    return f"`{module}.{item.probe.__name__}`"


def render_differences(text: str) -> str:
    """docs/aws-differences.md with its table of assumptions written anew."""
    begin, end = ASSUMED
    return _between(text, begin, end, assumptions(), DIFFERENCES)


def packages(root: Path = ROOT) -> str:
    """Markdown table of the packages of jobs/ and local/, and of their modules."""
    rows = []
    for place in _PACKAGES:
        for file in sorted((root / place).rglob("__init__.py")):
            about = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
            modules = sorted(path.stem for path in file.parent.glob("[!_]*.py"))
            listed = ", ".join(f"`{name}`" for name in modules)
            where = file.parent.relative_to(root).as_posix()
            rows.append(f"| `{where}` | {about.splitlines()[0]} | {listed} |")
    return "\n".join(["| Package | What it is | Modules |", "|---|---|---|", *rows])


def render_architecture(text: str, root: Path = ROOT) -> str:
    """docs/architecture.md with its table of packages written anew."""
    return _between(text, *PACKAGES, packages(root), ARCHITECTURE)


def repeated(root: Path = ROOT) -> Iterator[tuple[Path, str]]:
    """Files of the root that repeat one of the module that it calls, and what each has to hold.

    A variable keeps its description, type and default; its rules are the module's alone.
    """
    module = root / MODULE
    for source in sorted([*module.glob("outputs*.tf"), *module.glob("variables*.tf")]):
        header = f"# Written by `make fmt` from {MODULE}/{source.name}: edit that one."
        found = [
            _passed_on(block) if block.kind == "output" else _VALIDATION.sub("", block.text)
            for block in blocks(source.read_text(encoding="utf-8"))
        ]
        yield root / source.name, "\n".join([f"{header}\n", *found])


def _passed_on(output: Block) -> str:
    [description] = re.findall(r"^  description = .*$", output.text, re.MULTILINE)
    value = f"  value       = module.medallion.{output.name}"
    return f'output "{output.name}" {{\n{description}\n{value}\n}}\n'


def write(*, check: bool = False, root: Path = ROOT) -> int:
    """Write the files of the root and the tables of documents, or only tell whether they are true.

    Raises
    ------
    OpsError
        Something is not true, and it was only to be checked.
    """
    for path, text in repeated(root):
        _settle(path, text, check=check)
    readme = root / "README.md"
    _settle(readme, render(readme.read_text(encoding="utf-8"), root), check=check)
    page = root / DIFFERENCES
    if page.is_file():
        _settle(page, render_differences(page.read_text(encoding="utf-8")), check=check)
    page = root / ARCHITECTURE
    if page.is_file():
        _settle(page, render_architecture(page.read_text(encoding="utf-8"), root), check=check)
    done("The root repeats its module, and the tables of the documents are true")
    return 0


def _settle(path: Path, text: str, *, check: bool) -> None:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    if check:
        raise OpsError(f"{path.name} is not what it repeats.", hint="Run: make fmt")
    path.write_text(text, encoding="utf-8")
