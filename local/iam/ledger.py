"""The ledger of calls: who asked for what, and what the answer was."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from local.endpoints import endpoint
from local.iam.principals import Principal


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One authorisation: who asked for what, and the answer."""

    time: str
    role: str
    session: str
    action: str
    resources: list[str]
    decision: str


_ledger: deque[LedgerEntry] = deque(maxlen=50_000)


def record(principal: Principal, action: str, resources: Iterable[str], decision: str) -> None:
    """Add a line to the ledger of calls."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    _ledger.append(
        LedgerEntry(now, principal.role_name, principal.session, action, list(resources), decision)
    )


@endpoint("GET", "/_local/calls")
def calls(query: dict[str, str]) -> list[dict[str, Any]]:
    """Return the ledger, the oldest call first; ``role=`` and ``decision=`` pick from it."""
    return [
        asdict(entry)
        for entry in list(_ledger)
        if query.get("role") in (None, entry.role)
        and query.get("decision") in (None, entry.decision)
    ]


@endpoint("DELETE", "/_local/calls")
def clear(query: dict[str, str]) -> dict[str, int]:
    """Forget all calls."""
    del query
    forgotten = len(_ledger)
    _ledger.clear()
    return {"forgotten": forgotten}
