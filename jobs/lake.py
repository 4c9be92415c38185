"""The bucket: where each kind of object lies, and the few ways in which jobs touch it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from boto3.compat import filter_python_deprecation_warnings
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from errors import AccessDenied, ConfigError, ObjectNotFound

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_s3.client import S3Client

_GONE = {"404", "NoSuchKey", "NotFound"}
_CHANGED = {"412", "PreconditionFailed", "ConditionalRequestConflict"}
# Large parts cost no memory, since they are streamed, but far fewer requests than the default of
# 8 MB; what waits for the disk is bounded to 25 MB.
_TRANSFER = TransferConfig(
    multipart_threshold=64 << 20,
    multipart_chunksize=64 << 20,
    max_concurrency=4,
    max_io_queue=100,
)
# S3 limits keys to 1,024 bytes; a file's own name is cut so that the longest prefix still fits.
_MAX_STEM_BYTES = 400


def s3_client() -> S3Client:
    """Return an S3 client; endpoint, region and credentials come from the environment only."""
    # Glue's Python shell is 3.9 for good; the pinned boto3 is the last that runs on it.
    filter_python_deprecation_warnings()
    return boto3.client(
        "s3",
        region_name=_region(),
        config=Config(
            retries={"mode": "standard", "total_max_attempts": 6},
            connect_timeout=10,
            read_timeout=60,
        ),
    )


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


class Lake:
    """The bucket of the lake: keys of its layout, and reads and writes on them."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self.client = client
        self.bucket = bucket

    # Layout

    @staticmethod
    def contract_key(dataset: str) -> str:
        return f"config/datasets/{dataset}.json"

    @staticmethod
    def models_key() -> str:
        return "config/models.json"

    @staticmethod
    def model_sql_key(model: str) -> str:
        return f"config/models/{model}.sql"

    @staticmethod
    def report_key(run_id: str, job: str, name: str) -> str:
        """Return the key of a job's report on a dataset, or on a model."""
        return f"runs/{run_id}/{job}/{name}.json"

    @staticmethod
    def stage_summary_key(run_id: str, stage: str) -> str:
        return f"runs/{run_id}/stages/{stage}.json"

    @staticmethod
    def stage_checks_key(run_id: str, stage: str, number: int) -> str:
        return f"runs/{run_id}/stages/{stage}-checks-{number}.json"

    @staticmethod
    def stage_not_built_key(run_id: str, stage: str) -> str:
        return f"runs/{run_id}/stages/{stage}-not-built.json"

    @staticmethod
    def staging_prefix(run_id: str, name: str) -> str:
        """Return where a table lies before it is published; never below a table's own prefix."""
        return f"staging/{run_id}/{name}/"

    @staticmethod
    def incoming_prefix(dataset: str) -> str:
        return f"incoming/{dataset}/"

    @staticmethod
    def raw_prefix(dataset: str) -> str:
        return f"raw/{dataset}/"

    @staticmethod
    def processed_prefix(dataset: str) -> str:
        return f"processed/{dataset}/"

    @staticmethod
    def analytics_prefix(model: str) -> str:
        return f"analytics/{model}/"

    @staticmethod
    def raw_key(dataset: str, date: str, name: str, digest: str) -> str:
        """Return the raw object's key; the name is made plain ASCII and never starts with _ or ."""
        stem = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
        # Athena passes over objects whose names begin with an underscore or a dot.
        stem = cut_name(stem.lstrip("_.")) or "file"
        return f"raw/{dataset}/ingest_date={date}/{stem}-{digest}.parquet"

    @staticmethod
    def archive_key(dataset: str, date: str, stem: str, digest: str, extension: str) -> str:
        return f"archive/{dataset}/{date}/{cut_name(stem)}-{digest}{extension}"

    @staticmethod
    def refused_file_key(dataset: str, date: str, stem: str, digest: str, extension: str) -> str:
        return f"quarantine/{dataset}/files/{date}/{cut_name(stem)}-{digest}{extension}"

    @staticmethod
    def reason_key(refused_file_key: str) -> str:
        return f"{refused_file_key}.reason.json"

    @staticmethod
    def ingest_refused_rows_key(dataset: str, digest: str) -> str:
        return f"quarantine/{dataset}/rows/ingest/{digest}.parquet"

    @staticmethod
    def transform_refused_rows_key(dataset: str) -> str:
        return f"quarantine/{dataset}/rows/transform.parquet"

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
            if _is_gone(error):
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
            if _is_gone(error):
                raise ObjectNotFound(f"s3://{self.bucket}/{key} does not exist") from error
            raise

    def download(self, source: StoredObject, path: Path) -> None:
        """Download exactly the version that `source` names, also when a newer one has come."""
        extra = {"VersionId": source.version_id} if source.version_id else {}
        self.client.download_file(
            self.bucket, source.key, str(path), ExtraArgs=extra, Config=_TRANSFER
        )

    # Writes

    def put_json(self, key: str, document: Any) -> None:
        """Write a JSON document, with sorted keys, so that the same document has the same bytes."""
        body = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        self.client.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=body.encode(),
            ContentType="application/json",
        )

    def put_file(self, key: str, path: Path) -> None:
        """Upload a local file; the object appears when it is whole, or not at all."""
        self._upload(key, path, sha256(path))

    def put_if_changed(self, key: str, path: Path) -> bool:
        """Upload a local file unless the object has the same bytes; return whether it was written.

        The object's content is known by the SHA-256 in its metadata: ETags are no digests of
        the content for multipart uploads, nor under KMS.
        """
        digest = sha256(path)
        found = self._head(key)
        if found is not None and found["Metadata"].get("sha256") == digest:
            return False
        self._upload(key, path, digest)
        return True

    def _upload(self, key: str, path: Path, digest: str) -> None:
        self.client.upload_file(
            str(path),
            self.bucket,
            key,
            ExtraArgs={"Metadata": {"sha256": digest}},
            Config=_TRANSFER,
        )

    def copy(self, source: StoredObject, key: str) -> None:
        """Copy exactly the version that `source` names (of any size) to `key`."""
        where: Any = {"Bucket": self.bucket, "Key": source.key}
        if source.version_id:
            where["VersionId"] = source.version_id
        self.client.copy(
            where,
            self.bucket,
            key,
            # Tags are not copied: that would take further permissions, and multipart copies drop
            # them anyway.
            ExtraArgs={"CopySourceIfMatch": source.etag, "TaggingDirective": "REPLACE"},
            Config=_TRANSFER,
        )

    def delete_if_unchanged(self, source: StoredObject) -> bool:
        """Delete an object unless its content is no longer what `source` says; tell whether it was.

        S3 compares the ETag and deletes in one step, so no window is left in which a newer file
        could be lost. (A newer file with the very same bytes counts as the same one.)
        """
        try:
            self.client.delete_object(Bucket=self.bucket, Key=source.key, IfMatch=source.etag)
        except ClientError as error:
            if _is_gone(error) or error.response["Error"]["Code"] in _CHANGED:
                return False
            raise
        return True

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


def cut_name(name: str) -> str:
    """Return `name`, cut to a length that leaves room for prefix and digest in a key."""
    return name.encode()[:_MAX_STEM_BYTES].decode(errors="ignore")


def _is_gone(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in _GONE


def sha256(path: Path) -> str:
    """Return the SHA-256 of a local file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
