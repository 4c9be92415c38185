"""Crawlers read real Parquet footers with their role, and keep the catalog by their policies."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import Aws, allow, unique
from tests.local.lake import LOGS, Lake


@pytest.fixture
def lake(aws: Aws) -> Lake:
    return Lake(aws)


# ----------------------------------------------------------------------------------- the catalog


def test_crawl__makes_a_table_as_aws_does(lake: Lake) -> None:
    columns = {
        "Id": pa.array([1, 2], pa.int64()),
        "price": [Decimal("1.50"), None],
        "day": [date(2024, 1, 1)] * 2,
        "at": pa.array([datetime(2024, 1, 1)] * 2, pa.timestamp("us")),
    }
    lake.put("raw/My-Sales/month=2024-01/a.parquet", columns)
    lake.put("raw/My-Sales/month=2024-02/b.parquet", columns)
    name = lake.crawler("raw/My-Sales/")
    assert lake.crawl(name)["Status"] == "SUCCEEDED"
    table = lake.table("my_sales")
    assert list(lake.columns("my_sales").items()) == [
        ("id", "bigint"),
        ("price", "decimal(3,2)"),
        ("day", "date"),
        ("at", "timestamp"),
    ]
    assert table["PartitionKeys"] == [{"Name": "month", "Type": "string"}]
    assert lake.partitions("my_sales") == [["2024-01"], ["2024-02"]]
    assert table["TableType"] == "EXTERNAL_TABLE"
    assert table["StorageDescriptor"]["Location"] == f"s3://{lake.bucket}/raw/My-Sales/"
    parameters = table["Parameters"]
    assert parameters["classification"] == "parquet"
    assert parameters["UPDATED_BY_CRAWLER"] == name
    assert (parameters["recordCount"], parameters["objectCount"]) == ("4", "2")
    first = lake.glue.get_partition(
        DatabaseName=lake.database, TableName="my_sales", PartitionValues=["2024-01"]
    )["Partition"]
    place = f"s3://{lake.bucket}/raw/My-Sales/month=2024-01/"
    assert first["StorageDescriptor"]["Location"] == place
    assert first["StorageDescriptor"]["Columns"] == table["StorageDescriptor"]["Columns"]


def test_crawl__reads_by_ranges_in_its_role(lake: Lake, aws: Aws) -> None:
    lake.put("raw/t/a.parquet", {"id": list(range(200_000))})
    role = lake.crawler_role()
    assert lake.crawl(lake.crawler("raw/t/", role=role))["Status"] == "SUCCEEDED"
    calls = aws.get("/_local/calls")[1]
    mine = [c["action"] for c in calls if c["role"] == role.split("/")[-1]]
    assert {"s3:ListBucket", "s3:GetObject", "glue:CreateTable"} <= set(mine)


def test_crawl__again_merges_new_columns_and_partitions(lake: Lake) -> None:
    lake.put("raw/t/d=1/a.parquet", {"a": [1], "b": ["x"]})
    name = lake.crawler("raw/t/")
    lake.crawl(name)
    lake.put("raw/t/d=2/a.parquet", {"B": ["y"], "c": [1.5]})
    lake.s3.delete_object(Bucket=lake.bucket, Key="raw/t/d=1/a.parquet")
    assert lake.crawl(name)["Status"] == "SUCCEEDED"
    assert lake.columns("t") == {"a": "bigint", "b": "string", "c": "double"}


def test_crawl__without_merge_takes_the_files_columns(lake: Lake) -> None:
    lake.put("raw/t/a.parquet", {"a": [1], "b": ["x"]})
    name = lake.crawler("raw/t/", Configuration={"Version": 1.0})
    lake.crawl(name)
    lake.put("raw/t/a.parquet", {"a": ["now a text"]})
    lake.crawl(name)
    assert lake.columns("t") == {"a": "string"}


def test_crawl__that_changes_nothing_writes_nothing(lake: Lake) -> None:
    lake.put("raw/t/d=1/a.parquet", {"a": [1]})
    name = lake.crawler("raw/t/")
    lake.crawl(name)
    before = lake.table("t")
    lake.crawl(name)
    assert lake.table("t") == before


def test_crawl__with_update_log_leaves_the_schema(lake: Lake) -> None:
    policy = {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"}
    lake.put("raw/t/a.parquet", {"a": [1]})
    name = lake.crawler("raw/t/", SchemaChangePolicy=policy)
    lake.crawl(name)
    lake.put("raw/t/b.parquet", {"a": [1], "b": [2]})
    assert lake.crawl(name)["Status"] == "SUCCEEDED"
    assert lake.columns("t") == {"a": "bigint"}


@pytest.mark.parametrize(
    ("behavior", "partitions", "deprecated"),
    [
        ("LOG", [["1"], ["2"]], False),
        ("DEPRECATE_IN_DATABASE", [["1"], ["2"]], True),
        ("DELETE_FROM_DATABASE", [["2"]], False),
    ],
)
def test_crawl__of_a_vanished_partition(
    lake: Lake, behavior: str, partitions: list[list[str]], deprecated: bool
) -> None:
    policy = {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": behavior}
    for day in "12":
        lake.put(f"raw/t/d={day}/a.parquet", {"a": [1]})
    name = lake.crawler("raw/t/", SchemaChangePolicy=policy)
    lake.crawl(name)
    lake.s3.delete_object(Bucket=lake.bucket, Key="raw/t/d=1/a.parquet")
    lake.crawl(name)
    assert lake.partitions("t") == partitions
    found = lake.glue.get_partitions(DatabaseName=lake.database, TableName="t")["Partitions"]
    stamped = [p["Values"] for p in found if "DEPRECATED_BY_CRAWLER" in p["Parameters"]]
    assert stamped == ([["1"]] if deprecated else [])


@pytest.mark.parametrize(
    ("behavior", "outcome"),
    [
        ("LOG", "kept"),
        ("DEPRECATE_IN_DATABASE", "deprecated"),
        ("DELETE_FROM_DATABASE", "deleted"),
    ],
)
def test_crawl__of_a_vanished_table(lake: Lake, behavior: str, outcome: str) -> None:
    policy = {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": behavior}
    lake.put("raw/t/a.parquet", {"a": [1]})
    lake.put("raw/u/a.parquet", {"a": [1]})
    name = lake.crawler("raw/t/", "raw/u/", SchemaChangePolicy=policy)
    lake.crawl(name)
    lake.s3.delete_object(Bucket=lake.bucket, Key="raw/u/a.parquet")
    lake.crawl(name)
    tables = lake.glue.get_tables(DatabaseName=lake.database)["TableList"]
    found = {table["Name"]: table["Parameters"] for table in tables}
    assert "t" in found
    if outcome == "deleted":
        assert "u" not in found
    else:
        assert ("DEPRECATED_BY_CRAWLER" in found["u"]) is (outcome == "deprecated")


def test_crawl__of_an_empty_target_makes_no_table(lake: Lake) -> None:
    assert lake.crawl(lake.crawler("raw/nothing/"))["Status"] == "SUCCEEDED"
    assert lake.glue.get_tables(DatabaseName=lake.database)["TableList"] == []


# -------------------------------------------------------------------------------------- failures


def test_crawl__of_a_broken_file_fails_and_names_it(lake: Lake) -> None:
    lake.put("raw/t/a.parquet", {"a": [1]})
    lake.s3.put_object(Bucket=lake.bucket, Key="raw/t/b.parquet", Body=b"no parquet at all")
    last = lake.crawl(lake.crawler("raw/t/"))
    assert last["Status"] == "FAILED"
    assert f"s3://{lake.bucket}/raw/t/b.parquet is not a Parquet file" in last["ErrorMessage"]
    assert lake.glue.get_tables(DatabaseName=lake.database)["TableList"] == []


def test_crawl__of_types_in_conflict_fails_and_names_both_files(lake: Lake) -> None:
    lake.put("raw/t/a.parquet", {"a": [1]})
    lake.put("raw/t/b.parquet", {"a": ["x"]})
    message = lake.crawl(lake.crawler("raw/t/"))["ErrorMessage"]
    place = f"s3://{lake.bucket}/raw/t/"
    assert f"column a is bigint in {place}a.parquet and string in {place}b.parquet" in message


@pytest.mark.parametrize(
    ("missing", "action"),
    [
        ("s3:GetObject", "s3:GetObject"),
        ("s3:ListBucket", "s3:ListBucket"),
        ("glue:CreateTable", "glue:CreateTable"),
        ("logs:CreateLogGroup", "logs:CreateLogGroup"),
    ],
)
def test_crawl__without_a_permission_fails_and_names_it(
    lake: Lake, aws: Aws, missing: str, action: str
) -> None:
    lake.put("raw/t/a.parquet", {"a": [1]})
    role = aws.role(LOGS, allow(["s3:*", "glue:*"], "*"), service="glue.amazonaws.com")
    name = lake.crawler("raw/t/", role=role)
    # Without s3:… from the beginning, there would be no crawler.
    aws.deny(role, missing)
    last = lake.crawl(name)
    assert last["Status"] == "FAILED"
    assert "AccessDenied" in last["ErrorMessage"]
    assert f"not authorized to perform: {action}" in last["ErrorMessage"]


@pytest.mark.parametrize("right", ["s3:GetObject", "s3:ListBucket"])
def test_crawler__whose_role_cannot_read_a_target_is_refused(
    lake: Lake, aws: Aws, right: str
) -> None:
    role = aws.role(LOGS, allow(["s3:*", "glue:*"], "*"), service="glue.amazonaws.com")
    name = lake.crawler("raw/t/", role=role)
    aws.deny(role, right)
    target = f"User does not have access to target s3://{lake.bucket}/raw/t/"
    with pytest.raises(lake.glue.exceptions.InvalidInputException, match=target):
        lake.crawler("raw/t/", role=role)
    with pytest.raises(lake.glue.exceptions.InvalidInputException, match=target):
        lake.glue.update_crawler(Name=name, Description="x")


def test_crawler__with_a_role_that_does_not_trust_glue_is_refused(lake: Lake, aws: Aws) -> None:
    role = aws.role(allow("*", "*"), service="states.amazonaws.com")
    with pytest.raises(lake.glue.exceptions.InvalidInputException, match="unable to assume"):
        lake.crawler("raw/t/", role=role)
    with pytest.raises(lake.glue.exceptions.InvalidInputException, match="unable to assume"):
        lake.glue.update_crawler(Name=lake.crawler("raw/t/"), Role=role)


def test_crawler__of_a_bucket_that_does_not_exist_is_refused(lake: Lake) -> None:
    targets = {"S3Targets": [{"Path": "s3://no-such-bucket/raw/t/"}]}
    with pytest.raises(lake.glue.exceptions.InvalidInputException, match="does not exist"):
        lake.glue.update_crawler(Name=lake.crawler("raw/t/"), Targets=targets)


def test_crawl__makes_an_index_of_partitions_unless_told_not_to(lake: Lake, aws: Aws) -> None:
    lake.put("raw/t/d=1/a.parquet", {"a": [1]})
    lake.put("raw/whole/a.parquet", {"a": [1]})
    # This role has no right to indexes; a table without partition keys has none.
    assert lake.crawl(lake.crawler("raw/whole/", Configuration={"Version": 1.0}))["Status"] == (
        "SUCCEEDED"
    )
    by_default = lake.crawler("raw/t/", Configuration={"Version": 1.0})
    last = lake.crawl(by_default)
    assert last["Status"] == "FAILED"
    assert "not authorized to perform: glue:CreatePartitionIndex" in last["ErrorMessage"]
    lake.glue.delete_table(DatabaseName=lake.database, Name="t")
    assert lake.crawl(lake.crawler("raw/t/"))["Status"] == "SUCCEEDED"
    lake.glue.delete_table(DatabaseName=lake.database, Name="t")
    role = aws.role(LOGS, allow(["s3:*", "glue:*"], "*"), service="glue.amazonaws.com")
    lake.glue.update_crawler(Name=by_default, Role=role)
    assert lake.crawl(by_default)["Status"] == "SUCCEEDED"


def test_partition_values__are_as_the_folders_have_them_and_null_is_null(lake: Lake) -> None:
    folders = ["k=a b", "k=a%2Fb", "k=10:30", "k=ü", "k=a=b", "k=__HIVE_DEFAULT_PARTITION__"]
    for number, folder in enumerate(folders):
        lake.put(f"raw/t/{folder}/a.parquet", {"n": [number]})
    assert lake.crawl(lake.crawler("raw/t/"))["Status"] == "SUCCEEDED"
    assert lake.partitions("t") == sorted([folder[2:]] for folder in folders)
    assert lake.rows("SELECT k FROM t ORDER BY n") == [
        *[[folder[2:]] for folder in folders[:-1]],
        [None],
    ]
    assert lake.rows("SELECT n FROM t WHERE k IS NULL") == [["5"]]
    assert lake.rows("SELECT n FROM t WHERE k = 'a%2Fb'") == [["1"]]


def test_crawl__of_a_partition_key_that_is_a_column_too_fails(lake: Lake) -> None:
    lake.put("raw/t/a=1/f.parquet", {"a": [1]})
    assert "has the column a" in lake.crawl(lake.crawler("raw/t/"))["ErrorMessage"]


def test_crawl__of_a_table_that_lies_elsewhere_fails(lake: Lake) -> None:
    lake.put("raw/x/t/f.parquet", {"a": [1]})
    lake.put("raw/y/t/f.parquet", {"a": [1]})
    both = lake.crawl(lake.crawler("raw/x/t/", "raw/y/t/"))
    assert "would both be table t" in both["ErrorMessage"]
    lake.crawl(lake.crawler("raw/x/t/"))
    other = lake.crawl(lake.crawler("raw/y/t/"))
    assert "exists at" in other["ErrorMessage"]


def test_crawl__at_another_level_than_configured_fails(lake: Lake) -> None:
    lake.put("raw/t/f.parquet", {"a": [1]})
    levels = {3: "SUCCEEDED", 2: "FAILED"}
    for level, status in levels.items():
        configuration = {"Version": 1.0, "Grouping": {"TableLevelConfiguration": level}}
        name = lake.crawler("raw/t/", Configuration=configuration)
        assert lake.crawl(name)["Status"] == status


# ------------------------------------------------------------------------------------ operations


def _many_objects(lake: Lake) -> str:
    lake.put("raw/t/d=0/a.parquet", {"a": [1]})
    body = lake.s3.get_object(Bucket=lake.bucket, Key="raw/t/d=0/a.parquet")["Body"].read()
    for number in range(1, 60):
        lake.s3.put_object(Bucket=lake.bucket, Key=f"raw/t/d={number}/a.parquet", Body=body)
    return lake.crawler("raw/t/")


def test_start__while_running_is_refused(lake: Lake) -> None:
    name = _many_objects(lake)
    lake.glue.start_crawler(Name=name)
    assert lake.glue.get_crawler(Name=name)["Crawler"]["State"] == "RUNNING"
    with pytest.raises(lake.glue.exceptions.CrawlerRunningException, match="already started"):
        lake.glue.start_crawler(Name=name)
    with pytest.raises(lake.glue.exceptions.CrawlerRunningException):
        lake.glue.update_crawler(Name=name, Description="x")
    assert lake.wait_for_crawl(name)["Status"] == "SUCCEEDED"
    assert len(lake.partitions("t")) == 60


def test_stop__cancels_the_crawl(lake: Lake) -> None:
    name = _many_objects(lake)
    with pytest.raises(lake.glue.exceptions.CrawlerNotRunningException):
        lake.glue.stop_crawler(Name=name)
    lake.glue.start_crawler(Name=name)
    lake.glue.stop_crawler(Name=name)
    assert lake.wait_for_crawl(name)["Status"] == "CANCELLED"
    assert lake.crawl(name)["Status"] == "SUCCEEDED"
    crawls = lake.glue.list_crawls(CrawlerName=name)["Crawls"]
    assert [crawl["State"] for crawl in crawls] == ["COMPLETED", "STOPPED"]
    assert crawls[0]["DPUHour"] == 0.0


def test_operations__on_an_unknown_crawler(lake: Lake) -> None:
    for operation in ("start_crawler", "stop_crawler", "get_crawler"):
        with pytest.raises(lake.glue.exceptions.EntityNotFoundException):
            getattr(lake.glue, operation)(Name="nobody")


def test_update__changes_what_it_names(lake: Lake) -> None:
    name = lake.crawler("raw/t/", Description="before")
    lake.glue.update_crawler(Name=name, TablePrefix="p_")
    found = lake.glue.get_crawler(Name=name)["Crawler"]
    assert (found["Description"], found["TablePrefix"], found["Version"]) == ("before", "p_", 2)
    lake.put("raw/t/a.parquet", {"a": [1]})
    lake.crawl(name)
    assert lake.columns("p_t") == {"a": "bigint"}
    metrics = lake.glue.get_crawler_metrics(CrawlerNameList=[name])["CrawlerMetricsList"]
    assert metrics[0]["TablesCreated"] == 1


def test_start__with_what_is_not_emulated_is_refused_by_name(lake: Lake) -> None:
    name = unique("crawler")
    lake.glue.create_crawler(
        Name=name,
        Role=lake.crawler_role(),
        DatabaseName=lake.database,
        Targets={"JdbcTargets": [{"ConnectionName": "c", "Path": "p"}]},
    )
    with pytest.raises(ClientError, match="JdbcTargets are not emulated"):
        lake.glue.start_crawler(Name=name)


def test_logs_and_last_crawl__lead_to_the_reason(lake: Lake, aws: Aws) -> None:
    lake.s3.put_object(Bucket=lake.bucket, Key="raw/t/a.parquet", Body=b"broken")
    last = lake.crawl(lake.crawler("raw/t/"))
    events = aws.client("logs").get_log_events(
        logGroupName=last["LogGroup"], logStreamName=last["LogStream"]
    )["events"]
    lines = [event["message"] for event in events]
    assert any(last["MessagePrefix"] in line for line in lines)
    assert any("is not a Parquet file" in line for line in lines)


def test_update_table__with_a_stale_version_is_refused(lake: Lake) -> None:
    given = {"Name": "t", "StorageDescriptor": {"Columns": [{"Name": "a", "Type": "int"}]}}
    table = {"DatabaseName": lake.database, "TableInput": given}
    lake.glue.create_table(**table)
    assert lake.table("t")["VersionId"] == "0"
    lake.glue.update_table(**table, VersionId="0")
    assert lake.table("t")["VersionId"] == "1"
    changed = {**table, "TableInput": {**given, "Description": "by who read version 0"}}
    with pytest.raises(lake.glue.exceptions.ConcurrentModificationException):
        lake.glue.update_table(**changed, VersionId="0")
    assert "Description" not in lake.table("t")
    lake.glue.update_table(**changed)
    assert lake.table("t")["VersionId"] == "2"
