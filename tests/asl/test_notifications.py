"""What the mails and the metrics of a run say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.asl.machines import States, read, said, walk
from tests.deployments import Deployment

pytestmark = pytest.mark.xdist_group("terraform-module")


@pytest.fixture
def notify(deployment: Deployment) -> States:
    return read("notify", deployment)


def rows(**counts: int) -> dict[str, int]:
    return {"in": 0, "out": 0, "refused": 0, "duplicate": 0, "filtered": 0, **counts}


REFUSED_FILE = {
    "file": "incoming/orders/torn.csv",
    "moved_to": "quarantine/orders/files/2026-01-01/torn-0.csv",
    "reason": "the header has no column order_id",
}
ORDERS: dict[str, Any] = {
    "dataset": "orders",
    "ingest": {
        "rows": {"in": 12, "out": 10, "refused": 2},
        "files": {"in": 7, "accepted": 2, "refused": 5, "unchanged": 0},
        "refused_files": [{**REFUSED_FILE, "file": f"incoming/orders/{n}.csv"} for n in range(3)],
        "seconds": 1.5,
    },
    "transform": {"rows": rows(**{"in": 30}, out=27, refused=3), "seconds": 2.5},
    "checks": "PASSED",
    "failed_checks": [],
}
RETURNS: dict[str, Any] = {
    "dataset": "returns",
    "ingest": None,
    "transform": {"rows": rows(**{"in": 5}, out=5), "seconds": 1},
    "checks": None,
    "failed_checks": [],
}
NOT_RUN: dict[str, Any] = {
    "dataset": "lost",
    "ingest": None,
    "transform": None,
    "checks": None,
    "failed_checks": [],
}
RESULT: dict[str, Any] = {
    "run_id": "orders-20260101T000000Z",
    "status": "SUCCEEDED",
    "execution_arn": "arn:aws:states:us-east-1:123456789012:execution:medallion-pipeline:x",
    "datasets": [ORDERS, RETURNS, NOT_RUN],
    "stages": [],
    "model_checks": {"passed": 0, "failed": 0, "skipped": 0, "failed_checks": []},
    "failures": [],
    "totals": {"datasets": 3, "files": {"accepted": 2, "refused": 5}, "failures": 0},
}
FAILURE = {
    "state": "TransformDataset",
    "dataset": "orders",
    "error": "Glue job run FAILED",
    "cause": "out of memory",
    "job_run_id": "jr_1",
    "log_group": "/aws-glue/python-jobs/error",
    "log_stream": "jr_1",
}


def composed(notify: States, result: dict[str, Any]) -> dict[str, Any]:
    """Return the variables that there are when the first task begins."""
    end = walk(notify, "ReadInput", {"result": result})
    assert end.state == "PublishMetrics"
    return dict(end.variables)


# Where the way to a mail begins.
BEGINS = {"NotifyRefused": "AnyRefused", "NotifySuccess": "Outcome", "NotifyFailure": "Outcome"}


def mail(notify: States, state: str, result: dict[str, Any]) -> tuple[str, str]:
    end = walk(notify, BEGINS[state], {}, **composed(notify, result))
    assert end.state == state
    arguments = said(notify[state]["Arguments"], **end.variables)
    assert len(arguments["Subject"]) <= 100
    assert arguments["Subject"].isascii()
    return arguments["Subject"], arguments["Message"]


def way(notify: States, result: dict[str, Any]) -> list[str]:
    """Return the mails that are sent, in order."""
    end = walk(notify, "AnyRefused", {}, **composed(notify, result))
    sent = []
    while notify[end.state]["Type"] == "Task":
        sent.append(end.state)
        end = walk(notify, notify[end.state]["Next"], {}, **end.variables)
    assert end.state == "Told"
    return sent


@pytest.mark.parametrize(
    ("status", "datasets", "sent"),
    [
        ("SUCCEEDED", [RETURNS], ["NotifySuccess"]),
        ("SUCCEEDED", [ORDERS, RETURNS], ["NotifyRefused", "NotifySuccess"]),
        ("FAILED", [RETURNS, NOT_RUN], ["NotifyFailure"]),
        ("FAILED", [ORDERS], ["NotifyRefused", "NotifyFailure"]),
        ("FAILED", [], ["NotifyFailure"]),
    ],
)
def test_mails__are_those_of_the_outcome(
    status: str, datasets: list[Any], sent: list[str], notify: States
) -> None:
    refused = sum(
        (one["ingest"] or {"files": {"refused": 0}})["files"]["refused"] for one in datasets
    )
    told = {**RESULT["totals"], "files": {"accepted": 2, "refused": refused}}
    assert way(notify, {**RESULT, "status": status, "datasets": datasets, "totals": told}) == sent


def test_refused__of_a_run_too_large_to_name_them__are_mailed(notify: States) -> None:
    """Of more than 400 datasets no report is in the result, and nobody heard of refused files."""
    many = {**RESULT, "datasets": [], "totals": totals()}
    assert way(notify, many) == ["NotifyRefused", "NotifySuccess"]
    subject, text = mail(notify, "NotifyRefused", many)
    assert str(many["totals"]["files"]["refused"]) in subject
    assert f"runs/{many['run_id']}/batches/" in text


def test_subjects__tell_the_kinds_apart(notify: States) -> None:
    failed = {**RESULT, "status": "FAILED", "failures": [FAILURE]}
    subjects = [
        mail(notify, "NotifySuccess", RESULT)[0],
        mail(notify, "NotifyFailure", failed)[0],
        mail(notify, "NotifyRefused", RESULT)[0],
    ]
    assert subjects == [
        "[medallion] SUCCEEDED: run orders-20260101T000000Z",
        "[medallion] FAILED: run orders-20260101T000000Z",
        "[medallion] REFUSED files: 5 of orders",
    ]


def test_refused__names_files_reasons_and_where_they_are(notify: States) -> None:
    _, text = mail(notify, "NotifyRefused", RESULT)
    assert "- incoming/orders/0.csv\n  reason: the header has no column order_id\n" in text
    bucket = "medallion-123456789012-us-east-1"
    assert f"now: s3://{bucket}/quarantine/orders/files/2026-01-01/torn-0.csv" in text
    assert "- and 2 more" in text
    assert f"s3://{bucket}/runs/orders-20260101T000000Z/files/orders.json" in text
    assert "What to do:" in text
    assert "returns" not in text


def test_failure__names_state_job_run_log_and_what_to_do(notify: States) -> None:
    failed = {**RESULT, "status": "FAILED", "failures": [FAILURE]}
    failed["totals"] = {**RESULT["totals"], "failures": 1}
    _, text = mail(notify, "NotifyFailure", failed)
    assert "- state TransformDataset, dataset orders, job run jr_1\n" in text
    assert "Glue job run FAILED: out of memory" in text
    assert "log group /aws-glue/python-jobs/error, stream jr_1" in text
    assert "What to do:" in text
    assert RESULT["execution_arn"] in text
    assert "lost: not ingested; not transformed; checks not run" in text


def test_success__accounts_for_the_rows(notify: States) -> None:
    _, text = mail(notify, "NotifySuccess", RESULT)
    assert (
        "orders: ingested 10 of 12 rows from 2 files, refused 2 rows and 5 files; "
        "processed 27 of 30 rows, refused 3, duplicate 0, filtered 0; checks PASSED"
    ) in text


def totals(**others: Any) -> dict[str, Any]:
    """Return the totals of a run of very many datasets."""
    return {
        "datasets": 800,
        "ingested": 799,
        "transformed": 798,
        "failures": 45,
        "files": {"accepted": 900, "refused": 7},
        "ingest": rows(**{"in": 12}, out=10, refused=2),
        "transform": rows(**{"in": 9}, out=8, filtered=1),
        "checks": {"passed": 700, "failed": 3, "skipped": 95},
        **others,
    }


def test_run__of_many_datasets__is_told_by_totals_and_what_is_worth_it(notify: States) -> None:
    refusing = {"dataset": "orders", "ingest": ORDERS["ingest"]}
    many = {**RESULT, "datasets": [refusing], "totals": totals()}
    _, text = mail(notify, "NotifySuccess", many)
    assert "800 datasets: 799 ingested, 10 of 12 rows from 900 files, refused 2 rows and 7" in text
    assert "checks 700 PASSED, 3 FAILED, 95 SKIPPED" in text
    assert "s3://medallion-123456789012-us-east-1/runs/orders-20260101T000000Z/batches/" in text
    subject, text = mail(notify, "NotifyRefused", many)
    assert subject.startswith("[medallion] REFUSED files: 7 of orders")
    assert "Other datasets refused 2 more: s3://" in text
    failed = {**many, "status": "FAILED", "failures": [FAILURE] * 20}
    _, text = mail(notify, "NotifyFailure", failed)
    assert text.count("- state TransformDataset") == 20
    assert "- and 25 more: s3://" in text


Metrics = dict[tuple[str, ...], float]


def published(task: dict[str, Any], **variables: Any) -> Metrics:
    """Return the metrics of a request: values by their names and datasets."""
    found = said(task["Arguments"]["MetricData"], **variables)
    assert 0 < len(found) <= 1000
    for item in found:
        assert item["Dimensions"][0] == {"Name": "Pipeline", "Value": "medallion"}
    return {
        (item["MetricName"], *(d["Value"] for d in item["Dimensions"][1:])): item["Value"]
        for item in found
    }


def test_metrics__of_datasets__count_rows_files_and_seconds(deployment: Deployment) -> None:
    batch = read("batch", deployment)

    def metrics(step: str, done: list[Any]) -> Metrics:
        known = said(batch["ProcessDatasets"]["Assign"], states={"result": done}, datasets=[])
        end = walk(batch, "AnyReports", {}, step=step, pipeline="medallion", **known)
        return published(batch[end.state], **end.variables)

    reports = [{"dataset": "orders", "report": ORDERS["ingest"]}, {"dataset": "x", "failure": {}}]
    assert metrics("ingest", reports) == {
        ("FilesAccepted", "orders"): 2,
        ("FilesRefused", "orders"): 5,
        ("RowsIngested", "orders"): 10,
        ("RowsRefused", "orders"): 2,
        ("IngestSeconds", "orders"): 1.5,
    }
    reports = [
        {"dataset": entry["dataset"], "report": entry["transform"]} for entry in (ORDERS, RETURNS)
    ]
    assert metrics("transform", reports) == {
        ("RowsProcessed", "orders"): 27,
        ("RowsRefused", "orders"): 3,
        ("TransformSeconds", "orders"): 2.5,
        ("RowsProcessed", "returns"): 5,
        ("RowsRefused", "returns"): 0,
        ("TransformSeconds", "returns"): 1,
    }


@pytest.mark.parametrize(("status", "good"), [("SUCCEEDED", 1), ("FAILED", 0)])
def test_metrics__of_a_run_count_it_as_one(status: str, good: int, notify: States) -> None:
    found = published(notify["PublishMetrics"], result={**RESULT, "status": status})
    assert found == {("RunsSucceeded",): good, ("RunsFailed",): 1 - good}


HELD: dict[str, Any] = {
    "rows": rows(**{"in": 1000}, out=870, refused=130),
    "reasons": [{"reason": "order_id: not a bigint", "rows": 130}],
    "held": {
        "reasons": ["refused rows are 13.00 % of 1,000, and 5 % are allowed"],
        "fingerprint": "0123456789abcdef",
        "timeout_seconds": 7200,
    },
}


def test_approval__says_what_is_decided_and_how(deployment: Deployment) -> None:
    dataset = read("dataset", deployment)
    task = dataset["RequestApproval"]
    context = {"Task": {"Token": "TOKEN"}, "Execution": {"Id": "arn:x"}}
    given = {"dataset": "orders", "report": HELD}
    end = walk(dataset, "IsHeld", given, context, dataset="orders", runId="r1")
    assert (end.state, end.given) == ("RequestApproval", given)
    variables = {**end.variables, "states": {"input": given, "context": context}}
    assert said(task["TimeoutSeconds"], **variables) == 7200
    subject = said(task["Arguments"]["Subject"], **variables)
    assert subject == "[medallion] APPROVAL needed: orders, run r1"
    text = said(task["Arguments"]["Message"], **variables)
    assert "- refused rows are 13.00 % of 1,000, and 5 % are allowed" in text
    assert "replace the table orders by 870 rows, made from 1000 in raw (refused 130," in text
    assert "- 130 rows: order_id: not a bigint" in text
    assert "make approve TARGET=aws RUN=r1 DATASET=orders" in text
    assert "make reject TARGET=aws RUN=r1 DATASET=orders" in text
    assert "--task-token TOKEN" in text
    # What was approved is what the second transform has to find.
    assert said(task["Output"]["approved"], **variables) == "0123456789abcdef"
    arguments = said(
        dataset["TransformDataset"]["Arguments"]["Arguments"],
        states={"input": {"approved": "0123456789abcdef"}},
        dataset="orders",
        runId="r1",
    )
    assert arguments == {"--dataset": "orders", "--run-id": "r1", "--approved": "0123456789abcdef"}


@pytest.mark.parametrize(
    ("error", "cause", "named", "said_of_it"),
    [
        ("States.Timeout", None, "ApprovalTimedOut", "Nobody approved within 2 hours"),
        ("Rejected", "wrong file", "ApprovalRejected", "Rejected: wrong file."),
        ("Rejected", "", "ApprovalRejected", "Rejected: no reason was given."),
    ],
)
def test_approval__not_given__says_so(
    error: str, cause: str | None, named: str, said_of_it: str, deployment: Deployment
) -> None:
    dataset = read("dataset", deployment)
    [catcher] = [c for c in dataset["RequestApproval"]["Catch"] if error in c["ErrorEquals"]]
    assert catcher["Assign"]["failure"]["error"] == named
    known: dict[str, Any] = {"input": {"report": HELD}, "errorOutput": {"Error": error}}
    if cause is not None:
        known["errorOutput"]["Cause"] = cause
    text = said(catcher["Assign"]["failure"]["cause"], states=known)
    assert said_of_it in text
    assert "refused rows are 13.00 %" in text
    assert "The table stays as it was." in text
