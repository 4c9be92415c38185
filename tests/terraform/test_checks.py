"""The prepared checks find what is wrong, and only that: run on DuckDB over tables of one's own."""

from __future__ import annotations

import duckdb
import pytest
import sqlglot

from tests.rendering import Deployment

pytestmark = pytest.mark.xdist_group("terraform-module")

GOOD = """
    CREATE SCHEMA workshop_raw; CREATE SCHEMA workshop_processed;
    CREATE TABLE workshop_raw.sales AS SELECT i AS sale_id FROM range(3) t(i);
    CREATE TABLE workshop_processed.sales AS SELECT
        i AS sale_id, 1 AS customer_id, 1 AS product_id, 1 AS quantity, 9.5 AS unit_price,
        'web' AS channel, now() AS sold_at, now() AS updated_at, 9.5 AS amount,
        '2024-01' AS sale_month
    FROM range(2) t(i);
    SET schema = 'workshop_processed';
"""


def failing(deployment: Deployment, damage: str = "", raw: int = 3, processed: int = 2) -> set[str]:
    """Return 'check found n' of each check of sales that fails once `damage` is done."""
    statements = deployment.values("aws_athena_prepared_statement").values()
    [sql] = [s["query_statement"] for s in statements if s["name"] == "check_sales"]
    [translated] = sqlglot.transpile(sql, read="trino", write="duckdb")
    with duckdb.connect() as connection:
        connection.execute(GOOD + damage)
        rows = connection.execute(translated, [raw, processed]).fetchall()
    return {f"{name} found {found}" for name, found in rows}


def test_good_tables__fail_no_check(deployment: Deployment) -> None:
    assert failing(deployment) == set()


@pytest.mark.parametrize(
    ("damage", "wanted"),
    [
        ("UPDATE sales SET sale_id = NULL WHERE sale_id = 1", {"not_null(sale_id) found 1"}),
        ("UPDATE sales SET sale_month = NULL", {"not_null(sale_month) found 2"}),
        ("UPDATE sales SET sale_id = 7", {"unique(sale_id) found 1"}),
        ("UPDATE sales SET channel = 'fax'", {"accepted_values(channel) found 2"}),
        ("UPDATE sales SET channel = NULL", set()),
        ("UPDATE sales SET amount = 0", {"sql(amount_is_positive) found 2"}),
        ("DELETE FROM sales", {"processed_rows found 0", "row_count found 0"}),
        ("DELETE FROM sales WHERE sale_id = 1", {"processed_rows found 1"}),
        ("DELETE FROM workshop_raw.sales", {"raw_rows found 0"}),
    ],
)
def test_damage__is_found(damage: str, wanted: set[str], deployment: Deployment) -> None:
    assert failing(deployment, damage) == wanted


def test_parameters__are_raw_rows_then_processed_rows(deployment: Deployment) -> None:
    assert failing(deployment, raw=2, processed=3) == {
        "raw_rows found 3",
        "processed_rows found 2",
    }
