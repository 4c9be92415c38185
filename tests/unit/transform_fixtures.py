"""Contracts over small tables: what a test of the transformation needs, without a bucket."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from medallion.contract.contract import Contract
from medallion.engines.duckdb.engine import DuckDbEngine
from medallion.lake.objects import Lake, StoredObject

Table = Mapping[str, Sequence[Any]]


def column(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    """A column of a contract."""
    return {"name": name, "type": kind, **more}


def contract(*columns: dict[str, Any], **fields: Any) -> Contract:
    """A contract named `things`."""
    return Contract.from_json({"name": "things", "columns": list(columns), **fields})


def derived(name: str, kind: str, expression: str) -> dict[str, str]:
    """A derived column of a contract."""
    return {"name": name, "type": kind, "expression": expression}


def raw_table(table: Table, source: str = "incoming/things/a.csv") -> pa.Table:
    """A raw object's content: texts unless Arrow sees another type, and where they are from."""
    data = pa.table({name: pa.array(values) for name, values in table.items()})
    rows = range(1, data.num_rows + 1)
    return data.append_column("_source_file", pa.array([source] * data.num_rows)).append_column(
        "_source_row", pa.array(rows, pa.int64())
    )


class LocalLake(Lake):
    """Files that look like the objects of a lake to who reads them, in the order given."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        client: Any = None
        super().__init__(client, "lake")
        self._files = files

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        for key, path in self._files.items():
            if key.startswith(prefix):
                yield StoredObject(key, path.stat().st_size, "", dt.datetime.now(dt.UTC))

    def download(self, source: StoredObject, path: Path) -> None:
        shutil.copy(self._files[source.key], path)


def engine_in(
    folder: Path, files: Mapping[str, Path] | None = None, memory_mb: int = 256
) -> DuckDbEngine:
    """An engine in an empty folder that reads these files as objects."""
    return DuckDbEngine(LocalLake(files or {}), folder, memory_mb)


def transformed(
    folder: Path, wanted: Contract, *objects: pa.Table, dates: Sequence[str] | None = None
) -> pd.DataFrame:
    """Run a contract's statement over raw objects; one row a raw row, in the order of raw."""
    files = {}
    for number, table in enumerate(objects):
        path = folder / f"{number}.parquet"
        pq.write_table(table, path)
        date = dates[number] if dates else "2026-01-01"
        files[f"raw/things/ingest_date={date}/{number}.parquet"] = path
    with engine_in(Path(tempfile.mkdtemp(dir=folder)), files) as engine:
        prepared = engine.prepare(wanted)
        statement = prepared.statement(engine.bind_raw("raw", "raw/things/"))
        batches = engine.batches(f"SELECT * FROM ({statement}) ORDER BY _file, _row", 2048)
        return pa.Table.from_batches(list(batches)).to_pandas(
            date_as_object=True, integer_object_nulls=True
        )
