"""A CSV to Parquet, every value as text, as the users of each library write it.

`csv_to_parquet.py build|pandas|pyarrow|duckdb <csv> <folder>` or `csv_to_parquet.py job <bucket>`
measures one case in this process, and writes its times as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "jobs")]

DATASET = "lineitem"

# Nothing that a case does not need is imported, for it would count as its memory.
# ruff: noqa: PLC0415


def header(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as file:
        return file.readline().strip().split(",")


def contract(names: list[str]) -> dict[str, Any]:
    return {"name": DATASET, "columns": [{"name": name, "type": "string"} for name in names]}


def build(path: Path, out: Path) -> Callable[[], Any]:
    from medallion.contract.contract import Contract
    from medallion.readers import raw_object

    made = Contract.from_json(contract(header(path)))
    return lambda: raw_object.build(path, f"incoming/{DATASET}/{path.name}", made, out.parent)


def job(bucket: str) -> Callable[[], Any]:
    import ingest

    return lambda: ingest.main(["--bucket", bucket, "--dataset", DATASET, "--run-id", "bench"])


def pandas(path: Path, out: Path) -> Callable[[], Any]:
    import pandas as pd

    return lambda: pd.read_csv(path, dtype=str).to_parquet(out, compression="zstd")


def pyarrow(path: Path, out: Path) -> Callable[[], Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import csv

    def convert() -> None:
        types = dict.fromkeys(header(path), pa.string())
        options = csv.ConvertOptions(column_types=types)
        with (
            csv.open_csv(path, convert_options=options) as reader,
            pq.ParquetWriter(out, reader.schema, compression="zstd") as writer,
        ):
            for batch in reader:
                writer.write_batch(batch)

    return convert


def duckdb(path: Path, out: Path) -> Callable[[], Any]:
    import duckdb as db

    return lambda: db.execute(
        f"COPY (SELECT * FROM read_csv('{path}', all_varchar = true)) "  # noqa: S608 - our own paths
        f"TO '{out}' (FORMAT parquet, COMPRESSION zstd)"
    )


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(case: str, source: str, folder: str = "") -> None:
    sys.stdout, answer = sys.stderr, sys.stdout
    out = Path(folder, "raw.parquet")
    if case == "job":
        run = job(source)
    else:
        cases = {"build": build, "pandas": pandas, "pyarrow": pyarrow, "duckdb": duckdb}
        run = cases[case](Path(source), out)
    used, started = _cpu(), time.monotonic()
    run()
    found = {"cpu": _cpu() - used, "wall": time.monotonic() - started}
    # Linux counts in kB, macOS in bytes.
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    if case != "job":
        import pyarrow.parquet as pq

        found["rows"] = pq.ParquetFile(out).metadata.num_rows
        found["size"] = out.stat().st_size / 1e6
    answer.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
