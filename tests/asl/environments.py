"""Variables for the expressions of each machine: what runs have, and what may go wrong in them.

Each expression of a machine is evaluated with each of them.
"""

from __future__ import annotations

import json
from typing import Any

from tests.asl.samples import (
    ARN,
    CHECKED,
    CONTEXT,
    ENDED,
    ERRORS,
    EXECUTION,
    FAILED_CHECKS,
    FAILED_MODEL,
    FAILURE,
    GOOD,
    HELD,
    INGEST,
    JOB_RUN,
    MAILS,
    MANY,
    PLAN,
    RESULT,
    RUN,
    SELECTED,
    STAGE,
    TOLD,
    TRANSFORM,
    UNREAD,
    body,
    error,
)


def cases(found: list[Any]) -> list[Any]:
    """Return rows of values of any kinds, to be unpacked."""
    return found


ENVIRONMENTS: dict[str, list[dict[str, Any]]] = {
    "arrival": [
        {
            "states": {"input": event, "result": {**body(PLAN), "ExecutionArn": ARN}, **extra},
            "event": event,
            "key": event["detail"]["object"]["key"],
            "dataset": dataset,
            "folder": folder,
            "known": "a, b",
            "record": {"outcome": outcome},
            "end": 1767225660000,
            "failure": {"state": "S", "error": "E", "cause": "c"},
        }
        for event, dataset, folder, outcome, extra in cases(
            [
                (
                    {
                        "id": "e1",
                        "time": "2026-01-01T00:00:00Z",
                        "detail": {"object": {"key": key, "size": size}},
                    },
                    dataset,
                    folder,
                    outcome,
                    extra,
                )
                for key, size, dataset, folder, outcome, extra in [
                    ("incoming/a/x.csv", 3, PLAN["datasets"][0], "a", "ignored", {}),
                    ("incoming/b/", 0, PLAN["datasets"][1], "b", "ignored", error("x")),
                    ("incoming/zz/é.csv", 1, {}, "zz", "unknown", error("{")),
                    ("incoming/x.csv", 1, PLAN["datasets"][2], "", "unknown", {}),
                ]
            ]
        )
    ],
    "batch": [
        {
            "pipeline": "medallion",
            "step": step,
            "runId": "r1",
            "number": 0,
            "datasets": SELECTED,
            "needed": ["b"],
            "tables": [{"name": "b"}],
            "rebuild": by_event,
            "byEvent": by_event,
            "parallel": 20,
            "first": first,
            "unpublished": lost,
            "failures": [FAILURE] * batches,
            "done": done,
            "reports": [item for item in done if "report" in item],
            "measured": [{"dataset": "b", "metrics": {"RowsRefused": 1, "IngestSeconds": 2.5}}],
            "states": {
                "input": {
                    "step": step,
                    "run_id": "r1",
                    "number": 0,
                    "datasets": SELECTED[:1],
                    "batches": batches,
                    "by_event": by_event,
                    "dataset": "b",
                    "engine": "spark",
                    "error": "E",
                    "description": cause,
                },
                "result": done or {"Output": {"dataset": "b", "idle": True}},
                "context": {**CONTEXT, "Map": {"Item": {"Value": SELECTED[1]}}},
                **(error(cause) if cause else {"errorOutput": {"Error": "E"}}),
            },
        }
        for step, by_event, first, batches, lost, done, cause in cases(
            [
                (
                    *("ingest", True, 20, 1, ""),
                    [
                        {"dataset": "c", "idle": True},
                        {"dataset": "b", "failure": FAILURE},
                        {"dataset": "a", "report": INGEST},
                    ],
                    json.dumps({"Status": "ABORTED", "Input": {"a": 1}}),
                ),
                (
                    *("transform", False, 1, 12, "CloudWatch.X: no"),
                    [{"dataset": item["name"], "report": TRANSFORM} for item in SELECTED],
                    "{not json",
                ),
                ("ingest", False, 0, 45, "", [{"dataset": "a", "failure": FAILURE}] * 3, ""),
                ("transform", False, 20, 1, "", [], json.dumps(EXECUTION)),
            ]
        )
    ],
    "check": [
        {
            "kind": kind,
            "first": first,
            "database": "w",
            "tables": [table],
            "table": table,
            "error": "E",
            "cause": "c",
            "failedState": "CheckTable",
            "states": {
                "input": {
                    "kind": kind,
                    "database": "w",
                    "first": first,
                    "list": "runs/r/x.json",
                    "table": table,
                    "id": "q1",
                    "error": "Athena.X",
                    "cause": cause,
                },
                "result": result,
                "context": {"Map": {"Item": {"Value": table}}},
                **error(cause),
            },
        }
        for kind, first, table, cause, result in [
            (
                *("dataset", 20, {"name": "a", "rows": 1, "parameters": ["1", "2"]}, "{not json"),
                [
                    {"name": "a", "checks": "PASSED", "failed_checks": []},
                    {"name": "b", "checks": "FAILED", "failed_checks": FAILED_CHECKS},
                    {"name": "c", "failure": {"state": "CheckTable", "error": "E", "cause": "c"}},
                ],
            ),
            (
                *("model", 1, {"name": "m", "rows": 0, "if_empty": "0 rows"}),
                json.dumps({"QueryExecution": {"Status": {"StateChangeReason": 'no "t"'}}}),
                [{"name": "m", "checks": "FAILED", "failed_checks": FAILED_CHECKS}] * 3,
            ),
            (
                *("dataset", 2, {"name": "a", "rows": 0}, ""),
                {
                    **body({"tables": [{"name": "a", "rows": 1, "parameters": ["1", "1"]}]}),
                    "QueryExecution": {"QueryExecutionId": "q1"},
                    "ResultSet": {
                        "Rows": [
                            {"Data": [{"VarCharValue": one}, {"VarCharValue": two}]}
                            for one, two in [("check_name", "found"), ("unique(id)", "2")]
                        ]
                    },
                },
            ),
            (
                *("model", 20, {"name": "m", "rows": 5, "parameters": ["5"]}, '{"a":'),
                body({"tables": [{"name": "m", "rows": n, "min_rows": n} for n in (0, 1)]}),
            ),
        ]
    ],
    "crawl": [
        {
            "crawler": "raw",
            "pause": pause,
            "waitSeconds": wait,
            "earlierStart": "never",
            "error": "CrawlFAILED",
            "cause": "c",
            "states": {
                "input": {"crawler": "raw", "state": state, "last": last},
                "result": {"Crawler": {"State": state, **({"LastCrawl": last} if last else {})}},
                **error("x"),
            },
        }
        for pause, wait, state, last in [
            (1, 1, "RUNNING", {}),
            (16, 30, "READY", {"StartTime": "t1", "Status": "SUCCEEDED"}),
            (30, 2, "READY", {"StartTime": "t1", "Status": "FAILED", "ErrorMessage": "broken"}),
            (2, 2, "READY", {"StartTime": "never", "Status": "CANCELLED"}),
        ]
    ],
    "dataset": [
        {
            "step": step,
            "runId": "r1",
            "dataset": "b",
            "engine": engine,
            "rebuild": by_event,
            "byEvent": by_event,
            "logGroup": "/g",
            "jobEnded": ended,
            "jobRun": {"job_run_id": "jr_1", "log_group": "/g", "log_stream": "jr_1"},
            "failure": {"state": "IngestDataset", "error": "E", "cause": cause},
            "left": left,
            "said": said,
            **dict.fromkeys(("why", "asked", "refusals", "answers", "places", "execution"), "x"),
            "states": {
                "input": {
                    "step": step,
                    "run_id": "r1",
                    "dataset": "b",
                    "engine": engine,
                    "by_event": by_event,
                    "waiting": by_event,
                    "report": {**TRANSFORM, "reasons": INGEST["reasons"], "held": HELD},
                    **({"approved": "f0"} if by_event else {}),
                },
                "result": {**result, "Id": "jr_1", "JobRunState": ended, "IsTruncated": False},
                "context": CONTEXT,
                **(error(cause) if cause else {"errorOutput": {"Error": "E"}}),
            },
        }
        for step, by_event, engine, ended, left, said, result, cause in cases(
            [
                (
                    *("ingest", True, "duckdb", "SUCCEEDED", INGEST, {"type": "T", "message": 7}),
                    {**body(INGEST), "Contents": [{"Key": "incoming/b/", "Size": 0}]},
                    json.dumps(JOB_RUN),
                ),
                (
                    *("transform", False, "spark", "STOPPED", {**TRANSFORM, "held": HELD}),
                    {"message": "m" * 1100, "log_group": "/own", "log_stream": "s"},
                    {**body({**TRANSFORM, "held": HELD}), "Contents": [{"Key": "k", "Size": 0}]},
                    "{not json",
                ),
                (
                    *("ingest", False, "duckdb", "FAILED", {**TRANSFORM, "idle": True}, []),
                    *(body({"rows": {}}), ""),
                ),
                (
                    *("transform", False, "duckdb", "SUCCEEDED", INGEST, "text", {"Body": "{"}),
                    '{"JobRunState": "TIMEOUT", "Id": "x"',
                ),
            ]
        )
    ],
    "model": [
        {
            "runId": "r1",
            "left": left,
            "stage": PLAN["stages"][0],
            "jobFailure": failure,
            "selection": {"--failed": "b"},
            "stages": stages,
            "failures": failures,
            "total": 3,
            "summary": {**STAGE, "failures": [FAILED_MODEL] * count},
            "said": said,
            "logGroup": "/g",
            "jobRun": {"job_run_id": "jr_1"} if failure else {},
            "notRun": " Stages that were not run for it: fact.",
            "failed": 1,
            "found": [FAILURE] * count,
            "states": {
                "input": {
                    "run_id": "r1",
                    "stages": left,
                    "failed": failed,
                    "rebuild": bool(failed),
                    "id": "jr_1",
                    "ended": state,
                    **datasets,
                },
                "result": {**body(said), "Id": "jr_1", "JobRunState": state},
                **error(cause),
            },
        }
        for left, failure, stages, failures, count, failed, datasets, said, state, cause in [
            (PLAN["stages"], {}, [], [], 0, [], {}, STAGE, "SUCCEEDED", JOB_RUN),
            (
                *(PLAN["stages"], {"error": "E", "cause": json.dumps(JOB_RUN)}),
                *([STAGE], [FAILURE], 1, ["b"], {"datasets": ["a", "b"]}),
                *({"type": "T", "message": "m", "log_group": "g", "log_stream": "s"}, "STOPPED"),
                "{not json",
            ),
            (
                *(PLAN["stages"][:1], {"error": "E", "cause": "c"}, [STAGE] * 3, [FAILURE] * 19),
                *(5, ["a", "b"], {"datasets": ["a"]}, {}, "SUCCEEDED", json.dumps(JOB_RUN)[:60]),
            ),
            ([], {}, [], [FAILURE] * 20, 0, [], {}, [], "SUCCEEDED", ""),
        ]
    ],
    "notify": [
        {
            "result": result,
            **MAILS,
            "states": {
                "input": {"result": result, "error": "E", "cause": "c"},
                "context": CONTEXT,
                **error("x"),
            },
        }
        for result in (RESULT, GOOD, {**RESULT, "datasets": RESULT["datasets"][:1]})
    ],
    "pipeline": [
        {
            **RUN,
            "looks": looks,
            "pages": pages,
            "page": page,
            "earlier": earlier,
            "from": start,
            "selected": selected,
            "ready": ready,
            "rebuild": by_event,
            "byEvent": by_event,
            "plan": PLAN,
            "everyStage": not by_event,
            "unknownDatasets": wrong,
            "unknownStages": wrong,
            "datasetNames": "a, b",
            "stageNames": "dim",
            "broken": {"state": "LoadPlan", "error": "E", "cause": "c"},
            "failures": [*others, FAILURE, *(UNREAD[: looks + 1])],
            "failed": looks,
            "details": TOLD["details"] * len(told),
            "verdicts": CHECKED[0]["checked"] if checked else [],
            "wrong": CHECKED[0]["failed_checks"] if checked else [],
            "unpublished": {"unpublished_metrics": "E"} if wrong else {},
            "account": {"run_id": "r1", "status": "FAILED"},
            "datasets": [{"dataset": "a"}],
            "datasetLists": [{"kind": "dataset"}] * len(told),
            "modelLists": [{"kind": "model"}] * 21 * len(stages),
            "left": left,
            "stages": PLAN["stages"][:looks],
            "datasetsGiven": by_event,
            "result": result,
            "ingested": told,
            "transformed": told,
            "stageResults": stages,
            "checked": checked,
            "otherFailures": others,
            "stageFailures": {"total": 1, "first": [FAILED_MODEL]},
            "states": {
                "input": {
                    "batch": {"number": 0, "datasets": selected[:2]},
                    "ready": ready,
                    **given,
                    "idle": ready[:1],
                    "request": {"kind": "model"},
                },
                "result": answer,
                "context": {**CONTEXT, "Map": {"Item": {"Value": {"kind": "model", "number": 0}}}},
                **error(EXECUTION if by_event else "{"),
            },
        }
        for (
            looks,
            pages,
            page,
            earlier,
            start,
            selected,
            ready,
            by_event,
            wrong,
            result,
            told,
            stages,
            checked,
            others,
            given,
            answer,
            left,
        ) in cases(
            [
                (
                    *(
                        1,
                        1,
                        {},
                        ["shop-20260101T000000Z"],
                        "ingest",
                        SELECTED,
                        ["a", "c"],
                        True,
                        "",
                    ),
                    *(RESULT, [TOLD], [STAGE], CHECKED, []),
                    {"group": "g", "trigger": "event", "not_before": "2026-01-01T00:01:00Z"},
                    {**body(PLAN), "NextToken": "t", "Output": {"stages": [STAGE], "failures": {}}},
                    "StoreResult",
                ),
                (
                    *(720, 10, {"NextToken": "t"}, [], "transform", SELECTED[:1], ["a"], False, ""),
                    *(GOOD, [], [], [], [{"state": "CrawlRaw", "error": "E", "cause": "c"}]),
                    {"datasets": ["a", "x", 7], "stages": ["dim", "zz"], "from": "check"},
                    {
                        **body(PLAN),
                        "Executions": [{"Name": f"shop-2026010{n}T000000Z"} for n in (0, 1)],
                    },
                    "Notify",
                ),
                (
                    *(
                        2,
                        3,
                        {},
                        [],
                        "model",
                        MANY,
                        [item["name"] for item in MANY[5:]],
                        False,
                        "wrong",
                    ),
                    *(
                        GOOD,
                        [TOLD, {**TOLD, "number": 1, "unpublished": "E"}],
                        [STAGE] * 2,
                        CHECKED,
                        [],
                    ),
                    {"stages": ["fct"], "trigger": "schedule"},
                    [
                        {"ready": ["a"], "idle": ["c"], "told": TOLD, "failure": FAILURE},
                        {
                            "ready": ["b"],
                            "idle": [],
                            "told": TOLD,
                            "kind": "dataset",
                            **ENDED,
                        },
                    ],
                    "nothing",
                ),
                (
                    *(
                        0,
                        1,
                        {},
                        [],
                        "ingest",
                        [],
                        [],
                        True,
                        "",
                        RESULT,
                        [TOLD],
                        [],
                        CHECKED[:1],
                        [],
                    ),
                    *({"from": "nowhere"}, [{}, [{"ready": ["a"], "idle": [], "told": TOLD}]]),
                    "nothing",
                ),
            ]
        )
    ],
}
for _environments in ENVIRONMENTS.values():
    _first = _environments[0]
    _environments += [{**_first, "states": {**_first["states"], **kind}} for kind in ERRORS]
