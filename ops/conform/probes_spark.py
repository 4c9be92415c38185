"""Probes of Glue for Spark, on the run that transformed the dataset whose engine is Spark."""

from __future__ import annotations

from typing import Any

from ops import logs
from ops.conform import probes_glue
from ops.conform.findings import Finding, NotProbed
from ops.conform.lab import EVENT_SECONDS, Lab

OUTPUT, ERROR = "/aws-glue/jobs/output", "/aws-glue/jobs/error"
# Takes memory beside the driver's heap, and ends without a Spark session.
_SESSIONLESS = """
import sys
mebibytes = int(sys.argv[sys.argv.index("--mebibytes") + 1])
taken = b"x" * (mebibytes << 20)
print("SCOUT took", len(taken) >> 20, "MiB", flush=True)
"""
# On a local AWS all jobs share this machine's memory.
_MEBIBYTES = ("2048", "64")


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
    run = _run(lab)["Id"]
    found = lab.wait(
        "the log of a Spark job",
        lambda: [one for one in _streams(lab, run) if one.startswith(OUTPUT)] or None,
        EVENT_SECONDS,
    )
    return Finding(f"{OUTPUT}:{run}" in found, f"stdout in {', '.join(found)}")


def _streams(lab: Lab, run: str) -> list[str]:
    """Log streams of a run, each as <group>:<stream>."""
    found = []
    for group in (OUTPUT, ERROR):
        try:
            answer = lab.target.logs.describe_log_streams(
                logGroupName=group, logStreamNamePrefix=run
            )
        except lab.target.logs.exceptions.ResourceNotFoundException:
            continue
        found += [f"{group}:{stream['logStreamName']}" for stream in answer["logStreams"]]
    return found


def no_session(lab: Lab) -> Finding:
    """A job whose script asks for no Spark session."""
    _run(lab)  # without Spark in the deployment there is no role for it
    run, ended = probes_glue.tried(
        lab,
        "transform-spark",
        _SESSIONLESS,
        {"--mebibytes": _MEBIBYTES[lab.local], "--enable-job-insights": "false"},
        Command={"Name": "glueetl", "PythonVersion": "3"},
        GlueVersion="5.1",
        NumberOfWorkers=2,
        WorkerType="G.1X",
    )
    lab.evidence.sessionless_run = run
    said = ended.get(
        "ErrorMessage", f"it took {_MEBIBYTES[lab.local]} MiB beside the driver's heap"
    )
    return Finding(ended["JobRunState"] == "SUCCEEDED", f"{ended['JobRunState']}: {said}")


def job_insights(lab: Lab) -> Finding:
    if not lab.evidence.sessionless_run:
        no_session(lab)
    run = lab.evidence.sessionless_run
    found = lab.wait("the log of a Spark job", lambda: _streams(lab, run) or None, EVENT_SECONDS)
    more = [name for name in found if "insights" in name]
    return Finding(not more, ", ".join(found))
