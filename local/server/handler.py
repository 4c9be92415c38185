"""The HTTP request handler: one answer after another on a connection, as the SDKs expect it."""

from __future__ import annotations

import io
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import DechunkedInput


class Handler(MotoRequestHandler):
    """Handler that keeps connections, and logs nothing.

    Werkzeug's own closes each one, since it does not know whether a body was read to its end. Here
    bodies are read before the application is asked, which moto does with them in any case.
    """

    disable_nagle_algorithm = True
    wbufsize = 64 * 1024  # head and body of an answer in one packet

    def run_wsgi(self) -> None:
        """Serve one request."""
        environ = self.make_environ()
        sent = environ["wsgi.input"]
        chunked = isinstance(sent, DechunkedInput)
        length = -1 if chunked else int(environ.get("CONTENT_LENGTH") or 0)
        environ["wsgi.input"] = io.BytesIO(sent.read(length))
        answer: tuple[str, list[tuple[str, str]]] = ("", [])

        def start(status: str, headers: list[tuple[str, str]], *_: object) -> None:
            nonlocal answer
            answer = (status, headers)

        application: Any = self.server.app
        parts = application(environ, start)
        try:
            body = b"".join(parts)
        finally:
            close = getattr(parts, "close", None)
            if close:
                close()
        self._send(*answer, body)

    def _send(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        code, _, reason = status.partition(" ")
        self.send_response_only(int(code), reason)
        named = {name.lower() for name, _ in headers}
        for name, value in headers:
            self.send_header(name, value)
        if "date" not in named:
            self.send_header("Date", self.date_time_string())
        if "content-length" not in named and int(code) not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_expect_100(self) -> bool:
        """Ask for the body that a client announced."""
        proceed = super().handle_expect_100()
        self.wfile.flush()
        return proceed

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Keep werkzeug silent; the ledger and the services say what happened."""
