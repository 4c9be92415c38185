"""Bytes on disk, and the memory that they do not take."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from local.s3.blobs import LARGE, Blob, BlobReader, keep
from local.server import LocalAws
from local.settings import Settings
from tests.local.conftest import until
from tests.local.s3.contents import BIG, MB, content, md5


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("local.settings._current", [Settings(port=1, work_dir=tmp_path)])
    (tmp_path / "objects").mkdir()
    return tmp_path / "objects"


def test_blob__slices_as_bytes_do(folder: Path) -> None:
    data = content(5 * LARGE)
    kept = keep([data[:LARGE], data[LARGE : 2 * LARGE]])
    assert isinstance(kept, Blob)
    blob = Blob.join([kept, b"", data[2 * LARGE :]])
    assert (len(blob), bytes(blob), blob.md5) == (len(data), data, md5(data))
    bounds = [None, 0, 1, LARGE - 1, LARGE, 2 * LARGE - 1, 2 * LARGE, 2 * LARGE + 1, len(data), -1]
    for first in bounds:
        for last in bounds:
            part = blob[first:last]
            assert bytes(part) == data[first:last], (first, last)
            assert bytes(part[1:-1]) == data[first:last][1:-1]
    assert all(len(block) <= LARGE for block in blob)
    assert BlobReader(blob[3 : LARGE + 9]).read() == data[3 : LARGE + 9]


def test_blob__file_goes_with_the_last_view(folder: Path) -> None:
    kept = keep([content(BIG)])
    assert isinstance(kept, Blob)
    view = Blob.join([kept])[5:10]
    del kept
    assert len(list(folder.iterdir())) == 1
    assert bytes(view) == content(BIG)[5:10]
    del view
    assert not list(folder.iterdir())


def test_keep__leaves_small_bytes_in_memory(folder: Path) -> None:
    assert keep([b"a", b"b"]) == b"ab"
    assert keep([]) == b""
    assert isinstance(keep([content(LARGE)]), bytes)
    assert isinstance(keep([content(LARGE), b"x"]), Blob)
    assert len(list(folder.iterdir())) == 0


class Endless(io.RawIOBase):
    """So many bytes that take no memory."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size, self._at, self._block = size, 0, content(MB)

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        start = self._at % MB
        count = min(len(buffer), MB - start, self._size - self._at)
        buffer[:count] = self._block[start : start + count]
        self._at += count
        return count


@contextmanager
def peak_of(process: psutil.Process) -> Iterator[list[int]]:
    """The most memory that a process had meanwhile, looked at a hundred times a second."""
    found, stop = [process.memory_info().rss], threading.Event()

    def look() -> None:
        while not stop.wait(0.01):
            found[0] = max(found[0], process.memory_info().rss)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


def test_memory__does_not_grow_with_the_object() -> None:
    size = 300 * MB
    with LocalAws() as aws:
        make: Any = boto3.client
        s3 = make("s3", endpoint_url=aws.endpoint, region_name="us-east-1",
                  aws_access_key_id="root", aws_secret_access_key="root")  # fmt: skip
        s3.create_bucket(Bucket="large")
        s3.put_object(Bucket="large", Key="first", Body=content(BIG))  # imports
        process = psutil.Process(aws.pid)
        before = process.memory_info().rss
        with peak_of(process) as peak:
            s3.put_object(Bucket="large", Key="put", Body=io.BufferedReader(Endless(size)))
            s3.upload_fileobj(io.BufferedReader(Endless(size)), "large", "uploaded")
            s3.copy_object(Bucket="large", Key="copy", CopySource="large/uploaded")
            s3.copy({"Bucket": "large", "Key": "put"}, "large", "copied")
            for key in ("put", "copied"):
                body = s3.get_object(Bucket="large", Key=key)["Body"]
                assert sum(len(block) for block in body.iter_chunks(MB)) == size
            for at in range(0, size, 30 * MB):
                s3.get_object(Bucket="large", Key="uploaded", Range=f"bytes={at}-")["Body"].read(9)
        assert peak[0] - before < 100_000_000
        command = process.cmdline()
        folder = Path(command[command.index("--state-dir") + 1]) / "objects"
        listed = s3.list_objects_v2(Bucket="large")["Contents"]
        s3.delete_objects(
            Bucket="large", Delete={"Objects": [{"Key": one["Key"]} for one in listed]}
        )
        until(lambda: not list(folder.iterdir()), "the files of deleted objects to go")
