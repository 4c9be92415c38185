"""Athena on DuckDB: catalog, data, permissions, results, limits."""

from __future__ import annotations

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from botocore.exceptions import ClientError

from local.athena.engine import connect
from tests.local.athena.conftest import caller
from tests.local.conftest import Aws, allow, unique
from tests.local.lake import Lake

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


def test_query__lists_each_partition_with_the_callers_permissions(lake: Lake) -> None:
    bucket = f"arn:aws:s3:::{lake.bucket}"
    under = {"StringLike": {"s3:prefix": "raw/sales/month=2024-01/*"}}
    one = caller(lake, allow("s3:ListBucket", bucket, Condition=under), without="s3:ListBucket")
    assert lake.rows("SELECT count(*) FROM sales WHERE month = '2024-01'", one) == [["2"]]
    reason = lake.fails("SELECT count(*) FROM sales", one)
    place = f"Permission denied on S3 path: s3://{lake.bucket}/raw/sales/month=2024-02/"
    assert reason.startswith(f"PERMISSION_DENIED: {place}")


def test_query__of_a_file_with_a_key_needs_the_key(aws: Aws) -> None:
    lake = Lake(aws)
    lake.put("raw/t/a.parquet", {"a": [1]})
    lake.crawl(lake.crawler("raw/t/"))
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    source = {"Bucket": lake.bucket, "Key": "raw/t/a.parquet"}
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    lake.s3.copy_object(**source, CopySource=source, **encrypted)
    through = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    may = caller(lake, allow("kms:Decrypt", key, Condition=through))
    # The second time, there is a copy of the file.
    assert [lake.rows("SELECT a FROM t", may) for _ in range(2)] == [[["1"]]] * 2
    assert "not authorized to perform: kms:Decrypt" in lake.fails("SELECT a FROM t", caller(lake))


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
