"""The HTTP request handler: moto's, without a log line a request."""

from __future__ import annotations

from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler


class QuietHandler(MotoRequestHandler):
    """Handler that logs nothing; the ledger and the services say what happened."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Keep werkzeug silent."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep werkzeug silent."""
