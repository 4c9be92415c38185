"""Model SQL, as the job translates it, against the SQL that a person writes for DuckDB.

python bench/model_sql.py [--rows 2000000] [--repeat 5] [--cases PATTERN] [--limit 1.25]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from ops.environment import JOB_PYTHON  # noqa: E402 - after the path

CASES = ROOT / "bench/peers/model_cases.py"
_VERSIONS = (
    "import duckdb, platform; "
    "print('duckdb', duckdb.__version__ + ', Python', platform.python_version())"
)


def run(*arguments: str) -> str:
    """Run a script with the interpreter of the jobs; its answer, or the end of the bench."""
    done = subprocess.run(  # noqa: S603 - our own scripts
        [str(JOB_PYTHON), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    return done.stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000, help="(default: 2000000)")
    parser.add_argument("--repeat", type=int, default=5, help="times each case (default: 5)")
    parser.add_argument("--cases", default="", help="a pattern of groups and SQL")
    parser.add_argument("--limit", type=float, help="fail when a group's CPU ratio is higher")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    found = json.loads(run(str(CASES), str(options.rows), str(options.repeat), options.cases))
    lines = [
        f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()}, load {load:.1f} at "
        f"the start; {run('-c', _VERSIONS)}; {options.rows:,} rows, medians of {options.repeat}",
        "",
        "| | CPU, s | plain DuckDB: CPU, s | CPU ratio |",
        "|---|---|---|---|",
    ]
    ratios = []
    for group in dict.fromkeys(case["group"] for case in found):
        members = [case for case in found if case["group"] == group]
        ours, plain = (sum(case[side] for case in members) for side in ("ours", "plain"))
        ratios.append(ours / plain)
        lines.append(f"| {group} | {ours:.2f} | {plain:.2f} | {ratios[-1]:.2f} |")
    lines.append("")
    lines += [
        f"{case['ours'] / case['plain']:5.2f} {case['ours']:6.3f} {case['plain']:6.3f}  "
        f"{case['group']}: {case['sql']}"
        for case in found
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(options.limit is not None and max(ratios) > options.limit)


if __name__ == "__main__":
    raise SystemExit(main())
