"""The application: moto behind the gateway, with all services of local/ put in."""

from __future__ import annotations

import functools
import gzip
import importlib
import io
import socket
from collections.abc import Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from local import states
from local.athena import api as athena
from local.cloudwatch import alarms
from local.errors import LocalAwsError
from local.events import bus, sns, sqs
from local.glue import crawlers, jobs
from local.iam import sts
from local.logs import groups as log_groups
from local.s3 import answers as s3
from local.server.gateway import Gateway
from local.server.handler import Handler
from local.settings import settings
from local.symbols import replace, resolve
from local.wire import App, Environ, StartResponse

# Importing a service registers what it answers; some patch moto as well.
SERVICES = (
    athena,
    alarms,
    bus,
    crawlers,
    jobs,
    log_groups,
    s3,
    sns,
    sqs,
    states,
    sts,
)


@functools.cache
def _names_of_backends() -> tuple[str, ...]:
    # Moto asks for each request, and reads its own folder each time.
    return tuple(_original_names())


_original_names: Any = resolve("moto.backends:list_of_moto_modules")


def inflated(app: App) -> App:
    """Undo the compression in which the SDKs send long requests of PutMetricData."""

    def serve(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        metrics = "/monitoring/aws4_request" in environ.get("HTTP_AUTHORIZATION", "")
        if metrics and environ.get("HTTP_CONTENT_ENCODING") == "gzip":
            sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            body = gzip.decompress(sent)
            del environ["HTTP_CONTENT_ENCODING"]
            environ.update({"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})
        return app(environ, start)

    return serve


def plugged(app: App, plugin: str | None) -> App:
    """Let a plugin, named ``module:function``, wrap the application.

    Raises
    ------
    LocalAwsError
        When there is no such function.
    """
    if plugin is None:
        return app
    module, _, name = plugin.partition(":")
    try:
        wrap = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise LocalAwsError(
            f"--plugin {plugin} cannot be loaded ({error}); write module:function, of a module "
            "that Python finds from here"
        ) from error
    wrapped: App = wrap(app)
    return wrapped


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
    replace("moto.backends:list_of_moto_modules", _names_of_backends)
    moto: Any = DomainDispatcherApplication(create_backend_app)
    app: Any = plugged(inflated(Gateway(moto)), settings().plugin)
    host, port = bound.getsockname()
    server: Any = make_server(
        host, port, app, threaded=True, request_handler=Handler, fd=bound.fileno()
    )
    server.daemon_threads = True
    return server
