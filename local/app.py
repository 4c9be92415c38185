"""The application: moto behind the gateway, with all services of local/ put in."""

from __future__ import annotations

import socket
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from local import athena, events, glue_crawlers, glue_jobs, s3, sns, states, sts
from local.gateway import Gateway
from local.handler import QuietHandler

# Importing a service registers what it answers; some patch moto as well.
SERVICES = (athena, events, glue_crawlers, glue_jobs, s3, sns, states, sts)


def build(bound: socket.socket) -> Any:
    """Return a server for a bound and listening socket.

    Raises
    ------
    MovedSymbolError
        When this moto is not the one that local/ patches.
    """
    for service in SERVICES:
        install = getattr(service, "install", None)
        if install:
            install()
    app: Any = Gateway(DomainDispatcherApplication(create_backend_app))
    host, port = bound.getsockname()
    server: Any = make_server(
        host, port, app, threaded=True, request_handler=QuietHandler, fd=bound.fileno()
    )
    server.daemon_threads = True
    return server
