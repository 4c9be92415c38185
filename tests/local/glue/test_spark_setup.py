"""The virtual environment of Spark jobs: made once, whole, and by one at a time."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from local.errors import SparkSetupError
from local.glue import spark
from local.glue.job_errors import exception_of
from local.settings import SPARK_VENV
from tests.local.glue.jobs import complete


class Runner:
    """Stands in for venv and pip; what it makes is what they would."""

    def __init__(self, fail: str = "") -> None:
        self.fail = fail
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], lock: int) -> str:
        self.commands.append(command)
        assert lock > 2, "the child has to share the lock"
        if "venv" in command:
            python = Path(command[-1]) / "bin/python"
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()
        if self.fail and self.fail in command:
            raise SparkSetupError(f"{self.fail} failed")
        return ""


@pytest.fixture
def said() -> list[str]:
    return []


def test_ensure__makes_it_once(tmp_path: Path, said: list[str]) -> None:
    venv, run = tmp_path / "venv", Runner()
    assert spark.ensure(venv, said.append, run) == venv / "bin/python"
    assert run.commands[0][1:] == ["-m", "venv", "--clear", str(venv)]
    assert run.commands[1][-3:] == ["--no-deps", "--requirement", str(spark.REQUIREMENTS)]
    assert said == [
        f"setting up Spark in {venv}: about 400 MB to download, a minute or more",
        "Spark is set up",
    ]
    spark.ensure(venv, said.append, run)
    assert len(run.commands) == len(said) == 2


@pytest.mark.parametrize("damage", ["marker", "python", "requirements"])
def test_ensure__makes_a_half_made_one_anew(
    tmp_path: Path, said: list[str], damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv = tmp_path / "venv"
    complete(venv)
    if damage == "marker":
        (venv / spark.MARKER).unlink()
    elif damage == "python":
        (venv / "bin/python").unlink()
    else:
        other = tmp_path / "requirements.txt"
        other.write_text("pyspark==3.5.7\n")
        monkeypatch.setattr(spark, "REQUIREMENTS", other)
    run = Runner()
    spark.ensure(venv, said.append, run)
    assert len(run.commands) == 2
    assert "--clear" in run.commands[0], "what is left over has to go"


def test_ensure__that_failed_leaves_no_marker(tmp_path: Path, said: list[str]) -> None:
    venv = tmp_path / "venv"
    with pytest.raises(SparkSetupError, match="pip failed"):
        spark.ensure(venv, said.append, Runner(fail="pip"))
    assert not (venv / spark.MARKER).exists()
    run = Runner()
    spark.ensure(venv, said.append, run)
    assert len(run.commands) == 2


def test_ensure__two_at_once_make_it_once(tmp_path: Path, said: list[str]) -> None:
    venv = tmp_path / "venv"
    run = Runner()

    def slowly(command: list[str], lock: int) -> str:
        time.sleep(0.2)
        return run(command, lock)

    both = [threading.Thread(target=spark.ensure, args=(venv, said.append, slowly)) for _ in "ab"]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert len(run.commands) == 2
    assert f"waiting for another process that sets up {venv}" in said


def test_ensure__says_what_failed(tmp_path: Path) -> None:
    with pytest.raises(SparkSetupError, match=r"ended with exit code 3.*package index.*no such"):
        spark._run(["/bin/sh", "-c", "echo no such package; exit 3"], 0)


def test_install__only_what_is_missing(tmp_path: Path, said: list[str]) -> None:
    have = spark.ensure(SPARK_VENV, said.append)
    run = Runner()
    spark.install(SPARK_VENV, ["pyspark==3.5.6", "PANDAS", "sagemaker-pyspark"], said.append, run)
    assert run.commands == []
    spark.install(SPARK_VENV, ["pyspark==3.5.5", "nonesuch==1.0"], said.append, run)
    assert run.commands[0][0] == str(have)
    assert run.commands[0][-2:] == ["pyspark==3.5.5", "nonesuch==1.0"]
    assert said[-1] == "installing pyspark==3.5.5, nonesuch==1.0"


def test_environment__of_a_session_has_its_token_and_nothing_to_reach_aws(tmp_path: Path) -> None:
    made = spark.environment(SPARK_VENV, "http://127.0.0.1:1", tmp_path, ("a", "b", "c"))
    assert made["AWS_SESSION_TOKEN"] == "c"
    assert Path(made["JAVA_HOME"], "bin/java").is_file()
    lines = (tmp_path / "conf/spark-defaults.conf").read_text().splitlines()
    settings = dict(line.split(" ", 1) for line in lines)
    assert settings["spark.hadoop.fs.s3a.endpoint"] == "http://127.0.0.1:1"
    jars = settings["spark.driver.extraClassPath"].split(":")
    assert [Path(jar).name.split("-")[0] for jar in jars] == ["aws", "hadoop"]
    assert all(Path(jar).is_file() for jar in jars)
    root = spark.environment(SPARK_VENV, "http://127.0.0.1:1", tmp_path)
    assert "AWS_SESSION_TOKEN" not in root


# ------------------------------------------------------------------------------- error messages

JAVA = """Traceback (most recent call last):
  File "job.py", line 3, in <module>
    spark.read.parquet(x)
    ^^^^^^^^^^
py4j.protocol.Py4JJavaError: An error occurred while calling o1.parquet.
: org.apache.spark.SparkException: Job aborted due to stage failure
\tat org.apache.spark.X
Caused by: java.lang.Y: outer
\tat z
Caused by: java.nio.file.AccessDeniedException: s3://b/k
\t... 3 more
"""
CHAINED = """Traceback (most recent call last):
  File "a.py", line 1, in f
KeyError: 'x'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "a.py", line 3, in <module>
    f()
lake_errors.ConfigError: config/models/x.sql, line 3: no such column

26/11/21 13:37:06 WARN Something: after the end
Exception ignored in: <function f>
Traceback (most recent call last):
  File "py4j.py", line 3, in __del__
OSError: closed
"""


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        ("WARN SparkConf: x\n[Stage 0:> (0 + 2) / 4]\n", ""),
        (CHAINED, "lake_errors.ConfigError: config/models/x.sql, line 3: no such column"),
        (
            JAVA,
            "py4j.protocol.Py4JJavaError: An error occurred while calling o1.parquet. "
            ": org.apache.spark.SparkException: Job aborted due to stage failure "
            "Caused by: java.nio.file.AccessDeniedException: s3://b/k",
        ),
    ],
    ids=["noise", "chained", "java"],
)
def test_exception_of__stderr(stderr: str, message: str) -> None:
    assert exception_of(stderr.splitlines()) == message
