"""Tables for queries: the catalog and the data, both read with the permissions of the caller."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import ClientError
from sqlglot import exp

from local.athena.errors import QueryFailedError, not_emulated
from local.athena.types import catalog_type
from local.backends import backend
from local.errors import AwsError
from local.glue.crawl_schema import CrawlError, column_types
from local.iam.actions import arn
from local.iam.actions_s3 import find_object, needs_s3
from local.iam.authorisation import authorise
from local.iam.clients import client
from local.iam.principals import Principal
from local.lifecycle import on_stop
from local.settings import REGION, settings

_fetchers = ThreadPoolExecutor(max_workers=8, thread_name_prefix="athena-fetch")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the catalog.

    Attributes
    ----------
    columns
        Name to Hive type of the columns in the files, lower case.
    keys
        Name to Hive type of the partition keys.
    """

    database: str
    name: str
    location: str
    columns: Mapping[str, str]
    keys: Mapping[str, str]

    def types(self) -> dict[str, exp.DataType]:
        """Return the types of all columns, partition keys last."""
        return {n: catalog_type(t, n) for n, t in {**self.columns, **self.keys}.items()}


# What Hive's folders say for null, and Trino reads as such.
_NULL = "__HIVE_DEFAULT_PARTITION__"


def key_values(values: Iterable[str]) -> list[str | None]:
    """Return what queries see of the values of a partition."""
    return [None if value == _NULL else value for value in values]


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of a table: its values, and its folder."""

    values: tuple[str, ...]
    location: str


@dataclass(frozen=True, slots=True)
class DataFile:
    """A local copy of an object of a table."""

    path: Path
    uri: str
    values: tuple[str, ...]


def _denied(details: Mapping[str, object]) -> bool:
    return str(details["Code"]) in ("AccessDenied", "AccessDeniedException", "403")


class Reader:
    """Reads the catalog and objects as one caller."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        role, session = principal.role_arn, principal.session or "local"
        self._glue = client("glue", role, session)
        self._s3 = client("s3", role, session)

    def _catalog_call(self, operation: str, **arguments: Any) -> Any:
        try:
            return getattr(self._glue, operation)(**arguments)
        except ClientError as error:
            if _denied(error.response["Error"]):
                raise QueryFailedError(
                    "",
                    "Insufficient permissions to execute the query. "
                    f"{error.response['Error']['Message']}",
                ) from error
            raise

    def check_default(self) -> None:
        """Fail where the caller has no rights on the database default, whatever the query is on.

        Where there is none, Athena makes it. Source: "Access to the default database",
        https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html
        """
        actions = ["glue:GetDatabase"]
        if "default" not in backend("glue").databases:
            actions.append("glue:CreateDatabase")
        resources = [arn("glue", "catalog"), arn("glue", "database/default")]
        try:
            needs = [(action, resource) for action in actions for resource in resources]
            authorise(self._principal, needs, {})
        except AwsError as error:
            text = f"Insufficient permissions to execute the query. {error.message}"
            raise QueryFailedError("", text) from error

    def databases(self) -> list[str]:
        """Return the names of all databases."""
        found = self._catalog_call("get_databases")["DatabaseList"]
        return sorted(database["Name"] for database in found)

    def tables(self, database: str) -> list[str]:
        """Return the names of the tables of a database."""
        self.check_database(database)
        found = self._catalog_call("get_tables", DatabaseName=database)["TableList"]
        return sorted(table["Name"] for table in found)

    def check_database(self, database: str) -> None:
        """Fail with SCHEMA_NOT_FOUND when a database does not exist."""
        try:
            self._catalog_call("get_database", Name=database)
        except self._glue.exceptions.EntityNotFoundException as error:
            raise QueryFailedError(
                "SCHEMA_NOT_FOUND", f"Schema '{database}' does not exist"
            ) from error

    def table(self, database: str, name: str) -> Table:
        """Return a table.

        Raises
        ------
        QueryFailedError
            SCHEMA_NOT_FOUND, TABLE_NOT_FOUND, missing permissions, or a format other than Parquet.
        """
        self.check_database(database)
        try:
            found = self._catalog_call("get_table", DatabaseName=database, Name=name)["Table"]
        except self._glue.exceptions.EntityNotFoundException as error:
            raise QueryFailedError(
                "TABLE_NOT_FOUND", f"Table 'awsdatacatalog.{database}.{name}' does not exist"
            ) from error
        storage = found.get("StorageDescriptor") or {}
        library = (storage.get("SerdeInfo") or {}).get("SerializationLibrary", "")
        if "parquet" not in library.lower():
            raise not_emulated(
                f"table {database}.{name} with the SerDe {library or 'none'}",
                "tables of Parquet files are",
            )
        return Table(
            database,
            name,
            storage["Location"],
            {c["Name"].lower(): c["Type"] for c in storage.get("Columns", [])},
            {k["Name"].lower(): k["Type"] for k in found.get("PartitionKeys") or []},
        )

    def partitions(self, table: Table) -> list[Partition]:
        """Return the partitions of a table; a table without keys is one partition."""
        if not table.keys:
            return [Partition((), table.location)]
        found: list[Partition] = []
        arguments = {"DatabaseName": table.database, "TableName": table.name}
        while True:
            page = self._catalog_call("get_partitions", **arguments)
            found += [
                Partition(tuple(p["Values"]), p["StorageDescriptor"]["Location"])
                for p in page["Partitions"]
            ]
            if not page.get("NextToken"):
                return found
            arguments["NextToken"] = page["NextToken"]

    def files(self, partitions: list[Partition]) -> list[DataFile]:
        """Return local copies of the objects of partitions, less those Athena passes over.

        Raises
        ------
        QueryFailedError
            PERMISSION_DENIED, naming the path.
        """
        wanted: list[tuple[str, str, str, tuple[str, ...]]] = []
        for partition in partitions:
            place = urlsplit(partition.location)
            prefix = place.path.strip("/") + "/"
            for key, etag, size in self._list(place.netloc, prefix):
                below = key[len(prefix) :].split("/")
                if size and not any(part.startswith(("_", ".")) for part in below):
                    wanted.append((place.netloc, key, etag, partition.values))
        return list(_fetchers.map(lambda one: self._fetch(*one), wanted))

    def _list(self, bucket: str, prefix: str) -> list[tuple[str, str, int]]:
        """Return key, ETag and size of the objects below a prefix.

        A table may have hundreds of partitions, and a request for each takes a hundred times what
        its answer does, so the caller's rights are asked for here, and the backend for the rest.
        """
        query = urlencode({"list-type": "2", "prefix": prefix})
        self._allow("ListObjectsV2", bucket, None, f"s3://{bucket}/{prefix}", query)
        found = backend("s3").buckets.get(bucket)
        if found is None:
            error = {"Code": "NoSuchBucket", "Message": "The specified bucket does not exist"}
            raise _s3_failure(f"s3://{bucket}/{prefix}", error)
        keys = sorted(key for key in list(found.keys) if key.startswith(prefix))
        objects = [(key, find_object(bucket, key)) for key in keys]
        return [(key, one.etag, one.size) for key, one in objects if one is not None]

    def _allow(
        self, operation: str, bucket: str, key: str | None, uri: str, query: str = ""
    ) -> None:
        needs, context = needs_s3(operation, bucket, key, {"QUERY_STRING": query})
        context["kms:viaservice"] = f"s3.{REGION}.amazonaws.com"
        try:
            authorise(self._principal, needs, context)
        except AwsError as error:
            raise _s3_failure(uri, {"Code": error.code, "Message": error.message}) from error

    def _fetch(self, bucket: str, key: str, etag: str, values: tuple[str, ...]) -> DataFile:
        uri = f"s3://{bucket}/{key}"
        name = hashlib.sha256(f"{uri}\n{etag}".encode()).hexdigest()
        path = cache_directory() / f"{name}.parquet"
        if path.exists():
            # The copy may be another caller's: this one has to be allowed to read as well.
            self._allow("GetObject", bucket, key, uri)
            return DataFile(path, uri, values)
        try:
            partial = path.with_suffix(f".{threading.get_ident()}")
            with partial.open("wb") as file:
                body = self._s3.get_object(Bucket=bucket, Key=key)["Body"]
                shutil.copyfileobj(body, file, 1024 * 1024)
            partial.replace(path)
        except ClientError as error:
            raise _s3_failure(uri, error.response["Error"]) from error
        return DataFile(path, uri, values)


def _s3_failure(uri: str, details: Mapping[str, object]) -> QueryFailedError:
    if _denied(details):
        return QueryFailedError(
            "PERMISSION_DENIED", f"Permission denied on S3 path: {uri} ({details['Message']})"
        )
    if details["Code"] in ("NoSuchKey", "NoSuchBucket"):
        return QueryFailedError("HIVE_FILESYSTEM_ERROR", f"{uri}: {details['Message']}")
    return QueryFailedError("HIVE_FILESYSTEM_ERROR", f"{uri}: {details['Code']}")


def cache_directory() -> Path:
    """Return the directory of local copies; queries may read files there and nowhere else."""
    path = settings().work_dir / "athena"
    path.mkdir(parents=True, exist_ok=True)
    return path


@on_stop
def _stop() -> None:
    _fetchers.shutdown(wait=False, cancel_futures=True)


# ------------------------------------------------------------------------------- Parquet footers


@dataclass(frozen=True, slots=True)
class Footer:
    """What a query needs of a file's footer: Hive types by column, and compressed bytes."""

    types: Mapping[str, str]
    sizes: Mapping[str, int]


@lru_cache(maxsize=4096)
def _footer(path: Path, uri: str) -> Footer:
    try:
        metadata = pq.read_metadata(path)
        types = column_types(metadata.schema.to_arrow_schema(), uri)
    except pa.ArrowInvalid as error:
        raise QueryFailedError(
            "HIVE_BAD_DATA", f"Not valid Parquet file: {uri}: {str(error).splitlines()[0]}"
        ) from error
    except CrawlError as error:
        raise QueryFailedError("HIVE_BAD_DATA", str(error)) from error
    sizes: dict[str, int] = {}
    for group in range(metadata.num_row_groups):
        for position in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(position)
            column = chunk.path_in_schema.split(".")[0].lower()
            sizes[column] = sizes.get(column, 0) + chunk.total_compressed_size
    return Footer(types, sizes)


def footer(file: DataFile) -> Footer:
    """Return the footer of a data file.

    Raises
    ------
    QueryFailedError
        HIVE_BAD_DATA, naming the object, when it is not Parquet.
    """
    return _footer(file.path, file.uri)


_WIDER = {
    "tinyint": ("smallint", "int", "bigint"),
    "smallint": ("int", "bigint"),
    "int": ("bigint",),
    "float": ("double",),
}


def check_column(table: Table, column: str, file: DataFile) -> bool:
    """Return whether a file has a column of a table.

    Raises
    ------
    QueryFailedError
        HIVE_BAD_DATA when it has it in a type that Athena does not read as the table's.
    """
    found, wanted = footer(file).types.get(column), table.columns[column]
    if found is None:
        return False
    same = found == wanted or wanted in _WIDER.get(found, ())
    text = found in ("string", "binary") and wanted.startswith(("string", "varchar", "char"))
    both_decimal = found.startswith("decimal") and wanted.startswith("decimal")
    nested = "<" in found and "<" in wanted
    if not (same or text or both_decimal or nested):
        raise QueryFailedError(
            "HIVE_BAD_DATA",
            f"Malformed Parquet file. Field {column}'s type {found} in parquet file {file.uri} is "
            f"incompatible with type {wanted} defined in table schema",
        )
    return True
