"""What a job asks of the engine that runs its SQL.

An engine reads tables of the lake, runs SQL written in the Spark dialect, and writes tables back.
The DuckDB engine does so in this process, the other on a Spark session.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from medallion.datatypes import DataType
from medallion.lake.table_layer import partition_folder

if TYPE_CHECKING:
    from medallion.contract.contract import Contract
    from medallion.lake.objects import Put
    from medallion.runs.report import Report
    from medallion.sparksql.model_sql import ModelSql


@dataclass(frozen=True)
class TableSource:
    """
    Where a table lies.

    Attributes
    ----------
    prefix
        Of its objects; ends with a slash.
    partitions
        Its partition columns in the order of the folders.
    columns
        All columns, those of partitions included, of a table that may have no objects: it is
        bound without rows then. None: a table without objects is an error.
    """

    prefix: str
    partitions: Mapping[str, DataType]
    columns: Mapping[str, DataType] | None = None


@dataclass(frozen=True)
class BoundTable:
    """A table that SQL can name now; columns have the engine's own types."""

    view: str
    columns: Mapping[str, str]
    rows: int
    objects: int
    bytes: int


@dataclass(frozen=True)
class TableTarget:
    """
    A table to be written, as a whole.

    Attributes
    ----------
    prefix
        Where its objects go, for example `analytics/fact_sales/`.
    types
        All columns in order, those of partition_by included.
    partition_by
        Columns that become folders.
    sort_by
        Columns that put the rows of a partition in a total order (equal rows aside), so that the
        same rows make the same bytes.
    keeps_columns
        Without rows it is one object without rows, which tells who reads it what columns it has;
        otherwise it has no objects then.
    """

    prefix: str
    types: Mapping[str, DataType]
    partition_by: tuple[str, ...]
    sort_by: tuple[str, ...]
    keeps_columns: bool = False

    @property
    def schema(self) -> pa.Schema:
        """The columns in the files: all but those of partition_by."""
        columns = self.types.items()
        return pa.schema([(n, kind.arrow) for n, kind in columns if n not in self.partition_by])

    def empty(self, folder: Path) -> tuple[str, Path]:
        """Write the object that keeps the columns; give its key and the file.

        It is in the partition of nulls, which a partitioned table can have without a value.
        """
        path = folder / "empty.parquet"
        pq.write_table(self.schema.empty_table(), path, compression="zstd")
        nulls: tuple[str | None, ...] = (None,) * len(self.partition_by)
        return f"{self.prefix}{partition_folder(self.partition_by, nulls)}part-0.parquet", path


class PreparedContract(abc.ABC):
    """A contract whose expressions were found to be valid, before any data was read."""

    @abc.abstractmethod
    def statement(self, raw: BoundTable) -> str:
        """Write the SELECT that gives each row of `raw` its outcome (see contract.statement)."""


class Engine(abc.ABC):
    """
    Runs SQL on tables of a lake; closed with its context.

    Parameters of the implementations: the lake, a folder on the local disk for what is on its way,
    the memory limit in MB (None: found out), and the size in bytes beyond which a partition is
    written in more than one object.

    Raises
    ------
    ConfigError
        From the methods that take SQL, when the engine does not accept it.
    LakeError
        When the engine fails: memory, disk, unreadable objects.
    """

    name: ClassVar[str]

    @abc.abstractmethod
    def __enter__(self) -> Engine: ...

    @abc.abstractmethod
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    @property
    @abc.abstractmethod
    def capacity(self) -> str:
        """What the engine has to work with, for the log, such as `8 executors`."""

    @abc.abstractmethod
    def release(self) -> None:
        """Let go of what was bound and created so far, and of the memory and disk it takes."""

    @abc.abstractmethod
    def bind_raw(self, view: str, prefix: str) -> BoundTable:
        """Bind a table of raw/ with `_file`, `_row` and the columns of statement.ORIGIN.

        `_file` is an object's place in the order of keys, `_row` a row's place in it, from 0.
        Without objects nothing is bound, and all counts are 0.
        """

    @abc.abstractmethod
    def bind(self, view: str, source: TableSource) -> BoundTable:
        """Bind a table, partition columns last; ObjectNotFound when it has to have objects."""

    @abc.abstractmethod
    def prepare(self, contract: Contract) -> PreparedContract:
        """Check a contract's expressions and make ready to write its statement."""

    @abc.abstractmethod
    def query(self, model: ModelSql, tables: Mapping[str, BoundTable]) -> str:
        """Write a model's SQL for this engine; `tables` are its inputs by name, already bound."""

    @abc.abstractmethod
    def create(self, name: str, select: str, *, once: bool = False) -> dict[str, DataType]:
        """Run a query once and keep its answer as table `name`, replacing an earlier one.

        An answer that is read `once` need not be kept: it may be computed when it is read, and
        what is wrong with the data shows only then.
        Returns the columns and their types; ConfigError for a column of no type that the lake has.
        """

    @abc.abstractmethod
    def rows(self, select: str) -> list[tuple[Any, ...]]:
        """Run a query whose answer is small; it must mean the same on all engines."""

    @abc.abstractmethod
    def write_table(
        self,
        name: str,
        where: str,
        target: TableTarget,
        report: Report,
        *,
        dry_run: bool = False,
    ) -> int:
        """Make the objects of a table what the rows of table `name` that meet `where` say.

        Fills the report's counts of objects and bytes. New and changed objects are put first, each
        at one stroke, those no longer there deleted last. Returns how many rows these are. A dry
        run puts and deletes nothing, and may end at the first object that is not what it should be:
        its counts tell whether there is one.
        """

    @abc.abstractmethod
    def write_object(
        self, select: str, order_by: Sequence[str], key: str, *, dry_run: bool = False
    ) -> Put:
        """Write the answer of a query to one Parquet object, unless it has these bytes already.

        `order_by` names columns of the answer; nulls come last. A dry run leaves other bytes as
        they are.
        """
