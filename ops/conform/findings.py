"""What a probe finds: that it is as assumed, or what is otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ops.conform.lab import Lab


@dataclass(frozen=True)
class Finding:
    """What was seen; `holds` tells whether it is as assumed."""

    holds: bool
    seen: str


class NotProbed(Exception):  # noqa: N818 - an outcome, not a fault
    """A probe that can not look here; the text says why."""


Probe = Callable[[Lab], Finding]


@dataclass(frozen=True)
class Assumption:
    """Something about AWS that its pages do not settle.

    Attributes
    ----------
    id
        Short, and stable: reports of different days are compared by it.
    assumed
        What we take to be so.
    otherwise
        What happens if it is not, and what to do.
    probe
        Looks whether it is so; none where that is not possible, and `unprobed` says why.
    confirmed
        Whether a page settles it by now: docs/aws-differences.md names that under Confirmed. It is
        probed all the same.
    """

    id: str
    assumed: str
    otherwise: str
    probe: Probe | None = None
    unprobed: str = ""
    confirmed: bool = False
