"""Bad files beside good ones: nothing is lost, everything is explained, the good rows are there."""

from __future__ import annotations

import gzip
import io
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.e2e.lake import Lake

pytestmark = pytest.mark.xdist_group("shop")

HEADER = "order_id,customer,amount,status,placed_on\n"


def row(order_id: int, customer: str = "Zoë", delimiter: str = ",") -> str:
    return delimiter.join([str(order_id), customer, "1.00", "new", "2026-04-01"]) + "\n"


def zipped(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/").replace("DOT", "."), text)
    return buffer.getvalue()


def parquet() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"order_id": [1]}), buffer)
    return buffer.getvalue()


def json_line(order_id: int, **more: object) -> dict[str, object]:
    return {
        "order_id": order_id,
        "customer": "Zoë",
        "amount": 1.00,
        "status": "new",
        "placed_on": "2026-04-01",
        **more,
    }


# name -> (bytes, words of the reason)
REFUSED: dict[str, tuple[bytes, str]] = {
    "empty.csv": (b"", "empty"),
    "header-only.csv": (HEADER.encode(), "no data rows"),
    "latin1.csv": ((HEADER + row(101)).encode("latin-1"), "latin-1"),
    "truncated.csv.gz": (gzip.compress((HEADER + row(102) * 500).encode())[:-20], "cut off"),
    "climbs.zip": (zipped(DOTDOT__ordersDOTcsv=HEADER + row(103)), ".."),
    "missing-column.csv": (b"order_id,customer\n104,x\n", "amount"),
    "twice.csv": (("order_id," + HEADER + "1," + row(105)).encode(), "order_id"),
    "really-parquet.csv": (parquet(), "Parquet"),
    "broken.json": (b'[{"order_id": 1}, {"order_id"', "JSON"),
}  # fmt: skip
# name -> (bytes, ids of the orders in it)
READ: dict[str, tuple[bytes, set[int]]] = {
    "semicolon.csv": (
        (HEADER.replace(",", ";") + row(201, delimiter=";")).encode(),
        {201},
    ),
    "utf16.csv": ((HEADER + row(202)).encode("utf-16"), {202}),
    "two.zip": (zipped(aDOTcsv=HEADER + row(203), bDOTcsv=HEADER + row(204)), {203, 204}),
    "really-json.csv": (json.dumps([json_line(205)]).encode(), {205}),
    "too-many.csv": (
        (HEADER.strip() + ",extra\n" + row(206).strip() + ",more\n").encode(),
        {206},
    ),
    "ragged.csv": ((HEADER + row(207) + "1,2,3\n" + row(208)).encode(), {207, 208}),
    "nan.ndjson": (
        "\n".join(
            [json.dumps(json_line(209)), json.dumps(json_line(210, amount=float("nan")))]
        ).encode(),
        {209},
    ),
    "one-line.json": (
        json.dumps([json_line(300 + i % 50, note="x" * 500) for i in range(85_000)]).encode(),
        set(range(300, 350)),
    ),
}  # fmt: skip


def test_files__bad_and_good_together__are_all_accounted_for(orders: Lake) -> None:
    size = len(READ["one-line.json"][0])
    assert size > 50_000_000
    for name, (body, _) in {**REFUSED, **READ}.items():
        orders.drop("orders", f"batch/{name}", body)
    run = orders.run("orders")
    assert run.status == "SUCCEEDED", run.cause

    assert orders.keys("incoming/orders/") == []
    ingest = run.dataset("orders")["ingest"]
    assert ingest["files"]["refused"] == len(REFUSED)
    assert ingest["rows"]["refused"] == 2  # the ragged row and the one with NaN

    kept = orders.keys("quarantine/orders/files/")
    for name, (body, words) in REFUSED.items():
        stem = name.split(".")[0]
        originals = [key for key in kept if f"/{stem}-" in key and not key.endswith(".reason.json")]
        assert len(originals) == 1, (name, kept)
        assert orders.read(originals[0]) == body
        reason = json.loads(orders.read(originals[0] + ".reason.json"))
        assert words in reason["reason"], (name, reason)
        assert f"batch/{name}" in reason["file"]

    found = orders.query("SELECT order_id FROM orders WHERE order_id > 100")
    wanted: set[int] = set().union(*(ids for _, ids in READ.values()))
    assert {int(order_id or 0) for (order_id,) in found} == wanted
    assert orders.query("SELECT DISTINCT customer FROM orders WHERE order_id > 100") == [("zoë",)]
