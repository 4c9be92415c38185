"""What a server is told to let a run in, and how that is kept out of texts."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from medallion.errors import SourceFailed
from medallion.lake.objects import client_settings

_FORMS = (
    'a text, sent as bearer token; or JSON: {"username", "password"} for basic authentication, or '
    '{"headers": {…}, "query": {…}}, one or both'
)


@dataclass(frozen=True)
class Credentials:
    """Headers and parameters that only the source's own host is sent."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    texts: tuple[str, ...] = ()

    def redacted(self, text: str) -> str:
        """Return a text without what is secret, however it is written in URLs."""
        for secret in self.texts:
            for written in (secret, quote(secret, safe=""), quote(secret), quote_plus(secret)):
                text = text.replace(written, "***")
        return text


def secrets_client() -> Any:
    """Return a client of Secrets Manager, as `s3_client` makes one of S3."""
    return boto3.client("secretsmanager", **client_settings())


def load(client: Any, name: str) -> Credentials:
    """
    Read a secret.

    Parameters
    ----------
    name
        Of the secret, which is a text or JSON.

    Raises
    ------
    SourceFailed
        If it is not there, may not be read, or has another form. No message has a part of it.
    """
    try:
        found = client.get_secret_value(SecretId=name)
    except (BotoCoreError, ClientError) as error:
        raise SourceFailed(
            f"the secret '{name}' cannot be read from Secrets Manager ({error}): make it in this "
            "account and region, under this name, without a key of KMS that the job may not use"
        ) from None
    return credentials_of(name, found.get("SecretString"))


def credentials_of(name: str, text: str | None) -> Credentials:
    """Return what a secret says; see `load`."""
    try:
        document = json.loads(text or "")
    except ValueError:
        document = None
    if not isinstance(document, dict):
        token = (text or "").strip()
        if not token or not token.isprintable():
            raise SourceFailed(f"the secret '{name}' is empty or binary; it has to be {_FORMS}")
        return Credentials({"Authorization": f"Bearer {token}"}, {}, (token,))
    if set(document) == {"username", "password"} and _are_texts(document):
        pair = f"{document['username']}:{document['password']}"
        encoded = base64.b64encode(pair.encode()).decode()
        return Credentials(
            {"Authorization": f"Basic {encoded}"}, {}, _hidden([encoded, document["password"]])
        )
    parts = [document.get(part, {}) for part in ("headers", "query")]
    if document and set(document) <= {"headers", "query"} and all(map(_are_texts, parts)):
        headers, query = parts
        # Of `Bearer abc`, either word may turn up alone.
        words = [word for value in headers.values() for word in value.split()]
        return Credentials(headers, query, _hidden([*headers.values(), *query.values(), *words]))
    raise SourceFailed(
        f"the secret '{name}' is JSON of another form (its keys: {', '.join(sorted(document))}); "
        f"it has to be {_FORMS}"
    )


def _are_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(text, str) and text.isprintable() for text in value.values()
    )


def _hidden(texts: list[str]) -> tuple[str, ...]:
    """Return the texts to hide, the longest first; what is too short would hide half of a text."""
    return tuple(sorted({t for t in texts if len(t) > 3 and t != "Bearer"}, key=len, reverse=True))
