"""A dataset in a lake that a test drops files into."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet as pq
from moto.s3.models import s3_backends

import ingest
from medallion.contract.contract import Contract
from medallion.lake.objects import Lake
from medallion.runs.report import Report

ACCOUNT = "123456789012"
EARLIER = datetime(2020, 1, 1, 12, tzinfo=UTC)
GOOD = b"id,name\n1,x\n2,y\n"


class Drop:
    """A dataset in a lake: drop files, run the job, look at what there is."""

    def __init__(self, lake: Lake, contract: Contract) -> None:
        self.lake = lake
        self.contract = contract

    def put(self, name: str, data: bytes) -> str:
        key = f"incoming/things/{name}"
        self.lake.client.put_object(Bucket=self.lake.bucket, Key=key, Body=data)
        return key

    def put_of(self, moment: datetime, name: str, data: bytes) -> str:
        """Drop a file at another time than now; only in the memory of this process."""
        key = self.put(name, data)
        stored = s3_backends[ACCOUNT]["aws"].buckets[self.lake.bucket].keys[key]
        stored.last_modified = moment
        return key

    def run(
        self, run_id: str = "run", lake: Lake | None = None, threads: int = 8
    ) -> dict[str, Any]:
        lake = lake or self.lake
        report = Report("ingest", "things", run_id)
        ingest.Ingest(lake, self.contract, report, threads).run()
        document: dict[str, Any] = self.lake.get_json(report.write(lake))
        assert document["files"]["in"] == sum(
            document["files"][name] for name in ("accepted", "refused", "unchanged")
        )
        assert document["rows"]["in"] == document["rows"]["out"] + document["rows"]["refused"]
        return document

    def files(self, run_id: str = "run") -> list[dict[str, Any]]:
        """What the run says of each file."""
        found: list[dict[str, Any]] = self.lake.get_json(Lake.files_key(run_id, "things"))["files"]
        return found

    def keys(self, prefix: str = "") -> list[str]:
        return [found.key for found in self.lake.list_objects(prefix)]

    def body(self, key: str) -> bytes:
        return self.lake.client.get_object(Bucket=self.lake.bucket, Key=key)["Body"].read()

    def rows(self, prefix: str = "raw/") -> list[dict[str, Any]]:
        found = []
        for key in self.keys(prefix):
            found += pq.ParquetFile(io.BytesIO(self.body(key))).read().to_pylist()
        return found

    def state(self) -> dict[str, bytes]:
        """Everything but the reports, which tell the time."""
        return {key: self.body(key) for key in self.keys() if not key.startswith("runs/")}
