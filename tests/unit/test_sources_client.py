"""Which hosts are asked, what they are told, and how secrets are kept out of texts."""

from __future__ import annotations

import base64
import datetime as dt
import json
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from moto import mock_aws

from medallion.errors import SourceFailed
from medallion.sources import client as client_module
from medallion.sources import credentials
from medallion.sources.client import trust
from medallion.sources.credentials import Credentials, credentials_of
from tests.http_server import Answer, Server, serving
from tests.unit.test_sources_download import CONTENT, Downloads, failure, fetch, server, shared

__all__ = ["fetch", "server", "shared"]
SECRET = Credentials({"Authorization": "Bearer s3cr3t"}, {"api_key": "k&y"}, ("s3cr3t", "k&y"))


def to(location: str, status: int = 302) -> Answer:
    return Answer(b"", status, {"Location": location})


@pytest.fixture
def other() -> Iterator[Server]:
    """A second server, on another port."""
    with serving() as found:
        yield found


# ------------------------------------------------------------------------------------ redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect__within_the_host__keeps_what_is_secret(
    status: int, server: Server, fetch: Downloads
) -> None:
    server.put("/new", CONTENT)
    found = fetch(server.put("/old", to("/new", status)), credentials=SECRET)
    assert fetch.content == CONTENT
    # The name is what the user has written.
    assert found is not None
    assert found.name == "old"
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer s3cr3t"] * 2
    assert [asked.query for asked in server.asked] == [{"api_key": "k&y"}] * 2


@pytest.mark.parametrize(("status", "method"), [(302, "GET"), (303, "GET"), (307, "POST")])
def test_redirect__of_a_post(status: int, method: str, server: Server, fetch: Downloads) -> None:
    server.put("/new", CONTENT)
    fetch(server.put("/old", to("/new", status)), method="POST")
    assert [asked.method for asked in server.asked] == ["POST", method]


def test_redirect__to_another_host__has_to_be_named(
    server: Server, other: Server, fetch: Downloads
) -> None:
    target = other.put("/f", CONTENT).replace("localhost", "127.0.0.1")
    url = server.put("/f", to(f"{target}?signed=abc"))
    told = failure(fetch, url)
    assert 'redirect_hosts = ["127.0.0.1"]' in told
    assert other.asked == []
    fetch(url, redirect_hosts=("127.0.0.1",), credentials=SECRET, headers={"X-Own": "1"})
    [asked] = other.asked
    assert asked.query == {"signed": "abc"}
    assert {"authorization", "x-own"} & set(asked.headers) == set()


def test_redirect__to_another_port__is_told_nothing_secret(
    server: Server, other: Server, fetch: Downloads
) -> None:
    fetch(server.put("/f", to(other.put("/f", CONTENT))), credentials=SECRET)
    assert "authorization" in server.asked[0].headers
    assert "authorization" not in other.asked[0].headers
    assert other.asked[0].query == {}


def test_redirect__in_a_circle(server: Server, fetch: Downloads) -> None:
    server.put("/b", to("/a"))
    assert "redirects more than 10 times" in failure(fetch, server.put("/a", to("/b")))
    assert len(server.asked) == 11


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("ftp://localhost/f", "not http or https"),
        ("file:///etc/passwd", "not http or https"),
        ("http://example.com/f", "allow_http"),
        ("https://example.com/f?key=v4lue", "the host example.com"),
    ],
)
def test_redirect__that_leads_where_it_may_not(
    location: str, reason: str, server: Server, fetch: Downloads
) -> None:
    told = failure(fetch, server.put("/f", to(location)))
    assert reason in told
    assert "v4lue" not in told


# --------------------------------------------------------------------------------------- address


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "169.254.170.2", "fe80::1%eth0", "fd00:ec2::254", "::ffff:169.254.169.254"],
)
def test_address__of_instance_metadata__is_refused_however_it_is_named(
    address: str, server: Server, fetch: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the connection leads to counts: here the machine says it has led there."""
    real: Any = client_module._allowed

    class Peer:
        def __init__(self, connected: Any) -> None:
            self.close = connected.close

        def getpeername(self) -> tuple[str, int]:
            return address, 80

    monkeypatch.setattr(client_module, "_allowed", lambda connected: real(Peer(connected)))
    told = failure(fetch, server.put("/latest/meta-data/", CONTENT))
    assert "link-local" in told
    assert server.asked == []


# ------------------------------------------------------------------------------------------- TLS


def make_certificates(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """Make an authority and a server's certificate that it has signed, for `name`."""
    now = dt.datetime.now(dt.UTC)

    def signed(subject: str, key: Any, issuer: str, by: Any, *, ca: bool) -> x509.Certificate:
        def named(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

        address = [x509.IPAddress(ip_address("127.0.0.1"))] if name == "127.0.0.1" else []
        builder = (
            x509.CertificateBuilder()
            .subject_name(named(subject))
            .issuer_name(named(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName(address or [x509.DNSName(name)]), critical=False
            )
        )
        return builder.sign(by, hashes.SHA256())

    authority, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    pem = serialization.Encoding.PEM
    trusted = folder / "authority.pem"
    trusted.write_bytes(
        signed("authority", authority, "authority", authority, ca=True).public_bytes(pem)
    )
    chain = folder / "server.pem"
    chain.write_bytes(
        own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed(name, own, "authority", authority, ca=False).public_bytes(pem)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return trusted, context


@pytest.fixture
def fresh_trust() -> Iterator[None]:
    """Certificates are read anew, in the test and after it."""
    trust.cache_clear()
    yield
    trust.cache_clear()


def test_tls__with_an_authority_of_ones_own(
    tmp_path: Path, fetch: Downloads, fresh_trust: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, context = make_certificates(tmp_path, "localhost")
    with serving(context) as server:
        url = server.put("/f", CONTENT)
        told = failure(fetch, url)
        assert "the certificate of localhost is not valid" in told
        assert server.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        trust.cache_clear()
        fetch(url)
        assert fetch.content == CONTENT
        # Of another name.
        assert "certificate" in failure(fetch, url.replace("localhost", "127.0.0.1"))


def test_tls__is_not_left_by_a_redirect(
    tmp_path: Path,
    server: Server,
    fetch: Downloads,
    fresh_trust: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trusted, context = make_certificates(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with serving(context) as encrypted:
        url = encrypted.put("/f", to(server.put("/f", CONTENT)))
        assert "from https to" in failure(fetch, url, allow_http=True)
    assert server.asked == []


# --------------------------------------------------------------------------------------- secrets

BASIC = base64.b64encode(b"anna:pa ss").decode()


@pytest.mark.parametrize(
    ("text", "headers", "query"),
    [
        ("t0ken", {"Authorization": "Bearer t0ken"}, {}),
        (" t0ken\n", {"Authorization": "Bearer t0ken"}, {}),
        ("12345", {"Authorization": "Bearer 12345"}, {}),
        (
            '{"username": "anna", "password": "pa ss"}',
            {"Authorization": f"Basic {BASIC}"},
            {},
        ),
        ('{"headers": {"X-Api-Key": "abc"}}', {"X-Api-Key": "abc"}, {}),
        ('{"query": {"key": "abc"}}', {}, {"key": "abc"}),
        ('{"query": {"k": "v"}, "headers": {"A": "b"}}', {"A": "b"}, {"k": "v"}),
    ],
)
def test_secret__forms(text: str, headers: dict[str, str], query: dict[str, str]) -> None:
    found = credentials_of("name", text)
    assert (found.headers, found.query) == (headers, query)


@pytest.mark.parametrize(
    "text",
    [
        *("", "  ", None, "two\nlines", "{}", '{"username": "hidden"}', '{"other": "hidden"}'),
        *('{"headers": {"A": 1}}', '{"headers": "hidden"}', '{"query": {"k": "hi\\ndden"}}'),
    ],
)
def test_secret__of_another_form__is_not_told(text: str | None) -> None:
    with pytest.raises(SourceFailed) as error:
        credentials_of("shop/api", text)
    told = str(error.value)
    assert "'shop/api'" in told
    assert "username" in told
    assert "hidden" not in told


def test_secret__is_hidden_in_texts() -> None:
    found = credentials_of(
        "n", json.dumps({"headers": {"A": "Token abc/d z+1y"}, "query": {"k": "a&b=c"}})
    )
    text = "Token abc/d z+1y, abc%2Fd, z%2B1y, ?k=a%26b%3Dc; Token%20abc/d%20z%2B1y"
    hidden = found.redacted(text)
    for part in ("abc", "z+1", "z%2B1", "a%26b", "a&b"):
        assert part not in hidden
    basic = credentials_of("n", '{"username": "anna", "password": "pa ss"}')
    assert "pa ss" not in basic.redacted("anna:pa ss")
    assert BASIC not in basic.redacted(f"Basic {BASIC}")


def test_secret__that_is_not_there(aws_environment: None) -> None:
    with mock_aws():
        manager: Any = boto3.client("secretsmanager")
        with pytest.raises(SourceFailed, match=r"'shop/api' cannot be read.*ResourceNotFound"):
            credentials.load(manager, "shop/api")
        manager.create_secret(Name="shop/api", SecretString="t0ken")
        assert credentials.load(manager, "shop/api").texts == ("t0ken",)
        manager.create_secret(Name="binary", SecretBinary=b"\0")
        with pytest.raises(SourceFailed, match="empty or binary"):
            credentials.load(manager, "binary")


def test_secret__in_failures_of_the_network(
    fetch: Downloads, caplog: pytest.LogCaptureFixture
) -> None:
    with serving() as gone:
        url = gone.url
    told = failure(fetch, f"{url}/f", credentials=SECRET)
    assert "k&y" not in told + caplog.text
    assert "k%26y" not in told + caplog.text
    assert "s3cr3t" not in told + caplog.text


def test_secret__is_not_repeated_when_a_link_has_it(server: Server, fetch: Downloads) -> None:
    server.put("/new", CONTENT)
    fetch(server.put("/old", to("/new?api_key=k%26y&x=1")), credentials=SECRET)
    assert server.asked[1].query == {"x": "1", "api_key": "k&y"}
