"""Which IAM actions on which resources a request to S3 needs.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote

from moto.s3.models import FakeKey

from local.backends import backend
from local.iam import kms
from local.iam.actions import Needs

# Operations whose IAM action is not s3:<operation>.
_ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "SelectObjectContent": "GetObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
# With a versionId these are actions of their own.
_VERSIONED = {
    "DeleteObject": "DeleteObjectVersion",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
    "GetObject": "GetObjectVersion",
    "GetObjectAcl": "GetObjectVersionAcl",
    "GetObjectAttributes": "GetObjectVersionAttributes",
    "GetObjectTagging": "GetObjectVersionTagging",
    "PutObjectAcl": "PutObjectVersionAcl",
    "PutObjectTagging": "PutObjectVersionTagging",
}


def object_arn(bucket: str, key: str | None = None) -> str:
    """Return the ARN of a bucket or, with a key, of an object."""
    return f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"


def find_object(bucket: str, key: str) -> Any | None:
    """Return moto's object, or None when bucket or key do not exist, or the key is deleted."""
    bucket_ = backend("s3").buckets.get(bucket)
    found = bucket_.keys.get(key) if bucket_ else None
    return found if isinstance(found, FakeKey) else None


def _write_key(bucket: str, environ: dict[str, Any]) -> str | None:
    algorithm = environ.get("HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION")
    header: str | None = environ.get("HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION_AWS_KMS_KEY_ID")
    if algorithm or header:  # aws:kms without a key is the key that AWS keeps for S3
        return header
    found = backend("s3").buckets.get(bucket)
    rule = ((found.encryption or {}) if found else {}).get("Rule") or {}
    rule = rule[0] if isinstance(rule, list) else rule
    chosen: str | None = (rule.get("ApplyServerSideEncryptionByDefault") or {}).get(
        "KMSMasterKeyID"
    )
    return chosen


def _uploads_of_s3a(operation: str, bucket: str, resource: str, agent: str) -> Needs:
    """Return what S3A asks for besides, as Glue has it: its committers list and abort uploads.

    The S3A of here commits by copying, so the rights are asked for where it writes.
    Source: https://hadoop.apache.org/docs/stable/hadoop-aws/tools/hadoop-aws/committers.html
    """
    if "Hadoop" not in agent or operation not in ("PutObject", "CreateMultipartUpload"):
        return []
    return [
        ("s3:ListBucketMultipartUploads", object_arn(bucket)),
        ("s3:ListMultipartUploadParts", resource),
        ("s3:AbortMultipartUpload", resource),
    ]


def _read(bucket: str, key: str, *, versioned: bool) -> Needs:
    needs = [("s3:GetObjectVersion" if versioned else "s3:GetObject", object_arn(bucket, key))]
    found = find_object(bucket, key)
    if found is None and not versioned:
        # Without ListBucket, S3 does not tell whether a key exists: 403 instead of 404.
        needs.append(("s3:ListBucket", object_arn(bucket)))
    return needs + (kms.needs(found.kms_key_id, "kms:Decrypt") if found is not None else [])


def _copy_source(environ: dict[str, Any]) -> Needs:
    source = unquote(environ["HTTP_X_AMZ_COPY_SOURCE"]).lstrip("/")
    path, _, query = source.partition("?")
    bucket, _, key = path.partition("/")
    needs = _read(bucket, key, versioned="versionId=" in query)
    found = find_object(bucket, key)
    replaced = environ.get("HTTP_X_AMZ_TAGGING_DIRECTIVE") == "REPLACE"
    if found is not None and not replaced:
        tags = backend("s3").tagger.get_tag_dict_for_resource(found.arn)
        needs += [("s3:GetObjectTagging", object_arn(bucket, key))] if tags else []
    return needs


def needs_s3(
    operation: str, bucket: str, key: str | None, environ: dict[str, Any]
) -> tuple[Needs, dict[str, str]]:
    """Return what a request to S3 has to be allowed, and the condition keys that it adds."""
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    versioned = "versionId" in query
    name = _ACTIONS.get(operation, operation)
    if versioned:
        name = _VERSIONED.get(name, name)
    resource = object_arn(bucket, key) if operation != "ListBuckets" else "*"
    if name in ("GetObject", "GetObjectVersion") and key:
        needs = _read(bucket, key, versioned=versioned)
    else:
        needs = [(f"s3:{name}", resource)]
    if operation in ("CopyObject", "UploadPartCopy"):
        needs += _copy_source(environ)
    if operation == "GetObjectAttributes" and key:
        needs += _read(bucket, key, versioned=versioned)
    if operation in ("PutObject", "CopyObject", "CreateMultipartUpload"):
        # The parts of an upload are read again when it is completed.
        actions = kms.WRITE if operation == "CreateMultipartUpload" else kms.WRITE[:1]
        needs += kms.needs(_write_key(bucket, environ), *actions)
        needs += _uploads_of_s3a(operation, bucket, resource, environ.get("HTTP_USER_AGENT", ""))
        if "HTTP_X_AMZ_TAGGING" in environ:
            needs.append(("s3:PutObjectTagging", resource))
        if "HTTP_X_AMZ_ACL" in environ:
            needs.append(("s3:PutObjectAcl", resource))
    return needs, _context(name, operation, query, environ)


def _context(
    action: str, operation: str, query: dict[str, list[str]], environ: dict[str, Any]
) -> dict[str, str]:
    context = {
        f"s3:x-{header[7:].replace('_', '-').lower()}": str(value)
        for header, value in environ.items()
        if header.startswith("HTTP_X_AMZ_")
    }
    for parameter in ("prefix", "delimiter", "max-keys", "versionId"):
        if parameter in query:
            context[f"s3:{parameter.lower()}"] = query[parameter][0]
    if action == "ListBucket" and operation != "HeadBucket":
        context.setdefault("s3:prefix", "")
    return context
