"""DuckDB, bounded in memory and shut off from files and network but for its own folder."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa

from casts import literal
from errors import ConfigError, DiskFull, LakeError

logger = logging.getLogger(__name__)

MIN_MEMORY_MB = 128
# Under this much for each thread DuckDB's operators get into each other's way.
MEMORY_PER_THREAD_MB = 128
_CGROUP_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)
_ORIGIN_TYPES = {"_source_file": "VARCHAR", "_source_row": "BIGINT"}


def default_memory_mb() -> int:
    """Give what DuckDB may have here: 40 % of the memory, the rest is for Python and Arrow."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in map(Path, _CGROUP_LIMITS):
        if path.exists():
            text = path.read_text().strip()
            if text.isdigit():
                total = min(total, int(text))
    return max(MIN_MEMORY_MB, int(total * 0.4) >> 20)


class Engine:
    """
    A DuckDB of its own, closed with the context.

    Parameters
    ----------
    folder
        An empty folder, on a disk with room for the data: what does not fit in memory spills
        here, and no other file can be reached from SQL.
    memory_mb
        DuckDB's memory limit; Python and Arrow come on top. At least 128.
    """

    def __init__(self, folder: Path, memory_mb: int | None = None) -> None:
        self.folder = folder
        self.memory_mb = default_memory_mb() if memory_mb is None else memory_mb
        if self.memory_mb < MIN_MEMORY_MB:
            raise ConfigError(
                f"--memory-mb is {self.memory_mb}; at least {MIN_MEMORY_MB} MB are needed"
            )
        self.threads = max(1, min(os.cpu_count() or 1, self.memory_mb // MEMORY_PER_THREAD_MB))
        self._connection = duckdb.connect(
            str(folder / "engine.duckdb"),
            config={
                "memory_limit": f"{self.memory_mb}MiB",
                "threads": self.threads,
                "temp_directory": str(folder / "spill"),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "preserve_insertion_order": False,
            },
        )
        for setting in (
            f"allowed_directories = [{literal(f'{folder}/')}]",
            "enable_external_access = false",
            "TimeZone = 'UTC'",
            # No expression can change any of this.
            "lock_configuration = true",
        ):
            self._connection.execute(f"SET {setting}")

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def describe(self, expression: str, types: Mapping[str, str]) -> str:
        """Give the DuckDB type of an expression over columns of given types.

        Raises
        ------
        ConfigError
            With DuckDB's own words, when it does not accept the expression.
        """
        columns = ", ".join(f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in types.items())
        try:
            found = self._connection.execute(
                f"SELECT {expression} AS v FROM (SELECT {columns}) LIMIT 0"
            ).description
        except duckdb.Error as error:
            raise ConfigError(_first_line(error)) from error
        return str(found[0][1])

    def bind_raw(self, files: Sequence[tuple[Path, str | None]]) -> dict[str, str]:
        """
        Make the view `raw` of Parquet files, whose columns are united by name.

        Parameters
        ----------
        files
            Paths below the engine's folder with the ingest_date of each, in the order that is
            to break ties.

        Returns
        -------
        dict
            The columns and their DuckDB types. `_file` (place in `files`) and `_row` (place in
            the file, from 0) say which row it is. `_source_file` and `_source_row` are null
            where the files have no such columns.
        """
        paths = ", ".join(literal(str(path)) for path, _ in files)
        dates = ", ".join("NULL" if date is None else literal(date) for _, date in files)
        source = f"read_parquet([{paths}], union_by_name = true, hive_partitioning = false)"
        found = {name.lower() for name in self.columns(f"SELECT * FROM {source}")}
        own = [
            "CAST(file_index AS BIGINT) AS _file",
            "file_row_number AS _row",
            f"CAST([{dates}][CAST(file_index AS BIGINT) + 1] AS VARCHAR) AS ingest_date",
            *(
                f"CAST(NULL AS {kind}) AS {name}"
                for name, kind in _ORIGIN_TYPES.items()
                if name not in found
            ),
        ]
        rest = "* EXCLUDE (ingest_date)" if "ingest_date" in found else "*"
        self.execute(f"CREATE OR REPLACE VIEW raw AS SELECT {', '.join(own)}, {rest} FROM {source}")
        # DuckDB does not tell cases apart, and contracts are in lower case.
        return {name.lower(): kind for name, kind in self.columns("SELECT * FROM raw").items()}

    def columns(self, query: str) -> dict[str, str]:
        """Give the columns of a query and their DuckDB types."""
        with _explained(self.memory_mb):
            found = self._connection.execute(f"DESCRIBE {query}").fetchall()
        return {name: kind for name, kind, *_ in found}

    def execute(self, sql: str) -> None:
        """Run a statement."""
        with _explained(self.memory_mb):
            self._connection.execute(sql)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Run a query whose answer is small."""
        with _explained(self.memory_mb):
            return self._connection.execute(query).fetchall()

    def batches(self, query: str, size: int) -> Iterator[pa.RecordBatch]:
        """Run a query and yield its answer in batches of at most `size` rows, in its order."""
        with _explained(self.memory_mb):
            yield from self._connection.execute(query).fetch_record_batch(size)


@contextlib.contextmanager
def _explained(memory_mb: int) -> Iterator[None]:
    """Turn DuckDB's errors into ones that say what to do."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise LakeError(
            f"the data does not fit in {memory_mb} MB of memory: give the job more capacity "
            f"(1 DPU instead of 0.0625), or raise --memory-mb. DuckDB says: {_first_line(error)}"
        ) from error
    except duckdb.IOException as error:
        if "No space left" in str(error) or "max_temp_directory_size" in str(error):
            raise DiskFull(f"the local disk is full: {_first_line(error)}") from error
        raise LakeError(_first_line(error)) from error
    except duckdb.Error as error:
        raise LakeError(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
