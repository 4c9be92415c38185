"""Glue job runs: each is a real process with the job's role, arguments, time-out and logs."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local import endings
from local.errors import AwsError, SparkSetupError
from local.events.bus import emit
from local.glue.job_files import JobStartError, fetch, split_list
from local.glue.job_kinds import JobKind, PythonShell
from local.glue.job_process import JobProcess
from local.glue.wheels import PYTHON_SHELL, table
from local.iam.clients import credentials
from local.iam.principals import role_arn, service_session
from local.lifecycle import on_stop
from local.logs.as_role import RoleLogStream
from local.settings import REGION, settings

log = logging.getLogger(__name__)

ENDED = ("SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED", "ERROR")
_SESSION = "GlueJobRunnerSession"
_SERVICE = "glue.amazonaws.com"
# Severity and message of the events; that of a run that failed is its error.
_ENDINGS = {
    "STOPPED": ("INFO", "Job run stopped"),
    "SUCCEEDED": ("INFO", "Job run succeeded"),
    "TIMEOUT": ("WARN", "Job run timed out"),
}


@dataclass(frozen=True, slots=True)
class JobDefinition:
    """What a run needs of its job, as it was when the run started."""

    name: str
    role: str
    script: str
    arguments: Mapping[str, str]
    timeout_minutes: int
    kind: JobKind
    glue_version: str | None
    security_configuration: str | None = None
    log_key: str | None = None

    @property
    def log_group(self) -> str:
        """Prefix of the log groups: those with a key are apart, by configuration and role."""
        prefix = self.kind.log_group
        if self.log_key is None:
            return prefix
        return f"{prefix}/{self.security_configuration}-role/{self.role.rsplit('/', 1)[-1]}"

    @property
    def runtime(self) -> str:
        """The runtime as the table of wheels calls it."""
        is_shell = isinstance(self.kind, PythonShell)
        return PYTHON_SHELL if is_shell else f"glueetl-{self.glue_version}"


@dataclass(slots=True)
class JobRun:
    """One run of a job."""

    job: JobDefinition
    arguments: dict[str, str]
    id: str = field(default_factory=lambda: f"jr_{secrets.token_hex(32)}")
    state: str = "STARTING"
    error: str | None = None
    started: float = field(default_factory=time.time)
    modified: float = field(default_factory=time.time)
    completed: float | None = None
    running_since: float | None = None
    process: JobProcess | None = None
    streams: dict[str, RoleLogStream] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def modules(self) -> list[str]:
        """What the run asks pip for."""
        return split_list(self._merged().get("--additional-python-modules", ""))

    def describe(self) -> dict[str, Any]:
        """Return the JobRun of Glue's answers."""
        described: dict[str, Any] = {
            "Id": self.id,
            "Attempt": 0,
            "JobName": self.job.name,
            "StartedOn": round(self.started, 3),
            "LastModifiedOn": round(self.modified, 3),
            "JobRunState": self.state,
            "PredecessorRuns": [],
            "ExecutionTime": round((self.completed or time.time()) - self.running_since)
            if self.running_since
            else 0,
            "Timeout": self.job.timeout_minutes,
            "LogGroupName": self.job.log_group,
            **self.job.kind.describe(),
        }
        if self.arguments:
            described["Arguments"] = self.arguments
        if self.job.security_configuration:
            described["SecurityConfiguration"] = self.job.security_configuration
        if self.job.glue_version:
            described["GlueVersion"] = self.job.glue_version
        if self.completed:
            described["CompletedOn"] = round(self.completed, 3)
        if self.error:
            described["ErrorMessage"] = self.error
        return described

    def launch(self) -> None:
        """Start the run in the background."""
        threading.Thread(target=self._run, name=self.id[:16], daemon=True).start()

    def stop(self) -> None:
        """End the run as STOPPED."""
        with self.lock:
            if self.state in ENDED:
                return
            self._set("STOPPING")
            if self.process is not None:
                self.process.kill()

    def _set(self, state: str, error: str | None = None) -> None:
        with self.lock:
            self.state, self.error, self.modified = state, error, time.time()
            if state in ENDED:
                self.completed = self.modified

    def _run(self) -> None:
        state, error = "FAILED", None
        directory = settings().work_dir / "jobs" / self.id
        try:
            if self._take_place():
                try:
                    directory.mkdir(parents=True)
                    state, error = self._execute(directory)
                finally:
                    self.job.kind.places.release()
            else:
                state = "STOPPED"
        except (JobStartError, SparkSetupError, AwsError, ClientError) as failure:
            error = failure.message if isinstance(failure, AwsError) else str(failure)
            if self.streams:
                self._log("error", [error])
        except Exception as failure:
            log.exception("job run %s failed", self.id)
            error = f"a defect of the local AWS: {failure!r}"
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        self._set(state, error)
        endings.ended(self.id)
        self._announce()

    def _take_place(self) -> bool:
        """Wait, STARTING, for a free core; return False when the run was stopped meanwhile."""
        while not self.job.kind.places.acquire(timeout=0.2):
            if self.state == "STOPPING":
                return False
        return True

    def _execute(self, directory: Path) -> tuple[str, str | None]:
        command = self._prepare(directory)
        environment = self._environment(directory)
        with self.lock:
            if self.state == "STOPPING":
                return "STOPPED", None
            self.process = JobProcess(command, directory, environment, self._log_pipe)
            self.running_since = time.time()
            self._set("RUNNING")
        seconds = self.job.timeout_minutes * settings().job_minute_seconds
        ended = self.process.wait(seconds)
        self._log("error", self.job.kind.system_log(directory))
        if self.state == "STOPPING":
            return "STOPPED", None
        if ended.timed_out:
            return "TIMEOUT", f"Job run exceeded its time-out of {self.job.timeout_minutes} minutes"
        if ended.code:
            return "FAILED", self.job.kind.error(ended)
        return "SUCCEEDED", None

    def _log_pipe(self, pipe: str, lines: list[str]) -> None:
        self._log(self.job.kind.logged[pipe], lines)

    def _log(self, stream: str, lines: list[str]) -> None:
        try:
            self.streams[stream].write(lines)
        except ClientError as error:  # the permission was taken away while the job runs
            log.warning("job run %s: lines lost: %s", self.id, error)

    def _prepare(self, directory: Path) -> list[str]:
        """Fetch the script and its modules as the job's role; return the command."""
        acting = (self.job.role, _SESSION, _SERVICE)
        self.streams = {
            name: RoleLogStream(acting, f"{self.job.log_group}/{name}", self.id, self.job.log_key)
            for name in ("output", "error")
        }
        principal = service_session(role_arn(self.job.role), _SESSION, _SERVICE).principal
        merged = self._merged()
        kind = self.job.kind
        if missing := table().missing(self.modules, self.job.runtime):
            self._log("error", missing)
            raise JobStartError(kind.not_installed)
        interpreter = kind.set_up(merged, lambda line: self._log("error", [line]))
        modules = directory / "modules"
        modules.mkdir()
        for uri in split_list(merged.get("--extra-py-files", "")):
            if not uri.endswith(kind.code_suffixes):
                raise JobStartError(
                    f"--extra-py-files: {uri} is neither {' nor '.join(kind.code_suffixes)}, "
                    f"which is all that {kind.name} jobs take"
                )
            fetch(principal, uri, modules)
        script = fetch(principal, self.job.script, directory)
        added = kind.identity(self.job.name, self.id)
        given = {**merged, **added, "--scriptLocation": self.job.script}
        pairs = [
            part
            for name, value in given.items()
            if name.startswith("--")  # library-set, for one, is for Glue alone
            for part in (name, value)
        ]
        return [str(interpreter), str(script), *pairs]

    def _merged(self) -> dict[str, str]:
        return {**self.job.arguments, **self.arguments}

    def _environment(self, directory: Path) -> dict[str, str]:
        own = credentials(self.job.role, _SESSION, _SERVICE)
        access_key, secret_key, token = own
        modules = directory / "modules"
        archives = (one for one in sorted(modules.iterdir()) if one.suffix in (".whl", ".zip"))
        path = [str(modules), *map(str, archives)]
        return {
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": settings().endpoint,
            "AWS_REGION": REGION,
            "AWS_SECRET_ACCESS_KEY": secret_key,
            "AWS_SESSION_TOKEN": token,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "NO_PROXY": "127.0.0.1",
            "PATH": os.defpath,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONNOUSERSITE": "1",
            "PYTHONPATH": os.pathsep.join(path),
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(directory),
            "TZ": "UTC",
            **self.job.kind.environment(directory, self._merged(), own),
        }

    def _announce(self) -> None:
        """Emit the event of the run's end, which AWS has for all ends but ERROR.

        Source: https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-glue.html
        """
        severity, message = _ENDINGS.get(self.state, ("ERROR", self.error))
        emit(
            "aws.glue",
            "Glue Job State Change",
            {
                "jobName": self.job.name,
                "severity": severity,
                "state": self.state,
                "jobRunId": self.id,
                "message": message,
            },
        )


class JobRuns:
    """All runs, in the order of their start."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._runs: dict[str, JobRun] = {}

    def start(self, run: JobRun, max_concurrent: int) -> None:
        """Add and launch a run.

        Raises
        ------
        AwsError
            ``ConcurrentRunsExceededException``.
        """
        with self._lock:
            active = [r for r in self.of(run.job.name) if r.state not in ENDED]
            if len(active) >= max_concurrent:
                raise AwsError(
                    "ConcurrentRunsExceededException",
                    f"Concurrent runs exceeded for {run.job.name}",
                )
            self._runs[run.id] = run
        run.launch()

    def find(self, job: str, run_id: str) -> JobRun:
        """Return a run of a job.

        Raises
        ------
        AwsError
            ``EntityNotFoundException``.
        """
        run = self._runs.get(run_id)
        if run is None or run.job.name != job:
            raise AwsError("EntityNotFoundException", f"Job Run {run_id} of job {job} not found")
        return run

    def of(self, job: str) -> list[JobRun]:
        """Return the runs of a job, the latest first."""
        with self._lock:
            return [run for run in reversed(self._runs.values()) if run.job.name == job]

    def forget(self, job: str) -> None:
        """Drop the ended runs of a deleted job."""
        with self._lock:
            for run in self.of(job):
                if run.state in ENDED:
                    del self._runs[run.id]

    def stop_all(self) -> None:
        """End every run."""
        for run in list(self._runs.values()):
            run.stop()


runs = JobRuns()
on_stop(runs.stop_all)
