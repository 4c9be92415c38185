"""What breaks ends as FAILED, says where and why, and leaves the next run able to finish."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.e2e.lake import Lake, Run, until

pytestmark = pytest.mark.xdist_group("shop")


def assert_heals(lake: Lake) -> None:
    """What was good can be read after the failure; the next run finishes and adds it no row."""
    assert_readable(lake)
    run = lake.run()
    assert run.status == "SUCCEEDED", run.cause
    assert_readable(lake)


def assert_readable(lake: Lake) -> None:
    assert lake.query("SELECT order_id, customer FROM orders WHERE order_id <= 2 ORDER BY 1") == [
        ("1", "ada"),
        ("2", "bob"),
    ]


@contextmanager
def replaced(lake: Lake, key: str, change: Callable[[bytes], bytes]) -> Iterator[None]:
    """Put a newer version of an object over it for a while."""
    changed = change(lake.read(key))
    version = lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=changed)["VersionId"]
    try:
        yield
    finally:
        lake.s3.delete_object(Bucket=lake.bucket, Key=key, VersionId=version)


def last_notification(lake: Lake) -> dict[str, Any]:
    return lake.notifications()[-1]


def test_job__that_exits_with_an_error__fails_its_dataset_alone(orders: Lake) -> None:
    key = "config/datasets/returns.json"

    def spoil(body: bytes) -> bytes:
        contract = json.loads(body)
        contract["columns"][0]["type"] = "number"
        return json.dumps(contract).encode()

    with replaced(orders, key, spoil):
        run = orders.run()
    assert run.status == "FAILED"
    failure = run.failure()
    assert (failure["state"], failure["dataset"]) == ("IngestDataset", "returns")
    assert failure["error"] == "Glue job run FAILED"
    assert "ConfigError" in failure["cause"]
    assert "number" in failure["cause"]
    assert run.dataset("orders")["checks"] == "PASSED"
    # The log that the failure names is there, and tells the same story.
    events = orders.client("logs").get_log_events(
        logGroupName=failure["log_group"], logStreamName=failure["log_stream"]
    )["events"]
    assert any("ConfigError" in event["message"] for event in events)
    message = last_notification(orders)
    assert "FAILED" in message["subject"]
    for part in ("IngestDataset", "returns", failure["job_run_id"], failure["log_group"]):
        assert part in message["message"]
    assert_heals(orders)


@contextmanager
def hanging(lake: Lake, job: str) -> Iterator[None]:
    """Let a job do nothing for ten minutes, in place of its work."""
    script = lake.glue.get_job(JobName=job)["Job"]["Command"]["ScriptLocation"].split("/", 3)[3]
    with replaced(lake, script, lambda _: b"import time\ntime.sleep(600)\n"):
        yield


def test_job__over_its_timeout__fails_and_says_so(orders: Lake) -> None:
    job = orders.outputs["job_names"]["transform"]
    definition = orders.glue.get_job(JobName=job)["Job"]
    changeable = orders.glue.meta.service_model.shape_for("JobUpdate").members
    # AWS takes only one of the two, and reads back both.
    update = {k: v for k, v in definition.items() if k in changeable and k != "AllocatedCapacity"}
    orders.glue.update_job(JobName=job, JobUpdate={**update, "Timeout": 2})
    with hanging(orders, job):
        run = orders.run("orders")
    orders.glue.update_job(JobName=job, JobUpdate={**update, "Timeout": definition["Timeout"]})
    assert run.status == "FAILED"
    failure = run.failure()
    assert (failure["state"], failure["dataset"]) == ("TransformDataset", "orders")
    assert failure["error"] == "Glue job run TIMEOUT"
    assert run.dataset("orders")["ingest"] is not None
    assert_heals(orders)


def test_job__stopped_by_hand__is_no_success(orders: Lake) -> None:
    job = orders.outputs["job_names"]["ingest"]
    with hanging(orders, job):
        execution = orders.start({"datasets": ["orders"]})

        def runs() -> list[str]:
            found = orders.glue.get_job_runs(JobName=job)["JobRuns"]
            return [run["Id"] for run in found if run["JobRunState"] == "RUNNING"]

        running = until(runs, "a job run")
        orders.glue.batch_stop_job_run(JobName=job, JobRunIds=running)
        run = orders.wait(execution)
    assert run.status == "FAILED"
    failure = run.failure()
    assert (failure["state"], failure["dataset"]) == ("IngestDataset", "orders")
    assert failure["error"] == "Glue job run STOPPED"
    assert failure["job_run_id"] == running[0]
    assert_heals(orders)


def test_execution_of_a_dataset__stopped_by_hand__is_told_as_its_failure(orders: Lake) -> None:
    machine = orders.outputs["pipeline_arn"].removesuffix("pipeline") + "dataset"
    with hanging(orders, orders.outputs["job_names"]["ingest"]):
        execution = orders.start({"datasets": ["orders"]})

        def running() -> list[str]:
            found = orders.states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")
            return [one["executionArn"] for one in found["executions"]]

        [arn] = until(running, "an execution for the dataset")
        until(lambda: "IngestDataset" in orders.entered(arn), "its job run")
        orders.states.stop_execution(executionArn=arn)
        run = orders.wait(execution)
    assert run.status == "FAILED"
    failure = run.failure()
    assert (failure["state"], failure["dataset"]) == ("RunDataset", "orders")
    assert failure["error"] == "Execution ABORTED"
    assert failure["cause"] == "The execution ended ABORTED."
    assert_heals(orders)


def test_crawler__that_fails__fails_the_run_with_its_message(orders: Lake) -> None:
    assert orders.run().status == "SUCCEEDED"
    crawl_target = "raw/orders/ingest_date=2026-01-01/broken.parquet"
    orders.s3.put_object(Bucket=orders.bucket, Key=crawl_target, Body=b"not a Parquet file")
    run = orders.run("returns")
    orders.s3.delete_object(Bucket=orders.bucket, Key=crawl_target)
    assert run.status == "FAILED"
    failure = run.failure()
    assert failure["state"] == "CrawlRaw"
    assert failure["error"] == "CrawlFAILED"
    assert "broken.parquet" in failure["cause"]
    assert run.dataset("returns")["checks"] is None
    assert_heals(orders)


def test_crawler__already_running__is_waited_for_and_then_ours_is_started(orders: Lake) -> None:
    assert orders.run().status == "SUCCEEDED"
    crawler = orders.outputs["crawler_names"]["processed"]
    orders.drop("orders", "third.csv", ORDER_3)
    stop = threading.Event()

    def keep_crawling() -> None:
        """Take the crawler before the pipeline does, once it is time to crawl."""
        while not stop.is_set():
            with suppress(orders.glue.exceptions.CrawlerRunningException):
                orders.glue.start_crawler(Name=crawler)
            time.sleep(0.002)

    rival = threading.Thread(target=keep_crawling)
    rival.start()
    try:
        execution = orders.start()
        until(lambda: waited_for_rival(orders), "a wait for the rival")
    finally:
        stop.set()
        rival.join()
    run = orders.wait(execution)
    assert run.status == "SUCCEEDED", run.cause
    assert waited_for_rival(orders)
    assert orders.query("SELECT count(*) FROM orders WHERE order_id = 3") == [("1",)]


def waited_for_rival(lake: Lake) -> bool:
    crawls = lake.executions(lake.outputs["crawl_arn"])
    return any("WaitForEarlierCrawl" in lake.entered(crawl) for crawl in crawls)


ORDER_3 = "order_id,customer,amount,status,placed_on\n3,Cid,1.00,new,2026-03-01\n"


def test_check__that_finds_bad_rows__fails_the_run_and_names_it(orders: Lake) -> None:
    orders.drop(
        "orders", "odd.csv", "order_id,customer,amount,status,placed_on\n9,Eve,1,lost,2026-01-09\n"
    )
    run = orders.run()
    assert run.status == "FAILED"
    failure = run.failure()
    assert (failure["state"], failure["dataset"]) == ("CheckTable", "orders")
    assert failure["error"] == "ChecksFailed"
    assert "status" in failure["cause"]
    assert run.dataset("returns")["checks"] == "PASSED"
    orders.drop(
        "orders", "mend.csv", "order_id,customer,amount,status,placed_on\n9,Eve,1,new,2026-01-10\n"
    )
    assert_heals(orders)


def drop_statement(lake: Lake, role: str, action: str) -> Callable[[], None]:
    """Take every statement that grants an action out of a role; the answer puts them back.

    But for the file in which a job says why it failed: without it, only Glue's message is left.
    """
    iam = lake.client("iam")
    found: list[tuple[str, str]] = []
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        kept = [
            statement
            for statement in document["Statement"]
            if action not in as_list(statement["Action"])
            or all(arn.endswith("/runs/*/errors/*") for arn in as_list(statement["Resource"]))
        ]
        if len(kept) < len(document["Statement"]):
            found.append((policy, json.dumps(document)))
            changed = json.dumps({**document, "Statement": kept})
            iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=changed)
    assert found, f"{role} grants no {action}"

    def restore() -> None:
        for policy, document in found:
            iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=document)

    return restore


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize(
    ("role", "action", "state", "denied"),
    [
        ("shop-transform-job", "s3:DeleteObject", "TransformDataset", "quarantine/orders/"),
        ("shop-crawler", "glue:UpdateTable", "CrawlRaw", "glue:GetDatabase"),
        ("shop-dataset", "glue:StartJobRun", "IngestDataset", "glue:StartJobRun"),
        ("shop-check", "athena:GetPreparedStatement", "CheckTable", "athena:"),
    ],
)
def test_permission__that_is_missing__fails_with_access_denied(
    orders: Lake, role: str, action: str, state: str, denied: str
) -> None:
    restore = drop_statement(orders, role, action)
    orders.drop("orders", "denied.csv", ORDER_3.replace("3,Cid", "4,Dan"))
    try:
        run: Run = orders.run("orders")
    finally:
        restore()
    assert run.status == "FAILED"
    failures = [item for item in run.result["failures"] if item["state"] == state]
    assert failures, run.result["failures"]
    said = failures[0]["error"] + " " + failures[0]["cause"]
    assert "AccessDenied" in said
    assert denied in said
    assert_heals(orders)


def test_input__that_names_an_unknown_dataset__is_refused(orders: Lake) -> None:
    run = orders.run(datasets=["order", 7])
    assert run.status == "FAILED"
    assert '["order",7]. Configured are: orders, returns' in run.failure()["cause"]
