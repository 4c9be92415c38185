"""What every job script does first: arguments, contract, logging, and how an error is shown."""

from __future__ import annotations

import argparse
import logging
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import NoReturn

import bootstrap
from medallion.contract.contract import Contract
from medallion.errors import ConfigError
from medallion.lake.objects import Lake, s3_client

DEFAULT_MAX_OBJECT_MEBIBYTES = 512


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """End the job as argparse does; the exception keeps what is wrong, for the error file."""
        self.print_usage(sys.stderr)
        sys.stderr.write(f"{self.prog}: error: {message}\n")
        raise SystemExit(2) from ConfigError(message)


def parser(description: str, *, of_dataset: bool = False) -> argparse.ArgumentParser:
    """
    Return a parser of the arguments that all jobs take; a job adds its own, then calls `parse`.

    Parameters
    ----------
    description
        What the job does, for --help.
    of_dataset
        Whether the job works on one dataset, and takes --dataset.
    """
    found = _Parser(
        description=description,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Endpoint, region and credentials come from the environment only "
        "(AWS_ENDPOINT_URL, AWS_REGION, the default credential chain).",
    )
    found.add_argument("--bucket", required=True, help="bucket of the lake")
    if of_dataset:
        found.add_argument(
            "--dataset",
            required=True,
            help="dataset; its contract is config/datasets/<dataset>.json",
        )
    found.add_argument(
        "--run-id", required=True, help="name of the run; the report goes to runs/<run id>/"
    )
    found.add_argument(
        bootstrap.PINS,
        help="packages and the versions that have to be imported, with commas between "
        "(default: what requirements.txt beside the script says)",
    )
    found.add_argument(
        bootstrap.CODE,
        help="S3 URI of the folder that holds the code of the job (default: beside the script)",
    )
    found.add_argument(
        "--memory-mb",
        type=int,
        help="memory that DuckDB may take, in MB (default: 40 %% of what the machine has)",
    )
    found.add_argument(
        "--max-object-mebibytes",
        type=int,
        default=DEFAULT_MAX_OBJECT_MEBIBYTES,
        help="size beyond which a partition becomes several objects, in MiB (default: %(default)s)",
    )
    return found


def add_rebuild(found: argparse.ArgumentParser, what: str) -> None:
    """Let a job take --rebuild."""
    found.add_argument(
        "--rebuild",
        choices=("true", "false"),
        default="false",
        help=f"make {what} also where nothing has changed since the last time (default: false)",
    )


def parse(found: argparse.ArgumentParser, argv: Sequence[str] | None = None) -> argparse.Namespace:
    """
    Parse the command line of a job; arguments that Glue adds of its own are passed over.

    Returns
    -------
    argparse.Namespace
        The arguments of the parser, and `max_object_bytes`.

    Raises
    ------
    ConfigError
        When --max-object-mebibytes is not positive.
    """
    known, _ = found.parse_known_args(argv)
    if known.max_object_mebibytes < 1:
        raise ConfigError(
            f"--max-object-mebibytes is {known.max_object_mebibytes}; it must be 1 or more"
        )
    known.max_object_bytes = known.max_object_mebibytes << 20
    return known


def open_lake(job: str, arguments: argparse.Namespace) -> Lake:
    """Return the bucket of the job, without the error file that an earlier attempt has left."""
    lake = Lake(s3_client(), arguments.bucket)
    name = arguments.stage if job == "model" else arguments.dataset
    stale = lake.error_key(arguments.run_id, job, name)
    # A deletion of nothing would leave a marker in the versioned bucket, for each job of each run.
    if lake.head(stale):
        lake.delete([stale])
    return lake


def software(argv: Sequence[str] | None) -> str | None:
    """Name the code and the versions of packages that run; None when the code has no name.

    Terraform names the folder of the code after its content.
    """
    given = sys.argv[1:] if argv is None else argv
    code = bootstrap.code(given)
    return f"{code} {sorted(bootstrap.pins(given).items())}" if code else None


def load_contract(lake: Lake, dataset: str) -> Contract:
    """Read a dataset's contract.

    Raises
    ------
    ObjectNotFound
        When there is none.
    ConfigError
        When it is not valid, or the contract of another dataset.
    """
    key = lake.contract_key(dataset)
    contract = Contract.from_json(lake.get_json(key))
    if contract.name != dataset:
        raise ConfigError(
            f"s3://{lake.bucket}/{key} is the contract of '{contract.name}', not of '{dataset}': "
            "its name must be that of its file"
        )
    return contract


def configure() -> None:
    """Log to stdout, and let the last line of stderr be `<ErrorType>: message`.

    On Spark, Glue takes its ErrorMessage from the exception that leaves the script, so exceptions
    are not caught here; only how the interpreter prints them changes.
    """
    bootstrap.configure_logging()
    # They tell, for every run, where credentials and endpoint were found.
    logging.getLogger("botocore").setLevel(logging.WARNING)
    sys.excepthook = _print_error


def _print_error(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    lines = traceback.format_exception(kind, error, trace)
    # Without the module's name, and on one line: that is what state machines and mails quote.
    message = " ".join(str(error).split())
    sys.stdout.flush()
    sys.stderr.write("".join(lines[:-1]))
    sys.stderr.write(f"{kind.__name__}: {message}\n")
