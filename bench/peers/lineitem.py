"""TPC-H's lineitem as text, made by a seeded generator; its contract, and the same as plain SQL.

Run as a script it measures one case in this process, and writes its times as JSON:
`lineitem.py contract|statement|job|copy <raw.parquet> <memory in MB>`.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "jobs")]

import duckdb  # noqa: E402 - after the path
import pyarrow as pa  # noqa: E402

from medallion.contract.contract import Contract  # noqa: E402
from medallion.datatypes import parse  # noqa: E402
from medallion.engines.duckdb.engine import DuckDbEngine  # noqa: E402
from medallion.lake.local_disk import ParquetWriter  # noqa: E402
from medallion.lake.objects import Lake, Put, StoredObject, sha256  # noqa: E402
from medallion.runs.report import Report  # noqa: E402
from transform import Transform  # noqa: E402

TYPES = {
    **dict.fromkeys(("l_orderkey", "l_partkey", "l_suppkey"), "bigint"),
    "l_linenumber": "int",
    **dict.fromkeys(("l_quantity", "l_extendedprice", "l_discount", "l_tax"), "decimal(15,2)"),
    **dict.fromkeys(("l_returnflag", "l_linestatus"), "string"),
    **dict.fromkeys(("l_shipdate", "l_commitdate", "l_receiptdate"), "date"),
    **dict.fromkeys(("l_shipinstruct", "l_shipmode", "l_comment"), "string"),
}
CONTRACT = {
    "name": "lineitem",
    "columns": [{"name": name, "type": kind} for name, kind in TYPES.items()],
    "null_values": [""],
    "key": ["l_orderkey", "l_linenumber"],
    "order_by": ["l_receiptdate desc"],
    "derive": [
        {
            "name": "revenue",
            "type": "decimal(31,4)",
            "expression": "l_extendedprice * (1 - l_discount)",
        },
        {"name": "ship_year", "type": "int", "expression": "year(l_shipdate)"},
    ],
    "partition_by": ["ship_year"],
}
_CASTS = ", ".join(
    f"CAST({name} AS {parse(kind).duckdb}) AS {name}" for name, kind in TYPES.items()
)
# As one writes it who trusts the file: no text is looked at before it is cast.
PLAIN = f"""
    WITH typed AS (SELECT {_CASTS}, ingest_date, _source_file, _source_row FROM raw)
    SELECT {", ".join(TYPES)},
        CAST(l_extendedprice * (1 - l_discount) AS DECIMAL(31, 4)) AS revenue,
        CAST(year(l_shipdate) AS INTEGER) AS ship_year
    FROM typed
    QUALIFY row_number() OVER (
        PARTITION BY l_orderkey, l_linenumber
        ORDER BY l_receiptdate DESC, ingest_date DESC, _source_file DESC, _source_row DESC
    ) = 1"""  # noqa: S608 - our own SQL
_NOW = dt.datetime.now(dt.timezone.utc)  # noqa: UP017 - Python 3.9 runs this
KEY = "raw/lineitem/ingest_date=2026-01-01/lineitem.csv.parquet"
_WORDS = (
    *("furiously", "carefully", "quickly", "slyly", "blithely", "final", "express", "special"),
    *("pending", "ironic", "regular", "even", "bold", "silent", "deposits", "requests", "packages"),
    *("accounts", "theodolites", "instructions", "foxes", "pinto", "beans", "excuses", "courts"),
    *("sleep", "nag", "haggle", "wake", "cajole", "detect", "integrate", "boost", "use", "among"),
)


def generate(rows: int, path: Path, seed: int = 1) -> None:
    """Write raw/ as `ingest` does; one row in a hundred has the key of the row before."""
    pick = f"CAST(hash(i, k, {seed}) % n AS BIGINT)"
    words = ", ".join(f"'{word}'" for word in _WORDS)
    query = f"""
        WITH lines AS (
            SELECT range AS i, range - (r(range, 0, 100) = 0 AND range > 0)::INT AS j
            FROM range({rows})
        ), typed AS (
            SELECT *, 1 + r(j, 4, 50) AS quantity, 90000 + r(j, 5, 110000) AS cents,
                DATE '1992-01-02' + CAST(r(j, 8, 2526) AS INT) AS ship FROM lines
        ), rows AS (
            SELECT i, j // 4 * 8 + 1 + r(j // 4, 1, 8) AS l_orderkey,
                1 + r(j, 2, 200000) AS l_partkey, 1 + r(j, 3, 10000) AS l_suppkey,
                j % 4 + 1 AS l_linenumber,
                CAST(quantity AS DECIMAL(15, 2)) AS l_quantity,
                CAST(quantity * cents / 100 AS DECIMAL(15, 2)) AS l_extendedprice,
                CAST(r(j, 6, 11) / 100 AS DECIMAL(15, 2)) AS l_discount,
                CAST(r(j, 7, 9) / 100 AS DECIMAL(15, 2)) AS l_tax,
                CASE WHEN ship > '1995-06-17' THEN 'N' ELSE ['A', 'R'][1 + r(j, 9, 2)] END
                    AS l_returnflag,
                CASE WHEN ship > '1995-06-17' THEN 'O' ELSE 'F' END AS l_linestatus,
                ship AS l_shipdate, ship + CAST(r(j, 10, 121) - 60 AS INT) AS l_commitdate,
                ship + CAST(1 + r(i, 11, 30) AS INT) AS l_receiptdate,
                ['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'][1 + r(j, 12, 4)]
                    AS l_shipinstruct,
                ['REG AIR', 'AIR', 'RAIL', 'SHIP', 'TRUCK', 'MAIL', 'FOB'][1 + r(j, 13, 7)]
                    AS l_shipmode,
                concat_ws(' ', {", ".join(f"w(j, {20 + n})" for n in range(4))}) AS l_comment
            FROM typed
        )
        SELECT {", ".join(f"CAST({name} AS VARCHAR) AS {name}" for name in TYPES)},
            'incoming/lineitem/lineitem.csv' AS _source_file, i + 1 AS _source_row
        FROM rows ORDER BY i"""  # noqa: S608 - our own SQL
    with duckdb.connect() as connection:
        connection.execute(f"CREATE MACRO r(i, k, n) AS {pick}")
        connection.execute(f"CREATE MACRO w(i, k) AS [{words}][1 + r(i, k, {len(_WORDS)})]")
        reader = connection.execute(query).fetch_record_batch(8192)
        with ParquetWriter(path, reader.schema) as writer:
            for batch in reader:
                writer.write(pa.Table.from_batches([batch]))


def generate_csv(rows: int, path: Path) -> None:
    """Write the same rows as the CSV that they come from."""
    raw = path.with_suffix(".parquet")
    generate(rows, raw)
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT {', '.join(TYPES)} FROM '{raw}') "  # noqa: S608 - our own SQL
            f"TO '{path}' (FORMAT csv, HEADER)"
        )
    raw.unlink()


class LocalLake(Lake):
    """One raw object on the local disk, and a folder for what is put: an engine without S3."""

    def __init__(self, raw: Path, folder: Path) -> None:
        client: Any = None
        super().__init__(client, "lake")
        self._raw, self._folder = raw, folder

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        if KEY.startswith(prefix):
            yield StoredObject(KEY, self._raw.stat().st_size, "", _NOW)

    def head(self, key: str) -> None:  # noqa: ARG002
        return None

    def download(self, source: StoredObject, path: Path) -> None:  # noqa: ARG002
        os.link(self._raw, path)

    def put_if_changed(self, key: str, path: Path) -> Put:
        sha256(path)
        shutil.copy(path, self._folder / key.replace("/", "_"))
        return Put(written=True)

    def delete(self, keys: Any) -> int:
        return len(list(keys))


def measure(case: str, raw: Path, memory_mb: int, folder: Path) -> dict[str, float]:
    """Seconds of processor and wall time of one case, and the peak memory of this process."""
    for name in ("put", "engine"):
        (folder / name).mkdir()
    lake = LocalLake(raw.resolve(), folder / "put")
    lake_engine = folder / "engine"
    with DuckDbEngine(lake, lake_engine, memory_mb) as engine:
        contract = Contract.from_json(CONTRACT)
        prepared = engine.prepare(contract)
        bound = engine.bind_raw("raw", "raw/lineitem/")
        used, started = _cpu(), time.monotonic()
        if case == "contract":
            engine.execute(f"CREATE TABLE result AS {prepared.statement(bound)}")
        elif case == "statement":
            engine.execute(f"CREATE TABLE result AS {PLAIN}")
        elif case == "job":
            transform = Transform(lake, contract, Report("transform", "lineitem", "bench"))
            transform._make(engine, prepared, None)  # type: ignore[arg-type]
        else:
            engine.execute(
                f"COPY ({PLAIN} ORDER BY ship_year, l_orderkey, l_linenumber) "
                f"TO '{lake_engine / 'copied'}' "
                "(FORMAT parquet, COMPRESSION zstd, PARTITION_BY (ship_year))"
            )
        cpu, wall = _cpu() - used, time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu": cpu, "wall": wall, "peak": peak}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    logging.disable()
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        found = measure(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), Path(temporary).resolve())
    sys.stdout.write(json.dumps(found) + "\n")
