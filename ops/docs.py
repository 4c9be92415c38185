"""Keep the tables of variables and outputs in README.md true to variables.tf and outputs.tf."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ops.display import done
from ops.environment import ROOT
from ops.errors import OpsError

MARKERS = {
    kind: (f"<!-- {kind}: begin -->", f"<!-- {kind}: end -->") for kind in ("variables", "outputs")
}
_BLOCK = re.compile(r'^(variable|output)\s+"([^"]+)"\s*\{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_ATTRIBUTE = re.compile(r"^  (\w+)\s*=\s*", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A variable or output block: its name, description, type and default as written."""

    kind: str
    name: str
    description: str
    type: str
    default: str | None
    file: str = ""


def blocks(text: str, file: str = "") -> Iterator[Block]:
    """Variable and output blocks of a file that `terraform fmt` has laid out."""
    for kind, name, body in _BLOCK.findall(text):
        attributes = dict(_attributes(body))
        yield Block(
            kind,
            name,
            _text(attributes.get("description", "")),
            attributes.get("type", ""),
            attributes.get("default"),
            file,
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
        head, mark, rest = readme.partition(begin)
        _, end_mark, tail = rest.partition(end)
        if not mark or not end_mark:
            raise OpsError(f"README.md lacks the marker {begin} or {end}.")
        found.sort(key=lambda block: block.name)
        body = f"\n{table(found)}\n" if found else "\n"
        readme = f"{head}{begin}{body}{end}{tail}"
    return readme


def write(*, check: bool = False) -> int:
    """Write the tables into README.md, or only tell whether they are true."""
    path = ROOT / "README.md"
    text = path.read_text(encoding="utf-8")
    rendered = render(text)
    if check and rendered != text:
        raise OpsError("The tables in README.md are not true.", hint="Run: make fmt")
    if not check:
        path.write_text(rendered, encoding="utf-8")
    done("README.md: the tables of variables and outputs are true")
    return 0
