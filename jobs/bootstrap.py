"""What a script does first: make sure that the packages it imports are the pinned ones.

Glue brings a boto3 of its own. It may have imported that before the script's first line, and may
have the folder of it first on sys.path. Standard library only.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import platform
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

logger = logging.getLogger("bootstrap")

ARGUMENT = "--pinned-packages"
# Modules that are not named like their distribution.
_MODULES = {"python-dateutil": "dateutil"}
_METADATA = ".dist-info"


def start(unused: Collection[str] = ()) -> None:
    """
    Set up logging, and see to it that the pinned packages are the ones that get imported.

    Parameters
    ----------
    unused
        Packages that this script never imports, and that are not loaded for the sake of a check.

    Raises
    ------
    ImportError
        As for `use`.
    """
    configure_logging()
    logger.info("%s", use(pins(sys.argv[1:]), unused))


def configure_logging() -> None:
    """Log to stdout."""
    logging.basicConfig(
        stream=sys.stdout,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )


def pins(argv: Sequence[str]) -> dict[str, str]:
    """
    Return the pinned versions by the names of packages.

    They come from the command line: whether Glue hands on the list that it installs itself is not
    documented. Outside of Glue, requirements.txt lies beside this file.

    Raises
    ------
    ImportError
        If there are none, or a package has no version.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(ARGUMENT)
    given = parser.parse_known_args(argv)[0].pinned_packages
    path = Path(__file__).with_name("requirements.txt")
    if given is None and path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines()
        given = ",".join(line.partition("#")[0] for line in lines)
    parts = [part.strip() for part in (given or "").split(",") if part.strip()]
    found = {_normalised(name): version for name, _, version in (p.partition("==") for p in parts)}
    if not found or not all(found.values()):
        raise ImportError(
            f"{ARGUMENT} is {given!r}: it has to name packages with their versions, such as "
            "boto3==1.42.97,pyarrow==20.0.0. The job's definition gives it; deploy it again"
        )
    return found


def use(pinned: Mapping[str, str], unused: Collection[str] = ()) -> str:
    """
    Import packages in the pinned versions, whatever is loaded or comes first on sys.path.

    Parameters
    ----------
    pinned
        Versions by the names of packages.
    unused
        Packages that are left alone.

    Returns
    -------
    str
        Python, glibc, and name and version of each package as imported.

    Raises
    ------
    ImportError
        If a package is not there, or of another version.
    """
    modules = {name: _MODULES.get(name, name.replace("-", "_")) for name in pinned}
    _search_last(_rivals(pinned, modules))
    _forget_others(pinned, modules)
    found, wrong = [], []
    for name, module in modules.items():
        if name in unused:
            continue
        preloaded = module in sys.modules
        try:
            imported = importlib.import_module(module)
        except ImportError as error:
            wrong.append(f"{name} is {pinned[name]} here, and cannot be imported ({error})")
            continue
        version = getattr(imported, "__version__", None)
        found.append(f"{name} {version}")
        if version != pinned[name]:
            why = ", and was loaded before the job began" if preloaded else ""
            place = getattr(imported, "__file__", None)
            wrong.append(f"{name} has to be {pinned[name]} and is {version} (from {place}{why})")
    if wrong:
        raise ImportError(
            f"{'; '.join(wrong)}. Glue installs what --additional-python-modules of the job names, "
            "with library-set none: look at what pip wrote to the log of this run. Elsewhere, "
            "install jobs/requirements.txt (make setup)"
        )
    return ", ".join([f"Python {platform.python_version()}", _libc(), *found])


def _rivals(pinned: Mapping[str, str], modules: Mapping[str, str]) -> list[str]:
    """List the entries of sys.path that hold one of the packages in another version."""
    found = []
    for entry in sys.path:
        folder = entry or os.curdir
        names = set(os.listdir(folder)) if os.path.isdir(folder) else set()  # noqa: PTH208, PTH112
        installed = {_distribution(name) for name in names if name.endswith(_METADATA)}
        for name, module in modules.items():
            if {module, f"{module}.py"} & names and (name, pinned[name]) not in installed:
                found.append(entry)
                break
    return found


def _distribution(metadata: str) -> tuple[str, str]:
    name, _, version = metadata[: -len(_METADATA)].partition("-")
    return _normalised(name), version


def _search_last(entries: Collection[str]) -> None:
    # Rather than the others first: then none of them comes to hide the standard library.
    sys.path[:] = [entry for entry in sys.path if entry not in entries] + [*entries]
    importlib.invalidate_caches()


def _forget_others(pinned: Mapping[str, str], modules: Mapping[str, str]) -> None:
    """Drop loaded packages when one of them is of another version, for they hold one another.

    A compiled package stays: two of them in one process would bring it down.
    """
    loaded = {name: _loaded(module) for name, module in modules.items() if module in sys.modules}
    if all(
        getattr(sys.modules[modules[name]], "__version__", None) == pinned[name] for name in loaded
    ):
        return
    for names in loaded.values():
        files = [str(getattr(sys.modules[name], "__file__", "")) for name in names]
        if not any(file.endswith(tuple(EXTENSION_SUFFIXES)) for file in files):
            for name in names:
                del sys.modules[name]


def _loaded(module: str) -> list[str]:
    # DuckDB's library is a module of its own, `_duckdb`.
    return [name for name in sys.modules if name.split(".")[0] in (module, f"_{module}")]


def _libc() -> str:
    name = "CS_GNU_LIBC_VERSION"
    return str(os.confstr(name)) if name in os.confstr_names else platform.system()


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
