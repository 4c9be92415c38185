"""Answers in pages: which rows are in one, and what to ask for next."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import jmespath
import simplejson
from simplejson import RawJSON

from medallion.contract.source import Http
from medallion.errors import FileRefused, SourceFailed
from medallion.readers.archives import members
from medallion.sources.client import Client, Request, with_query

# Read whole, to find its parts; numbers and texts take several times as much memory.
_MAX_PAGE_BYTES = 32 << 20
_LINK = re.compile(r'<([^>]*)>((?:\s*;\s*[\w*-]+\s*=\s*(?:"[^"]*"|[^\s";,]+))*)')
_NEXT = re.compile(r'\brel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next\b)', re.IGNORECASE)


class Page:
    """One answer, of which `rows` is the file to read: the answer itself, or a part of it."""

    def __init__(self, http: Http, path: Path, link: str | None) -> None:
        self.rows = path
        self._http = http
        paginate = http.paginate
        self._document: Any = None
        if http.records or (paginate and (paginate.at or paginate.type == "offset")):
            self._document = _document(path)
        self.records = self._records()
        if http.records and self.records:
            self.rows = path.with_name(f"{path.name}.rows")
            text = simplejson.dumps(self.records, ensure_ascii=False, separators=(",", ":"))
            self.rows.write_text(text, encoding="utf-8", errors="surrogatepass")
        # The URL of the next page, or its cursor.
        self.following: str | None = None
        if paginate and paginate.type == "link" and paginate.at is None:
            self.following = _next_link(link)
        elif paginate and paginate.at:
            self.following = self._found(paginate.at)

    def _records(self) -> list[Any] | None:
        if self._document is None:
            return None
        found = jmespath.search(self._http.records or "@", self._document)
        if isinstance(found, list):
            return found
        if self._http.records or (self._http.paginate and self._http.paginate.type == "offset"):
            where = f"'{self._http.records}' of it" if self._http.records else "it"
            raise FileRefused(
                f"the answer is JSON, but {where} is no list: let records be the JMESPath of the "
                "list of rows, such as data.items"
            )
        return None

    @property
    def is_empty(self) -> bool:
        """Whether it is an answer without rows, which is no fault of it."""
        return self.records == []

    def _found(self, expression: str) -> str | None:
        """Return the text or number at a JMESPath; None where there is nothing."""
        value = jmespath.search(expression, self._document)
        if isinstance(value, RawJSON):
            return str(value.encoded_json)
        if value in (None, False, ""):
            return None
        if not isinstance(value, str):
            raise FileRefused(f"'{expression}' of the answer is neither a text nor a number")
        return value


class Walk:
    """From page to page, until there is none, or too many."""

    def __init__(self, http: Http, client: Client, first: Request) -> None:
        self._http = http
        self._client = client
        self._first = first
        self._seen: set[str] = set()
        self.number = 1
        self.request = first
        paginate = http.paginate
        if paginate and paginate.type == "offset":
            self.request = self._with_parameter(str(paginate.start))
        self._seen.add(self.request.url)

    def step(self, page: Page) -> bool:
        """
        Go on to the next page; return whether there is one.

        Raises
        ------
        SourceFailed
            When the pages go in a circle, lead elsewhere, or are too many.
        """
        paginate = self._http.paginate
        following = self._following(page)
        if paginate is None or following is None:
            return False
        self.request = following
        if self.number >= paginate.max_pages:
            raise SourceFailed(
                f"there are more than {paginate.max_pages} pages; set paginate.max_pages, if that "
                "is right, or ask for larger pages"
            )
        if following.url in self._seen:
            raise SourceFailed(f"page {self.number} leads back to an earlier one: look at paginate")
        self._seen.add(following.url)
        self.number += 1
        return True

    def _following(self, page: Page) -> Request | None:
        paginate = self._http.paginate
        if paginate is None:
            return None
        if paginate.type == "offset":
            if page.is_empty:
                return None
            return self._with_parameter(str(paginate.start + self.number * paginate.step))
        if page.following is None:
            return None
        if paginate.type == "cursor":
            return self._with_parameter(page.following)
        url = urljoin(self.request.url, page.following)
        origin = urlsplit(self._first.url)
        self._client.check_target(url, origin, origin, f"page {self.number} leads")
        return Request(self._client.public(url), self._first.method, self._first.body)

    def _with_parameter(self, value: str) -> Request:
        paginate = self._http.paginate
        name = paginate.parameter if paginate else None
        url = with_query(self._first.url, {name or "": value})
        return Request(url, self._first.method, self._first.body)


def _next_link(header: str | None) -> str | None:
    """Return the target of rel=next in a Link header (RFC 8288)."""
    for found in _LINK.finditer(header or ""):
        if _NEXT.search(found[2]):
            return found[1]
    return None


def _document(path: Path) -> Any:
    found = members(path)
    if len(found) > 1:
        raise FileRefused("the answer is a zip of several files; records and pages are of JSON")
    with found[0].open() as stream:
        text = stream.read(_MAX_PAGE_BYTES + 1)
    if len(text) > _MAX_PAGE_BYTES:
        raise FileRefused(
            f"the answer has more than {_MAX_PAGE_BYTES:,} bytes, too many to find records or the "
            "next page in: ask for smaller pages"
        )
    try:
        # Numbers keep their text, as in every file of JSON.
        return simplejson.loads(text.decode("utf-8-sig"), parse_float=RawJSON, parse_int=RawJSON)
    except (ValueError, RecursionError) as error:
        raise FileRefused(
            f"the answer is not JSON ({error}): records and the next page are found in JSON alone"
        ) from error
