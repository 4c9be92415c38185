"""Report on the lake: tables and their rows, what was refused and why, what the checks found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rich.text import Text

from ops.display import console, heading, indented, note, table
from ops.query import count_rows
from ops.target import Target

SHOWN = 10


def catalog(target: Target) -> list[tuple[str, str, list[str]]]:
    """Tables that the crawlers have found, as (database, table, partition keys)."""
    found = []
    for database in target.outputs.database_names.values():
        for page in target.glue.get_paginator("get_tables").paginate(DatabaseName=database):
            for item in page["TableList"]:
                keys = [key["Name"] for key in item.get("PartitionKeys", [])]
                found.append((database, item["Name"], keys))
    return sorted(found)


def tables(target: Target) -> None:
    """Print every table with its rows, counted by Athena."""
    found = catalog(target)
    heading("Tables (rows counted by Athena)")
    rows = count_rows(target, ((database, name) for database, name, _ in found))
    layers = {database: layer for layer, database in target.outputs.database_names.items()}
    names = sorted({name for _, name, _ in found})
    order = [layer for layer in ("raw", "processed", "analytics") if layer in layers.values()]
    columns = ["table", *(f"{target.outputs.database_names[layer]}" for layer in order)]
    view = []
    for name in names:
        counts = [rows.get((target.outputs.database_names[layer], name)) for layer in order]
        keys = next((keys for db, t, keys in found if t == name and layers[db] != "raw"), [])
        view.append([name, *counts, ", ".join(keys)])
    table([*columns, "partitioned by"], view, right=range(1, len(order) + 1))


def datasets(result: dict[str, Any]) -> None:
    """Print how each dataset of a run fared: every row is in one of the columns."""
    heading("Where every row went")
    view = []
    for entry in result["datasets"]:
        rows = (entry.get("transform") or {}).get("rows")
        counts = [
            rows[name] if rows else None
            for name in ("in", "out", "refused", "duplicate", "filtered")
        ]
        view.append([entry["dataset"], *counts, _checks(entry)])
    table(
        ["dataset", "raw rows", "processed", "refused", "duplicate", "filtered", "checks"],
        view,
        right=range(1, 6),
    )
    for entry in result["datasets"]:
        for check in entry.get("failed_checks") or []:
            text = f"  {entry['dataset']}: check {check['check']} found {check['found']}"
            console.print(Text(text, style="red"))
    for entry in result["datasets"]:
        for job in ("ingest", "transform"):
            for reason in (entry.get(job) or {}).get("reasons") or []:
                note(f"{entry['dataset']}: {reason['rows']:,} refused by {job}: {reason['reason']}")


def _checks(entry: dict[str, Any]) -> Text:
    status = entry.get("checks") or "not run"
    styles = {"PASSED": "green", "FAILED": "bold red"}
    return Text(status.lower(), style=styles.get(status, "dim"))


def quarantined(target: Target) -> Iterator[tuple[str, str]]:
    """Refused files, as (key, reason)."""
    bucket = target.outputs.bucket_name
    pages = target.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="quarantine/")
    for page in pages:
        for item in page.get("Contents", []):
            if item["Key"].endswith(".reason.json"):
                body = target.s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
                reason = json.loads(body).get("reason", "")
                yield item["Key"].removesuffix(".reason.json"), str(reason)


def quarantine(target: Target) -> None:
    """Print the refused files, each with its reason."""
    heading("Quarantined files")
    count = 0
    for count, (key, reason) in enumerate(quarantined(target), start=1):
        if count <= SHOWN:
            console.print(Text(f"  {key}"))
            indented(reason)
    if count > SHOWN:
        note(f"and {count - SHOWN} more under s3://{target.outputs.bucket_name}/quarantine/")
    if not count:
        note("none")
