"""The WSGI gateway in front of moto: says who calls, authorises, answers, or passes on."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from threading import RLock
from urllib.parse import parse_qs

from moto.core.request import Request
from moto.core.routing import get_service_router
from werkzeug.exceptions import HTTPException

from local import endpoints
from local.errors import AwsError
from local.iam import actions, authorisation, principals
from local.iam.actions_s3 import needs_s3
from local.iam.delete_objects import Denied, asks_nothing, put_errors, take_out_denied
from local.operations import After, AfterXml, Json, afters, afters_xml, befores, operations
from local.s3.checksums import verify
from local.settings import REGION
from local.wire import (
    App,
    Environ,
    StartResponse,
    as_aws_error,
    encode,
    send,
    send_json,
    send_json_error,
    send_xml_error,
)

log = logging.getLogger(__name__)

_READS = ("BatchGet", "Describe", "Filter", "Get", "List", "Search")
_READ_ATTEMPTS = 20
# Requests that take as long as their bodies, or wait for what they ask of other services.
_LONG = ("events", "monitoring", "s3", "sqs", "states")
# What Python says of a dictionary or a deque that is gone through.
_CHANGED = "during iteration"
_CREDENTIAL = re.compile(r"([A-Za-z0-9]+)/\d{8}/([^/]*)/([^/]*)/aws4_request")


@dataclass(slots=True)
class Call:
    """One request, as far as the gateway has to understand it."""

    environ: Environ
    service: str = ""
    name: str = ""  # target of a JSON service, service:Operation of another
    operation: str = ""
    parameters: Json | None = None
    is_json: bool = False

    @property
    def request(self) -> Json:
        """The parameters of the request."""
        return self.parameters or {}

    def refuse(self, start: StartResponse, error: AwsError) -> Iterable[bytes]:
        """Answer with an error in the words of the service."""
        if self.is_json or "HTTP_X_AMZ_TARGET" in self.environ:
            return send_json_error(start, error)
        head = self.environ["REQUEST_METHOD"] == "HEAD"
        return send_xml_error(start, self.service, error, head=head)


class Gateway:
    """WSGI application in front of moto's own."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._changes = RLock()

    def __call__(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        if environ["PATH_INFO"].startswith("/_local/"):
            return endpoints.serve(environ, start)
        call = Call(environ)
        try:
            return self._serve(call, start)
        except NotImplementedError as error:
            # As an HTTP 500 the SDKs would retry it for minutes.
            text = f"the local AWS does not implement {call.name or call.service}: {error}"
            return call.refuse(start, AwsError("UnknownOperationException", text))
        except Exception as error:
            known = as_aws_error(error)
            if known is None:
                log.exception("%s failed", call.name)
                known = AwsError(
                    "InternalFailure",
                    f"a defect of the local AWS, its log has the traceback: {error!r}",
                )
            return call.refuse(start, known)

    def _serve(self, call: Call, start: StartResponse) -> Iterable[bytes]:
        access_key = _identify(call)
        principal = principals.principal_of(access_key)
        principals.set_caller(principal)
        _parse(call)
        call.environ["local.operation"] = call.name
        denied_keys = _authorise(call, principal)
        for check in befores.get(call.name, ()):
            check(call.request)
        if call.service == "s3":
            verify(call.environ)
        if call.is_json and call.name in operations:
            answer = operations[call.name](call.request)
            if call.operation == "StartQueryExecution":
                actions.remember_query(call.request.get("WorkGroup"), answer["QueryExecutionId"])
            return send_json(start, 200, answer)
        fix, fix_xml = afters.get(call.name), afters_xml.get(call.name)
        if denied_keys:
            return self._delete_rest(call, start, denied_keys)
        if not (fix or fix_xml):
            return self._answer(call, start)
        return self._fixed(call, start, fix, fix_xml)

    def _answer(self, call: Call, start: StartResponse) -> Iterable[bytes]:
        """Have moto answer. It goes through lists that another request may change meanwhile.

        So one change is made at a time, but of what is long, and a read is asked again.

        Raises
        ------
        RuntimeError
            When it could not read in so many attempts.
        """
        if not call.operation.startswith(_READS):
            with nullcontext() if call.service in _LONG else self._changes:
                return self._app(call.environ, start)
        for _ in range(_READ_ATTEMPTS):
            try:
                return self._app(call.environ, start)
            except RuntimeError as error:
                if _CHANGED not in str(error):
                    raise
                call.environ["wsgi.input"].seek(0)
        return self._app(call.environ, start)

    def _delete_rest(self, call: Call, start: StartResponse, denied: Denied) -> Iterable[bytes]:
        if asks_nothing(call.environ):
            return send(start, 200, put_errors(b"", denied), "application/xml")
        return self._fixed(call, start, None, lambda _, body: put_errors(body, denied))

    def _fixed(
        self, call: Call, start: StartResponse, fix: After | None, fix_xml: AfterXml | None
    ) -> Iterable[bytes]:
        status, headers = "", []

        def capture(given: str, names: list[tuple[str, str]], *_: object) -> None:
            nonlocal status, headers
            status, headers = given, names

        body = b"".join(self._answer(call, capture))
        if status.startswith("200"):
            if fix:
                body = encode(fix(call.request, json.loads(body)))
            if fix_xml:
                body = fix_xml(call.request, body)
        kept = [(k, v) for k, v in headers if k.lower() != "content-length"]
        start(status, [*kept, ("Content-Length", str(len(body)))])
        return [body]


def _identify(call: Call) -> str | None:
    """Find the service and the access key in the signature, or in a presigned URL."""
    environ = call.environ
    query = parse_qs(environ.get("QUERY_STRING", ""))
    signed = environ.get("HTTP_AUTHORIZATION") or query.get("X-Amz-Credential", [""])[0]
    found = _CREDENTIAL.search(signed)
    if found:
        call.service = found[3]
        return found[1]
    call.service = "s3"  # the only service with unsigned requests, and with the old signature
    return query["AWSAccessKeyId"][0] if "AWSAccessKeyId" in query else None


def _read_body(environ: Environ) -> bytes:
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _parse(call: Call) -> None:
    environ = call.environ
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        call.name, call.is_json = target, True
        call.operation = target.rsplit(".", 1)[-1]
        body = _read_body(environ)
        try:
            call.parameters = json.loads(body or b"{}")
        except ValueError:
            raise AwsError("SerializationException", "the request body is not JSON") from None
        return
    rpc = re.fullmatch(r"/service/[^/]+/operation/([^/]+)", environ["PATH_INFO"])
    if rpc:
        call.operation = rpc[1]
    elif call.service == "s3":
        try:
            matched, call.parameters = get_service_router("s3").match(Request(environ))
            call.operation = matched.name
        except HTTPException:
            raise AwsError(
                "MethodNotAllowed",
                f"no operation of S3 is {environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
                f"?{environ.get('QUERY_STRING', '')}",
                405,
            ) from None
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        call.parameters.update({k: v[0] for k, v in query.items()})
    else:
        form = parse_qs(_read_body(environ).decode("utf-8", "replace"))
        call.parameters = {k: v[0] for k, v in form.items()}
        call.operation = call.request.get("Action", "")
    call.name = f"{call.service}:{call.operation}"


def _authorise(call: Call, principal: principals.Principal) -> Denied:
    """Refuse what the caller may not; returns the keys of a DeleteObjects that it may not."""
    if call.operation == "DeleteObjects":
        return take_out_denied(principal, call.request["Bucket"], call.environ)
    if call.service == "s3":
        bucket, key = call.request.get("Bucket", ""), call.request.get("Key")
        needs, context = needs_s3(call.operation, bucket, key, call.environ)
    elif principal.is_root and not actions.knows(call.service):
        needs, context = [(f"{call.service}:{call.operation}", "*")], {}
    else:
        needs, context = actions.needs(call.service, call.operation, call.request)
    if call.service != "kms":
        context["kms:viaservice"] = f"{call.service}.{REGION}.amazonaws.com"
    authorisation.authorise(principal, needs, context)
    return []
