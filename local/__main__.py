"""Command line of the local AWS: ``python -m local serve``."""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

from local.errors import LocalAwsError
from local.server.serving import listen, serve
from local.settings import SPARK_VENV, Settings


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local", description="An AWS on this machine, without an account."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser(
        "serve",
        help="serve until SIGTERM or Ctrl-C",
        description="Serve S3, Glue, Athena, Step Functions, EventBridge, SNS, logs, IAM and STS "
        "on one port of 127.0.0.1. Prints `ready http://127.0.0.1:PORT` when it does. "
        "Account 123456789012, region us-east-1, root credentials root/root.",
        epilog="LOCAL_GLUE_MINUTE_SECONDS in the environment says how many seconds a minute of a "
        "Glue job's time-out lasts (default 60), LOCAL_STATES_HISTORY_EVENTS how many events an "
        "execution may have (25000), LOCAL_ATHENA_ACTIVE_QUERIES how many queries may run or wait "
        "(20).",
    )
    run.add_argument("--port", type=int, default=4566, help="0 takes a free one (default 4566)")
    run.add_argument("--no-iam", action="store_true", help="record denied requests, but serve them")
    run.add_argument(
        "--job-python",
        type=Path,
        default=Path(sys.executable),
        help="interpreter of Python shell jobs, with the modules that they ask for "
        "(default: this one)",
    )
    run.add_argument(
        "--spark-venv",
        type=Path,
        default=SPARK_VENV,
        help="virtual environment of Spark jobs, which the first of them makes "
        "(default: .venv-spark beside local/)",
    )
    run.add_argument(
        "--state-dir", type=Path, help="directory for scratch files (default: a temporary one)"
    )
    run.add_argument(
        "--plugin",
        metavar="MODULE:FUNCTION",
        help="for tests of what relies on AWS: the function gets the WSGI application and returns "
        "the one that serves, and may change how this server behaves",
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    given = _arguments(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("botocore").setLevel(logging.WARNING)
    if not given.job_python.exists():
        sys.stderr.write(
            f"--job-python {given.job_python} does not exist; name an interpreter that has "
            "the modules that your jobs ask for\n"
        )
        return 2
    own = None if given.state_dir else Path(tempfile.mkdtemp(prefix="local-aws-"))
    directory = own or given.state_dir
    try:
        directory.mkdir(parents=True, exist_ok=True)
        bound = listen(given.port)
        settings = Settings(
            port=bound.getsockname()[1],
            iam_enforced=not given.no_iam,
            job_python=given.job_python,
            spark_venv=given.spark_venv.absolute(),
            work_dir=directory.resolve(),
            plugin=given.plugin,
        )
        serve(settings, bound)
    except LocalAwsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        if own:
            shutil.rmtree(own, ignore_errors=True)
    return 0


if __name__ == "__main__":
    ended = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Python would take seconds to take apart what moto holds, and nothing is left to be done.
    os._exit(ended)
