"""What docs/architecture.md says of imports in jobs/, and of the path of a file, is so."""

from __future__ import annotations

import ast
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from graphlib import TopologicalSorter
from pathlib import Path
from types import FrameType

import pytest

import ingest
import transform
from medallion.lake.objects import Lake
from ops.environment import ROOT

PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
JOBS = ROOT / "jobs"
PACKAGE = "medallion"


def section(name: str) -> str:
    return PAGE.split(f"<!-- {name}: begin -->")[1].split(f"<!-- {name}: end -->")[0]


LAYERS = [re.findall(r"`(\w+)`", line) for line in section("layers").strip().splitlines()]
RANKS = {name: rank for rank, names in enumerate(LAYERS) for name in names}
STEPS = re.findall(
    r"^\| (ingest|transform) \| `([\w.]+)` \| `(\w+)` \|", section("path"), re.MULTILINE
)


def modules() -> dict[str, Path]:
    """Paths of the modules of the package, by their full names."""
    found = {}
    for path in sorted((JOBS / PACKAGE).rglob("*.py")):
        parts = path.relative_to(JOBS).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Modules of the package that a module imports, wherever in it and whatever for."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith(PACKAGE))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in known else str(node.module)


def layer(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def test_layers__have_every_package_and_module_at_the_top() -> None:
    there = {path.stem for path in (JOBS / PACKAGE).iterdir() if not path.stem.startswith("_")}
    assert set(RANKS) == there


@pytest.mark.parametrize("module", [name for name in modules() if name != PACKAGE])
def test_imports__go_down(module: str) -> None:
    known = modules()
    own = layer(module)
    for imported in imports(known[module], known):
        other = layer(imported)
        assert other == own or RANKS[other] < RANKS[own], f"{module} imports {imported}"


def test_imports__make_no_circle() -> None:
    known = modules()
    graph = {name: set(imports(path, known)) for name, path in known.items()}
    assert sum(map(len, graph.values())) > 100
    TopologicalSorter(graph).prepare()


@contextmanager
def calls() -> Iterator[list[tuple[str, str]]]:
    """Collect module and function of each call of the jobs, in order, in all threads."""
    seen: dict[tuple[str, str], None] = {}

    def profile(frame: FrameType, event: str, _: object) -> None:
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(str(JOBS)):
            name = ".".join(Path(file).relative_to(JOBS).with_suffix("").parts)
            seen.setdefault((name, frame.f_code.co_name))

    found: list[tuple[str, str]] = []
    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield found
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        found += seen


@pytest.mark.parametrize("job", [ingest, transform])
def test_path__of_a_dropped_file(job: object, lake: Lake) -> None:
    columns = [{"name": "id", "type": "int"}]
    lake.put_json("config/datasets/things.json", {"name": "things", "columns": columns})
    given = ["--bucket", lake.bucket, "--dataset", "things", "--run-id", "r"]
    lake.client.put_object(Bucket=lake.bucket, Key="incoming/things/a.csv", Body=b"id\n1\n")
    if job is transform:
        ingest.main(given)
    with calls() as found:
        job.main(given)  # type: ignore[attr-defined]  # either module has it
    name = getattr(job, "__name__", "")
    steps = [(module, function) for of, module, function in STEPS if of == name]
    assert len(steps) > 5
    assert [call for call in found if call in steps] == steps
