"""One Spark process for all tests of tests/spark, and a bucket that it and the tests share."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from local.glue import spark
from medallion.lake.objects import Lake, s3_client
from ops import bootstrap

ROOT = Path(__file__).parents[2]
VENV = ROOT / ".venv-spark"
_ANSWER_SECONDS = 120


class SparkFailed(Exception):  # noqa: N818
    """What the process raised; `kind` is the name of the class."""

    def __init__(self, kind: str, message: str, trace: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.trace = trace


class SparkProcess:
    """The methods of worker.Worker, run in the process."""

    def __init__(self, connection: Connection, log: Path) -> None:
        self._connection = connection
        self._log = log

    def __call__(self, name: str, *arguments: Any, **keywords: Any) -> Any:
        self._connection.send((name, arguments, keywords))
        if not self._connection.poll(_ANSWER_SECONDS):
            pytest.fail(f"Spark gave no answer to {name} within {_ANSWER_SECONDS} s")
        try:
            kind, message, answer = self._connection.recv()
        except EOFError:
            pytest.fail(f"the Spark process has ended: {self._log.read_text()[-3000:]}")
        if kind is not None:
            raise SparkFailed(kind, message, answer)
        return answer


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A moto server on a free port of this machine."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture(scope="session")
def spark_process(
    s3_endpoint: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SparkProcess]:
    """A process with a Spark session."""
    folder = tmp_path_factory.mktemp("spark")
    _, job_requirements = bootstrap.requirements()
    python = spark.ensure(VENV, print)
    spark.install(VENV, job_requirements, print)
    key = secrets.token_hex(16)
    environment = {
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT / "jobs"), str(ROOT)]),
        "WORKER_KEY": key,
        **spark.environment(VENV, s3_endpoint, folder),
    }
    log = folder / "worker.log"
    address = str(folder / "socket")
    with Listener(address, authkey=key.encode()) as listener, log.open("wb") as output:
        process = subprocess.Popen(
            [str(python), str(Path(__file__).with_name("worker.py")), address],
            env=environment,
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            with _accepted(listener, process, log) as connection:
                yield SparkProcess(connection, log)
            process.wait(30)
        finally:
            process.kill()
            process.wait()


def _accepted(listener: Listener, process: subprocess.Popen[bytes], log: Path) -> Connection:
    """Wait for the process to call, unless it ends before."""
    with ThreadPoolExecutor(1) as pool:
        calling = pool.submit(listener.accept)
        while process.poll() is None:
            with contextlib.suppress(TimeoutError):
                return calling.result(0.1)
        # Nobody will call any more.
        Client(listener.address, authkey=None).close()
    pytest.fail(f"the Spark process has ended: {log.read_text()[-3000:]}")


@pytest.fixture
def lake(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """An empty bucket."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in (
        ("AWS_ENDPOINT_URL", s3_endpoint),
        ("AWS_ACCESS_KEY_ID", "root"),
        ("AWS_SECRET_ACCESS_KEY", "root"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    client = s3_client()
    bucket = f"lake-{uuid.uuid4().hex}"
    client.create_bucket(Bucket=bucket)
    return Lake(client, bucket)


@pytest.fixture
def on_spark(spark_process: SparkProcess, lake: Lake) -> SparkProcess:
    """The Spark process, turned to the test's bucket."""
    spark_process("use", lake.bucket)
    return spark_process
