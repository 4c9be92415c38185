"""Writing what a crawl found to the catalog, by the crawler's policies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from local.glue.crawl_schema import CrawlError, FoundObject, FoundTable

_PARQUET = "org.apache.hadoop.hive.ql.io.parquet"
_BATCH = 100  # of BatchCreatePartition
_DEPRECATED = "DEPRECATED_BY_CRAWLER"


@dataclass(frozen=True, slots=True)
class Policies:
    """What a crawler may change.

    Attributes
    ----------
    updates, deletes
        UpdateBehavior and DeleteBehavior of its SchemaChangePolicy.
    merges_columns
        Columns are only ever added (``MergeNewColumns``).
    inherits
        Partitions take the columns of their table (``InheritFromTable``).
    """

    updates: str = "UPDATE_IN_DATABASE"
    deletes: str = "DEPRECATE_IN_DATABASE"
    merges_columns: bool = False
    inherits: bool = False


@dataclass(slots=True)
class CrawledTable:
    """A table that a crawl found, with its schema."""

    name: str
    bucket: str
    found: FoundTable
    columns: dict[str, str]
    rows: dict[tuple[str, ...], int]
    partition_columns: dict[tuple[str, ...], dict[str, str]]

    @property
    def uri(self) -> str:
        """Location of the table."""
        return f"s3://{self.bucket}/{self.found.location}"


@dataclass(slots=True)
class Changes:
    """What a crawl changed."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    partitions_created: int = 0
    partitions_deleted: int = 0


def _columns(types: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Type": kind} for name, kind in types.items()]


def _storage(location: str, columns: dict[str, str], parameters: dict[str, str]) -> dict[str, Any]:
    return {
        "Columns": _columns(columns),
        "Location": location,
        "InputFormat": f"{_PARQUET}.MapredParquetInputFormat",
        "OutputFormat": f"{_PARQUET}.MapredParquetOutputFormat",
        "Compressed": False,
        "NumberOfBuckets": -1,
        "SerdeInfo": {
            "SerializationLibrary": f"{_PARQUET}.serde.ParquetHiveSerDe",
            "Parameters": {"serialization.format": "1"},
        },
        "BucketColumns": [],
        "SortColumns": [],
        "Parameters": parameters,
        "StoredAsSubDirectories": False,
    }


def _parameters(crawler: str, objects: list[FoundObject], rows: int) -> dict[str, str]:
    size = sum(found.size for found in objects)
    return {
        "CrawlerSchemaDeserializerVersion": "1.0",
        "CrawlerSchemaSerializerVersion": "1.0",
        "UPDATED_BY_CRAWLER": crawler,
        "averageRecordSize": str(size // rows if rows else 0),
        "classification": "parquet",
        "compressionType": "none",
        "objectCount": str(len(objects)),
        "recordCount": str(rows),
        "sizeKey": str(size),
        "typeOfData": "file",
    }


class CatalogWriter:
    """Writes tables and partitions of one crawler, with the permissions of its role."""

    def __init__(self, glue: Any, database: str, crawler: str, policies: Policies) -> None:
        self._glue = glue
        self._database = database
        self._crawler = crawler
        self._policies = policies
        self.changes = Changes()
        self.lines: list[str] = []

    def write(self, table: CrawledTable) -> None:
        """Create or update a table and its partitions.

        Raises
        ------
        CrawlError
            When a table of that name is elsewhere, or has other partition keys.
        """
        existing = self._existing(table)
        columns = table.columns
        if existing is not None:
            known = {c["Name"]: c["Type"] for c in existing["StorageDescriptor"]["Columns"]}
            if self._policies.updates == "LOG":
                self._log_difference(table, known)
                columns = known
            elif self._policies.merges_columns:
                columns = {**table.columns, **known}
                columns = {n: columns[n] for n in [*known, *table.columns] if n in columns}
        self._write_table(table, columns, existing)
        if table.found.keys:
            self._write_partitions(table, columns)

    def _existing(self, table: CrawledTable) -> dict[str, Any] | None:
        try:
            answer = self._glue.get_table(DatabaseName=self._database, Name=table.name)
        except self._glue.exceptions.EntityNotFoundException:
            return None
        existing: dict[str, Any] = answer["Table"]
        place = existing["StorageDescriptor"]["Location"].rstrip("/") + "/"
        if place != table.uri:
            raise CrawlError(
                f"table {self._database}.{table.name} exists at {place}, and {table.uri} would be "
                "a table of that name too. Set a TablePrefix (AWS would add a hash to the name)"
            )
        keys = tuple(key["Name"] for key in existing.get("PartitionKeys") or [])
        if keys != table.found.keys:
            raise CrawlError(
                f"table {self._database}.{table.name} is partitioned by "
                f"{', '.join(keys) or 'nothing'}, and the folders in {table.uri} by "
                f"{', '.join(table.found.keys) or 'nothing'}. Delete the table and crawl again "
                "(AWS would skip the folders)"
            )
        return existing

    def _log_difference(self, table: CrawledTable, known: dict[str, str]) -> None:
        if known != table.columns:
            self.lines.append(
                f"schema of {table.name} differs, and the policy is LOG: catalog {known}, files "
                f"{table.columns}"
            )

    def _write_table(
        self, table: CrawledTable, columns: dict[str, str], existing: dict[str, Any] | None
    ) -> None:
        parameters = _parameters(self._crawler, table.found.objects, sum(table.rows.values()))
        given = {
            "Name": table.name,
            "Owner": "owner",
            "Retention": 0,
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": _storage(table.uri, columns, parameters),
            "PartitionKeys": _columns(dict.fromkeys(table.found.keys, "string")),
            "Parameters": parameters,
        }
        if existing is None:
            self._glue.create_table(DatabaseName=self._database, TableInput=given)
            self.changes.created.append(table.name)
            self.lines.append(f"created table {table.name} with {len(columns)} columns")
        elif any(existing.get(name) != value for name, value in given.items()):
            self._glue.update_table(DatabaseName=self._database, TableInput=given)
            self.changes.updated.append(table.name)
            self.lines.append(f"updated table {table.name}: {len(columns)} columns")

    def _partitions(self, name: str) -> Iterator[dict[str, Any]]:
        pages = self._glue.get_paginator("get_partitions").paginate(
            DatabaseName=self._database, TableName=name
        )
        for page in pages:
            yield from page["Partitions"]

    def _write_partitions(self, table: CrawledTable, columns: dict[str, str]) -> None:
        known = {tuple(p["Values"]): p for p in self._partitions(table.name)}
        created, changed = [], []
        for values, objects in table.found.partitions.items():
            own = columns if self._policies.inherits else table.partition_columns[values]
            folders = "".join(
                f"{folder}/"
                for folder in objects[0].key[len(table.found.location) :].split("/")[:-1]
            )
            parameters = _parameters(self._crawler, objects, table.rows[values])
            given = {
                "Values": list(values),
                "StorageDescriptor": _storage(table.uri + folders, own, parameters),
                "Parameters": parameters,
            }
            if values not in known:
                created.append(given)
            elif any(known[values].get(name) != value for name, value in given.items()):
                changed.append({"PartitionValueList": list(values), "PartitionInput": given})
        self._batches("batch_create_partition", table.name, "PartitionInputList", created)
        if self._policies.updates != "LOG":
            self._batches("batch_update_partition", table.name, "Entries", changed)
        self.changes.partitions_created += len(created)
        if created:
            self.lines.append(f"added {len(created)} partitions to table {table.name}")
        gone = [known[values] for values in known if values not in table.found.partitions]
        if gone:
            self._remove_partitions(table.name, gone)

    def _batches(self, operation: str, table: str, key: str, items: list[Any]) -> None:
        for start in range(0, len(items), _BATCH):
            answer = getattr(self._glue, operation)(
                DatabaseName=self._database,
                TableName=table,
                **{key: items[start : start + _BATCH]},
            )
            if errors := answer.get("Errors"):
                raise CrawlError(f"{operation} on table {table}: {errors[0]}")

    def _remove_partitions(self, table: str, gone: list[dict[str, Any]]) -> None:
        values = ", ".join("/".join(p["Values"]) for p in gone[:10])
        if self._policies.deletes == "LOG":
            self.lines.append(f"table {table}: {len(gone)} partitions have no files: {values}")
        elif self._policies.deletes == "DELETE_FROM_DATABASE":
            items = [{"Values": p["Values"]} for p in gone]
            self._batches("batch_delete_partition", table, "PartitionsToDelete", items)
            self.changes.partitions_deleted += len(gone)
            self.lines.append(f"deleted {len(gone)} partitions of table {table}: {values}")
        else:
            stamp = {_DEPRECATED: str(int(time.time() * 1000))}
            items = [
                {
                    "PartitionValueList": p["Values"],
                    "PartitionInput": {
                        "Values": p["Values"],
                        "StorageDescriptor": p["StorageDescriptor"],
                        "Parameters": {**stamp, **(p.get("Parameters") or {})},
                    },
                }
                for p in gone
            ]
            self._batches("batch_update_partition", table, "Entries", items)
            self.lines.append(f"deprecated {len(gone)} partitions of table {table}: {values}")

    def remove_vanished(self, roots: list[str], found: set[str]) -> None:
        """Handle tables of this crawler whose folders hold no file any more.

        Parameters
        ----------
        roots
            URIs of the crawler's targets, each ending in ``/``.
        found
            Names of the tables of this crawl.
        """
        pages = self._glue.get_paginator("get_tables").paginate(DatabaseName=self._database)
        for page in pages:
            for table in page["TableList"]:
                parameters = table.get("Parameters") or {}
                place = table["StorageDescriptor"].get("Location", "").rstrip("/") + "/"
                mine = parameters.get("UPDATED_BY_CRAWLER") == self._crawler
                if mine and table["Name"] not in found and place.startswith(tuple(roots)):
                    self._remove_table(table)

    def _remove_table(self, table: dict[str, Any]) -> None:
        name = table["Name"]
        if self._policies.deletes == "LOG":
            self.lines.append(f"table {name} has no files")
        elif self._policies.deletes == "DELETE_FROM_DATABASE":
            self._glue.delete_table(DatabaseName=self._database, Name=name)
            self.changes.deleted.append(name)
            self.lines.append(f"deleted table {name}: it has no files")
        elif _DEPRECATED not in table["Parameters"]:
            kept = ("Name", "Owner", "Retention", "TableType", "StorageDescriptor", "PartitionKeys")
            given = {key: table[key] for key in kept if key in table}
            stamp = {_DEPRECATED: str(int(time.time() * 1000))}
            given["Parameters"] = {**table["Parameters"], **stamp}
            self._glue.update_table(DatabaseName=self._database, TableInput=given)
            self.changes.updated.append(name)
            self.lines.append(f"deprecated table {name}: it has no files")
