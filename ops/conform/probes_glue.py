"""Probes of Glue: jobs, their logs and messages, crawlers and what they leave in the catalog."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from ops import logs, query
from ops.conform.findings import Finding, NotProbed
from ops.conform.lab import EVENT_SECONDS, Lab
from ops.errors import OpsError

_SCOUT = """
import json, platform, sys
loaded = sys.modules.get("boto3")
print("SCOUT " + json.dumps({
    "argv": sys.argv[1:],
    "python": platform.python_version(),
    "libc": " ".join(platform.libc_ver()),
    "boto3": getattr(loaded, "__version__", None),
    "compiled": [name for name in ("duckdb", "pyarrow", "simplejson") if name in sys.modules],
    "path": sys.path[:4],
}), flush=True)
print("SCOUT on stderr", file=sys.stderr, flush=True)
"""
ARGUMENT = "a b=ü --c 'd'"
OUTPUT, ERROR = "/aws-glue/python-jobs/output", "/aws-glue/python-jobs/error"


_SHELL: dict[str, Any] = {
    "Command": {"Name": "pythonshell", "PythonVersion": "3.9"},
    "DefaultArguments": {"library-set": "none"},
    "MaxCapacity": 0.0625,
}


def _scout(lab: Lab) -> str:
    """Id of a run of a job that tells of its surroundings; made once."""
    if not lab.evidence.scout_run:
        run, ended = tried(lab, "ingest", _SCOUT, {"--probe": ARGUMENT}, **_SHELL)
        if ended["JobRunState"] != "SUCCEEDED":
            told = ended.get("ErrorMessage")
            raise OpsError(f"The scout job ended {ended['JobRunState']}: {told}")
        lab.evidence.scout_run = run
    return lab.evidence.scout_run


def tried(
    lab: Lab, role_of: str, script: str, arguments: dict[str, str], **definition: Any
) -> tuple[str, Any]:
    """Run a job that is made for it, in the role of another; return its run, ended."""
    glue, name = lab.target.glue, f"{lab.name}-scout"
    other = glue.get_job(JobName=lab.target.outputs.job_names[role_of])["Job"]
    key = f"code/{name}/scout.py"
    lab.put(key, script.encode())
    definition["Command"] = {**definition["Command"], "ScriptLocation": f"s3://{lab.bucket}/{key}"}
    glue.create_job(Name=name, Role=other["Role"], Timeout=10, **definition)
    try:
        run = glue.start_job_run(JobName=name, Arguments=arguments)["JobRunId"]
        return run, lab.job_ended(name, run)
    finally:
        glue.delete_job(JobName=name)


def _told(lab: Lab) -> dict[str, Any]:
    """What the scout job has told of its surroundings."""
    run = _scout(lab)

    def look() -> dict[str, Any] | None:
        for line in logs.lines(lab.target, run):
            if line.text.startswith("SCOUT {"):
                document: dict[str, Any] = json.loads(line.text.removeprefix("SCOUT "))
                return document
        return None

    return lab.wait("the log of the scout job", look, EVENT_SECONDS)


def arguments(lab: Lab) -> Finding:
    told = _told(lab)["argv"]
    pairs = dict(zip(told[::2], told[1::2], strict=False))
    own = {"--probe": ARGUMENT}
    more = [name for name in told if name.startswith("--") and name not in own]
    seen = f"--probe is {pairs.get('--probe')!r}; besides it: {', '.join(more) or 'nothing'}"
    names = {name.lower() for name in more}
    return Finding(pairs.get("--probe") == ARGUMENT and "--job_name" not in names, seen)


def runtime(lab: Lab) -> Finding:
    if lab.local:
        raise NotProbed("not on a local AWS, whose jobs have this machine's Python and glibc")
    told = _told(lab)
    loaded = f"boto3 {told['boto3']} is imported already" if told["boto3"] else "no boto3 imported"
    seen = f"Python {told['python']}, {told['libc']}, {loaded}, first on sys.path: {told['path']}"
    return Finding(told["python"].startswith("3.9.") and told["libc"] == "glibc 2.26", seen)


def preloaded(lab: Lab) -> Finding:
    loaded = _told(lab)["compiled"]
    return Finding(not loaded, f"loaded: {', '.join(loaded) or 'none of them'}")


def failed_install(lab: Lab) -> Finding:
    """A job that wants a version without a wheel for its Python: pip fails to build it."""
    modules = {"--additional-python-modules": "pyarrow==21.0.0"}
    _, ended = tried(lab, "ingest", _SCOUT, modules, **_SHELL)
    told = ended.get("ErrorMessage", "no message")
    seen = f"{ended['JobRunState']}: {told}"
    return Finding(told == "Command failed with exit code 1", seen)


def shell_workers(lab: Lab) -> Finding:
    """A Python shell job that is to have workers."""
    glue, name = lab.target.glue, f"{lab.name}-scout"
    ingest = glue.get_job(JobName=lab.target.outputs.job_names["ingest"])["Job"]
    try:
        glue.create_job(
            Name=name, Role=ingest["Role"], Command=ingest["Command"], NumberOfWorkers=2
        )
    except ClientError as error:
        refusal = error.response["Error"]
        seen = f"{refusal['Code']}: {refusal['Message']}"
        return Finding(refusal["Code"] == "InvalidInputException", seen)
    glue.delete_job(JobName=name)
    return Finding(False, "a Python shell job with NumberOfWorkers was made")


def shell_logs(lab: Lab) -> Finding:
    run = _scout(lab)

    def look() -> dict[str, str] | None:
        found = {}
        for group in (OUTPUT, ERROR):
            for line in logs.stream(lab.target, group, run):
                if line.text.startswith("SCOUT"):
                    found[line.text.split("{")[0].strip()] = group
        return found if len(found) == 2 else None

    found = lab.wait("stdout and stderr of a job in the logs", look, EVENT_SECONDS)
    seen = f"stdout in {found['SCOUT']}, stderr in {found['SCOUT on stderr']}, by run id"
    return Finding(found == {"SCOUT": OUTPUT, "SCOUT on stderr": ERROR}, seen)


def failed_run(lab: Lab) -> str:
    """Id of a run of the ingest job that failed, since its dataset does not exist."""
    if not lab.evidence.failed_job_run:
        job = lab.target.outputs.job_names["ingest"]
        arguments_ = {"--dataset": "no_such", "--run-id": f"{lab.name}-fails"}
        run = lab.target.glue.start_job_run(JobName=job, Arguments=arguments_)["JobRunId"]
        lab.job_ended(job, run)
        lab.evidence.failed_job_run = run
    return lab.evidence.failed_job_run


def message(lab: Lab) -> Finding:
    """Glue's own message of a job that raised an exception."""
    job = lab.target.outputs.job_names["ingest"]
    run = lab.target.glue.get_job_run(JobName=job, RunId=failed_run(lab))["JobRun"]
    told = run.get("ErrorMessage", "no message")
    return Finding(told == "Command failed with exit code 1", told)


def pinned_packages(lab: Lab) -> Finding:
    """What the ingest job has logged that it imported, against its pins."""
    job = lab.target.outputs.job_names["ingest"]
    pins = lab.target.glue.get_job(JobName=job)["Job"]["DefaultArguments"]["--pinned-packages"]
    runs = _runs(lab, "ingest")
    run = next((run for run in runs if run["JobRunState"] == "SUCCEEDED"), None)
    if run is None:
        messages = sorted({str(run.get("ErrorMessage")) for run in runs})
        return Finding(False, f"of {len(runs)} runs of the ingest job none succeeded: {messages}")

    def look() -> str | None:
        found = logs.stream(lab.target, OUTPUT, run["Id"])
        return next((line.text for line in found if "bootstrap: " in line.text), None)

    told = lab.wait("the packages in the log of a job", look, EVENT_SECONDS)
    told = told.partition("bootstrap: ")[2]
    logged = dict(part.split(" ", 1) for part in told.split(", ")[2:])
    wanted = dict(pin.split("==") for pin in pins.split(","))
    other = [name for name, version in logged.items() if wanted.get(name) != version]
    return Finding(bool(logged) and not other, told)


def code_rights(lab: Lab) -> Finding:
    runs = _runs(lab, "ingest")
    succeeded = sum(run["JobRunState"] == "SUCCEEDED" for run in runs)
    messages = {run["ErrorMessage"] for run in runs if run.get("ErrorMessage")}
    seen = f"{succeeded} of {len(runs)} runs of the ingest job succeeded"
    denied = [text for text in messages if "denied" in text.lower() or "403" in text]
    return Finding(succeeded > 0 and not denied, "; ".join([seen, *denied]))


def _runs(lab: Lab, job: str) -> list[Any]:
    answer = lab.target.glue.get_job_runs(JobName=lab.target.outputs.job_names[job])
    found: list[Any] = list(answer["JobRuns"])
    if not found:
        raise NotProbed(f"the job {job} has not run")
    return found


def execution_class(lab: Lab) -> Finding:
    told = {
        job: lab.target.glue.get_job(JobName=name)["Job"].get("ExecutionClass")
        for job, name in lab.target.outputs.job_names.items()
    }
    other = {job: value for job, value in told.items() if value is not None}
    return Finding(not other, f"ExecutionClass {other}" if other else "no job has one")


def table_level(lab: Lab) -> Finding:
    outputs = lab.target.outputs
    places = {}
    for layer, database in outputs.database_names.items():
        for page in lab.target.glue.get_paginator("get_tables").paginate(DatabaseName=database):
            for table in page["TableList"]:
                places[f"{layer}/{table['Name']}"] = table["StorageDescriptor"]["Location"]
    other = [
        f"{name} at {place}"
        for name, place in places.items()
        if place.rstrip("/") != f"s3://{lab.bucket}/{name}"
    ]
    if not places:
        return Finding(False, "the crawlers have made no table")
    return Finding(not other, "; ".join(other[:3]) or f"{len(places)} tables, each at its folder")


def empty_target(lab: Lab) -> Finding:
    outputs = lab.target.outputs
    seen, holds = [], True
    for layer in ("raw", "processed"):
        name = outputs.crawler_names[layer]
        if not name or lab.keys(f"{layer}/spare/"):
            raise NotProbed(f"{layer}/spare/ is not empty")
        last = lab.target.glue.get_crawler(Name=name)["Crawler"].get("LastCrawl", {})
        tables = lab.target.glue.get_tables(DatabaseName=outputs.database_names[layer])
        made = "spare" in [table["Name"] for table in tables["TableList"]]
        status = last.get("Status", "never ran")
        holds = holds and status == "SUCCEEDED" and not made
        seen.append(f"{layer}: {status}, {'a' if made else 'no'} table of the empty folder")
    return Finding(holds, "; ".join(seen))


def unreadable_target(lab: Lab) -> Finding:
    """A crawler of a folder that its role may not read."""
    glue, outputs = lab.target.glue, lab.target.outputs
    layer, of = next((layer, name) for layer, name in outputs.crawler_names.items() if name)
    name = f"{lab.name}-try"
    try:
        glue.create_crawler(
            Name=name,
            Role=glue.get_crawler(Name=of)["Crawler"]["Role"],
            DatabaseName=outputs.database_names[layer],
            Targets={"S3Targets": [{"Path": f"s3://{lab.bucket}/code/"}]},
        )
    except ClientError as error:
        refusal = error.response["Error"]
        return Finding(True, f"{refusal['Code']}: {refusal['Message']}")
    glue.delete_crawler(Name=name)
    return Finding(False, "a crawler was made whose role may not read its target")


def no_partition_index(lab: Lab) -> Finding:
    """The role of the crawlers has no right to indexes, and their tables have none."""
    database = lab.target.outputs.database_names["processed"]
    found = lab.target.glue.get_partition_indexes(DatabaseName=database, TableName="returns")
    names = [index["IndexName"] for index in found["PartitionIndexDescriptorList"]]
    return Finding(not names, f"indexes of the table returns: {', '.join(names) or 'none'}")


def partition_values(lab: Lab) -> Finding:
    database = lab.target.outputs.database_names["processed"]
    pages = lab.target.glue.get_paginator("get_partitions").paginate(
        DatabaseName=database, TableName="returns"
    )
    found = {
        partition["Values"][0]: partition["StorageDescriptor"]["Location"]
        for page in pages
        for partition in page["Partitions"]
    }
    folders = {key.split("/")[2].removeprefix("reason=") for key in lab.keys("processed/returns/")}
    seen = ", ".join(sorted(found))
    return Finding(set(found) == folders and bool(folders), f"values {seen}")


def null_partition(lab: Lab) -> Finding:
    answer = query.ask(lab.target, "SELECT reason FROM returns WHERE return_id = 4")
    seen = answer.rows[0][0] if answer.rows else "no row"
    return Finding(answer.rows == [[None]], "null" if seen is None else seen)
