"""The packages that a script imports are the pinned ones, whatever Glue has loaded before."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bootstrap
from medallion.lake.objects import Lake

ROOT = Path(__file__).parents[2]
JOBS = ROOT / "jobs"
PINS = bootstrap.pins([])
# As the wrapper that starts Glue's scripts does.
AS_GLUE = "runpy.run_path({script!r}, run_name='__main__')"


def run(python: str, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code with the modules of the jobs beside it, outside of any virtual environment's."""
    first = f"import runpy, sys; sys.path.append({str(JOBS)!r})\n"
    return subprocess.run(
        [python, "-c", first + code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def package(folder: Path, name: str, version: str, metadata: str | None = None) -> None:
    """Put a package into a folder, with the metadata that pip writes."""
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(f"__version__ = {version!r}\n")
    (folder / f"{name}-{metadata or version}.dist-info").mkdir()


@pytest.fixture
def glue(tmp_path: Path) -> Path:
    """A folder like Glue's own: older packages, and some that are needed."""
    for name in ("boto3", "botocore", "s3transfer", "urllib3", "jmespath"):
        package(tmp_path / "glue", name, "1.2.3")
    (tmp_path / "glue/only_here.py").write_text("")
    return tmp_path / "glue"


# The pinned ones win


@pytest.mark.parametrize("script", ["ingest", "transform", "model"])
def test_script__gets_its_packages_where_an_old_one_is_loaded_and_comes_first(
    job_python: str, glue: Path, script: str
) -> None:
    code = f"""
sys.path.insert(0, {str(glue)!r})
import boto3, botocore, urllib3
assert boto3.__version__ == "1.2.3"
try:
    {AS_GLUE.format(script=str(JOBS / f"{script}.py"))}
except SystemExit:
    import boto3, only_here
    client = boto3.client("s3", region_name="us-east-1")
    print(boto3.__version__, type(client).__module__, sys.path[-1] == {str(glue)!r})
"""
    done = run(job_python, code, "--help")
    assert done.returncode == 0, done.stderr
    assert f"{PINS['boto3']} botocore.client True" in done.stdout
    log = done.stdout.splitlines()[0]
    assert " INFO bootstrap: Python 3." in log
    unused = {"duckdb", "sqlglot"} if script == "ingest" else set()
    for name, version in PINS.items():
        assert (f"{name} {version}" in log) == (name not in unused), log


def test_line__names_python_and_libc(job_python: str) -> None:
    done = run(
        job_python, "import bootstrap, platform; bootstrap.start('ingest'); print(sys.version)"
    )
    assert done.returncode == 0, done.stderr
    log, version = done.stdout.splitlines()[:2]
    assert f"bootstrap: Python {version.split()[0]}, " in log
    libc = bootstrap._libc()
    assert libc
    assert f", {libc}, boto3 {PINS['boto3']}, " in log


def test_path__stays_as_it_is_when_nothing_is_in_the_way(job_python: str) -> None:
    done = run(job_python, "import bootstrap; before = sys.path[:]; bootstrap.start('ingest'); "
               "assert sys.path == before")  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_loaded__of_the_right_version_stays(job_python: str) -> None:
    """Errors are caught by class: a second botocore beside the first would break that."""
    code = "import botocore.exceptions as before, bootstrap; bootstrap.start('ingest')\n"
    done = run(job_python, code + "import botocore.exceptions as now; assert now is before")
    assert done.returncode == 0, done.stderr


def test_ingest__imports_none_of_what_is_not_checked(job_python: str) -> None:
    done = run(job_python, "import ingest; print({'duckdb', 'sqlglot'} & set(sys.modules))")
    assert done.stdout == "set()\n", done.stderr


def test_bootstrap__uses_the_standard_library_alone(job_python: str) -> None:
    code = f"import sys; sys.path.append({str(JOBS)!r}); import bootstrap"
    subprocess.run([job_python, "-I", "-S", "-c", code], check=True, timeout=60)


# What is wrong is said


def failure(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: "), done.stderr
    assert "--additional-python-modules" in last
    assert "library-set none" in last
    return last


def test_other_version__is_named_with_its_place_and_what_to_do(job_python: str) -> None:
    code = "import bootstrap; bootstrap.start('ingest')"
    last = failure(run(job_python, code, bootstrap.PINS, "six==1.0,pytz==1999.1"))
    assert "six has to be 1.0 and is " in last
    assert "pytz has to be 1999.1 and is " in last
    assert f"{'pytz/__init__.py'})" in last


def test_missing_package__is_named(job_python: str) -> None:
    code = "import bootstrap; bootstrap.start('ingest')"
    last = failure(run(job_python, code, bootstrap.PINS, "nonesuch==1.0"))
    assert "nonesuch is 1.0 here, and cannot be imported" in last


def test_compiled_package__that_is_loaded_is_not_exchanged(job_python: str, tmp_path: Path) -> None:
    """The process would crash: pyspark, or Glue, may load pyarrow before the script begins."""
    package(tmp_path, "pyarrow", "22.0.0")
    code = (
        f"import pyarrow, bootstrap; sys.path.insert(0, {str(tmp_path)!r})\n"
        "bootstrap.use({'pyarrow': '22.0.0'})"
    )
    last = failure(run(job_python, code))
    assert f"pyarrow has to be 22.0.0 and is {PINS['pyarrow']}" in last
    assert "was loaded before the job began" in last


def test_metadata__beside_a_package_of_another_version(job_python: str, tmp_path: Path) -> None:
    """`pip install --target` adds metadata, and leaves a folder that is there as it is."""
    package(tmp_path, "boto3", "1.2.3", metadata=PINS["boto3"])
    code = f"import bootstrap; sys.path.insert(0, {str(tmp_path)!r}); bootstrap.start('ingest')"
    last = failure(run(job_python, code))
    assert f"boto3 has to be {PINS['boto3']} and is 1.2.3 (from {tmp_path}" in last


# Where the pins come from


def test_pins__of_the_command_line_come_first() -> None:
    argv = ["--bucket", "b", bootstrap.PINS, "Six==1.0, python_dateutil==2.9", "--x", "y"]
    assert bootstrap.pins(argv) == {"six": "1.0", "python-dateutil": "2.9"}


def test_pins__else_of_the_file_beside() -> None:
    lines = (JOBS / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    assert [f"{name}=={version}" for name, version in bootstrap.pins(["--bucket"]).items()] == (
        pinned
    )


@pytest.mark.parametrize("given", ["", "six", "six==1.0,boto3"])
def test_pins__without_a_version_are_refused(given: str) -> None:
    with pytest.raises(ImportError, match=rf"--pinned-packages is '{given}': it has to name"):
        bootstrap.pins([bootstrap.PINS, given])


# The code of the job


SCRIPT = """
import bootstrap
bootstrap.start("ingest")
import medallion.errors
print(medallion.errors.__file__)
"""


def load(
    python: str, lake: Lake, folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run a script that has nothing of this repository beside it but bootstrap.py."""
    shutil.copy(JOBS / "bootstrap.py", folder)
    (folder / "script.py").write_text(SCRIPT)
    pinned = ",".join(f"{name}=={version}" for name, version in PINS.items())
    known = ["--bucket", lake.bucket, "--run-id", "r", "--dataset", "things"]
    return subprocess.run(
        [python, str(folder / "script.py"), *known, bootstrap.PINS, pinned, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env={**os.environ, "PYTHONPATH": ""},
    )


@pytest.fixture
def uploaded(served_lake: Lake) -> Lake:
    """A lake with the code of the jobs, as Terraform puts it."""
    for path in JOBS.rglob("*.py"):
        served_lake.client.upload_file(
            str(path), served_lake.bucket, f"code/1a2b/{path.relative_to(JOBS).as_posix()}"
        )
    return served_lake


def test_code__comes_from_the_bucket_and_goes_with_the_process(
    uploaded: Lake, job_python: str, tmp_path: Path
) -> None:
    done = load(
        job_python, uploaded, tmp_path, bootstrap.CODE, f"s3://{uploaded.bucket}/code/1a2b/"
    )
    assert done.returncode == 0, done.stderr
    place = Path(done.stdout.splitlines()[-1])
    assert place.parts[-2:] == ("medallion", "errors.py")
    assert JOBS not in place.parents
    assert not place.exists()


def test_code__is_there_to_record_what_is_wrong_with_the_packages(
    uploaded: Lake, job_python: str, tmp_path: Path
) -> None:
    place = f"s3://{uploaded.bucket}/code/1a2b/"
    done = load(
        job_python, uploaded, tmp_path, bootstrap.CODE, place, bootstrap.PINS, "boto3==0.0.1"
    )
    assert done.stderr.splitlines()[-1].startswith("ImportError: boto3 has to be 0.0.1 and is ")
    document = uploaded.get_json("runs/r/errors/ingest-things.json")
    assert document["message"].startswith("boto3 has to be 0.0.1 and is ")


def test_code__that_is_not_there_is_named(
    served_lake: Lake, job_python: str, tmp_path: Path
) -> None:
    place = f"s3://{served_lake.bucket}/code/gone/"
    done = load(job_python, served_lake, tmp_path, bootstrap.CODE, place)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"ImportError: {place} has no package")
    assert bootstrap.CODE in done.stderr.splitlines()[-1]


def test_code__is_fetched_once_by_a_process(
    uploaded: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tasks of an executor share one."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    place = f"s3://{uploaded.bucket}/code/1a2b/"
    bootstrap.load(place)
    known = [*sys.path]
    uploaded.delete([stored.key for stored in uploaded.list_objects("code/")])
    bootstrap.load(place)
    assert sys.path == known
