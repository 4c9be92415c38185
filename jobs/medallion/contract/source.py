"""Where the files of a dataset come from, as its contract says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

import jmespath
from jmespath.exceptions import JMESPathError

from medallion.contract.fields import Fields

SOURCE_TYPES = ("drop", "sample", "http")
SAMPLE_TABLES = ("customers", "products", "sales")
METHODS = ("GET", "POST")
PAGE_TYPES = ("link", "offset", "cursor")
# What Terraform shows, and what lies in config/, is no place for these.
SECRET_NAMES = (
    *("authorization", "cookie", "proxy-authorization", "x-api-key", "x-auth-token"),
    *("access_token", "api_key", "apikey", "client_secret", "password", "sig", "token"),
)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
DATE_DIRECTIVES = "YymdHMSj"
DEFAULT_MAX_BYTES = 5 << 30
DEFAULT_MAX_PAGES = 1000
DEFAULT_TIMEOUT_SECONDS = 60

_DATE = re.compile(r"\{date([+-][0-9]{1,4})?(?::([^{}]*))?\}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}")
_SECRET = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_OF_TYPE = {
    "table": "sample",
    "rows": "sample",
    **dict.fromkeys(
        (
            *("url", "method", "headers", "query", "body", "secret", "checksum", "allow_http"),
            *("redirect_hosts", "records", "paginate", "max_bytes", "timeout_seconds"),
        ),
        "http",
    ),
}


@dataclass(frozen=True)
class Paginate:
    """How one answer leads to the next; `at` and `parameter` are null where the type has none."""

    type: str
    at: str | None
    parameter: str | None
    start: int
    step: int
    max_pages: int


@dataclass(frozen=True)
class Http:
    """What is fetched over HTTP; `{date}` stands in url, query and body for the day of the run."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    secret: str | None = None
    checksum: str | None = None
    allow_http: bool = False
    redirect_hosts: tuple[str, ...] = ()
    records: str | None = None
    paginate: Paginate | None = None
    max_bytes: int = DEFAULT_MAX_BYTES
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS


@dataclass(frozen=True)
class Source:
    """Where the files come from; table, rows and seed are for type `sample`, http for `http`."""

    type: str
    table: str | None
    rows: int | None
    seed: int
    http: Http | None = None


def dated(text: str, moment: datetime) -> str:
    """Put a day for each `{date}`, `{date-1}` (days before or after) and `{date:%Y/%m/%d}`."""
    return _DATE.sub(
        lambda found: (moment + timedelta(days=int(found[1] or 0))).strftime(
            found[2] or "%Y-%m-%d"
        ),
        text,
    )


def parse(top: Fields) -> Source:
    """Read the field `source`; what is wrong with it raises ConfigError, as in `Contract`."""
    source = top.child("source")
    source.only("type", "seed", *_OF_TYPE)
    kind = source.choice("type", SOURCE_TYPES, "drop")
    for key, owner in _OF_TYPE.items():
        if kind != owner and source.has(key):
            source.fail(key, f"only for source type '{owner}'; leave it null for '{kind}'")
    seed = source.integer("seed")
    seed = 42 if seed is None else seed
    if kind == "sample":
        table = source.choice("table", SAMPLE_TABLES)
        return Source(kind, table, source.integer("rows", minimum=1), seed)
    return Source(kind, None, None, seed, _http(source) if kind == "http" else None)


def _http(source: Fields) -> Http:
    url, allow_http = source.text("url"), source.flag("allow_http")
    _check_url(source, url, allow_http=allow_http)
    body, method = source.optional_text("body"), source.choice("method", METHODS, "GET")
    if body is not None and method != "POST":
        source.fail("body", "only for method POST; leave it null, or set method")
    checksum = source.optional_text("checksum")
    if checksum is not None and not _CHECKSUM.fullmatch(checksum):
        source.fail("checksum", f"'{checksum}' is not sha256: and 64, or md5: and 32, of 0-9a-f")
    secret = source.optional_text("secret")
    if secret is not None and not _SECRET.fullmatch(secret):
        source.fail(
            "secret",
            f"'{secret}' is no name of a secret in Secrets Manager: up to 512 letters, digits and "
            "/_+=.@-, not its ARN",
        )
    hosts = source.strings("redirect_hosts")
    for position, host in enumerate(hosts):
        if not _HOST.fullmatch(host):
            source.fail(
                f"redirect_hosts[{position}]",
                f"'{host}' is no host in lower case, such as files.example.com",
            )
    paginate = _paginate(source)
    if paginate is not None and checksum is not None:
        source.fail("checksum", "a checksum is of one file; leave it null where there is paginate")
    max_bytes = source.integer("max_bytes", minimum=1)
    seconds = source.integer("timeout_seconds", minimum=1, maximum=3600)
    return Http(
        url=url,
        method=method,
        headers=_texts(source, "headers"),
        query=_texts(source, "query"),
        body=body,
        secret=secret,
        checksum=checksum,
        allow_http=allow_http,
        redirect_hosts=hosts,
        records=_path(source, "records"),
        paginate=paginate,
        max_bytes=DEFAULT_MAX_BYTES if max_bytes is None else max_bytes,
        timeout_seconds=DEFAULT_TIMEOUT_SECONDS if seconds is None else seconds,
    )


def _check_url(source: Fields, url: str, *, allow_http: bool) -> None:
    formats = [found[2] or "" for found in _DATE.finditer(url)]
    wrong = [d for text in formats for d in re.findall("%(.?)", text) if d not in DATE_DIRECTIVES]
    plain = dated(url, datetime(2000, 1, 1, tzinfo=timezone.utc))
    if wrong or re.search(r"[{}\s]", plain):
        source.fail(
            "url",
            f"'{url}' has blanks, or braces that are none of {{date}}, {{date-1}} and "
            "{date:%Y/%m/%d}, whose directives are "
            + " ".join(f"%{letter}" for letter in DATE_DIRECTIVES),
        )
    parts = urlsplit(plain)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        source.fail("url", f"'{url}' is not https://<host>/…")
    if parts.username is not None or parts.fragment:
        source.fail("url", f"'{parts.hostname}': no user and no #fragment; a password is a secret")
    if parts.scheme == "http" and not allow_http and parts.hostname not in LOOPBACK:
        source.fail("url", f"'{url}' is not encrypted: use https, or set allow_http = true")


def _texts(source: Fields, key: str) -> dict[str, str]:
    fields = source.child(key)
    found = {name: fields.raw_text(name) or "" for name, _ in fields.items()}
    for name, value in found.items():
        if name.lower() in SECRET_NAMES:
            fields.fail(name, "it is not secret here: put it into the secret that `secret` names")
        if key == "headers" and not (_HEADER.fullmatch(name) and value.isprintable()):
            fields.fail(name, "a header has a name of letters, digits and -, and one line of text")
    return found


def _path(source: Fields, key: str) -> str | None:
    text = source.optional_text(key)
    if text is not None:
        try:
            jmespath.compile(text)
        except JMESPathError as error:
            source.fail(key, f"'{text}' is no JMESPath, such as data.items: {error}")
    return text


def _paginate(source: Fields) -> Paginate | None:
    if not source.has("paginate"):
        return None
    fields = source.child("paginate")
    fields.only("type", "at", "parameter", "start", "step", "max_pages")
    kind = fields.choice("type", PAGE_TYPES)
    at, parameter = _path(fields, "at"), fields.optional_text("parameter")
    if kind == "cursor" and at is None:
        fields.fail("at", "missing; the JMESPath of the next cursor in an answer is required")
    if kind == "offset" and at is not None:
        fields.fail("at", "only for link and cursor; leave it null for offset")
    if kind == "link" and parameter is not None:
        fields.fail("parameter", "only for offset and cursor; leave it null for link")
    for key in ("start", "step"):
        if kind != "offset" and fields.has(key):
            fields.fail(key, f"only for offset; leave it null for {kind}")
    start, step = fields.integer("start", minimum=0), fields.integer("step", minimum=1)
    if kind == "offset" and step is None:
        fields.fail("step", "missing; by how much the offset grows with a page (1: page numbers)")
    most = fields.integer("max_pages", minimum=1, maximum=10_000)
    return Paginate(
        kind,
        at,
        None if kind == "link" else parameter or kind,
        start or 0,
        step or 0,
        DEFAULT_MAX_PAGES if most is None else most,
    )
