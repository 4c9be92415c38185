"""The `model` job against its peers on the models of the flights example, in one run.

python bench/models.py [--scales 1,10] [--repeat 3] [--limit-percent 25]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "jobs")]

from bench.peers.scaled_lake import Scaled, fill  # noqa: E402 - after the paths
from local.glue import spark  # noqa: E402
from local.server import environment  # noqa: E402
from ops import arrivals, deploy, examples, localaws  # noqa: E402
from ops.environment import JOB_PYTHON, PYTHON, STATE  # noqa: E402

PEERS = ROOT / "bench/peers"
SPARK_VENV = ROOT / ".venv-spark"
OWN_STATE = STATE / "bench"
PEER = "DuckDB, local files"


@dataclass
class Case:
    """One thing that is measured, and its times in seconds.

    Attributes
    ----------
    name
        As the table has it.
    process
        Wall time of all its processes, from start to end.
    cpu
        Seconds of processor time of these processes, which other load does not change much;
        without that of Spark's JVM, for which nobody waits.
    work
        Time in the process once the interpreter and its modules are there; for Spark, with the
        start of the session.
    parts
        Further times of which the work consists.
    """

    name: str
    process: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)
    parts: dict[str, list[float]] = field(default_factory=dict)


class Bench:
    """Runs the cases on one lake."""

    def __init__(self, scaled: Scaled, endpoint: str, folder: Path) -> None:
        self._scaled = scaled
        self._folder = folder
        base = {**environment(endpoint), "PYTHONPATH": str(ROOT / "jobs"), "TMPDIR": str(folder)}
        self._plain = base
        self._spark = {**base, **spark.environment(SPARK_VENV, endpoint, folder / "spark")}

    def cases(self) -> Mapping[str, Callable[[Case], None]]:
        spark_python = spark.python_of(SPARK_VENV)
        return {
            "job on DuckDB": lambda case: self._job(case, JOB_PYTHON, self._plain),
            "same, S3 watched": self._watched,
            PEER: lambda case: self._peer(case, JOB_PYTHON, "plain_duckdb.py", self._plain),
            "the same, rows in order": lambda case: self._peer(
                case, JOB_PYTHON, "plain_duckdb.py", self._plain, "--ordered"
            ),
            "pandas, local files": lambda case: self._peer(
                case, PYTHON, "plain_pandas.py", self._plain
            ),
            "job on Spark": lambda case: self._job(case, spark_python, self._spark, "spark"),
            "Spark, local files": lambda case: self._peer(
                case, spark_python, "plain_spark.py", self._spark
            ),
        }

    def _job(
        self, case: Case, python: Path, environ: Mapping[str, str], engine: str | None = None
    ) -> None:
        """Run the job as Glue does: a process for each stage, one after the other."""
        self._scaled.forget_models()
        process = 0.0
        for stage in self._scaled.stages:
            command = [str(python), str(ROOT / "jobs/model.py"), "--stage", stage]
            command += ["--bucket", self._scaled.bucket, "--run-id", "bench"]
            if engine:
                code = (
                    f"import model; model.run.__kwdefaults__['engine'] = {engine!r}; model.main()"
                )
                command[1:2] = ["-c", code]
            process += self._process(command, environ)[0]
        case.process.append(process)
        case.work.append(self._scaled.seconds("bench"))

    def _watched(self, case: Case) -> None:
        self._scaled.forget_models()
        command = [str(JOB_PYTHON), str(PEERS / "traced_job.py"), self._scaled.bucket, "bench"]
        process, answer = self._process([*command, *self._scaled.stages], self._plain)
        case.process.append(process)
        self._scaled.seconds("bench")  # that it has succeeded
        case.work.append(answer.pop("seconds"))
        for name, seconds in answer.items():
            case.parts.setdefault(name, []).append(seconds)

    def _peer(
        self, case: Case, python: Path, script: str, environ: Mapping[str, str], *options: str
    ) -> None:
        out = self._folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        command = [str(python), str(PEERS / script), str(self._scaled.folder), str(out)]
        command += options
        process, answer = self._process(command, environ)
        case.process.append(process)
        case.work.append(answer["seconds"])

    def _process(
        self, command: list[str], environ: Mapping[str, str]
    ) -> tuple[float, dict[str, float]]:
        """Wall time of a process, and the JSON of its last line if that is one."""
        started = time.monotonic()
        done = subprocess.run(  # noqa: S603 - our own scripts
            command,
            cwd=self._folder,
            env=dict(environ),
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - started
        if done.returncode:
            raise SystemExit(
                f"{' '.join(command)} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
            )
        last = done.stdout.strip().splitlines()[-1:] or [""]
        return seconds, json.loads(last[0]) if last[0].startswith("{") else {}


def table(cases: list[Case], scaled: Scaled) -> list[str]:
    """Lines of the results of one scale, as Markdown."""
    peer = next(case for case in cases if case.name == PEER)
    base = statistics.median(peer.work)
    lines = [
        f"x{scaled.scale}: {scaled.rows:,} rows of flights, {scaled.size / 1e6:.1f} MB of Parquet",
        "",
        "| | processes, s | CPU, s | work, s | work against plain DuckDB | of which |",
        "|---|---|---|---|---|---|",
    ]
    for case in cases:
        work = statistics.median(case.work)
        cpu = "-" if "Spark" in case.name else f"{statistics.median(case.cpu):.2f}"
        parts = ", ".join(f"{n} {statistics.median(s):.2f} s" for n, s in case.parts.items())
        lines.append(
            f"| {case.name} | {statistics.median(case.process):.2f} "
            f"| {cpu} | {work:.2f} | {work / base:.2f} | {parts} |"
        )
    return lines


def machine() -> str:
    """What it was measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    packages = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "pyarrow", "pandas"))
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, {platform.system()}; "
        f"{packages}, Spark {_spark_version()}; the job on {_python(JOB_PYTHON)}"
    )


def _spark_version() -> str:
    found = sorted(SPARK_VENV.glob("lib/python3*/site-packages/pyspark-*.dist-info"))
    return found[0].name.split("-")[1].removesuffix(".dist") if found else "missing"


def _python(python: Path) -> str:
    done = subprocess.run([python, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout.strip()


def measure(scaled: Scaled, endpoint: str, repeat: int, wanted: str) -> list[Case]:
    """Run the cases in turn, `repeat` times, so that none has the machine's good hour."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        bench = Bench(scaled, endpoint, Path(temporary))
        cases = {n: run for n, run in bench.cases().items() if re.search(wanted, n) or n == PEER}
        found = {name: Case(name) for name in cases}
        for turn in range(repeat):
            for name, run in cases.items():
                print(f"  x{scaled.scale}, {turn + 1} of {repeat}: {name}", file=sys.stderr)  # noqa: T201
                before = _cpu_of_children()
                run(found[name])
                found[name].cpu.append(_cpu_of_children() - before)
    return list(found.values())


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scales", default="1,10", help="times the rows (default: 1,10)")
    parser.add_argument("--repeat", type=int, default=3, help="times each case (default: 3)")
    parser.add_argument("--cases", default="", help="pattern of the cases to run (default: all)")
    parser.add_argument("--limit-percent", type=float, help="fail above this overhead")
    options = parser.parse_args()
    spark.ensure(SPARK_VENV, print)
    print(machine())  # noqa: T201
    overhead = 0.0
    try:
        example = examples.load("flights")
        target = deploy.bring_up(example, state=OWN_STATE)
        assert target.session is not None
        arrivals.load(target, example, state=OWN_STATE)
        for scale in map(int, options.scales.split(",")):
            with tempfile.TemporaryDirectory(prefix="bench-lake-") as folder:
                scaled = fill(target.s3, target.outputs.bucket_name, scale, Path(folder))
                cases = measure(scaled, target.session.endpoint, options.repeat, options.cases)
                scaled.drop()
            print("\n" + "\n".join(table(cases, scaled)))  # noqa: T201
            job, peer = (
                statistics.median(next(case.work for case in cases if case.name == name))
                for name in ("job on DuckDB", PEER)
            )
            overhead = 100 * (job / peer - 1)
    finally:
        localaws.stop(OWN_STATE)
    print(f"\nOverhead of the job over DuckDB on local files: {overhead:.0f} %")  # noqa: T201
    return 1 if options.limit_percent is not None and overhead > options.limit_percent else 0


if __name__ == "__main__":
    raise SystemExit(main())
