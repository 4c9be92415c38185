"""One download: it goes on where it broke off, and begins anew when the file has changed."""

from __future__ import annotations

import email.message
import email.utils
import logging
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

from urllib3.exceptions import HTTPError, InvalidHeader, MaxRetryError
from urllib3.response import HTTPResponse
from urllib3.util.retry import Retry

from medallion.errors import SourceFailed
from medallion.lake.local_disk import require_free
from medallion.sources.client import Broken, Client, Request

logger = logging.getLogger(__name__)

ATTEMPTS = 6
MAX_WAIT_SECONDS = 300
_BLOCK = 1 << 16
# A download that has come this much further may fail as often again.
_PROGRESS = 1 << 20
_MAX_BEGINS = 10
_WORTH_RETRY = (408, 425, 429)
# Last-Modified tells two versions apart only if neither was written in the same second.
_STRONG_AFTER_SECONDS = 60
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_REMEDIES = {
    400: "look at url, query, headers and body",
    401: "set secret to the name of a secret that lets the job in, or look whether it is valid yet",
    403: "look whether the secret's owner may read this, and whether headers lack something",
    404: "look at url, and for which day it is if it has {date}",
    405: "look at method",
    410: "it is gone for good: look for another url",
    415: "look at headers: a body may need Content-Type",
    422: "look at query and body",
}


@dataclass(frozen=True)
class Version:
    """By what a server tells versions of a file apart; null where it does not say."""

    etag: str | None = None
    last_modified: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what `Version(**…)` takes."""
        return asdict(self)


@dataclass(frozen=True)
class Downloaded:
    """A file as the server has it; `name` is what the server or the URL calls it."""

    name: str
    version: Version
    link: str | None


@dataclass
class _Partial:
    """What is on the disk of a download that broke off."""

    version: Version
    if_range: str | None
    total: int | None


class Download:
    """
    Downloads one file to the disk.

    Parameters
    ----------
    client, request
        Whom to ask, and for what.
    path
        Where the file goes; what is there is overwritten.
    max_bytes
        What it may have at most.
    sleep
        Waits a number of seconds.
    """

    def __init__(
        self,
        client: Client,
        request: Request,
        path: Path,
        max_bytes: int,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._request = request
        self._path = path
        self._max_bytes = max_bytes
        self._sleep = sleep
        self._partial: _Partial | None = None
        self._begins = 0
        self._retry = self._new_retry()

    def run(self, known: Version | None = None) -> Downloaded | None:
        """
        Download the file, in as many attempts as it takes.

        Returns
        -------
        Downloaded | None
            None when the server says that it still is the version `known`.

        Raises
        ------
        SourceFailed
            When the server refuses, or attempts come to nothing.
        """
        while True:
            try:
                return self._attempt(known)
            except Broken as error:  # noqa: PERF203 - each attempt costs a request
                self._wait(error)

    def _attempt(self, known: Version | None) -> Downloaded | None:
        offset = self._path.stat().st_size if self._partial and self._partial.if_range else 0
        headers = {}
        if self._partial and self._partial.if_range and offset:
            headers = {"Range": f"bytes={offset}-", "If-Range": self._partial.if_range}
        elif known is not None:
            conditions = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
            headers = {name: value for name, value in conditions.items() if value}
        response = self._client.send(self._request, headers)
        try:
            if response.status == 304 and headers and not offset:
                return None
            self._check_status(response, offset)
            appended = response.status == 206
            if not appended:
                self._begin(response)
            self._check_encoding(response)
            self._receive(response, offset if appended else 0)
            return self._done(response)
        finally:
            response.close()

    def _check_status(self, response: HTTPResponse, offset: int) -> None:
        status = response.status
        if status in (200, 203):
            return
        if status == 206 and offset:
            self._check_range(response, offset)
            return
        if status in (206, 416):
            self._restart(f"it answers {status} to a request for the whole file", response)
        if status in _WORTH_RETRY or status >= 500:
            raise Broken(f"it answers {status} {response.reason or ''}".rstrip(), response)
        remedy = _REMEDIES.get(status, "a file is answered with 200")
        raise SourceFailed(f"it answers {status} {response.reason or ''}".rstrip() + f": {remedy}")

    def _check_range(self, response: HTTPResponse, offset: int) -> None:
        """Begin anew unless the answer is the rest of just what is on the disk."""
        partial = self._partial
        found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if partial is None or found is None or int(found[1]) != offset:
            self._restart("it answers with another range than the one asked for", response)
        total = None if found[3] == "*" else int(found[3])
        version = _version(response)
        same = all(
            one is None or other is None or one == other
            for one, other in [
                (version.etag, partial.version.etag),
                (version.last_modified, partial.version.last_modified),
                (total, partial.total),
            ]
        )
        if not same:
            self._restart("the file has changed while it was read", response)
        partial.total = partial.total if total is None else total

    def _restart(self, reason: str, response: HTTPResponse) -> NoReturn:
        self._partial = None
        raise Broken(f"{reason}; it is fetched anew", response)

    def _begin(self, response: HTTPResponse) -> None:
        """Forget what is on the disk, and note what comes instead."""
        self._begins += 1
        if self._begins > _MAX_BEGINS:
            raise SourceFailed(
                f"it has begun to send the file {self._begins} times: either it changes all the "
                "time, or the server cannot continue a download"
            )
        version = _version(response)
        # Of an answer in chunks, whatever a header says, the length is not known.
        total = response.length_remaining
        # A range of the answer to a POST has no meaning.
        if_range = _if_range(version, response) if self._request.method == "GET" else None
        self._partial = _Partial(version, if_range, total)
        self._path.write_bytes(b"")

    def _check_encoding(self, response: HTTPResponse) -> None:
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise SourceFailed(
                f"it sends the file compressed with {encoding}, though it was asked for the file "
                "as it is; gzip alone is understood besides"
            )

    def _receive(self, response: HTTPResponse, offset: int) -> None:
        """Append the body to what is on the disk, and check its length."""
        total = self._partial.total if self._partial else None
        self._check_size(total or 0)
        require_free(self._path.parent, 2 * (total or _BLOCK) - offset)
        size = offset
        try:
            with self._path.open("r+b") as file:
                file.seek(offset)
                file.truncate()
                for block in response.stream(_BLOCK, decode_content=False):
                    size += len(block)
                    self._check_size(size)
                    if total is None:
                        require_free(self._path.parent, len(block))
                    file.write(block)
        except HTTPError as error:
            # The next attempt takes up what has come.
            if offset and size - offset >= _PROGRESS:
                self._retry = self._new_retry()
            of = "" if total is None else f" of {total:,}"
            raise Broken(
                f"the answer broke off after {self._path.stat().st_size:,}{of} bytes "
                f"({type(error).__name__})"
            ) from None
        if total is not None and size < total:
            raise Broken(f"it sends {size:,} bytes of {total:,}")

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            raise SourceFailed(
                f"it sends {size:,} bytes or more, and max_bytes is {self._max_bytes:,}: set "
                "max_bytes, if so much is right"
            )

    def _done(self, response: HTTPResponse) -> Downloaded:
        name = _name(response, self._request.url)
        if response.headers.get("Content-Encoding", "").lower() in ("gzip", "x-gzip"):
            name = name if name.lower().endswith(".gz") else f"{name}.gz"
        version = self._partial.version if self._partial else Version()
        return Downloaded(name, version, response.headers.get("Link"))

    # Attempts

    def _new_retry(self) -> Retry:
        return Retry(total=ATTEMPTS - 1, backoff_factor=1)

    def _wait(self, broken: Broken) -> None:
        """Wait before the next attempt, as the server asks or longer each time; or give up."""
        told = broken.response.headers.get("Retry-After") if broken.response else None
        try:
            self._retry = self._retry.increment(self._request.method, "", error=broken)
            seconds = self._retry.get_backoff_time()
            if told is not None:
                seconds = self._retry.parse_retry_after(told)
        except MaxRetryError:
            raise SourceFailed(f"{broken}, after {ATTEMPTS} attempts") from None
        except InvalidHeader:
            logger.info("%s: Retry-After is %r, which is no time", self._host, told)
        if seconds > MAX_WAIT_SECONDS:
            raise SourceFailed(
                f"{broken}, and asks to wait {seconds:,.0f} s (Retry-After); a run waits "
                f"{MAX_WAIT_SECONDS} s at most: fetch less often, or ask its owner for more"
            )
        logger.warning("%s: %s; next attempt in %.0f s", self._host, broken, seconds)
        self._sleep(seconds)

    @property
    def _host(self) -> str:
        return urlsplit(self._request.url).hostname or ""


def _version(response: HTTPResponse) -> Version:
    return Version(response.headers.get("ETag"), response.headers.get("Last-Modified"))


def _if_range(version: Version, response: HTTPResponse) -> str | None:
    """Return what the rest of just this version can be asked for by; None: it cannot."""
    if response.headers.get("Accept-Ranges", "").strip().lower() == "none":
        return None
    if version.etag and not version.etag.startswith("W/"):
        return version.etag
    moments = [_moment(version.last_modified), _moment(response.headers.get("Date"))]
    if moments[0] and moments[1] and moments[1] - moments[0] >= _STRONG_AFTER_SECONDS:
        return version.last_modified
    return None


def _moment(text: str | None) -> float | None:
    found = email.utils.parsedate_tz(text) if text else None
    return email.utils.mktime_tz(found) if found else None


def _name(response: HTTPResponse, url: str) -> str:
    """Return the file's name: that of Content-Disposition, else the last part of the URL."""
    message = email.message.Message()
    message["Content-Disposition"] = response.headers.get("Content-Disposition", "")
    parts = urlsplit(url)
    for told in (message.get_filename(), unquote(parts.path), parts.hostname):
        name = PurePosixPath((told or "").replace("\\", "/")).name
        name = "".join(c for c in name if c.isprintable())
        if name.strip(". "):
            return name
    return "download"
