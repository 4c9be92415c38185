"""Tables of the lake on the local disk, where an engine of this process reads them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from medallion.datatypes import DataType
from medallion.duckdb_sql import literal
from medallion.engines.base import TableSource
from medallion.errors import DiskFull, LakeError
from medallion.lake.local_disk import require_free
from medallion.lake.objects import Lake, StoredObject
from medallion.lake.table_layer import is_data, partition_values

_DOWNLOADS = 4
# What the disk must hold: the table, what is made of it, and some room to sort that.
_DISK_FACTOR = 4
_INGEST_DATE = re.compile("/ingest_date=([^/]+)/")
_PARTITION_VALUES = {
    "boolean": re.compile("true|false"),
    "int": re.compile("-?[0-9]{1,10}"),
    "bigint": re.compile("-?[0-9]{1,19}"),
    "date": re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}"),
}


@dataclass(frozen=True)
class LocalFile:
    """An object of a table, downloaded."""

    key: str
    path: Path
    rows: int
    size: int

    @property
    def ingest_date(self) -> str | None:
        """The day on which its source arrived; only objects of raw/ have one."""
        found = _INGEST_DATE.search(self.key)
        return unquote(found[1]) if found else None


def scan(files: Sequence[LocalFile]) -> str:
    """Write the table function that reads files as DuckDB does, their columns united by name."""
    paths = ", ".join(literal(str(file.path)) for file in files)
    return f"read_parquet([{paths}], union_by_name = true, hive_partitioning = false)"


@dataclass(frozen=True)
class _Fetched:
    """A table on the disk, and the objects of which it was made."""

    folder: Path
    stored: list[StoredObject]
    files: list[LocalFile]


class LocalTables:
    """
    Keeps the tables that were fetched, until the disk is short.

    Parameters
    ----------
    lake
        Where they come from.
    folder
        Where they go; it comes to be with the first table.
    """

    def __init__(self, lake: Lake, folder: Path) -> None:
        self._lake = lake
        self._folder = folder
        self._fetched: dict[str, _Fetched] = {}
        self._in_use: set[str] = set()
        self._number = 0

    def fetch(self, prefix: str) -> list[LocalFile]:
        """
        Download the data objects under a prefix, in the order of their keys, unless they are here.

        What is here and not in use is looked up in the bucket, and not taken if it has changed.

        Raises
        ------
        DiskFull
            When the disk has no room, even without the tables that nothing uses.
        LakeError
            When an object is not Parquet.
        """
        here = self._fetched.get(prefix)
        if here is None or prefix not in self._in_use:
            stored = [found for found in self._lake.list_objects(prefix) if is_data(found.key)]
            if here is not None and here.stored != stored:
                self.forget(prefix)
        self._in_use.add(prefix)
        if prefix not in self._fetched:
            self._number += 1
            folder = self._folder / f"{self._number}"
            folder.mkdir(parents=True)
            self._make_room(_DISK_FACTOR * sum(found.size for found in stored))
            paths = [folder / f"{number}.parquet" for number in range(len(stored))]
            try:
                with ThreadPoolExecutor(_DOWNLOADS) as pool:
                    files = list(pool.map(self._download, stored, paths))
            except BaseException:
                # The next model that reads the table downloads it again.
                shutil.rmtree(folder, ignore_errors=True)
                raise
            self._fetched[prefix] = _Fetched(folder, stored, files)
        return self._fetched[prefix].files

    def _make_room(self, size: int) -> None:
        try:
            require_free(self._folder, size)
        except DiskFull:
            for prefix in set(self._fetched) - self._in_use:
                self.forget(prefix)
            require_free(self._folder, size)

    def _download(self, stored: StoredObject, path: Path) -> LocalFile:
        self._lake.download(stored, path)
        try:
            rows = pq.read_metadata(path).num_rows
        except (pa.ArrowInvalid, OSError) as error:
            layer = stored.key.split("/", 1)[0]
            raise LakeError(
                f"s3://{self._lake.bucket}/{stored.key} is not a Parquet file ({error}): "
                + (
                    "only the ingest job writes to raw/; delete the object, or drop its source "
                    "once more"
                    if layer == "raw"
                    else f"only jobs write to {layer}/; delete the object, and run the job that "
                    "writes this table once more"
                )
            ) from error
        return LocalFile(stored.key, path, rows, stored.size)

    def release(self) -> None:
        """Say that no table is in use: those that are here may go when the disk is short."""
        self._in_use.clear()

    def forget(self, prefix: str) -> None:
        """Delete what is here of a table; when it is asked for again it is read afresh."""
        self._in_use.discard(prefix)
        if prefix in self._fetched:
            shutil.rmtree(self._fetched.pop(prefix).folder)

    def partitions(self, files: Sequence[LocalFile], source: TableSource) -> dict[str, str]:
        """Write the partition columns of a table, which are in the names of its folders."""
        found = [self._partition(file.key, source) for file in files]
        place = "[CAST(file_index AS BIGINT) + 1]"
        return {
            name: f"CAST([{', '.join(values)}] AS {kind.duckdb}[]){place}"
            for (name, kind), values in zip(source.partitions.items(), zip(*found))
        }

    def _partition(self, key: str, source: TableSource) -> list[str]:
        folders = key[len(source.prefix) :].rpartition("/")[0]
        try:
            values = partition_values(tuple(source.partitions), folders)
            return [
                _partition_literal(name, kind, value)
                for (name, kind), value in zip(source.partitions.items(), values)
            ]
        except LakeError as error:
            raise LakeError(
                f"s3://{self._lake.bucket}/{key}: {error}; delete the object, or mend partition_by"
            ) from error


def _partition_literal(name: str, kind: DataType, value: str | None) -> str:
    if value is None:
        return "NULL"
    allowed = _PARTITION_VALUES.get(kind.base)
    if allowed and not allowed.fullmatch(value):
        raise LakeError(f"partition {name} is '{value}', which is not {kind.with_article}")
    return literal(value)
