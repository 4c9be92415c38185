"""Security configurations of Glue: the key of the log groups of jobs and crawlers.

Source: https://docs.aws.amazon.com/glue/latest/dg/set-up-encryption.html
"""

from __future__ import annotations

from typing import Any

from local.backends import backend
from local.errors import AwsError
from local.operations import Json, before


def _configuration(name: str) -> dict[str, Any]:
    found = backend("glue").security_configurations.get(name)
    if found is None:
        raise AwsError("EntityNotFoundException", f"Security configuration {name} not found.")
    configuration: dict[str, Any] = found.configuration
    return configuration


def log_key(name: str | None) -> str | None:
    """Return the key that log groups get by a security configuration; None without one.

    Raises
    ------
    AwsError
        ``EntityNotFoundException``.
    """
    logs = (_configuration(name).get("CloudWatchEncryption") or {}) if name else {}
    on = logs.get("CloudWatchEncryptionMode", "DISABLED") != "DISABLED"
    return logs.get("KmsKeyArn") if on else None


@before("AWSGlue.CreateJob", "AWSGlue.UpdateJob")
def check_job(request: Json) -> None:
    """Refuse a job whose security configuration does not exist."""
    given = request.get("JobUpdate") or request
    if given.get("SecurityConfiguration"):
        _configuration(given["SecurityConfiguration"])


@before("AWSGlue.CreateCrawler", "AWSGlue.UpdateCrawler")
def check_crawler(request: Json) -> None:
    """Refuse a crawler whose security configuration does not exist."""
    if request.get("CrawlerSecurityConfiguration"):
        _configuration(request["CrawlerSecurityConfiguration"])
