"""Examples: variables, a script that makes the files to drop or to fetch, and sample queries."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import cast

from ops.environment import ROOT
from ops.errors import OpsError


@dataclass(frozen=True)
class Example:
    """A folder of examples/: `<name>.tfvars`, `prepare.py` and `queries/*.sql`, each optional."""

    name: str
    folder: Path

    @property
    def var_file(self) -> Path | None:
        path = self.folder / f"{self.name}.tfvars"
        return path if path.is_file() else None

    def prepare(self, target: Path) -> list[tuple[str, Path]]:
        """Make the files to drop under `target`; return (dataset, file) pairs."""
        return self._call("prepare", target)

    def spoil(self, target: Path) -> list[tuple[str, Path]]:
        """Make files that are damaged on purpose, if the example has any."""
        return self._call("spoil", target)

    @property
    def fetched(self) -> dict[str, str]:
        """URLs in the variables, and the names of the files that `publish` makes for them."""
        return cast("dict[str, str]", getattr(self._script(), "FETCHED", {}))

    def publish(self, target: Path) -> None:
        """Make the files to fetch under `target`."""
        self._call("publish", target)

    def _call(self, function: str, target: Path) -> list[tuple[str, Path]]:
        call = cast(
            "Callable[[Path], list[tuple[str, Path]]] | None",
            getattr(self._script(), function, None),
        )
        return call(target) if call else []

    def _script(self) -> ModuleType | None:
        script = self.folder / "prepare.py"
        if not script.is_file():
            return None
        spec = importlib.util.spec_from_file_location(f"example_{self.name}", script)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def queries(self) -> list[tuple[str, str]]:
        """Sample queries as (title, SQL); the title is the comment on the file's first line."""
        result = []
        for path in sorted((self.folder / "queries").glob("*.sql")):
            title, _, sql = path.read_text(encoding="utf-8").partition("\n")
            result.append((title.lstrip("- ").strip(), sql.strip()))
        return result


def load(name: str) -> Example:
    """Find an example by name, or by the path of its folder.

    Raises
    ------
    OpsError
        There is no such folder; the message lists those that there are.
    """
    folder = ROOT / "examples" / name
    if not folder.is_dir():
        folder = Path(name).absolute()
    # What has a main.tf is for Terraform itself: it shows how to call the module.
    if not name or not folder.is_dir() or (folder / "main.tf").is_file():
        folders = [path for path in (ROOT / "examples").iterdir() if path.is_dir()]
        known = sorted(path.name for path in folders if not (path / "main.tf").is_file())
        raise OpsError(f"There is no example {name!r}.", hint=f"There are: {', '.join(known)}.")
    return Example(folder.name, folder)
