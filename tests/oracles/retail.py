"""What the models of examples/retail must say, worked out with pandas from the processed tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from tests.oracles.compare import half_up, plain, typed

Tables = Mapping[str, pd.DataFrame]

KEYS = {
    "dim_customer": ["customer_id"],
    "dim_product": ["product_id"],
    "fact_sales": ["sale_id"],
    "sales_summary": ["sale_month"],
    "customer_metrics": ["customer_id"],
    "product_performance": ["product_id"],
}
TYPES = {
    "dim_customer": {
        "customer_id": "bigint",
        "full_name": "string",
        "email": "string",
        "email_is_valid": "boolean",
        "country": "string",
        "signup_date": "date",
        "signup_year": "int",
    },
    "dim_product": {
        "product_id": "bigint",
        "product_name": "string",
        "category": "string",
        **dict.fromkeys(("price", "cost", "margin"), "decimal(10,2)"),
        "margin_percent": "double",
        "price_band": "string",
    },
    "fact_sales": {
        **dict.fromkeys(("sale_id", "customer_id", "product_id"), "bigint"),
        "sold_at": "timestamp",
        "sale_date": "date",
        "channel": "string",
        "quantity": "int",
        "unit_price": "decimal(10,2)",
        **dict.fromkeys(("amount", "cost_amount", "profit"), "decimal(12,2)"),
        **dict.fromkeys(("has_known_customer", "has_known_product"), "boolean"),
        "sale_month": "string",
    },
    "sales_summary": {
        "sale_month": "string",
        **dict.fromkeys(("sales", "items", "customers"), "bigint"),
        **dict.fromkeys(("revenue", "profit"), "decimal(14,2)"),
        "mean_sale": "decimal(12,2)",
        "online_percent": "double",
        **dict.fromkeys(("sales_without_customer", "sales_without_product"), "bigint"),
        **dict.fromkeys(("revenue_change", "revenue_to_date"), "decimal(14,2)"),
    },
    "customer_metrics": {
        "customer_id": "bigint",
        "full_name": "string",
        "country": "string",
        "signup_date": "date",
        "sales": "bigint",
        "items": "bigint",
        "revenue": "decimal(14,2)",
        "mean_sale": "decimal(12,2)",
        "first_sale_on": "date",
        "last_sale_on": "date",
        "days_as_buyer": "int",
        "active_months": "bigint",
        "segment": "string",
        "rank_in_country": "int",
    },
    "product_performance": {
        "product_id": "bigint",
        "product_name": "string",
        "category": "string",
        "price_band": "string",
        **dict.fromkeys(("sales", "items", "customers"), "bigint"),
        **dict.fromkeys(("revenue", "profit"), "decimal(14,2)"),
        **dict.fromkeys(("profit_percent", "percent_of_category"), "double"),
        "rank_in_category": "int",
        "last_sale_on": "date",
    },
}
_ZERO = Decimal("0.00")


def expected(processed: Tables) -> dict[str, pd.DataFrame]:
    """Give every model, typed; `processed` has customers, products and sales."""
    tables = {name: plain(frame) for name, frame in processed.items()}
    sales = _sales(tables)
    models = {
        "dim_customer": tables["customers"],
        "dim_product": _products(tables),
        "fact_sales": sales,
        "sales_summary": _months(sales),
        "customer_metrics": _customers(tables, sales),
        "product_performance": _performance(tables, sales),
    }
    return {name: typed(models[name], types) for name, types in TYPES.items()}


def orphans(processed: Tables) -> dict[str, int]:
    """Count the sales whose customer or product is in no dimension."""
    sales = _sales({name: plain(frame) for name, frame in processed.items()})
    return {
        "customer": int((~sales["has_known_customer"]).sum()),
        "product": int((~sales["has_known_product"]).sum()),
    }


def _percent(part: Any, whole: Any) -> list[float]:
    """One digit after the point; none of nothing."""
    rounded = half_up(
        [100 * float(p) / float(w) if w else None for p, w in zip(part, whole, strict=True)], 1
    )
    return [float("nan") if value is None else float(value) for value in rounded]


def _products(tables: Tables) -> pd.DataFrame:
    products = tables["products"].rename(columns={"name": "product_name"})
    return products.assign(margin_percent=_percent(products["margin"], products["price"]))


def _sales(tables: Tables) -> pd.DataFrame:
    sales = tables["sales"].copy()
    cost = sales["product_id"].map(dict(_pairs(tables["products"], "product_id", "cost")))
    of_goods: list[Any] = [
        None if pd.isna(c) else q * c for q, c in zip(sales["quantity"], cost, strict=True)
    ]
    profit: list[Any] = [
        None if c is None else a - c for a, c in zip(sales["amount"], of_goods, strict=True)
    ]
    return sales.assign(
        channel=sales["channel"].fillna("unknown"),
        cost_amount=of_goods,
        profit=profit,
        has_known_customer=sales["customer_id"].isin(tables["customers"]["customer_id"]),
        has_known_product=sales["product_id"].isin(tables["products"]["product_id"]),
        sale_month=[f"{at.year}-{at.month:02d}" for at in sales["sold_at"]],
    )


def _pairs(frame: pd.DataFrame, key: str, value: str) -> Iterator[tuple[Any, Any]]:
    return zip(frame[key], frame[value], strict=True)


def _sum(values: Any) -> Decimal | None:
    found = [value for value in values if not pd.isna(value)]
    return sum(found, _ZERO) if found else None


def _mean(total: pd.Series[Any], count: pd.Series[Any]) -> list[Any]:
    return half_up([float(t) / c for t, c in zip(total, count, strict=True)], 2)


def _months(sales: pd.DataFrame) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    before, total = None, _ZERO
    for month, group in sorted(sales.groupby("sale_month"), key=lambda pair: str(pair[0])):
        revenue = sum(group["amount"], _ZERO)
        total += revenue
        online = int(group["channel"].isin(["web", "app"]).sum())
        rows.append(
            {
                "sale_month": month,
                "sales": len(group),
                "items": group["quantity"].sum(),
                "customers": group["customer_id"].nunique(),
                "revenue": revenue,
                "profit": _sum(group["profit"]),
                "mean_sale": half_up([float(revenue) / len(group)], 2)[0],
                "online_percent": _percent([online], [len(group)])[0],
                "sales_without_customer": (~group["has_known_customer"]).sum(),
                "sales_without_product": (~group["has_known_product"]).sum(),
                "revenue_change": None if before is None else revenue - before,
                "revenue_to_date": total,
            }
        )
        before = revenue
    return pd.DataFrame(rows)


def _grouped(sales: pd.DataFrame, key: str) -> pd.DataFrame:
    return sales.groupby(key).agg(
        sales=("sale_id", "size"),
        items=("quantity", "sum"),
        customers=("customer_id", "nunique"),
        revenue=("amount", _sum),
        profit=("profit", _sum),
        first_sale_on=("sale_date", "min"),
        last_sale_on=("sale_date", "max"),
        active_months=("sale_month", "nunique"),
    )


def _joined(dimension: pd.DataFrame, sales: pd.DataFrame, key: str) -> pd.DataFrame:
    """Put the figures of its sales beside each row; who has none has 0 of each."""
    joined = dimension.merge(_grouped(sales, key).reset_index(), "left", key)
    for name in ("sales", "items", "customers", "active_months"):
        joined[name] = joined[name].fillna(0).astype("int64")
    for name in ("revenue", "profit"):
        amounts: list[Any] = [_ZERO if pd.isna(value) else value for value in joined[name]]
        joined[name] = amounts
    return joined


def _rank(frame: pd.DataFrame, group: str) -> list[int]:
    """Rank by revenue within a group: one more than the number of those with more."""
    return [
        1 + int(((frame[group] == own) & (frame["revenue"] > revenue)).sum())
        for own, revenue in _pairs(frame, group, "revenue")
    ]


def _segment(sales: int, revenue: Decimal) -> str:
    if not sales:
        return "none"
    return "small" if revenue < 1000 else "middle" if revenue < 3000 else "large"


def _customers(tables: Tables, sales: pd.DataFrame) -> pd.DataFrame:
    found = _joined(tables["customers"], sales, "customer_id")
    days = pd.to_datetime(found["last_sale_on"]) - pd.to_datetime(found["first_sale_on"])
    mean = _mean(found["revenue"], found["sales"].replace(0, np.nan))
    return found.assign(
        mean_sale=mean,
        days_as_buyer=days.dt.days,
        segment=[_segment(n, r) for n, r in _pairs(found, "sales", "revenue")],
        rank_in_country=_rank(found, "country"),
    )


def _performance(tables: Tables, sales: pd.DataFrame) -> pd.DataFrame:
    products = tables["products"].rename(columns={"name": "product_name"})
    found = _joined(products, sales, "product_id")
    whole = found.groupby("category")["revenue"].transform(lambda r: sum(r, _ZERO))
    return found.assign(
        profit_percent=_percent(found["profit"], found["revenue"]),
        percent_of_category=_percent(found["revenue"], whole),
        rank_in_category=_rank(found, "category"),
    )
