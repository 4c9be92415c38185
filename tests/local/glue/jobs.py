"""Glue jobs that tests make: their code, roles, runs and logs; an environment of Spark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from local.glue import spark
from tests.local.conftest import Aws, allow, unique, until
from tests.local.lake import LOGS

ENDED = ("SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED")


class Jobs:
    """A bucket for code, and jobs made of scripts."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.bucket = aws.bucket()
        self.s3, self.glue, self.logs = map(aws.client, ("s3", "glue", "logs"))

    def put(self, name: str, text: str) -> str:
        """Upload code; its URI."""
        self.s3.put_object(Bucket=self.bucket, Key=f"code/{name}", Body=text.encode())
        return f"s3://{self.bucket}/code/{name}"

    def role(self, *more: dict[str, Any]) -> str:
        """Make a role that may read code and write logs."""
        code = allow("s3:GetObject", f"arn:aws:s3:::{self.bucket}/code/*")
        return self.aws.role(LOGS, code, *more, service="glue.amazonaws.com")

    def job(self, script: str, role: str | None = None, **settings: Any) -> str:
        """Make a job; its name."""
        name = unique("job")
        command = {
            "Name": "pythonshell",
            "PythonVersion": "3.9",
            "ScriptLocation": self.put(f"{name}.py", script),
        }
        defaults = {"Command": command, "Role": role or self.role(), "Timeout": 60}
        self.glue.create_job(Name=name, **{**defaults, **settings})
        return name

    def start(self, name: str, **more: Any) -> str:
        """Start a run; its id."""
        run: str = self.glue.start_job_run(JobName=name, **more)["JobRunId"]
        return run

    def get(self, name: str, run: str) -> dict[str, Any]:
        """Return a run."""
        found: dict[str, Any] = self.glue.get_job_run(JobName=name, RunId=run)["JobRun"]
        return found

    def finish(self, name: str, run: str) -> dict[str, Any]:
        """Wait for the end of a run; the run."""

        def ended() -> dict[str, Any] | None:
            found = self.get(name, run)
            return found if found["JobRunState"] in ENDED else None

        return until(ended, f"run of {name}")

    def run(self, script: str, role: str | None = None, **settings: Any) -> dict[str, Any]:
        """Make and run a job to its end; the run."""
        name = self.job(script, role, **settings)
        return self.finish(name, self.start(name))

    def lines(self, run: str, stream: str = "output") -> list[str]:
        """Return the log lines of a run."""
        try:
            events = self.logs.get_log_events(
                logGroupName=f"/aws-glue/python-jobs/{stream}", logStreamName=run
            )["events"]
        except self.logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in events]


def complete(venv: Path) -> None:
    """Make an environment that looks complete, with nothing in it."""
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/python").touch()
    (venv / spark.MARKER).write_text(spark._stamp())
