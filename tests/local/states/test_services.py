"""The ``.sync`` integrations of Glue and Athena, with the services of local/ behind them."""

from __future__ import annotations

import json
from typing import Any

from tests.local.conftest import Aws, allow, unique, until
from tests.local.states.test_jsonata import PASS, states
from tests.local.states.test_tasks import task, types


def job(aws: Aws, script: str, *, runs: int = 1, timeout: int = 10) -> str:
    bucket, name = aws.bucket(), unique("job")
    aws.client("s3").put_object(Bucket=bucket, Key="job.py", Body=script.encode())
    read = allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*")
    role = aws.role(read, allow("logs:*", "*"), service="glue.amazonaws.com")
    aws.client("glue").create_job(
        Name=name,
        Role=role,
        Command={
            "Name": "pythonshell",
            "PythonVersion": "3.9",
            "ScriptLocation": f"s3://{bucket}/job.py",
        },
        Timeout=timeout,
        ExecutionProperty={"MaxConcurrentRuns": runs},
    )
    return name


def run_job(name: str, **more: Any) -> dict[str, Any]:
    resource = "arn:aws:states:::glue:startJobRun.sync"
    return task(resource, {"JobName": name, "Arguments": {"--n": "{% '5' %}"}}, **more)


def test_glue__returns_the_run_flat_with_times_in_milliseconds(aws: Aws) -> None:
    name = job(aws, "import sys\nprint(sys.argv)\n")
    result = aws.run(states(Run=run_job(name)))
    assert result["status"] == "SUCCEEDED", result.get("cause")
    output = result["output"]
    assert (output["JobName"], output["JobRunState"]) == (name, "SUCCEEDED")
    assert output["Arguments"] == {"--n": "5"}
    assert output["StartedOn"] > 1_700_000_000_000
    history = types(aws, result["executionArn"])
    assert history[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]


def test_glue__failed_run_is_the_cause(aws: Aws) -> None:
    name = job(aws, "raise SystemExit('no luck')\n")
    catch = [
        {
            "ErrorEquals": ["States.TaskFailed"],
            "Output": "{% $parse($states.errorOutput.Cause) %}",
            "Next": "After",
        }
    ]
    result = aws.run(states(Run=run_job(name, Catch=catch), After=PASS))
    assert result["status"] == "SUCCEEDED", result.get("cause")
    output = result["output"]
    assert output["JobRunState"] == "FAILED"
    assert output["Id"].startswith("jr_")
    assert output["ErrorMessage"] == "Command failed with exit code 1"


def test_glue__timeout_of_the_task_stops_the_run(aws: Aws) -> None:
    name = job(aws, "import time\ntime.sleep(60)\n")
    result = aws.run(states(Run=run_job(name, TimeoutSeconds=2)))
    assert (result["status"], result["error"]) == ("FAILED", "States.Timeout")

    def stopped() -> bool:
        run = aws.client("glue").get_job_runs(JobName=name)["JobRuns"][0]
        return run["JobRunState"] in ("STOPPING", "STOPPED")

    until(lambda: stopped() or None, "the run to be stopped")


def test_glue__too_many_runs_are_named_as_on_aws(aws: Aws) -> None:
    name = job(aws, "import time\ntime.sleep(60)\n")
    aws.client("glue").start_job_run(JobName=name)
    result = aws.run(states(Run=run_job(name)))
    assert result["error"] == "Glue.ConcurrentRunsExceededException"
    runs = aws.client("glue").get_job_runs(JobName=name)["JobRuns"]
    aws.client("glue").batch_stop_job_run(JobName=name, JobRunIds=[runs[0]["Id"]])


QUERY = "arn:aws:states:::athena:startQueryExecution.sync"


def query(aws: Aws, sql: str) -> dict[str, Any]:
    bucket, group = aws.bucket(), unique("group")
    location = {"OutputLocation": f"s3://{bucket}/results/"}
    aws.client("athena").create_work_group(
        Name=group, Configuration={"ResultConfiguration": location}
    )
    return {"QueryString": sql, "WorkGroup": group}


def test_athena__query_and_its_results(aws: Aws) -> None:
    wait = task(QUERY, query(aws, "SELECT 41 + 1 AS n, 'a' AS t"), Next="Read")
    del wait["End"]
    read = task(
        "arn:aws:states:::athena:getQueryResults",
        {"QueryExecutionId": "{% $states.input.QueryExecution.QueryExecutionId %}"},
        Output="{% $states.result.ResultSet.Rows[1].Data.VarCharValue %}",
    )
    result = aws.run(states(Ask=wait, Read=read))
    assert result["status"] == "SUCCEEDED", result.get("cause")
    assert result["output"] == ["42", "a"]


def test_athena__failed_query_is_the_cause(aws: Aws) -> None:
    result = aws.run(states(Ask=task(QUERY, query(aws, "SELECT nothing FROM nowhere"))))
    assert (result["status"], result["error"]) == ("FAILED", "States.TaskFailed")
    status = json.loads(result["cause"])["QueryExecution"]["Status"]
    assert status["State"] == "FAILED"
    assert isinstance(status["SubmissionDateTime"], int)


def test_athena__request_error_and_missing_permission(aws: Aws) -> None:
    machine = states(Ask=task(QUERY, {"QueryString": "SELECT 1", "WorkGroup": unique("none")}))
    assert aws.run(machine)["error"] == "Athena.InvalidRequestException"
    arguments = query(aws, "SELECT 1")
    machine = states(Ask=task(QUERY, arguments))
    result = aws.run(aws.machine(machine, aws.role(allow("s3:*", "*"))))
    assert result["error"] == "Athena.AmazonAthenaException"
    assert "not authorized to perform: athena:StartQueryExecution" in result["cause"]
    assert "Error Code: AccessDeniedException" in result["cause"]
    assert f"workgroup/{arguments['WorkGroup']}" in result["cause"]


def test_crawler__is_started_and_read(aws: Aws) -> None:
    bucket, name, database = aws.bucket(), unique("crawler"), unique("db")
    glue = aws.client("glue")
    glue.create_database(DatabaseInput={"Name": database})
    role = aws.role(allow("*", "*"), service="glue.amazonaws.com")
    targets = {"S3Targets": [{"Path": f"s3://{bucket}/raw/x/"}]}
    glue.create_crawler(Name=name, Role=role, DatabaseName=database, Targets=targets)
    look: dict[str, Any] = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:glue:getCrawler"}
    look |= {"Arguments": {"Name": name}}
    ready = {"Condition": "{% $states.input.Crawler.State = 'READY' %}", "Next": "Done"}
    result = aws.run(
        states(
            Start={
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:glue:startCrawler",
                "Arguments": {"Name": name},
                "Next": "Look",
            },
            Look={**look, "Next": "Ready"},
            Ready={"Type": "Choice", "Choices": [ready], "Default": "Pause"},
            Pause={"Type": "Wait", "Seconds": 1, "Next": "Look"},
            Done={**PASS, "Output": "{% $states.input.Crawler.LastCrawl %}"},
        ),
    )
    assert result["status"] == "SUCCEEDED", result.get("cause")
    assert result["output"]["Status"] == "SUCCEEDED"
    assert result["output"]["StartTime"].endswith("Z")
