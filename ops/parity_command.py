"""`python -m ops parity`: an example on both engines, from nothing to a table of what differs."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Sequence
from types import FrameType

from rich.text import Text

from ops import arrivals, deploy, examples, localaws
from ops.comparison import Row
from ops.display import console, duration, heading, note, plural, step, table
from ops.environment import ROOT, STATE
from ops.errors import RunFailed
from ops.parity import Side, TableComparison, compare_engines

SPARK_VENV = ROOT / ".venv-spark"
# A local AWS of its own: one that is up is neither used nor disturbed.
OWN_STATE = STATE / "parity"
_LEADING = 3  # columns that tell which row it is, whether they differ or not


def run(name: str) -> int:
    """
    Run an example on a local AWS, then every contract and model on both engines.

    Returns
    -------
    int
        1 if a table differs or could not be built on both engines, else 0.
    """
    example = examples.load(name)
    console.print(f"[bold]Parity[/bold]: example {example.name} on DuckDB and on Spark")
    signal.signal(signal.SIGTERM, _interrupt)
    heading("Deploy")
    try:
        target = deploy.bring_up(example, state=OWN_STATE)
        assert target.session is not None
        heading("Pipeline (for raw/ and config/)")
        try:
            arrivals.load(target, example, state=OWN_STATE)
        except RunFailed:
            note("The run failed; the engines are compared on what it left in raw/.")
        heading("Both engines")
        with step("every contract and model on DuckDB and on Spark") as line:
            compared = compare_engines(
                target.session.endpoint,
                target.outputs.bucket_name,
                SPARK_VENV,
                progress=line.update,
            )
    finally:
        localaws.stop(OWN_STATE)
    show(compared)
    return 0 if all(item.same for item in compared) else 1


def show(compared: Sequence[TableComparison]) -> None:
    """Print the table of all comparisons, then what differs, side by side."""
    heading("Parity")
    view = [
        [
            item.table,
            item.duckdb.rows,
            item.spark.rows,
            _took(item.duckdb),
            _took(item.spark),
            _verdict(item),
        ]
        for item in compared
    ]
    names = ["table", "rows duckdb", "rows spark", "duckdb took", "spark took", "differing rows"]
    table(names, view, right=range(1, 6))
    for item in compared:
        if not item.same:
            _details(item)
    wrong = sum(not item.same for item in compared)
    if wrong:
        console.print(Text(f"\n  ✘ {wrong} of {plural(len(compared), 'table')} differ", "bold red"))
    else:
        text = f"\n  ✔ {plural(len(compared), 'table')}, the same on both engines"
        console.print(Text(text, "bold green"))


def _took(side: Side) -> str:
    return "-" if side.seconds is None else duration(side.seconds)


def _verdict(item: TableComparison) -> Text:
    if item.duckdb.error or item.spark.error:
        return Text("not built", "bold red")
    if item.difference.columns:
        return Text("columns", "bold red")
    return Text(f"{item.difference.rows:,}", "bold red" if item.difference.rows else "green")


def _details(item: TableComparison) -> None:
    heading(item.table)
    for engine, side in (("duckdb", item.duckdb), ("spark", item.spark)):
        if side.error:
            console.print(Text(f"  {engine}: {side.error}"))
    for sentence in item.difference.columns:
        console.print(Text(f"  {sentence}"))
    for left, right in item.difference.pairs:
        table(["column", "duckdb", "spark"], _cells(item.difference.names, left, right))
        console.print()
    shown = len(item.difference.pairs)
    if item.difference.rows > shown:
        note(f"and {plural(item.difference.rows - shown, 'row')} more")


def _cells(names: Sequence[str], left: Row | None, right: Row | None) -> Iterable[list[Text]]:
    """Lines of a pair of rows: the columns that differ, and the first ones to know the row by."""
    for place, name in enumerate(names):
        values = [Text("(no row)", "dim") if row is None else _value(row[place])
                  for row in (left, right)]  # fmt: skip
        differs = left is not None and right is not None and left[place] != right[place]
        if differs:
            yield [Text(name, "red"), *values]
        elif left is None or right is None or place < _LEADING:
            yield [Text(name), *values]


def _value(value: object) -> Text:
    return Text("null", "dim") if value is None else Text(repr_of(value))


def repr_of(value: object) -> str:
    """Value with all its digits; texts in quotes, so that blanks are seen."""
    return repr(value) if isinstance(value, str | float) else str(value)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
