"""Runs at the same time on the same files, and files dropped meanwhile: nothing lost or doubled."""

from __future__ import annotations

import contextlib
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import ingest
from medallion.lake.objects import Lake, StoredObject
from tests.unit.files import MakeContract
from tests.unit.ingest_fixtures import EARLIER, GOOD, Drop
from tests.unit.overlaps import Hooked, Turns, at, requests_of

pytestmark = pytest.mark.slow

# The first has a refused row, the second is refused.
FILES = {"a.csv": GOOD + b"ragged\n", "b.csv": b"id\n1\n", "c.csv": GOOD}
# Requests of a run on them: small ones, and such as are downloaded like large ones.
SMALL, LARGE = 26, 32
OTHER = b"id,name\n8,other\n9,other\n7,other\n"


@pytest.fixture
def drop(lake: Lake, make_contract: MakeContract) -> Drop:
    return Drop(lake, make_contract("id", "name"))


def fill(drop: Drop) -> None:
    for name, data in FILES.items():
        drop.put(name, data)


def ids(data: bytes) -> tuple[str, ...]:
    """What the rows of a file are known by; none for a file that is refused."""
    head, *lines = data.decode().splitlines()
    return tuple(line.split(",")[0] for line in lines if "," in line and head == "id,name")


def check(drop: Drop, dropped: Sequence[tuple[str, bytes]]) -> None:
    """Assert that what was dropped, all or the last of each name, is there once, and no more."""
    assert drop.keys("incoming/") == []
    raw: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for key in drop.keys("raw/"):
        rows = drop.rows(key)
        raw[rows[0]["_source_file"].split("/")[-1], tuple(row["id"] for row in rows)] += 1
    assert set(raw.values()) <= {1}
    reasons = [key for key in drop.keys("quarantine/") if key.endswith(".reason.json")]
    refused = {
        (json.loads(drop.body(key))["file"].split("/")[-1], drop.body(key[: -len(".reason.json")]))
        for key in reasons
    }
    assert len(drop.keys("quarantine/things/files/")) == 2 * len(reasons)
    found = {(name, data) for name, data in dropped if (name, ids(data)) in raw} | refused
    assert len(found) == len(raw) + len(refused)
    assert {drop.body(key) for key in drop.keys("archive/")} == {
        data for _, data in found - refused
    }
    assert set(dict(dropped).items()) <= found <= set(dropped)


def total(documents: list[dict[str, Any]], part: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for document in documents:
        counts.update(document[part])
    return counts


@pytest.mark.parametrize("limit", [8 << 20, 0], ids=["small", "large"])
def test_races__requests_of_a_run(limit: int, drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the tests below reach each request."""
    monkeypatch.setattr(ingest, "_SMALL", limit)
    fill(drop)
    assert requests_of(drop.lake, lambda lake: drop.run(lake=lake)) == (SMALL if limit else LARGE)


@pytest.mark.parametrize(
    ("limit", "number"),
    [(8 << 20, n) for n in range(1, SMALL + 1)] + [(0, n) for n in range(1, LARGE + 1)],
)
def test_races__another_run_before_any_request(
    limit: int, number: int, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "_SMALL", limit)
    fill(drop)
    documents = []
    hooked = Hooked(drop.lake, at(number, lambda: documents.append(drop.run("other"))))
    documents.append(drop.run("first", hooked.lake, threads=1))
    check(drop, list(FILES.items()))
    files = total(documents, "files")
    # Whoever wrote its raw object counts a file; the other one may have moved it then.
    assert (files["accepted"], files["refused"]) == (2, 1)
    assert files["unchanged"] <= 2
    assert total(documents, "rows") == Counter({"in": 5, "out": 4, "refused": 1})
    assert total(documents, "objects")["written"] == 2


@pytest.mark.parametrize("data", [OTHER, FILES["a.csv"]], ids=["other", "same"])
@pytest.mark.parametrize("number", range(1, SMALL + 1))
def test_races__dropped_again_before_any_request(number: int, data: bytes, drop: Drop) -> None:
    """What is there last is never lost; what it replaced is there if the run has read it."""
    fill(drop)
    hooked = Hooked(drop.lake, at(number, lambda: drop.put("a.csv", data)))
    drop.run("first", hooked.lake, threads=1)
    drop.run("second")
    check(drop, [*FILES.items(), ("a.csv", data)])
    read_before = number > 7
    assert len(drop.keys("archive/")) == 2 + (data == OTHER and read_before)


class Killed(BaseException):
    """The end of a process that has no time for anything."""


def killed() -> None:
    raise Killed


def race(drop: Drop, seed: int) -> tuple[list[dict[str, Any]], list[tuple[str, bytes]]]:
    """Two runs in turns, of which one may die, and files dropped meanwhile.

    Returns
    -------
    tuple
        The reports, and what was dropped.
    """
    chance = random.Random(seed)
    documents: list[dict[str, Any]] = []
    dropped = list(FILES.items())
    for name, data in dropped:
        drop.put_of(EARLIER, name, data)

    def drop_again() -> None:
        name = chance.choice([*FILES, "d.csv"])
        data = chance.choice([OTHER, b"none", FILES.get(name, GOOD)])
        dropped.append((name, data))
        drop.put(name, data)

    events: dict[tuple[int, int], Callable[[], object]] = {
        (chance.randrange(2), chance.randint(1, SMALL)): drop_again
        for _ in range(chance.randrange(4))
    }
    if chance.random() < 0.5:
        events[chance.randrange(2), chance.randint(1, SMALL)] = killed

    def job(number: int) -> Callable[[Lake], object]:
        def run(lake: Lake) -> None:
            requests = 0

            def before(**_: Any) -> None:
                nonlocal requests
                requests += 1
                events.get((number, requests), lambda: None)()

            lake.client.meta.events.register("before-call.s3", before)
            with contextlib.suppress(Killed):
                documents.append(drop.run(f"run-{number}", lake, threads=1))

        return run

    Turns(drop.lake, seed).run(job(0), job(1))
    documents.append(drop.run("last"))
    return documents, dropped


@pytest.mark.parametrize("seed", range(20))
def test_races__two_runs_and_who_drops_files(seed: int, drop: Drop) -> None:
    documents, dropped = race(drop, seed)
    check(drop, dropped)
    if len(documents) == 3:
        assert total(documents, "rows")["out"] == len(drop.rows())
        assert total(documents, "files")["accepted"] == len(drop.keys("raw/"))
        if dropped == list(FILES.items()):
            assert total(documents, "files")["refused"] == 1


# Of one file, in a dataset that has been taken over.
ONE = 12


@pytest.mark.parametrize("dies_at", [None, 7, 8, 9], ids=["ends", "read", "noted", "written"])
@pytest.mark.parametrize("number", range(1, ONE + 1))
def test_races__dropped_again_after_midnight(number: int, dies_at: int | None, drop: Drop) -> None:
    """The same file on two dates: once in raw/, and once in the reports."""
    drop.run()
    drop.put_of(EARLIER, "c.csv", GOOD)
    documents = []

    def others() -> None:
        drop.put("c.csv", GOOD)
        documents.append(drop.run("other"))

    def before(request: int, operation: str) -> None:
        at(number, others)(request, operation)
        if dies_at and request == max(number, dies_at):
            killed()

    with contextlib.suppress(Killed):
        documents.append(drop.run("first", Hooked(drop.lake, before).lake, threads=1))
    documents.append(drop.run("next"))
    check(drop, [("c.csv", GOOD)])
    assert total(documents, "objects")["deleted"] == 0
    if not dies_at:
        assert total(documents, "files")["accepted"] == 1
        assert total(documents, "rows")["out"] == len(drop.rows())


def test_races__requests_of_a_run_on_one_file(drop: Drop) -> None:
    """So that the test above reaches each request."""
    drop.run()
    drop.put("c.csv", GOOD)
    assert requests_of(drop.lake, lambda lake: drop.run("first", lake)) == ONE


@pytest.mark.parametrize("data", [GOOD, b"none"], ids=["good", "bad"])
def test_races__version_that_was_read_is_removed(data: bytes, drop: Drop) -> None:
    """The file is kept as it was downloaded."""
    key = drop.put("c.csv", data)

    def remove() -> None:
        drop.lake.client.delete_object(Bucket=drop.lake.bucket, Key=key, VersionId=version)

    found = drop.lake.head(key)
    assert found is not None
    version = found.version_id or ""
    copied = {"CopyObject": remove}

    def before(number: int, operation: str) -> None:
        copied.pop(operation, lambda: None)()

    drop.run("first", Hooked(drop.lake, before).lake, threads=1)
    check(drop, [("c.csv", data)])


def test_races__large_file_removed_before_its_download(
    drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "_SMALL", 0)
    key = drop.put("c.csv", GOOD)
    drop.put("d.csv", GOOD)

    def remove(source: StoredObject, path: Path) -> None:
        if source.key == key:
            drop.lake.client.delete_object(
                Bucket=drop.lake.bucket, Key=key, VersionId=str(source.version_id)
            )
        Lake.download(drop.lake, source, path)

    lake = Lake(drop.lake.client, drop.lake.bucket)
    monkeypatch.setattr(lake, "download", remove)
    assert drop.run(lake=lake)["files"]["in"] == 1
    check(drop, [("d.csv", GOOD)])
