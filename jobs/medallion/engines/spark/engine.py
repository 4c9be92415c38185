"""Spark, as the jobs use it: on a Glue cluster, or on this machine, with the same answers.

Where Spark runs, and how it reaches S3, is configured outside of the jobs; what is set here decides
what SQL and files mean.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from py4j.protocol import Py4JError
from pyspark import StorageLevel
from pyspark.errors import PySparkException
from pyspark.errors.exceptions.captured import AnalysisException, ParseException
from pyspark.sql import DataFrame, SparkSession

from medallion.contract.statement import Expressions, statement, translate
from medallion.datatypes import DataType
from medallion.engines.base import BoundTable, Engine, PreparedContract, TableSource, TableTarget
from medallion.engines.spark import analysis
from medallion.engines.spark import tables as spark_tables
from medallion.engines.spark.dialect import SPARK
from medallion.engines.spark.layer import SparkLayer
from medallion.engines.spark.texts import quoted
from medallion.errors import ConfigError, LakeError, ObjectNotFound
from medallion.lake import footers

if TYPE_CHECKING:
    from medallion.contract.contract import Contract
    from medallion.lake.objects import Lake, Put
    from medallion.runs.report import Report
    from medallion.sparksql.model_sql import ModelSql

logger = logging.getLogger(__name__)

_SETTINGS = {
    # What SQL means, and how deeply it may be nested (the default is 100).
    "spark.sql.analyzer.maxIterations": "1000",
    "spark.sql.ansi.enabled": "false",
    "spark.sql.caseSensitive": "false",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    "spark.sql.runSQLOnFiles": "false",
    "spark.sql.variable.substitute": "false",
    # What files mean.
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "false",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}


class SparkEngine(Engine):
    """
    Spark SQL on the session of this process, which is left running at the end.

    Parameters
    ----------
    lake
        The bucket; Spark reaches it as `s3://`.
    folder
        Not used: Spark has its own disks.
    max_object_bytes
        The size beyond which a partition is written in more than one object.
    """

    name: ClassVar[str] = "spark"

    def __init__(self, lake: Lake, folder: Path, max_object_bytes: int) -> None:  # noqa: ARG002
        self._lake = lake
        with _explained():
            self._spark = SparkSession.builder.appName("lake").getOrCreate()
            for name, value in _SETTINGS.items():
                self._spark.conf.set(name, value)
        self._layer = SparkLayer(lake, max_object_bytes)
        self._views: set[str] = set()
        self._kept: dict[str, DataFrame] = {}
        self._known: dict[str, spark_tables.Table] = {}

    def __enter__(self) -> SparkEngine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # What cannot be let go of any more must not hide why.
        with contextlib.suppress(*([LakeError] if kind else [])):
            self.release()

    @property
    def capacity(self) -> str:
        context = self._spark.sparkContext
        return (
            f"Spark {context.version} on {context.master}, "
            f"{context.defaultParallelism} task(s) at a time"
        )

    def release(self) -> None:
        """Let go of the views and tables made so far, and of their memory and disk."""
        with _explained():
            for view in sorted(self._views):
                self._spark.catalog.dropTempView(view)
            for frame in self._kept.values():
                frame.unpersist()
        self._views.clear()
        self._kept.clear()

    def bind_raw(self, view: str, prefix: str) -> BoundTable:
        with _explained():
            return self._bound(view, spark_tables.read_raw(self._spark, self._lake, prefix))

    def _read(self, source: TableSource) -> spark_tables.Table | None:
        """Read a table, unless it was read before and has the same objects still."""
        known = self._known.get(source.prefix)
        if known and known.stored == footers.data_objects(self._lake, source.prefix):
            return known
        found = spark_tables.read(self._spark, self._lake, source.prefix, source.partitions)
        if found:
            self._known[source.prefix] = found
        return found

    def bind(self, view: str, source: TableSource) -> BoundTable:
        with _explained():
            found = self._read(source)
            if found is None:
                columns = source.columns
                if columns is None:
                    raise ObjectNotFound(
                        f"s3://{self._lake.bucket}/{source.prefix} has no objects: run the job "
                        "that writes it first"
                    )
                found = spark_tables.empty(self._spark, columns)
            return self._bound(view, found)

    def _bound(self, view: str, table: spark_tables.Table) -> BoundTable:
        self._view(view, table.frame)
        columns = {name.lower(): kind for name, kind in table.frame.dtypes}
        size = sum(stored.size for stored in table.stored)
        return BoundTable(view, columns, table.rows, len(table.stored), size)

    def _view(self, name: str, frame: DataFrame) -> None:
        frame.createOrReplaceTempView(name)
        self._views.add(name)

    def prepare(self, contract: Contract) -> PreparedContract:
        return _Prepared(contract, translate(contract, self._describe, SPARK))

    def _describe(self, expression: str, types: Mapping[str, str]) -> str:
        """Give the type of an expression over columns of given types, as Spark sees it."""
        with _explained():
            return analysis.kind_of(self._spark, expression, types)

    def query(self, model: ModelSql, tables: Mapping[str, BoundTable]) -> str:
        text = analysis.spliced(model, tables)
        with _explained():
            analysis.check(self._spark, text, model)
        return text

    def create(self, name: str, select: str, *, once: bool = False) -> dict[str, DataType]:
        with _explained():
            frame = self._spark.sql(select)
            types = spark_tables.lake_types(frame.schema)
            widened = frame.selectExpr(
                *(
                    f"CAST({quoted(column)} AS {kind.name}) AS {quoted(column)}"
                    for column, kind in types.items()
                )
            )
            if name in self._kept:
                self._kept.pop(name).unpersist()
            if not once:
                # Counting computes all of it, so that an error shows here and not later.
                self._kept[name] = widened.persist(StorageLevel.MEMORY_AND_DISK)
                widened.count()
            self._view(name, widened)
        return types

    def rows(self, select: str) -> list[tuple[Any, ...]]:
        with _explained():
            return [tuple(row) for row in self._spark.sql(select).collect()]

    def write_table(
        self,
        name: str,
        where: str,
        target: TableTarget,
        report: Report,
        *,
        dry_run: bool = False,
    ) -> int:
        with _explained():
            rows = self._spark.sql(f"SELECT * FROM {quoted(name)} WHERE {where}")
            return self._layer.write_table(rows, target, report, dry_run=dry_run)

    def write_object(
        self, select: str, order_by: Sequence[str], key: str, *, dry_run: bool = False
    ) -> Put:
        with _explained():
            rows = self._spark.sql(select)
            return self._layer.write_object(rows, order_by, key, dry_run=dry_run)


class _Prepared(PreparedContract):
    def __init__(self, contract: Contract, expressions: Expressions) -> None:
        self._contract = contract
        self._expressions = expressions

    def statement(self, raw: BoundTable) -> str:
        return statement(self._contract, self._expressions, raw.columns, SPARK)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn Spark's errors into the jobs' own."""
    try:
        yield
    except (AnalysisException, ParseException) as error:
        raise ConfigError(analysis.message(error)) from error
    except (PySparkException, Py4JError) as error:
        raise LakeError(f"Spark failed: {analysis.cause(error)}") from error
