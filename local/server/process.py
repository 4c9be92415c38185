"""Running a local AWS as a process of its own, and the environment that leads clients to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from local.errors import StartError
from local.settings import REGION, ROOT_ACCESS_KEY


def variables(endpoint: str) -> dict[str, str]:
    """Return the environment variables that lead AWS clients to a local AWS, as its root."""
    return {
        "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_SECRET_ACCESS_KEY": ROOT_ACCESS_KEY,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        # A proxy would not know the loopback of this machine.
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def environment(endpoint: str) -> dict[str, str]:
    """Return a process environment for clients of a local AWS.

    It is this process's own, without any AWS setting of the user (profile, tokens, endpoints of
    single services), and with :func:`variables`.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**own, **variables(endpoint)}


class LocalAws:
    """A local AWS in a process of its own.

    A process, because moto's state and the patches of it are global to one.

    Parameters
    ----------
    iam
        Whether policies are enforced.
    job_python
        Interpreter of Python shell jobs; the server's own by default.
    spark_venv
        Virtual environment of Spark jobs, which the first of them makes; ``.venv-spark`` beside
        ``local/`` by default.
    minute_seconds
        Seconds that a minute of a Glue time-out lasts.
    limits
        Variables of the environment that set limits, as `local.settings.Settings` names them.
    plugin
        ``module:function`` that may change how the server behaves, see `local.server.app.plugged`.

    Examples
    --------
    >>> with LocalAws() as aws:  # doctest: +SKIP
    ...     boto3.client("s3", endpoint_url=aws.endpoint, region_name="us-east-1")
    """

    def __init__(
        self,
        *,
        iam: bool = True,
        job_python: Path | None = None,
        spark_venv: Path | None = None,
        minute_seconds: float | None = None,
        limits: Mapping[str, str] | None = None,
        plugin: str | None = None,
        start_seconds: float = 60,
    ) -> None:
        self._arguments = [] if iam else ["--no-iam"]
        if job_python:
            self._arguments += ["--job-python", str(job_python)]
        if spark_venv:
            self._arguments += ["--spark-venv", str(spark_venv)]
        if plugin:
            self._arguments += ["--plugin", plugin]
        self._minute_seconds = minute_seconds
        self._limits = dict(limits or {})
        self._start_seconds = start_seconds
        self._process: subprocess.Popen[str] | None = None
        self._directory: Path | None = None
        self.endpoint = ""

    @property
    def log(self) -> str:
        """What the server wrote to its log so far."""
        return (self._directory / "log").read_text() if self._directory else ""

    @property
    def pid(self) -> int:
        """Process id of the server."""
        if self._process is None:
            raise StartError("the local AWS is not running")
        return self._process.pid

    def __enter__(self) -> LocalAws:
        """Start the server and wait until it is ready."""
        self._directory = Path(tempfile.mkdtemp(prefix="local-aws-"))
        root = Path(__file__).resolve().parents[2]
        environ = environment("http://127.0.0.1:0")
        environ.update(self._limits, PYTHONPATH=str(root))
        if self._minute_seconds is not None:
            environ["LOCAL_GLUE_MINUTE_SECONDS"] = str(self._minute_seconds)
        command = [sys.executable, "-m", "local", "serve", "--port", "0", *self._arguments]
        with (self._directory / "log").open("w") as log_file:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [*command, "--state-dir", str(self._directory / "state")],
                cwd=root,
                env=environ,
                stdout=subprocess.PIPE,
                stderr=log_file,
                text=True,
            )
        try:
            self.endpoint = self._wait()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _wait(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        timer = threading.Timer(self._start_seconds, self._process.kill)
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if not line.startswith("ready "):
            raise StartError(
                f"the local AWS was not ready within {self._start_seconds:.0f} s; it wrote:\n"
                f"{line}{self.log}"
            )
        return line.split()[1]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server and remove its files."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.stdout:
                self._process.stdout.close()
            self._process = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None
