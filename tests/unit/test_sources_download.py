"""A download ends with the file as the server has it, or says why not."""

from __future__ import annotations

import email.utils
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medallion.contract.source import Http
from medallion.errors import SourceFailed
from medallion.sources.client import Client, Request
from medallion.sources.credentials import Credentials
from medallion.sources.download import MAX_WAIT_SECONDS, Download, Downloaded, Version
from tests.http_server import LATER, Answer, Asked, File, Server, serving

CONTENT = b"id,name\n" + b"".join(b"%d,x%d\n" % (i, i) for i in range(20))
BIG = bytes(range(256)) * 20_000  # 5 MB


@pytest.fixture(scope="module")
def shared() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def server(shared: Server) -> Server:
    shared.routes.clear()
    shared.asked.clear()
    return shared


class Downloads:
    """Downloads to a folder, and the seconds that were waited."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "file"
        self.waited: list[float] = []

    def __call__(
        self,
        url: str,
        known: Version | None = None,
        max_bytes: int = 1 << 30,
        credentials: Credentials | None = None,
        method: str = "GET",
        **settings: Any,
    ) -> Downloaded | None:
        client = Client(Http(url, **settings), credentials or Credentials())
        try:
            request = Request(url, method)
            return Download(client, request, self.path, max_bytes, self.waited.append).run(known)
        finally:
            client.close()

    @property
    def content(self) -> bytes:
        return self.path.read_bytes()


@pytest.fixture
def fetch(tmp_path: Path) -> Downloads:
    return Downloads(tmp_path)


def failure(fetch: Downloads, *given: Any, **settings: Any) -> str:
    with pytest.raises(SourceFailed) as error:
        fetch(*given, **settings)
    return str(error.value)


# ------------------------------------------------------------------------------------- resuming


@pytest.mark.parametrize("kind", ["etag", "date", "weak", "nothing", "no ranges", "chunked"])
def test_download__cut_at_any_byte__is_the_file(
    kind: str, server: Server, fetch: Downloads
) -> None:
    file = File(CONTENT, None if kind in ("date", "nothing") else '"1"')
    file.etag = 'W/"1"' if kind == "weak" else file.etag
    file.last_modified = LATER if kind == "date" else None
    file.ranges = kind != "no ranges"

    def chunked(asked: Asked) -> Answer:
        answer = file(asked)
        answer.chunked = kind == "chunked"
        return answer

    url = server.put("/data.csv", chunked)
    for cut in range(len(CONTENT)):
        file.cuts = [cut]
        server.asked.clear()
        assert fetch(url) is not None
        assert fetch.content == CONTENT, cut
        [first, second] = server.asked
        assert "range" not in first.headers
        resumed = kind in ("etag", "date", "chunked") and cut > 0
        assert second.headers.get("range") == (f"bytes={cut}-" if resumed else None)
    assert fetch.waited == [0.0] * len(CONTENT)


def test_post__that_broke_off__begins_anew(server: Server, fetch: Downloads) -> None:
    file = File(CONTENT)
    file.cuts = [50]
    fetch(server.put("/f", file), method="POST")
    assert fetch.content == CONTENT
    assert [asked.headers.get("range") for asked in server.asked] == [None, None]


def test_download__broken_off_many_times__goes_on_each_time(
    server: Server, fetch: Downloads
) -> None:
    file = File(BIG)
    # Each time a little less than is left, always a MiB further: more often than attempts.
    file.cuts = [1 << 20] * 4
    url = server.put("/big", file)
    fetch(url)
    assert fetch.content == BIG
    assert [asked.headers.get("range") for asked in server.asked[1:]] == [
        f"bytes={n << 20}-" for n in range(1, 5)
    ]


def test_download__without_progress__is_given_up(server: Server, fetch: Downloads) -> None:
    file = File(CONTENT)
    file.cuts = [7, *[0] * 100]
    told = failure(fetch, server.put("/f", file))
    assert f"broke off after 7 of {len(CONTENT)} bytes" in told
    assert told.endswith("after 6 attempts")
    assert fetch.waited == [0, 2, 4, 8, 16]
    assert len(server.asked) == 6


def test_source__that_changes_while_it_is_read__is_fetched_anew(
    server: Server, fetch: Downloads
) -> None:
    old, new = File(CONTENT, '"old"'), File(b"id\n" + CONTENT[::-1], '"new"')
    old.cuts = [50]

    def changing(asked: Asked) -> Answer:
        return new(asked) if server.asked[1:] else old(asked)

    url = server.put("/f", changing)
    found = fetch(url)
    assert fetch.content == new.content
    assert found is not None
    assert found.version == Version('"new"')
    assert server.asked[1].headers["if-range"] == '"old"'


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"ETag": '"new"', "Content-Range": "bytes 50-127/128"}, "the file has changed"),
        ({"ETag": '"1"', "Content-Range": "bytes 50-127/999"}, "the file has changed"),
        ({"ETag": '"1"', "Content-Range": "bytes 0-77/128"}, "with another range"),
        ({"ETag": '"1"'}, "with another range"),
    ],
)
def test_rest__of_another_file_or_place__is_not_taken(
    headers: dict[str, str],
    reason: str,
    server: Server,
    fetch: Downloads,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = File(CONTENT)
    file.cuts = [50]

    def answer(asked: Asked) -> Answer:
        if "range" in asked.headers:
            return Answer(b"y" * 78, 206, headers)
        return file(asked)

    fetch(server.put("/f", answer))
    assert fetch.content == CONTENT
    assert reason in caplog.text
    assert [("range" in asked.headers) for asked in server.asked] == [False, True, False]


def test_source__that_always_changes__is_given_up(server: Server, fetch: Downloads) -> None:
    def answer(asked: Asked) -> Answer:
        tag = f'"{len(server.asked)}"'
        if "range" in asked.headers:
            return Answer(BIG[1 << 21 :], 206, {"ETag": tag, "Content-Range": "bytes 0-1/2"})
        return Answer(BIG, 200, {"ETag": tag}, cut=1 << 21)

    assert "fetched anew, after 6 attempts" in failure(fetch, server.put("/f", answer))


def test_answer_416__to_what_is_left_of_a_shrunken_file(server: Server, fetch: Downloads) -> None:
    file = File(CONTENT)
    file.cuts = [50]

    def answer(asked: Asked) -> Answer:
        if "range" in asked.headers:
            file.content = CONTENT[:20]
            return Answer(b"", 416)
        return file(asked)

    fetch(server.put("/f", answer))
    assert fetch.content == CONTENT[:20]


# -------------------------------------------------------------------------------------- lengths


def test_length__that_is_too_large__is_no_file(server: Server, fetch: Downloads) -> None:
    told = failure(fetch, server.put("/f", Answer(CONTENT, length=200)))
    assert f"broke off after {len(CONTENT)} of 200 bytes" in told


def test_length__that_is_too_small__leaves_nothing_to_the_next_request(
    server: Server, fetch: Downloads
) -> None:
    fetch(server.put("/f", Answer(CONTENT, length=100)))
    assert fetch.content == CONTENT[:100]
    fetch(server.put("/g", CONTENT))
    assert fetch.content == CONTENT


@pytest.mark.parametrize("announced", [True, False])
def test_max_bytes__stops_early(announced: bool, server: Server, fetch: Downloads) -> None:
    url = server.put("/f", Answer(BIG, chunked=not announced))
    told = failure(fetch, url, max_bytes=1000)
    assert "max_bytes is 1,000" in told
    assert fetch.path.stat().st_size < 100_000
    assert len(server.asked) == 1


def test_max_bytes__are_allowed(server: Server, fetch: Downloads) -> None:
    assert fetch(server.put("/f", CONTENT), max_bytes=len(CONTENT)) is not None


# --------------------------------------------------------------------------------------- status


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_status__that_passes__is_waited_for(status: int, server: Server, fetch: Downloads) -> None:
    answers = [Answer(b"no", status), Answer(b"no", status), Answer(CONTENT)]
    fetch(server.put("/f", lambda _: answers[len(server.asked) - 1]))
    assert fetch.content == CONTENT
    assert fetch.waited == [0, 2]


@pytest.mark.parametrize(
    ("status", "setting"),
    [(400, "query"), (401, "secret"), (403, "secret"), (404, "url"), (405, "method"), (204, "200")],
)
def test_status__that_stays__is_told_with_what_helps(
    status: int, setting: str, server: Server, fetch: Downloads
) -> None:
    told = failure(fetch, server.put("/f", Answer(b"", status)))
    assert str(status) in told
    assert setting in told
    assert len(server.asked) == 1


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after__is_obeyed_in_both_forms(form: str, server: Server, fetch: Downloads) -> None:
    moment = email.utils.formatdate(time.time() + 100, usegmt=True)
    headers = {"Retry-After": "100" if form == "seconds" else moment}
    answers = [Answer(b"", 429, headers), Answer(CONTENT)]
    fetch(server.put("/f", lambda _: answers[len(server.asked) - 1]))
    assert fetch.content == CONTENT
    [seconds] = fetch.waited
    assert 90 < seconds <= 100


@pytest.mark.parametrize(("told", "waited"), [("soon", 0), ("-5", 0), ("0", 0)])
def test_retry_after__that_is_no_time(
    told: str, waited: float, server: Server, fetch: Downloads
) -> None:
    answers = [Answer(b"", 503, {"Retry-After": told}), Answer(CONTENT)]
    fetch(server.put("/f", lambda _: answers[len(server.asked) - 1]))
    assert fetch.waited == [waited]


def test_retry_after__of_hours__is_not_waited_for(server: Server, fetch: Downloads) -> None:
    seconds = str(MAX_WAIT_SECONDS + 1)
    told = failure(fetch, server.put("/f", Answer(b"", 429, {"Retry-After": seconds})))
    assert "429" in told
    assert f"{seconds} s (Retry-After)" in told
    assert fetch.waited == []


def test_host__that_does_not_answer(fetch: Downloads) -> None:
    with serving() as gone:
        url = gone.url
    told = failure(fetch, f"{url}/f")
    assert "NewConnectionError" in told
    assert told.endswith("after 6 attempts")


# ---------------------------------------------------------------------------- versions and names


@pytest.mark.parametrize("by", ["etag", "date"])
def test_version__that_is_known__is_not_sent_again(
    by: str, server: Server, fetch: Downloads
) -> None:
    file = File(CONTENT, '"1"' if by == "etag" else None)
    file.last_modified = LATER if by == "date" else None
    url = server.put("/f", file)
    found = fetch(url)
    assert found is not None
    assert fetch(url, found.version) is None
    file.etag, file.last_modified = ('"2"', None) if by == "etag" else (None, LATER[:-4] + " UTC")
    assert fetch(url, found.version) is not None


def test_answer_304__that_was_not_asked_for__is_a_failure(server: Server, fetch: Downloads) -> None:
    assert "304" in failure(fetch, server.put("/f", Answer(b"", 304)))


@pytest.mark.parametrize(
    ("path", "headers", "name"),
    [
        ("/a/data.csv", {}, "data.csv"),
        ("/a/b%20c.csv.gz", {}, "b c.csv.gz"),
        ("/", {}, "localhost"),
        ("/x", {"Content-Disposition": 'attachment; filename="sales.csv"'}, "sales.csv"),
        ("/x", {"Content-Disposition": "attachment; filename*=UTF-8''%C3%BC.csv"}, "ü.csv"),
        ("/x", {"Content-Disposition": 'attachment; filename="../../etc/p.csv"'}, "p.csv"),
        ("/x", {"Content-Disposition": 'attachment; filename="..\\\\..\\\\p.csv"'}, "p.csv"),
        ("/x.csv", {"Content-Disposition": 'attachment; filename=".."'}, "x.csv"),
        ("/x.csv", {"Content-Encoding": "gzip"}, "x.csv.gz"),
        ("/x.csv.gz", {"Content-Encoding": "gzip"}, "x.csv.gz"),
    ],
)
def test_name__of_the_file(
    path: str, headers: dict[str, str], name: str, server: Server, fetch: Downloads
) -> None:
    found = fetch(server.put(path, Answer(CONTENT, headers=headers)))
    assert found is not None
    assert found.name == name
    # As it came: a stated compression is not undone.
    assert fetch.content == CONTENT


def test_compression__that_nobody_asked_for(server: Server, fetch: Downloads) -> None:
    told = failure(fetch, server.put("/f", Answer(b"x", headers={"Content-Encoding": "br"})))
    assert "compressed with br" in told
    assert server.asked[0].headers["accept-encoding"] == "identity"


def test_digest__of_a_large_file(server: Server, fetch: Downloads) -> None:
    fetch(server.put("/f", BIG))
    assert hashlib.sha256(fetch.content).digest() == hashlib.sha256(BIG).digest()


def test_slow_answer__is_given_up(
    server: Server, fetch: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(_: Asked) -> Answer:
        time.sleep(0.3)
        return Answer(CONTENT)

    told = failure(fetch, server.put("/f", slow), timeout_seconds=0.05)
    assert "ReadTimeoutError" in told
