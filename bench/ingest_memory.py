"""Shows that `ingest` streams: a CSV of 2 GB, and the peak memory of the job that reads it.

python bench/ingest_memory.py [--gigabytes 2] [--limit-mb 600] [--python PATH]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "jobs")]

from local.server import LocalAws, environment  # noqa: E402
from medallion.lake.objects import Lake, s3_client  # noqa: E402 - after the paths

COLUMNS = ("id", "ratio", "name", "amount", "day", "code", "flag", "number")
BUCKET = "ingest-memory"
_BLOCK_ROWS = 20_000


def write_csv(path: Path, size: int) -> int:
    """Write a CSV of about `size` bytes, with quoted and empty fields; return its rows."""
    dice = random.Random(1)  # noqa: S311 - made-up data
    rows = 0
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(COLUMNS) + "\n")
        while file.tell() < size:
            ratio = dice.random()
            file.write(
                "".join(
                    f'{n},{ratio * n},"name, ""{n}""",{n % 9973 / 100:.2f},'
                    f"2024-01-{n % 28 + 1:02d},abc {n % 97},{'' if n % 7 else 'x'},"
                    f"{int(ratio * 1e9) ^ n}\n"
                    for n in range(rows, rows + _BLOCK_ROWS)
                )
            )
            rows += _BLOCK_ROWS
    return rows


def run_job(python: str, temporary: str) -> tuple[int, float, float]:
    """Run the job as a process of its own: exit code, seconds, peak resident memory in MB."""
    arguments = ["--bucket", BUCKET, "--dataset", "big", "--run-id", "bench"]
    started = time.monotonic()
    child = os.spawnve(  # noqa: S606 - subprocess does not give the memory of one child
        os.P_NOWAIT,
        python,
        [python, str(ROOT / "jobs/ingest.py"), *arguments],
        {**os.environ, "TMPDIR": temporary},
    )
    _, status, usage = os.wait4(child, 0)
    # Linux counts in kB, macOS in bytes.
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return os.waitstatus_to_exitcode(status), time.monotonic() - started, usage.ru_maxrss / unit


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--limit-mb", type=float, default=600.0)
    own = ROOT / ".venv-jobs/bin/python"
    parser.add_argument("--python", default=str(own) if own.exists() else sys.executable)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, LocalAws() as aws:
        os.environ.update(environment(aws.endpoint))
        lake = Lake(s3_client(), BUCKET)
        lake.client.create_bucket(Bucket=BUCKET)
        columns = [{"name": name, "type": "string"} for name in COLUMNS]
        lake.put_json(lake.contract_key("big"), {"name": "big", "columns": columns})
        path = Path(temporary) / "big.csv"
        rows = write_csv(path, int(options.gigabytes * 1e9))
        size = path.stat().st_size
        lake.client.upload_file(str(path), BUCKET, "incoming/big/big.csv")
        path.unlink()
        code, seconds, memory = run_job(options.python, temporary)
        if code:
            print(f"the job failed with exit code {code}", file=sys.stderr)  # noqa: T201
            return 1
        report = lake.get_json(lake.report_key("bench", "ingest", "big"))
    kept = report["rows"]["out"] == rows
    print(  # noqa: T201
        f"{size / 1e9:.2f} GB, {rows:,} rows ({'all' if kept else 'NOT all'} in raw) in "
        f"{seconds:.1f} s ({size / 1e6 / seconds:.0f} MB/s); "
        f"raw {report['bytes_written'] / 1e6:.0f} MB; "
        f"peak memory of the job {memory:.0f} MB (limit {options.limit_mb:.0f} MB)"
    )
    return 0 if kept and memory <= options.limit_mb else 1


if __name__ == "__main__":
    raise SystemExit(main())
