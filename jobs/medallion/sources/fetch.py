"""What a run fetches of a source of type http: one file, or a page after the other."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from medallion.contract.source import Http, dated
from medallion.errors import FileRefused, SourceFailed
from medallion.sources import credentials
from medallion.sources.client import Client, Request, with_query
from medallion.sources.credentials import Credentials
from medallion.sources.download import Download, Version
from medallion.sources.pages import Page, Walk

logger = logging.getLogger(__name__)

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Fetched:
    """
    A file that was fetched.

    Attributes
    ----------
    source
        What it is known by from run to run: its URL, of a page with `#page=N`.
    name
        What the server or the URL calls it.
    path, rows
        The file as it came, and the file that has its rows, which may be the same.
    version
        By which the server can be asked whether it has changed; None where that is not asked.
    refused
        Why it is not to be read, if so.
    """

    source: str
    name: str
    path: Path
    rows: Path
    version: Version | None
    refused: str | None = None


@dataclass
class Fetch:
    """
    One run's fetching of a source.

    Attributes
    ----------
    http, moment
        The source, and the time of the run, whose days `{date}` means.
    secrets
        Makes the client that reads the secret, if there is one.
    sleep
        Waits a number of seconds.
    """

    http: Http
    moment: datetime
    secrets: Callable[[], Any] = credentials.secrets_client
    sleep: Callable[[float], None] = time.sleep

    @property
    def request(self) -> Request:
        """The first request, without what is secret."""
        query = {name: dated(value, self.moment) for name, value in self.http.query.items()}
        url = with_query(dated(self.http.url, self.moment), query)
        body = None if self.http.body is None else dated(self.http.body, self.moment)
        return Request(url, self.http.method, body)

    @property
    def identity(self) -> str:
        """Digits that tell what is asked for from anything else that might be."""
        asked = self.request
        text = "\n".join([asked.method, asked.url, asked.body or "", *map(str, self._headers)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def _headers(self) -> list[tuple[str, str]]:
        return sorted(self.http.headers.items())

    def run(self, directory: Path, known: Version | None) -> Iterator[Fetched]:
        """
        Yield what is fetched, each file as it comes; none when it still is the version `known`.

        Parameters
        ----------
        directory
            Where the files go; each is deleted when the next is asked for.

        Raises
        ------
        SourceFailed
            When the source fails. The message names the URL, and nothing secret.
        """
        secret = Credentials()
        if self.http.secret is not None:
            secret = credentials.load(self.secrets(), self.http.secret)
        with closing(Client(self.http, secret)) as client:
            walk = Walk(self.http, client, self.request)
            try:
                yield from self._files(client, walk, directory, known)
            except SourceFailed as error:
                where = walk.request.url if walk.number == 1 else f"page {walk.number}"
                raise SourceFailed(client.redacted(f"{where}: {error}")) from None

    def _files(
        self, client: Client, walk: Walk, directory: Path, known: Version | None
    ) -> Iterator[Fetched]:
        left = self.http.max_bytes
        asks = self.http.paginate is None and self.http.method == "GET"
        while True:
            path = directory / f"page-{walk.number}"
            download = Download(client, walk.request, path, left, self.sleep)
            found = download.run(known if asks else None)
            if found is None:
                logger.info("%s is unchanged: nothing is fetched", walk.request.url)
                return
            left -= path.stat().st_size
            logger.info("fetched %s (%s bytes)", walk.request.url, f"{path.stat().st_size:,}")
            source = self.request.url + (
                "" if self.http.paginate is None else f"#page={walk.number}"
            )
            try:
                self._check_sum(path)
                page = Page(self.http, path, found.link)
            except FileRefused as error:
                yield Fetched(source, found.name, path, path, None, error.reason)
                if self.http.paginate is not None:
                    raise SourceFailed(f"{error.reason}. Which pages follow is not known") from None
                return
            if not page.is_empty:
                version = found.version if asks else None
                yield Fetched(source, found.name, path, page.rows, version)
            for file in (path, page.rows):
                file.unlink(missing_ok=True)
            if not walk.step(page):
                return

    def _check_sum(self, path: Path) -> None:
        if self.http.checksum is None:
            return
        kind, _, wanted = self.http.checksum.partition(":")
        digest = hashlib.sha256() if kind == "sha256" else hashlib.md5(usedforsecurity=False)
        with path.open("rb") as file:
            for block in iter(lambda: file.read(_BLOCK), b""):
                digest.update(block)
        if digest.hexdigest() != wanted:
            raise FileRefused(
                f"its {kind} is {digest.hexdigest()}, and checksum says {wanted}: it is another "
                "file than the one expected, or was damaged"
            )
