"""Athena: the operations on query executions and their results."""

from __future__ import annotations

import threading
import time
from typing import Any

from botocore.exceptions import ClientError
from sqlglot import exp

from local.athena.errors import QueryFailedError
from local.athena.executions import Query, advance, queries, submit
from local.athena.sql import CATALOG, bind
from local.athena.statements import Execute, Utility, classify
from local.athena.workgroups import invalid, note_query, workgroup
from local.errors import AwsError
from local.iam.clients import client
from local.iam.principals import Principal, caller
from local.operations import Json, operation

_ENGINE = {
    "SelectedEngineVersion": "AUTO",
    "EffectiveEngineVersion": "Athena engine version 3",
}
_tokens: dict[str, tuple[str, str]] = {}
_lock = threading.RLock()


@operation("AmazonAthena.StartQueryExecution")
def start_query_execution(request: Json) -> Json:
    sql = request.get("QueryString") or ""
    token = request.get("ClientRequestToken")
    with _lock:
        if token in _tokens:
            known, text = _tokens[token]
            if text != sql:
                raise invalid("Idempotent parameters do not match")
            return {"QueryExecutionId": known}
    group = workgroup(request.get("WorkGroup") or "primary")
    if group.state != "ENABLED":
        raise invalid(f"WorkGroup {group.name} is disabled.")
    context = request.get("QueryExecutionContext") or {}
    if (catalog := context.get("Catalog")) and catalog.lower() != CATALOG:
        raise invalid(f"DataCatalog {catalog} was not found")
    settings = group.configuration or {}
    configuration = _result_configuration(settings, request.get("ResultConfiguration") or {})
    principal = caller()
    parameters = [str(p) for p in request.get("ExecutionParameters") or []]
    statement = _prepare(sql, parameters, group.name, principal)
    query = Query(
        sql=sql,
        workgroup=group.name,
        context=context,
        parameters=parameters,
        configuration=configuration,
        scan_limit=settings.get("BytesScannedCutoffPerQuery"),
        principal=principal,
        statement=statement,
    )
    suffix = "txt" if query.is_utility else "csv"
    configuration["OutputLocation"] += f"{query.id}.{suffix}"
    submit(query)
    note_query(group.name)
    if token:
        with _lock:
            _tokens[token] = (query.id, sql)
    return {"QueryExecutionId": query.id}


def _result_configuration(settings: Json, asked: Json) -> Json:
    own = settings.get("ResultConfiguration") or {}
    enforced = settings.get("EnforceWorkGroupConfiguration", True) and own.get("OutputLocation")
    chosen = dict(own if enforced else {**own, **asked})
    place = chosen.get("OutputLocation") or ""
    if not place:
        raise invalid(
            "No output location provided. An output location is required either through the "
            "Workgroup result configuration setting or as an API input."
        )
    if not place.startswith("s3://"):
        raise invalid(f"outputLocation is not a valid S3 path: {place}")
    chosen["OutputLocation"] = place.rstrip("/") + "/"
    return chosen


def _prepare(
    sql: str, parameters: list[str], group: str, principal: Principal
) -> exp.Query | Utility | QueryFailedError:
    """Parse a statement; what Athena finds out only when it runs it is returned, not raised."""
    statement = classify(sql)
    if isinstance(statement, Utility):
        return statement
    if isinstance(statement, Execute):
        if parameters and statement.values:
            raise invalid("Parameters are given both in USING and as ExecutionParameters")
        sql = _prepared_text(statement.statement, group, principal)
        parameters = list(statement.values) or parameters
    try:
        return bind(sql, parameters)
    except QueryFailedError as failure:
        return failure


def _prepared_text(name: str, group: str, principal: Principal) -> str:
    athena = client("athena", principal.role_arn, principal.session or "local")
    try:
        found = athena.get_prepared_statement(StatementName=name, WorkGroup=group)
    except athena.exceptions.ResourceNotFoundException as error:
        raise invalid(error.response["Error"]["Message"]) from error
    except ClientError as error:
        details = error.response["Error"]
        raise AwsError(details["Code"], details["Message"]) from error
    return str(found["PreparedStatement"]["QueryStatement"])


def _find(request: Json) -> Query:
    wanted = request.get("QueryExecutionId", "")
    if wanted not in queries:
        raise invalid(f"QueryExecution {wanted} was not found")
    return queries[wanted]


def _describe(query: Query) -> Json:
    now = time.time()
    started, ended = query.started or query.completed or now, query.completed or now
    status: Json = {"State": query.state, "SubmissionDateTime": round(query.submitted, 3)}
    if query.completed:
        status["CompletionDateTime"] = round(query.completed, 3)
    if query.reason:
        status["StateChangeReason"] = query.reason
    if query.state == "FAILED":
        status["AthenaError"] = {
            "ErrorCategory": 2,
            "ErrorType": 1006,
            "Retryable": False,
            "ErrorMessage": query.reason,
        }
    milliseconds = {
        "EngineExecutionTimeInMillis": ended - started,
        "QueryQueueTimeInMillis": started - query.submitted,
        "ServiceProcessingTimeInMillis": 0.0,
        "TotalExecutionTimeInMillis": ended - query.submitted,
    }
    described: Json = {
        "QueryExecutionId": query.id,
        "Query": query.sql,
        "StatementType": "UTILITY" if query.is_utility else "DML",
        "ResultConfiguration": query.configuration,
        "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": False}},
        "QueryExecutionContext": query.context,
        "Status": status,
        "Statistics": {
            **{name: int(seconds * 1000) for name, seconds in milliseconds.items()},
            "DataScannedInBytes": query.scanned,
            "ResultReuseInformation": {"ReusedPreviousResult": False},
        },
        "WorkGroup": query.workgroup,
        "EngineVersion": _ENGINE,
    }
    if query.parameters:
        described["ExecutionParameters"] = query.parameters
    return described


@operation("AmazonAthena.GetQueryExecution")
def get_query_execution(request: Json) -> Json:
    return {"QueryExecution": _describe(_find(request))}


@operation("AmazonAthena.BatchGetQueryExecution")
def batch_get_query_execution(request: Json) -> Json:
    wanted = request.get("QueryExecutionIds") or []
    missing = [
        {
            "QueryExecutionId": one,
            "ErrorCode": "INVALID_INPUT",
            "ErrorMessage": f"QueryExecution {one} was not found",
        }
        for one in wanted
        if one not in queries
    ]
    return {
        "QueryExecutions": [_describe(queries[one]) for one in wanted if one in queries],
        "UnprocessedQueryExecutionIds": missing,
    }


@operation("AmazonAthena.ListQueryExecutions")
def list_query_executions(request: Json) -> Json:
    group = workgroup(request.get("WorkGroup") or "primary").name
    found = [q.id for q in list(queries.values()) if q.workgroup == group]
    return _page(list(reversed(found)), request, 50, "QueryExecutionIds")


def _page(items: list[Any], request: Json, most: int, key: str) -> Json:
    token = request.get("NextToken") or "0"
    if not token.isdigit():
        raise invalid(f"NextToken {token!r} is not one that was given out")
    start, count = int(token), min(int(request.get("MaxResults") or most), most)
    page: Json = {key: items[start : start + count]}
    if start + count < len(items):
        page["NextToken"] = str(start + count)
    return page


@operation("AmazonAthena.GetQueryResults")
def get_query_results(request: Json) -> Json:
    query = _find(request)
    if query.state in ("QUEUED", "RUNNING"):
        raise invalid(f"Query has not yet finished. Current state: {query.state}")
    if query.result is None:
        raise invalid(f"Query did not finish successfully. Final query state: {query.state}")
    result = query.result
    head: list[list[str | None]] = [] if query.is_utility else [[c.name for c in result.columns]]
    page = _page([*head, *result.rows], request, 1000, "Rows")
    answer: Json = {
        "UpdateCount": 0,
        "ResultSet": {
            "Rows": [
                {"Data": [{} if v is None else {"VarCharValue": v} for v in row]}
                for row in page["Rows"]
            ],
            "ResultSetMetadata": {"ColumnInfo": [column.info() for column in result.columns]},
        },
    }
    if "NextToken" in page:
        answer["NextToken"] = page["NextToken"]
    return answer


@operation("AmazonAthena.StopQueryExecution")
def stop_query_execution(request: Json) -> Json:
    query = _find(request)
    query.cancellation.cancel()
    advance(query, "CANCELLED", "Query cancelled by user")
    return {}


@operation("AmazonAthena.GetTableMetadata")
def get_table_metadata(request: Json) -> Json:
    principal = caller()
    glue = client("glue", principal.role_arn, principal.session or "local")
    database, name = request["DatabaseName"].lower(), request["TableName"].lower()
    try:
        table = glue.get_table(DatabaseName=database, Name=name)["Table"]
    except ClientError as error:
        raise AwsError("MetadataException", error.response["Error"]["Message"]) from error
    storage = table.get("StorageDescriptor") or {}

    def columns(found: list[Json]) -> list[Json]:
        return [{k: c[k] for k in ("Name", "Type", "Comment") if k in c} for c in found]

    return {
        "TableMetadata": {
            "Name": table["Name"],
            "CreateTime": table["CreateTime"].timestamp(),
            "TableType": table.get("TableType", "EXTERNAL_TABLE"),
            "Columns": columns(storage.get("Columns") or []),
            "PartitionKeys": columns(table.get("PartitionKeys") or []),
            "Parameters": {
                **(table.get("Parameters") or {}),
                "location": storage.get("Location", ""),
            },
        }
    }
