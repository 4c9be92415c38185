"""The configuration of models: what is refused before one runs, and the order in which they run."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from medallion.errors import ConfigError, ObjectNotFound
from medallion.lake.objects import Lake
from medallion.models import config as models
from medallion.models.config import ModelGraph

STAGES = ["dimension", "fact", "mart"]
SQL = {
    "dim_customer": "SELECT * FROM processed.customers",
    "dim_product": "SELECT * FROM processed.products",
    "fact_sales": "SELECT * FROM processed.sales\nJOIN analytics.dim_customer USING (id)",
    "sales_summary": "SELECT * FROM analytics.fact_sales",
    "product_list": "SELECT * FROM analytics.dim_product",
}
STAGE_OF = {
    "dim_customer": "dimension",
    "dim_product": "dimension",
    "fact_sales": "fact",
    "sales_summary": "mart",
    "product_list": "mart",
}
DATASETS = ("customers", "products", "sales")


def build(
    sql: dict[str, str] = SQL,
    stage_of: dict[str, str] = STAGE_OF,
    document: object = None,
    **settings: dict[str, Any],
) -> ModelGraph:
    def read(name: str) -> str:
        if name not in sql:
            raise ObjectNotFound(f"s3://bucket/config/models/{name}.sql does not exist")
        return sql[name]

    made = {name: {"stage": stage, **settings.get(name, {})} for name, stage in stage_of.items()}
    return models.build(
        {"stages": STAGES, "models": made} if document is None else document, DATASETS, read
    )


def changed(**sql: str) -> dict[str, str]:
    return {**SQL, **sql}


def refused(*arguments: Any, **settings: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        build(*arguments, **settings)
    return str(caught.value)


# Order and selection


def test_order__stages_then_inputs_then_names() -> None:
    graph = build()
    assert list(graph.models) == [
        "dim_customer",
        "dim_product",
        "fact_sales",
        "product_list",
        "sales_summary",
    ]
    assert [model.name for model in graph.of_stage("mart")] == ["product_list", "sales_summary"]


@pytest.mark.parametrize("names", list(itertools.permutations("abcd")))
def test_order__inputs_of_the_same_stage(names: tuple[str, ...]) -> None:
    sql = {
        "a": "SELECT * FROM analytics.c, analytics.d",
        "b": "SELECT 1 AS one",
        "c": "SELECT * FROM analytics.d",
        "d": "SELECT 1 AS one",
    }
    graph = build(sql, dict.fromkeys(names, "fact"))
    assert list(graph.models) == ["b", "d", "c", "a"]


def test_model__settings_and_defaults() -> None:
    graph = build(fact_sales={"engine": "spark", "partition_by": ["month"], "min_rows": 3})
    model = graph.models["fact_sales"]
    assert (model.engine, model.partition_by, model.min_rows) == ("spark", ("month",), 3)
    assert model.sql.inputs == ("processed.sales", "analytics.dim_customer")
    default = graph.models["dim_customer"]
    assert (default.engine, default.partition_by, default.min_rows) == ("duckdb", (), 0)
    assert [graph.engine_of(stage) for stage in STAGES] == ["duckdb", "spark", "duckdb"]


def test_downstream__through_all_stages() -> None:
    graph = build()
    assert graph.downstream(["products"]) == {"dim_product", "product_list"}
    assert graph.downstream(["customers"]) == {"dim_customer", "fact_sales", "sales_summary"}
    assert graph.downstream([]) == set()


def test_downstream__of_raw() -> None:
    graph = build({"m": "SELECT * FROM raw.sales"}, {"m": "fact"})
    assert graph.downstream(["sales"]) == {"m"}


def test_stages_after__only_those_with_a_selected_model() -> None:
    graph = build()
    assert graph.stages_after("dimension", SQL) == ["fact", "mart"]
    assert graph.stages_after("dimension", ["dim_product", "product_list"]) == ["mart"]
    assert graph.stages_after("mart", SQL) == []


# Inputs


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("processed.sale", " (did you mean 'processed.sales'?)"),
        ("analytics.dim_custmer", " (did you mean 'analytics.dim_customer'?)"),
        ("processed.dim_customer", " (did you mean 'analytics.dim_customer'?)"),
        ("analytics.sales", " (did you mean 'processed.sales' or 'raw.sales'?)"),
    ],
)
def test_input__undeclared(name: str, hint: str) -> None:
    message = refused(changed(fact_sales=f"SELECT *\nFROM processed.sales, {name}"))
    assert message == f"config/models/fact_sales.sql, line 2: input '{name}' is unknown{hint}"


def test_input__undeclared_and_like_nothing() -> None:
    message = refused(changed(fact_sales="SELECT * FROM raw.zzzzzz"))
    assert message.startswith(
        "config/models/fact_sales.sql, line 1: input 'raw.zzzzzz' is unknown; the tables are: "
        "analytics.dim_customer, "
    ), message


def test_input__of_a_later_stage() -> None:
    message = refused(changed(dim_product="SELECT *\nFROM analytics.sales_summary"))
    assert message == (
        "config/models/dim_product.sql, line 2: input 'analytics.sales_summary' is of stage "
        "'mart', which runs after stage 'dimension' of this model: move one of the two (the "
        "stages are: dimension, fact, mart)"
    )


def test_input__itself() -> None:
    message = refused(changed(dim_product="SELECT *\nFROM analytics.dim_product"))
    assert message == (
        "config/models/dim_product.sql, line 2: model 'dim_product' reads itself; read the tables "
        "that it is made of"
    )


def test_cycle__named_in_full() -> None:
    sql = {
        "b": "SELECT * FROM\nanalytics.c",
        "c": "SELECT * FROM raw.sales, analytics.a",
        "a": "SELECT *\nFROM raw.sales,\nanalytics.b",
        "z": "SELECT * FROM analytics.a",
    }
    message = refused(sql, dict.fromkeys(sql, "fact"))
    assert message == (
        "config/models/a.sql, line 3: models read each other in a cycle: a -> b -> c -> a; one of "
        "them has to do without the next"
    )


def test_cycle__each_is_named() -> None:
    sql = {n: f"SELECT * FROM analytics.{m}" for n, m in ("ab", "ba", "cd", "dc")}
    message = refused(sql, dict.fromkeys(sql, "fact"))
    assert "the models have 2 mistakes:" in message
    assert "a -> b -> a" in message
    assert "c -> d -> c" in message


# Files and settings


def test_sql__missing() -> None:
    sql = {name: text for name, text in SQL.items() if name != "dim_product"}
    assert refused(sql) == (
        "config/models/dim_product.sql does not exist, but config/models.json has model "
        "'dim_product'"
    )


def test_sql__syntax_error_is_said_once_and_not_by_its_readers() -> None:
    message = refused(changed(dim_customer="SELECT\n(1 FROM"))
    assert message == (
        "config/models/dim_customer.sql, line 2: syntax error: Expecting ) near 'FROM'"
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stage": "bronze"}, "stage': found 'bronze'; allowed: dimension, fact, mart"),
        ({"stage": None}, "stage': found None; allowed: dimension, fact, mart"),
        ({"engine": "pandas"}, "engine': found 'pandas'; allowed: duckdb, spark"),
        ({"partition_by": "month"}, "partition_by': expected a list, found the text 'month'"),
        ({"partition_by": ["m", "m"]}, "partition_by[1]': 'm' is listed twice"),
        ({"min_rows": -1}, "min_rows': -1 is too small; at least 0 is needed"),
        (
            {"partition": []},
            "partition': unknown field; allowed: stage, engine, partition_by, min_rows",
        ),
    ],
)
def test_settings__of_a_model(settings: dict[str, Any], message: str) -> None:
    assert refused(dim_product=settings) == (
        f"config/models.json, field 'models.dim_product.{message}"
    )


def test_name__of_a_dataset() -> None:
    assert refused({"sales": "SELECT 1 AS one"}, {"sales": "fact"}) == (
        "config/models.json, field 'models.sales': a dataset has this name too; choose another one"
    )


def test_name__not_allowed() -> None:
    message = refused({"Dim-x": "SELECT 1 AS one"}, {"Dim-x": "fact"})
    assert message.startswith("config/models.json, field 'models.Dim-x': 'Dim-x' is not allowed: ")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "config/models.json: expected an object with stages and models"),
        (
            {"stages": [], "model": {}},
            "config/models.json, field 'model': unknown field; allowed: stages, models",
        ),
        (
            {"stages": ["a", "A"]},
            "config/models.json, field 'stages[1]': 'A' is not allowed: a name starts with a "
            "lower-case letter and goes on with lower-case letters, digits and _",
        ),
        (
            {"stages": ["a"], "models": {"m": 1}},
            "config/models.json, field 'models.m': expected an object, found the number 1",
        ),
    ],
)
def test_document__of_another_shape(document: object, message: str) -> None:
    assert refused({"m": "SELECT 1 AS one"}, document=document) == message


def test_document__empty() -> None:
    graph = build(document={"stages": [], "models": {}})
    assert graph.models == {}


def test_mistakes__all_at_once() -> None:
    message = refused(
        changed(
            dim_customer="SELECT 1 FROM processed.custmers",
            fact_sales="SELECT 1 FROM analytics.sales_summary, processed.sales WHERE",
            product_list="SELECT 1 FROM raw.nope, x",
        ),
        sales_summary={"min_rows": -1},
    )
    first, *rest = message.splitlines()
    assert first == "the models have 4 mistakes:"
    assert [line[:4] for line in rest] == ["(1) ", "(2) ", "(3) ", "(4) "]
    for word in ("fact_sales.sql, line 1: syntax", "sales_summary.min_rows", "'x' is neither"):
        assert word in message
    assert "processed.customers'?" in message


def test_mistakes__no_more_than_ten_are_shown() -> None:
    sql = {f"m{n:02}": "SELECT 1 FROM raw.nope" for n in range(13)}
    lines = refused(sql, dict.fromkeys(sql, "fact")).splitlines()
    assert lines[0] == "the models have 13 mistakes:"
    assert len(lines) == 12
    assert lines[-1] == "and 3 more"


# In the bucket


def test_load__from_the_bucket(lake: Lake) -> None:
    put(lake, SQL, STAGE_OF)
    graph = models.load(lake)
    assert graph.datasets == DATASETS
    assert list(graph.models) == list(build().models)


def test_load__file_that_is_not_utf8(lake: Lake) -> None:
    put(lake, SQL, STAGE_OF)
    lake.client.put_object(
        Bucket=lake.bucket, Key="config/models/dim_product.sql", Body=b"SELECT '\xff'"
    )
    with pytest.raises(ConfigError, match=r"config/models/dim_product\.sql is not UTF-8"):
        models.load(lake)


def test_load__no_models(lake: Lake) -> None:
    lake.put_json("config/pipeline.json", {"datasets": []})
    with pytest.raises(ObjectNotFound, match=r"config/models\.json does not exist"):
        models.load(lake)


def test_load__pipeline_of_another_shape(lake: Lake) -> None:
    lake.put_json("config/pipeline.json", {"datasets": ["sales"]})
    with pytest.raises(ConfigError, match=r"pipeline\.json has no list of datasets"):
        models.load(lake)


def put(lake: Lake, sql: dict[str, str], stage_of: dict[str, str]) -> None:
    lake.put_json("config/pipeline.json", {"datasets": [{"name": name} for name in DATASETS]})
    made = {name: {"stage": stage} for name, stage in stage_of.items()}
    lake.put_json("config/models.json", {"stages": STAGES, "models": made})
    for name, text in sql.items():
        lake.client.put_object(
            Bucket=lake.bucket, Key=f"config/models/{name}.sql", Body=text.encode()
        )
