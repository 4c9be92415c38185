"""Which packages have a wheel for the runtimes of Glue jobs, so that a run fails here as on AWS.

The answers stand in ``wheels.json``, where a run looks them up without a package index.
``python -m local.glue.wheels NAME==VERSION ...`` asks the index and adds what it says. Its
runtimes are those of docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-libraries,
and of Python shell as users have found it (dmlc/xgboost#10472).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from local.errors import AwsError, LocalAwsError

TABLE = Path(__file__).with_name("wheels.json")
PYTHON_SHELL = "pythonshell-3.9"

_PIN = re.compile(r"([A-Za-z0-9._-]+)\s*==\s*([A-Za-z0-9.!+-]+)")
_OLDEST_GLIBC = 5
_NONE = "No matching distribution found"


@dataclass(frozen=True, slots=True)
class Runtime:
    """
    What pip on a worker of Glue has to do with.

    Attributes
    ----------
    name
        Command and version of the job, such as ``pythonshell-3.9`` or ``glueetl-5.1``.
    python
        Version, such as ``3.9``.
    glibc
        Version, such as ``2.26``; the machine is x86_64.
    """

    name: str
    python: str
    glibc: str

    def options(self) -> list[str]:
        """Return the options that make pip take wheels for this runtime alone."""
        minor = int(self.glibc.split(".")[1])
        tags = [f"manylinux_2_{n}_x86_64" for n in range(minor, _OLDEST_GLIBC - 1, -1)]
        tags += [f"manylinux{old}_x86_64" for old in ("2014", "2010", "1")]
        return [
            "--only-binary=:all:",
            "--implementation=cp",
            f"--python-version={self.python}",
            *(f"--abi={abi}" for abi in (f"cp{self.python.replace('.', '')}", "abi3", "none")),
            *(f"--platform={tag}" for tag in (*tags, "linux_x86_64")),
        ]


class WheelTable:
    """The committed answers of the index."""

    def __init__(self, path: Path = TABLE) -> None:
        document = json.loads(path.read_text(encoding="utf-8"))
        self.runtimes = {name: Runtime(name, **kept) for name, kept in document["runtimes"].items()}
        self.wheels: dict[str, list[str]] = document["wheels"]

    def require_known(self, modules: Sequence[str]) -> None:
        """
        Refuse pins of which the table says nothing.

        Parameters
        ----------
        modules
            Parts of ``--additional-python-modules``. What is no ``name==version`` is passed over.

        Raises
        ------
        AwsError
            ``InvalidInputException``.
        """
        unknown = [pin for module in modules if (pin := _pin(module)) and pin not in self.wheels]
        if unknown:
            raise AwsError(
                "InvalidInputException",
                f"--additional-python-modules has {', '.join(unknown)}: whether there is a wheel "
                f"for Glue is not in local/glue/{TABLE.name}. Ask the index, which adds it: "
                f"python -m local.glue.wheels {' '.join(unknown)}",
            )

    def missing(self, modules: Sequence[str], runtime: str) -> list[str]:
        """Return what pip says of the pins that have no wheel for a runtime; empty if all have."""
        kind = self.runtimes[runtime]
        return [
            f"ERROR: Could not find a version that satisfies the requirement {pin} (of wheels for "
            f"Python {kind.python} and glibc {kind.glibc}) ERROR: {_NONE} for {pin}"
            for module in modules
            if (pin := _pin(module)) and runtime not in self.wheels[pin]
        ]


@cache
def table() -> WheelTable:
    """Return the table, read once."""
    return WheelTable()


def download(runtime: Runtime, requirements: Sequence[str], folder: Path, *options: str) -> str:
    """
    Have pip fetch wheels for a runtime.

    Returns
    -------
    str
        What pip writes when there is none; empty when all is in the folder.

    Raises
    ------
    LocalAwsError
        If pip fails for another reason, or has no index.
    """
    done = subprocess.run(  # noqa: S603 pip
        [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"),
            *("download", "--quiet", "--dest", str(folder)),
            *(*options, *runtime.options(), *requirements),
        ],
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode and _NONE not in done.stderr:
        raise LocalAwsError(f"pip failed for {runtime.name}: {done.stderr.strip()[-1500:]}")
    return done.stderr if done.returncode else ""


def ask(pin: str, runtimes: Mapping[str, Runtime]) -> list[str]:
    """Return the runtimes that the index has a wheel of a pin for.

    Raises
    ------
    LocalAwsError
        If it has none for any of them: then it may not have been reached.
    """
    said, found = "", []
    for name, runtime in runtimes.items():
        with tempfile.TemporaryDirectory() as folder:
            said = download(runtime, [pin], Path(folder), "--no-deps") or said
            if any(Path(folder).iterdir()):
                found.append(name)
    if not found:
        raise LocalAwsError(f"{pin} has no wheel for any runtime of Glue: {said.strip()[-500:]}")
    return found


def add(pins: Sequence[str], path: Path = TABLE) -> None:
    """Ask the index of pins, and put its answers into the table."""
    known = WheelTable(path)
    for text in pins:
        pin = _pin(text)
        if pin is None:
            raise LocalAwsError(f"{text!r} is not name==version")
        known.wheels[pin] = ask(pin, known.runtimes)
    document = json.loads(path.read_text(encoding="utf-8"))
    document["wheels"] = dict(sorted(known.wheels.items()))
    rows = ",\n".join(
        f"    {json.dumps(pin)}: {json.dumps(kept)}" for pin, kept in document.pop("wheels").items()
    )
    head = json.dumps(document, indent=2).removesuffix("\n}")
    path.write_text(f'{head},\n  "wheels": {{\n{rows}\n  }}\n}}\n', encoding="utf-8")


def _pin(module: str) -> str | None:
    found = _PIN.fullmatch(module.strip())
    return f"{re.sub(r'[-_.]+', '-', found[1]).lower()}=={found[2]}" if found else None


if __name__ == "__main__":
    add(sys.argv[1:])
