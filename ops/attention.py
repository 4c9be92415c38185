"""What wants somebody's attention: arrivals without a dataset, dead letters, alarms.

Each is left out where the deployment has no such thing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from rich.text import Text

from ops.display import console, heading, indented, note, plural
from ops.target import Target

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricAlarmTypeDef

ARRIVAL_DAYS = 3
_READ = 200
_SHOWN = 10
_ALARMS_A_REQUEST = 100


def show(target: Target) -> None:
    """Print all of it."""
    arrivals(target)
    dead_letters(target)
    alarms(target)


def unrouted(target: Target, today: date) -> tuple[list[dict[str, Any]], int]:
    """Records of files that belong to no dataset, newest first, and how many were not read."""
    bucket = target.outputs.bucket_name
    pages = target.s3.get_paginator("list_objects_v2")
    items = [
        item
        for back in range(ARRIVAL_DAYS)
        for page in pages.paginate(
            Bucket=bucket, Prefix=f"runs/arrivals/{today - timedelta(days=back):%Y-%m-%d}/"
        )
        for item in page.get("Contents", [])
    ]
    items.sort(key=lambda item: item["LastModified"], reverse=True)
    records = [target.read_json(item["Key"]) or {} for item in items[:_READ]]
    unknown = [record for record in records if record.get("outcome") == "unknown"]
    return unknown, max(0, len(items) - _READ)


def arrivals(target: Target) -> None:
    """Print the files of the last days that belong to no dataset."""
    if not target.outputs.event_dataset_names:
        return
    heading("Arrivals that belong to no dataset")
    found, unread = unrouted(target, datetime.now(UTC).date())
    for record in found[:_SHOWN]:
        key = str(record.get("key", ""))
        where = "is still there" if _exists(target, key) else "is gone by now"
        console.print(Text(f"  {key}", style="yellow").append(f"  {where}", style="dim"))
        indented(f"{record.get('time', '')}  {record.get('reason', '')}")
        if where == "is still there":
            indented(record.get("what_to_do", ""))
    more = max(0, len(found) - _SHOWN) + unread
    if more:
        note(f"and {more:,} more under s3://{target.outputs.bucket_name}/runs/arrivals/")
    if not found and not unread:
        note(f"none in the last {ARRIVAL_DAYS} days")


def _exists(target: Target, key: str) -> bool:
    try:
        target.s3.head_object(Bucket=target.outputs.bucket_name, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
            return False
        raise
    return True


def dead_letters(target: Target) -> None:
    """Print how many events could not be delivered or processed."""
    url = target.outputs.dead_letter_queue_url
    if not url:
        return
    heading("Dead letters")
    answer = target.sqs.get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    count = int(answer["Attributes"]["ApproximateNumberOfMessages"])
    if not count:
        note("none")
        return
    console.print(Text(f"  {plural(count, 'event')} in {url}", style="red"))
    console.print(
        "  Their files wait in incoming/: make run takes them. docs/arrivals.md says more"
    )


def in_alarm(target: Target) -> Iterator[MetricAlarmTypeDef]:
    """Alarms of the deployment whose state is ALARM."""
    names = target.outputs.alarm_names
    paginator = target.cloudwatch.get_paginator("describe_alarms")
    for start in range(0, len(names), _ALARMS_A_REQUEST):
        for page in paginator.paginate(AlarmNames=names[start : start + _ALARMS_A_REQUEST]):
            yield from (alarm for alarm in page["MetricAlarms"] if alarm["StateValue"] == "ALARM")


def alarms(target: Target) -> None:
    """Print the alarms that are raised, each with its reason and its runbook."""
    names = target.outputs.alarm_names
    if not names:
        return
    heading("Alarms")
    count = 0
    for alarm in in_alarm(target):
        count += 1
        since = alarm.get("StateUpdatedTimestamp")
        when = f"  since {since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if since else ""
        console.print(Text(f"  {alarm['AlarmName']}", style="bold red").append(when, style="dim"))
        indented(alarm.get("StateReason", ""))
        _, mark, runbook = alarm.get("AlarmDescription", "").partition("Runbook:")
        if mark:
            indented(runbook.strip())
    if not count:
        note(f"none of {len(names)} is raised")
    if target.session:
        note("The local AWS evaluates them on demand only: docs/local-aws.md")
