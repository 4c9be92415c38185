"""A small lake with models in three stages: what tests of the model job start from."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import model
from medallion.lake.objects import Lake
from medallion.models import config as models

RUN = "run-1"
STAGES = ("dimension", "fact", "mart")
SALES: dict[str, list[Any]] = {
    "sale_id": [1, 2, 3, 4, 5],
    "customer_id": [1, 1, 2, 2, 9],
    "month": ["2024-01", "2024-01", "2024-02", "2024-02", "2024-02"],
    "amount": [10, 20, 30, 40, 50],
}
CUSTOMERS: dict[str, list[Any]] = {"customer_id": [1, 2, 3], "name": ["Ada", "Bo", "Cy"]}
SQL = {
    "dim_customer": "SELECT customer_id, upper(name) AS name FROM processed.customers",
    "fact_sales": "SELECT s.sale_id, s.amount, c.name, s.month\nFROM processed.sales AS s\n"
    "LEFT JOIN analytics.dim_customer AS c ON s.customer_id = c.customer_id",
    "customer_count": "SELECT count(*) AS customers FROM analytics.dim_customer",
    "sales_summary": "SELECT month, sum(amount) AS amount FROM analytics.fact_sales GROUP BY month",
}
MODELS: dict[str, dict[str, Any]] = {
    "dim_customer": {"stage": "dimension", "min_rows": 1},
    "fact_sales": {"stage": "fact", "partition_by": ["month"]},
    "customer_count": {"stage": "mart"},
    "sales_summary": {"stage": "mart"},
}
CONTRACTS = {
    "sales": {
        "name": "sales",
        "columns": [
            {"name": "sale_id", "type": "bigint"},
            {"name": "customer_id", "type": "bigint"},
            {"name": "amount", "type": "bigint"},
            {"name": "month", "type": "string"},
        ],
        "partition_by": ["month"],
    },
    "customers": {
        "name": "customers",
        "columns": [
            {"name": "customer_id", "type": "bigint"},
            {"name": "name", "type": "string"},
        ],
    },
}


def put_text(lake: Lake, key: str, text: str) -> None:
    """Put a text object."""
    lake.client.put_object(Bucket=lake.bucket, Key=key, Body=text.encode())


def put_table(lake: Lake, key: str, columns: Mapping[str, Sequence[Any]]) -> None:
    """Put a Parquet object."""
    body = io.BytesIO()
    pq.write_table(pa.table({n: pa.array(v) for n, v in columns.items()}), body)
    lake.client.put_object(Bucket=lake.bucket, Key=key, Body=body.getvalue())


def put_config(
    lake: Lake,
    sql: Mapping[str, str] = SQL,
    settings: Mapping[str, Mapping[str, Any]] = MODELS,
    stages: Sequence[str] = STAGES,
) -> None:
    """Put the configuration of models and of the two datasets."""
    lake.put_json(models.PIPELINE_KEY, {"datasets": [{"name": name} for name in CONTRACTS]})
    for name, contract in CONTRACTS.items():
        lake.put_json(lake.contract_key(name), contract)
    for name, text in sql.items():
        put_text(lake, lake.model_sql_key(name), text)
    lake.put_json(lake.models_key(), {"stages": list(stages), "models": settings})


def put_sales(lake: Lake, sales: Mapping[str, Sequence[Any]] = SALES) -> None:
    """Put processed.sales, partitioned by month."""
    rows = pd.DataFrame(sales)
    lake.delete(o.key for o in lake.list_objects("processed/sales/"))
    for month, part in rows.groupby("month"):
        key = f"processed/sales/month={month}/part-0.parquet"
        put_table(lake, key, {name: part[name].tolist() for name in sales if name != "month"})


def put_lake(lake: Lake) -> None:
    """Put all that the models need."""
    put_config(lake)
    put_sales(lake)
    put_table(lake, "processed/customers/part-0.parquet", CUSTOMERS)


def contents(lake: Lake, prefix: str = "analytics/") -> dict[str, bytes]:
    """Read all objects under a prefix."""
    return {
        found.key: lake.client.get_object(Bucket=lake.bucket, Key=found.key)["Body"].read()
        for found in lake.list_objects(prefix)
    }


def table(lake: Lake, model: str) -> pd.DataFrame:
    """Read a model's table as a reader of its objects sees it, partitions as columns."""
    prefix = lake.analytics_prefix(model)
    parts = []
    for key, body in contents(lake, prefix).items():
        part = pq.read_table(io.BytesIO(body)).to_pandas()
        for folder in key[len(prefix) :].split("/")[:-1]:
            name, value = folder.split("=")
            part[name] = value
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def run(lake: Lake, stage: str, run_id: str = RUN, **more: Any) -> dict[str, Any]:
    """Run the job on one stage."""
    return model.run(lake, stage, run_id, memory_mb=256, **more)


def run_all(lake: Lake, run_id: str = RUN, **more: Any) -> list[dict[str, Any]]:
    """Run the job on all stages, one after the other."""
    return [run(lake, stage, run_id, **more) for stage in STAGES]


def versions(lake: Lake, prefix: str = "analytics/") -> int:
    """Count what was ever written or deleted."""
    pages = lake.client.get_paginator("list_object_versions")
    found = pages.paginate(Bucket=lake.bucket, Prefix=prefix)
    return sum(len(page.get("Versions", []) + page.get("DeleteMarkers", [])) for page in found)


def not_built(lake: Lake, stage: str, run_id: str = RUN) -> Any:
    """Read the complete list of the models of a stage that were not built."""
    return lake.get_json(f"runs/{run_id}/stages/{stage}-not-built.json")
