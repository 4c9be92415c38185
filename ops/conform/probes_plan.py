"""Probe of Terraform: whether AWS gives back what was set."""

from __future__ import annotations

import re

from ops.conform import deployment
from ops.conform.findings import Finding
from ops.conform.lab import Lab

_CHANGED = re.compile(r"^  # (\S+) (?:will|must) be", re.MULTILINE)


def empty(lab: Lab) -> Finding:
    changes = deployment.load(lab.name).plan_is_empty()
    named = _CHANGED.findall(changes)
    return Finding(
        not changes, ", ".join(named[:5]) or ("no changes" if not changes else "outputs")
    )
