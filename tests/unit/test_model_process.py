"""The model job as Glue starts it: a process of its own, with many models, killed half way."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from medallion.lake.objects import Lake
from tests.unit.model_fixtures import SALES, contents, put_config, put_lake, put_sales, put_text

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SCRIPT = str(ROOT / "jobs/model.py")
MEMORY = ["--memory-mb", "256"]


def command(python: str, lake: Lake, stage: str, *more: str) -> list[str]:
    arguments = ["--bucket", lake.bucket, "--run-id", "r", "--stage", stage, *MEMORY, *more]
    return [python, SCRIPT, *arguments]


def run(python: str, lake: Lake, stage: str, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(python, lake, stage, *more),
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


# The command line


def test_help__says_what_the_job_does(job_python: str) -> None:
    done = subprocess.run(
        [job_python, SCRIPT, "--help"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0
    for word in ("--stage", "--datasets", "--failed", "--run-id", "AWS_ENDPOINT_URL", "analytics/"):
        assert word in done.stdout


def test_job__stages_on_the_interpreter_of_the_jobs(served_lake: Lake, job_python: str) -> None:
    put_lake(served_lake)
    for stage in ("dimension", "fact", "mart"):
        done = run(job_python, served_lake, stage, "--extra-py-files", "s3://x/y.py")
        assert (done.returncode, done.stderr) == (0, "")
        assert "INFO model: 1/" in done.stdout
    assert len(contents(served_lake)) == 5


def test_job__error_is_the_last_line(served_lake: Lake, job_python: str) -> None:
    put_lake(served_lake)
    done = run(job_python, served_lake, "facts")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "ConfigError: --stage: there is no stage 'facts' (did you mean 'fact'?); the stages are: "
        "dimension, fact, mart"
    )


def test_job__models_that_fail(served_lake: Lake, job_python: str) -> None:
    put_lake(served_lake)
    put_text(served_lake, "config/models/dim_customer.sql", "SELECT nope FROM processed.customers")
    done = run(job_python, served_lake, "dimension")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "ModelsFailed: 1 of 1 models failed: dim_customer (ConfigError: "
    )
    assert "Traceback" not in done.stdout
    assert served_lake.get_json("runs/r/stages/dimension.json")["status"] == "FAILED"


# Killed


def put_many(lake: Lake, number: int) -> None:
    """Put models with two partitions each, every second one reading the one before."""
    put_lake(lake)
    sql = {
        f"m{n:03}": f"SELECT sale_id + {n} AS sale_id, amount, month FROM "
        + (f"analytics.m{n - 1:03}" if n % 2 else "processed.sales")
        for n in range(number)
    }
    settings = {name: {"stage": "fact", "partition_by": ["month"]} for name in sql}
    put_config(lake, sql, settings)


def kill_when(lake: Lake, python: str, count: int) -> dict[str, bytes]:
    """Start the job and kill it once it has written or deleted `count` objects."""
    before = etags(lake)
    process = subprocess.Popen(
        command(python, lake, "fact"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 100
        while len(before ^ etags(lake)) < count:
            assert process.poll() is None, "the job ended before it could be killed"
            assert time.monotonic() < deadline, "the job wrote too little in 100 s"
            time.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL
    return contents(lake)


def etags(lake: Lake) -> set[tuple[str, str]]:
    return {(found.key, found.etag) for found in lake.list_objects("analytics/")}


@pytest.mark.parametrize("count", [1, 7, 16])
def test_kill__and_again_gives_the_bytes_of_an_undisturbed_run(
    served_lake: Lake, job_python: str, count: int
) -> None:
    put_many(served_lake, 12)
    assert run(job_python, served_lake, "fact").returncode == 0
    undisturbed = contents(served_lake)
    assert len(undisturbed) == 24
    served_lake.delete(undisturbed)
    left = kill_when(served_lake, job_python, count)
    assert 0 < len(left) < len(undisturbed)
    assert left.items() <= undisturbed.items(), "a killed run left an object that is not whole"
    assert run(job_python, served_lake, "fact").returncode == 0
    assert contents(served_lake) == undisturbed


def test_kill__between_old_and_new(served_lake: Lake, job_python: str) -> None:
    put_many(served_lake, 12)
    assert run(job_python, served_lake, "fact").returncode == 0
    old = contents(served_lake)
    # One month changes, one goes, one comes.
    months = ["2024-01", "2024-01", "2024-03", "2024-03", "2024-03"]
    put_sales(served_lake, {**SALES, "month": months, "amount": [1, 2, 3, 4, 5]})
    left = kill_when(served_lake, job_python, 15)
    assert run(job_python, served_lake, "fact").returncode == 0
    new = contents(served_lake)
    assert {key.split("month=")[1] for key in new} == {
        "2024-01/part-0.parquet",
        "2024-03/part-0.parquet",
    }
    assert left.items() <= {*old.items(), *new.items()}, "a partition is neither old nor new"
    assert left not in (old, new)
    served_lake.delete(new)
    assert run(job_python, served_lake, "fact").returncode == 0
    assert contents(served_lake) == new


# Many


def test_many__summary_of_failures_is_bounded(served_lake: Lake, job_python: str) -> None:
    put_lake(served_lake)
    sizes = []
    for number in (20, 120):
        sql = {f"m{n:03}": f"SELECT nope{n:0300} FROM processed.sales" for n in range(number)}
        put_config(served_lake, sql, {name: {"stage": "fact"} for name in sql})
        done = run(job_python, served_lake, "fact")
        assert done.returncode == 1
        assert len(done.stderr.splitlines()[-1]) < 3000
        summary = served_lake.get_json("runs/r/stages/fact.json")
        assert summary["models"]["failed"] == number
        sizes.append(len(json.dumps(summary)))
        record = served_lake.get_json("runs/r/stages/fact-not-built.json")
        assert record == {"failed": list(sql), "skipped": []}
    assert sizes[1] - sizes[0] < 10, "only the counts may take more room"
    assert sizes[1] < 10_000
