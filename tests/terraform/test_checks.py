"""The prepared checks find what is wrong, and only that: run on DuckDB over tables of one's own."""

from __future__ import annotations

import duckdb
import pytest
import sqlglot

from tests.deployments import Deployment

pytestmark = pytest.mark.xdist_group("terraform-module")

GOOD = """
    CREATE SCHEMA workshop_raw; CREATE SCHEMA workshop_processed; CREATE SCHEMA workshop_analytics;
    CREATE TABLE workshop_raw.sales AS SELECT i AS sale_id FROM range(3) t(i);
    CREATE TABLE workshop_processed.sales AS SELECT
        i AS sale_id, 1 AS customer_id, 1 AS product_id, 1 AS quantity, 9.5 AS unit_price,
        'web' AS channel, now() AS sold_at, now() AS updated_at, 9.5 AS amount,
        '2024-01' AS sale_month
    FROM range(2) t(i);
    CREATE TABLE workshop_analytics.dim_customer AS SELECT 1 AS customer_id;
    CREATE TABLE workshop_analytics.fact_sales AS
    SELECT *, true AS has_known_customer, true AS has_known_product, 2.0 AS profit
    FROM workshop_processed.sales;
    CREATE TABLE workshop_analytics.sales_summary AS
    SELECT sale_month, count(*) AS sales, sum(amount) AS revenue_to_date
    FROM workshop_processed.sales GROUP BY 1;
"""


def failing(deployment: Deployment, table: str, layer: str, damage: str, *rows: int) -> set[str]:
    """Return 'check found n' of each check of a table that fails once `damage` is done."""
    statements = deployment.values("aws_athena_prepared_statement").values()
    [sql] = [s["query_statement"] for s in statements if s["name"] == f"check_{table}"]
    [translated] = sqlglot.transpile(sql, read="trino", write="duckdb")
    with duckdb.connect() as connection:
        connection.execute(f"{GOOD} SET schema = 'workshop_{layer}'; {damage}")
        found = connection.execute(translated, list(rows)).fetchall()
    return {f"{name} found {count}" for name, count in found}


def sales(deployment: Deployment, damage: str = "", raw: int = 3, processed: int = 2) -> set[str]:
    return failing(deployment, "sales", "processed", damage, raw, processed)


def test_good_tables__fail_no_check(deployment: Deployment) -> None:
    assert sales(deployment) == set()


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
    assert sales(deployment, damage) == wanted


def test_parameters__are_raw_rows_then_processed_rows(deployment: Deployment) -> None:
    assert sales(deployment, raw=2, processed=3) == {
        "raw_rows found 3",
        "processed_rows found 2",
    }


@pytest.mark.parametrize(
    ("damage", "wanted"),
    [
        ("", set()),
        ("UPDATE fact_sales SET sale_id = NULL WHERE sale_id = 1", {"not_null(sale_id) found 1"}),
        ("UPDATE fact_sales SET sale_id = 7", {"unique(sale_id) found 1"}),
        ("UPDATE fact_sales SET channel = 'fax'", {"accepted_values(channel) found 2"}),
        ("UPDATE fact_sales SET amount = 0", {"sql(amount_is_positive) found 2"}),
        ("DELETE FROM dim_customer", {"sql(known_customers_are) found 2"}),
        (
            "UPDATE fact_sales SET has_known_product = false WHERE sale_id = 1",
            {"sql(profit_needs_product) found 1"},
        ),
        ("DELETE FROM fact_sales", {"analytics_rows found 0", "row_count found 0"}),
        ("DELETE FROM fact_sales WHERE sale_id = 1", {"analytics_rows found 1"}),
    ],
)
def test_damage__of_a_model__is_found(
    damage: str, wanted: set[str], deployment: Deployment
) -> None:
    assert failing(deployment, "fact_sales", "analytics", damage, 2) == wanted


@pytest.mark.parametrize(
    ("damage", "wanted"),
    [
        ("", set()),
        (
            "DELETE FROM fact_sales WHERE sale_id = 1",
            {"sql(no_revenue_is_lost) found 1", "sql(no_sale_is_lost) found 1"},
        ),
    ],
)
def test_check__over_two_models__sees_both(
    damage: str, wanted: set[str], deployment: Deployment
) -> None:
    assert failing(deployment, "sales_summary", "analytics", damage, 1) == wanted
