"""Athena on DuckDB: catalog, data, permissions, results, limits, prepared statements."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from botocore.exceptions import ClientError

from local.athena.engine import connect
from tests.local.conftest import Aws, allow, unique
from tests.local.lake import Lake


@pytest.fixture(scope="module")
def lake(aws: Aws) -> Lake:
    """A lake with a partitioned table ``sales`` and a plain one ``shops``."""
    lake = Lake(aws)
    for month, amounts in (("2024-01", ["1.50", "2.25"]), ("2024-02", ["4.00"])):
        count = len(amounts)
        lake.put(
            f"raw/sales/month={month}/a.parquet",
            {
                "Id": pa.array(range(count), pa.int64()),
                "amount": [Decimal(amount) for amount in amounts],
                "at": pa.array([datetime(2024, 1, 31, 12, 30)] * count, pa.timestamp("us")),
                "shop": ["north", None][:count],
            },
        )
    lake.put("raw/shops/a.parquet", {"shop": ["north", "south"], "size": [1.5, 2e10]})
    assert lake.crawl(lake.crawler("raw/sales/", "raw/shops/"))["Status"] == "SUCCEEDED"
    return lake


def caller(lake: Lake, *more: dict[str, Any], without: str = "") -> Any:
    """Return an Athena client in a role that may run queries, less one action or resource."""
    catalog = [
        "arn:aws:glue:us-east-1:123456789012:catalog",
        f"arn:aws:glue:us-east-1:123456789012:database/{lake.database}",
        f"arn:aws:glue:us-east-1:123456789012:table/{lake.database}/*",
    ]
    default = "arn:aws:glue:us-east-1:123456789012:database/default"
    group = f"arn:aws:athena:us-east-1:123456789012:workgroup/{lake.workgroup}"
    data, results = (f"arn:aws:s3:::{lake.bucket}/{p}/*" for p in ("raw", "results"))
    wanted: list[tuple[str, str | list[str]]] = [
        ("athena:StartQueryExecution", group),
        ("athena:GetPreparedStatement", group),
        # On its own database, and on the one that Athena always asks for.
        ("glue:GetDatabase", catalog[:2]),
        ("glue:GetDatabase", default),
        ("glue:CreateDatabase", [catalog[0], default]),
        ("glue:GetTable", catalog),
        ("glue:GetPartitions", catalog),
        ("s3:GetObject", data),
        ("s3:ListBucket", f"arn:aws:s3:::{lake.bucket}"),
        ("s3:PutObject", results),
    ]
    statements = [allow(action, on) for action, on in wanted if without not in (action, on)]
    return lake.aws.as_role("athena", lake.aws.role(*statements, *more))


# ------------------------------------------------------------------------------------- answers


def test_query__null_partition_is_null(aws: Aws) -> None:
    lake = Lake(aws)
    # It was the text of Hive's folder, and no integer where the key was one.
    for value in ("new", "__HIVE_DEFAULT_PARTITION__"):
        lake.put(f"raw/states/state={value}/a.parquet", {"n": pa.array([1], pa.int64())})
    assert lake.crawl(lake.crawler("raw/states/"))["Status"] == "SUCCEEDED"
    assert sorted(lake.rows("SELECT state, n FROM states"), key=str) == [["new", "1"], [None, "1"]]
    assert lake.rows("SELECT n FROM states WHERE state IS NULL") == [["1"]]


def test_query__joins_tables_over_partitions(lake: Lake) -> None:
    sql = """
        SELECT s.month, count(*) AS n, sum(s.amount) AS total, max(h.size) AS biggest
        FROM Sales s LEFT JOIN shops h ON s.SHOP = h.shop
        GROUP BY s.month ORDER BY s.month"""
    assert lake.rows(sql) == [
        ["2024-01", "2", "3.75", "1.5"],
        ["2024-02", "1", "4.00", "1.5"],
    ]


def test_results__have_athenas_names_types_and_texts(lake: Lake) -> None:
    query = lake.start(
        "SELECT Id, amount, at, sales.shop, size, id > 0 FROM sales CROSS JOIN shops "
        "WHERE amount > 2 AND month = '2024-01' AND size > 9"
    )
    assert lake.finish(query)["Status"]["State"] == "SUCCEEDED"
    found = lake.athena.get_query_results(QueryExecutionId=query)["ResultSet"]
    columns = found["ResultSetMetadata"]["ColumnInfo"]
    assert [(c["Name"], c["Type"], c["Precision"], c["Scale"]) for c in columns] == [
        ("Id", "bigint", 19, 0),
        ("amount", "decimal", 3, 2),
        ("at", "timestamp", 3, 0),
        ("shop", "varchar", 2147483647, 0),
        ("size", "double", 17, 0),
        ("_col5", "boolean", 0, 0),
    ]
    values = [value.get("VarCharValue") for value in found["Rows"][1]["Data"]]
    assert values == ["1", "2.25", "2024-01-31 12:30:00.000", None, "2.0E10", "true"]


def test_results__are_paged_and_start_with_the_names(lake: Lake) -> None:
    query = lake.start("SELECT x FROM UNNEST(sequence(1, 25)) AS t (x) ORDER BY x")
    lake.finish(query)
    first = lake.athena.get_query_results(QueryExecutionId=query, MaxResults=10)
    rows = [row["Data"][0]["VarCharValue"] for row in first["ResultSet"]["Rows"]]
    assert rows == ["x", *map(str, range(1, 10))]
    second = lake.athena.get_query_results(
        QueryExecutionId=query, MaxResults=10, NextToken=first["NextToken"]
    )
    assert second["ResultSet"]["Rows"][0]["Data"] == [{"VarCharValue": "10"}]
    assert [row[0] for row in lake.results(query)][-1] == "25"


def test_result_object__is_csv_that_tells_null_from_empty(lake: Lake) -> None:
    query = lake.start("""SELECT 'a "b"' AS t, '' AS empty, CAST(NULL AS varchar) AS nothing""")
    execution = lake.finish(query)
    place = f"s3://{lake.bucket}/results/{query}.csv"
    assert execution["ResultConfiguration"]["OutputLocation"] == place
    body = lake.s3.get_object(Bucket=lake.bucket, Key=f"results/{query}.csv")["Body"].read()
    assert body.decode() == '"t","empty","nothing"\n"a ""b""","",\n'
    lake.s3.head_object(Bucket=lake.bucket, Key=f"results/{query}.csv.metadata")


def test_scan__counts_used_columns_of_used_partitions(lake: Lake) -> None:
    def scanned(sql: str) -> int:
        execution = lake.finish(lake.start(sql))
        assert execution["Status"]["State"] == "SUCCEEDED"
        size: int = execution["Statistics"]["DataScannedInBytes"]
        return size

    everything = scanned("SELECT * FROM sales")
    one_column = scanned("SELECT amount FROM sales")
    one_partition = scanned("SELECT amount FROM sales WHERE month = '2024-02'")
    assert everything > one_column > one_partition > 0
    assert scanned("SELECT count(*) FROM sales") == 0
    either = "SELECT amount FROM sales WHERE month = '2024-02' OR amount > 1"
    assert scanned(either) == one_column


def test_pruning__never_changes_the_rows(lake: Lake) -> None:
    outer = """
        SELECT h.shop, count(s.month) FROM shops h
        LEFT JOIN sales s ON s.shop = h.shop AND s.month = '2024-01'
        WHERE s.month IS NULL GROUP BY h.shop"""
    assert lake.rows(outer) == [["south", "0"]]
    twice = """
        SELECT count(*) FROM sales a JOIN (SELECT * FROM sales WHERE month = '2024-02') b
        ON a.id = b.id WHERE a.month = '2024-01'"""
    assert lake.rows(twice) == [["1"]]
    assert lake.rows("SELECT count(*) FROM sales WHERE month > '2024-01'") == [["1"]]


def test_columns__missing_in_old_files_are_null(aws: Aws) -> None:
    lake = Lake(aws)
    lake.put("raw/t/a.parquet", {"a": [1]})
    lake.put("raw/t/b.parquet", {"A": [2], "b": ["x"]})
    lake.crawl(lake.crawler("raw/t/"))
    assert lake.rows("SELECT a, b FROM t ORDER BY a") == [["1", None], ["2", "x"]]
    lake.s3.delete_object(Bucket=lake.bucket, Key="raw/t/b.parquet")
    assert lake.rows("SELECT a, b FROM t ORDER BY a") == [["1", None]]
    lake.s3.delete_object(Bucket=lake.bucket, Key="raw/t/a.parquet")
    assert lake.rows("SELECT a, b FROM t") == []


def test_overwritten_object__is_read_anew(aws: Aws) -> None:
    lake = Lake(aws)
    lake.put("raw/t/a.parquet", {"a": [1]})
    lake.crawl(lake.crawler("raw/t/"))
    assert lake.rows("SELECT a FROM t") == [["1"]]
    lake.put("raw/t/a.parquet", {"a": [2]})
    assert lake.rows("SELECT a FROM t") == [["2"]]


def test_queries__run_side_by_side(lake: Lake) -> None:
    def run(number: int) -> list[list[str | None]]:
        return lake.rows(f"SELECT {number}, sum(amount) FROM sales")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(run, range(16)))
    assert answers == [[[str(number), "7.75"]] for number in range(16)]


@pytest.mark.parametrize(
    ("sql", "first_column"),
    [
        ("SHOW TABLES", ["sales", "shops"]),
        ("SHOW TABLES 'sh*'", ["shops"]),
        ("show partitions sales;", ["month=2024-01", "month=2024-02"]),
        ("SHOW COLUMNS IN shops", ["shop", "size"]),
    ],
)
def test_show__lists_the_catalog(lake: Lake, sql: str, first_column: list[str]) -> None:
    query = lake.start(sql)
    execution = lake.finish(query)
    assert execution["StatementType"] == "UTILITY"
    assert execution["ResultConfiguration"]["OutputLocation"].endswith(".txt")
    assert [row[0] for row in lake.results(query)] == first_column


def test_describe__names_columns_and_partition_keys(lake: Lake) -> None:
    query = lake.start(f"DESCRIBE {lake.database}.sales")
    lake.finish(query)
    lines = [str(row[0]).split() for row in lake.results(query)]
    assert ["amount", "decimal(3,2)"] in lines
    assert lines[-1] == ["month", "string"]


# ------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT * FROM nothing", "TABLE_NOT_FOUND: Table 'awsdatacatalog.{db}.nothing' does not"),
        ("SELECT * FROM nowhere.t", "SCHEMA_NOT_FOUND: Schema 'nowhere' does not exist"),
        ("SELECT nope FROM sales", "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved"),
        ("SELECT 1 FROM sales WHERE month = 202401", "TYPE_MISMATCH: "),
        ("SELECT amount / (id - id) FROM sales", "DIVISION_BY_ZERO"),
        ("SHOW TABLES IN nowhere", "SCHEMA_NOT_FOUND"),
    ],
)
def test_query__fails_with_a_reason(lake: Lake, sql: str, reason: str) -> None:
    assert lake.fails(sql).startswith(reason.format(db=lake.database))


def test_query__that_does_not_parse_is_refused(lake: Lake) -> None:
    with pytest.raises(lake.athena.exceptions.InvalidRequestException, match="mismatched input"):
        lake.start("SELEC 1")


@pytest.mark.parametrize("sql", ["CREATE TABLE x AS SELECT 1", "UNLOAD (SELECT 1) TO 's3://b/'"])
def test_statement__that_only_aws_runs_is_refused_by_name(lake: Lake, sql: str) -> None:
    with pytest.raises(
        ClientError, match=f"{sql.split(maxsplit=1)[0]} statements are not emulated"
    ):
        lake.start(sql)


def test_file_that_is_no_parquet__fails_and_is_named(aws: Aws) -> None:
    lake = Lake(aws)
    lake.put("raw/t/a.parquet", {"a": [1]})
    lake.crawl(lake.crawler("raw/t/"))
    lake.s3.put_object(Bucket=lake.bucket, Key="raw/t/b.parquet", Body=b"broken")
    reason = lake.fails("SELECT a FROM t")
    assert reason.startswith(f"HIVE_BAD_DATA: Not valid Parquet file: s3://{lake.bucket}/raw/t/b")
    lake.put("raw/t/b.parquet", {"a": ["text"]})
    assert "type string in parquet file" in lake.fails("SELECT a FROM t")
    lake.s3.put_object(Bucket=lake.bucket, Key="raw/t/_b.parquet", Body=b"broken")
    lake.s3.delete_object(Bucket=lake.bucket, Key="raw/t/b.parquet")
    assert lake.rows("SELECT a FROM t") == [["1"]]


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("glue:GetDatabase", "Insufficient permissions to execute the query"),
        ("glue:CreateDatabase", "Insufficient permissions to execute the query"),
        ("glue:GetTable", "Insufficient permissions to execute the query"),
        ("glue:GetPartitions", "Insufficient permissions to execute the query"),
        ("s3:ListBucket", "PERMISSION_DENIED: Permission denied on S3 path: s3://"),
        ("s3:GetObject", "PERMISSION_DENIED: Permission denied on S3 path: s3://"),
        ("s3:PutObject", "Access denied when writing output to url: s3://"),
    ],
)
def test_query__runs_with_the_callers_permissions(lake: Lake, missing: str, words: str) -> None:
    sql = "SELECT count(*) FROM sales WHERE amount > 0"
    # The copies of the files are there already: a caller has to be allowed all the same.
    assert lake.rows(sql, caller(lake)) == [["3"]]
    reason = lake.fails(sql, caller(lake, without=missing))
    assert reason.startswith(words)
    assert f"is not authorized to perform: {missing}" in reason


def test_query__needs_the_database_default_whatever_it_asks(lake: Lake) -> None:
    default = "arn:aws:glue:us-east-1:123456789012:database/default"
    reason = lake.fails("SELECT 1", caller(lake, without=default))
    assert f"is not authorized to perform: glue:GetDatabase on resource: {default}" in reason


def test_results__are_put_with_the_workgroups_key(lake: Lake) -> None:
    key = lake.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    encryption = {"EncryptionOption": "SSE_KMS", "KmsKey": key}
    location = f"s3://{lake.bucket}/results/"
    results = {"OutputLocation": location, "EncryptionConfiguration": encryption}
    group = unique("group")
    lake.athena.create_work_group(Name=group, Configuration={"ResultConfiguration": results})
    query = lake.start("SELECT 1", WorkGroup=group)
    place = lake.finish(query)["ResultConfiguration"]["OutputLocation"]
    stored = lake.s3.head_object(Bucket=lake.bucket, Key=place.split("/", 3)[3])
    assert (stored["ServerSideEncryption"], stored["SSEKMSKeyId"]) == ("aws:kms", key)


def test_engine__reaches_no_file_of_the_machine(lake: Lake) -> None:
    assert "FUNCTION_NOT_FOUND" in lake.fails("SELECT * FROM read_csv('/etc/passwd')")
    assert "TABLE_NOT_FOUND" in lake.fails('SELECT * FROM "/etc/passwd"')


def test_engine__is_confined_to_its_directory(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    for directory in (inside, outside):
        directory.mkdir()
        (directory / "a.csv").write_text("x\n1\n")
    with contextlib.closing(connect(inside)) as engine:
        assert engine.execute(f"SELECT x FROM read_csv('{inside}/a.csv')").fetchall() == [(1,)]
        for sql in (
            f"SELECT x FROM read_csv('{outside}/a.csv')",
            f"SELECT x FROM read_csv('{inside}/../out/a.csv')",
            f"COPY (SELECT 1) TO '{outside}/b.csv'",
            "SET enable_external_access = true",
        ):
            with pytest.raises((duckdb.PermissionException, duckdb.InvalidInputException)):
                engine.execute(sql)


def test_scan_limit__cancels_the_query(aws: Aws) -> None:
    lake = Lake(aws)
    rows = 2_000_000
    noise = pa.Array.from_buffers(pa.int64(), rows, [None, pa.py_buffer(os.urandom(8 * rows))])
    lake.put("raw/t/a.parquet", {"a": noise, "b": pa.array([1] * rows)})
    lake.crawl(lake.crawler("raw/t/"))
    execution = lake.finish(lake.start("SELECT max(a) FROM t"))
    assert execution["Status"]["State"] == "CANCELLED"
    assert execution["Status"]["StateChangeReason"] == "Bytes scanned limit was exceeded"
    assert execution["Statistics"]["DataScannedInBytes"] == 10_000_000
    assert lake.rows("SELECT max(b) FROM t") == [["1"]]


def test_stop__cancels_a_running_query(lake: Lake) -> None:
    query = lake.start(
        "SELECT count(*) FROM UNNEST(sequence(1, 100000)) AS a (x) "
        "CROSS JOIN UNNEST(sequence(1, 100000)) AS b (y) WHERE x % 7 = y % 11"
    )
    lake.athena.stop_query_execution(QueryExecutionId=query)
    assert lake.finish(query)["Status"]["State"] == "CANCELLED"
    with pytest.raises(ClientError, match="Final query state: CANCELLED"):
        lake.results(query)
    assert lake.rows("SELECT 1") == [["1"]]


def test_unknown_query_and_group__are_refused(lake: Lake) -> None:
    invalid = lake.athena.exceptions.InvalidRequestException
    with pytest.raises(invalid, match="was not found"):
        lake.athena.get_query_execution(QueryExecutionId="x")
    with pytest.raises(invalid, match="WorkGroup nobody is not found"):
        lake.athena.start_query_execution(QueryString="SELECT 1", WorkGroup="nobody")
    with pytest.raises(invalid, match="No output location provided"):
        lake.athena.start_query_execution(QueryString="SELECT 1")
    answer = lake.athena.batch_get_query_execution(QueryExecutionIds=["x"])
    assert answer["UnprocessedQueryExecutionIds"][0]["QueryExecutionId"] == "x"


def test_token__makes_starting_idempotent(lake: Lake) -> None:
    token = unique("token") * 2
    first = lake.start("SELECT 1", ClientRequestToken=token)
    assert lake.start("SELECT 1", ClientRequestToken=token) == first
    with pytest.raises(ClientError, match="Idempotent parameters do not match"):
        lake.start("SELECT 2", ClientRequestToken=token)
    lake.finish(first)


# --------------------------------------------------------------------------- prepared statements


@pytest.fixture
def prepared(lake: Lake) -> Iterator[str]:
    name = unique("check").replace("-", "_")
    lake.athena.create_prepared_statement(
        StatementName=name,
        WorkGroup=lake.workgroup,
        QueryStatement=(
            "SELECT 'rows' AS check_name, CAST(n AS varchar) AS found "
            "FROM (SELECT count(*) AS n FROM sales) WHERE n <> ? UNION ALL "
            "SELECT 'shops', CAST(n AS varchar) FROM (SELECT count(*) AS n FROM shops) WHERE n <> ?"
        ),
    )
    yield name
    lake.athena.delete_prepared_statement(StatementName=name, WorkGroup=lake.workgroup)


def test_execute__binds_values_in_order(lake: Lake, prepared: str) -> None:
    execute = f"EXECUTE {prepared}"
    assert lake.rows(execute, ExecutionParameters=["3", "2"]) == []
    assert lake.rows(execute, ExecutionParameters=["3", "9"]) == [["shops", "2"]]
    assert lake.rows(f"{execute} USING 9, 2") == [["rows", "3"]]


def test_execute__needs_all_values_and_the_permission(lake: Lake, prepared: str) -> None:
    execute = f"EXECUTE {prepared}"
    with pytest.raises(ClientError, match="expected 2 but found 1"):
        lake.start(execute, ExecutionParameters=["3"])
    with pytest.raises(ClientError, match="athena:GetPreparedStatement"):
        lake.start(execute, caller(lake, without="athena:GetPreparedStatement"))
    assert lake.rows(execute, caller(lake), ExecutionParameters=["3", "2"]) == []
    with pytest.raises(ClientError, match="was not found"):
        lake.start("EXECUTE nothing")


def test_prepared_statement__lives_in_its_workgroup(lake: Lake, prepared: str) -> None:
    athena, group = lake.athena, lake.workgroup
    found = athena.get_prepared_statement(StatementName=prepared, WorkGroup=group)
    assert found["PreparedStatement"]["WorkGroupName"] == group
    listed = athena.list_prepared_statements(WorkGroup=group)["PreparedStatements"]
    assert prepared in [statement["StatementName"] for statement in listed]
    with pytest.raises(athena.exceptions.ResourceNotFoundException):
        athena.get_prepared_statement(StatementName=prepared, WorkGroup="primary")
    with pytest.raises(ClientError, match="already exists"):
        athena.create_prepared_statement(
            StatementName=prepared, WorkGroup=group, QueryStatement="SELECT 1"
        )
    athena.update_prepared_statement(
        StatementName=prepared, WorkGroup=group, QueryStatement="SELECT 7"
    )
    assert lake.rows(f"EXECUTE {prepared}") == [["7"]]


@pytest.mark.parametrize(
    ("sql", "words"), [("SELEC", "mismatched input"), ("SELECT ? FROM sales", "WHERE clause")]
)
def test_prepared_statement__is_checked_when_it_is_made(lake: Lake, sql: str, words: str) -> None:
    with pytest.raises(ClientError, match=words):
        lake.athena.create_prepared_statement(
            StatementName="bad", WorkGroup=lake.workgroup, QueryStatement=sql
        )


# ------------------------------------------------------------------------------------ workgroups


def test_workgroup__settings_are_enforced(lake: Lake) -> None:
    other = {"OutputLocation": f"s3://{lake.bucket}/elsewhere/"}
    query = lake.start("SELECT 1", ResultConfiguration=other)
    assert "/results/" in lake.finish(query)["ResultConfiguration"]["OutputLocation"]


def test_workgroup__reads_back_as_written_and_updates(lake: Lake) -> None:
    athena, name = lake.athena, unique("group")
    results = {
        "OutputLocation": f"s3://{lake.bucket}/r/",
        "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
    }
    athena.create_work_group(
        Name=name,
        Configuration={"ResultConfiguration": results, "BytesScannedCutoffPerQuery": 10_000_000},
        Tags=[{"Key": "a", "Value": "b"}],
    )
    first = athena.get_work_group(WorkGroup=name)["WorkGroup"]
    assert first["Configuration"]["ResultConfiguration"] == results
    arn = f"arn:aws:athena:us-east-1:123456789012:workgroup/{name}"
    assert athena.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    athena.update_work_group(
        WorkGroup=name,
        Description="new",
        ConfigurationUpdates={
            "RemoveBytesScannedCutoffPerQuery": True,
            "ResultConfigurationUpdates": {"RemoveEncryptionConfiguration": True},
        },
    )
    second = athena.get_work_group(WorkGroup=name)["WorkGroup"]
    assert second["Description"] == "new"
    assert "BytesScannedCutoffPerQuery" not in second["Configuration"]
    assert set(second["Configuration"]["ResultConfiguration"]) == {"OutputLocation"}
    athena.update_work_group(WorkGroup=name, State="DISABLED")
    with pytest.raises(ClientError, match="is disabled"):
        athena.start_query_execution(QueryString="SELECT 1", WorkGroup=name)
    athena.delete_work_group(WorkGroup=name)
    with pytest.raises(ClientError, match="is not found"):
        athena.get_work_group(WorkGroup=name)


def test_workgroup__with_content_is_deleted_only_recursively(aws: Aws) -> None:
    lake = Lake(aws)
    lake.rows("SELECT 1")
    with pytest.raises(ClientError, match="is not empty"):
        lake.athena.delete_work_group(WorkGroup=lake.workgroup)
    lake.athena.delete_work_group(WorkGroup=lake.workgroup, RecursiveDeleteOption=True)


def test_table_metadata__is_the_catalogs(lake: Lake) -> None:
    found = lake.athena.get_table_metadata(
        CatalogName="AwsDataCatalog", DatabaseName=lake.database, TableName="Sales"
    )["TableMetadata"]
    assert {"Name": "amount", "Type": "decimal(3,2)"} in found["Columns"]
    assert found["PartitionKeys"] == [{"Name": "month", "Type": "string"}]
    catalog = lake.athena.get_data_catalog(Name="AwsDataCatalog")["DataCatalog"]
    assert catalog["Type"] == "GLUE"


def test_names__of_the_catalog_are_folded_to_lower_case(lake: Lake) -> None:
    lake.glue.create_database(DatabaseInput={"Name": f"{lake.database}_UPPER"})
    name = lake.glue.get_database(Name=f"{lake.database}_Upper")["Database"]["Name"]
    assert name == f"{lake.database}_upper"
    lake.glue.delete_database(Name=f"{lake.database}_UPPER")
