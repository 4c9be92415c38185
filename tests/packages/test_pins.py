"""Each pin of the jobs installs, from a wheel, on both runtimes of Glue; asks the package index."""

from __future__ import annotations

import io
import json
import re
import subprocess
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

import bootstrap
from local.glue import wheels
from ops.environment import JOB_PYTHON, ROOT

RUNTIMES = json.loads((ROOT / "jobs/runtimes.json").read_text(encoding="utf-8"))
PINS = bootstrap.pins([])
# What the names of the dynamic linker's versions begin with, and the field of a runtime.
LIMITS = {"GLIBC": "glibc", "GLIBCXX": "glibcxx", "CXXABI": "cxxabi"}


@pytest.fixture(scope="module", params=sorted(RUNTIMES))
def runtime(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = RUNTIMES[request.param]
    return found


@pytest.fixture(scope="module")
def wheelhouse(runtime: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """What pip fetches for the runtime; what it has fetched once comes from its cache."""
    folder = tmp_path_factory.mktemp("wheels")
    kind = wheels.table().runtimes[runtime["glue_runtime"]]
    requirements = ["--requirement", str(ROOT / "jobs/requirements.txt")]
    assert wheels.download(kind, requirements, folder) == ""
    return sorted(folder.iterdir())


def test_pip__takes_a_wheel_of_each_pin_and_nothing_else(wheelhouse: list[Path]) -> None:
    found = dict(parse_wheel_filename(path.name)[:2] for path in wheelhouse)
    assert found == {canonicalize_name(name): Version(pin) for name, pin in PINS.items()}


def test_pip__of_the_runtime_knows_the_tags(
    runtime: dict[str, Any], wheelhouse: list[Path]
) -> None:
    """Tags such as manylinux_2_26 came with pip 20.3 (PEP 600)."""
    new = [path.name for path in wheelhouse if "manylinux_2_" in path.name]
    assert new
    assert Version(runtime["pip"]) >= Version("20.3")


def test_dependencies__are_pinned(runtime: dict[str, Any], wheelhouse: list[Path]) -> None:
    """For pip judges markers such as python_version < "3.10" by its own Python."""
    environment = {
        **default_environment(),
        "python_version": runtime["python"],
        "python_full_version": f"{runtime['python']}.0",
        "extra": "",
    }
    for path in wheelhouse:
        for requirement in _requirements(path):
            if requirement.marker is None or requirement.marker.evaluate(environment):
                pin = PINS.get(canonicalize_name(requirement.name))
                assert pin is not None, f"{path.name} needs {requirement}, which has no pin"
                assert requirement.specifier.contains(pin), f"{path.name} needs {requirement}"


def test_libraries__want_no_newer_symbols_than_the_runtime_has(
    runtime: dict[str, Any], wheelhouse: list[Path]
) -> None:
    newest: dict[str, tuple[Version, str]] = {}
    for path in wheelhouse:
        for library, name, version in _wanted(path):
            newest[name] = max(newest.get(name, (Version("0"), "")), (version, library))
    assert set(newest) == set(LIMITS), "all three are wanted by pyarrow and DuckDB"
    for name, (version, library) in newest.items():
        limit = runtime[LIMITS[name]]
        assert version <= Version(limit), f"{library} wants {name}_{version}; there is {limit}"


def test_table_of_local_runtimes__says_the_same(runtime: dict[str, Any]) -> None:
    kind = wheels.table().runtimes[runtime["glue_runtime"]]
    assert (kind.python, kind.glibc) == (runtime["python"], runtime["glibc"])
    assert runtime["abi"] == f"cp{runtime['python'].replace('.', '')}"
    assert f"--platform=manylinux2014_{runtime['architecture']}" in kind.options()
    for name, pin in PINS.items():
        assert runtime["glue_runtime"] in wheels.table().wheels[f"{name}=={pin}"]


@pytest.mark.parametrize("pin", ["pyarrow==21.0.0", "simplejson==3.17.6"])
def test_table_of_local_wheels__says_what_the_index_says(pin: str, tmp_path: Path) -> None:
    """These have none for one of the runtimes."""
    known = wheels.table()
    for name in ("pythonshell-3.9", "glueetl-5.1"):
        said = wheels.download(known.runtimes[name], [pin], tmp_path / name, "--no-deps")
        assert (said == "") == (name in known.wheels[pin])


def test_interpreter_of_local_jobs__has_exactly_the_pins() -> None:
    code = (
        "import importlib.metadata as m, json;"
        "print(json.dumps({d.metadata['Name']: d.version for d in m.distributions()}))"
    )
    done = subprocess.run([JOB_PYTHON, "-I", "-c", code], capture_output=True, check=True)
    found = {canonicalize_name(name): version for name, version in json.loads(done.stdout).items()}
    for tool in ("pip", "setuptools"):  # what a new virtual environment has
        found.pop(canonicalize_name(tool), None)
    assert found == PINS


def _requirements(path: Path) -> list[Requirement]:
    with ZipFile(path) as archive:
        (name,) = [n for n in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n)]
        metadata = Parser().parsestr(archive.read(name).decode())
    return [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]


def _wanted(path: Path) -> Iterator[tuple[str, str, Version]]:
    """Give the versions of libc and libstdc++ that the libraries of a wheel ask the linker for."""
    with ZipFile(path) as archive:
        for member in archive.namelist():
            content = archive.read(member) if ".so" in member else b""
            if not content.startswith(b"\x7fELF"):
                continue
            section = ELFFile(io.BytesIO(content)).get_section_by_name(".gnu.version_r")
            assert isinstance(section, GNUVerNeedSection), f"{member} has no table of versions"
            for _, needs in section.iter_versions():
                for need in needs:
                    name, _, version = need.name.rpartition("_")
                    if name in LIMITS:
                        yield f"{path.name}: {member}", name, Version(version)
