"""Parts of what the expressions of the machines are evaluated with: plans, reports, results."""

from __future__ import annotations

import json
from typing import Any

ARN = "arn:aws:states:us-east-1:123456789012:execution:medallion-pipeline:shop-20260101T000100Z"
CONTEXT: dict[str, Any] = {
    "Execution": {"Id": ARN, "Name": "shop-20260101T000100Z", "StartTime": "2026-01-01T00:00:01Z"},
    "StateMachine": {"Id": ARN.replace("execution", "stateMachine")},
    "Task": {"Token": "TOKEN"},
}
ROWS: dict[str, Any] = {"in": 5, "out": 3, "refused": 1, "duplicate": 1, "filtered": 0}
EMPTY_ROWS = dict.fromkeys(ROWS, 0)
FILES: dict[str, Any] = {"in": 4, "accepted": 1, "refused": 3, "unchanged": 0}
REFUSED = [{"file": f"incoming/a/{n}", "moved_to": "q/a", "reason": "ü" * 310} for n in range(4)]
INGEST: dict[str, Any] = {
    "rows": ROWS,
    "seconds": 1.5,
    "files": FILES,
    "refused_files": REFUSED,
    "reasons": [{"reason": "no bigint", "rows": 1}] * 4,
}
HELD: dict[str, Any] = {"reasons": ["too many"], "fingerprint": "f0", "timeout_seconds": 7200}
TRANSFORM: dict[str, Any] = {"rows": ROWS, "seconds": 2, "reasons": []}
FAILURE: dict[str, Any] = {
    "state": "IngestDataset",
    "dataset": "b",
    "error": "Glue job run FAILED",
    "cause": "c" * 450,
    "job_run_id": "jr_1",
    "log_group": "/g",
    "log_stream": "jr_1",
}
JOB_RUN: dict[str, Any] = {"Id": "jr_1", "JobRunState": "FAILED", "ErrorMessage": 'a "b" c'}
EXECUTION: dict[str, Any] = {
    "Cause": 'no "x"',
    "Error": "CrawlFAILED",
    "Status": "FAILED",
    "Input": {"a": 1},
}
# Failures of executions, as a run keeps them until it reads what their descriptions say.
UNREAD: list[dict[str, Any]] = [
    {"state": "CrawlRaw", "error": "States.TaskFailed", "execution": text}
    for text in (json.dumps(EXECUTION), '{"Status":"TIMED_OUT"}', "{not json", "")
]
PLAN: dict[str, Any] = {
    "datasets": [
        {"name": "a", "min_rows": 0, "engine": "duckdb", "group": "g", "triggers": ["event"]},
        {"name": "b", "min_rows": 1, "engine": "spark", "group": "g", "triggers": ["schedule"]},
        {"name": "c", "min_rows": 1, "engine": "duckdb", "group": "c", "triggers": []},
    ],
    "stages": [{"name": "dim", "engine": "duckdb"}, {"name": "fact", "engine": "spark"}],
}
SELECTED = [{"name": d["name"], "engine": d["engine"], "min_rows": 1} for d in PLAN["datasets"]]
MANY = [{"name": f"d{number:02}", "engine": "duckdb", "min_rows": 0} for number in range(45)]
STAGE: dict[str, Any] = {
    "stage": "dim",
    "rows_out": 7,
    "check_batches": 2,
    "failures": [],
    "remaining": ["fact"],
    "models": {"selected": 2, "succeeded": 1, "failed": 1, "skipped": 0},
}
FAILED_MODEL: dict[str, Any] = {"model": "m", "status": "failed", "error": "E", "cause": "c"}
FAILED_CHECKS = [{"check": "unique(id)", "found": "2"}, {"check": "raw_rows", "found": "3"}]


def body(value: Any) -> dict[str, str]:
    return {"Body": json.dumps(value)}


def error(cause: Any, name: str = "States.TaskFailed") -> dict[str, Any]:
    text = cause if isinstance(cause, str) else json.dumps(cause)
    return {"errorOutput": {"Error": name, "Cause": text}}


# Of any machine: errors without a cause, and with one of each kind.
ERRORS: list[dict[str, Any]] = [
    {"errorOutput": {"Error": "States.Timeout"}},
    {
        **error("{not json"),
        "input": {
            "list": "l",
            "batch": {"number": 1},
            "report": {**TRANSFORM, "held": HELD},
            "dataset": "b",
            "error": "E",
            "description": '{"Error":"E","Cause":"cut',
        },
    },
    {**error(JOB_RUN), "input": {"error": "E", "cause": json.dumps(JOB_RUN)}},
    {**error(EXECUTION), "input": {"error": "E", "cause": '{"a":'}},
]
RUN: dict[str, Any] = {"runId": "r1", "startedAt": "2026-01-01T00:00:01Z"}
TOLD: dict[str, Any] = {
    "number": 0,
    "done": 2,
    "failed": 1,
    "rows": ROWS,
    "failures": [FAILURE],
    "files": {"accepted": 1, "refused": 3},
    "details": [{"dataset": "a", "report": INGEST}],
}
CHECKED: list[dict[str, Any]] = [
    {
        "kind": "dataset",
        "passed": 1,
        "failed": 2,
        "skipped": 0,
        "checked": [{"name": "a", "checks": "PASSED"}, {"name": "c", "checks": "FAILED"}],
        "failed_checks": [{"name": "c", "failed_checks": FAILED_CHECKS}],
        "failures": [{"state": "CheckTable", "dataset": "b", "error": "E", "cause": "c"}],
    },
    {
        "kind": "model",
        "passed": 3,
        "failed": 1,
        "skipped": 1,
        "checked": [],
        "failures": [],
        "failed_checks": [{"name": "m", "failed_checks": FAILED_CHECKS[:1]}],
    },
]
RESULT: dict[str, Any] = {
    "run_id": "r1",
    "status": "FAILED",
    "execution_arn": ARN,
    "unpublished_metrics": "E: x",
    "totals": {
        "datasets": 3,
        "ingested": 2,
        "transformed": 1,
        "ingest": ROWS,
        "transform": ROWS,
        "files": {"accepted": 1, "refused": 5},
        "failures": 25,
        "checks": {"passed": 1, "failed": 0, "skipped": 2},
    },
    "datasets": [
        {"dataset": "a", "ingest": INGEST, "transform": TRANSFORM, "checks": "PASSED"},
        {"dataset": "b", "ingest": None, "transform": None, "checks": None},
    ],
    "stages": [STAGE],
    "model_checks": {"passed": 1, "failed": 2, "skipped": 0},
    "failures": [
        FAILURE,
        {"state": "RunStage", "stage": "dim", "model": "m", "error": "E", "cause": ""},
    ],
}
GOOD: dict[str, Any] = {
    **RESULT,
    "status": "SUCCEEDED",
    "datasets": [],
    "stages": [],
    "failures": [],
    "totals": {**RESULT["totals"], "datasets": 800, "failures": 0},
}
# What a request of stages tells, in place of a batch.
ENDED: dict[str, Any] = {"stages": [STAGE], "failures": {"total": 0, "first": []}}
# What notify keeps of a result while it composes its mails.
MAILS: dict[str, Any] = {
    **dict.fromkeys(
        ("where", "execution", "stages", "modelChecks", "models", "unpublished"), "\nw"
    ),
    **dict.fromkeys(("intro", "others", "advice", "ofWhom", "more", "refused"), "t"),
    **{key: ["a", "b"] for key in ("names", "ingested", "processed", "checked")},
    **{key: ["a", "b"] for key in ("counts", "lists", "places", "subjects", "reasons")},
    "datasets": "a: b",
    "refusing": [{"dataset": "a", "ingest": INGEST}],
    "unnamed": 2,
}
# As little as a report may say.
REPORT: dict[str, Any] = {"rows": {**EMPTY_ROWS, "in": 1, "out": 1}, "seconds": 1}


def summary(stage: str, **others: Any) -> dict[str, Any]:
    """Return what the job leaves of a stage, as far as the machines read it."""
    counts = {"selected": 1, "succeeded": 1, "failed": 0, "skipped": 0}
    return {
        "stage": stage,
        "models": counts,
        "rows_out": 1,
        "failures": [],
        "check_batches": 1,
        "remaining": [],
        **others,
    }
