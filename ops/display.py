"""What the terminal shows: lines, tables, and a spinner where a terminal can turn one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 120  # without a terminal: wide enough that tables of a log do not wrap

console = Console(highlight=False)
if not console.is_terminal:
    console = Console(highlight=False, width=PLAIN_WIDTH)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def duration(seconds: float) -> str:
    """Seconds as people read them: 0.4 s, 12.1 s, 3 min 05 s."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def size(count: float) -> str:
    """Bytes as people read them: 512 B, 1.4 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def heading(text: str) -> None:
    console.print(f"\n[bold]{escape(text)}[/bold]")


def done(text: str, seconds: float | None = None) -> None:
    took = f"  [dim]{duration(seconds)}[/dim]" if seconds is not None else ""
    console.print(f"  [green]✔[/green] {escape(text)}{took}")


def failed(text: str) -> None:
    console.print(f"  [red]✘ {escape(text)}[/red]")


def note(text: str) -> None:
    console.print(f"  [dim]{escape(text)}[/dim]")


def indented(text: str, style: str = "") -> None:
    """Print what belongs to the line above; also where it goes on in a further line."""
    console.print(Padding(Text(text, style), (0, 0, 0, 4), expand=False))


@dataclass
class Step:
    """A running step: `update` changes what the spinner says, `text` is left when it is done."""

    text: str
    started: float = field(default_factory=time.monotonic)
    update_spinner: object = None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def update(self, text: str) -> None:
        if callable(self.update_spinner):
            self.update_spinner(f"{escape(text)}")


@contextmanager
def step(text: str) -> Iterator[Step]:
    """Show one line for a piece of work: a spinner while it runs, its time when it is done."""
    current = Step(text)
    with console.status(escape(text)) as status:
        current.update_spinner = status.update
        try:
            yield current
        except BaseException:
            status.stop()
            failed(f"{current.text}  {duration(current.seconds)}")
            raise
    done(current.text, current.seconds)


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Iterable[int] = ()
) -> None:
    """Print a table; the columns whose positions are in `right` are set flush right."""
    view = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    flush = set(right)
    for position, name in enumerate(columns):
        view.add_column(
            Text(name), justify="right" if position in flush else "left", overflow="fold"
        )
    for row in rows:
        view.add_row(*(cell if isinstance(cell, Text) else Text(_cell(cell)) for cell in row))
    console.print(Padding(view, (0, 0, 0, 2), expand=False))


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)
