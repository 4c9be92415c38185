"""Tables of the lake as Spark DataFrames."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import ArrayType, StructType
from pyspark.sql.types import DataType as SparkType

from medallion import datatypes
from medallion.datatypes import DataType
from medallion.engines.spark import casts as spark_casts
from medallion.engines.spark.texts import quoted
from medallion.errors import ConfigError, LakeError
from medallion.lake import footers

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData

    from medallion.lake.objects import Lake, StoredObject

_ORIGIN_TYPES = {"_source_file": "string", "_source_row": "bigint"}
_SCHEMAS_AT_ONCE = 8
_SPARK_SCHEMA = b"org.apache.spark.sql.parquet.row.metadata"
_DIGITS = {"boolean": 1, "tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}
_LAKE_TYPES = {
    **{name: name for name in ("string", "boolean", "int", "bigint", "double", "date")},
    "tinyint": "int",
    "smallint": "int",
    "float": "double",
    "timestamp": "timestamp",
    "timestamp_ntz": "timestamp",
}


@dataclass(frozen=True)
class Table:
    """A table as a DataFrame, the objects of which it was made, and how many rows they have."""

    frame: DataFrame
    stored: Sequence[StoredObject] = ()
    rows: int = 0


def read_raw(spark: SparkSession, lake: Lake, prefix: str) -> Table:
    """Read a table of raw/ with the place of each row in it (see engine.Engine.bind_raw)."""
    stored, found = footers.read(lake, prefix)
    own = {"_file": "string", "_row": "bigint", "ingest_date": "string", **_ORIGIN_TYPES}
    if not stored:
        return Table(_empty(spark, own))
    root = f"s3://{lake.bucket}/"
    path = "_metadata.file_path"
    date = f"regexp_extract({path}, '/ingest_date=([^/]+)/', 1)"
    decoded = f"url_decode(replace({date}, '+', '%2B'))"
    # Keys of raw/ are plain ASCII, so their order is the order of these texts.
    place = {
        "_file": f"substr({path}, {len(root) + 1})",
        "_row": "_metadata.row_index",
        "ingest_date": f"CASE WHEN {date} <> '' THEN {decoded} END",
    }

    def placed(frame: DataFrame) -> DataFrame:
        names = {name.lower() for name in frame.columns}
        rest = [quoted(name) for name in frame.columns if name.lower() not in place]
        missing = [name for name in _ORIGIN_TYPES if name not in names]
        return frame.selectExpr(
            *(f"{sql} AS {name}" for name, sql in place.items()),
            *(f"CAST(NULL AS {_ORIGIN_TYPES[name]}) AS {name}" for name in missing),
            *rest,
        )

    frames = _frames(spark, lake, prefix, stored, found, recursive=True)
    return _table(_united([placed(frame) for frame in frames], prefix), stored, found)


def read(
    spark: SparkSession, lake: Lake, prefix: str, partitions: Mapping[str, DataType]
) -> Table | None:
    """Read a table, its partition columns from the names of its folders; None if it has none."""
    stored, found = footers.read(lake, prefix)
    if not stored:
        return None
    frames = _frames(spark, lake, prefix, stored, found, recursive=not partitions)
    united = _united(frames, prefix)
    names = {name.lower(): name for name in united.columns}
    missing = [name for name in partitions if name not in names]
    if missing:
        raise LakeError(
            f"the objects in s3://{lake.bucket}/{prefix} lie in no folders {missing[0]}=…: delete "
            "them and run the job that writes them"
        )
    rest = [quoted(name) for name in united.columns if name.lower() not in partitions]
    frame = united.selectExpr(
        *rest,
        *(f"CAST({quoted(n)} AS {kind.name}) AS {quoted(n)}" for n, kind in partitions.items()),
    )
    return _table(frame, stored, found)


def empty(spark: SparkSession, columns: Mapping[str, DataType]) -> Table:
    """Give a table that has no objects yet."""
    return Table(_empty(spark, {name: kind.name for name, kind in columns.items()}))


def lake_types(schema: StructType) -> dict[str, DataType]:
    """
    Give the lake's types of a DataFrame's columns.

    Raises
    ------
    ConfigError
        For a column whose type the lake does not have.
    """
    types = {}
    for column in schema.fields:
        types[column.name] = _lake_type(column.name, column.dataType)
    return types


def _lake_type(column: str, found: SparkType) -> DataType:
    if isinstance(found, ArrayType):
        return datatypes.array(_lake_type(column, found.elementType))
    if isinstance(found, StructType):
        fields = [(field.name, _lake_type(column, field.dataType)) for field in found.fields]
        try:
            return datatypes.struct(fields)
        except ValueError as error:
            raise ConfigError(f"column '{column}': {error}") from error
    kind = found.simpleString()
    name = _LAKE_TYPES.get(kind, kind if spark_casts.is_decimal(kind) else None)
    if name is None:
        what = "NULL of no type" if kind == "void" else kind
        raise ConfigError(
            f"column '{column}' is {what}; a column of the lake is one of "
            f"{datatypes.NAMES}: cast it, or leave it out"
        )
    return datatypes.parse(name)


def _table(
    frame: DataFrame, stored: Sequence[StoredObject], found: Sequence[FileMetaData]
) -> Table:
    return Table(frame, stored, sum(footer.num_rows for footer in found))


def _empty(spark: SparkSession, columns: Mapping[str, str]) -> DataFrame:
    listed = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in columns.items())
    return spark.sql(f"SELECT {listed} LIMIT 0")


def _frames(
    spark: SparkSession,
    lake: Lake,
    prefix: str,
    stored: Sequence[StoredObject],
    found: Sequence[FileMetaData],
    *,
    recursive: bool,
) -> list[DataFrame]:
    """Read objects, together if they agree on the types of columns, else by their schemas."""
    root = f"s3://{lake.bucket}/{prefix}"
    # Where all say the same, Spark needs to look at one of them only.
    options = {"mergeSchema": not _alike(found)}
    if recursive:
        options["recursiveFileLookup"] = True
    try:
        return [spark.read.options(**options).parquet(root)]
    except (PySparkException, Py4JError) as error:
        if "CANNOT_MERGE" not in str(error) and "Failed to merge" not in str(error):
            raise
    reader = spark.read.options(basePath=root)
    paths = [f"s3://{lake.bucket}/{one.key}" for one in stored]
    with ThreadPoolExecutor(_SCHEMAS_AT_ONCE) as pool:
        schemas = list(pool.map(lambda path: spark.read.parquet(path).schema, paths))
    groups: dict[str, list[str]] = {}
    for path, schema in zip(paths, schemas):
        groups.setdefault(schema.json(), []).append(path)
    return [reader.parquet(*group) for group in groups.values()]


def _alike(found: Sequence[FileMetaData]) -> bool:
    """Whether files have the same columns, and no schema of Spark's that could say otherwise."""
    return all(
        footer.schema.equals(found[0].schema) and _SPARK_SCHEMA not in (footer.metadata or {})
        for footer in found
    )


def _united(frames: Sequence[DataFrame], prefix: str) -> DataFrame:
    """Unite DataFrames by the names of their columns, in types that hold the values of all."""
    if len(frames) == 1:
        return frames[0]
    kinds: dict[str, list[str]] = {}
    for frame in frames:
        for name, kind in frame.dtypes:
            kinds.setdefault(name.lower(), []).append(kind)
    types = {name: _wider(name, set(found), prefix) for name, found in kinds.items()}

    def cast(frame: DataFrame) -> DataFrame:
        found = {name.lower(): kind for name, kind in frame.dtypes}
        return frame.selectExpr(
            *(
                f"{_cast(quoted(name), found.get(name), kind)} AS {quoted(name)}"
                for name, kind in types.items()
            )
        )

    return reduce(DataFrame.unionByName, map(cast, frames))


def _cast(sql: str, source: str | None, target: str) -> str:
    if source is None:
        return f"CAST(NULL AS {target})"
    if target == "string":
        return spark_casts.as_text(sql, source)
    return f"CAST({sql} AS {target})"


def _wider(name: str, kinds: Iterable[str], prefix: str) -> str:
    """Give the type that holds the values of all; that of DuckDB."""
    found = sorted(set(kinds) - {"void"})
    if len(found) <= 1:
        return found[0] if found else "string"
    if "string" in found:
        return "string"
    if set(found) <= {"date", "timestamp"}:
        return "timestamp"
    exact = [kind for kind in found if not spark_casts.is_floating(kind)]
    if not all(kind in _DIGITS or spark_casts.is_decimal(kind) for kind in exact):
        raise LakeError(
            f"column {name} of {prefix} is {' in one object and '.join(found)} in another, which "
            "no type holds: ingest the older files again, in the type of the contract"
        )
    if exact != found:
        return "double" if "double" in found else "float"
    if not any(spark_casts.is_decimal(kind) for kind in found):
        return max(found, key=_DIGITS.__getitem__)
    sizes = [tuple(map(int, re.findall("[0-9]+", kind))) or (_DIGITS[kind], 0) for kind in found]
    scale = max(scale for _, scale in sizes)
    precision = max(precision - scale for precision, scale in sizes) + scale
    return f"decimal({precision},{scale})" if precision <= datatypes.MAX_PRECISION else "double"
