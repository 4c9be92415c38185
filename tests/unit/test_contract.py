"""What a contract may say, and what it is told when it may not."""

from __future__ import annotations

from typing import Any

import pytest

from medallion import datatypes
from medallion.contract.contract import Approval, Contract, OrderBy, RowCount
from medallion.errors import ConfigError

WHOLE: dict[str, Any] = {
    "name": "orders",
    "engine": "spark",
    "source": {"type": "sample", "table": "sales", "rows": 10, "seed": 7},
    "format": "csv",
    "delimiter": ";",
    "encoding": "latin-1",
    "null_values": ["", "NA"],
    "columns": [
        {"name": "order_id", "type": "bigint", "required": True, "clean": [], "format": None},
        {"name": "mail", "type": "string", "required": False, "clean": ["trim", "lower"]},
        {"name": "day", "type": "date", "format": "%d/%m/%Y"},
        {"name": "price", "type": "decimal(10, 2)"},
    ],
    "key": ["order_id"],
    "order_by": ["day desc", "price"],
    "filter": "price > 0",
    "derive": [{"name": "month", "type": "string", "expression": "date_format(day, 'yyyy-MM')"}],
    "partition_by": ["month"],
    "checks": {
        "not_null": ["mail"],
        "unique": [["order_id", "day"]],
        "accepted_values": {"month": ["2013-01"]},
        "row_count": {"min": 1, "max": None},
        "sql": {"positive": "SELECT 1 WHERE false"},
    },
    "approval": {
        "max_refused_percent": 2.5,
        "max_row_change_percent": 150,
        "timeout_hours": 72,
    },
}


def test_from_json__whole() -> None:
    found = Contract.from_json(WHOLE)
    assert (found.name, found.engine, found.format, found.delimiter, found.encoding) == (
        *("orders", "spark", "csv", ";", "latin-1"),
    )
    assert (found.source.type, found.source.table, found.source.rows, found.source.seed) == (
        *("sample", "sales", 10, 7),
    )
    assert found.columns[1].clean == ("trim", "lower")
    assert found.columns[2].format == "%d/%m/%Y"
    assert found.columns[3].type == datatypes.DataType("decimal", 10, 2)
    assert found.order_by == (OrderBy("day", descending=True), OrderBy("price", descending=False))
    assert found.required == ("order_id",)
    assert list(found.processed_types) == ["order_id", "mail", "day", "price", "month"]
    assert found.checks.unique == (("order_id", "day"),)
    assert found.checks.row_count == RowCount(1, None)
    assert found.checks.accepted_values == {"month": ("2013-01",)}
    assert found.approval == Approval(2.5, 150, 72)


def test_from_json__least() -> None:
    found = Contract.from_json({"name": "a", "columns": [{"name": "x", "type": "int"}]})
    assert (found.source.type, found.source.seed, found.format) == ("drop", 42, "auto")
    assert found.engine == "duckdb", "a contract that names no engine runs on DuckDB"
    assert (found.encoding, found.null_values, found.delimiter) == ("utf-8", ("",), None)
    assert (found.key, found.order_by, found.filter, found.derive) == ((), (), None, ())
    assert found.approval is None
    assert found == Contract.from_json({**dict.fromkeys(WHOLE), "name": "a", "columns": [
        {"name": "x", "type": "int", "required": None, "clean": None, "format": None}
    ]})  # fmt: skip


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"max_refused_percent": 0}, Approval(0, None, 24)),
        ({"max_refused_percent": 100, "timeout_hours": None}, Approval(100, None, 24)),
        ({"max_row_change_percent": 0, "timeout_hours": 1}, Approval(None, 0, 1)),
        ({"max_row_change_percent": 10**400}, Approval(None, 10**400, 24)),
    ],
)
def test_approval__bounds(document: dict[str, Any], expected: Approval) -> None:
    assert Contract.from_json({**WHOLE, "approval": document}).approval == expected


def test_required__key_columns_are_required() -> None:
    found = Contract.from_json({**WHOLE, "key": ["mail", "day"]})
    assert found.required == ("order_id", "mail", "day")


@pytest.mark.parametrize(
    ("name", "spark", "duckdb", "arrow"),
    [
        ("string", "string", "VARCHAR", "string"),
        ("boolean", "boolean", "BOOLEAN", "bool"),
        ("int", "int", "INTEGER", "int32"),
        ("bigint", "bigint", "BIGINT", "int64"),
        ("double", "double", "DOUBLE", "double"),
        ("date", "date", "DATE", "date32[day]"),
        ("timestamp", "timestamp", "TIMESTAMP", "timestamp[us]"),
        ("decimal(38,10)", "decimal(38,10)", "DECIMAL(38,10)", "decimal128(38, 10)"),
    ],
)
def test_types__names(name: str, spark: str, duckdb: str, arrow: str) -> None:
    found = datatypes.parse(name)
    assert (found.name, found.duckdb, str(found.arrow)) == (spark, duckdb, arrow)


def _columns(**changes: Any) -> dict[str, Any]:
    return {"columns": [{"name": "x", "type": "int", **changes}]}


_NAME_RULE = "a name starts with a lower-case letter and goes on with lower-case letters"

BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"name": "Orders"}, "name", f"'Orders' is not allowed: {_NAME_RULE}"),
    ({"name": None}, "name", "missing; a text is required"),
    ({"colums": []}, "colums", "unknown field; allowed: name, engine, source,"),
    ({"engine": "Spark"}, "engine", "found 'Spark'; allowed: duckdb, spark"),
    ({"engine": True}, "engine", "expected a text, found true"),
    ({"format": "xml"}, "format", "found 'xml'; allowed: auto, csv, tsv, json, ndjson, parquet"),
    ({"delimiter": "ab"}, "delimiter", "'ab' is not allowed; one ASCII character"),
    ({"delimiter": "x"}, "delimiter", "'x' is not allowed; one ASCII character"),
    ({"delimiter": "¦"}, "delimiter", "'¦' is not allowed; one ASCII character"),
    ({"encoding": "base64"}, "encoding", "unknown encoding 'base64'"),
    ({"encoding": "undefined"}, "encoding", "unknown encoding 'undefined'"),
    ({"encoding": "utf-9"}, "encoding", "unknown encoding 'utf-9'; use a name such as utf-8"),
    ({"null_values": "NA"}, "null_values", "expected a list, found the text 'NA'"),
    ({"null_values": [1]}, "null_values[0]", "expected a text, found the number 1"),
    ({"columns": []}, "columns", "no columns; a dataset needs at least one"),
    ({"columns": {}}, "columns", "expected a list, found an object"),
    ({"columns": ["x"]}, "columns[0]", "expected an object, found the text 'x'"),
    (_columns(type="text"), "columns[0].type", "unknown type 'text'; allowed: string, boolean"),
    (_columns(type="decimal(39,2)"), "columns[0].type", "'decimal(39,2)' is out of range"),
    (_columns(type="decimal(3,4)"), "columns[0].type", "needs 1 <= p <= 38 and s <= p"),
    (_columns(type=None), "columns[0].type", "missing; a text is required"),
    (_columns(name="_source_file"), "columns[0].name", "'_source_file' is reserved"),
    (_columns(name="ingest_date"), "columns[0].name", "'ingest_date' is reserved (reserved:"),
    (_columns(name="file_index"), "columns[0].name", "'file_index' is reserved"),
    (_columns(name="_x"), "columns[0].name", f"'_x' is not allowed: {_NAME_RULE}"),
    (_columns(nullable=True), "columns[0].nullable", "unknown field; allowed: name, type"),
    (_columns(required="yes"), "columns[0].required", "expected true or false, found the text"),
    (_columns(clean=["trim"]), "columns[0].clean", "column 'x' is an int, and only strings"),
    (
        _columns(type="string", clean=["trim", "strip"]),
        "columns[0].clean[1]",
        "unknown function 'strip'; allowed: trim, lower, upper, title",
    ),
    (_columns(format="%d"), "columns[0].format", "only for date and timestamp, not for an int"),
    (
        _columns(type="date", format="%d/%Q"),
        "columns[0].format",
        "unknown directive '%Q' in '%d/%Q'; allowed: %Y %y %m %d",
    ),
    (_columns(type="date", format="%"), "columns[0].format", "unknown directive '%' in '%'"),
    (_columns(type="date", format="dd/MM"), "columns[0].format", "'dd/MM' has no directive"),
    (
        {"columns": [{"name": "x", "type": "int"}, {"name": "x", "type": "int"}]},
        "columns[1].name",
        "'x' is used twice; every column needs its own name",
    ),
    ({"key": ["id"]}, "key[0]", "unknown column 'id'; the columns are: order_id, mail, day"),
    ({"key": ["month"]}, "key[0]", "unknown column 'month'"),
    ({"key": ["mail", "mail"]}, "key[1]", "'mail' is listed twice"),
    ({"order_by": ["when desc"]}, "order_by[0]", "unknown column 'when'"),
    ({"order_by": ["day down"]}, "order_by[0]", "'day down' is not allowed; write a column"),
    ({"filter": " "}, "filter", "the text is blank; give one, or leave the field null"),
    ({"filter": 1}, "filter", "expected a text, found the number 1"),
    (
        {"derive": [{"name": "mail", "type": "string", "expression": "1"}]},
        "derive[0].name",
        "'mail' is used twice",
    ),
    ({"derive": [{"name": "m", "type": "string"}]}, "derive[0].expression", "missing; a text"),
    ({"partition_by": ["year"]}, "partition_by[0]", "unknown column 'year'"),
    (
        {"partition_by": ["price"]},
        "partition_by[0]",
        "column 'price' is a decimal(10,2); a partition column is one of string, boolean, int",
    ),
    (
        {**_columns(), "partition_by": ["x"]},
        "partition_by",
        "all columns are partition columns; one must stay in the files",
    ),
    ({"source": {"type": "ftp"}}, "source.type", "found 'ftp'; allowed: drop, sample, http"),
    ({"source": {"type": "sample"}}, "source.table", "found None; allowed: customers, products"),
    (
        {"source": {"type": "sample", "table": "sales", "rows": 0}},
        "source.rows",
        "0 is too small; at least 1 is needed",
    ),
    (
        {"source": {"type": "drop", "table": "sales"}},
        "source.table",
        "only for source type 'sample'; leave it null for 'drop'",
    ),
    ({"source": {"seed": True}}, "source.seed", "expected a whole number, found true"),
    ({"checks": {"not_null": ["y"]}}, "checks.not_null[0]", "unknown column 'y'"),
    ({"checks": {"unique": [["y"]]}}, "checks.unique[0]", "unknown column 'y'"),
    ({"checks": {"unique": ["order_id"]}}, "checks.unique[0]", "expected a list of columns"),
    ({"checks": {"accepted_values": {"y": [1]}}}, "checks.accepted_values.y", "unknown column"),
    (
        {"checks": {"accepted_values": {"mail": []}}},
        "checks.accepted_values.mail",
        "expected a list of at least one value",
    ),
    (
        {"checks": {"row_count": {"min": 5, "max": 4}}},
        "checks.row_count.max",
        "4 is below min, which is 5",
    ),
    ({"checks": {"row_count": {"min": -1}}}, "checks.row_count.min", "-1 is too small"),
    ({"checks": {"sql": {"a": ""}}}, "checks.sql.a", "the text is blank"),
    ({"approval": 5}, "approval", "expected an object, found the number 5"),
    (
        {"approval": {"timeout_hours": 5}},
        "approval",
        "no threshold; set max_refused_percent, max_row_change_percent or both",
    ),
    (
        {"approval": {"max_refused": 5}},
        "approval.max_refused",
        "unknown field; allowed: max_refused_percent, max_row_change_percent, timeout_hours",
    ),
    (
        {"approval": {"max_refused_percent": -0.5}},
        "approval.max_refused_percent",
        "-0.5 is too small; at least 0 is needed",
    ),
    (
        {"approval": {"max_refused_percent": 100.1}},
        "approval.max_refused_percent",
        "100.1 is too large; at most 100 is allowed",
    ),
    (
        {"approval": {"max_refused_percent": "5"}},
        "approval.max_refused_percent",
        "expected a number, found the text '5'",
    ),
    (
        {"approval": {"max_refused_percent": True}},
        "approval.max_refused_percent",
        "expected a number, found true",
    ),
    (
        {"approval": {"max_row_change_percent": float("nan")}},
        "approval.max_row_change_percent",
        "expected a number, found the number nan",
    ),
    (
        {"approval": {"max_row_change_percent": float("inf")}},
        "approval.max_row_change_percent",
        "expected a number, found the number inf",
    ),
    (
        {"approval": {"max_row_change_percent": -1}},
        "approval.max_row_change_percent",
        "-1 is too small; at least 0 is needed",
    ),
    (
        {"approval": {"max_refused_percent": 5, "timeout_hours": 0}},
        "approval.timeout_hours",
        "0 is too small; at least 1 is needed",
    ),
    (
        {"approval": {"max_refused_percent": 5, "timeout_hours": 73}},
        "approval.timeout_hours",
        "73 is too large; at most 72 is allowed",
    ),
    (
        {"approval": {"max_refused_percent": 5, "timeout_hours": 1.5}},
        "approval.timeout_hours",
        "expected a whole number, found the number 1.5",
    ),
    ({"checks": {"nonnull": []}}, "checks.nonnull", "unknown field; allowed: not_null, unique"),
]


@pytest.mark.parametrize(("change", "field", "problem"), BAD)
def test_from_json__refused(change: dict[str, Any], field: str, problem: str) -> None:
    least = {"name": "orders"} if "columns" in change else WHOLE
    with pytest.raises(ConfigError) as error:
        Contract.from_json({**least, **change})
    dataset = "?" if "name" in change else "orders"
    assert str(error.value).startswith(f"dataset '{dataset}', field '{field}': ")
    assert problem in str(error.value)


def test_from_json__not_an_object() -> None:
    with pytest.raises(ConfigError, match="a contract is a JSON object, this is a list"):
        Contract.from_json([])
