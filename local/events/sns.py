"""SNS: what was published, for tests and for the demo to show."""

from __future__ import annotations

from local.backends import backend
from local.endpoints import endpoint


@endpoint("GET", "/_local/notifications")
def notifications(query: dict[str, str]) -> list[dict[str, object]]:
    """List published messages of all topics, or of ``topic=ARN``, in the order of publishing."""
    wanted = query.get("topic")
    return [
        {"topic": arn, "subject": subject, "message": message}
        for arn, topic in list(backend("sns").topics.items())
        for _id, message, subject, *_rest in list(topic.sent_notifications)
        if wanted in (None, arn)
    ]
