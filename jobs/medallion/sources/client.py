"""Requests to a source: TLS, redirects, and which hosts may be asked or told what is secret."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from ipaddress import IPv6Address, ip_address
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit

import urllib3
from botocore.httpsession import get_cert_path
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, SSLError
from urllib3.response import HTTPResponse

from medallion.contract.source import LOOPBACK, Http
from medallion.errors import SourceFailed
from medallion.sources.credentials import Credentials

_MAX_REDIRECTS = 10
_PORTS = {"https": 443, "http": 80}
# AWS tells instances their credentials at link-local addresses, and at this one.
_METADATA = ip_address("fd00:ec2::254")


class Broken(Exception):  # noqa: N818 - names what happened, and is caught where it is mended
    """A request or an answer that broke off: it is worth another attempt."""

    def __init__(self, reason: str, response: HTTPResponse | None = None) -> None:
        super().__init__(reason)
        self.response = response


@dataclass(frozen=True)
class Request:
    """What to ask for; the URL has nothing secret in it."""

    url: str
    method: str = "GET"
    body: str | None = None


class _PlainConnection(HTTPConnection):  # type: ignore[misc]
    def _new_conn(self) -> socket.socket:
        return _allowed(super()._new_conn())


class _TlsConnection(HTTPSConnection):  # type: ignore[misc]
    def _new_conn(self) -> socket.socket:
        return _allowed(super()._new_conn())


class _PlainPool(HTTPConnectionPool):  # type: ignore[misc]
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):  # type: ignore[misc]
    ConnectionCls = _TlsConnection


def _allowed(connected: socket.socket) -> socket.socket:
    """Refuse an address by what was connected to: a name may be of any address, and change it."""
    address = ip_address(connected.getpeername()[0].partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_link_local or address == _METADATA:
        connected.close()
        raise SourceFailed(
            f"the host has the address {address}, which is link-local, as that of AWS's instance "
            "metadata is: data are never fetched from there"
        )
    return connected


@cache
def trust() -> ssl.SSLContext:
    """Return what certificates are checked by, read once in a process.

    Authorities are those of the machine, or of SSL_CERT_FILE, and those that boto3 brings along.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(get_cert_path(True))
    # urllib3 compares names itself, after that; with an address for a name, OpenSSL could not.
    context.check_hostname = False
    return context


class Client:
    """
    Sends the requests of one source, each once.

    Parameters
    ----------
    http
        The source: its hosts, headers and time-out.
    credentials
        What the source's own host alone is sent.
    """

    def __init__(self, http: Http, credentials: Credentials) -> None:
        self._http = http
        self._credentials = credentials
        # It warns of odd headers by a URL that has what is secret.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        self._pool = urllib3.PoolManager(
            ssl_context=trust(), retries=False, timeout=float(http.timeout_seconds)
        )
        self._pool.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}

    def redacted(self, text: str) -> str:
        """Return a text without what is secret."""
        return self._credentials.redacted(text)

    def close(self) -> None:
        """Close all connections."""
        self._pool.clear()

    def public(self, url: str) -> str:
        """Return a URL without parameters that the secret has, as servers repeat them in links."""
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        kept = [(name, value) for name, value in pairs if name not in self._credentials.query]
        return url if kept == pairs else parts._replace(query=urlencode(kept)).geturl()

    def send(self, request: Request, headers: Mapping[str, str]) -> HTTPResponse:
        """
        Send a request and follow redirects; the answer's body is not read yet.

        Raises
        ------
        Broken
            When no answer comes.
        SourceFailed
            When a certificate is not valid, or a redirect leads where it may not.
        """
        origin = urlsplit(request.url)
        asked = request
        for _ in range(_MAX_REDIRECTS + 1):
            response = self._send_once(
                asked, headers, trusted=_is_same(urlsplit(asked.url), origin)
            )
            location = response.get_redirect_location()
            if not location:
                return response
            response.close()
            target = urljoin(asked.url, location)
            self.check_target(target, urlsplit(asked.url), origin, "it redirects")
            if response.status == 303 or (response.status < 303 and asked.method == "POST"):
                asked = Request(self.public(target))
            else:
                asked = replace(asked, url=self.public(target))
        raise SourceFailed(
            f"it redirects more than {_MAX_REDIRECTS} times, last to {self._shown(asked.url)}: "
            "set url to where the file is"
        )

    def check_target(self, url: str, before: SplitResult, origin: SplitResult, what: str) -> None:
        """Raise SourceFailed unless the answer of `before` may lead to a URL."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in _PORTS or not host:
            raise SourceFailed(f"{what} to {self._shown(url)}, which is not http or https")
        if parts.scheme == "http" and before.scheme == "https":
            raise SourceFailed(
                f"{what} from https to {self._shown(url)}, where nothing is encrypted: set url to "
                "an address with https"
            )
        if parts.scheme == "http" and not self._http.allow_http and host not in LOOPBACK:
            raise SourceFailed(f"{what} to {self._shown(url)}: http needs allow_http = true")
        if host != origin.hostname and host not in self._http.redirect_hosts:
            raise SourceFailed(
                f'{what} to the host {host}; if that is right, set redirect_hosts = ["{host}"], '
                "which is sent the request, but nothing secret"
            )

    def _send_once(
        self, request: Request, headers: Mapping[str, str], *, trusted: bool
    ) -> HTTPResponse:
        secret = self._credentials if trusted else Credentials()
        # As it came: what is kept is what the server has, and a range of it can be asked for.
        sent = {"Accept-Encoding": "identity", "User-Agent": "medallion", **headers}
        sent.update({**(self._http.headers if trusted else {}), **secret.headers})
        body = request.body.encode() if request.body is not None else None
        try:
            response: HTTPResponse = self._pool.urlopen(
                request.method,
                with_query(request.url, secret.query),
                body=body,
                headers=sent,
                redirect=False,
                preload_content=False,
                decode_content=False,
                enforce_content_length=True,
            )
        except SSLError as error:
            # What is wrong with a certificate is a ValueError, in ssl and in urllib3.
            if not isinstance(error.args[0], ValueError):
                raise Broken(self.redacted(str(error))) from None
            raise SourceFailed(
                f"the certificate of {urlsplit(request.url).hostname} is not valid "
                f"({self.redacted(str(error))}); only those of public authorities are trusted"
            ) from None
        except (HTTPError, OSError) as error:
            raise Broken(self.redacted(f"{type(error).__name__}: {error}")) from None
        return response

    def _shown(self, url: str) -> str:
        # Links to files are signed in their parameters.
        return self.redacted(urlsplit(url)._replace(query="", fragment="").geturl())


def with_query(url: str, values: Mapping[str, str]) -> str:
    """Return a URL with parameters, which take the place of those of the same names."""
    if not values:
        return url
    parts = urlsplit(url)
    pairs = [p for p in parse_qsl(parts.query, keep_blank_values=True) if p[0] not in values]
    return parts._replace(query=urlencode([*pairs, *values.items()])).geturl()


def _is_same(one: SplitResult, origin: SplitResult) -> bool:
    """Whether what is secret to the one may be told the other: host and port, http made https."""
    if one.hostname != origin.hostname or (one.scheme, origin.scheme) == ("http", "https"):
        return False
    ports = [parts.port or _PORTS[parts.scheme] for parts in (one, origin)]
    return ports[0] == ports[1] or ports == [443, 80]
