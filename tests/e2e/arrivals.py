"""A lake that files start, and the files of a burst."""

from __future__ import annotations

import gzip
import io
import json
import time
import zipfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.e2e.lake import HANGS_SECONDS, Lake, Run

WINDOW_SECONDS = 5
COLUMNS = ("reading_id", "sensor", "value")
READINGS: dict[str, Any] = {
    "columns": [
        {"name": "reading_id", "type": "bigint", "required": True},
        {"name": "sensor", "type": "string"},
        {"name": "value", "type": "double"},
    ],
    # No key: a row that came in twice would be there twice.
    "triggers": ["event"],
}
# Parquet files keep their types, so they are for datasets of their own.
MEASURES: dict[str, Any] = {**READINGS, "format": "parquet", "group": "readings"}
ALERTS: dict[str, Any] = {**READINGS, "triggers": ["event", "schedule"]}
PRICES: dict[str, Any] = {
    "columns": [
        {"name": "product", "type": "string", "required": True},
        {"name": "price", "type": "decimal(10,2)", "required": True},
    ],
    "key": ["product"],
    "triggers": [],
    "approval": {"max_refused_percent": 10, "max_row_change_percent": 50, "timeout_hours": 1},
}
VARIABLES: dict[str, Any] = {
    "name": "arrive",
    "datasets": {"readings": READINGS, "measures": MEASURES, "alerts": ALERTS, "prices": PRICES},
    "models": {},
    "arrival_window_seconds": WINDOW_SECONDS,
    "monitoring": {"freshness_hours": 2},
    "jobs": {"timeout_minutes": 60},
}

Row = dict[str, str]


@dataclass(frozen=True)
class File:
    """A file to drop, and the ids of the rows in it; none for one that is broken."""

    dataset: str
    name: str
    body: bytes
    ids: tuple[int, ...]


def rows(first: int, count: int = 3) -> list[Row]:
    return [
        {"reading_id": str(number), "sensor": f"s{number % 7}", "value": f"{number}.5"}
        for number in range(first, first + count)
    ]


def csv(content: list[Row], delimiter: str = ",") -> bytes:
    lines = [COLUMNS, *(tuple(row.values()) for row in content)]
    return "".join(delimiter.join(line) + "\n" for line in lines).encode()


def parquet(content: list[Row]) -> bytes:
    ids = [int(row["reading_id"]) for row in content]
    values = [float(row["value"]) for row in content]
    sensors = [row["sensor"] for row in content]
    table = pa.table({"reading_id": ids, "sensor": sensors, "value": values})
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def zipped(content: list[Row]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("inside.csv", csv(content))
    return sink.getvalue()


FORMATS: tuple[tuple[str, Callable[[list[Row]], bytes]], ...] = (
    ("csv", csv),
    ("tsv", lambda content: csv(content, "\t")),
    ("csv.gz", lambda content: gzip.compress(csv(content), mtime=0)),
    ("json", lambda content: json.dumps(content).encode()),
    ("ndjson", lambda content: "".join(json.dumps(row) + "\n" for row in content).encode()),
    ("parquet", parquet),
    ("zip", zipped),
)
BROKEN = (
    ("torn.csv.gz", gzip.compress(csv(rows(0)), mtime=0)[:-12]),
    ("torn.json", b'[{"reading_id": "1"'),
    ("torn.parquet", b"PAR1 and no more"),
    ("other.csv", b"name,size\nx,1\n"),
    ("empty.csv", b""),
)


def burst(count: int) -> list[File]:
    """Return files of all formats, of which one in twenty is broken."""
    files = []
    for number in range(count):
        if number % 20 == 7:
            suffix, body = BROKEN[number // 20 % len(BROKEN)]
            files.append(File("readings", f"{number:04}-{suffix}", body, ()))
        else:
            extension, write = FORMATS[number % len(FORMATS)]
            content = rows(number * 10)
            ids = tuple(int(row["reading_id"]) for row in content)
            dataset = "measures" if extension == "parquet" else "readings"
            files.append(File(dataset, f"{number:04}.{extension}", write(content), ids))
    return files


def drop_all(lake: Lake, files: Iterable[File]) -> None:
    """Drop files as fast as sixteen producers can."""
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda file: lake.drop(file.dataset, file.name, file.body), files))


def pipelines(lake: Lake, group: str) -> list[str]:
    """Return the ARNs of the runs that files of a group have started, the first one first."""
    pages = lake.states.get_paginator("list_executions").paginate(
        stateMachineArn=lake.outputs["pipeline_arn"]
    )
    found = [item for page in pages for item in page["executions"]]
    named = [item for item in found if item["name"].startswith(f"{group}-")]
    return [item["executionArn"] for item in sorted(named, key=lambda item: item["name"])]


def settled(lake: Lake, group: str, *members: str) -> list[Run]:
    """Wait until the files of a group are taken and all its runs have ended; return these.

    `members` are its datasets: by default one, with the name of the group.
    """
    end = time.monotonic() + HANGS_SECONDS
    over: set[str] = set()
    while time.monotonic() < end:
        # In this order: a file that is still there has a run that is running or yet to come.
        waiting = [key for name in members or [group] for key in lake.keys(f"incoming/{name}/")]
        runs = pipelines(lake, group)
        over |= {arn for arn in runs if arn not in over and ended(lake, arn)}
        if runs and not waiting and over >= {*runs}:
            return [lake.wait(arn) for arn in runs]
        time.sleep(1)
    running = sorted({*pipelines(lake, group)} - over)
    waiting = lake.keys("incoming/")[:20]
    pytest.fail(f"after {HANGS_SECONDS} s files wait: {waiting}; runs go on: {running}")


def ended(lake: Lake, execution_arn: str) -> bool:
    status: str = lake.states.describe_execution(executionArn=execution_arn)["status"]
    return status != "RUNNING"
