"""Deployments that several modules of e2e tests share: one to break, and one that files start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.arrivals import VARIABLES
from tests.e2e.lake import Lake, deployed

ORDERS: dict[str, Any] = {
    "columns": [
        {"name": "order_id", "type": "bigint", "required": True},
        {"name": "customer", "type": "string", "clean": ["trim", "lower"]},
        {"name": "amount", "type": "decimal(10,2)"},
        {"name": "status", "type": "string"},
        {"name": "placed_on", "type": "date", "required": True},
    ],
    "key": ["order_id"],
    "order_by": ["placed_on desc"],
    "derive": [
        {"name": "month", "type": "string", "expression": "date_format(placed_on, 'yyyy-MM')"}
    ],
    "partition_by": ["month"],
    "checks": {"accepted_values": {"status": ["new", "paid"]}},
    # Here the tests start the runs.
    "triggers": ["schedule"],
}
RETURNS: dict[str, Any] = {
    "columns": [
        {"name": "return_id", "type": "bigint", "required": True},
        {"name": "order_id", "type": "bigint"},
    ],
    "key": ["return_id"],
    "triggers": ["schedule"],
}


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Orders and returns, dropped as files; a minute of a Glue time-out lasts a second."""
    variables = {
        "name": "shop",
        "datasets": {"orders": ORDERS, "returns": RETURNS},
        "jobs": {"timeout_minutes": 60},
    }
    with deployed(tmp_path_factory.mktemp("shop"), variables, minute_seconds=1) as deployment:
        # Tables that a later failure could harm.
        drop_good_files(deployment)
        run = deployment.run()
        assert run.status == "SUCCEEDED", run.cause
        yield deployment


@pytest.fixture(scope="session")
def arrivals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Datasets whose files start runs, alarms, and one that needs approval."""
    with deployed(tmp_path_factory.mktemp("arrivals"), VARIABLES) as deployment:
        yield deployment


@pytest.fixture
def orders(lake: Lake) -> Lake:
    """The small lake with a good file of orders and one of returns waiting, and nothing else."""
    lake.empty("incoming/")
    drop_good_files(lake)
    return lake


def drop_good_files(lake: Lake) -> None:
    lake.drop("orders", "good.csv", ORDERS_CSV)
    lake.drop("returns", "good.csv", "return_id,order_id\n1,1\n")


ORDERS_CSV = (
    "order_id,customer,amount,status,placed_on\n"
    "1, Ada ,10.50,new,2026-01-05\n"
    "2,Bob,20.00,paid,2026-02-06\n"
)
