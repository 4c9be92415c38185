"""Ask Athena and show the answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from ops.display import console, duration, note, plural, size, table
from ops.errors import OpsError
from ops.target import Target

LOCAL_POLL_SECONDS = 0.05
AWS_POLL_SECONDS = 0.5
SHOWN_ROWS = 50
_NUMBERS = ("tinyint", "smallint", "integer", "bigint", "double", "float", "real", "decimal")


@dataclass(frozen=True)
class Answer:
    """Answer of a query: column names and types, rows of texts (None is null), and its cost."""

    columns: list[str]
    types: list[str]
    rows: list[list[str | None]]
    truncated: bool
    seconds: float
    scanned_bytes: int


def ask(target: Target, sql: str, *, limit: int = SHOWN_ROWS) -> Answer:
    """Run a query in the project's workgroup, on the processed database by default.

    Raises
    ------
    OpsError
        Athena refuses the query or fails it; its reason is in the message.
    """
    started = time.monotonic()
    athena = target.athena
    identifier = athena.start_query_execution(
        QueryString=sql.strip().rstrip(";"),
        WorkGroup=target.outputs.workgroup_name,
        QueryExecutionContext={"Database": target.outputs.database_names["processed"]},
    )["QueryExecutionId"]
    pause = LOCAL_POLL_SECONDS if target.session else AWS_POLL_SECONDS
    try:
        while True:
            execution = athena.get_query_execution(QueryExecutionId=identifier)["QueryExecution"]
            state = execution["Status"]["State"]
            if state not in ("QUEUED", "RUNNING"):
                break
            time.sleep(pause)
    except KeyboardInterrupt:
        athena.stop_query_execution(QueryExecutionId=identifier)
        raise
    if state != "SUCCEEDED":
        reason = execution["Status"].get("StateChangeReason", "Athena gives no reason.")
        raise OpsError(f"The query {state.lower()}: {reason}", hint=f"Query id: {identifier}")
    scanned = execution.get("Statistics", {}).get("DataScannedInBytes", 0)
    columns, types, rows, truncated = _read(target, identifier, limit, execution["StatementType"])
    return Answer(columns, types, rows, truncated, time.monotonic() - started, scanned)


def _read(
    target: Target, identifier: str, limit: int, statement: str
) -> tuple[list[str], list[str], list[list[str | None]], bool]:
    columns: list[str] = []
    types: list[str] = []
    rows: list[list[str | None]] = []
    header = statement == "DML"  # the first row of a SELECT's answer repeats the column names
    pages = target.athena.get_paginator("get_query_results").paginate(QueryExecutionId=identifier)
    for page in pages:
        result = page["ResultSet"]
        info = result.get("ResultSetMetadata", {}).get("ColumnInfo", [])
        columns = [column["Name"] for column in info]
        types = [column["Type"] for column in info]
        for row in result["Rows"]:
            values = [cell.get("VarCharValue") for cell in row.get("Data", [])]
            if header and values == columns:
                header = False
                continue
            header = False
            if len(rows) == limit:
                return columns, types, rows, True
            rows.append(values)
    return columns, types, rows, False


def show(answer: Answer) -> None:
    """Print the answer as a table, and what it took below."""
    right = [n for n, kind in enumerate(answer.types) if kind.startswith(_NUMBERS)]
    if answer.columns:
        table(answer.columns, answer.rows, right=right)
    more = (
        f" (the first {len(answer.rows)}; more with a LIMIT of your own)"
        if answer.truncated
        else ""
    )
    note(
        f"{plural(len(answer.rows), 'row')}{more}, {size(answer.scanned_bytes)} scanned, "
        f"{duration(answer.seconds)}"
    )


def run(target: Target, sql: str) -> None:
    """Ask and show."""
    if not sql.strip():
        raise OpsError(
            "No SQL was given.", hint="For example: make query SQL='SELECT count(*) FROM flights'"
        )
    with console.status("Athena"):
        answer = ask(target, sql)
    show(answer)


def count_rows(target: Target, tables: Iterator[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Rows of tables, given as (database, table), counted by Athena in one query."""
    selects = [
        f"SELECT '{database}' AS d, '{name}' AS t, count(*) AS n "  # noqa: S608 - names of the catalog
        f'FROM "{database}"."{name}"'
        for database, name in tables
    ]
    if not selects:
        return {}
    answer = ask(target, " UNION ALL ".join(selects), limit=len(selects))
    return {(str(d), str(t)): int(n or 0) for d, t, n in answer.rows}
