"""What both engines are asked to do alike; this runs in the tests and in the Spark process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from medallion import datatypes
from medallion.contract.contract import Contract
from medallion.engines.base import Engine, TableSource, TableTarget
from medallion.runs.report import Report
from medallion.sparksql.model_sql import parse_model, view_name


def outcomes(engine: Engine, document: Any) -> list[dict[str, Any]]:
    """Give each raw row of a contract its outcome, in the order of raw."""
    contract = Contract.from_json(document)
    prepared = engine.prepare(contract)
    raw = engine.bind_raw("raw", f"raw/{contract.name}/")
    engine.create("result", prepared.statement(raw))
    names = ["_outcome", "_reason", "_categories", *contract.processed_types]
    rows = engine.rows(f"SELECT {', '.join(names)} FROM result ORDER BY _file, _row")
    return [dict(zip(names, row, strict=True)) for row in rows]


def answer(
    engine: Engine, text: str, inputs: Mapping[str, Mapping[str, str]]
) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    """Run a model's SQL over tables with the given partition columns: types and rows."""
    model = parse_model(text, "config/models/m.sql")
    tables = {}
    for name, partitions in inputs.items():
        types = {column: datatypes.parse(kind) for column, kind in partitions.items()}
        source = TableSource(name.replace(".", "/") + "/", types)
        tables[name] = engine.bind(view_name(name), source)
    found = engine.create("result", engine.query(model, tables))
    return {name: kind.name for name, kind in found.items()}, engine.rows("SELECT * FROM result")


def build(engine: Engine, text: str, inputs: Sequence[str], name: str) -> dict[str, int]:
    """Make the table of a model in analytics/ as the job does, and count its objects."""
    model = parse_model(text, f"config/models/{name}.sql")
    tables = {
        table: engine.bind(view_name(table), TableSource(table.replace(".", "/") + "/", {}))
        for table in inputs
    }
    report = Report("model", name, "r1")
    types = engine.create("result", engine.query(model, tables), once=True)
    target = TableTarget(f"analytics/{name}/", types, (), tuple(types), keeps_columns=True)
    engine.write_table("result", "true", target, report)
    engine.release()
    return asdict(report.objects)
