"""The HTTP request handler: one answer after another on a connection, as the SDKs expect it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler

from local.errors import AwsError
from local.s3.bodies import receive
from local.wire import Environ, StartResponse, send_xml_error


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
        answer: tuple[str, list[tuple[str, str]]] = ("", [])

        def start(status: str, headers: list[tuple[str, str]], *_: object) -> None:
            nonlocal answer
            answer = (status, headers)

        parts = self._answer(environ, start)
        try:
            self._send(*answer, parts)
        finally:
            close = getattr(parts, "close", None)
            if close:
                close()
            environ.clear()  # it holds the request that holds it, and the body

    def _answer(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        try:
            receive(environ)
        except AwsError as error:
            self.close_connection = True
            return send_xml_error(start, "s3", error)
        application: Any = self.server.app
        parts: Iterable[bytes] = application(environ, start)
        return parts

    def _send(self, status: str, headers: list[tuple[str, str]], parts: Iterable[bytes]) -> None:
        code, _, reason = status.partition(" ")
        named = {name.lower() for name, _ in headers}
        if "content-length" not in named and int(code) not in (204, 304):
            parts = [b"".join(parts)]
            headers = [*headers, ("Content-Length", str(len(parts[0])))]
        self.send_response_only(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        if "date" not in named:
            self.send_header("Date", self.date_time_string())
        self.end_headers()
        for part in parts:
            if self.command != "HEAD":
                self.wfile.write(part)

    def handle_expect_100(self) -> bool:
        """Ask for the body that a client announced."""
        proceed = super().handle_expect_100()
        self.wfile.flush()
        return proceed

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Keep werkzeug silent; the ledger and the services say what happened."""
