"""What every job script does first: arguments, contract, logging, and how an error is shown."""

from __future__ import annotations

import argparse
import logging
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

from contract import Contract
from errors import ConfigError
from lake import Lake


@dataclass(frozen=True)
class JobArguments:
    """The arguments that all jobs take."""

    bucket: str
    dataset: str
    run_id: str


def parse_arguments(description: str, argv: Sequence[str] | None = None) -> JobArguments:
    """Parse the command line of a job; arguments that Glue adds of its own are passed over."""
    parser = argparse.ArgumentParser(
        description=description,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Endpoint, region and credentials come from the environment only "
        "(AWS_ENDPOINT_URL, AWS_REGION, the default credential chain).",
    )
    parser.add_argument("--bucket", required=True, help="bucket of the lake")
    parser.add_argument(
        "--dataset", required=True, help="dataset; its contract is config/datasets/<dataset>.json"
    )
    parser.add_argument(
        "--run-id", required=True, help="name of the run; the report goes to runs/<run id>/"
    )
    known, _ = parser.parse_known_args(argv)
    return JobArguments(bucket=known.bucket, dataset=known.dataset, run_id=known.run_id)


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

    Glue takes its ErrorMessage from the exception that leaves the script, so exceptions are not
    caught here; only how the interpreter prints them changes.
    """
    logging.basicConfig(
        stream=sys.stdout,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )
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
