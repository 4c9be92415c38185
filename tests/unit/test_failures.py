"""What a job leaves in the bucket when it fails."""

from __future__ import annotations

import gc
import json
import logging
import os
import shutil
import subprocess
import weakref
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import ingest
import model
import transform
from medallion.errors import ConfigError, ObjectNotFound
from medallion.lake.objects import Lake
from medallion.runs import failures
from tests.unit.model_fixtures import put_lake

ROOT = Path(__file__).parents[2]
KEY = "runs/r/errors/ingest-things.json"
COLUMNS = [{"name": "id", "type": "string"}]


def arguments(lake: Lake, *more: str) -> list[str]:
    return ["--bucket", lake.bucket, "--run-id", "r", *more]


def put_contract(lake: Lake) -> None:
    lake.put_json("config/datasets/things.json", {"name": "things", "columns": COLUMNS})


def run(
    python: str, script: Path, lake: Lake, *more: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, str(script), *arguments(lake, *more)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("name", ["ingest", "transform"])
def test_main__failure(lake: Lake, name: str) -> None:
    main = {"ingest": ingest.main, "transform": transform.main}[name]
    with pytest.raises(ObjectNotFound):
        main(arguments(lake, "--dataset", "things"))
    found = lake.get_json(f"runs/r/errors/{name}-things.json")
    age = datetime.now(UTC) - datetime.fromisoformat(found.pop("time"))
    assert timedelta(seconds=-1) < age < timedelta(minutes=5)
    assert found == {
        "job": name,
        "dataset": "things",
        "run_id": "r",
        "type": "ObjectNotFound",
        "message": f"s3://{lake.bucket}/config/datasets/things.json does not exist",
    }


def test_main__failure_of_a_stage_on_spark(lake: Lake) -> None:
    put_lake(lake)
    with pytest.raises(ConfigError):
        model.main(arguments(lake, "--stage", "facts", "--JOB_NAME", "m", "--JOB_RUN_ID", "jr_1"))
    found = lake.get_json("runs/r/errors/model-facts.json")
    assert (found["job"], found["stage"], found["log_stream"]) == ("model", "facts", "jr_1")
    assert "dataset" not in found
    assert found["message"].startswith("--stage: there is no stage 'facts'")


@pytest.mark.parametrize(
    ("more", "kind", "message"),
    [
        (["--memory-mb", "x"], "ConfigError", "argument --memory-mb: invalid int value: 'x'"),
        (["--max-object-mebibytes=0"], "ConfigError", "it must be 1 or more"),
    ],
)
def test_main__arguments(lake: Lake, more: list[str], kind: str, message: str) -> None:
    with pytest.raises((SystemExit, ConfigError)):
        ingest.main(arguments(lake, "--dataset=things", *more))
    found = lake.get_json(KEY)
    assert found["type"] == kind
    assert message in found["message"]


def test_main__success_takes_away_what_an_earlier_attempt_left(lake: Lake) -> None:
    given = arguments(lake, "--dataset", "things")
    with pytest.raises(ObjectNotFound):
        ingest.main(given)
    put_contract(lake)
    ingest.main(given)
    assert lake.head(KEY) is None
    ingest.main(given)
    versions = lake.client.list_object_versions(Bucket=lake.bucket, Prefix=KEY)
    assert len(versions["DeleteMarkers"]) == 1, "a run without an error file left a marker"


def test_recorded__help_is_no_failure(lake: Lake) -> None:
    with pytest.raises(SystemExit):
        ingest.main(arguments(lake, "--dataset", "things", "--help"))
    assert lake.head(KEY) is None


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (MemoryError("no more"), "MemoryError", "no more"),
        (SystemExit("stop: all"), "SystemExit", "stop: all"),
        (SystemExit(7), "SystemExit", "the job ended itself with exit code 7"),
        (ValueError("two\n\tlines\x85and one"), "ValueError", "two lines and one"),
        (KeyError("k"), "KeyError", "'k'"),
    ],
)
def test_recorded__kinds(lake: Lake, error: BaseException, kind: str, message: str) -> None:
    with (
        pytest.raises(type(error)) as raised,
        failures.recorded("ingest", arguments(lake, "--dataset", "things")),
    ):
        raise error
    assert raised.value is error
    found = lake.get_json(KEY)
    assert (found["type"], found["message"]) == (kind, message)


@pytest.mark.parametrize("length", [2000, 2001, 100_000])
def test_recorded__length(lake: Lake, length: int) -> None:
    with (
        pytest.raises(ValueError, match="x"),
        failures.recorded("ingest", arguments(lake, "--dataset", "things")),
    ):
        raise ValueError("x" * length)
    message = lake.get_json(KEY)["message"]
    assert message == "x" * 2000 if length == 2000 else message == "x" * 1999 + "…"


def test_recorded__credentials_stay_out(served_lake: Lake, job_python: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        f"import os, sys\nsys.path.insert(0, {str(ROOT / 'jobs')!r})\n"
        "from medallion.runs import failures\n"
        'with failures.recorded("ingest"):\n'
        "    raise ValueError('a ' + os.environ['AWS_SECRET_ACCESS_KEY'] + ' b '"
        " + os.environ['AWS_SESSION_TOKEN'])\n"
    )
    secrets = {"AWS_SECRET_ACCESS_KEY": "very+secret/key", "AWS_SESSION_TOKEN": "token=="}
    done = run(job_python, script, served_lake, "--dataset", "things", **secrets)
    assert done.returncode == 1
    assert served_lake.get_json(KEY)["message"] == "a *** b ***"


def test_recorded__lack_of_memory_frees_what_the_job_held(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Large:
        """Stands for what took the memory."""

    held: list[weakref.ref[Large]] = []
    alive: list[bool] = []
    put_json = Lake.put_json

    def put(self: Lake, key: str, document: Any) -> None:
        gc.collect()
        alive.append(held[0]() is not None)
        put_json(self, key, document)

    def work() -> None:
        large = Large()
        held.append(weakref.ref(large))
        raise MemoryError

    monkeypatch.setattr(Lake, "put_json", put)
    with (
        pytest.raises(MemoryError),
        failures.recorded("ingest", arguments(lake, "--dataset", "things")),
    ):
        work()
    assert alive == [False]


def test_recorded__file_that_cannot_be_written(
    lake: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    given = ["--bucket", "no-such-bucket", "--run-id", "r", "--dataset", "things"]
    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(ValueError, match="the first"),
        failures.recorded("ingest", given),
    ):
        raise ValueError("the first")
    assert "the error file of run r cannot be written" in caplog.text
    assert "NoSuchBucket" in caplog.text


def test_recorded__without_a_place(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    with (
        pytest.raises(ValueError, match="x"),
        failures.recorded("ingest", ["--bucket", lake.bucket, "--run-id", "--dataset", "d"]),
    ):
        raise ValueError("x")
    assert "--run-id missing" in caplog.text
    assert list(lake.list_objects("")) == []


# As processes


def test_process__exit_codes_and_stderr_stay(served_lake: Lake, job_python: str) -> None:
    script = ROOT / "jobs/transform.py"
    done = run(job_python, script, served_lake, "--dataset", "things", "--memory-mb", "x")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("invalid int value: 'x'")
    assert served_lake.get_json("runs/r/errors/transform-things.json")["type"] == "ConfigError"
    done = run(job_python, script, served_lake, "--dataset", "things")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ObjectNotFound: ")
    assert served_lake.get_json("runs/r/errors/transform-things.json")["type"] == "ObjectNotFound"


@pytest.mark.parametrize("name", ["ingest", "transform", "model"])
def test_process__import_that_fails(
    served_lake: Lake, job_python: str, tmp_path: Path, name: str
) -> None:
    shutil.copytree(ROOT / "jobs", tmp_path, dirs_exist_ok=True)
    (tmp_path / "medallion/contract/contract.py").write_text("import no_such_package\n")
    more = ["--stage" if name == "model" else "--dataset", "things"]
    done = run(job_python, tmp_path / f"{name}.py", served_lake, *more)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ModuleNotFoundError: ")
    found = served_lake.get_json(f"runs/r/errors/{name}-things.json")
    assert found["type"] == "ModuleNotFoundError"
    assert json.dumps("no_such_package")[1:-1] in found["message"]


def test_process__import_that_fails_and_no_boto(
    served_lake: Lake, job_python: str, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "jobs", tmp_path, dirs_exist_ok=True)
    (tmp_path / "requirements.txt").unlink()
    (tmp_path / "boto3.py").write_text("raise ImportError('boto3 is broken')\n")
    # A version that nothing has: all places are as bad, and the broken one is first.
    more = ["--dataset", "things", "--pinned-packages", "boto3==0.0.1"]
    done = run(job_python, tmp_path / "ingest.py", served_lake, *more)
    assert done.returncode == 1
    assert "the error file of run r cannot be written" in done.stdout
    assert done.stderr.splitlines()[-1].startswith("ImportError: boto3 is 0.0.1 here")
    assert "boto3 is broken" in done.stderr.splitlines()[-1]
