"""A CSV to Parquet: our ingest against pandas, pyarrow and DuckDB.

python bench/ingest.py [--scale 0.1] [--repeat 5] [--peers job,pyarrow,pandas] [--limits 1,1.25,300]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "jobs")]

from bench.peers import csv_to_parquet  # noqa: E402 - after the paths
from local.server import LocalAws, environment  # noqa: E402
from medallion.lake.objects import Lake, s3_client  # noqa: E402
from ops.environment import JOB_PYTHON, PYTHON  # noqa: E402

PEERS = ROOT / "bench/peers"
BUCKET = "bench-ingest"
ROWS = 6_000_000  # of lineitem at scale factor 1
OURS, JOB, PEER = "file to raw object", "the whole job, local S3", "DuckDB, COPY"
# What `csv_to_parquet.py` calls a case, and the interpreter: that of the jobs has no pandas.
CASES = {
    OURS: ("build", JOB_PYTHON),
    JOB: ("job", JOB_PYTHON),
    PEER: ("duckdb", JOB_PYTHON),
    "pyarrow, open_csv and ParquetWriter": ("pyarrow", JOB_PYTHON),
    "pandas, read_csv and to_parquet": ("pandas", PYTHON),
}
_GENERATE = (
    "import lineitem, pathlib, sys; "
    "lineitem.generate_csv(int(sys.argv[1]), pathlib.Path(sys.argv[2]))"
)
# What is shown of a case, and with how many digits.
_SHOWN = {"cpu": 2, "wall": 2, "peak": 0, "size": 1}


def run(python: Path, *arguments: str) -> str:
    """Run a script; its answer, or the end of the bench."""
    done = subprocess.run(  # noqa: S603 - our own scripts
        [str(python), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(PEERS)},
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    return done.stdout.strip()


def measure(name: str, path: Path, lake: Lake) -> dict[str, float]:
    """One case in a process of its own: seconds, peak memory and size of the Parquet in MB."""
    case, python = CASES[name]
    script = str(PEERS / "csv_to_parquet.py")
    if case != "job":
        with tempfile.TemporaryDirectory(prefix="bench-", dir=path.parent) as folder:
            found: dict[str, float] = json.loads(run(python, script, case, str(path), folder))
        return found
    lake.delete([stored.key for stored in lake.list_objects("")])
    dataset = csv_to_parquet.DATASET
    columns = csv_to_parquet.header(path)
    lake.put_json(lake.contract_key(dataset), csv_to_parquet.contract(columns))
    lake.client.upload_file(str(path), BUCKET, f"{lake.incoming_prefix(dataset)}{path.name}")
    found = json.loads(run(python, script, case, BUCKET))
    report = lake.get_json(lake.report_key("bench", "ingest", dataset))
    return {**found, "rows": report["rows"]["out"], "size": report["bytes_written"] / 1e6}


def machine() -> str:
    """What it was measured on."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "pyarrow", "pandas"))
    load = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    job_python = run(JOB_PYTHON, "--version")
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()}, load {load}; "
        f"{packages}; {job_python}, pandas on {platform.python_version()}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1, help="of lineitem (default: 0.1)")
    parser.add_argument("--repeat", type=int, default=5, help="times each case (default: 5)")
    others = "job,pyarrow,pandas"
    parser.add_argument("--peers", default=others, help=f"beside DuckDB (default: {others})")
    parser.add_argument(
        "--limits",
        help="fail when the file takes more than so many times DuckDB's CPU, its wall time, or "
        "when file or job take more MB of memory",
    )
    options = parser.parse_args()
    rows = int(options.scale * ROWS)
    wanted = {"build", "duckdb", *options.peers.split(",")}
    found: dict[str, list[dict[str, float]]] = {
        name: [] for name, (case, _) in CASES.items() if case in wanted
    }
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, LocalAws() as aws:
        os.environ.update(environment(aws.endpoint))
        lake = Lake(s3_client(), BUCKET)
        lake.client.create_bucket(Bucket=BUCKET)
        path = Path(folder).resolve() / "lineitem.csv"
        run(JOB_PYTHON, "-c", _GENERATE, str(rows), str(path))
        megabytes = path.stat().st_size / 1e6
        for turn in range(options.repeat):
            for name, answers in found.items():
                sys.stderr.write(f"  {turn + 1} of {options.repeat}: {name}\n")
                answers.append(measure(name, path, lake))
                if answers[-1]["rows"] != rows:
                    raise SystemExit(f"{name}: {answers[-1]['rows']:,} of {rows:,} rows")
    medians = {
        name: {what: statistics.median(each[what] for each in answers) for what in _SHOWN}
        for name, answers in found.items()
    }
    lines = [
        f"{machine()}; {rows:,} rows, {megabytes:.0f} MB of CSV, medians of {options.repeat}",
        "",
        "| | CPU, s | wall, s | peak, MB | Parquet, MB | CPU against DuckDB | wall |",
        "|---|---|---|---|---|---|---|",
    ]
    ratios = {
        name: [each[what] / medians[PEER][what] for what in ("cpu", "wall")]
        for name, each in medians.items()
    }
    for name, each in medians.items():
        cells = [f"{each[what]:.{digits}f}" for what, digits in _SHOWN.items()]
        cells += [f"{ratio:.2f}" for ratio in ratios[name]]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    sys.stdout.write("\n".join(lines) + "\n")
    if not options.limits:
        return 0
    limits = [float(limit) for limit in options.limits.split(",")]
    peak = max(medians[name]["peak"] for name in (OURS, JOB) if name in medians)
    return int(
        any(value > limit for value, limit in zip([*ratios[OURS], peak], limits, strict=True))
    )


if __name__ == "__main__":
    raise SystemExit(main())
