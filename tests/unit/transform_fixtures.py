"""Contracts over small tables: what a test of the transformation needs, without a bucket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import contract_sql
from contract import Contract
from engine import Engine

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


def transformed(
    folder: Path, wanted: Contract, *objects: pa.Table, dates: Sequence[str] | None = None
) -> pd.DataFrame:
    """Run a contract's statement over raw objects; one row a raw row, in the order of raw."""
    files: list[tuple[Path, str | None]] = []
    for number, table in enumerate(objects):
        path = folder / f"{number}.parquet"
        pq.write_table(table, path)
        files.append((path, dates[number] if dates else "2026-01-01"))
    with Engine(folder, 256) as engine:
        expressions = contract_sql.translate(wanted, engine.describe)
        statement = contract_sql.statement(wanted, expressions, engine.bind_raw(files))
        batches = engine.batches(f"SELECT * FROM ({statement}) ORDER BY _file, _row", 2048)
        return pa.Table.from_batches(list(batches)).to_pandas(
            date_as_object=True, integer_object_nulls=True
        )
