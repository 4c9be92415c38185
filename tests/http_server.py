"""A server on this machine that tests tell how to answer, and how to break."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from typing import Any
from urllib.parse import parse_qsl, urlsplit

LATER = "Fri, 01 Mar 2024 00:00:00 GMT"


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    """
    What is sent.

    Attributes
    ----------
    cut
        After how many bytes of the body the connection is closed; None: after all.
    length
        What Content-Length says; None: what it is.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    length: int | None = None
    chunked: bool = False


Route = Callable[[Asked], Answer]


class Server:
    """Routes by path, and the requests that came."""

    def __init__(self, port: int, scheme: str) -> None:
        self.url = f"{scheme}://localhost:{port}"
        self.routes: dict[str, Route] = {}
        self.asked: list[Asked] = []

    def put(self, path: str, route: Route | Answer | bytes) -> str:
        """Answer a path; return its URL."""
        answer = Answer(route) if isinstance(route, bytes) else route
        self.routes[path] = answer if callable(answer) else lambda _: answer
        return self.url + path


class File:
    """A file as good servers give it: versions, ranges, conditions; `cuts` break answers off."""

    def __init__(self, content: bytes, etag: str | None = '"1"', *, ranges: bool = True) -> None:
        self.content = content
        self.etag = etag
        self.last_modified: str | None = None
        self.ranges = ranges
        self.cuts: list[int | None] = []
        self.more: dict[str, str] = {}

    def __call__(self, asked: Asked) -> Answer:
        headers = {"Accept-Ranges": "bytes" if self.ranges else "none", **self.more}
        if self.etag:
            headers["ETag"] = self.etag
        if self.last_modified:
            headers["Last-Modified"] = self.last_modified
        given = asked.headers
        tag, moment = given.get("if-none-match"), given.get("if-modified-since")
        if tag == self.etag if tag else moment and moment == self.last_modified:
            return Answer(b"", 304, headers)
        cut = self.cuts.pop(0) if self.cuts else None
        range_ = given.get("range", "")
        if self.ranges and range_ and given.get("if-range") in (self.etag, self.last_modified):
            start = int(range_.removeprefix("bytes=").removesuffix("-"))
            if start >= len(self.content):
                return Answer(b"", 416, {"Content-Range": f"bytes */{len(self.content)}"})
            end = len(self.content)
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{end}"
            return Answer(self.content[start:], 206, headers, cut)
        return Answer(self.content, 200, headers, cut)


def _missing(_: Asked) -> Answer:
    return Answer(b"", 404)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    told: Server

    def answer(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        asked = Asked(self.command, parts.path, query, headers, self.rfile.read(length))
        self.told.asked.append(asked)
        route = self.told.routes.get(parts.path, _missing)
        # Who has read enough hangs up.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send(route(asked))

    do_GET = do_POST = answer  # noqa: N815 - the names that http.server looks for

    def send(self, answer: Answer) -> None:
        self.close_connection = answer.cut is not None or answer.length is not None
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif answer.status != 304:
            length = len(answer.body) if answer.length is None else answer.length
            self.send_header("Content-Length", str(length))
        self.end_headers()
        body = answer.body if answer.cut is None else answer.body[: answer.cut]
        if answer.chunked and body:
            body = f"{len(body):x}\r\n".encode() + body + b"\r\n"
        if answer.chunked and answer.cut is None:
            body += b"0\r\n\r\n"
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(context: SSLContext | None = None) -> Iterator[Server]:
    """Run a server on a free port, with TLS if there is a context."""

    class Handler(_Handler):
        """Of this server."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        if context is not None:
            httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
        Handler.told = Server(httpd.server_port, "https" if context else "http")
        thread = threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield Handler.told
        finally:
            httpd.shutdown()
            thread.join()
