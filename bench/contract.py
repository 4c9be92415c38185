"""A contract's statement, and the whole transform, against plain DuckDB that does the same.

python bench/contract.py [--rows 400000] [--repeat 5] [--memory-mb 2000] [--limits 1.3,1.25]
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
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from ops.environment import JOB_PYTHON  # noqa: E402 - after the path

LINEITEM = ROOT / "bench/peers/lineitem.py"
# The case of `lineitem.py`, and what it is compared with.
PAIRS = {
    "contract's statement": ("contract", "statement"),
    "whole transform": ("job", "copy"),
}
_VERSIONS = (
    "import duckdb, platform, pyarrow; "
    "print('duckdb', duckdb.__version__ + ', pyarrow', pyarrow.__version__ + ', Python', "
    "platform.python_version())"
)
_GENERATE = (
    "import lineitem, pathlib, sys; lineitem.generate(int(sys.argv[1]), pathlib.Path(sys.argv[2]))"
)

# What is shown of a case, and with how many digits.
_SHOWN = {"cpu": 2, "wall": 2, "peak": 0}


def run(*arguments: str) -> str:
    """Run a script with the interpreter of the jobs; its answer, or the end of the bench."""
    done = subprocess.run(  # noqa: S603 - our own scripts
        [str(JOB_PYTHON), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(LINEITEM.parent)},
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    return done.stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=400_000, help="of lineitem (default: 400000)")
    parser.add_argument("--repeat", type=int, default=5, help="times each case (default: 5)")
    parser.add_argument("--memory-mb", type=int, default=2000, help="of DuckDB (default: 2000)")
    parser.add_argument(
        "--limits", help="fail when the CPU of statement or transform is more than this many times"
    )
    options = parser.parse_args()
    machine = f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()}"
    lines = [
        f"{machine}; {run('-c', _VERSIONS)}; {options.rows:,} rows, "
        f"--memory-mb {options.memory_mb}, medians of {options.repeat}",
        "",
        "| | CPU, s | wall, s | peak, MB | plain DuckDB: CPU, s | wall, s | peak, MB | CPU ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    found: dict[str, list[dict[str, float]]] = {
        case: [] for pair in PAIRS.values() for case in pair
    }
    with tempfile.TemporaryDirectory(prefix="bench-raw-") as folder:
        raw = f"{folder}/raw.parquet"
        run("-c", _GENERATE, str(options.rows), raw)
        for turn in range(options.repeat):
            for case, answers in found.items():
                sys.stderr.write(f"  {turn + 1} of {options.repeat}: {case}\n")
                answers.append(json.loads(run(str(LINEITEM), case, raw, str(options.memory_mb))))
    ratios = []
    for name, pair in PAIRS.items():
        ours, plain = (
            {what: statistics.median(each[what] for each in found[case]) for what in _SHOWN}
            for case in pair
        )
        ratios.append(ours["cpu"] / plain["cpu"])
        cells = [
            f"{each[what]:.{digits}f}" for each in (ours, plain) for what, digits in _SHOWN.items()
        ]
        lines.append(f"| {name} | {' | '.join(cells)} | {ratios[-1]:.2f} |")
    sys.stdout.write("\n".join(lines) + "\n")
    limits = [float(limit) for limit in options.limits.split(",")] if options.limits else []
    return int(any(ratio > limit for ratio, limit in zip(ratios, limits, strict=False)))


if __name__ == "__main__":
    raise SystemExit(main())
