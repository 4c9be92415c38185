"""Settings of one running local AWS, fixed when the server starts."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from local.errors import LocalAwsError

ACCOUNT = "123456789012"
PARTITION = "aws"
REGION = "us-east-1"
ROOT_ACCESS_KEY = "root"
SPARK_VENV = Path(__file__).resolve().parent.parent / ".venv-spark"


def _whole(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise LocalAwsError(
            f"{name} is {text!r}; it has to be a whole number above 0. Unset it for {default}."
        )
    return int(text)


def _minute_seconds() -> float:
    text = os.environ.get("LOCAL_GLUE_MINUTE_SECONDS", "60")
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise LocalAwsError(
            f"LOCAL_GLUE_MINUTE_SECONDS is {text!r}; it says how many seconds a minute of a Glue "
            "time-out lasts and has to be a number above 0. Unset it for real minutes."
        )
    return seconds


@dataclass(frozen=True, slots=True)
class Settings:
    """What the server was told when it started.

    Attributes
    ----------
    port
        Port on 127.0.0.1.
    iam_enforced
        Whether a request that the caller's policies do not allow is refused.
    job_python
        Interpreter that runs Glue jobs of Python shell.
    spark_venv
        Virtual environment of Glue Spark jobs, made by the first one.
    work_dir
        Directory for scratch files; who writes one there removes it.
    plugin
        ``module:function`` that wraps the application, for tests.
    job_minute_seconds
        Seconds that a minute of a Glue time-out lasts (``LOCAL_GLUE_MINUTE_SECONDS``).
    history_events
        Events that the history of a Standard execution takes (``LOCAL_STATES_HISTORY_EVENTS``).
    active_queries
        Queries of Athena that may run or wait at a time (``LOCAL_ATHENA_ACTIVE_QUERIES``).
    """

    port: int
    iam_enforced: bool = True
    job_python: Path = field(default_factory=lambda: Path(sys.executable))
    spark_venv: Path = SPARK_VENV
    work_dir: Path = field(default_factory=lambda: Path(tempfile.gettempdir()))
    plugin: str | None = None
    job_minute_seconds: float = field(default_factory=_minute_seconds)
    history_events: int = field(
        default_factory=lambda: _whole("LOCAL_STATES_HISTORY_EVENTS", 25_000)
    )
    active_queries: int = field(default_factory=lambda: _whole("LOCAL_ATHENA_ACTIVE_QUERIES", 20))

    @property
    def endpoint(self) -> str:
        """URL of the gateway, for every service."""
        return f"http://127.0.0.1:{self.port}"


_current: list[Settings] = []


def configure(settings: Settings) -> None:
    """Set the settings of this process; called once, by the server."""
    _current[:] = [settings]


def settings() -> Settings:
    """Return the settings of this process."""
    if not _current:
        raise LocalAwsError(
            "the local AWS is not running in this process: start it with `python -m local serve`, "
            "or with local.server.LocalAws in a test"
        )
    return _current[0]
