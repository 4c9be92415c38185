"""`python -m ops parity`: build an example on both engines, and show the rows that differ."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import boto3
import pyarrow as pa
import pyarrow.parquet as pq

from local.errors import SparkSetupError
from local.glue import spark
from local.settings import REGION, ROOT_ACCESS_KEY
from ops import bootstrap
from ops.comparison import Difference, compare
from ops.environment import ROOT
from ops.errors import OpsError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ENGINES = ("duckdb", "spark")
WORKER = Path(__file__).with_name("parity_worker.py")
RUN_ID = "parity"
_COPIED = ("config/", "raw/")
_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Side:
    """One engine's table: its rows, the seconds that it took, or why it is not there."""

    rows: int | None = None
    seconds: float | None = None
    error: str = ""


@dataclass(frozen=True)
class TableComparison:
    """What two engines made of one dataset or model.

    Attributes
    ----------
    table
        Its name, such as `processed.flights` or `analytics.fact_flight`.
    duckdb, spark
        The two sides.
    difference
        Where they differ; empty when one side is not there.
    """

    table: str
    duckdb: Side
    spark: Side
    difference: Difference

    @property
    def same(self) -> bool:
        """Whether both engines made the table, with the same columns and rows."""
        return not (self.difference or self.duckdb.error or self.spark.error)


def scratch_buckets(bucket: str) -> dict[str, str]:
    """Names of the buckets, by engine, in which the tables of a lake are built."""
    digest = hashlib.sha256(bucket.encode()).hexdigest()[:12]
    return {engine: f"parity-{engine}-{digest}" for engine in ENGINES}


def compare_engines(
    endpoint: str,
    bucket: str,
    spark_venv: Path,
    *,
    progress: Progress = lambda _: None,
    keep: bool = False,
) -> list[TableComparison]:
    """
    Build all tables of a lake on both engines, and compare them.

    Parameters
    ----------
    endpoint
        URL of a local AWS.
    bucket
        A lake in it, with raw/ and config/; it is only read.
    spark_venv
        Virtual environment of Spark; made when it is not there.
    progress
        Told what is being done.
    keep
        Whether `scratch_buckets(bucket)` stay, with the tables and reports (of run `parity`).

    Returns
    -------
    list
        One for each dataset, then one for each model, in the order of the plan.

    Raises
    ------
    OpsError
        Spark cannot be set up, or a worker dies.
    """
    s3 = _client(endpoint)
    scratch = scratch_buckets(bucket)
    try:
        with tempfile.TemporaryDirectory(prefix="parity-") as temporary:
            folder = Path(temporary)
            environ = _worker_environment(endpoint, spark_venv, folder, progress)
            errors = {}
            for engine, name in scratch.items():
                _copy_lake(s3, bucket, name)
                progress(f"{engine}: starting")
                # -P: modules of this folder must not stand in for those of jobs/.
                command = [str(spark.python_of(spark_venv)), "-P", str(WORKER), "--bucket", name]
                log = folder / f"{engine}.log"
                steps = _build([*command, "--engine", engine], environ, log, progress)
                errors[engine] = _failures(s3, name, steps)
        found = []
        for table in tables(s3, bucket):
            progress(f"comparing {table}")
            found.append(compare_table(s3, scratch, table, errors))
        return found
    finally:
        if not keep:
            for name in scratch.values():
                _drop_bucket(s3, name)


def tables(s3: S3Client, bucket: str) -> list[str]:
    """Tables that the configuration of a lake makes, in the order in which they are built."""
    plan = _json(s3, bucket, "config/pipeline.json") or {}
    models = (_json(s3, bucket, "config/models.json") or {}).get("models", {})
    order = [stage["name"] for stage in plan.get("stages", [])]
    named = [name for name in models if models[name]["stage"] in order]
    named.sort(key=lambda name: (order.index(models[name]["stage"]), name))
    return [
        *(f"processed.{dataset['name']}" for dataset in plan["datasets"]),
        *(f"analytics.{name}" for name in named),
    ]


def compare_table(
    s3: S3Client,
    buckets: Mapping[str, str],
    table: str,
    errors: Mapping[str, Mapping[str, str]],
) -> TableComparison:
    """Compare a table as it lies in two buckets; `errors` are those of its steps, by engine."""
    layer, _, name = table.partition(".")
    job = "transform" if layer == "processed" else "model"
    sides: dict[str, Side] = {}
    read: dict[str, pa.Table] = {}
    for engine, bucket in buckets.items():
        report = _json(s3, bucket, f"runs/{RUN_ID}/{job}/{name}.json") or {}
        error = errors[engine].get(table, "")
        read[engine] = read_table(s3, bucket, f"{layer}/{name}/")
        rows = None if error else read[engine].num_rows
        sides[engine] = Side(rows, report.get("seconds"), error)
    left, right = (read[engine] for engine in ENGINES)
    difference = Difference()
    # Without an object on both sides there are no columns to compare.
    if not any(side.error for side in sides.values()) and (left.schema or right.schema):
        difference = compare(left, right, sides=ENGINES)
    return TableComparison(table, sides["duckdb"], sides["spark"], difference)


def _failures(s3: S3Client, bucket: str, steps: Mapping[str, str]) -> dict[str, str]:
    """Why tables were not built, by table: a stage that failed has its models' reasons."""
    errors = {name: text for name, text in steps.items() if not name.startswith("stage ")}
    configured = (_json(s3, bucket, "config/models.json") or {}).get("models", {})
    for name, text in steps.items():
        stage = name.removeprefix("stage ")
        if stage == name:
            continue
        summary = _json(s3, bucket, f"runs/{RUN_ID}/stages/{stage}.json") or {}
        named = {
            item["model"]: f"{item.get('error') or item['status']}: {item.get('cause', '')}"
            for item in summary.get("failures", [])
        }
        for model, settings in configured.items():
            built = _json(s3, bucket, f"runs/{RUN_ID}/model/{model}.json")
            if settings["stage"] == stage and (model in named or not built):
                errors[f"analytics.{model}"] = named.get(model, text)
    return errors


def read_table(s3: S3Client, bucket: str, prefix: str) -> pa.Table:
    """Read what Athena reads under a table's prefix; folders become columns of texts.

    Raises
    ------
    OpsError
        Its objects do not have the same columns.
    """
    parts: list[pa.Table] = []
    for key in _keys(s3, bucket, prefix):
        if key.rsplit("/", 1)[-1].startswith(("_", ".")):
            continue
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        part = pq.read_table(io.BytesIO(body), partitioning=None).replace_schema_metadata(None)
        for folder in key.removeprefix(prefix).split("/")[:-1]:
            column, _, text = folder.partition("=")
            value = None if text == _NULL_PARTITION else unquote(text)
            part = part.append_column(column, pa.array([value] * len(part), pa.string()))
        if parts and part.schema != parts[0].schema:
            raise OpsError(
                f"s3://{bucket}/{key} has other columns than the objects beside it.",
                details=f"{part.schema}\n\nbeside:\n\n{parts[0].schema}",
            )
        parts.append(part)
    return pa.concat_tables(parts) if parts else pa.table({})


def _worker_environment(
    endpoint: str, venv: Path, folder: Path, progress: Progress
) -> dict[str, str]:
    _, job_requirements = bootstrap.requirements()
    try:
        spark.ensure(venv, progress)
        spark.install(venv, job_requirements, progress)
        settings = spark.environment(venv, endpoint, folder)
    except SparkSetupError as error:
        raise OpsError("Spark could not be set up.", details=str(error)) from error
    return {
        **settings,
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PATH": os.defpath,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(ROOT / "jobs"),
        "TMPDIR": str(folder),
    }


def _build(
    command: list[str], environ: Mapping[str, str], log: Path, progress: Progress
) -> dict[str, str]:
    """Let a worker build the tables with the engine that ends its command; return what failed."""
    engine = command[-1]
    errors: dict[str, str] = {}
    with (
        log.open("w", encoding="utf-8") as stream,
        subprocess.Popen(
            command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=stream, text=True,
        ) as worker,
    ):  # fmt: skip
        assert worker.stdout is not None
        try:
            for line in worker.stdout:
                step = json.loads(line)
                progress(f"{engine}: {step['step']}, {step['seconds']:.1f} s")
                if step["error"]:
                    errors[step["step"]] = step["error"]
        except BaseException:
            worker.kill()
            raise
    if worker.returncode:
        text = log.read_text(encoding="utf-8", errors="replace")
        raise OpsError(
            f"The worker of {engine} ended with exit code {worker.returncode}.",
            details="\n".join(text.splitlines()[-40:]),
        )
    return errors


def _client(endpoint: str) -> S3Client:
    session = boto3.session.Session(
        aws_access_key_id=ROOT_ACCESS_KEY,
        aws_secret_access_key=ROOT_ACCESS_KEY,
        region_name=REGION,
    )
    return session.client("s3", endpoint_url=endpoint)


def _keys(s3: S3Client, bucket: str, prefix: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


def _json(s3: S3Client, bucket: str, key: str) -> Any:
    """JSON document of a key; None when there is no such object."""
    if key not in _keys(s3, bucket, key):
        return None
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def _copy_lake(s3: S3Client, source: str, bucket: str) -> None:
    """Make a bucket with what the jobs read of another one; S3 does the copying."""
    _drop_bucket(s3, bucket)
    s3.create_bucket(Bucket=bucket)
    for prefix in _COPIED:
        for key in _keys(s3, source, prefix):
            s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": source, "Key": key})
    for key in _keys(s3, bucket, "config/datasets/"):
        contract = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        # Nobody can be asked for an approval here.
        if contract.pop("approval", None):
            s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(contract).encode())


def _drop_bucket(s3: S3Client, bucket: str) -> None:
    try:
        keys = _keys(s3, bucket, "")
    except s3.exceptions.NoSuchBucket:
        return
    for start in range(0, len(keys), 1000):
        batch: list[Any] = [{"Key": key} for key in keys[start : start + 1000]]
        s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
    s3.delete_bucket(Bucket=bucket)
