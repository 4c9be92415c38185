"""A lake to ask, and who asks."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from tests.local.conftest import Aws, allow
from tests.local.lake import Lake


@pytest.fixture(scope="module")
def lake(aws: Aws) -> Lake:
    """A lake with a partitioned table ``sales`` and a plain one ``shops``."""
    lake = Lake(aws)
    for month, amounts in (("2024-01", ["1.50", "2.25"]), ("2024-02", ["4.00"])):
        count = len(amounts)
        lake.put(
            f"raw/sales/month={month}/a.parquet",
            {
                "Id": pa.array(range(count), pa.int64()),
                "amount": [Decimal(amount) for amount in amounts],
                "at": pa.array([datetime(2024, 1, 31, 12, 30)] * count, pa.timestamp("us")),
                "shop": ["north", None][:count],
            },
        )
    lake.put("raw/shops/a.parquet", {"shop": ["north", "south"], "size": [1.5, 2e10]})
    assert lake.crawl(lake.crawler("raw/sales/", "raw/shops/"))["Status"] == "SUCCEEDED"
    return lake


def caller(lake: Lake, *more: dict[str, Any], without: str = "") -> Any:
    """Return an Athena client in a role that may run queries, less one action or resource."""
    catalog = [
        "arn:aws:glue:us-east-1:123456789012:catalog",
        f"arn:aws:glue:us-east-1:123456789012:database/{lake.database}",
        f"arn:aws:glue:us-east-1:123456789012:table/{lake.database}/*",
    ]
    default = "arn:aws:glue:us-east-1:123456789012:database/default"
    group = f"arn:aws:athena:us-east-1:123456789012:workgroup/{lake.workgroup}"
    data, results = (f"arn:aws:s3:::{lake.bucket}/{p}/*" for p in ("raw", "results"))
    wanted: list[tuple[str, str | list[str]]] = [
        ("athena:StartQueryExecution", group),
        ("athena:GetPreparedStatement", group),
        # On its own database, and on the one that Athena always asks for.
        ("glue:GetDatabase", catalog[:2]),
        ("glue:GetDatabase", default),
        ("glue:CreateDatabase", [catalog[0], default]),
        ("glue:GetTable", catalog),
        ("glue:GetPartitions", catalog),
        ("s3:GetObject", data),
        ("s3:ListBucket", f"arn:aws:s3:::{lake.bucket}"),
        ("s3:PutObject", results),
    ]
    statements = [allow(action, on) for action, on in wanted if without not in (action, on)]
    return lake.aws.as_role("athena", lake.aws.role(*statements, *more))
