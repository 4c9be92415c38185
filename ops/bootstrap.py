"""`make setup`: virtual environments and the Terraform provider, on any machine.

Runs on the system's Python before anything is installed: standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import tomllib
import venv
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ops import provider
from ops.environment import (
    JOB_PYTHON,
    PYTHON,
    ROOT,
    STATE,
    cache_key,
    save_provider,
    saved_provider,
    terraform_environment,
)
from ops.errors import OpsError

EXTRAS = ("local", "ops", "dev")
TERRAFORM_MINIMUM = (1, 11)
STAMP = "medallion-setup"
_CHECK = "import sys, venv, ensurepip, ssl; print('%d.%d.%d' % sys.version_info[:3])"


def requirements(root: Path = ROOT) -> tuple[list[str], list[str]]:
    """Requirements of the tools (with those of the jobs) and of the jobs alone."""
    text = (root / "jobs/requirements.txt").read_text(encoding="utf-8")
    lines = (re.sub(r"\s*#.*", "", line).strip() for line in text.splitlines())
    jobs = [line for line in lines if line]
    document = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    extras = document["project"]["optional-dependencies"]
    return jobs + [item for extra in EXTRAS for item in extras[extra]], jobs


def runnable(python: Path | str) -> str | None:
    """Version of an interpreter that really runs and can make environments (a shim may not)."""
    try:
        done = subprocess.run(
            [str(python), "-c", _CHECK], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def job_python_candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    """Places where a Python 3.9, the one of Glue's Python shell, may be."""
    for folder in environ.get("PATH", "").split(os.pathsep):
        if folder and (path := Path(folder) / "python3.9").is_file():
            yield path
    pyenv = Path(
        environ.get("PYENV_ROOT") or Path(environ.get("HOME", "~")).expanduser() / ".pyenv"
    )
    found = pyenv.glob("versions/3.9.*/bin/python3.9")
    yield from sorted(found, key=lambda path: provider.version_tuple(path.parts[-3]), reverse=True)


def find_job_python(environ: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """Path and version of the interpreter for jobs: 3.9 if there is one, else this one."""
    for path in job_python_candidates(environ):
        if version := runnable(path):
            return str(path), version
    return sys.executable, platform.python_version()


def stamp_of(packages: list[str]) -> str:
    return hashlib.sha256("\n".join(packages).encode()).hexdigest()


def is_current(python: Path, packages: list[str]) -> bool:
    """Tell whether an environment was made from exactly these requirements, and is whole."""
    stamp = python.parent.parent / STAMP
    return (
        python.exists()
        and stamp.is_file()
        and stamp.read_text(encoding="utf-8").strip() == stamp_of(packages)
    )


def make_environment(python: Path, packages: list[str], interpreter: str) -> None:
    """Make a virtual environment anew and install the packages into it.

    Raises
    ------
    OpsError
        A step failed; its output is in the error.
    """
    folder = python.parent.parent
    if interpreter == sys.executable:
        venv.create(folder, clear=True, with_pip=True, symlinks=os.name != "nt")
    else:
        _output([interpreter, "-m", "venv", "--clear", str(folder)], f"making {folder.name}")
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    _output([*command, *packages], f"installing packages into {folder.name}")
    (folder / STAMP).write_text(stamp_of(packages) + "\n", encoding="utf-8")


def make_job_environment(python: Path, packages: list[str], interpreter: str) -> None:
    """Make the virtual environment of local jobs, and see that it has what Glue will have.

    Raises
    ------
    OpsError
        A step failed, or pip installed something that is not pinned.
    """
    make_environment(python, packages, interpreter)
    stamp = python.parent.parent / STAMP
    listing = _output([str(python), "-m", "pip", "freeze"], "listing packages")
    pinned = {_pin(line) for line in packages}
    found = {_pin(line) for line in listing.splitlines() if "==" in line}
    if found != pinned:
        stamp.unlink()
        raise OpsError(
            f"{python.parent.parent.name} has other packages than jobs/requirements.txt pins: "
            f"not pinned: {', '.join(sorted(found - pinned)) or 'none'}; "
            f"not there: {', '.join(sorted(pinned - found)) or 'none'}.",
            hint="Pin what is missing in jobs/requirements.txt: Glue installs what stands there.",
        )


def _pin(line: str) -> str:
    name, _, version = line.strip().partition("==")
    return f"{re.sub(r'[-_.]+', '-', name).lower()}=={version}"


def _output(command: list[str], what: str, environ: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        env=environ,
    )  # fmt: skip
    if done.returncode:
        raise OpsError(
            f"Set-up failed when {what} (exit code {done.returncode}).",
            hint="The output above says why. Python 3.11 to 3.13 has ready-made packages; "
            "`make setup PYTHON=<path>` chooses another interpreter."
            if "pip" in command
            else "",
            details=f"$ {' '.join(command)}\n{done.stdout}",
        )
    return done.stdout


def terraform_version(root: Path = ROOT) -> str:
    """Version of the Terraform on PATH.

    Raises
    ------
    OpsError
        It is missing, or older than the minimum.
    """
    minimum = ".".join(map(str, TERRAFORM_MINIMUM))
    path = shutil.which("terraform")
    if path is None:
        raise OpsError(
            "terraform is not on PATH.",
            hint=f"Install Terraform {minimum} or newer: "
            "https://developer.hashicorp.com/terraform/install",
        )
    # The named CLI configuration may not exist: Terraform then warns at every call.
    environ = {k: v for k, v in os.environ.items() if k != "TF_CLI_CONFIG_FILE"}
    environ["CHECKPOINT_DISABLE"] = "1"
    text = _output([path, f"-chdir={root}", "version", "-json"], "asking terraform", environ)
    version = str(json.loads(text)["terraform_version"])
    if provider.version_tuple(version) < TERRAFORM_MINIMUM:
        raise OpsError(
            f"{path} is Terraform {version}; this project needs {minimum} or newer.",
            hint="Install a newer one: https://developer.hashicorp.com/terraform/install",
        )
    return version


def choose_provider(root: Path = ROOT, state: Path = STATE) -> provider.Provider | None:
    """Choose the source of the provider, unless the last choice still holds (then None)."""
    key = cache_key(root, os.environ)
    saved = saved_provider(state)
    if saved and saved[0] == key:
        kept = saved[1]
        if kept.kind == "registry" or Path(kept.where).exists():
            return None
    chosen = provider.find(root)
    save_provider(chosen, key, state)
    return chosen


def fetch_from_registry(root: Path, state: Path) -> None:
    """Let Terraform download the provider once, into the cache that all later runs share."""
    environ = {**terraform_environment(state=state), "TF_DATA_DIR": str(state / "setup")}
    command = ["terraform", f"-chdir={root}", "init", "-backend=false", "-input=false", "-no-color"]
    _output(command, "downloading the Terraform provider", environ)
    shutil.rmtree(state / "setup", ignore_errors=True)


def say(text: str, started: float | None = None) -> None:
    took = f"  {time.monotonic() - started:.1f} s" if started is not None else ""
    print(f"  ✔ {text}{took}", flush=True)


def setup(root: Path = ROOT) -> None:
    """Bring the clone to the state that every other command needs; quick when it is there."""
    terraform = terraform_version(root)
    tools, jobs = requirements(root)
    work: list[tuple[str, Callable[[], None]]] = []
    if not is_current(PYTHON, tools):
        label = f".venv: {len(tools)} packages for the tools, Python {platform.python_version()}"
        work.append((label, lambda: make_environment(PYTHON, tools, sys.executable)))
    if not is_current(JOB_PYTHON, jobs):
        interpreter, version = find_job_python()
        note = "" if version.startswith("3.9.") else " (no 3.9, which Glue runs, was found)"
        label = f".venv-jobs: {len(jobs)} packages for the jobs, Python {version}{note}"
        work.append((label, lambda: make_job_environment(JOB_PYTHON, jobs, interpreter)))
    if work:
        print("Setting up: packages for the clone alone, a minute or two", flush=True)

    def do(item: tuple[str, Callable[[], None]]) -> None:
        started = time.monotonic()
        item[1]()
        say(item[0], started)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(do, work))

    started = time.monotonic()
    if chosen := choose_provider(root):
        if chosen.kind == "registry":
            fetch_from_registry(root, STATE)
        version = f" {chosen.version}" if chosen.version else ""
        say(f"Terraform {terraform}, provider hashicorp/aws{version} from {chosen.where}", started)


def main() -> int:
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    try:
        setup()
    except OpsError as error:
        if error.details:
            print(error.details, file=sys.stderr)
        print(f"Error: {error.message}", file=sys.stderr)
        if error.hint:
            print(error.hint, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Set-up was interrupted; `make setup` takes it up again.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
