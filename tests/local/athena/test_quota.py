"""Athena's quota on queries that run or wait."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.server import LocalAws
from tests.local.conftest import Aws
from tests.local.lake import Lake
from tests.local.states.test_jsonata import states
from tests.local.states.test_tasks import task

QUOTA = 5
SLOW = (
    "SELECT count(*) FROM UNNEST(sequence(1, 100000)) AS a (x) "
    "CROSS JOIN UNNEST(sequence(1, 100000)) AS b (y) WHERE x % 7 = y % 11"
)


@pytest.fixture(scope="module")
def lake() -> Iterator[Lake]:
    """A lake whose account has a small quota; four queries run at a time, the fifth waits."""
    with LocalAws(limits={"LOCAL_ATHENA_ACTIVE_QUERIES": str(QUOTA)}) as server:
        yield Lake(Aws(server.endpoint, server))


def test_quota__counts_what_runs_and_what_waits(lake: Lake) -> None:
    errors = lake.athena.exceptions
    running = [lake.start(SLOW) for _ in range(QUOTA)]
    with pytest.raises(errors.TooManyRequestsException, match="queries you can run concurrently"):
        lake.start("SELECT 1")
    listed = lake.athena.list_query_executions(WorkGroup=lake.workgroup)["QueryExecutionIds"]
    assert sorted(listed) == sorted(running), "a refused query is in the history"
    show = lake.start("SHOW TABLES")  # no DML: it waits, and is not refused
    machine = states(
        Call=task(
            "arn:aws:states:::athena:startQueryExecution.sync",
            {"QueryString": "SELECT 1", "WorkGroup": lake.workgroup},
        )
    )
    result = lake.aws.run(machine)
    assert (result["status"], result["error"]) == ("FAILED", "Athena.TooManyRequestsException")
    for one in running:
        lake.athena.stop_query_execution(QueryExecutionId=one)
    for one in (*running, show):
        lake.finish(one)
    assert lake.rows("SELECT 1") == [["1"]]
