"""A process that keeps one Spark session and does what the tests ask of it (see conftest)."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any
from unittest import mock

from pyspark.sql import functions as F  # noqa: N812

from medallion import datatypes
from medallion.contract.contract import Contract
from medallion.engines.base import TableSource, TableTarget
from medallion.engines.opening import open_engine
from medallion.engines.spark import casts as spark_casts
from medallion.engines.spark.engine import SparkEngine
from medallion.lake.objects import Lake, s3_client
from medallion.runs.report import Report
from tests.spark import runs


class Worker:
    """Each public method is a request; arguments and answers are plain values."""

    def __init__(self) -> None:
        self._bucket = ""

    def use(self, bucket: str) -> None:
        """Turn to another bucket."""
        self._bucket = bucket

    def engine(self, max_object_bytes: int = 512 << 20) -> SparkEngine:
        lake = Lake(s3_client(), self._bucket)
        made = open_engine(
            "spark", lake, Path(tempfile.gettempdir()), max_object_bytes=max_object_bytes
        )
        assert isinstance(made, SparkEngine)
        return made

    def capacity(self) -> str:
        with self.engine() as engine:
            return engine.capacity

    def outcomes(self, document: Any) -> list[dict[str, Any]]:
        with self.engine() as engine:
            return runs.outcomes(engine, document)

    def prepare(self, document: Any) -> None:
        with self.engine() as engine:
            engine.prepare(Contract.from_json(document))

    def read_texts(
        self, texts: Sequence[str], readings: Sequence[tuple[str, str | None]]
    ) -> list[tuple[Any, ...]]:
        """Read each text as each type, in a format or in none."""
        # As numbers: Python has no year 0.
        counted = {"timestamp": "unix_micros({})", "date": "unix_date({})"}
        with self.engine() as engine:
            columns = []
            for number, (kind, pattern) in enumerate(readings):
                sql = spark_casts.from_text("x", datatypes.parse(kind), pattern)
                columns.append(F.expr(counted.get(kind, "{}").format(sql)).alias(f"c{number}"))
            frame = engine._spark.createDataFrame(list(enumerate(texts)), "n int, x string")
            return [tuple(row)[1:] for row in frame.select("n", *columns).orderBy("n").collect()]

    def evaluate(self, select: str) -> list[tuple[Any, ...]]:
        with self.engine() as engine:
            return engine.rows(select)

    def bind(
        self, prefix: str, partitions: Mapping[str, str], select: str = "SELECT * FROM t"
    ) -> Any:
        types = {name: datatypes.parse(kind) for name, kind in partitions.items()}
        with self.engine() as engine:
            bound = engine.bind("t", TableSource(prefix, types))
            counts = (bound.rows, bound.objects, bound.bytes)
            return dict(bound.columns), counts, engine.rows(select)

    def bind_again(self, prefix: str, arrives: tuple[str, str]) -> Any:
        """Bind a table three times; an object is copied into it before the last: rows and jobs."""
        found = []
        with self.engine() as engine:
            tracker = engine._spark.sparkContext.statusTracker()
            for number in range(3):
                if number == 2:
                    where: Any = {"Bucket": self._bucket, "Key": arrives[0]}
                    s3_client().copy_object(Bucket=self._bucket, Key=arrives[1], CopySource=where)
                before = len(tracker.getJobIdsForGroup())
                bound = engine.bind("t", TableSource(prefix, {}))
                jobs = len(tracker.getJobIdsForGroup()) - before
                found.append((bound.rows, jobs, engine.rows("SELECT count(*) FROM t")[0][0]))
        return found

    def bind_raw(self, prefix: str, select: str) -> Any:
        with self.engine() as engine:
            bound = engine.bind_raw("raw", prefix)
            counts = (bound.rows, bound.objects, bound.bytes)
            return dict(bound.columns), counts, engine.rows(select)

    def answer(self, text: str, inputs: Mapping[str, Mapping[str, str]]) -> Any:
        with self.engine() as engine:
            return runs.answer(engine, text, inputs)

    def build(self, text: str, inputs: Sequence[str], name: str) -> dict[str, int]:
        with self.engine() as engine:
            return runs.build(engine, text, inputs, name)

    def write(
        self,
        select: str,
        prefix: str,
        partition_by: Sequence[str],
        sort_by: Sequence[str],
        where: str = "true",
        max_object_bytes: int = 512 << 20,
    ) -> dict[str, int]:
        """Write the answer of a query as a table."""
        with self.engine(max_object_bytes) as engine:
            return _write(engine, select, where, prefix, partition_by, sort_by)

    def make(
        self, select: str, prefix: str, partition_by: Sequence[str]
    ) -> tuple[int, dict[str, int]]:
        """Write an answer that is read once as a table that keeps its columns, as models do."""
        report = Report("model", "m", "r1")
        with self.engine() as engine:
            types = engine.create("result", select, once=True)
            target = TableTarget(
                prefix, types, tuple(partition_by), tuple(types), keeps_columns=True
            )
            rows = engine.write_table("result", "true", target, report)
        return rows, asdict(report.objects)

    def copy(
        self,
        source: str,
        select: str,
        where: str,
        prefix: str,
        partition_by: Sequence[str],
        sort_by: Sequence[str],
        max_object_bytes: int,
    ) -> dict[str, int]:
        """Write the answer of a query over a table `t`, which has no partitions, as a table."""
        with self.engine(max_object_bytes) as engine:
            engine.bind("t", TableSource(source, {}))
            return _write(engine, select, where, prefix, partition_by, sort_by)

    def write_object(self, select: str, order_by: Sequence[str], key: str) -> None:
        with self.engine() as engine:
            engine.write_object(select, order_by, key)

    def transform(
        self,
        dataset: str,
        approved: str | None = None,
        arrives: tuple[str, str] | None = None,
        vanishes: str | None = None,
    ) -> Any:
        """
        Run the job.

        An object that `arrives` (copied from one key to another) does so when the table has been
        published for the first time; one that `vanishes` does so when raw was bound.
        """
        import transform  # noqa: PLC0415 - not all tests need it

        lake = Lake(s3_client(), self._bucket)
        create, write_table = SparkEngine.create, SparkEngine.write_table
        waiting = {"arrives": arrives, "vanishes": vanishes}

        def creating(engine: SparkEngine, *arguments: Any) -> Any:
            key = waiting.pop("vanishes", None)
            if key:
                lake.delete([str(key)])
            return create(engine, *arguments)

        def writing(engine: SparkEngine, *arguments: Any, **more: Any) -> int:
            rows = write_table(engine, *arguments, **more)
            keys = waiting.pop("arrives", None)
            if keys:
                where: Any = {"Bucket": lake.bucket, "Key": keys[0]}
                lake.client.copy_object(Bucket=lake.bucket, Key=keys[1], CopySource=where)
            return rows

        run: Any = transform.run
        with (
            mock.patch.object(SparkEngine, "create", creating),
            mock.patch.object(SparkEngine, "write_table", writing),
        ):
            return run(lake, dataset, "r1", engine="spark", approved=approved).to_json()


def _write(
    engine: SparkEngine,
    select: str,
    where: str,
    prefix: str,
    partition_by: Sequence[str],
    sort_by: Sequence[str],
) -> dict[str, int]:
    report = Report("model", "m", "r1")
    types = engine.create("result", select)
    kept = {name: kind for name, kind in types.items() if not name.startswith("_")}
    target = TableTarget(prefix, kept, tuple(partition_by), tuple(sort_by))
    engine.write_table("result", where, target, report)
    return asdict(report.objects)


def serve(address: str, key: bytes) -> None:
    worker = Worker()
    with Client(address, authkey=key) as connection:
        while True:
            try:
                name, arguments, keywords = connection.recv()
            except EOFError:
                return
            request: Callable[..., Any] = getattr(worker, name)
            try:
                answer: tuple[Any, ...] = (None, None, request(*arguments, **keywords))
            except Exception as error:  # noqa: BLE001 - the test judges
                answer = (type(error).__name__, str(error), traceback.format_exc())
            connection.send(answer)


if __name__ == "__main__":
    serve(sys.argv[1], os.environ["WORKER_KEY"].encode())
