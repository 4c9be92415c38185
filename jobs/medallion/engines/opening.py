"""Opens the engine of a contract or a stage; only here engines are told apart."""

from __future__ import annotations

from pathlib import Path

from medallion.engines.base import Engine
from medallion.lake.objects import Lake


def open_engine(
    name: str,
    lake: Lake,
    folder: Path,
    *,
    memory_mb: int | None = None,
    max_object_bytes: int = 512 << 20,
) -> Engine:
    """Open the engine of that name; Spark is imported only where it is asked for."""
    if name == "spark":
        from medallion.engines.spark.engine import SparkEngine  # noqa: PLC0415

        return SparkEngine(lake, folder, max_object_bytes)
    from medallion.engines.duckdb.engine import DuckDbEngine  # noqa: PLC0415

    return DuckDbEngine(lake, folder, memory_mb, max_object_bytes)
