"""The ``/_local`` endpoints, which are not part of AWS: the ledger, notifications, schedules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from local.errors import AwsError
from local.wire import StartResponse, send_json

Endpoint = Callable[[dict[str, str]], object]

_endpoints: dict[tuple[str, str], Endpoint] = {}


def endpoint(method: str, path: str) -> Callable[[Endpoint], Endpoint]:
    """Serve a path; the function gets the query string and returns JSON."""

    def register(function: Endpoint) -> Endpoint:
        _endpoints[method, path] = function
        return function

    return register


def serve(environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
    """Answer a request to one of the endpoints."""
    place = (environ["REQUEST_METHOD"], environ["PATH_INFO"])
    query = {k: v[0] for k, v in parse_qs(environ.get("QUERY_STRING", "")).items()}
    function = _endpoints.get(place)
    if function is None:
        known = ", ".join(sorted(" ".join(one) for one in _endpoints))
        return send_json(start, 404, {"error": f"no {' '.join(place)}; there are {known}"})
    try:
        return send_json(start, 200, function(query))
    except AwsError as error:
        return send_json(start, error.status, {"error": error.message})
