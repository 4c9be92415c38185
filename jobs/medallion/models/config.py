"""The SQL models: what config/models.json and config/models/*.sql say, checked as a whole.

Whatever is wrong with the structure (syntax, inputs that nobody provides, cycles) is found before a
model runs, and all of it is said at once. What only shows when a query runs is not looked at here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from medallion.contract.contract import ENGINES
from medallion.contract.fields import Fields
from medallion.errors import ConfigError, ObjectNotFound
from medallion.lake.objects import Lake
from medallion.sparksql.model_sql import ModelSql, TableReference, parse_model, place

PIPELINE_KEY = "config/pipeline.json"
MAX_PROBLEMS = 10
_MAX_LISTED = 20
# As many as the client keeps connections.
_READERS = 10

_T = TypeVar("_T")


@dataclass(frozen=True)
class Model:
    """A table of analytics/ and the query that makes it."""

    name: str
    stage: str
    engine: str
    partition_by: tuple[str, ...]
    min_rows: int
    sql: ModelSql


@dataclass(frozen=True)
class ModelGraph:
    """
    All models and what they read.

    Attributes
    ----------
    stages, datasets
        Names, the stages in the order in which they run.
    models
        By name, in the order in which they can be built: stage by stage, inputs first.
    """

    stages: tuple[str, ...]
    datasets: tuple[str, ...]
    models: Mapping[str, Model]

    def of_stage(self, stage: str) -> list[Model]:
        """Give the models of a stage, inputs first."""
        return [model for model in self.models.values() if model.stage == stage]

    def downstream(self, datasets: Iterable[str]) -> set[str]:
        """Give the models that depend on one of the datasets, directly or through others."""
        found: set[str] = set()
        changed = set(datasets)
        for model in self.models.values():
            for name in model.sql.inputs:
                layer, table = name.split(".")
                if table in (found if layer == "analytics" else changed):
                    found.add(model.name)
        return found

    def stages_after(self, stage: str, selected: Iterable[str]) -> list[str]:
        """Give the later stages that have one of the selected models."""
        used = {self.models[name].stage for name in selected}
        return [s for s in self.stages[self.stages.index(stage) + 1 :] if s in used]

    def engine_of(self, stage: str) -> str:
        """Give the engine whose job runs a stage: spark as soon as one model wants it."""
        return "spark" if any(m.engine == "spark" for m in self.of_stage(stage)) else "duckdb"


def load(lake: Lake) -> ModelGraph:
    """
    Read the models of a lake and check them.

    Raises
    ------
    ObjectNotFound
        When there is no configuration of models.
    ConfigError
        Names up to MAX_PROBLEMS mistakes, each with file and line or field.
    """
    pipeline = lake.get_json(PIPELINE_KEY)
    try:
        datasets = tuple(str(dataset["name"]) for dataset in pipeline["datasets"])
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f"s3://{lake.bucket}/{PIPELINE_KEY} has no list of datasets with their names"
        ) from error
    return build(
        lake.get_json(lake.models_key()),
        datasets,
        lambda model: lake.get_text(lake.model_sql_key(model)),
    )


def build(document: object, datasets: tuple[str, ...], read: Callable[[str], str]) -> ModelGraph:
    """
    Check models and put them in order.

    Parameters
    ----------
    document
        The parsed config/models.json.
    datasets
        The names of all datasets.
    read
        Gives a model's SQL by its name, or raises ObjectNotFound; called from several threads.

    Raises
    ------
    ConfigError
        As `load`.
    """
    if not isinstance(document, Mapping):
        raise ConfigError("config/models.json: expected an object with stages and models")
    top = _Fields(document, "")
    top.only("stages", "models")
    stages = top.strings("stages")
    for position, stage in enumerate(stages):
        _Fields({f"stages[{position}]": stage}, "").name(f"stages[{position}]")
    names = [name for name, _ in top.child("models").items()]
    with ThreadPoolExecutor(_READERS) as pool:
        texts = dict(zip(names, pool.map(lambda name: _text(read, name), names)))
    problems: list[str] = []
    models: dict[str, Model] = {}
    for name in names:
        settings = _attempt(problems, _settings, top, name, stages, datasets)
        sql = _attempt(problems, _sql, name, texts[name])
        if settings is not None and sql is not None:
            models[name] = Model(name=name, sql=sql, **settings)
    checker = _References(models, names, datasets, stages)
    for model in models.values():
        problems += filter(None, (checker.problem(model, r) for r in model.sql.references))
    ordered: dict[str, Model] = {}
    for stage in stages:
        here = {name: model for name, model in models.items() if model.stage == stage}
        ordered.update((name, here[name]) for name in _order(here, problems))
    if problems:
        raise ConfigError(_together(problems))
    return ModelGraph(stages, datasets, ordered)


class _Fields(Fields):
    """Fields of config/models.json: the access of contracts, with messages of their own."""

    def fail(self, key: str, problem: str) -> NoReturn:
        path = ".".join(part for part in (self._path, key) if part)
        raise ConfigError(f"config/models.json, field '{path}': {problem}")

    def _child(self, key: str, value: object) -> Fields:
        child = super()._child(key, value)
        return _Fields(child._values, "", child._path)


def _text(read: Callable[[str], str], name: str) -> str | ConfigError:
    """Read a model's SQL, or give what is wrong with the file."""
    try:
        return read(name)
    except ObjectNotFound:
        return ConfigError(
            f"config/models/{name}.sql does not exist, but config/models.json has model '{name}'"
        )
    except ConfigError as error:
        return error


def _attempt(problems: list[str], check: Callable[..., _T], *arguments: object) -> _T | None:
    """Give what a check gives; None, and one problem more, if it raises ConfigError."""
    try:
        return check(*arguments)
    except ConfigError as error:
        problems.append(str(error))
        return None


def _sql(name: str, text: str | ConfigError) -> ModelSql:
    if isinstance(text, ConfigError):
        raise text
    return parse_model(text, f"config/models/{name}.sql")


def _settings(
    top: Fields, name: str, stages: tuple[str, ...], datasets: tuple[str, ...]
) -> dict[str, Any]:
    """Check what config/models.json says of one model; the fields of Model but name and sql."""
    _Fields({name: name}, "", "models").name(name)
    models = top.child("models")
    if name in datasets:
        models.fail(name, "a dataset has this name too; choose another one")
    fields = models.child(name)
    fields.only("stage", "engine", "partition_by", "min_rows")
    return {
        "stage": fields.choice("stage", stages),
        "engine": fields.choice("engine", ENGINES, "duckdb"),
        "partition_by": fields.strings("partition_by"),
        "min_rows": fields.integer("min_rows", minimum=0) or 0,
    }


class _References:
    """Checks that what models read is there, and built before."""

    def __init__(
        self,
        models: Mapping[str, Model],
        names: list[str],
        datasets: tuple[str, ...],
        stages: tuple[str, ...],
    ) -> None:
        self._models = models
        self._tables = {
            *(f"{layer}.{name}" for layer in ("raw", "processed") for name in datasets),
            # Also those whose settings or SQL are wrong: that is said once, not by all readers.
            *(f"analytics.{name}" for name in names),
        }
        self._stages = stages

    def problem(self, model: Model, reference: TableReference) -> str | None:
        """Say what is wrong with a reference, None if it is right."""
        where = place(model.sql.file, reference.line)
        if reference.name not in self._tables:
            return f"{where}input '{reference.name}' is unknown{self._hint(reference.name)}"
        layer, table = reference.name.split(".", 1)
        if layer != "analytics" or table not in self._models:
            return None
        if table == model.name:
            return f"{where}model '{table}' reads itself; read the tables that it is made of"
        other = self._models[table].stage
        if self._stages.index(other) > self._stages.index(model.stage):
            return (
                f"{where}input '{reference.name}' is of stage '{other}', which runs after stage "
                f"'{model.stage}' of this model: move one of the two (the stages are: "
                f"{', '.join(self._stages)})"
            )
        return None

    def _hint(self, name: str) -> str:
        table = name.split(".", 1)[1]
        elsewhere = sorted(known for known in self._tables if known.split(".", 1)[1] == table)
        near = elsewhere or difflib.get_close_matches(name, sorted(self._tables), 1)
        if near:
            return f" (did you mean {' or '.join(repr(known) for known in near)}?)"
        listed = sorted(self._tables)[:_MAX_LISTED]
        more = ", …" if len(self._tables) > len(listed) else ""
        return f"; the tables are: {', '.join(listed)}{more}"


def _order(models: Mapping[str, Model], problems: list[str]) -> list[str]:
    """Put the models of one stage in order, by name where there is a choice; cycles are named."""
    waiting = {
        name: {
            table
            for layer, table in (i.split(".", 1) for i in models[name].sql.inputs)
            if layer == "analytics" and table in models and table != name
        }
        for name in sorted(models)
    }
    ordered = []
    while waiting:
        ready = next((name for name, needs in waiting.items() if not needs), None)
        if ready is None:
            cycle = _cycle(waiting)
            problems.append(_cycle_problem(models[cycle[0]], cycle))
            waiting[cycle[0]].discard(cycle[1])
            continue
        ordered.append(ready)
        del waiting[ready]
        for needs in waiting.values():
            needs.discard(ready)
    return ordered


def _cycle(waiting: Mapping[str, set[str]]) -> list[str]:
    """Find models that wait for each other; the first one is repeated at the end."""
    path = [min(waiting)]
    while path[-1] not in path[:-1]:
        path.append(min(waiting[path[-1]]))
    path = path[path.index(path[-1]) : -1]
    first = path.index(min(path))
    return [*path[first:], *path[:first], path[first]]


def _cycle_problem(model: Model, cycle: list[str]) -> str:
    line = next(r.line for r in model.sql.references if r.name == f"analytics.{cycle[1]}")
    return (
        f"{place(model.sql.file, line)}models read each other in a cycle: {' -> '.join(cycle)}; "
        "one of them has to do without the next"
    )


def _together(problems: list[str]) -> str:
    if len(problems) == 1:
        return problems[0]
    shown = [f"({n}) {problem}" for n, problem in enumerate(problems[:MAX_PROBLEMS], 1)]
    if len(problems) > MAX_PROBLEMS:
        shown.append(f"and {len(problems) - MAX_PROBLEMS} more")
    return "\n".join([f"the models have {len(problems)} mistakes:", *shown])
