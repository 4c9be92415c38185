"""What came out: how each table compares, what each probe found, and what is left."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.text import Text

from ops.conform.answers import Answer
from ops.conform.findings import Assumption, NotProbed
from ops.conform.lab import Lab, NotSeen
from ops.conform.masking import masked
from ops.display import console, heading, step, table
from ops.errors import OpsError

AS_ASSUMED, OTHERWISE, NOT_PROBED, FAILED = "as assumed", "otherwise", "not probed", "probe failed"
_STYLES = {AS_ASSUMED: "green", OTHERWISE: "bold red", NOT_PROBED: "dim", FAILED: "bold red"}


@dataclass(frozen=True)
class Found:
    """One assumption, and what its probe found."""

    id: str
    assumed: str
    found: str
    detail: str
    otherwise: str

    @property
    def good(self) -> bool:
        return self.found in (AS_ASSUMED, NOT_PROBED)


@dataclass
class Outcome:
    """All that came out of one deployment."""

    name: str
    target: str
    answers: list[Answer] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing was otherwise, nothing failed and nothing is left."""
        answers = all(answer.same for answer in self.answers)
        return answers and all(item.good for item in self.found) and not self.failures + self.left

    @property
    def counted(self) -> str:
        """How many assumptions came out how."""
        counts = Counter(item.found for item in self.found)
        outcomes = (AS_ASSUMED, OTHERWISE, FAILED, NOT_PROBED)
        return f"Of {len(self.found)}: " + ", ".join(f"{counts[one]} {one}" for one in outcomes)

    def show(self) -> None:
        if self.answers:
            heading("Tables, against answers that were worked out independently")
            rows = [
                [
                    item.table,
                    item.expected_rows,
                    item.rows,
                    Text("same", "green") if item.same else Text(item.differs, "bold red"),
                ]
                for item in self.answers
            ]
            table(["table", "rows expected", "rows found", "values"], rows, right=[1, 2])
        if self.found:
            heading("What we take to be so on AWS, and what was found")
            view = [
                [item.id, item.assumed, Text(f"{item.found}: {item.detail}", _STYLES[item.found])]
                for item in self.found
            ]
            table(["id", "assumed", "found"], view)
            console.print(f"\n  {self.counted}")
            for item in self.found:
                if item.found == OTHERWISE:
                    console.print(Text(f"\n  {item.id}, otherwise: {item.otherwise}", "red"))
        for text in self.failures:
            console.print(Text(f"\n  ✘ {text}", "bold red"))

    def save(self, path: Path) -> None:
        """Write it as JSON, without account numbers."""
        document = {
            "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "good": self.good,
            "tables": [{**asdict(item), "same": item.same} for item in self.answers],
            "assumptions": [asdict(item) for item in self.found],
            **{name: getattr(self, name) for name in ("name", "target", "failures", "left")},
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        path.write_text(masked(text), encoding="utf-8")


def chosen(assumptions: Sequence[Assumption], ids: Iterable[str]) -> list[Assumption]:
    """Assumptions by id; all when none is named.

    Raises
    ------
    OpsError
        There is no such id.
    """
    wanted = list(ids)
    known = {item.id: item for item in assumptions}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise OpsError(
            f"There is no assumption {', '.join(unknown)}.", hint=f"There are: {', '.join(known)}."
        )
    return [known[name] for name in wanted] or list(assumptions)


def probe(lab: Lab, assumptions: Iterable[Assumption]) -> list[Found]:
    """Look whether each assumption holds; a probe that fails does not stop the others."""
    found = []
    for item in assumptions:
        with step(f"probe {item.id}") as line:
            outcome, detail = _probed(lab, item)
            line.text = f"probe {item.id}: {outcome}"
        found.append(Found(item.id, item.assumed, outcome, detail, item.otherwise))
        lab.evidence.save(lab.folder)
    return found


def _probed(lab: Lab, item: Assumption) -> tuple[str, str]:
    if item.probe is None:
        return NOT_PROBED, item.unprobed
    try:
        finding = item.probe(lab)
    except NotProbed as why:
        return NOT_PROBED, str(why)
    except NotSeen as error:
        return OTHERWISE, error.message
    except Exception as error:  # noqa: BLE001 - told as such; the others are to be seen all the same
        return FAILED, f"{type(error).__name__}: {error}"
    return (AS_ASSUMED if finding.holds else OTHERWISE), finding.seen
