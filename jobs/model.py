"""Build the tables of one stage under analytics/: each model is a query over other tables.

The models of the stage run one after the other, inputs first. One that fails does not stop the
others; those that read it are skipped. A model is not run when its SQL, its inputs and its table
are as they were; objects whose bytes would stay the same are not written.
"""

from __future__ import annotations

import bootstrap

if __name__ == "__main__":
    bootstrap.start("model")

import contextlib
import difflib
import logging
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from medallion.engines import opening
from medallion.engines.base import Engine
from medallion.errors import ConfigError, LakeError, ModelsFailed, ObjectNotFound
from medallion.lake.objects import Lake
from medallion.models import config as models
from medallion.models.builder import Builder
from medallion.models.config import Model, ModelGraph
from medallion.runs import failures, job
from medallion.runs.stage_summary import Failure, StageSummary, verdict

logger = logging.getLogger("model")

_EXPECTED = (LakeError, BotoCoreError, ClientError)


class Engines:
    """The engines of a job run: each is opened when a model first asks for it, and only once."""

    def __init__(
        self, lake: Lake, folder: Path, memory_mb: int | None, max_object_bytes: int
    ) -> None:
        self._lake = lake
        self._folder = folder
        self._memory_mb = memory_mb
        self._max_object_bytes = max_object_bytes
        self._stack = contextlib.ExitStack()
        self._opened: dict[str, Engine | Exception] = {}

    def __enter__(self) -> Engines:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def get(self, name: str) -> Engine:
        """Give the engine; one that did not open is not tried again for the next model."""
        if name not in self._opened:
            try:
                self._opened[name] = self._open(name)
            except Exception as error:  # noqa: BLE001 - raised below
                self._opened[name] = error
        found = self._opened[name]
        if isinstance(found, Exception):
            raise found
        return found

    def _open(self, name: str) -> Engine:
        folder = self._folder / name
        folder.mkdir()
        opened = self._stack.enter_context(
            opening.open_engine(
                name,
                self._lake,
                folder,
                memory_mb=self._memory_mb,
                max_object_bytes=self._max_object_bytes,
            )
        )
        logger.info("engine %s: %s", name, opened.capacity)
        return opened


class Stage:
    """One run of the job on one stage."""

    def __init__(
        self,
        lake: Lake,
        graph: ModelGraph,
        summary: StageSummary,
        builder: Builder,
        opened: Engines,
    ) -> None:
        self._lake = lake
        self._graph = graph
        self._summary = summary
        self._builder = builder
        self._engines = opened

    def run(self, selected: set[str], failed_datasets: set[str], engine: str | None) -> None:
        """Build the selected models of the stage, but for those whose inputs were not built."""
        here = [m.name for m in self._graph.of_stage(self._summary.stage) if m.name in selected]
        not_built = self._not_built_before()
        for name, model in self._graph.models.items():
            reason = _reason_to_skip(model, not_built, failed_datasets)
            if name not in here:
                # Of a stage that this run left out, perhaps: what reads it is skipped all the same.
                if reason:
                    not_built.setdefault(name, "was skipped")
                continue
            where = f"{here.index(name) + 1}/{len(here)} {name}"
            if reason:
                logger.warning("%s: skipped, since %s", where, reason)
                self._summary.failures.append(Failure(name, "skipped", "InputNotBuilt", reason))
                not_built[name] = "was skipped"
            elif not self._build(where, model, engine or model.engine):
                not_built[name] = "failed"

    def _not_built_before(self) -> dict[str, str]:
        """Read which models the earlier stages of this run did not build."""
        found: dict[str, str] = {}
        stages = self._graph.stages
        for stage in stages[: stages.index(self._summary.stage)]:
            with contextlib.suppress(ObjectNotFound):
                key = self._lake.stage_not_built_key(self._summary.run_id, stage)
                record = self._lake.get_json(key)
                found.update(dict.fromkeys(record["failed"], "failed"))
                found.update(dict.fromkeys(record["skipped"], "was skipped"))
        return found

    def _build(self, where: str, model: Model, engine: str) -> bool:
        """Build one model; tell whether it was done. What went wrong is logged and kept."""
        started = time.monotonic()
        try:
            report = self._builder.build(model, engine, lambda: self._engines.get(engine))
        except _EXPECTED as error:
            failure = Failure.of(model.name, error)
            logger.error("%s: failed: %s: %s", where, failure.error, " ".join(str(error).split()))
        except Exception as error:
            # No mistake of whoever wrote the model: the log has to say where it comes from.
            failure = Failure.of(model.name, error)
            logger.exception("%s: failed by a defect of the job", where)
        else:
            self._summary.built.append((report, model.min_rows))
            if report.unchanged_since:
                text = "%s: unchanged since run %s, %s rows"
                logger.info(text, where, report.unchanged_since, f"{report.rows.out:,}")
                return True
            objects = report.objects
            logger.info(
                "%s: %s rows, %d object(s) written, %d unchanged, %d deleted in %.1f s",
                where,
                f"{report.rows.out:,}",
                objects.written,
                objects.unchanged,
                objects.deleted,
                time.monotonic() - started,
            )
            return True
        self._summary.failures.append(failure)
        return False


def _reason_to_skip(
    model: Model, not_built: Mapping[str, str], failed_datasets: set[str]
) -> str | None:
    for name in model.sql.inputs:
        layer, table = name.split(".")
        if layer == "analytics" and table in not_built:
            return f"its input {name} {not_built[table]} in this run"
        if layer != "analytics" and table in failed_datasets:
            return f"its input {name} is of a dataset that failed in this run"
    return None


def run(
    lake: Lake,
    stage: str,
    run_id: str,
    *,
    datasets: Sequence[str] | None = None,
    failed: Sequence[str] = (),
    engine: str | None = None,
    memory_mb: int | None = None,
    max_object_bytes: int = job.DEFAULT_MAX_OBJECT_MEBIBYTES << 20,
    software: str | None = None,
) -> dict[str, Any]:
    """
    Build the models of one stage; a failure of some is in the summary, and raises nothing.

    Parameters
    ----------
    lake, stage, run_id
        Where, what, and the name of the run.
    datasets
        Only models that depend on one of these are built; None: all.
    failed
        Datasets that failed in this run: models that depend on them are skipped.
    engine
        Runs all models on this engine, whatever their own setting is.
    memory_mb, max_object_bytes
        As for `open_engine`.
    software
        What code and versions run; with None, models are made also where nothing has changed.

    Returns
    -------
    dict
        The summary, as it is in runs/<run id>/stages/<stage>.json.

    Raises
    ------
    ConfigError
        If the configuration of any model is wrong, or the stage or a dataset is unknown; then
        nothing has run.
    """
    summary = StageSummary(stage, run_id, engine or "")
    graph = models.load(lake)
    _require_known("--stage", "stage", [stage], graph.stages)
    _require_known("--datasets", "dataset", datasets or (), graph.datasets)
    _require_known("--failed", "dataset", failed, graph.datasets)
    summary.engine = engine or graph.engine_of(stage)
    selected = set(graph.models) if datasets is None else graph.downstream(datasets)
    with tempfile.TemporaryDirectory(prefix="model-") as temporary:
        folder = Path(temporary).resolve()
        with Engines(lake, folder, memory_mb, max_object_bytes) as opened:
            known = f"{software} {max_object_bytes}" if software else None
            builder = Builder(lake, graph, run_id, known)
            work = Stage(lake, graph, summary, builder, opened)
            work.run(selected, set(failed), engine)
    return summary.write(lake, graph.stages_after(stage, selected))


def _require_known(argument: str, what: str, names: Iterable[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            raise ConfigError(
                f"{argument}: there is no {what} '{name}'{hint}; the {what}s are: "
                f"{', '.join(known) or 'none'}"
            )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def main(argv: Sequence[str] | None = None) -> None:
    """Run the job from its command line; ModelsFailed tells of models that were not built."""
    job.configure()
    with failures.recorded("model", argv):
        _run(argv)


def _run(argv: Sequence[str] | None) -> None:
    parser = job.parser(f"{__doc__}")
    parser.add_argument("--stage", required=True, help="stage of config/models.json")
    parser.add_argument(
        "--datasets",
        type=_names,
        help="datasets, with commas between: only models that depend on one of them are built "
        "(default: all models of the stage)",
    )
    parser.add_argument(
        "--failed",
        type=_names,
        default=(),
        help="datasets that failed in this run: models that depend on them are skipped",
    )
    job.add_rebuild(parser, "models")
    arguments = job.parse(parser, argv)
    if arguments.datasets == ():
        raise ConfigError("--datasets is empty: name datasets, or leave it out for all models")
    summary = run(
        job.open_lake("model", arguments),
        arguments.stage,
        arguments.run_id,
        datasets=arguments.datasets,
        failed=arguments.failed,
        memory_mb=arguments.memory_mb,
        max_object_bytes=arguments.max_object_bytes,
        software=None if arguments.rebuild == "true" else job.software(argv),
    )
    if summary["status"] != "SUCCEEDED":
        raise ModelsFailed(verdict(summary))


if __name__ == "__main__":
    main()
