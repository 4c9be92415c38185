"""The bucket: keys of the layout, and reads and writes that hold what they promise."""

from __future__ import annotations

import dataclasses
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ClientError, ConnectionClosedError, IncompleteReadError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from medallion.errors import AccessDenied, ConfigError, ObjectNotFound
from medallion.lake import objects as lake_module
from medallion.lake.layout import cut_name
from medallion.lake.objects import Deletion, Lake, Put, StoredObject, s3_client


def put(lake: Lake, key: str, body: bytes) -> None:
    lake.client.put_object(Bucket=lake.bucket, Key=key, Body=body)


def body(lake: Lake, key: str) -> bytes:
    return lake.client.get_object(Bucket=lake.bucket, Key=key)["Body"].read()


def test_keys__are_those_of_the_layout() -> None:
    assert Lake.contract_key("d") == "config/datasets/d.json"
    assert Lake.report_key("r", "ingest", "d") == "runs/r/ingest/d.json"
    assert Lake.files_key("r", "d") == "runs/r/files/d.json"
    assert Lake.incoming_prefix("d") == "incoming/d/"
    assert Lake.raw_prefix("d") == "raw/d/"
    assert Lake.processed_prefix("d") == "processed/d/"
    assert Lake.raw_key("d", "2024-01-02", "n", "0a") == "raw/d/ingest_date=2024-01-02/n-0a.parquet"
    assert Lake.archive_key("d", "2024-01-02", "n", "0a", ".csv") == "archive/d/2024-01-02/n-0a.csv"
    refused = Lake.refused_file_key("d", "2024-01-02", "n", "0a", ".csv")
    assert refused == "quarantine/d/files/2024-01-02/n-0a.csv"
    assert Lake.reason_key(refused) == f"{refused}.reason.json"
    assert Lake.ingest_refused_rows_key("d", "0a") == "quarantine/d/rows/ingest/0a.parquet"
    assert Lake.transform_refused_rows_key("d") == "quarantine/d/rows/transform.parquet"
    assert Lake.analytics_prefix("m") == "analytics/m/"
    assert Lake.models_key() == "config/models.json"
    assert Lake.model_sql_key("m") == "config/models/m.sql"
    assert Lake.stage_summary_key("r", "mart") == "runs/r/stages/mart.json"
    assert Lake.stage_checks_key("r", "mart", 0) == "runs/r/stages/mart-checks-0.json"
    assert Lake.stage_not_built_key("r", "mart") == "runs/r/stages/mart-not-built.json"


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a b", "a_b"),
        ("_x", "x"),
        ("..x", "x"),
        ("__", "file"),
        ("日本", "file"),
        ("a=b", "a_b"),
        ("é" * 2000, "file"),
        ("e" * 2000, "e" * 400),
    ],
    ids=lambda text: text[:9],
)
def test_raw_key__name_is_one_that_athena_reads(name: str, stem: str) -> None:
    key = Lake.raw_key("d", "2024-01-02", name, "0a")
    assert key == f"raw/d/ingest_date=2024-01-02/{stem}-0a.parquet"


def test_cut_name__never_cuts_a_character() -> None:
    assert cut_name("é" * 300) == "é" * 200
    assert cut_name("a" + "é" * 300) == "a" + "é" * 199


def test_list_objects__more_than_a_page(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    keys = [f"raw/d/{n} +é" for n in range(8)]
    for key in keys:
        put(lake, key, b"x")
    put(lake, "raw/other", b"x")
    found = list(lake.list_objects("raw/d/"))
    assert [item.key for item in found] == keys
    assert found[0].size == 1


def test_delete__more_than_one_request_takes(lake: Lake) -> None:
    put(lake, "k 1004", b"x")
    put(lake, "other", b"x")
    assert lake.delete(f"k {n}" for n in range(1005)) == 1005
    assert [item.key for item in lake.list_objects("")] == ["other"]


def test_json__round_trip(lake: Lake) -> None:
    lake.put_json("config/x.json", {"b": "é", "a": 1})
    assert lake.get_json("config/x.json") == {"a": 1, "b": "é"}
    assert body(lake, "config/x.json") == '{\n  "a": 1,\n  "b": "é"\n}\n'.encode()


def test_get_json__missing(lake: Lake) -> None:
    with pytest.raises(ObjectNotFound, match=r"s3://medallion-.*/config/x.json does not exist"):
        lake.get_json("config/x.json")


def test_get_json__not_json(lake: Lake) -> None:
    put(lake, "config/x.json", b"{")
    with pytest.raises(ConfigError, match=r"config/x.json is not JSON"):
        lake.get_json("config/x.json")


def test_get_text__as_editors_save_it(lake: Lake) -> None:
    put(lake, "config/models/m.sql", b"\xef\xbb\xbfSELECT 'd\xc3\xa9j\xc3\xa0'\r\nFROM t\n")
    assert lake.get_text("config/models/m.sql") == "SELECT 'déjà'\nFROM t\n"


def test_get_text__missing_or_not_utf8(lake: Lake) -> None:
    with pytest.raises(ObjectNotFound, match=r"config/models/m\.sql does not exist"):
        lake.get_text("config/models/m.sql")
    put(lake, "config/models/m.sql", b"SELECT '\xe9'")
    with pytest.raises(ConfigError, match=r"config/models/m\.sql is not UTF-8 .*: save it as"):
        lake.get_text("config/models/m.sql")


def test_get_json__other_failure_is_passed_on(lake: Lake) -> None:
    lake.bucket = "no-such-bucket"
    with pytest.raises(ClientError, match="NoSuchBucket"):
        lake.get_json("config/x.json")


def test_head__missing(lake: Lake) -> None:
    assert lake.head("nothing") is None


def test_put_if_changed__writes_only_what_differs(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    written = lake.put_if_changed("k", path)
    first = lake.head("k")
    assert first is not None
    assert written == Put(written=True, etag=first.etag)
    assert lake.put_if_changed("k", path) == Put(written=False, etag=first.etag)
    assert lake.head("k") == first
    path.write_bytes(b"two")
    assert lake.put_if_changed("k", path).written
    assert body(lake, "k") == b"two"


def test_put_if_changed__object_that_another_has_written(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    put(lake, "k", b"one")
    assert lake.put_if_changed("k", path).written


def test_download_and_copy__are_of_the_version_that_was_seen(lake: Lake, tmp_path: Path) -> None:
    put(lake, "k +é", b"old")
    seen = lake.head("k +é")
    assert seen is not None
    put(lake, "k +é", b"new")
    lake.download(seen, tmp_path / "file")
    lake.copy(seen, "copy")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert body(lake, "copy") == b"old"


def test_copy__in_several_parts(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    monkeypatch.setattr(lake_module, "_TRANSFER", parts)
    large = bytes(range(256)) * (9 << 12)
    put(lake, "k", large)
    seen = lake.head("k")
    assert seen is not None
    lake.copy(seen, "copy")
    assert body(lake, "copy") == large
    copied = lake.head("copy")
    assert copied is not None
    assert copied.etag.endswith('-2"')


def test_delete_if_unchanged__newer_content_stays(lake: Lake) -> None:
    put(lake, "k", b"old")
    seen = lake.head("k")
    assert seen is not None
    put(lake, "k", b"new")
    assert lake.delete_if_unchanged(seen) is Deletion.CHANGED
    assert body(lake, "k") == b"new"
    newer = lake.head("k")
    assert newer is not None
    assert lake.delete_if_unchanged(newer) is Deletion.DONE
    assert lake.head("k") is None
    assert lake.delete_if_unchanged(newer) is Deletion.GONE


DAY = datetime(2026, 1, 1, tzinfo=UTC)
HEAD = {"ContentLength": 3, "LastModified": DAY, "Metadata": {}}


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ({**HEAD, "ETag": '"new"'}, Deletion.CHANGED),
        ({**HEAD, "ETag": '"seen"'}, Deletion.DONE),
        (None, Deletion.GONE),
    ],
    ids=["changed", "the same", "gone"],
)
@pytest.mark.parametrize("code", ["PreconditionFailed", "ConditionalRequestConflict"])
def test_delete_if_unchanged__looks_what_is_there(
    code: str, answer: dict[str, Any] | None, found: Deletion, lake: Lake
) -> None:
    """S3 says 409, too, when another request deletes or writes at the same time."""
    seen = StoredObject("k", 3, '"seen"', DAY)
    with Stubber(lake.client) as stub:
        stub.add_client_error("delete_object", code, "", 412)
        if answer is None:
            stub.add_client_error("head_object", "404", "", 404)
        else:
            stub.add_response("head_object", answer)
        if found is Deletion.DONE:
            stub.add_response("delete_object", {})
        assert lake.delete_if_unchanged(seen) is found


def test_delete_if_unchanged__answer_that_was_lost(lake: Lake) -> None:
    """The client repeats the request, and then the object is gone."""
    seen = StoredObject("k", 3, '"seen"', DAY)
    with Stubber(lake.client) as stub:
        stub.add_client_error(
            "delete_object", "NoSuchKey", "", 404, response_meta={"RetryAttempts": 1}
        )
        assert lake.delete_if_unchanged(seen) is Deletion.DONE


def test_put_new__only_once(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    assert lake.put_new("k", path) is True
    path.write_bytes(b"two")
    assert lake.put_new("k", path) is False
    monkeypatch.setattr(lake_module, "_TRANSFER", TransferConfig(multipart_threshold=1))
    assert lake.put_new("k", path) is False
    assert body(lake, "k") == b"one"
    assert lake.put_new("large", path) is True
    assert body(lake, "large") == b"two"


def test_put_new__conflict_with_another(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    with Stubber(lake.client) as stub:
        # Two writing at once: S3 asks to try again.
        stub.add_client_error("put_object", "ConditionalRequestConflict", "", 409)
        stub.add_client_error("put_object", "PreconditionFailed", "", 412)
        assert lake.put_new("k", path) is False


@pytest.mark.parametrize("own", [True, False], ids=["own", "of another"])
def test_put_new__answer_that_was_lost(own: bool, lake: Lake, tmp_path: Path) -> None:
    """The client repeats the request, and then there is an object: whose, its metadata say."""
    path = tmp_path / "file"
    path.write_bytes(b"one")
    sent = []

    def lose(request: AWSPreparedRequest, **_: Any) -> None:
        sent.append(request.method)
        if len(sent) > 1:
            return
        names = ("sha256", "writer")
        headers: Any = request.headers
        metadata = {name: headers[f"x-amz-meta-{name}"].decode() for name in names}
        if not own:
            metadata["writer"] = "another"
        s3_client().put_object(Bucket=lake.bucket, Key="k", Body=b"one", Metadata=metadata)
        raise ConnectionClosedError(endpoint_url=request.url)

    lake.client.meta.events.register_first("before-send.s3.PutObject", lose)
    assert lake.put_new("k", path) is own
    assert sent == ["PUT", "PUT"]


def test_put_new__conflict_without_end(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    with Stubber(lake.client) as stub:
        for _ in range(5):
            stub.add_client_error("put_object", "ConditionalRequestConflict", "", 409)
        with pytest.raises(ClientError, match="ConditionalRequestConflict"):
            lake.put_new("k", path)


def test_fetch__in_one_request(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert lake.fetch("k", path, 3) is None
    put(lake, "k", b"abc")
    assert lake.fetch("k", path, 3) == lake.head("k")
    assert path.read_bytes() == b"abc"


def test_fetch__larger_than_the_limit(lake: Lake, tmp_path: Path) -> None:
    put(lake, "k", b"abcd")
    assert lake.fetch("k", tmp_path / "file", 3) == lake.head("k")
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("failures", [4, 5])
def test_fetch__answer_that_breaks_off(failures: int, lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "file"
    with Stubber(lake.client) as stub:
        for number in range(5):
            stream = io.BytesIO(b"abc") if number >= failures else io.BytesIO(b"ab")
            stub.add_response(
                "get_object", {**HEAD, "ETag": '"e"', "Body": StreamingBody(stream, 3)}
            )
        if failures == 5:
            with pytest.raises(IncompleteReadError):
                lake.fetch("k", path, 3)
            assert not path.exists()
        else:
            assert lake.fetch("k", path, 3) is not None
            assert path.read_bytes() == b"abc"


def test_copy__is_of_the_etag_that_was_seen(lake: Lake) -> None:
    seen = StoredObject("k", 3, '"seen"', DAY)
    expected = {
        "Bucket": lake.bucket,
        "Key": "copy",
        "CopySource": {"Bucket": lake.bucket, "Key": "k"},
        "CopySourceIfMatch": '"seen"',
        "TaggingDirective": "REPLACE",
    }
    with Stubber(lake.client) as stub:
        stub.add_client_error("copy_object", "PreconditionFailed", "", 412, None, expected)
        assert lake.copy(seen, "copy") is False


def test_copy__version_that_is_gone(lake: Lake) -> None:
    put(lake, "k", b"abc")
    seen = lake.head("k")
    assert seen is not None
    lake.client.delete_object(Bucket=lake.bucket, Key="k", VersionId=str(seen.version_id))
    assert lake.copy(seen, "copy") is False
    assert lake.copy(dataclasses.replace(seen, version_id=None), "copy") is False
    lake.bucket = "no-such-bucket"
    with pytest.raises(ClientError, match="NoSuchBucket"):
        lake.copy(seen, "copy")


def test_delete__failure_is_raised(lake: Lake) -> None:
    lake.bucket = "no-such-bucket"
    with pytest.raises(ClientError):
        lake.delete(["k"])


def test_stored_object__is_what_was_seen(lake: Lake) -> None:
    put(lake, "k", b"abc")
    seen = lake.head("k")
    assert seen is not None
    (listed,) = lake.list_objects("k")
    assert seen.version_id
    assert dataclasses.replace(seen, version_id=None) == listed


def test_head__that_is_forbidden__names_the_object(lake: Lake) -> None:
    """HeadObject has no body: "403 Forbidden" alone told nobody what was denied."""
    with Stubber(lake.client) as stub:
        stub.add_client_error("head_object", "403", "Forbidden", 403)
        with pytest.raises(AccessDenied, match=r"may not read s3://.*/k"):
            lake.head("k")


def test_put_if_changed__large_file_that_another_overwrites_meanwhile(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload in parts tells no ETag; what lies there then may be of another."""
    monkeypatch.setattr(lake_module, "_is_large", lambda _: True)
    path = tmp_path / "file"
    path.write_bytes(b"one")
    done = lake.put_if_changed("k", path)
    found = lake.head("k")
    assert found is not None
    assert done == Put(written=True, etag=found.etag)
    upload = lake.client.upload_file

    def overwritten(*arguments: Any, **more: Any) -> None:
        upload(*arguments, **more)
        put(lake, "k", b"other")

    path.write_bytes(b"two")
    monkeypatch.setattr(lake.client, "upload_file", overwritten)
    assert lake.put_if_changed("k", path) == Put(written=True)
