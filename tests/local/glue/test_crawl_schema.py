"""What a crawl makes of files: types, names, tables; pure functions."""

from __future__ import annotations

import pyarrow as pa
import pytest

from local.glue.crawl_schema import (
    CrawlError,
    FoundObject,
    column_types,
    excluded,
    find_tables,
    glue_type,
    table_name,
)


@pytest.mark.parametrize(
    ("arrow", "hive"),
    [
        (pa.bool_(), "boolean"),
        (pa.int8(), "tinyint"),
        (pa.uint8(), "smallint"),
        (pa.int32(), "int"),
        (pa.uint32(), "bigint"),
        (pa.float32(), "float"),
        (pa.float64(), "double"),
        (pa.decimal128(12, 3), "decimal(12,3)"),
        (pa.date32(), "date"),
        (pa.timestamp("us"), "timestamp"),
        (pa.large_string(), "string"),
        (pa.binary(), "binary"),
        (pa.dictionary(pa.int8(), pa.string()), "string"),
        (pa.list_(pa.int64()), "array<bigint>"),
        (pa.map_(pa.string(), pa.int32()), "map<string,int>"),
        (pa.struct([("A", pa.int32()), ("b", pa.string())]), "struct<a:int,b:string>"),
    ],
)
def test_glue_type__is_hives(arrow: pa.DataType, hive: str) -> None:
    assert glue_type(arrow) == hive


@pytest.mark.parametrize(
    ("arrow", "reason"),
    [(pa.uint64(), "the type uint64"), (pa.timestamp("ns"), "nanoseconds"), (pa.time32("s"), "")],
)
def test_glue_type__refuses_what_hive_cannot_name(arrow: pa.DataType, reason: str) -> None:
    with pytest.raises(CrawlError, match=rf"s3://b/k: column c has .*{reason}"):
        column_types(pa.schema([("c", arrow)]), "s3://b/k")


def test_column_types__refuses_names_that_differ_in_case_only() -> None:
    schema = pa.schema([("Id", pa.int32()), ("ID", pa.int32())])
    with pytest.raises(CrawlError, match="two columns are both named id"):
        column_types(schema, "s3://b/k")


def test_table_name__is_lower_case_with_underscores() -> None:
    assert table_name("raw/My-Sales.2024/", "P_") == "p_my_sales_2024"


@pytest.mark.parametrize(
    ("relative", "patterns", "out"),
    [
        ("a.parquet", [], False),
        ("_SUCCESS", [], True),
        ("x/.hidden/a.parquet", [], True),
        ("x/a.tmp", ["*.tmp"], False),
        ("x/a.tmp", ["**.tmp"], True),
        ("a1.parquet", ["a?.parquet"], True),
    ],
)
def test_excluded__follows_globs(relative: str, patterns: list[str], out: bool) -> None:
    assert excluded(relative, patterns) is out


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        (["r/a=1/f", "r/b=1/f"], "is partitioned by a and r/b=1/f by b"),
        (["r/f", "r/b=1/f"], "by nothing and r/b=1/f by b"),
        (["r/sub/f"], "the folder sub below the target r/ is no key=value folder"),
        (["r/a=1/sub/f"], "are not all key=value"),
    ],
)
def test_find_tables__refuses_mixed_folders(keys: list[str], reason: str) -> None:
    with pytest.raises(CrawlError, match=reason):
        find_tables("r/", [FoundObject(key, 1, "") for key in keys])
