"""Step Functions: moto's interpreter, with what it does otherwise than AWS put right."""

from __future__ import annotations

from moto.core.config import default_user_config

from local.states import (
    callbacks,
    expressions,
    limits,
    machines,
    running,
    sync_tasks,
    tasks,
    waits,
)

__all__ = ["install", "machines"]


def install() -> None:
    """Patch the interpreter; fails, naming the symbol, when a patched one has moved."""
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    for part in (expressions, tasks, sync_tasks, callbacks, waits, running, limits):
        part.install()
