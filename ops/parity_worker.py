"""Build all tables of a lake with one engine: `parity_worker.py --bucket B --engine E`.

Runs on the interpreter that has Spark, with jobs/ on its path, and not in this process: the jobs
are told by the environment where AWS is. Each step that has ended is a line of JSON on stdout.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import model
import transform
from medallion.errors import LakeError, ModelsFailed
from medallion.lake.objects import Lake, s3_client
from medallion.runs.stage_summary import verdict

RUN_ID = "parity"


def steps(lake: Lake, engine: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """Name and work of each step: the datasets, then the stages, as the pipeline has them."""
    plan = lake.get_json("config/pipeline.json")
    for dataset in plan["datasets"]:
        name = dataset["name"]
        yield f"processed.{name}", partial(transform.run, lake, name, RUN_ID, engine=engine)
    for stage in plan["stages"]:
        name = stage["name"]
        yield f"stage {name}", partial(model.run, lake, name, RUN_ID, engine=engine)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--engine", required=True)
    arguments = parser.parse_args()
    # What is printed along the way is no line of ours.
    lines, sys.stdout = sys.stdout, sys.stderr
    for name, work in steps(Lake(s3_client(), arguments.bucket), arguments.engine):
        started = time.monotonic()
        error = None
        try:
            summary = work()
            # A stage goes on when a model fails, and tells in the end.
            if isinstance(summary, dict) and summary["status"] != "SUCCEEDED":
                error = f"{ModelsFailed.__name__}: {verdict(summary)}"
        except LakeError as failure:
            error = f"{type(failure).__name__}: {failure}"
        seconds = time.monotonic() - started
        line = json.dumps({"step": name, "seconds": seconds, "error": error})
        lines.write(f"{line}\n")
        lines.flush()


if __name__ == "__main__":
    main()
