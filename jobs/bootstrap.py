"""What a script does first: see to its packages, then fetch the code of the job, `medallion`.

Glue brings a boto3 of its own. It may have imported that before the script's first line, and may
have the folder of it first on sys.path. Glue takes single modules, but no packages unless they are
built; so it is told of this file alone. At the top, standard library only.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import platform
import re
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

logger = logging.getLogger("bootstrap")

PINS = "--pinned-packages"
CODE = "--code"
_PACKAGE = "medallion"
_DOWNLOADS = 8
# Modules that are not named like their distribution.
_MODULES = {"python-dateutil": "dateutil"}
_METADATA = ".dist-info"


# The code that was fetched, for as long as the process lives.
_fetched: dict[str, tempfile.TemporaryDirectory[str]] = {}


def start(job: str, unused: Collection[str] = ()) -> None:
    """
    Set up logging, the pinned packages and the job's code; an error from now on is recorded.

    Parameters
    ----------
    job
        ingest, transform or model.
    unused
        Packages that this script never imports, and that are not loaded for the sake of a check.

    Raises
    ------
    ImportError
        As for `use` and `load`.
    """
    configure_logging()
    argv = sys.argv[1:]
    try:
        logger.info("%s", use(pins(argv), unused))
    except ImportError as error:
        _record(job, error, argv)
        raise
    load(code(argv))
    from medallion.runs import failures  # noqa: PLC0415 - it was not there before

    failures.watch(job)


def _record(job: str, error: ImportError, argv: Sequence[str]) -> None:
    """Record what is wrong with the packages, if they are good enough for that."""
    try:
        load(code(argv))
        from medallion.runs import failures  # noqa: PLC0415 - it was not there before

        failures.record(job, error, argv)
    except Exception:
        logger.exception("the error file cannot be written")


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
    given = _given(argv, PINS)
    path = Path(__file__).with_name("requirements.txt")
    if given is None and path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines()
        given = ",".join(line.partition("#")[0] for line in lines)
    parts = [part.strip() for part in (given or "").split(",") if part.strip()]
    found = {_normalised(name): version for name, _, version in (p.partition("==") for p in parts)}
    if not found or not all(found.values()):
        raise ImportError(
            f"{PINS} is {given!r}: it has to name packages with their versions, such as "
            "boto3==1.42.97,pyarrow==20.0.0. The job's definition gives it; deploy it again"
        )
    return found


def code(argv: Sequence[str]) -> str | None:
    """Return the S3 URI of the folder that holds the code, or None: it is beside this file."""
    return _given(argv, CODE)


def _given(argv: Sequence[str], name: str) -> str | None:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(name, dest="value")
    value: str | None = parser.parse_known_args(argv)[0].value
    return value


def load(uri: str | None) -> None:
    """
    Fetch the job's code, and put its folder first on sys.path.

    Parameters
    ----------
    uri
        Of the folder in which the package lies, such as s3://bucket/code/1a2b/; nothing is done
        if it is None, or was loaded before.

    Raises
    ------
    ImportError
        If there is no code at that place.
    botocore.exceptions.ClientError
        If it may not be read.
    """
    if uri is None or uri in _fetched:
        return
    import boto3  # noqa: PLC0415 - after its version was seen to

    bucket, _, folder = uri[len("s3://") :].partition("/")
    client = boto3.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=f"{folder}{_PACKAGE}/"
    )
    keys = [stored["Key"] for page in pages for stored in page.get("Contents", [])]
    if not keys:
        raise ImportError(
            f"{uri} has no package {_PACKAGE}: the code of this job was removed, or {CODE} of the "
            "job's definition is wrong. Deploy it again"
        )
    place = tempfile.TemporaryDirectory(prefix=f"{_PACKAGE}-")

    def fetch(key: str) -> None:
        path = Path(place.name, key[len(folder) :])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())

    with ThreadPoolExecutor(_DOWNLOADS) as pool:
        list(pool.map(fetch, keys))
    sys.path.insert(0, place.name)
    _fetched[uri] = place


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
