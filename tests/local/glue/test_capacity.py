"""Capacities of Glue jobs that AWS refuses, by the command of the job."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.conftest import Aws
from tests.local.glue.jobs import Jobs

SHELL: dict[str, Any] = {"Command": {"Name": "pythonshell", "ScriptLocation": "s3://b/k"}}
SPARK: dict[str, Any] = {
    "Command": {"Name": "glueetl", "ScriptLocation": "s3://b/k"},
    "GlueVersion": "5.1",
    "WorkerType": "G.1X",
    "NumberOfWorkers": 2,
}
BY_CAPACITY = {**SPARK, "MaxCapacity": 2.0, "WorkerType": None, "NumberOfWorkers": None}
CASES = [
    ({**SHELL, "WorkerType": "G.1X"}, "Worker Type is not supported for Job Command pythonshell"),
    ({**SHELL, "NumberOfWorkers": 2}, "Number of Workers is not supported for Job Command"),
    ({**SHELL, "MaxCapacity": 0.5}, "MaxCapacity is 0.5; a Python shell job has 0.0625 or 1"),
    ({**SPARK, "NumberOfWorkers": 1}, "NumberOfWorkers is 1"),
    ({**SPARK, "WorkerType": "G.3X"}, "'G.3X' is none of G.1X"),
    ({**SPARK, "WorkerType": "G.025X"}, "'G.025X' is none of G.1X"),
    ({**SPARK, "MaxCapacity": 10.0}, "Please do not set Max Capacity"),
    (BY_CAPACITY, "MaxCapacity is 2.0; a Spark job with GlueVersion 5.1 has WorkerType"),
]


@pytest.mark.parametrize(("definition", "words"), CASES)
def test_job__of_a_capacity_that_its_command_has_not__is_refused(
    aws: Aws, definition: dict[str, Any], words: str
) -> None:
    jobs = Jobs(aws)
    given = {key: value for key, value in definition.items() if value is not None}
    refused = pytest.raises(jobs.glue.exceptions.InvalidInputException, match=words)
    with refused:
        jobs.job("", **given)
    # As an update, that of a job of the other command too.
    for other in (SHELL, SPARK):
        with refused:
            jobs.glue.update_job(JobName=jobs.job("", **other), JobUpdate={"Role": "r", **given})


def test_run__of_a_capacity_that_its_command_has_not__is_refused(aws: Aws) -> None:
    jobs = Jobs(aws)
    refused = jobs.glue.exceptions.InvalidInputException
    shell, on_spark = jobs.job("", **SHELL), jobs.job("", **SPARK)
    with pytest.raises(refused, match="Worker Type is not supported"):
        jobs.start(shell, WorkerType="G.1X", NumberOfWorkers=2)
    with pytest.raises(refused, match="MaxCapacity is 2"):
        jobs.start(shell, MaxCapacity=2.0)
    with pytest.raises(refused, match="NumberOfWorkers is 1"):
        jobs.start(on_spark, NumberOfWorkers=1)
    with pytest.raises(refused, match="Please do not set Max Capacity"):
        jobs.start(on_spark, MaxCapacity=2.0)
