"""STS: a role is assumed only if it exists and trusts the caller."""

from __future__ import annotations

from typing import Any

from local.iam.principals import caller, check_trust
from local.operations import before


@before("sts:AssumeRole")
def assume_role(request: dict[str, Any]) -> None:
    """Refuse a role that moto would hand out though nobody made it."""
    check_trust(
        request.get("RoleArn", ""),
        caller(),
        request.get("ExternalId"),
        request.get("RoleSessionName", ""),
    )
