"""The rooms of local/: which may import which."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

LOCAL = Path(__file__).resolve().parents[2] / "local"

# What each room may import, beside itself and the modules at the top of local/.
MAY_IMPORT = {
    "iam": "",
    "logs": "iam",
    "events": "iam logs",
    "cloudwatch": "iam events",
    "s3": "events",
    "glue": "iam logs events s3",
    "athena": "iam events glue",
    "states": "iam logs events",
    "server": "athena cloudwatch events glue iam logs s3 states",
}
MAY_IMPORT_AT_THE_TOP = {"__main__": "server"}  # the other modules know no room


def imported(path: Path) -> Iterator[str]:
    """The modules of local/ that a file imports, by their full names."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} is a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "local")


def room(module: str) -> str | None:
    """The room of a module, None for those at the top."""
    first = module.split(".")[1]
    return first if (LOCAL / first).is_dir() else None


def breaches(path: Path, allowed: str) -> list[str]:
    """The imports of a file that its room may not have."""
    own = path.parent.name
    rooms = {*allowed.split(), own, None}
    return [f"{path.relative_to(LOCAL)}: {m}" for m in imported(path) if room(m) not in rooms]


def test_rooms__are_those_of_the_table() -> None:
    assert {path.parent.name for path in LOCAL.glob("*/__init__.py")} == set(MAY_IMPORT)


def test_table__has_no_circle() -> None:
    # Each room names only rooms above it, but for the server, which knows all.
    known: set[str] = set()
    for name, allowed in MAY_IMPORT.items():
        assert set(allowed.split()) <= known, name
        known.add(name)


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_room__imports_what_the_table_allows(name: str) -> None:
    files = (LOCAL / name).rglob("*.py")
    assert not [one for path in files for one in breaches(path, MAY_IMPORT[name])]


def test_top__knows_no_room() -> None:
    files = list(LOCAL.glob("*.py"))
    allowed = MAY_IMPORT_AT_THE_TOP
    assert not [one for path in files for one in breaches(path, allowed.get(path.stem, ""))]
    assert len(files) <= 13, "what one room alone needs belongs in it"
