"""The command line of the jobs."""

from __future__ import annotations

import pytest

from medallion.errors import ConfigError
from medallion.runs import job

COMMON = ["--bucket", "b", "--run-id", "r"]


def test_parse__defaults_and_arguments_of_glue() -> None:
    found = job.parse(job.parser("what"), [*COMMON, "--JOB_NAME", "x", "--enable-metrics"])
    assert vars(found) == {
        "bucket": "b",
        "run_id": "r",
        "memory_mb": None,
        "pinned_packages": None,
        "code": None,
        "max_object_mebibytes": 512,
        "max_object_bytes": 512 << 20,
    }


def test_parse__arguments_of_one_job() -> None:
    parser = job.parser("what", of_dataset=True)
    parser.add_argument("--stage")
    own = ["--dataset", "d", "--stage", "s", "--memory-mb", "400", "--max-object-mebibytes", "1"]
    found = job.parse(parser, [*COMMON, *own])
    assert (found.dataset, found.stage) == ("d", "s")
    assert (found.memory_mb, found.max_object_bytes) == (400, 1 << 20)


def test_parse__size_of_objects() -> None:
    with pytest.raises(ConfigError, match=r"--max-object-mebibytes is 0; it must be 1 or more"):
        job.parse(job.parser("what"), [*COMMON, "--max-object-mebibytes", "0"])


def test_parser__tells_of_each_argument(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        job.parse(job.parser("what it does", of_dataset=True), ["--help"])
    assert stopped.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for part in (
        "what it does",
        "--bucket BUCKET bucket of the lake",
        "--dataset DATASET dataset; its contract is config/datasets/<dataset>.json",
        "--run-id RUN_ID name of the run; the report goes to runs/<run id>/",
        "--pinned-packages PINNED_PACKAGES packages and the versions that have to be imported",
        "--memory-mb MEMORY_MB memory that DuckDB may take, in MB (default: 40 % of what",
        "size beyond which a partition becomes several objects, in MiB (default: 512)",
    ):
        assert part in text
