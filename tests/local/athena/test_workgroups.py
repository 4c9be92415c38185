"""Athena's workgroups and prepared statements."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from tests.local.athena.conftest import caller
from tests.local.conftest import Aws, unique
from tests.local.lake import Lake

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
