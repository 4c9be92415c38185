"""Paths of the clone, and the environment in which Terraform runs. Standard library only."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from ops.errors import OpsError
from ops.provider import Provider, user_config

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".local"
PYTHON = ROOT / ".venv/bin/python"
JOB_PYTHON = ROOT / ".venv-jobs/bin/python"

_HEADER = "# Written by `make setup`. Where Terraform takes the AWS provider from.\n"


def cache_key(root: Path, environ: Mapping[str, str]) -> str:
    """What the choice of a provider source rests on: when it changes, the choice is made anew."""
    config = user_config(environ)
    versions = root / "versions.tf"
    parts = [
        environ.get("TF_PLUGIN_DIR", ""),
        f"{config}:{config.stat().st_mtime_ns}" if config else "",
        versions.read_text(encoding="utf-8") if versions.is_file() else "",
    ]
    return "\n".join(parts)


def save_provider(provider: Provider, key: str, state: Path = STATE) -> None:
    """Keep the choice, and write the CLI configuration that puts it in force."""
    state.mkdir(parents=True, exist_ok=True)
    text = _HEADER
    if provider.kind == "mirror":
        text += (
            "provider_installation {\n"
            "  filesystem_mirror {\n"
            f"    path    = {json.dumps(provider.where)}\n"
            '    include = ["registry.terraform.io/hashicorp/aws"]\n'
            "  }\n"
            "  direct {\n"
            '    exclude = ["registry.terraform.io/hashicorp/aws"]\n'
            "  }\n"
            "}\n"
        )
    (state / "terraform.rc").write_text(text, encoding="utf-8")
    document = json.dumps({"key": key, **asdict(provider)}, indent=2)
    (state / "provider.json").write_text(document + "\n", encoding="utf-8")


def saved_provider(state: Path = STATE) -> tuple[str, Provider] | None:
    """The key and the choice that `save_provider` kept, if any."""
    path = state / "provider.json"
    if not path.is_file():
        return None
    document = json.loads(path.read_text(encoding="utf-8"))
    key = document.pop("key")
    return key, Provider(**document)


def terraform_environment(
    environ: Mapping[str, str] = os.environ, state: Path = STATE
) -> dict[str, str]:
    """Environment for Terraform: the provider's source in force, no questions, no calls home.

    Raises
    ------
    OpsError
        `make setup` has not run yet.
    """
    saved = saved_provider(state)
    if saved is None:
        raise OpsError(
            "The Terraform provider has not been looked for yet.", hint="Run: make setup"
        )
    provider = saved[1]
    result = dict(environ)
    result["TF_CLI_CONFIG_FILE"] = provider.cli_config or str(state / "terraform.rc")
    result["TF_IN_AUTOMATION"] = "1"
    result["CHECKPOINT_DISABLE"] = "1"
    # The provider's schema takes hundreds of MB, and each collection of garbage goes through it.
    result.setdefault("GOGC", "400")
    if provider.kind == "registry" and "TF_PLUGIN_CACHE_DIR" not in result:
        cache = state / "plugin-cache"
        cache.mkdir(parents=True, exist_ok=True)
        result["TF_PLUGIN_CACHE_DIR"] = str(cache)
        # Several working folders share one download; each would otherwise want its own.
        result["TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE"] = "1"
    return result
