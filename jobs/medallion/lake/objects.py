"""The bucket of the lake, and the few ways in which jobs touch it."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from boto3.compat import filter_python_deprecation_warnings
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
from s3transfer.utils import S3_RETRYABLE_DOWNLOAD_ERRORS

from medallion.errors import AccessDenied, ConfigError, ObjectNotFound
from medallion.lake.layout import Layout

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_s3.client import S3Client

_GONE = {"404", "NoSuchKey", "NoSuchVersion", "NotFound"}
_CHANGED = {"412", "PreconditionFailed"}
_CONFLICT = "ConditionalRequestConflict"
_ATTEMPTS = 5
_BLOCK = 1 << 20
# Large parts cost no memory, since they are streamed, but far fewer requests than the default of
# 8 MB; what waits for the disk is bounded to 25 MB.
_TRANSFER = TransferConfig(
    multipart_threshold=64 << 20,
    multipart_chunksize=64 << 20,
    max_concurrency=4,
    max_io_queue=100,
)


def s3_client() -> S3Client:
    """Return an S3 client; endpoint, region and credentials come from the environment only."""
    return boto3.client("s3", **client_settings())


def client_settings() -> dict[str, Any]:
    """Return what every client of AWS is made with."""
    # Glue's Python shell is 3.9 for good; the pinned boto3 is the last that runs on it.
    filter_python_deprecation_warnings()
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 6}, connect_timeout=10, read_timeout=60
    )
    return {"region_name": _region(), "config": config}


def _region() -> str | None:
    # boto3 itself reads AWS_DEFAULT_REGION only.
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")


@dataclass(frozen=True)
class StoredObject:
    """One object of a listing, or of `head`, which knows the version as well."""

    key: str
    size: int
    etag: str
    last_modified: datetime
    version_id: str | None = None


@dataclass(frozen=True)
class Put:
    """What came of putting an object; the ETag is empty after a dry run, or when others wrote."""

    written: bool
    etag: str = ""


class Deletion(Enum):
    """What came of a deletion on the condition that the object is still the same."""

    DONE = "done"
    GONE = "gone"
    CHANGED = "changed"


class Lake(Layout):
    """The bucket of the lake: keys of its layout, and reads and writes on them."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self.client = client
        self.bucket = bucket

    # Reads

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        """Yield the objects whose keys begin with `prefix`, in the order of their keys."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        for page in pages:
            for item in page.get("Contents", []):
                yield StoredObject(item["Key"], item["Size"], item["ETag"], item["LastModified"])

    def head(self, key: str) -> StoredObject | None:
        """Return what `key` holds now, or None when it holds nothing."""
        found = self._head(key)
        if found is None:
            return None
        return StoredObject(
            key,
            found["ContentLength"],
            found["ETag"],
            found["LastModified"],
            found.get("VersionId"),
        )

    def _head(self, key: str) -> Any:
        """Return the answer of HeadObject, or None when there is no such object."""
        try:
            return self.client.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if is_gone(error):
                return None
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
                raise
            # A HEAD has no body: botocore can only say "403 Forbidden", without the object.
            raise AccessDenied(
                f"the job's role may not read s3://{self.bucket}/{key} (HeadObject answered 403); "
                "grant it s3:GetObject there"
            ) from error

    def get_json(self, key: str) -> Any:
        """Return the JSON document at `key`.

        Raises
        ------
        ObjectNotFound
            When there is no such object.
        ConfigError
            When the object is not JSON.
        """
        body = self._get(key)
        try:
            return json.loads(body)
        except ValueError as error:
            raise ConfigError(f"s3://{self.bucket}/{key} is not JSON: {error}") from error

    def get_text(self, key: str) -> str:
        """Return the text at `key`, without a byte order mark and with line ends as in Unix.

        Raises
        ------
        ObjectNotFound
            When there is no such object.
        ConfigError
            When the object is not UTF-8.
        """
        try:
            text = self._get(key).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ConfigError(
                f"s3://{self.bucket}/{key} is not UTF-8 ({error}): save it as UTF-8 text"
            ) from error
        return text.replace("\r\n", "\n")

    def _get(self, key: str) -> bytes:
        try:
            return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as error:
            if is_gone(error):
                raise ObjectNotFound(f"s3://{self.bucket}/{key} does not exist") from error
            raise

    def fetch(
        self, key: str, path: Path, limit: int, attempts: int = _ATTEMPTS
    ) -> StoredObject | None:
        """Return what `key` holds now, downloaded to `path` if it has at most `limit` bytes.

        For small objects this is `head` and `download` in one request. None: `key` holds nothing.
        """
        try:
            return self._fetch(key, path, limit)
        except S3_RETRYABLE_DOWNLOAD_ERRORS:
            # The client repeats a request, but not the reading of an answer that breaks off.
            path.unlink(missing_ok=True)
            if attempts == 1:
                raise
        return self.fetch(key, path, limit, attempts - 1)

    def _fetch(self, key: str, path: Path, limit: int) -> StoredObject | None:
        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if is_gone(error):
                return None
            raise
        # As a context of its own the body gives away the raw stream, which checks no length.
        with closing(answer["Body"]) as body:
            if answer["ContentLength"] <= limit:
                with path.open("wb") as file:
                    for block in body.iter_chunks(_BLOCK):
                        file.write(block)
        return StoredObject(
            key,
            answer["ContentLength"],
            answer["ETag"],
            answer["LastModified"],
            answer.get("VersionId"),
        )

    def download(self, source: StoredObject, path: Path) -> None:
        """Download exactly the version that `source` names, also when a newer one has come."""
        extra = {"VersionId": source.version_id} if source.version_id else {}
        self.client.download_file(
            self.bucket, source.key, str(path), ExtraArgs=extra, Config=_TRANSFER
        )

    # Writes

    def put_json(self, key: str, document: Any) -> None:
        """Write a JSON document, with sorted keys, so that the same document has the same bytes."""
        self._put_json(key, document)

    def put_new_json(self, key: str, document: Any) -> bool:
        """Write a JSON document unless there is an object; return whether it was surely written.

        False also when the answer to the write was lost: what is there may be this document.
        """
        return not self._refused(lambda: self._put_json(key, document, IfNoneMatch="*"))

    def _put_json(self, key: str, document: Any, **condition: Any) -> None:
        body = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        self.client.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=body.encode(),
            ContentType="application/json",
            **condition,
        )

    def put_file(self, key: str, path: Path) -> None:
        """Upload a local file; the object appears when it is whole, or not at all."""
        self._upload(key, path, sha256(path))

    def put_new(self, key: str, path: Path) -> bool:
        """Upload a local file unless there is an object; return whether it was written.

        For a file of one request this is one step: of several that write at once, one succeeds.
        From 64 MB on, all that begin before the first has ended write, and return True.
        """
        digest = sha256(path)
        if _is_large(path.stat().st_size):
            if self._head(key) is not None:
                return False
            self._upload(key, path, digest)
            return True
        metadata = {"sha256": digest, "writer": uuid.uuid4().hex}
        refused = self._refused(lambda: self._put_small(key, path, metadata, IfNoneMatch="*"))
        if refused is None or not _is_repeated(refused):
            return refused is None
        # The first of the client's requests may have written it, and its answer was lost.
        found = self._head(key)
        return found is not None and found["Metadata"] == metadata

    def _refused(
        self, write: Callable[[], object], attempts: int = _ATTEMPTS
    ) -> ClientError | None:
        """Write under a condition; return the error when that does not hold, else None."""
        try:
            write()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _CHANGED:
                return error
            if code != _CONFLICT or attempts == 1:
                raise
            return self._refused(write, attempts - 1)
        return None

    def put_if_changed(self, key: str, path: Path) -> Put:
        """Upload a local file unless the object has the same bytes.

        The object's content is known by the SHA-256 in its metadata: ETags are no digests of
        the content for multipart uploads, nor under KMS.
        """
        digest = sha256(path)
        found = self._head(key)
        if found is not None and found["Metadata"].get("sha256") == digest:
            return Put(written=False, etag=found["ETag"])
        return Put(written=True, etag=self._upload(key, path, digest))

    def _upload(self, key: str, path: Path, digest: str) -> str:
        if not _is_large(path.stat().st_size):
            return self._put_small(key, path, {"sha256": digest})
        self.client.upload_file(
            str(path),
            self.bucket,
            key,
            ExtraArgs={"Metadata": {"sha256": digest}},
            Config=_TRANSFER,
        )
        found = self._head(key)
        is_ours = found is not None and found["Metadata"].get("sha256") == digest
        return str(found["ETag"]) if is_ours else ""

    def _put_small(
        self, key: str, path: Path, metadata: Mapping[str, str], **condition: Any
    ) -> str:
        with path.open("rb") as body:
            answer = self.client.put_object(
                Bucket=self.bucket, Key=key, Body=body, Metadata=metadata, **condition
            )
        return answer["ETag"]

    def copy(self, source: StoredObject, key: str) -> bool:
        """Copy exactly the version that `source` names to `key`; False: it is there no more."""
        where: Any = {"Bucket": self.bucket, "Key": source.key}
        if source.version_id:
            where["VersionId"] = source.version_id
        # Tags are not copied: that would take further permissions, and multipart copies drop
        # them anyway.
        extra: Any = {"CopySourceIfMatch": source.etag, "TaggingDirective": "REPLACE"}
        try:
            if _is_large(source.size):
                self.client.copy(where, self.bucket, key, ExtraArgs=extra, Config=_TRANSFER)
            else:
                self.client.copy_object(Bucket=self.bucket, Key=key, CopySource=where, **extra)
        except ClientError as error:
            if is_gone(error):
                return False
            raise
        return True

    def delete_if_unchanged(self, source: StoredObject) -> Deletion:
        """Delete an object unless its content is no longer what `source` says.

        S3 compares the ETag and deletes in one step, so no window is left in which a newer file
        could be lost. (A newer file with the very same bytes counts as the same one.)
        """
        for _ in range(_ATTEMPTS):
            try:
                self.client.delete_object(Bucket=self.bucket, Key=source.key, IfMatch=source.etag)
            except ClientError as error:
                if error.response["Error"]["Code"] in _GONE:
                    return Deletion.DONE if _is_repeated(error) else Deletion.GONE
                if error.response["Error"]["Code"] not in {*_CHANGED, _CONFLICT}:
                    raise
            else:
                return Deletion.DONE
            found = self.head(source.key)
            if found is None:
                return Deletion.GONE
            if found.etag != source.etag:
                break
        return Deletion.CHANGED

    def delete(self, keys: Iterable[str]) -> int:
        """Delete the objects at `keys`; return how many there were."""
        pending = list(keys)
        for start in range(0, len(pending), 1000):
            batch: list[Any] = [{"Key": key} for key in pending[start : start + 1000]]
            answer = self.client.delete_objects(
                Bucket=self.bucket, Delete={"Objects": batch, "Quiet": True}
            )
            for problem in answer.get("Errors", []):
                raise ClientError(
                    {"Error": {"Code": problem["Code"], "Message": problem["Message"]}},
                    f"DeleteObjects ({problem['Key']})",
                )
        return len(pending)


def is_gone(error: ClientError) -> bool:
    """Tell whether S3 says that the object is not there, or is not the one that was meant."""
    return error.response["Error"]["Code"] in _GONE | _CHANGED


def _is_repeated(error: ClientError) -> bool:
    """Whether the client sent the request again: the first may have done what was asked."""
    return bool(error.response["ResponseMetadata"].get("RetryAttempts"))


def _is_large(size: int) -> bool:
    return size >= _TRANSFER.multipart_threshold


def sha256(path: Path) -> str:
    """Return the SHA-256 of a local file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
