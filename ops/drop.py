"""Put files where producers drop them: incoming/<dataset>/."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from boto3.s3.transfer import TransferConfig

from ops import windows
from ops.display import console, done, size
from ops.errors import OpsError
from ops.target import Target

_TRANSFER = TransferConfig(max_concurrency=4)


def drop(target: Target, files: Iterable[tuple[str, Path]]) -> int:
    """Upload (dataset, file) pairs; return how many bytes that were.

    Raises
    ------
    OpsError
        A dataset takes no files, or a file is not there.
    """
    pairs = list(files)
    prefixes = target.outputs.incoming_prefixes
    for dataset, path in pairs:
        if dataset not in prefixes:
            raise OpsError(
                f"The dataset {dataset!r} takes no dropped files.",
                hint=f"These do: {', '.join(sorted(prefixes)) or 'none'}.",
            )
        if not path.is_file():
            raise OpsError(f"There is no file {path}.")
    total = 0
    for dataset, path in pairs:
        bucket, _, prefix = prefixes[dataset].removeprefix("s3://").partition("/")
        key = f"{prefix.rstrip('/')}/{path.name}"
        target.s3.upload_file(str(path), bucket, key, Config=_TRANSFER)
        total += path.stat().st_size
    return total


def run(target: Target, dataset: str, names: Sequence[str]) -> None:
    """Upload the named files, and say which run takes them."""
    if not dataset or not names:
        raise OpsError(
            "A dataset and files are needed.",
            hint="For example: make drop DATASET=flights FILES='a.csv b.csv.gz'",
        )
    for name in names:
        total = drop(target, [(dataset, Path(name))])
        done(f"{name} → {target.outputs.incoming_prefixes[dataset]} ({size(total)})")
    for line in windows.forecast(target, [dataset], datetime.now(UTC)):
        console.print(f"  {line}", markup=False)
    console.print("  See it: make status")
