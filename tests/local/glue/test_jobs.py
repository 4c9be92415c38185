"""Glue job runs are real processes: arguments, role, logs, time-outs, states."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from local.glue.job_process import JobProcess
from local.s3.blobs import LARGE
from local.server import LocalAws
from tests.local.conftest import Aws, allow, until
from tests.local.glue.jobs import Jobs

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID",
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "HOME",
    "LANG",
    "NO_PROXY",
    "PATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONNOUSERSITE",
    "PYTHONPATH",
    "PYTHONUNBUFFERED",
    "TMPDIR",
    "TZ",
}


@pytest.fixture(scope="module")
def jobs(aws: Aws) -> Jobs:
    return Jobs(aws)


# ------------------------------------------------------------------------------ what a run gets


def test_run__gets_merged_arguments_and_none_of_glues_identifiers(jobs: Jobs) -> None:
    name = jobs.job(
        "import sys, json; print(json.dumps(sys.argv[1:]))",
        DefaultArguments={"--a": "default", "--b": "default", "library-set": "none"},
        NonOverridableArguments={"--fixed": "1"},
    )
    run = jobs.start(name, Arguments={"--b": "run", "--fixed": "2"})
    assert jobs.finish(name, run)["JobRunState"] == "SUCCEEDED"
    argv = json.loads(jobs.lines(run)[0])
    given = dict(zip(argv[::2], argv[1::2], strict=True))
    script = f"s3://{jobs.bucket}/code/{name}.py"
    assert given == {"--a": "default", "--b": "run", "--fixed": "1", "--scriptLocation": script}


def test_run__sees_its_role_and_nothing_of_the_server(jobs: Jobs) -> None:
    role = jobs.role()
    script = """
import boto3, json, os, sys, tempfile
print(json.dumps(dict(os.environ)))
print(boto3.client("sts").get_caller_identity()["Arn"])
print(tempfile.gettempdir(), os.getcwd(), os.path.expanduser("~"), flush=True)
"""
    run = jobs.run(script, role)
    assert run["JobRunState"] == "SUCCEEDED", run
    lines = jobs.lines(run["Id"])
    environment = json.loads(lines[0])
    assert lines[1].endswith(f"assumed-role/{role.split('/')[-1]}/GlueJobRunnerSession")
    assert len(set(lines[2].split())) == 1
    assert environment["AWS_ENDPOINT_URL"] == jobs.aws.endpoint
    assert environment["AWS_REGION"] == "us-east-1"
    assert environment["HOME"] != os.environ.get("HOME")
    assert {name for name in environment if not name.startswith(("__", "LC_"))} == ENVIRONMENT
    assert "jobs" not in environment["PYTHONPATH"].split("/")[-1]


def test_run__imports_extra_modules(jobs: Jobs) -> None:
    files = [jobs.put("one_module.py", "X = 1"), jobs.put("two_module.py", "import one_module")]
    run = jobs.run(
        "import two_module; print(two_module.one_module.X)",
        DefaultArguments={"--extra-py-files": ", ".join(files)},
    )
    assert jobs.lines(run["Id"]) == ["1"]


def test_run__leaves_no_files_behind(jobs: Jobs) -> None:
    run = jobs.run("import os; print(os.getcwd()); open('big', 'w').write('x')")
    directory = Path(jobs.lines(run["Id"])[0])
    assert directory.name == run["Id"]
    assert not directory.exists()


# --------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("class LakeError(Exception): pass\nraise LakeError('no such dataset')", 1),
        ("raise SystemExit('no such dataset')", 1),
        ("raise SystemExit(3)", 3),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137),
    ],
)
def test_failure__only_the_log_says_more_than_the_exit_code(
    jobs: Jobs, script: str, code: int
) -> None:
    run = jobs.run(script)
    found = (run["JobRunState"], run["ErrorMessage"])
    assert found == ("FAILED", f"Command failed with exit code {code}")
    said = "no such dataset" in "".join(jobs.lines(run["Id"], "error"))
    assert said == (code == 1)
    assert jobs.lines(run["Id"], "output") == []


def test_missing_permission__fails_with_access_denied(jobs: Jobs) -> None:
    listing = f"import boto3; boto3.client('s3').list_objects_v2(Bucket={jobs.bucket!r})"
    run = jobs.run(listing)
    assert run["JobRunState"] == "FAILED"
    said = jobs.lines(run["Id"], "error")[-1]
    assert "AccessDenied" in said
    assert "s3:ListBucket" in said
    bucket = allow("s3:ListBucket", f"arn:aws:s3:::{jobs.bucket}")
    assert jobs.run(listing, jobs.role(bucket))["JobRunState"] == "SUCCEEDED"


@pytest.mark.parametrize("missing", ["s3:GetObject", "logs:CreateLogStream"])
def test_missing_permission__of_the_start_fails_the_run(jobs: Jobs, missing: str) -> None:
    deny = {"Effect": "Deny", "Action": missing, "Resource": "*"}
    run = jobs.run("print(1)", jobs.role(deny))
    assert run["JobRunState"] == "FAILED"
    assert f"is not authorized to perform: {missing}" in run["ErrorMessage"]


def test_role__that_does_not_trust_glue_fails_the_run(jobs: Jobs) -> None:
    role = jobs.aws.role(allow("*", "*"), service="states.amazonaws.com")
    run = jobs.run("print(1)", role)
    assert run["JobRunState"] == "FAILED"
    assert "is not allowed to assume role" in run["ErrorMessage"]


def test_script__that_is_a_large_object_is_run(jobs: Jobs) -> None:
    run = jobs.run("# " + "x" * 2 * LARGE + "\nprint('read to the end')")
    assert run["JobRunState"] == "SUCCEEDED"
    assert jobs.lines(run["Id"]) == ["read to the end"]


def test_module__that_the_interpreter_lacks_fails_the_run(jobs: Jobs) -> None:
    wanted = "duckdb==1.4.4"  # has wheels for Glue
    run = jobs.run("print(1)", DefaultArguments={"--additional-python-modules": wanted})
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"] == "Command failed with exit code 1"
    said = jobs.lines(run["Id"], "error")[0]
    assert wanted in said
    assert "--job-python" in said


@pytest.mark.parametrize(
    ("settings", "pin", "message", "log"),
    [
        (
            {},
            "pyarrow==21.0.0",
            "Command failed with exit code 1",
            "python-jobs",
        ),
        (
            {"GlueVersion": "5.1", "Command": {"Name": "glueetl", "ScriptLocation": "s3://b/k"}},
            "simplejson==3.17.6",
            "LAUNCH ERROR | Python Module Installer indicates modules that failed to install",
            "jobs",
        ),
    ],
    ids=["python shell", "spark"],
)
def test_module__without_a_wheel_for_the_runtime_fails_the_run(
    jobs: Jobs, settings: dict[str, Any], pin: str, message: str, log: str
) -> None:
    """A pin of pyarrow 21 went through all tests, and no job on AWS would have started."""
    modules = {"--additional-python-modules": f"six==1.17.0, {pin}"}
    run = jobs.run("print(1)", DefaultArguments=modules, **settings)
    assert run["JobRunState"] == "FAILED"
    assert message in run["ErrorMessage"]
    group = f"/aws-glue/{log}/error"
    events = jobs.logs.get_log_events(logGroupName=group, logStreamName=run["Id"])["events"]
    assert "Could not find a version that satisfies" in events[0]["message"]
    assert f"No matching distribution found for {pin}" in events[0]["message"]


def test_module__of_which_the_table_says_nothing_is_refused(jobs: Jobs) -> None:
    modules = {"--additional-python-modules": "six==1.17.0,none_such==1.0"}
    name = jobs.job("print(1)", DefaultArguments=modules)
    refused = jobs.glue.exceptions.InvalidInputException
    with pytest.raises(
        refused, match=r"none-such==1.0.*python -m local.glue.wheels none-such==1.0$"
    ):
        jobs.start(name)
    jobs.start(name, Arguments={"--additional-python-modules": "six==1.17.0"})


def test_timeout__kills_the_process_and_its_children(jobs: Jobs, tmp_path: Path) -> None:
    script = f"""
import subprocess, sys, os, pathlib
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path({str(tmp_path / "pids")!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
print("sleeping", flush=True)
child.wait()
"""
    run = jobs.run(script, Timeout=1)
    assert run["JobRunState"] == "TIMEOUT"
    assert "time-out of 1 minutes" in run["ErrorMessage"]
    assert run["ExecutionTime"] >= 1
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]

    def gone() -> bool:
        return not any(psutil.pid_exists(p) and _alive(p) for p in pids)

    until(gone, "the processes to end")
    assert jobs.lines(run["Id"]) == ["sleeping"]


def _alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


# ------------------------------------------------------------------------------ states and lists


def test_logs__are_there_while_the_job_runs_and_stop_ends_it(jobs: Jobs) -> None:
    name = jobs.job("import time\nprint('begun', flush=True)\ntime.sleep(60)")
    run = jobs.start(name)
    until(lambda: jobs.lines(run) == ["begun"], "the first line")
    assert jobs.get(name, run)["JobRunState"] == "RUNNING"
    answer = jobs.glue.batch_stop_job_run(JobName=name, JobRunIds=[run, "jr_none"])
    assert [one["JobRunId"] for one in answer["SuccessfulSubmissions"]] == [run]
    assert answer["Errors"][0]["ErrorDetail"]["ErrorCode"] == "EntityNotFoundException"
    assert jobs.finish(name, run)["JobRunState"] == "STOPPED"


def test_concurrent_runs__beyond_the_limit_are_refused(jobs: Jobs) -> None:
    name = jobs.job("import time; time.sleep(60)")
    run = jobs.start(name)
    with pytest.raises(jobs.glue.exceptions.ConcurrentRunsExceededException):
        jobs.start(name)
    jobs.glue.batch_stop_job_run(JobName=name, JobRunIds=[run])
    jobs.finish(name, run)
    jobs.glue.batch_stop_job_run(JobName=name, JobRunIds=[jobs.start(name)])


def test_more_runs_than_cores__wait_and_all_succeed(jobs: Jobs) -> None:
    name = jobs.job("import time; time.sleep(0.3)", ExecutionProperty={"MaxConcurrentRuns": 9})
    runs = [jobs.start(name) for _ in range(9)]
    states = [jobs.get(name, run)["JobRunState"] for run in runs]
    assert "STARTING" in states
    assert {jobs.finish(name, run)["JobRunState"] for run in runs} == {"SUCCEEDED"}
    listed = jobs.glue.get_job_runs(JobName=name, MaxResults=5)
    assert [run["Id"] for run in listed["JobRuns"]] == runs[:3:-1]
    rest = jobs.glue.get_job_runs(JobName=name, NextToken=listed["NextToken"])
    assert len(rest["JobRuns"]) == 4


def test_unknown__job_and_run(jobs: Jobs) -> None:
    missing = jobs.glue.exceptions.EntityNotFoundException
    with pytest.raises(missing, match="missing metadata"):
        jobs.start("nobody")
    with pytest.raises(missing):
        jobs.glue.get_job_runs(JobName="nobody")
    name = jobs.job("print(1)")
    with pytest.raises(missing):
        jobs.get(name, "jr_x")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"Command": {"Name": "glueray", "ScriptLocation": "s3://b/k"}}, "glueray"),
        ({"MaxRetries": 2}, "MaxRetries 2: retries by Glue are not emulated"),
        ({"GlueVersion": "5.1"}, "GlueVersion 5.1: Python shell jobs have 3.0, 1.0 or none"),
    ],
)
def test_start__of_what_is_not_emulated_is_refused(
    jobs: Jobs, settings: dict[str, Any], words: str
) -> None:
    name = jobs.job("print(1)", **settings)
    with pytest.raises(jobs.glue.exceptions.InvalidInputException, match=words):
        jobs.start(name)


def test_job__reads_back_without_drift_and_updates(jobs: Jobs) -> None:
    name = jobs.job("print(1)", MaxCapacity=1.0, DefaultArguments={"--a": "1"}, Tags={"k": "v"})
    job = jobs.glue.get_job(JobName=name)["Job"]
    assert not {"ExecutionClass", "WorkerType", "Connections", "NonOverridableArguments"} & set(job)
    assert (job["MaxCapacity"], job["Timeout"], job["MaxRetries"]) == (1.0, 60, 0)
    arn = f"arn:aws:glue:us-east-1:123456789012:job/{name}"
    assert jobs.glue.get_tags(ResourceArn=arn)["Tags"] == {"k": "v"}
    update = {key: job[key] for key in ("Role", "Command")}
    jobs.glue.update_job(JobName=name, JobUpdate={**update, "Timeout": 5})
    changed = jobs.glue.get_job(JobName=name)["Job"]
    assert changed["Timeout"] == 5
    assert "DefaultArguments" not in changed
    with pytest.raises(jobs.glue.exceptions.AlreadyExistsException):
        jobs.glue.create_job(Name=name, **update)


def test_deleted_job__forgets_its_runs(jobs: Jobs) -> None:
    name = jobs.job("print(1)")
    run = jobs.start(name)
    jobs.finish(name, run)
    jobs.glue.delete_job(JobName=name)
    with pytest.raises(jobs.glue.exceptions.EntityNotFoundException):
        jobs.get(name, run)


def test_server_stop__ends_the_jobs(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    with LocalAws() as server:
        jobs = Jobs(Aws(server.endpoint, server))
        write = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid()))"
        jobs.start(jobs.job(f"{write}; time.sleep(60)"))
        pid = int(until(lambda: (mark.exists() and mark.read_text()) or None, "the job"))
        assert _alive(pid)
    until(lambda: not _alive(pid), "the job to end")


# -------------------------------------------------------------------------------- the process


def test_process__passes_lines_on_while_it_runs(tmp_path: Path) -> None:
    seen: list[tuple[str, str, float]] = []
    begun = time.monotonic()

    def log(stream: str, lines: list[str]) -> None:
        seen.extend((stream, line, time.monotonic() - begun) for line in lines)

    script = "echo one; sleep 1; echo two; echo three >&2; exit 4"
    ended = JobProcess(["/bin/sh", "-c", script], tmp_path, {}, log).wait(10)
    assert (ended.code, ended.timed_out, ended.error_tail[-1]) == (4, False, "three")
    assert [(stream, line) for stream, line, _ in seen] == [
        ("output", "one"),
        ("output", "two"),
        ("error", "three"),
    ]
    assert seen[0][2] < 0.9


def test_process__that_leaves_a_child_on_its_pipe_ends(tmp_path: Path) -> None:
    begun = time.monotonic()
    process = JobProcess(["/bin/sh", "-c", "sleep 30 & echo x"], tmp_path, {}, lambda *_: None)
    assert process.wait(20).code == 0
    assert time.monotonic() - begun < 5
