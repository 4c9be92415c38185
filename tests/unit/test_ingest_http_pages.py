"""Sources in pages: each page is an original, and comes once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.http_server import Answer, Asked, Server
from tests.unit.test_ingest_http import Things, failing, server, shared, things

__all__ = ["server", "shared", "things"]

PAGES: list[list[dict[str, Any]]] = [
    [{"id": 1.50, "name": "a"}, {"id": 2, "name": "b"}],
    [{"id": 3, "name": "c"}],
]


def as_pages(kind: str, server: Server) -> tuple[str, dict[str, Any]]:
    """Serve the pages in a kind of pagination; the URL and the settings."""

    def answer(asked: Asked) -> Answer:
        number = int(asked.query.get({"offset": "skip", "cursor": "after"}.get(kind, "p"), 0))
        rows = PAGES[number] if number < len(PAGES) else []
        last = number + 1 >= len(PAGES)
        if kind == "header":
            link = {"Link": f'</l?x=1>; rel="first", </l?p={number + 1}>; rel="next"'}
            return Answer(json.dumps(rows).encode(), headers={} if last else link)
        following = {"cursor": number + 1, "link": f"/l?p={number + 1}"}.get(kind)
        document = {"data": {"items": rows}, "next": None if last else following}
        return Answer(json.dumps(document).encode())

    url = server.put("/l", answer)
    paginate: dict[str, dict[str, Any]] = {
        "header": {"type": "link"},
        "link": {"type": "link", "at": "next"},
        "offset": {"type": "offset", "parameter": "skip", "step": 1},
        "cursor": {"type": "cursor", "at": "next", "parameter": "after"},
    }
    records = {} if kind == "header" else {"records": "data.items"}
    return url, {"paginate": paginate[kind], **records}


@pytest.mark.parametrize("kind", ["header", "link", "offset", "cursor"])
def test_pages__are_originals_each(kind: str, things: Things, server: Server) -> None:
    url, settings = as_pages(kind, server)
    document = things.run(url, **settings)
    assert things.rows() == [("1.5", "a"), ("2", "b"), ("3", "c")]
    assert document["files"] == {"in": 2, "accepted": 2, "refused": 0, "unchanged": 0}
    assert [entry["file"] for entry in things.files()] == [f"{url}#page=1", f"{url}#page=2"]
    assert len(things.keys("archive/")) == 2
    # An offset ends with the page that is empty.
    assert len(server.asked) == (3 if kind == "offset" else 2)
    raw = things.raw()
    document = things.run(url, **settings)
    assert document["files"]["unchanged"] == 2
    assert document["idle"] is True
    assert things.raw() == raw


def test_pages__that_go_in_a_circle(things: Things, server: Server) -> None:
    body = json.dumps({"rows": PAGES[0], "next": "/l?p=0"}).encode()
    url = server.put("/l", body)
    paginate = {"type": "link", "at": "next"}
    assert "leads back" in failing(things, f"{url}?p=0", paginate=paginate, records="rows")
    # What came before is not lost.
    assert len(things.rows()) == 2


def test_pages__that_are_too_many(things: Things, server: Server) -> None:
    url = server.put("/l", json.dumps(PAGES[0]).encode())
    paginate = {"type": "offset", "step": 1, "max_pages": 2}
    assert "more than 2 pages" in failing(things, url, paginate=paginate)
    assert len(server.asked) == 2


@pytest.mark.parametrize("target", ["http://127.0.0.1:1/l", "ftp://localhost/l"])
def test_pages__that_lead_elsewhere(target: str, things: Things, server: Server) -> None:
    url = server.put("/l", json.dumps({"rows": PAGES[0], "next": target}).encode())
    paginate = {"type": "link", "at": "next"}
    assert "page 1 leads to" in failing(things, url, paginate=paginate, records="rows")


def test_pages__together__have_max_bytes_at_most(things: Things, server: Server) -> None:
    url, settings = as_pages("offset", server)
    assert "max_bytes" in failing(things, url, max_bytes=100, **settings)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>", "HTML page"),
        (b"id,name\n", "not JSON"),
        (b'{"rows": {}}', "no list"),
        (b'{"rows": [{"id": 1, "name": "a"}], "next": {}}', "neither a text nor a number"),
    ],
)
def test_page__that_is_none(body: bytes, reason: str, things: Things, server: Server) -> None:
    url = server.put("/l", body)
    paginate = {"type": "cursor", "at": "next"}
    assert reason in failing(things, url, paginate=paginate, records="rows")
    assert things.files()[0]["outcome"] == "refused"


def test_records__without_pages__and_without_rows(things: Things, server: Server) -> None:
    url = server.put("/l", '{"data": [{"id": 1.50, "name": "ü"}, {"id": 1e5}]}'.encode())
    things.run(url, records="data")
    # Numbers keep their text, as in every file.
    assert things.rows() == [("1.50", "ü"), ("1e5", None)]
    server.put("/l", b'{"data": []}')
    document = things.run(url, records="data")
    assert document["files"] == {"in": 0, "accepted": 0, "refused": 0, "unchanged": 0}
