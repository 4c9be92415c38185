"""The two kinds of Glue jobs: Python shell and Spark. Where they differ, a run asks its kind."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from local.glue import spark
from local.glue.job_errors import exception_of
from local.glue.job_files import JobStartError, check_modules, split_list
from local.glue.job_process import Exit
from local.settings import settings

Report = Callable[[str], None]

GLUE_VERSIONS = ("5.0", "5.1")
# DPU of a worker, as it counts in MaxCapacity and on the bill. G.025X is for streaming jobs alone.
WORKER_DPU = {
    "G.1X": 1.0,
    "G.2X": 2.0,
    "G.4X": 4.0,
    "G.8X": 8.0,
    "G.12X": 12.0,
    "G.16X": 16.0,
    "R.1X": 1.0,
    "R.2X": 2.0,
    "R.4X": 4.0,
    "R.8X": 8.0,
}
_CORES = os.cpu_count() or 1
_SPARK_CORES = 2


def command_failed(code: int) -> str:
    """Return Glue's words for a process that ended with this exit code, whatever the reason."""
    return f"Command failed with exit code {code}"


class JobKind(ABC):
    """How a run of a kind of job is set up, started, logged and described.

    Attributes
    ----------
    name
        What messages call it.
    log_group
        Prefix of the log groups ``…/output`` and ``…/error``.
    logged
        Which of the two gets the lines of stdout (``output``) and stderr (``error``).
    code_suffixes
        What ``--extra-py-files`` may name.
    places
        As many runs of the kind as the machine has cores for.
    not_installed
        ErrorMessage of a run whose modules cannot be installed.
    """

    name: ClassVar[str]
    log_group: ClassVar[str]
    logged: ClassVar[Mapping[str, str]]
    code_suffixes: ClassVar[tuple[str, ...]]
    places: ClassVar[threading.BoundedSemaphore]
    not_installed: ClassVar[str]

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return the fields of a JobRun that tell of its capacity."""

    @abstractmethod
    def set_up(self, arguments: Mapping[str, str], report: Report) -> Path:
        """Make ready what the arguments ask for; return the interpreter."""

    @abstractmethod
    def environment(
        self, directory: Path, arguments: Mapping[str, str], credentials: tuple[str, str, str]
    ) -> dict[str, str]:
        """Return what the process has in its environment beside that of every job."""

    @abstractmethod
    def identity(self, job: str, run: str) -> dict[str, str]:
        """Return the arguments that Glue adds."""

    def error(self, ended: Exit) -> str:
        """Return what Glue says of a script that failed."""
        # As a shell has it, of a process that a signal has ended: 137 for one that was killed.
        return command_failed(ended.code if ended.code > 0 else 128 - ended.code)

    def system_log(self, directory: Path) -> list[str]:
        """Return lines for the error log that are not of the script."""
        del directory
        return []


@dataclass(frozen=True, slots=True)
class PythonShell(JobKind):
    """A script on one machine, of a sixteenth of a DPU or a whole one."""

    max_capacity: float

    name: ClassVar[str] = "Python shell 3.9"
    log_group: ClassVar[str] = "/aws-glue/python-jobs"
    logged: ClassVar[Mapping[str, str]] = {"output": "output", "error": "error"}
    code_suffixes: ClassVar[tuple[str, ...]] = (".py", ".whl")
    # Glue installs them in the process of the script: only the log says more.
    not_installed: ClassVar[str] = command_failed(1)
    # More processes than cores would only slow each other down into their time-outs.
    places: ClassVar[threading.BoundedSemaphore] = threading.BoundedSemaphore(max(2, _CORES))

    def describe(self) -> dict[str, Any]:
        """See JobKind."""
        return {"AllocatedCapacity": 0, "MaxCapacity": self.max_capacity}

    def set_up(self, arguments: Mapping[str, str], report: Report) -> Path:
        """See JobKind."""
        try:
            check_modules(arguments.get("--additional-python-modules", ""))
        except JobStartError as error:
            report(str(error))
            raise JobStartError(self.not_installed) from error
        return settings().job_python

    def environment(
        self, directory: Path, arguments: Mapping[str, str], credentials: tuple[str, str, str]
    ) -> dict[str, str]:
        """See JobKind."""
        del directory, arguments, credentials
        return {}

    def identity(self, job: str, run: str) -> dict[str, str]:
        """See JobKind."""
        del job, run
        return {}


@dataclass(frozen=True, slots=True)
class Spark(JobKind):
    """A driver with two cores of this machine for executors, however many workers are asked for."""

    worker_type: str
    workers: int
    execution_class: str

    name: ClassVar[str] = "Spark"
    log_group: ClassVar[str] = "/aws-glue/jobs"
    # From Glue 5.0 on, the error log is Spark's own and the output log the script's.
    logged: ClassVar[Mapping[str, str]] = {"output": "output", "error": "output"}
    code_suffixes: ClassVar[tuple[str, ...]] = (".py", ".zip")
    # As in awslabs/aws-glue-libs#175.
    not_installed: ClassVar[str] = (
        "LAUNCH ERROR | Python Module Installer indicates modules that failed to install, check "
        "logs from the PythonModuleInstaller.Please refer logs for details."
    )
    places: ClassVar[threading.BoundedSemaphore] = threading.BoundedSemaphore(
        max(1, _CORES // _SPARK_CORES)
    )

    @property
    def dpu(self) -> float:
        """DPUs of all workers."""
        return self.workers * WORKER_DPU[self.worker_type]

    def describe(self) -> dict[str, Any]:
        """See JobKind."""
        return {
            "AllocatedCapacity": int(self.dpu),
            "ExecutionClass": self.execution_class,
            "MaxCapacity": self.dpu,
            "NumberOfWorkers": self.workers,
            "WorkerType": self.worker_type,
        }

    def set_up(self, arguments: Mapping[str, str], report: Report) -> Path:
        """See JobKind."""
        venv = settings().spark_venv
        modules = split_list(arguments.get("--additional-python-modules", ""))
        if away := [module for module in modules if "/" in module]:
            raise JobStartError(
                f"--additional-python-modules names {', '.join(away)}: only packages of the index "
                "are installed here; give code of your own with --extra-py-files"
            )
        python = spark.ensure(venv, report)
        spark.install(venv, modules, report)
        return python

    def environment(
        self, directory: Path, arguments: Mapping[str, str], credentials: tuple[str, str, str]
    ) -> dict[str, str]:
        """See JobKind."""
        # Glue takes several settings in one value: "a=1 --conf b=2".
        pairs = [one.strip() for one in arguments.get("--conf", "").split("--conf") if one.strip()]
        if wrong := [one for one in pairs if "=" not in one]:
            raise JobStartError(f"--conf has {wrong[0]!r}, which is no setting=value")
        given = dict(one.split("=", 1) for one in pairs)
        venv = settings().spark_venv
        return spark.environment(venv, settings().endpoint, directory / "spark", credentials, given)

    def identity(self, job: str, run: str) -> dict[str, str]:
        """See JobKind."""
        return {"--JOB_NAME": job, "--JOB_RUN_ID": run}

    def error(self, ended: Exit) -> str:
        """See JobKind."""
        return exception_of(ended.error_tail) or JobKind.error(self, ended)

    def system_log(self, directory: Path) -> list[str]:
        """See JobKind."""
        path = directory / "spark" / spark.LOG
        return path.read_text("utf-8", "replace").splitlines() if path.is_file() else []
