"""The server process: takes the port, serves until it is told to stop, and cleans up."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import socket
import threading

from local import lifecycle
from local.errors import PortTakenError
from local.server.process import variables
from local.settings import Settings, configure

HOST = "127.0.0.1"
BACKLOG = 1024

log = logging.getLogger(__name__)


def listen(port: int) -> socket.socket:
    """Return a socket bound to a port of the loopback; 0 takes a free one.

    Raises
    ------
    PortTakenError
        When something else listens there.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise PortTakenError(
            f"port {port} of {HOST} is not free ({error.strerror}). Stop what listens there "
            f"(`lsof -i :{port}` names it) or choose another with --port; 0 finds a free one."
        ) from error
    return bound


def serve(settings: Settings, bound: socket.socket) -> None:
    """Run the server until SIGTERM or SIGINT."""
    configure(settings)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    # Were a client of moto made without an endpoint, it would end here and not at AWS.
    os.environ.update(variables(settings.endpoint), MOTO_PORT=str(settings.port))
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"  # S3 sends such headers only when told to
    # Only now, with the port bound and the environment clean: importing moto takes seconds.
    server = importlib.import_module("local.server.app").build(bound)

    def stop(number: int, _frame: object) -> None:
        log.info("stopping on signal %s", signal.Signals(number).name)
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"ready {settings.endpoint}", flush=True)  # noqa: T201 - the contract with who starts it
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        lifecycle.stop_all()
        server.server_close()
        logging.shutdown()
