"""Probes of Glue for Spark, on the run that transformed the dataset whose engine is Spark."""

from __future__ import annotations

from typing import Any

from ops import logs
from ops.conform.findings import Finding, NotProbed
from ops.conform.lab import EVENT_SECONDS, Lab

OUTPUT = "/aws-glue/jobs/output"


def _run(lab: Lab) -> Any:
    job = lab.target.outputs.job_names.get("transform-spark")
    if job is None:
        raise NotProbed("the Spark job was left out (SPARK=0)")
    runs = lab.target.glue.get_job_runs(JobName=job)["JobRuns"]
    if not runs:
        raise NotProbed(f"the job {job} has not run")
    return runs[0]


def rights(lab: Lab) -> Finding:
    run = _run(lab)
    seen = f"{run['JobRunState']}: {run.get('ErrorMessage', 'its table is published')}"
    return Finding(run["JobRunState"] == "SUCCEEDED", seen)


def modules(lab: Lab) -> Finding:
    run = _run(lab)
    if run["JobRunState"] == "SUCCEEDED":
        return Finding(True, "the script has imported them")
    begun = list(logs.stream(lab.target, OUTPUT, run["Id"]))
    seen = f"{run['JobRunState']}: {run.get('ErrorMessage')}; {len(begun)} lines of the script"
    return Finding(bool(begun), seen)


def script_log(lab: Lab) -> Finding:
    run = _run(lab)
    found = lab.wait(
        "the log of a Spark job",
        lambda: list(logs.stream(lab.target, OUTPUT, run["Id"])) or None,
        EVENT_SECONDS,
    )
    return Finding(True, f"{len(found)} lines of the script in {OUTPUT}")
