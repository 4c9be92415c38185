"""Parquet objects, crawlers and queries for the tests of Glue and Athena."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.local.conftest import Aws, allow, unique, until

LOGS = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "*")
ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")


class Lake:
    """A bucket, a database and a workgroup of their own."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.bucket = aws.bucket()
        self.database = unique("db").replace("-", "_")
        self.workgroup = unique("group")
        self.s3 = aws.client("s3")
        self.glue = aws.client("glue")
        self.athena = aws.client("athena")
        self.glue.create_database(DatabaseInput={"Name": self.database})
        self.athena.create_work_group(
            Name=self.workgroup,
            Configuration={
                "ResultConfiguration": {"OutputLocation": f"s3://{self.bucket}/results/"},
                "BytesScannedCutoffPerQuery": 10_000_000,
            },
        )

    def put(self, key: str, columns: dict[str, Any] | pa.Table) -> None:
        """Write a Parquet object."""
        table = columns if isinstance(columns, pa.Table) else pa.table(columns)
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=buffer.getvalue())

    def crawler_role(self) -> str:
        """Make a role that may do what a crawler of this lake needs, and no more."""
        catalog = [
            "arn:aws:glue:us-east-1:123456789012:catalog",
            f"arn:aws:glue:us-east-1:123456789012:database/{self.database}",
            f"arn:aws:glue:us-east-1:123456789012:table/{self.database}/*",
        ]
        return self.aws.role(
            LOGS,
            allow("s3:GetObject", f"arn:aws:s3:::{self.bucket}/raw/*"),
            allow("s3:ListBucket", f"arn:aws:s3:::{self.bucket}"),
            allow(["glue:Get*", "glue:*Partition", "glue:*Table"], catalog),
            service="glue.amazonaws.com",
        )

    def crawler(self, *prefixes: str, role: str | None = None, **settings: Any) -> str:
        """Make a crawler with a target for each prefix; its name."""
        name = unique("crawler")
        targets = [{"Path": f"s3://{self.bucket}/{prefix}"} for prefix in prefixes]
        configuration = settings.pop(
            "Configuration",
            {
                "Version": 1.0,
                "CreatePartitionIndex": False,
                "CrawlerOutput": {
                    "Partitions": {"AddOrUpdateBehavior": "InheritFromTable"},
                    "Tables": {"AddOrUpdateBehavior": "MergeNewColumns"},
                },
            },
        )
        self.glue.create_crawler(
            Name=name,
            Role=role or self.crawler_role(),
            DatabaseName=self.database,
            Targets={"S3Targets": targets},
            Configuration=json.dumps(configuration),
            **settings,
        )
        return name

    def crawl(self, name: str) -> dict[str, Any]:
        """Run a crawler to its end; LastCrawl."""
        self.glue.start_crawler(Name=name)
        return self.wait_for_crawl(name)

    def wait_for_crawl(self, name: str) -> dict[str, Any]:
        """Wait until a crawler is READY; LastCrawl."""

        def ready() -> dict[str, Any] | None:
            found: dict[str, Any] = self.glue.get_crawler(Name=name)["Crawler"]
            return found if found["State"] == "READY" else None

        last: dict[str, Any] = until(ready, f"crawler {name}")["LastCrawl"]
        return last

    def table(self, name: str) -> dict[str, Any]:
        """Return a table of the catalog."""
        found: dict[str, Any] = self.glue.get_table(DatabaseName=self.database, Name=name)["Table"]
        return found

    def columns(self, name: str) -> dict[str, str]:
        """Return names and types of the columns of a table."""
        return {c["Name"]: c["Type"] for c in self.table(name)["StorageDescriptor"]["Columns"]}

    def partitions(self, name: str) -> list[list[str]]:
        """Return the values of the partitions of a table."""
        found = self.glue.get_partitions(DatabaseName=self.database, TableName=name)["Partitions"]
        return sorted(partition["Values"] for partition in found)

    def start(self, sql: str, athena: Any = None, **more: Any) -> str:
        """Start a query; its id."""
        given = {"WorkGroup": self.workgroup, **more}
        started = (athena or self.athena).start_query_execution(
            QueryString=sql, QueryExecutionContext={"Database": self.database}, **given
        )
        query: str = started["QueryExecutionId"]
        return query

    def finish(self, query: str) -> dict[str, Any]:
        """Wait for a query; its execution."""

        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = self.athena.get_query_execution(QueryExecutionId=query)
            found = found["QueryExecution"]
            return found if found["Status"]["State"] in ENDED else None

        return until(ended, f"query {query}")

    def fails(self, sql: str, athena: Any = None, **more: Any) -> str:
        """Run a query that has to fail; the reason."""
        status = self.finish(self.start(sql, athena, **more))["Status"]
        assert status["State"] == "FAILED", status
        reason: str = status["StateChangeReason"]
        return reason

    def rows(self, sql: str, athena: Any = None, **more: Any) -> list[list[str | None]]:
        """Run a query; its rows, without the names."""
        query = self.start(sql, athena, **more)
        execution = self.finish(query)
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        return self.results(query)[1:]

    def results(self, query: str) -> list[list[str | None]]:
        """Return the rows of a query as GetQueryResults gives them."""
        pages = self.athena.get_paginator("get_query_results").paginate(QueryExecutionId=query)
        return [
            [value.get("VarCharValue") for value in row["Data"]]
            for page in pages
            for row in page["ResultSet"]["Rows"]
        ]
