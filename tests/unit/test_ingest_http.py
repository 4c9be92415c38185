"""A dataset that is fetched: what comes to raw/ and archive/, once, and when a run is idle."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pyarrow.parquet as pq
import pytest

import ingest
from medallion.contract.contract import Contract
from medallion.errors import SourceFailed
from medallion.lake.objects import Lake
from medallion.runs.report import Report
from medallion.sources.fetch import Fetch
from tests.http_server import Answer, File, Server, serving
from tests.unit.files import MakeContract

CONTENT = b"id,name\n1,x\n2,y\n"
DAY = datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC)
RAW = "raw/things/ingest_date=2026-03-01/"


@pytest.fixture(scope="module")
def shared() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def server(shared: Server) -> Server:
    shared.routes.clear()
    shared.asked.clear()
    return shared


class Things:
    """A dataset that is fetched: run the job, look at what there is."""

    def __init__(self, lake: Lake, make: MakeContract) -> None:
        self.lake = lake
        self._make = make
        self.runs = 0
        self.moment = DAY
        self.waited: list[float] = []

    def contract(self, url: str, **settings: Any) -> Contract:
        return self._make("id", "name", source={"type": "http", "url": url, **settings})

    def run(self, url: str, result: Any = None, code: str = "v1", **settings: Any) -> Any:
        """Run the job, and leave what the pipeline would; the report."""
        self.runs += 1
        contract = self.contract(url, **settings)
        report = Report("ingest", "things", f"run-{self.runs}")
        http = contract.source.http
        assert http is not None
        fetch = Fetch(http, self.moment, sleep=self.waited.append)
        ingest.Ingest(self.lake, contract, report, fetch=fetch, code=code).run()
        document = self.lake.get_json(report.write(self.lake))
        if result is None:
            result = {"status": "SUCCEEDED", "every_stage": True}
        if result:
            self.lake.put_json(f"runs/run-{self.runs}/result.json", result)
        return document

    def keys(self, prefix: str) -> list[str]:
        return [found.key for found in self.lake.list_objects(prefix)]

    def body(self, key: str) -> bytes:
        return self.lake.client.get_object(Bucket=self.lake.bucket, Key=key)["Body"].read()

    def raw(self) -> dict[str, bytes]:
        return {key: self.body(key) for key in self.keys("raw/")}

    def rows(self) -> list[tuple[str | None, str | None]]:
        found = []
        for body in self.raw().values():
            rows = pq.ParquetFile(io.BytesIO(body)).read().to_pylist()
            found += [(row["id"], row["name"]) for row in rows]
        return sorted(found)

    def files(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.lake.get_json(f"runs/run-{self.runs}/files/things.json")[
            "files"
        ]
        return found


@pytest.fixture
def things(lake: Lake, make_contract: MakeContract) -> Things:
    return Things(lake, make_contract)


def failing(things: Things, url: str, **settings: Any) -> str:
    with pytest.raises(SourceFailed) as error:
        things.run(url, **settings)
    return str(error.value)


# ----------------------------------------------------------------------------------- one file


def test_file__goes_to_raw_and_archive_as_it_came(things: Things, server: Server) -> None:
    url = server.put("/a/things.csv", File(CONTENT))
    document = things.run(url)
    [key] = things.keys("raw/")
    digest = key.rpartition("-")[2].removesuffix(".parquet")
    assert key == f"{RAW}things-{digest}.parquet"
    assert things.keys("archive/") == [f"archive/things/2026-03-01/things-{digest}.csv"]
    assert things.body(things.keys("archive/")[0]) == CONTENT
    assert things.rows() == [("1", "x"), ("2", "y")]
    assert document["files"] == {"in": 1, "accepted": 1, "refused": 0, "unchanged": 0}
    assert "idle" not in document
    [entry] = things.files()
    assert (entry["file"], entry["raw"]) == (url, key)
    assert things.keys("incoming/") == []


@pytest.mark.parametrize("kind", ["zip", "gz", "encoded"])
def test_file__that_is_packed(kind: str, things: Things, server: Server) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", "id,name\n1,x\n")
        archive.writestr("b.csv", "id,name\n2,y\n")
    body = buffer.getvalue() if kind == "zip" else gzip.compress(CONTENT)
    headers = {"Content-Encoding": "gzip"} if kind == "encoded" else {}
    path = {"zip": "/d.zip", "gz": "/d.csv.gz", "encoded": "/d.csv"}[kind]
    things.run(server.put(path, Answer(body, headers=headers)))
    assert things.rows() == [("1", "x"), ("2", "y")]
    [kept] = things.keys("archive/")
    assert kept.endswith(".zip" if kind == "zip" else ".csv.gz")
    assert things.body(kept) == body


def test_download__cut_at_any_byte_or_repeated__gives_the_same_raw_object(
    things: Things, server: Server
) -> None:
    file = File(CONTENT)
    url = server.put("/things.csv", file)
    things.run(url)
    wanted, kept = things.raw(), things.keys("archive/")
    for cut in range(len(CONTENT)):
        for prefix in ("raw/", "archive/", "state/"):
            things.lake.delete(things.keys(prefix))
        file.cuts = [cut]
        things.run(url)
        assert things.raw() == wanted, cut
        assert things.keys("archive/") == kept


def test_run__that_died_before_it_remembered__is_repeated(things: Things, server: Server) -> None:
    url = server.put("/things.csv", File(CONTENT))
    things.run(url)
    wanted = things.raw()
    things.lake.delete(things.keys("state/"))
    things.moment = datetime(2026, 3, 2, tzinfo=UTC)
    document = things.run(url)
    assert document["files"] == {"in": 1, "accepted": 0, "refused": 0, "unchanged": 1}
    assert things.raw() == wanted


def test_unchanged__is_not_fetched_again(things: Things, server: Server) -> None:
    url = server.put("/things.csv", File(CONTENT))
    things.run(url)
    raw, kept = things.raw(), things.keys("archive/")
    document = things.run(url)
    assert [asked.headers.get("if-none-match") for asked in server.asked] == [None, '"1"']
    assert document["files"] == {"in": 1, "accepted": 0, "refused": 0, "unchanged": 1}
    assert document["idle"] is True
    [entry] = things.files()
    assert (entry["raw"], entry["archive"]) == (*raw, *kept)
    assert (things.raw(), things.keys("archive/")) == (raw, kept)


@pytest.mark.parametrize("change", ["raw", "query", "headers"])
def test_unchanged__is_fetched_again_when_what_is_known_is_of_no_use(
    change: str, things: Things, server: Server
) -> None:
    url = server.put("/things.csv", File(CONTENT))
    things.run(url)
    settings: dict[str, Any] = {}
    if change == "raw":
        things.lake.delete(things.keys("raw/"))
    else:
        settings = {change: {"Accept": "text/csv"}}
    things.run(url, **settings)
    assert "if-none-match" not in server.asked[1].headers
    assert len(things.keys("raw/")) == (2 if change == "query" else 1)


def test_change__adds_its_rows_and_the_later_one_is_newer(things: Things, server: Server) -> None:
    file = File(CONTENT)
    url = server.put("/things.csv", file)
    things.run(url)
    file.content, file.etag = b"id,name\n1,z\n", '"2"'
    things.moment = datetime(2026, 3, 1, 5, tzinfo=UTC)
    document = things.run(url)
    assert document["files"]["accepted"] == 1
    assert things.rows() == [("1", "x"), ("1", "z"), ("2", "y")]
    said = {
        row["_source_file"]: row["name"]
        for body in things.raw().values()
        for row in pq.ParquetFile(io.BytesIO(body)).read().to_pylist()
    }
    assert said[max(said)] == "z"


def test_dates__of_url_query_and_body(things: Things, server: Server) -> None:
    url = server.put("/2026/02/28/a.csv", CONTENT)
    template = url.replace("2026/02/28", "{date-1:%Y/%m/%d}")
    things.run(template, query={"to": "{date}"}, method="POST", body='{"d": "{date+1:%j}"}')
    [asked] = server.asked
    assert (asked.method, asked.query) == ("POST", {"to": "2026-03-01"})
    assert asked.body == b'{"d": "061"}'
    [entry] = things.files()
    assert entry["file"] == f"{url}?to=2026-03-01"


def test_post__is_not_conditional(things: Things, server: Server) -> None:
    url = server.put("/things.csv", File(CONTENT))
    things.run(url, method="POST")
    document = things.run(url, method="POST")
    assert "if-none-match" not in server.asked[1].headers
    assert document["files"]["unchanged"] == 1


# ------------------------------------------------------------------------- refused, or failed


def test_html__is_refused_and_kept(things: Things, server: Server) -> None:
    page = b"\n<!DOCTYPE html><html><title>Log in</title>"
    document = things.run(server.put("/things.csv", page))
    assert document["files"]["refused"] == 1
    assert "HTML page" in document["refused_files"][0]["reason"]
    assert things.body(document["refused_files"][0]["moved_to"]) == page
    assert things.keys("raw/") == things.keys("state/sources/") == []
    assert "idle" not in document


@pytest.mark.parametrize("right", [True, False])
def test_checksum(right: bool, things: Things, server: Server) -> None:
    sums = f"md5:{hashlib.md5(CONTENT).hexdigest()}" if right else f"sha256:{'0' * 64}"
    document = things.run(server.put("/things.csv", File(CONTENT)), checksum=sums)
    assert document["files"]["accepted" if right else "refused"] == 1
    if not right:
        assert "checksum says 0000" in document["refused_files"][0]["reason"]


def test_failure__comes_after_the_files_that_were_dropped(things: Things, server: Server) -> None:
    things.lake.client.put_object(
        Bucket=things.lake.bucket, Key="incoming/things/a.csv", Body=CONTENT
    )
    told = failing(things, f"{server.url}/gone.csv")
    assert told.startswith(f"{server.url}/gone.csv: it answers 404")
    assert things.rows() == [("1", "x"), ("2", "y")]
    assert things.keys("incoming/") == []
    assert things.files()[0]["outcome"] == "accepted"


def test_secret__is_sent_and_stands_nowhere(
    things: Things, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    manager: Any = boto3.client("secretsmanager")
    document = {"headers": {"X-Key": "h1dden/h"}, "query": {"key": "h1dden&q"}}
    manager.create_secret(Name="shop/api", SecretString=json.dumps(document))
    url = server.put("/things.csv", File(CONTENT))
    things.run(url, secret="shop/api")
    assert server.asked[0].headers["x-key"] == "h1dden/h"
    assert server.asked[0].query == {"key": "h1dden&q"}
    failing(things, f"{server.url}/gone.csv", secret="shop/api")
    things.lake.client.put_object(
        Bucket=things.lake.bucket, Key="incoming/things/a.csv", Body=CONTENT
    )
    everything = "".join(
        f"{key} {things.body(key).decode(errors='replace')}" for key in things.keys("")
    )
    assert "h1dden" not in everything + caplog.text


def test_secret__that_is_missing__keeps_no_file_waiting(things: Things, server: Server) -> None:
    things.lake.client.put_object(
        Bucket=things.lake.bucket, Key="incoming/things/a.csv", Body=CONTENT
    )
    told = failing(things, server.put("/things.csv", CONTENT), secret="shop/api")
    assert "secret 'shop/api'" in told
    assert things.keys("incoming/") == []
    assert server.asked == []


# --------------------------------------------------------------------------------------- idle


@pytest.mark.parametrize(
    "result",
    [
        False,
        {"status": "FAILED", "every_stage": True},
        {"status": "SUCCEEDED", "every_stage": False},
        {"status": "SUCCEEDED"},
        [],
    ],
)
def test_idle__not_before_a_run_has_done_all(result: Any, things: Things, server: Server) -> None:
    url = server.put("/things.csv", File(CONTENT))
    things.run(url, result=result)
    assert "idle" not in things.run(url)
    assert things.run(url)["idle"] is True
    assert things.run(url)["idle"] is True


@pytest.mark.parametrize("change", ["contract", "sql", "code", "dropped"])
def test_idle__not_when_something_else_is_new(change: str, things: Things, server: Server) -> None:
    url = server.put("/things.csv", File(CONTENT))
    things.run(url)
    code = "v1"
    if change == "contract":
        things.lake.put_json("config/datasets/things.json", {})
    elif change == "sql":
        things.lake.put_json("config/models/a.sql", {})
    elif change == "code":
        code = "v2"
    else:
        things.lake.client.put_object(
            Bucket=things.lake.bucket, Key="incoming/things/a.csv", Body=b"id,name\n3,z\n"
        )
    assert "idle" not in things.run(url, code=code)
    assert things.run(url, code=code)["idle"] is True


def test_idle__not_after_a_run_that_died_with_news(
    things: Things, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.put("/things.csv", File(CONTENT))
    things.run(url)
    things.lake.client.put_object(
        Bucket=things.lake.bucket, Key="incoming/things/a.csv", Body=b"id,name\n3,z\n"
    )
    with monkeypatch.context() as patch:
        # Once the file is in raw/.
        patch.setattr(Lake, "copy", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            things.run(url)
    assert len(things.rows()) == 3
    assert "idle" not in things.run(url)


def test_idle__is_for_sources_of_http(lake: Lake, make_contract: MakeContract) -> None:
    report = Report("ingest", "things", "run")
    ingest.Ingest(lake, make_contract("id", "name"), report).run()
    assert not report.idle
    assert [found.key for found in lake.list_objects("state/settled/")] == []
