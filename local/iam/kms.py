"""KMS: which rights on a key other services ask for, and what the key's policy lets them do.

Nothing is encrypted; what counts is who is refused.
"""

from __future__ import annotations

from local.backends import backend
from local.iam import policies
from local.iam.policies import Context, Document
from local.settings import ACCOUNT, REGION

# What writes and reads with a data key, as SNS and SQS do for whoever sends to them.
WRITE = ("kms:GenerateDataKey", "kms:Decrypt")
READ = ("kms:Decrypt",)


def _key_of_aws(key_id: str) -> bool:
    """Whether AWS keeps the key for one of its services: open to all users of the account."""
    return "alias/aws/" in key_id


def key_arn(key_id: str) -> str:
    """Return the ARN of a key that is given by ARN, id or alias."""
    if ":key/" in key_id:
        return key_id
    keys = backend("kms")
    alias = key_id[key_id.index("alias/") :] if "alias/" in key_id else None
    found = keys.get_key_id_from_alias(alias) if alias else key_id
    return f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{found or key_id}"


def policy(key: str) -> Document | None:
    """Return the policy of a key that is given by ARN; None when there is no such key."""
    found = backend("kms").keys.get(key.rsplit("/", 1)[-1])
    return policies.parse(found.policy) if found else None


def needs(key_id: str | None, *actions: str) -> list[tuple[str, str]]:
    """Return what the caller has to be allowed on the key that a resource is encrypted with."""
    if not key_id or _key_of_aws(key_id):
        return []
    return [(action, key_arn(key_id)) for action in actions]


def service_denial(
    service: str, key_id: str | None, actions: tuple[str, ...], context: Context
) -> str | None:
    """Say why a service without a role may not use a key, or None.

    Parameters
    ----------
    service
        For example ``events.amazonaws.com``. Only the key's policy can let it in, and that of a
        key that AWS keeps does not.
    context
        Condition keys of the request, in lower case.
    """
    if not key_id:
        return None
    if _key_of_aws(key_id):
        return f"the policy of {key_id} does not allow {actions[0]} to {service}"
    key = key_arn(key_id)
    document = policy(key)
    for action in actions:
        decision = document and policies.decide_resource(
            document, ("Service", [service]), action, key, context
        )
        if not decision or decision[0] != "allow":
            return f"the policy of {key} does not allow {action} to {service}"
    return None
