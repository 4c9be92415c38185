"""What is deployed: the retail sample as it is by default, and datasets that files start."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from ops.environment import ROOT, terraform_environment
from ops.errors import OpsError

# Files of this one are dropped; its partitions have names that folders have to encode.
RETURNS: dict[str, Any] = {
    "null_values": ["", "n/a"],
    "columns": [
        {"name": "return_id", "type": "bigint", "required": True},
        {"name": "sale_id", "type": "bigint", "required": True},
        {"name": "reason", "type": "string", "clean": ["trim"]},
        {"name": "returned_on", "type": "date", "required": True},
    ],
    "key": ["return_id"],
    "order_by": ["returned_on desc"],
    "partition_by": ["reason"],
    "triggers": ["event"],
    "approval": {"max_refused_percent": 20, "timeout_hours": 1},
}
# No file of this one ever comes.
SPARE: dict[str, Any] = {
    "columns": [{"name": "spare_id", "type": "bigint", "required": True}],
    "triggers": [],
}
WINDOW_SECONDS = 10


def defaults(folder: Path) -> dict[str, Any]:
    """Datasets of the retail sample, as the root module has them by default.

    Terraform is asked, in `folder`, with the variables alone: no provider, no state.

    Raises
    ------
    OpsError
        Terraform does not tell.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in ROOT.glob("variables*.tf"):
        link = folder / path.name
        if not link.is_symlink():
            link.symlink_to(path)
    done = subprocess.run(
        ["terraform", "console", "-no-color"], cwd=folder, env=terraform_environment(),
        input="jsonencode(var.datasets)\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith('"')]
    if len(lines) != 1:
        raise OpsError(
            "terraform console does not tell the default datasets.",
            details=done.stdout + done.stderr,
        )
    found: dict[str, Any] = json.loads(json.loads(lines[0]))
    return found


def variables(name: str, region: str, datasets: dict[str, Any], *, spark: bool) -> dict[str, Any]:
    """Variables of the root module for a deployment that is tried and destroyed."""
    tried = {**datasets, "returns": RETURNS, "spare": SPARE}
    if spark:
        tried["visits"] = {**RETURNS, "engine": "spark", "approval": None, "group": "returns"}
    return {
        "name": name,
        "database_prefix": name.replace("-", "_"),
        "datasets": tried,
        "arrival_window_seconds": WINDOW_SECONDS,
        "force_destroy": True,
        "log_retention_days": 1,
        "monitoring": {"dashboard": False, "success_mails": True},
        "notification_emails": [],
        "region": region,
        "schedule_expression": None,
    }
