"""One crawl: lists the targets, reads Parquet footers, and writes the catalog, as one role."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
from botocore.exceptions import ClientError

from local.backends import backend
from local.errors import AwsError
from local.glue.crawl_catalog import CatalogWriter, CrawledTable, Policies
from local.glue.crawl_schema import (
    CrawlError,
    FoundObject,
    FoundTable,
    MergedColumns,
    column_types,
    excluded,
    find_tables,
    table_name,
)
from local.glue.security import log_key
from local.iam.actions import arn
from local.iam.authorisation import authorise
from local.iam.clients import client
from local.iam.principals import role_arn, service_session
from local.s3.footers import read_footer

SESSION = "AWS-Crawler"
SERVICE = "glue.amazonaws.com"
_LOG_GROUP = "/aws-glue/crawlers"
_READERS = 8
Footers = Iterable[tuple[dict[str, str], int]]


@dataclass(frozen=True, slots=True)
class CrawlerDefinition:
    """What a crawl needs of its crawler, as it was when the crawl started."""

    name: str
    role: str
    database: str
    targets: list[dict[str, Any]]
    table_prefix: str
    table_level: int | None
    partition_indexes: bool
    policies: Policies
    security_configuration: str | None
    log_key: str | None

    @property
    def log_group(self) -> str:
        """Its log group: those with a key are apart, by role and configuration."""
        if self.log_key is None:
            return _LOG_GROUP
        return f"{_LOG_GROUP}-role/{self.role.rsplit('/', 1)[-1]}-{self.security_configuration}"


class CrawlStopped(Exception):  # noqa: N818 it is an answer, not an error
    """The crawl was asked to stop."""


def definition(crawler: Any) -> CrawlerDefinition:
    """Return the definition of moto's crawler.

    Raises
    ------
    AwsError
        ``InvalidInputException`` naming a target or setting that is not emulated.
    """
    others = sorted(k for k, v in (crawler.targets or {}).items() if v and k != "S3Targets")
    if others:
        raise _not_emulated(f"targets of kind {', '.join(others)}", "S3Targets are")
    recrawl = (crawler.recrawl_policy or {}).get("RecrawlBehavior", "CRAWL_EVERYTHING")
    if recrawl != "CRAWL_EVERYTHING":
        raise _not_emulated(f"RecrawlBehavior {recrawl}", "CRAWL_EVERYTHING is")
    changes = crawler.schema_change_policy or {}
    output, level, indexes = _settings(crawler.configuration)
    return CrawlerDefinition(
        name=crawler.name,
        role=crawler.role,
        database=(crawler.database_name or "default").lower(),
        targets=list((crawler.targets or {}).get("S3Targets") or []),
        table_prefix=crawler.table_prefix or "",
        table_level=level,
        partition_indexes=indexes,
        policies=Policies(
            updates=changes.get("UpdateBehavior", "UPDATE_IN_DATABASE"),
            deletes=changes.get("DeleteBehavior", "DEPRECATE_IN_DATABASE"),
            merges_columns=output.get("Tables") == "MergeNewColumns",
            inherits=output.get("Partitions") == "InheritFromTable",
        ),
        security_configuration=crawler.crawler_security_configuration,
        log_key=log_key(crawler.crawler_security_configuration),
    )


def _not_emulated(what: str, instead: str) -> AwsError:
    return _invalid(f"{what} are not emulated by the local AWS; {instead}")


def _settings(configuration: str | None) -> tuple[dict[str, str], int | None, bool]:
    """Return the AddOrUpdateBehavior of Tables and Partitions, the level of tables, and indexes.

    Indexes of partitions are made unless that is switched off:
    https://docs.aws.amazon.com/glue/latest/dg/crawler-configure-partition-indexes.html
    """
    settings = json.loads(configuration) if configuration else {}
    known = {"CrawlerOutput", "CreatePartitionIndex", "Grouping", "Version"}
    others = sorted(set(settings) - known)
    grouping = settings.get("Grouping") or {}
    others += sorted(set(grouping) - {"TableGroupingPolicy", "TableLevelConfiguration"})
    if others:
        raise _not_emulated(
            f"the crawler settings {', '.join(others)}",
            "CrawlerOutput, CreatePartitionIndex and Grouping are",
        )
    output = settings.get("CrawlerOutput") or {}
    level = grouping.get("TableLevelConfiguration")
    return (
        {kind: rule.get("AddOrUpdateBehavior", "") for kind, rule in output.items()},
        int(level) if level is not None else None,
        bool(settings.get("CreatePartitionIndex", True)),
    )


def crawl(crawler: CrawlerDefinition, stopping: Callable[[], bool], writer_lines: list[str]) -> Any:
    """Crawl all targets and return the changes.

    Parameters
    ----------
    stopping
        Asked between objects whether to give up.
    writer_lines
        Receives the lines for the log, as far as the crawl gets.

    Raises
    ------
    CrawlError, botocore.exceptions.ClientError, AwsError, CrawlStopped
        What ends the crawl.
    """
    s3 = client("s3", crawler.role, SESSION, SERVICE)
    glue = client("glue", crawler.role, SESSION, SERVICE)
    writer = CatalogWriter(glue, crawler.database, crawler.name, crawler.policies)
    writer.lines = writer_lines
    glue.get_database(Name=crawler.database)
    roots: list[str] = []
    tables: dict[str, CrawledTable] = {}
    with ThreadPoolExecutor(_READERS, thread_name_prefix="crawl") as readers:
        for target in crawler.targets:
            place = urlsplit(target["Path"])
            root = place.path.strip("/")
            root += "/" if root else ""
            roots.append(f"s3://{place.netloc}/{root}")
            objects = _list(s3, place.netloc, root, target.get("Exclusions") or [], stopping)
            writer_lines.append(f"target {target['Path']}: {len(objects)} objects")
            footers = _footers(s3, place.netloc, readers, stopping)
            for found in find_tables(root, objects):
                _check_level(crawler, place.netloc, found)
                table = _read(place.netloc, found, crawler.table_prefix, footers)
                if table.name in tables:
                    raise CrawlError(
                        f"{tables[table.name].uri} and {table.uri} would both be table "
                        f"{table.name}. Rename a folder (AWS would add a hash to the name)"
                    )
                tables[table.name] = table
    for table in tables.values():
        if stopping():
            raise CrawlStopped
        writer.write(table)
        if crawler.partition_indexes and table.found.keys and table.name in writer.changes.created:
            _index_partitions(crawler, table.name)
            writer_lines.append(f"created partition index on table {table.name}")
    writer.remove_vanished(roots, set(tables))
    return writer.changes


def _index_partitions(crawler: CrawlerDefinition, table: str) -> None:
    """Ask for the rights that an index of partitions takes; there is nothing for it to speed up."""
    principal = service_session(role_arn(crawler.role), SESSION, SERVICE).principal
    names = [f"database/{crawler.database}", f"table/{crawler.database}/{table}"]
    for action in ("glue:GetPartitionIndexes", "glue:CreatePartitionIndex"):
        resources = [arn("glue", name) for name in ("catalog", *names)]
        authorise(principal, [(action, resource) for resource in resources], {})


def check_targets(role: str, targets: dict[str, Any]) -> None:
    """Refuse a crawler whose role cannot be assumed, or cannot read a target in S3.

    Raises
    ------
    AwsError
        ``InvalidInputException``.
    """
    try:
        principal = service_session(role_arn(role), SESSION, SERVICE).principal
    except AwsError as error:
        raise _invalid(
            "Service is unable to assume provided role. Please verify role's TrustPolicy"
        ) from error
    for target in targets.get("S3Targets") or []:
        place = urlsplit(target["Path"])
        if place.netloc not in backend("s3").buckets:
            raise _invalid(f"S3 bucket {place.netloc} does not exist.")
        prefix = place.path.lstrip("/")
        needs = [
            ("s3:ListBucket", f"arn:aws:s3:::{place.netloc}"),
            ("s3:GetObject", f"arn:aws:s3:::{place.netloc}/{prefix}"),
        ]
        try:
            authorise(principal, needs, {"s3:prefix": prefix})
        except AwsError as error:
            text = f"User does not have access to target {target['Path']}: {error.message}"
            raise _invalid(text) from error


def _invalid(text: str) -> AwsError:
    return AwsError("InvalidInputException", text)


def _check_level(crawler: CrawlerDefinition, bucket: str, found: FoundTable) -> None:
    """Refuse a table that lies elsewhere than TableLevelConfiguration puts tables."""
    level = 1 + len([part for part in found.location.split("/") if part])  # the bucket is 1
    if crawler.table_level not in (None, level):
        raise CrawlError(
            f"s3://{bucket}/{found.location} is at level {level} and TableLevelConfiguration is "
            f"{crawler.table_level}: the bucket is level 1"
        )


def _list(
    s3: Any, bucket: str, root: str, exclusions: list[str], stopping: Callable[[], bool]
) -> list[FoundObject]:
    objects: list[FoundObject] = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=root):
        if stopping():
            raise CrawlStopped
        for item in page.get("Contents", []):
            relative = item["Key"][len(root) :]
            is_folder = item["Key"].endswith("/")
            if not is_folder and not excluded(relative, exclusions):
                objects.append(FoundObject(item["Key"], item["Size"], item["ETag"]))
    return objects


def _read(
    bucket: str, found: FoundTable, prefix: str, footers: Callable[[list[FoundObject]], Footers]
) -> CrawledTable:
    """Read the footers of a table's objects and merge their columns."""
    merged = MergedColumns()
    rows: dict[tuple[str, ...], int] = {}
    columns_of: dict[tuple[str, ...], dict[str, str]] = {}
    for values, objects in found.partitions.items():
        own = MergedColumns()
        for item, (columns, count) in zip(objects, footers(objects), strict=True):
            uri = f"s3://{bucket}/{item.key}"
            both = sorted(set(columns) & set(found.keys))
            if both:
                raise CrawlError(
                    f"{uri} has the column {both[0]}, and so have the folders: leave partition "
                    "keys out of the files"
                )
            merged.add(columns, uri)
            own.add(columns, uri)
            rows[values] = rows.get(values, 0) + count
        columns_of[values] = own.types
    location = found.location or bucket
    return CrawledTable(table_name(location, prefix), bucket, found, merged.types, rows, columns_of)


def _footers(
    s3: Any, bucket: str, readers: ThreadPoolExecutor, stopping: Callable[[], bool]
) -> Callable[[list[FoundObject]], Footers]:
    """Return a function that reads the columns and the row counts of objects."""

    def footer(item: FoundObject) -> tuple[dict[str, str], int]:
        if stopping():
            raise CrawlStopped
        uri = f"s3://{bucket}/{item.key}"
        try:
            schema, rows = read_footer(s3, bucket, item.key, item.size)
        except pa.ArrowInvalid as error:
            reason = str(error).splitlines()[0]
            raise CrawlError(
                f"{uri} is not a Parquet file ({reason}). Every object under a target has to be "
                "one; move it away"
            ) from error
        except ClientError as error:
            raise CrawlError(f"{uri}: {error}") from error
        return column_types(schema, uri), rows

    return lambda objects: readers.map(footer, objects)
