"""One SQL model: its inputs, its query, and the objects of its table."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping

from medallion.datatypes import DataType
from medallion.engines.base import BoundTable, Engine, TableSource, TableTarget
from medallion.errors import ConfigError, ObjectNotFound
from medallion.lake.objects import Lake
from medallion.models.config import Model, ModelGraph
from medallion.runs import inputs_guard, job
from medallion.runs.inputs_guard import Inputs
from medallion.runs.last_build import LastBuild
from medallion.runs.report import Report, RowCounts
from medallion.sparksql.model_sql import view_name

_RESULT = "result"
_STRING = DataType("string")


class Builder:
    """
    Builds single models.

    Parameters
    ----------
    lake, graph, run_id
        Where, all models, and the name of the run.
    software
        Code and versions that run, and settings that decide what the objects are; a model that was
        made by the same, of the same, is not made again. None: not known, so all are made.
    """

    def __init__(
        self, lake: Lake, graph: ModelGraph, run_id: str, software: str | None = None
    ) -> None:
        self._lake = lake
        self._graph = graph
        self._run_id = run_id
        self._software = software
        self._contract = functools.lru_cache(None)(functools.partial(job.load_contract, lake))

    def build(self, model: Model, engine_name: str, get_engine: Callable[[], Engine]) -> Report:
        """
        Make a model's table what its query says, if it may be something else, and write the report.

        Parameters
        ----------
        model
            Which one.
        engine_name, get_engine
            The engine, which is opened when there is something to make.

        Raises
        ------
        ConfigError
            If the engine does not accept the query, or its columns do not fit partition_by.
        ObjectNotFound
            If a model that it reads was never built.
        InputsChanged
            If other runs wrote to its inputs each time that it was made.
        LakeError
            If the engine fails.
        """
        report = Report(
            "model",
            model.name,
            self._run_id,
            engine=engine_name,
            stage=model.stage,
        )
        prefixes = [self._prefix(name) for name in model.sql.inputs]
        last = self._last_build(model, engine_name) if self._software else None
        found = last.find(Inputs(self._lake, prefixes)) if last else None
        if found:
            report.rows = RowCounts(in_=found["rows"], out=found["rows"])
            report.inputs = found["inputs"]
            report.objects.unchanged = found["objects"]
            report.unchanged_since = found["run_id"]
        else:
            read = self._make_until_unchanged(model, prefixes, get_engine(), report)
            if last:
                etags = report.objects.etags
                kept = {
                    "run_id": self._run_id,
                    "rows": report.rows.out,
                    "inputs": report.inputs,
                    "objects": len(etags),
                }
                last.keep(read, etags, kept)
        report.write(self._lake)
        return report

    def _last_build(self, model: Model, engine: str) -> LastBuild:
        # Of a dataset without objects, the contract says the columns.
        datasets = [
            repr(self._dataset_source(*name.split(".")))
            for name in model.sql.inputs
            if not name.startswith("analytics.")
        ]
        recipe = [self._software, engine, model.sql.text, model.partition_by, datasets]
        return LastBuild(self._lake, self._lake.analytics_prefix(model.name), recipe)

    def _make_until_unchanged(
        self, model: Model, prefixes: list[str], engine: Engine, report: Report
    ) -> Inputs:
        """Make the table; give what its inputs were before and after."""
        passes: list[Inputs] = []

        def make(inputs: Inputs) -> None:
            passes.append(inputs)
            self._make(engine, model, report)

        inputs_guard.until_unchanged(self._lake, prefixes, report, make)
        return passes[-1]

    def _make(self, engine: Engine, model: Model, report: Report) -> None:
        """Make the table once, and let go of what that took."""
        try:
            self._fill(engine, model, report)
        except BaseException:
            # What cannot be let go of any more must not hide why.
            with contextlib.suppress(Exception):
                engine.release()
            raise
        engine.release()

    def _fill(self, engine: Engine, model: Model, report: Report) -> None:
        inputs: dict[str, int] = {}
        report.inputs = inputs
        tables = {}
        for name in model.sql.inputs:
            tables[name] = self._bind(engine, name)
            inputs[name] = tables[name].rows
        types = engine.create(_RESULT, engine.query(model.sql, tables), once=True)
        _check_partitions(model, types)
        prefix = self._lake.analytics_prefix(model.name)
        # The object without rows also tells an empty table from one that was never built.
        target = TableTarget(prefix, types, model.partition_by, tuple(types), keeps_columns=True)
        rows = engine.write_table(_RESULT, "true", target, report)
        report.rows = RowCounts(in_=rows, out=rows)

    def _prefix(self, name: str) -> str:
        """Say where an input such as `processed.sales` lies."""
        layer, table = name.split(".")
        prefixes = {
            "raw": self._lake.raw_prefix,
            "processed": self._lake.processed_prefix,
            "analytics": self._lake.analytics_prefix,
        }
        return prefixes[layer](table)

    def _bind(self, engine: Engine, name: str) -> BoundTable:
        layer, table = name.split(".")
        if layer != "analytics":
            return engine.bind(view_name(name), self._dataset_source(layer, table))
        model = self._graph.models[table]
        source = TableSource(self._prefix(name), dict.fromkeys(model.partition_by, _STRING))
        try:
            return engine.bind(view_name(name), source)
        except ObjectNotFound as error:
            raise ObjectNotFound(
                f"{name} was never built (no object under s3://{self._lake.bucket}/"
                f"{source.prefix}): run its stage '{model.stage}' first"
            ) from error

    def _dataset_source(self, layer: str, dataset: str) -> TableSource:
        """Say where a dataset's table is; without objects it is empty, with these columns."""
        contract = self._contract(dataset)
        if layer == "processed":
            types = contract.processed_types
            partitions = {name: types[name] for name in contract.partition_by}
            return TableSource(self._prefix(f"{layer}.{dataset}"), partitions, types)
        partitions = {"ingest_date": _STRING}
        types = {
            **{column.name: _STRING for column in contract.columns},
            "_source_file": _STRING,
            "_source_row": DataType("bigint"),
            **partitions,
        }
        return TableSource(self._prefix(f"{layer}.{dataset}"), partitions, types)


def _check_partitions(model: Model, types: Mapping[str, DataType]) -> None:
    field = f"config/models.json, field 'models.{model.name}.partition_by'"
    for name in model.partition_by:
        if name not in types:
            raise ConfigError(
                f"{field}: the query has no column '{name}'; its columns are: {', '.join(types)}"
            )
        if types[name] != _STRING:
            raise ConfigError(
                f"{field}: column '{name}' is {types[name].with_article}, and models are "
                f"partitioned by strings only; cast it: CAST({name} AS STRING) AS {name}"
            )
    if len(model.partition_by) == len(types):
        raise ConfigError(
            f"{field}: all columns of the query are partition columns; one must stay in the files"
        )
