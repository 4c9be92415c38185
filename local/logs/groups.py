"""Log groups with a key of the customer: the key's policy has to let CloudWatch Logs in.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
"""

from __future__ import annotations

from typing import Any

from local.backends import backend
from local.errors import AwsError
from local.iam import kms
from local.operations import Json, before, operation
from local.settings import ACCOUNT, REGION

_ACTIONS = ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey")


def _check(group: str, key_id: str) -> None:
    """Refuse a key that may not encrypt this group.

    Raises
    ------
    AwsError
        ``AccessDeniedException``, as AWS answers.
    """
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    context = {
        "aws:sourceaccount": ACCOUNT,
        "aws:sourcearn": arn,
        "kms:calleraccount": ACCOUNT,
        "kms:encryptioncontext:aws:logs:arn": arn,
        "kms:viaservice": f"logs.{REGION}.amazonaws.com",
    }
    reason = kms.service_denial(f"logs.{REGION}.amazonaws.com", key_id, _ACTIONS, context)
    if reason:
        raise AwsError(
            "AccessDeniedException",
            "The specified KMS key does not exist or is not allowed to be used with "
            f"Arn '{arn}' ({reason})",
        )


def _group(name: str) -> Any:
    found = backend("logs").groups.get(name)
    if found is None:
        raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
    return found


@before("Logs_20140328.CreateLogGroup")
def check_key(request: Json) -> None:
    """Refuse a group whose key does not let CloudWatch Logs in."""
    if request.get("kmsKeyId"):
        _check(request["logGroupName"], request["kmsKeyId"])


@operation("Logs_20140328.AssociateKmsKey")
def associate_kms_key(request: Json) -> Json:
    if "logGroupName" not in request:
        text = "the local AWS has keys of log groups, not of query results"
        raise AwsError("InvalidParameterException", text)
    group = _group(request["logGroupName"])
    _check(request["logGroupName"], request["kmsKeyId"])
    group.kms_key_id = request["kmsKeyId"]
    return {}


@operation("Logs_20140328.DisassociateKmsKey")
def disassociate_kms_key(request: Json) -> Json:
    _group(request["logGroupName"]).kms_key_id = None
    return {}
