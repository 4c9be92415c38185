"""Report on the lake: tables and their rows, what was refused and why, what the checks found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rich.text import Text

from ops.display import console, heading, indented, note, plural, table
from ops.query import count_rows
from ops.target import Target

SHOWN = 10
SHOWN_DATASETS = 20
COUNTED = ("in", "out", "refused", "duplicate", "filtered")


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
    """Print how each dataset of a run fared: every row is in one of the columns.

    Of many datasets, those are left out that did well.
    """
    heading("Where every row went")
    entries = result["datasets"]
    shown = entries
    if len(entries) > SHOWN_DATASETS:
        shown = [entry for entry in entries if not _did_well(entry)][:SHOWN_DATASETS]
    view = []
    for entry in shown:
        rows = (entry.get("transform") or {}).get("rows")
        counts = [rows[name] if rows else None for name in COUNTED]
        view.append([entry["dataset"], *counts, _checks(entry)])
    if len(shown) < len(entries):
        view.append(["all", *_all_rows(entries), _all_checks(result)])
    table(
        ["dataset", "raw rows", "processed", "refused", "duplicate", "filtered", "checks"],
        view,
        right=range(1, 6),
    )
    if len(shown) < len(entries):
        more = plural(len(entries) - len(shown), "dataset")
        note(f"and {more} that are counted, but not shown: runs/{result['run_id']}/batches/")
    for entry in shown:
        for check in entry.get("failed_checks") or []:
            text = f"  {entry['dataset']}: check {check['check']} found {check['found']}"
            console.print(Text(text, style="red"))
    for entry in shown:
        for job in ("ingest", "transform"):
            for reason in (entry.get(job) or {}).get("reasons") or []:
                note(f"{entry['dataset']}: {reason['rows']:,} refused by {job}: {reason['reason']}")


def _did_well(entry: dict[str, Any]) -> bool:
    """Whether a dataset was processed with nothing refused."""
    done = [entry[job] for job in ("ingest", "transform") if entry.get(job)]
    refused = sum(report["rows"]["refused"] for report in done)
    refused += sum((report.get("files") or {}).get("refused", 0) for report in done)
    return bool(entry.get("transform")) and not refused and entry.get("checks") != "FAILED"


def _all_rows(entries: list[dict[str, Any]]) -> list[int]:
    reports = [entry["transform"] for entry in entries if entry.get("transform")]
    return [sum(report["rows"][name] for report in reports) for name in COUNTED]


def _all_checks(result: dict[str, Any]) -> str:
    checks = result["totals"]["checks"]
    counted = (f"{checks[name]:,} {name}" for name in ("passed", "failed", "skipped"))
    return ", ".join(text for text in counted if not text.startswith("0 ")) or "not run"


def _checks(entry: dict[str, Any]) -> Text:
    if "checks" not in entry:  # of many datasets, checks are counted and failures named
        return Text("-")
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
