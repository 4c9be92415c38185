"""Glue Spark jobs: a real driver against the local S3, permissions, its end."""

from __future__ import annotations

import fcntl
import io
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local.glue import spark
from local.server import LocalAws
from local.settings import SPARK_VENV
from tests.local.conftest import Aws, allow, until
from tests.local.glue.jobs import ENDED, Jobs, complete

SPARK: dict[str, Any] = {"GlueVersion": "5.1", "WorkerType": "G.1X", "NumberOfWorkers": 10}
SESSION = """
import logging, sys
from pyspark.sql import SparkSession
logging.basicConfig()
logging.warning("to stderr")
bucket = "s3://" + sys.argv[sys.argv.index("--bucket") + 1]
spark = SparkSession.builder.getOrCreate()
"""


def given(settings: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is None."""
    return {key: value for key, value in settings.items() if value is not None}


# What S3A's committers look for and end: uploads that others have left.
UPLOADS = [
    *("s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"),
]


class SparkJobs(Jobs):
    """Jobs whose command is glueetl."""

    def spark_job(self, script: str, role: str, **settings: Any) -> str:
        """Make a Spark job; its name."""
        command = {
            "Name": "glueetl",
            "PythonVersion": "3",
            "ScriptLocation": self.put("spark.py", script),
        }
        arguments = {"--bucket": self.bucket, **settings.pop("DefaultArguments", {})}
        return self.job(
            "", role, Command=command, DefaultArguments=arguments, **given({**SPARK, **settings})
        )

    def end(self, name: str, run: str) -> dict[str, Any]:
        """Wait for the end of a Spark run."""

        def ended() -> dict[str, Any] | None:
            found = self.get(name, run)
            return found if found["JobRunState"] in ENDED else None

        return until(ended, f"Spark run of {name}")

    def lines(self, run: str, stream: str = "output") -> list[str]:
        """Return the log lines of a Spark run."""
        group = f"/aws-glue/jobs/{stream}"
        try:
            events = self.logs.get_log_events(logGroupName=group, logStreamName=run)["events"]
        except self.logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in events]

    def sales(self) -> None:
        """Put two years of a table into raw/."""
        for year in (2023, 2024):
            sink = io.BytesIO()
            pq.write_table(pa.table({"id": [1, 2], "amount": [1.5, float(year)]}), sink)
            key = f"raw/sales/year={year}/part-0.parquet"
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=sink.getvalue())

    def spark_role(self) -> str:
        """Make a role that reads raw/ and writes staging/, with not a permission to spare."""
        arn = f"arn:aws:s3:::{self.bucket}"
        listed = {"StringLikeIfExists": {"s3:prefix": ["raw/*", "staging/*"]}}
        write = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", *UPLOADS[1:]]
        return self.role(
            allow("s3:ListBucket", arn, Condition=listed),
            allow(UPLOADS[0], arn),
            allow("s3:GetObject", f"{arn}/raw/*"),
            # S3A asks of each folder above whether it is a file, staging itself among them.
            allow(write, [f"{arn}/staging", f"{arn}/staging/*"]),
        )


@pytest.fixture(scope="module")
def jobs(aws: Aws) -> SparkJobs:
    spark.ensure(SPARK_VENV, print)
    made = SparkJobs(aws)
    made.sales()
    return made


# ------------------------------------------------------------------------------------ real runs


def test_run__reads_and_overwrites_partitions_with_its_role_alone(jobs: SparkJobs) -> None:
    script = f"""{SESSION}
spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
sales = spark.read.parquet(bucket + "/raw/sales")
target = bucket + "/staging/run-1/sales"
sales.write.partitionBy("year").mode("overwrite").parquet(target)
doubled = sales.where("year = 2024").selectExpr("id", "amount * 2 AS amount", "year")
doubled.write.partitionBy("year").mode("overwrite").parquet(target)
import helper
print(sales.count(), helper.X, spark.conf.get("spark.sql.shuffle.partitions"), spark.version)
print(sys.argv[sys.argv.index("--JOB_NAME") + 1])
"""
    helper = jobs.put("helper.py", "X = 'helped'")
    arguments = {
        "--conf": "spark.sql.shuffle.partitions=3 --conf spark.x=y",
        "--extra-py-files": helper,
    }
    role = jobs.spark_role()
    name = jobs.spark_job(script, role, DefaultArguments=arguments)
    started = jobs.start(name, NumberOfWorkers=4)
    run = jobs.end(name, started)
    assert run["JobRunState"] == "SUCCEEDED", (run, jobs.lines(started))
    assert jobs.lines(started) == ["WARNING:root:to stderr", "4 helped 3 3.5.6", name]
    assert jobs.lines(started, "error") == [], "Spark warns of something in a plain run"
    shown = {key: run[key] for key in ("WorkerType", "NumberOfWorkers", "GlueVersion")}
    assert shown == {"WorkerType": "G.1X", "NumberOfWorkers": 4, "GlueVersion": "5.1"}
    assert (run["MaxCapacity"], run["ExecutionClass"]) == (4.0, "STANDARD")
    assert run["LogGroupName"] == "/aws-glue/jobs"

    found = jobs.s3.list_objects_v2(Bucket=jobs.bucket, Prefix="staging/")["Contents"]
    data = [one["Key"] for one in found if one["Key"].endswith(".parquet")]
    assert not [key for key in data if "_temporary" in key or ".spark-staging" in key]
    amounts: dict[str, list[float]] = {}
    for key in data:
        body = jobs.s3.get_object(Bucket=jobs.bucket, Key=key)["Body"].read()
        table = pq.read_table(io.BytesIO(body)).to_pydict()
        amounts[key.split("/")[3]] = sorted(amounts.get(key.split("/")[3], []) + table["amount"])
    assert amounts == {"year=2023": [1.5, 2023.0], "year=2024": [3.0, 4048.0]}
    _, calls = jobs.aws.get(f"/_local/calls?role={role.split('/')[-1]}")
    used = {call["action"] for call in calls if call["action"].startswith("s3:")}
    assert used == {
        *("s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:DeleteObject"),
        *UPLOADS,
    }


def test_missing_permission__fails_the_run_and_says_so(jobs: SparkJobs) -> None:
    arn = f"arn:aws:s3:::{jobs.bucket}"
    role = jobs.role(allow("s3:ListBucket", arn))
    name = jobs.spark_job(f"{SESSION}spark.read.parquet(bucket + '/raw/sales').show()", role)
    run = jobs.end(name, jobs.start(name))
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"].startswith("py4j.protocol.Py4JJavaError: An error occurred while")
    assert "java.nio.file.AccessDeniedException: s3://" in run["ErrorMessage"]
    assert "\tat " not in run["ErrorMessage"]
    assert any("Traceback" in line for line in jobs.lines(run["Id"]))
    _, calls = jobs.aws.get(f"/_local/calls?role={role.split('/')[-1]}&decision=DENY")
    assert {call["action"] for call in calls} == {"s3:GetObject"}


def test_stop__leaves_neither_jvm_nor_workers(jobs: SparkJobs, tmp_path: Path) -> None:
    script = f"""{SESSION}
import os, pathlib, time
def sleep(number):
    pathlib.Path({str(tmp_path)!r}, f"worker-{{number}}").write_text(str(os.getpid()))
    time.sleep(120)
spark.sparkContext.parallelize([1], 1).foreach(sleep)
"""
    name = jobs.spark_job(script, jobs.spark_role())
    run = jobs.start(name)
    until((tmp_path / "worker-1").exists, "a Python worker")
    folder = str(jobs.get(name, run)["Id"])
    mine = [p for p in psutil.process_iter() if folder in " ".join([*_command(p), _cwd(p)])]
    assert {"java", "python"} <= {Path(_command(p)[0]).name for p in mine if _command(p)}
    worker = psutil.Process(int((tmp_path / "worker-1").read_text()))
    assert jobs.get(name, run)["JobRunState"] == "RUNNING"
    jobs.glue.batch_stop_job_run(JobName=name, JobRunIds=[run])
    assert jobs.end(name, run)["JobRunState"] == "STOPPED"
    until(lambda: not any(_alive(p) for p in [*mine, worker]), "the processes to end")


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _cwd(process: psutil.Process) -> str:
    try:
        return str(process.cwd())
    except psutil.Error:
        return ""


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_script__that_starts_no_session__costs_no_jvm(jobs: SparkJobs, tmp_path: Path) -> None:
    script = f"""
import pathlib, sys, time
print(*sys.version_info[:2])
pathlib.Path({str(tmp_path)!r}, "started").touch()
while not pathlib.Path({str(tmp_path)!r}, "go").exists():
    time.sleep(0.02)
"""
    name = jobs.spark_job(script, jobs.role())
    run = jobs.start(name)
    until((tmp_path / "started").exists, "the script")
    mine = [p for p in psutil.process_iter() if run in " ".join([*_command(p), _cwd(p)])]
    assert [Path(_command(p)[0]).name for p in mine] == ["python"]
    (tmp_path / "go").touch()
    assert jobs.end(name, run)["JobRunState"] == "SUCCEEDED"
    assert jobs.lines(run) == ["3 11"], "Glue 5.1 has Python 3.11"


# ------------------------------------------------------------------------------ without a driver


def test_set_up__is_told_while_the_run_is_starting(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    with (
        LocalAws(spark_venv=venv) as server,
        (tmp_path / "venv.lock").open("w") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        jobs = SparkJobs(Aws(server.endpoint, server))
        name = jobs.spark_job("print(1)", jobs.role())
        run = jobs.start(name)
        line = until(lambda: jobs.lines(run, "error") or None, "a log line")
        assert line == [f"waiting for another process that sets up {venv}"]
        assert jobs.get(name, run)["JobRunState"] == "STARTING"
        complete(venv)
        fcntl.flock(lock, fcntl.LOCK_UN)
        ended = jobs.end(name, run)
    assert ended["JobRunState"] == "FAILED"
    assert ended["ErrorMessage"].startswith(f"{venv} has no pyspark")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"GlueVersion": "4.0"}, "GlueVersion 4.0: the local AWS runs Spark 3.5"),
        ({"GlueVersion": None}, "GlueVersion unset"),
        ({"Command": {"Name": "gluestreaming", "ScriptLocation": "s3://b/k"}}, "gluestreaming"),
    ],
)
def test_start__of_what_is_not_emulated_is_refused(
    aws: Aws, settings: dict[str, Any], words: str
) -> None:
    jobs = SparkJobs(aws)
    command = {"Name": "glueetl", "ScriptLocation": "s3://b/k"}
    name = jobs.job("", **given({**SPARK, "Command": command, **settings}))
    with pytest.raises(jobs.glue.exceptions.InvalidInputException, match=words):
        jobs.start(name)


def test_job__reads_back_without_drift_and_updates(aws: Aws) -> None:
    jobs = SparkJobs(aws)
    name = jobs.spark_job("", jobs.role())
    job = jobs.glue.get_job(JobName=name)["Job"]
    assert {key: job[key] for key in SPARK} == SPARK
    assert (job["MaxCapacity"], job["AllocatedCapacity"]) == (10.0, 10)
    assert "ExecutionClass" not in job, "the provider would read a default as drift"
    update = {key: job[key] for key in ("Role", "Command")} | SPARK
    more = {"WorkerType": "G.2X", "NumberOfWorkers": 3, "ExecutionClass": "FLEX"}
    jobs.glue.update_job(JobName=name, JobUpdate={**update, **more})
    changed = jobs.glue.get_job(JobName=name)["Job"]
    assert changed["MaxCapacity"] == 6.0
    assert changed["ExecutionClass"] == "FLEX"
