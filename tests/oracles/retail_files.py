"""The raw and processed tables of the retail sample, worked out with pandas from its files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pandas as pd

from medallion.readers import samples
from ops.conform import files
from tests.oracles import retail
from tests.oracles.compare import typed

ROWS = {"customers": 1000, "products": 200, "sales": 5000}
SEED = 42
KEYS = {"customers": "customer_id", "products": "product_id", "sales": "sale_id"}
TYPES = {
    "customers": {
        "customer_id": "bigint",
        **dict.fromkeys(("first_name", "last_name", "email", "country", "status"), "string"),
        "signup_date": "date",
        "updated_at": "timestamp",
        "full_name": "string",
        "email_is_valid": "boolean",
        "signup_year": "int",
    },
    "products": {
        "product_id": "bigint",
        **dict.fromkeys(("name", "category"), "string"),
        **dict.fromkeys(("price", "cost"), "decimal(10,2)"),
        "updated_at": "timestamp",
        "margin": "decimal(10,2)",
        "price_band": "string",
    },
    "sales": {
        **dict.fromkeys(("sale_id", "customer_id", "product_id"), "bigint"),
        "quantity": "int",
        "unit_price": "decimal(10,2)",
        "channel": "string",
        **dict.fromkeys(("sold_at", "updated_at"), "timestamp"),
        "amount": "decimal(12,2)",
        "sale_date": "date",
        "sale_month": "string",
    },
}
_REQUIRED = {
    "customers": ("customer_id", "country", "status", "updated_at"),
    "products": ("product_id", "name", "category", "price", "updated_at"),
    "sales": (
        "sale_id", "customer_id", "product_id", "quantity", "unit_price", "sold_at", "updated_at",
    ),
}  # fmt: skip
_CLEAN: dict[str, dict[str, Callable[[str], str]]] = {
    "customers": {
        "first_name": lambda text: text.strip().title(),
        "last_name": lambda text: text.strip().title(),
        "email": lambda text: text.strip().lower(),
        "country": lambda text: text.strip().upper(),
        "status": lambda text: text.strip().lower(),
    },
    "products": {"name": str.strip, "category": lambda text: text.strip().title()},
    "sales": {"channel": lambda text: text.strip().lower()},
}
_NULLS = {"customers": ("", "n/a"), "products": ("",), "sales": ("",)}
_READ: dict[str, Callable[[str], Any]] = {
    "string": str,
    "bigint": int,
    "int": int,
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "decimal(10,2)": Decimal,
}


def raw(folder: Path) -> dict[str, pd.DataFrame]:
    """Texts of the files that the sample is, as they come."""
    found = {}
    for name, rows in ROWS.items():
        path = folder / f"{name}.csv"
        samples.write_csv(path, name, rows, SEED)
        found[name] = pd.read_csv(path, dtype=str, keep_default_na=False)
    return found


def processed(raw_tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables in processed/, typed."""
    found = {}
    for name, frame in raw_tables.items():
        rows = [row for row in (_row(name, row) for row in frame.to_dict("records")) if row]
        # Of several rows with one key, the latest; of those, none has the same time twice.
        rows.sort(key=lambda row: row["updated_at"])
        latest = {row[KEYS[name]]: row for row in rows}
        kept = [_derived(name, row) for row in latest.values() if _is_kept(name, row)]
        found[name] = typed(pd.DataFrame(kept), TYPES[name])
    return found


def _row(table: str, texts: Mapping[Any, str]) -> dict[str, Any] | None:
    """Values of a row; None when it is refused."""
    row: dict[str, Any] = {}
    for name, text in texts.items():
        if text.strip() in _NULLS[table]:
            row[name] = None
            continue
        try:
            row[name] = _READ[TYPES[table][name]](_CLEAN[table].get(name, str)(text))
        except (ValueError, InvalidOperation):
            return None
    return None if any(row[name] is None for name in _REQUIRED[table]) else row


def _is_kept(table: str, row: Mapping[str, Any]) -> bool:
    if table == "customers":
        return bool(row["status"] == "active")
    return bool(row["price" if table == "products" else "quantity"] > 0)


def _derived(table: str, row: dict[str, Any]) -> dict[str, Any]:
    if table == "customers":
        names = (row["first_name"], row["last_name"])
        return row | {
            "full_name": None if None in names else " ".join(names),
            "email_is_valid": bool(re.search(r"^[^@ ]+@[^@ ]+[.][a-z]+$", row["email"] or "")),
            "signup_year": row["signup_date"] and row["signup_date"].year,
        }
    if table == "products":
        price = row["price"]
        return row | {
            "margin": None if row["cost"] is None else price - row["cost"],
            "price_band": "low" if price < 25 else "middle" if price < 100 else "high",
        }
    return row | {
        "amount": row["quantity"] * row["unit_price"],
        "sale_date": row["sold_at"].date(),
        "sale_month": f"{row['sold_at']:%Y-%m}",
    }


def tables(folder: Path) -> dict[str, tuple[pd.DataFrame, list[str]]]:
    """Every table that `make conform` compares, by layer and name, with the columns of its key.

    Raw tables have none: all their columns order them.
    """
    sources = raw(folder)
    clean = processed(sources)
    found = {f"raw.{name}": (frame, list(frame.columns)) for name, frame in sources.items()}
    found |= {f"processed.{name}": (frame, [KEYS[name]]) for name, frame in clean.items()}
    models = retail.expected(clean)
    found |= {f"analytics.{name}": (frame, retail.KEYS[name]) for name, frame in models.items()}
    names = files.HEADER.strip().split(",")
    for name, rows, lines in (
        ("returns", files.ROWS, files.LINES),
        ("visits", files.SPARK_ROWS, files.SPARK_LINES),
    ):
        found[f"processed.{name}"] = (pd.DataFrame(rows, columns=names), ["return_id"])
        dropped = [line.split(",") for line in lines]
        found[f"raw.{name}"] = (pd.DataFrame(dropped, columns=names), names)
    return found
